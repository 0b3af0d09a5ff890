"""Tampering, straight in the database: each kind is found, and named by its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.facts import MONDAY, TUESDAY
from ticketing.audit import queries, service
from ticketing.audit.models import SQLITE_TRIGGERS
from ticketing.audit.rules import Act, FaultKind, canonical, entry_hash, genesis, keys_of, mac, parse_body
from ticketing.core.database import Model, db
from ticketing.core.permissions import Role, staff_actor

HANA = staff_actor(uid="u-hana", name="Hana Novak", role=Role.OFFICER, staff_id=7)
ENTRY, STREAM, PRIVATE, QUEUE, LEAF = (
    Model.metadata.tables[name] for name in ("audit_entry", "audit_stream", "audit_private", "audit_queue", "audit_leaf"))
ONE, TWO = service.case_stream("one"), service.case_stream("two")


@pytest.fixture
def trail(app):
    """Two cases of four entries each."""
    for act in (Act.CASE_RECEIVED, Act.CASE_TRIAGED, Act.CASE_ACKNOWLEDGED, Act.CASE_TAKEN):
        for stream in (ONE, TWO):
            service.record(stream, act, by=HANA, at=TUESDAY, why="Because", private={"to": "Grace"}, facts={"row": 1})
    assert queries.verify().is_whole
    return app


@contextmanager
def database_administrator() -> Iterator[Callable[[Any], Any]]:
    """Somebody who can switch the triggers off."""
    connection = db.session.connection()
    is_postgresql = connection.dialect.name == "postgresql"
    for table, triggers in SQLITE_TRIGGERS.items():
        if is_postgresql:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            continue
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger.split()[2]}")
    yield connection.execute
    connection.execute(sa.delete(QUEUE).where(QUEUE.c.entry_id.not_in(sa.select(ENTRY.c.id))))
    left = sa.select(ENTRY.c.id).where(ENTRY.c.id.not_in(sa.select(QUEUE.c.entry_id)), ENTRY.c.id.not_in(sa.select(LEAF.c.entry_id)))
    connection.execute(sa.insert(QUEUE).from_select(["entry_id"], left))  # careful: nothing looks unsealed and forgotten


def entry(stream: str, seq: int) -> Any:
    return db.session.execute(sa.select(ENTRY).where(ENTRY.c.stream == stream, ENTRY.c.seq == seq)).one()


def change(stream: str, seq: int, /, **values: Any) -> sa.Update:
    return sa.update(ENTRY).where(ENTRY.c.stream == stream, ENTRY.c.seq == seq).values(**values)


def forged(body: bytes, prev: bytes, key: bytes = b"not the key") -> dict[str, bytes]:
    """As good a row as somebody without the program's key can make."""
    hash_ = entry_hash(prev, body)
    return {"body": body, "prev": prev, "hash": hash_, "mac": mac(key, hash_)}


def edited(row: Any, **fields: Any) -> bytes:
    return canonical({**parse_body(row.body), **fields})


def faults() -> set[tuple[FaultKind, str, int | None]]:
    verdict = queries.verify()
    assert verdict.fault_count == len(verdict.faults)
    return {(fault.kind, fault.stream, fault.seq) for fault in verdict.faults}


def test_an_edited_body_is_found(trail):
    with database_administrator() as run:
        run(change(ONE, 2, body=edited(entry(ONE, 2), facts={"row": 2})))
    assert faults() == {(FaultKind.HASH, ONE, 2)}


def test_a_body_that_says_the_same_in_other_bytes_is_found(trail):
    with database_administrator() as run:
        run(change(ONE, 2, body=entry(ONE, 2).body.replace(b'","', b'", "')))
    assert (FaultKind.BODY, ONE, 2) in faults()


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_body_is_found_and_the_timeline_still_reads(trail, body):
    with database_administrator() as run:
        run(change(ONE, 2, body=body))
    assert {(FaultKind.BODY, ONE, 2), (FaultKind.HASH, ONE, 2)} <= faults()
    assert [row.act for row in queries.timeline(ONE)][2] == "case.triaged"


def test_an_edit_with_its_hash_made_anew_is_found(trail):
    row = entry(ONE, 2)
    with database_administrator() as run:
        run(change(ONE, 2, **forged(edited(row, facts={"row": 2}), row.prev)))
    assert faults() == {(FaultKind.MAC, ONE, 2), (FaultKind.LINK, ONE, 3)}


