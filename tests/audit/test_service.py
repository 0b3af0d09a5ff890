"""Recording: in the verb's own transaction, in order, erasable where personal, and never skipped."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
import sqlalchemy as sa

from tests.facts import MONDAY, TUESDAY
from tests.probes import Injected, assert_all_or_nothing, count_queries, failing_at
from ticketing.audit import queries, service
from ticketing.audit.rules import Act, NewEntry
from ticketing.codes.models import Site
from ticketing.core.database import atomic, db, is_postgresql, savepoint
from ticketing.core.errors import Unaudited
from ticketing.core.permissions import Role, machine, staff_actor

HANA = staff_actor(uid="u-hana", name="Hana Novak", role=Role.OFFICER, staff_id=7)
CASE = service.case_stream("26-7KQ4-M2XR-9C")


def a_site() -> Site:
    return Site(code="north", name="North Site", zone="Europe/London", pack="england-nhs", calendar="england", is_active=True)


def take(seq_stream: str = CASE) -> None:
    service.record(seq_stream, Act.CASE_TAKEN, by=HANA, at=TUESDAY)


# --- what is recorded ---


def test_an_entry_reads_back_as_it_was_recorded(app):
    service.record(
        CASE, Act.CASE_ASSIGNED, by=HANA, at=TUESDAY, occurred_at=MONDAY, why="She knows the ward", change={"team": (None, "north")},
        facts={"is_urgent": True, "count": 3, "due": TUESDAY}, private={"to": "Zoë O’Neill"}, is_new=True,
    )
    (row,) = queries.timeline(CASE)
    assert (row.seq, row.act, row.recorded_at, row.occurred_at) == (1, Act.CASE_ASSIGNED, TUESDAY, MONDAY)
    assert (row.actor_uid, row.actor_name, row.kind, row.role) == ("u-hana", "Hana Novak", "officer", "officer")
    assert row.why == "She knows the ward"
    assert row.change == {"team": (None, "north")}
    assert row.facts == {"is_urgent": True, "count": 3, "due": TUESDAY.isoformat()}
    assert row.private == {"to": "Zoë O’Neill"}
    assert row.erased == frozenset()


def test_the_timeline_is_newest_first_and_goes_on_after_the_last_shown(app):
    for _ in range(5):
        take()
    assert [row.seq for row in queries.timeline(CASE, limit=2)] == [5, 4]
    assert [row.seq for row in queries.timeline(CASE, limit=2, after=4)] == [3, 2]
    assert queries.timeline(service.case_stream("other")) == ()


def test_a_timeline_costs_the_same_queries_however_long(app):
    take()
    with count_queries() as one:
        queries.timeline(CASE)
    service.record_many([NewEntry(CASE, Act.CASE_TAKEN)] * 49, by=HANA, at=TUESDAY)
    with count_queries() as fifty:
        assert len(queries.timeline(CASE)) == 50
    assert len(one) == len(fifty) == 2


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a" * 100_000, "‮רע", "'; DROP TABLE audit_entry; --", "\\u0000", "𝔘\U0010ffff"])
def test_any_text_can_be_recorded(app, text):
    service.record(CASE, Act.CASE_NOTE_ADDED, by=HANA, at=TUESDAY, why=text, private={"note": text}, facts={"code": text})
    assert queries.verify().is_whole
    (row,) = queries.timeline(CASE)
    assert row.private["note"] == text.replace("\x00", "�").replace("\ud800", "�")


def test_a_machine_has_no_role(app):
    service.record(CASE, Act.CASE_BREACHED, by=machine("sweep"), at=TUESDAY)
    (row,) = queries.timeline(CASE)
    assert (row.kind, row.role, row.actor_uid) == ("machine", None, "job:sweep")


def test_opening_a_case_is_noted_on_the_readers_own_stream(app):
    service.record_read("26-7KQ4-M2XR-9C", by=HANA, at=TUESDAY)
    assert queries.timeline(CASE) == ()
    (row,) = queries.timeline(service.reads_stream("u-hana"))
    assert queries.entries_about(CASE) == (row,)


# --- many at once ---


def test_many_entries_cost_a_handful_of_statements(app):
    entries = [NewEntry(f"case:{number}", Act.CASE_IMPORTED, facts={"row": number}, is_new=True) for number in range(1_200)]
    with count_queries() as sent:
        service.record_many(entries, by=HANA, at=TUESDAY)
    assert len(sent) == 4  # entries, values, data keys, heads
    verdict = queries.verify()
    assert (verdict.is_whole, verdict.streams, verdict.entries) == (True, 1_200, 1_200)


def test_many_entries_of_old_and_new_streams_keep_their_order(app):
    take()
    service.record_many([
        NewEntry(CASE, Act.CASE_TRIAGED), NewEntry("case:new", Act.CASE_RECEIVED), NewEntry(CASE, Act.CASE_HELD),
        NewEntry("case:sure", Act.CASE_RECEIVED, is_new=True), NewEntry("case:sure", Act.CASE_TAKEN, is_new=True),
    ], by=HANA, at=TUESDAY)
    assert [row.act for row in queries.timeline(CASE)] == ["case.held", "case.triaged", "case.taken"]
    assert [row.seq for row in queries.timeline("case:sure")] == [2, 1]
    take("case:new")
    assert queries.verify().is_whole


def test_nothing_to_record_is_no_entry(app):
    @atomic
    def verb() -> None:
        db.session.add(a_site())
        service.record_many([], by=HANA, at=TUESDAY)

    with pytest.raises(Unaudited):
        verb()


# --- in one transaction with the deed ---


def test_an_entry_and_its_deed_come_and_go_together(app):
    @atomic
    def verb() -> None:
        db.session.add(a_site())
        db.session.flush()
        service.record("admin", Act.ORGANISATION_CHANGED, by=HANA, at=TUESDAY, private={"note": "x"})

    assert assert_all_or_nothing(verb) >= 4


def test_a_verb_that_fails_after_recording_leaves_no_entry(app):
    @atomic
    def verb() -> None:
        take()
        raise Injected

    take()
    with pytest.raises(Injected):
        verb()
    assert queries.entry_count(CASE) == 1
    assert queries.verify().is_whole


def test_recording_that_fails_halfway_leaves_no_head_without_its_entry(app):
    for number in (1, 2, 3, 4):
        with pytest.raises(Injected), failing_at(number):
            service.record("case:fresh", Act.CASE_TAKEN, by=HANA, at=TUESDAY)
    assert queries.entry_count() == 0
    assert queries.verify().is_whole


@pytest.mark.parametrize("stream", ["case:hot", "case:own"])
def test_many_writers_make_one_unbroken_chain(committing_app, stream):
    def write(worker: int) -> None:
        with committing_app.app_context():
            for _ in range(6):
                take(stream if stream == "case:hot" else f"{stream}{worker}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    verdict = queries.verify()
    assert (verdict.faults, verdict.entries) == ([], 24)


def test_two_batches_over_the_same_streams_do_not_lock_each_other_out(committing_app):
    streams = [f"case:{number}" for number in range(30)]

    def write(backwards: bool) -> None:
        with committing_app.app_context():
            for _ in range(4):
                ordered = reversed(streams) if backwards else streams
                service.record_many([NewEntry(stream, Act.CASE_TAKEN) for stream in ordered], by=HANA, at=TUESDAY)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [True, False]))
    verdict = queries.verify()
    assert (verdict.faults, verdict.entries) == ([], 240)


# --- no state without an entry: by trying ---


def test_a_flush_outside_a_verb_is_refused(app):
    db.session.add(a_site())
    with pytest.raises(Unaudited, match="outside a verb"):
        db.session.flush()


def test_a_bulk_update_outside_a_verb_is_refused(app):
    with pytest.raises(Unaudited, match="outside a verb"):
        db.session.execute(sa.update(Site).values(name="Elsewhere"))


@pytest.mark.parametrize("change", [
    lambda: db.session.add(a_site()),
    lambda: db.session.execute(sa.insert(Site).values(**{k: v for k, v in vars(a_site()).items() if not k.startswith("_")})),
    lambda: db.session.execute(sa.update(Site).values(name="Elsewhere")),
    lambda: db.session.execute(sa.delete(Site)),
])
def test_a_verb_that_records_nothing_is_refused_and_changes_nothing(app, change):
    @atomic
    def verb() -> None:
        change()

    with pytest.raises(Unaudited, match="without a trail entry"):
        verb()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Site)) == 0


def test_a_change_left_over_from_before_is_refused(app):
    db.session.add(a_site())
    with pytest.raises(Unaudited, match="outside a verb"):
        take()
    db.session.rollback()


def test_a_verb_that_records_may_change_the_same_things(app):
    @atomic
    def verb() -> None:
        db.session.add(a_site())
        service.record("admin", Act.ORGANISATION_CHANGED, by=HANA, at=TUESDAY)

    verb()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Site)) == 1


# --- written last, all together ---


def test_what_fails_in_a_savepoint_leaves_no_entry_and_no_excuse(app):
    @atomic
    def verb() -> None:
        with suppress(Injected), savepoint():
            db.session.add(a_site())
            take("case:fails")
            raise Injected
        take("case:stays")

    verb()
    assert (queries.entry_count("case:fails"), queries.entry_count("case:stays")) == (0, 1)


def test_an_entry_of_a_failed_savepoint_does_not_vouch_for_what_stays(app):
    @atomic
    def verb() -> None:
        db.session.add(a_site())
        db.session.flush()
        with suppress(Injected), savepoint():
            take("case:fails")
            raise Injected

    with pytest.raises(Unaudited):
        verb()


def test_a_verb_writes_all_its_entries_with_as_many_statements_as_one(app):
    take("case:one")
    take("case:two")

    @atomic
    def verb() -> None:
        for stream in ("case:two", "case:one", "case:two"):
            take(stream)

    with count_queries() as single:
        take("case:one")
    with count_queries() as three:
        verb()
    assert len(three) <= len(single) + 1  # which of the heads exist
    assert queries.verify().is_whole


@pytest.mark.parametrize("streams", [("case:a", "case:b"), ("case:a", "case:B"), ("case:a-1", "case:a1")])
def test_verbs_that_record_in_opposite_orders_do_not_lock_each_other_out(committing_app, streams):
    """Each waits until the other has recorded too: had the first head been locked by then, neither could ever go on."""
    for stream in streams:
        take(stream)
    both = Barrier(2)

    def write(order: Sequence[str]) -> None:
        with committing_app.app_context():
            @atomic
            def verb() -> None:
                for stream in order:
                    take(stream)
                    if not is_sqlite:
                        both.wait(timeout=20)

            verb()

    is_sqlite = db.engine.dialect.name == "sqlite"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [streams, streams[::-1]]))
    verdict = queries.verify()
    assert (verdict.faults, verdict.entries) == ([], 6)


def test_heads_are_locked_in_the_order_of_their_bytes_in_one_statement(app):
    service.record_many([NewEntry(f"case:{name}", Act.CASE_TAKEN) for name in "aBcD"], by=HANA, at=TUESDAY)
    with count_queries() as sent:
        service.record_many([NewEntry(f"case:{name}", Act.CASE_TAKEN) for name in "cBaD"], by=HANA, at=TUESDAY)
    locking = [text for text in sent.sent if "ORDER BY" in text and "audit_stream" in text]
    assert len(locking) == 1
    if db.engine.dialect.name == "postgresql":
        assert 'COLLATE "C" FOR UPDATE' in " ".join(locking[0].split())


def test_a_verb_that_waits_for_a_head_holds_only_the_heads_before_it(committing_app):
    """The order in which heads are locked, as the database sees it: what comes later in the alphabet is still free."""
    if not is_postgresql():
        pytest.skip("SQLite has one writer at a time")
    for name in "cba":  # not as the alphabet has them, so that the order of the table is not the order of the lock
        take(f"case:{name}")
    db.session.rollback()

    def write() -> None:
        with committing_app.app_context():
            service.record_many([NewEntry(f"case:{name}", Act.CASE_TAKEN) for name in "cab"], by=HANA, at=TUESDAY)

    with db.engine.connect() as holder, db.engine.connect() as onlooker, ThreadPoolExecutor(1) as pool:
        holder.exec_driver_sql("SELECT 1 FROM audit_stream WHERE stream = 'case:b' FOR UPDATE")
        writing = pool.submit(write)
        free = _free_heads(onlooker)
        holder.rollback()
        writing.result(timeout=20)
    assert free == {"case:c"}
    assert queries.verify().is_whole


def _free_heads(onlooker: sa.Connection) -> set[str]:
    """Which heads nobody holds, once somebody waits for one."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(400):
        if onlooker.exec_driver_sql(waits).scalar():
            free = set(onlooker.exec_driver_sql("SELECT stream FROM audit_stream FOR UPDATE SKIP LOCKED").scalars())
            onlooker.rollback()
            return free
        onlooker.rollback()
        onlooker.exec_driver_sql("SELECT pg_sleep(0.02)")
    raise AssertionError("nobody waits")