def test_a_stream_rewritten_from_an_entry_on_is_found_without_the_programs_key(trail):
    prev = entry(ONE, 1).hash
    with database_administrator() as run:
        for seq in (2, 3, 4):
            row = forged(edited(entry(ONE, seq), facts={"row": 2}), prev)
            run(change(ONE, seq, **row))
            prev = row["hash"]
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(hash=prev))
    assert faults() == {(FaultKind.MAC, ONE, seq) for seq in (2, 3, 4)}


@pytest.mark.parametrize("column", ["act", "actor_uid", "about", "recorded_at"])
def test_an_altered_column_is_found(trail, column):
    with database_administrator() as run:
        run(change(ONE, 3, **{column: MONDAY if column == "recorded_at" else "somebody"}))
    assert faults() == {(FaultKind.COLUMNS, ONE, 3)}


def test_a_back_dated_entry_is_found(trail):
    row = entry(ONE, 4)
    earlier = parse_body(row.body)["ts"] - 3_600_000_000
    with database_administrator() as run:
        run(change(ONE, 4, recorded_at=TUESDAY - timedelta(hours=1), **forged(edited(row, ts=earlier), row.prev)))
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(hash=entry(ONE, 4).hash))
    assert faults() == {(FaultKind.MAC, ONE, 4)}


def test_a_deleted_entry_is_found(trail):
    with database_administrator() as run:
        run(sa.delete(ENTRY).where(ENTRY.c.stream == ONE, ENTRY.c.seq == 2))
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid.not_in(sa.select(ENTRY.c.uid))))
    assert faults() == {(FaultKind.SEQUENCE, ONE, 3), (FaultKind.LINK, ONE, 3)}


def test_a_deleted_entry_whose_gap_was_closed_is_found(trail):
    with database_administrator() as run:
        run(sa.delete(ENTRY).where(ENTRY.c.stream == ONE, ENTRY.c.seq == 2))
        prev = entry(ONE, 1).hash
        for old, new in ((3, 2), (4, 3)):
            row = forged(edited(entry(ONE, old), seq=new), prev)
            run(change(ONE, old, seq=new, **row))
            prev = row["hash"]
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(seq=3, hash=prev))
    assert {(FaultKind.MAC, ONE, 2), (FaultKind.MAC, ONE, 3)} <= faults()


def test_a_deleted_end_is_found_by_the_head(trail):
    uid = entry(ONE, 4).uid
    with database_administrator() as run:
        run(sa.delete(ENTRY).where(ENTRY.c.uid == uid))
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == uid))
    assert faults() == {(FaultKind.HEAD, ONE, 4)}


def test_all_entries_deleted_but_the_head_is_found(trail):
    with database_administrator() as run:
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid.in_(sa.select(ENTRY.c.uid).where(ENTRY.c.stream == ONE))))
        run(sa.delete(ENTRY).where(ENTRY.c.stream == ONE))
    assert faults() == {(FaultKind.HEAD, ONE, 4)}


def test_a_deleted_head_is_found(trail):
    with database_administrator() as run:
        run(sa.delete(STREAM).where(STREAM.c.stream == ONE))
    assert faults() == {(FaultKind.HEAD, ONE, 1)}


@pytest.mark.parametrize("values", [{"seq": 3}, {"seq": 9}, {"hash": b"\0" * 32}])
def test_an_altered_head_is_found(trail, values):
    with database_administrator() as run:
        run(sa.update(STREAM).where(STREAM.c.stream == TWO).values(**values))
    assert {(kind, stream) for kind, stream, _ in faults()} == {(FaultKind.HEAD, TWO)}


def test_a_head_turned_back_to_a_real_earlier_entry_is_found(trail):
    with database_administrator() as run:
        run(sa.update(STREAM).where(STREAM.c.stream == TWO).values(seq=3, hash=entry(TWO, 3).hash))
    assert faults() == {(FaultKind.HEAD, TWO, 4)}


def test_a_forged_entry_at_the_end_is_found(trail):
    last = entry(ONE, 4)
    body = edited(last, id="f" * 32, seq=5, act="case.closed", priv={})
    with database_administrator() as run:
        run(sa.insert(ENTRY).values(
            uid="f" * 32, stream=ONE, seq=5, kid=1, act="case.closed", actor_uid="u-hana", recorded_at=TUESDAY, **forged(body, last.hash),
        ))
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(seq=5, hash=entry(ONE, 5).hash))
    assert faults() == {(FaultKind.MAC, ONE, 5)}


def test_a_key_id_that_nobody_has_is_found(trail):
    with database_administrator() as run:
        run(change(ONE, 2, kid=9))
    assert faults() == {(FaultKind.MAC, ONE, 2)}


def test_two_entries_in_each_others_place_are_found(trail):
    with database_administrator() as run:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            run(change(ONE, old, seq=new))
    found = faults()
    assert {(FaultKind.COLUMNS, ONE, 2), (FaultKind.COLUMNS, ONE, 3), (FaultKind.LINK, ONE, 2), (FaultKind.LINK, ONE, 3)} <= found
    assert {seq for _, _, seq in found} <= {2, 3, 4}


def test_two_cases_in_each_others_place_are_found(trail):
    with database_administrator() as run:
        for table in (ENTRY, STREAM):
            for old, new in ((ONE, "case:x"), (TWO, ONE), ("case:x", TWO)):
                run(sa.update(table).where(table.c.stream == old).values(stream=new))
    found = faults()
    assert {(FaultKind.COLUMNS, stream, seq) for stream in (ONE, TWO) for seq in (1, 2, 3, 4)} <= found
    assert {(FaultKind.LINK, ONE, 1), (FaultKind.LINK, TWO, 1)} <= found


def test_an_entry_moved_to_another_case_is_found(trail):
    with database_administrator() as run:
        run(change(ONE, 4, stream=TWO, seq=5))
    found = faults()
    assert {(FaultKind.COLUMNS, TWO, 5), (FaultKind.LINK, TWO, 5), (FaultKind.HEAD, ONE, 4), (FaultKind.HEAD, TWO, 5)} <= found


@pytest.mark.parametrize("values", [{"sealed": None, "value": "Somebody else"}, {"sealed": b"\0" * 60}, {"sealed": None}])
def test_an_altered_private_value_is_found(trail, values):
    uid = entry(TWO, 3).uid
    with database_administrator() as run:
        run(sa.update(PRIVATE).where(PRIVATE.c.entry_uid == uid, PRIVATE.c.field == "actor_name").values(**values))
    assert faults() == {(FaultKind.VALUE, TWO, 3)}


def test_a_private_value_added_or_moved_afterwards_is_found(trail):
    one, two = entry(ONE, 1).uid, entry(TWO, 1).uid
    with database_administrator() as run:
        run(sa.insert(PRIVATE).values(entry_uid=one, field="note", salt=b"s" * 32, value="It was never so"))
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == two, PRIVATE.c.field == "to"))
        run(sa.update(PRIVATE).where(PRIVATE.c.entry_uid == one, PRIVATE.c.field == "to").values(entry_uid=two))
    assert faults() == {(FaultKind.VALUE, ONE, 1), (FaultKind.VALUE, TWO, 1)}
    assert "the private value 'note' was added afterwards" in str(queries.verify().faults[0])


def test_a_private_value_of_no_entry_is_found(trail):
    with database_administrator() as run:
        run(sa.insert(PRIVATE).values(entry_uid="nobody", field="note", salt=b"s" * 32, value="x"))
    assert {kind for kind, _, _ in faults()} == {FaultKind.VALUE}


def test_one_stream_is_checked_alone(trail):
    with database_administrator() as run:
        run(change(ONE, 2, act="case.closed"))
    assert not queries.verify(ONE).is_whole
    verdict = queries.verify(TWO)
    assert (verdict.is_whole, verdict.entries, verdict.streams) == (True, 4, 1)


def test_an_empty_trail_is_whole_and_progress_adds_up(app):
    assert queries.verify().is_whole
    service.record_many([service.NewEntry("case:long", Act.CASE_TAKEN)] * 1_201, by=HANA, at=TUESDAY)
    steps: list[int] = []
    assert queries.verify(progress=steps.append).entries == sum(steps) == queries.entry_count() == 1_201
    assert len(steps) > 1


def test_another_installations_trail_cannot_be_judged(trail):
    trail.config["SECRET_KEY"] = "another" * 8
    verdict = queries.verify()
    assert (verdict.is_foreign, verdict.is_whole) == (True, False)


def test_many_faults_are_counted_but_not_all_kept(app):
    service.record_many([service.NewEntry("case:long", Act.CASE_TAKEN)] * 300, by=HANA, at=TUESDAY)
    with database_administrator() as run:
        run(sa.update(ENTRY).values(act="case.held"))
    verdict = queries.verify()
    assert (verdict.fault_count, len(verdict.faults)) == (300, 200)


def test_a_program_with_the_key_leaves_no_fault(trail):
    """The same forgery with the program's own key passes: that is what checkpoints outside the database are for."""
    keys = keys_of("", trail.config["SECRET_KEY"])
    row = entry(ONE, 4)
    with database_administrator() as run:
        run(change(ONE, 4, **forged(edited(row, facts={"row": 2}), row.prev, keys.macs[1])))
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(hash=entry(ONE, 4).hash))
    assert entry(ONE, 1).prev == genesis(keys.log_id, ONE)
    assert faults() == set()
