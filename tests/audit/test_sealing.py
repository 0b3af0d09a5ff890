"""Sealing, and every attempt on what is sealed: found, and named by its place, even where the attacker holds database and keys."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.audit.test_queries import ENTRY, HANA, ONE, PRIVATE, STREAM, TWO, change, database_administrator, edited, entry
from tests.facts import MONDAY, TUESDAY
from ticketing.audit import jobs, queries, service
from ticketing.audit.queries import Evidence
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.rules import Act, FaultKind, entry_hash, genesis, mac
from ticketing.audit.rules.notes import Checkpoint, SealKey
from ticketing.audit.rules.tree import Frontier, leaf_hash
from ticketing.core.database import Model, atomic, db, is_postgresql
from ticketing.core.origin import at_a_given_moment

LEAF, CHECKPOINT, QUEUE, KEY = (
    Model.metadata.tables[name] for name in ("audit_leaf", "audit_checkpoint", "audit_queue", "audit_key"))
SECOND = timedelta(seconds=1)
EARLY, LATER = TUESDAY + 10 * SECOND, TUESDAY + 20 * SECOND


def act(stream: str, kind: Act, at: Any = TUESDAY) -> None:
    service.record(stream, kind, by=HANA, at=at, why="Because", private={"to": "Grace"}, facts={"row": 1})


@pytest.fixture
def folder(tmp_path) -> Any:
    return tmp_path / "checkpoints"


@pytest.fixture
def sealed(app, folder):
    """Two cases of four entries each and the sealer's own, under two checkpoints, exported; then one entry that nobody sealed yet."""
    for kind in (Act.CASE_RECEIVED, Act.CASE_TRIAGED):
        for stream in (ONE, TWO):
            act(stream, kind)
    jobs.seal(EARLY, folder)
    for kind in (Act.CASE_ACKNOWLEDGED, Act.CASE_TAKEN):
        for stream in (ONE, TWO):
            act(stream, kind, EARLY + SECOND)
    jobs.seal(LATER, folder)
    assert found(folder) == []
    return app


def evidence(folder: Any, receipts: Any = ()) -> Evidence:
    notes, known = jobs.read_folder(folder)
    return Evidence(notes, known, receipts)


def verdict(folder: Any) -> Any:
    return queries.verify(evidence=evidence(folder))


def found(folder: Any) -> list[tuple[FaultKind, str, int | None]]:
    return [(fault.kind, fault.stream, fault.seq) for fault in verdict(folder).faults]


def words(folder: Any) -> str:
    return "\n".join(str(fault) for fault in verdict(folder).faults)


# --- the sealer ---


def test_what_is_recorded_is_sealed_signed_and_exported(sealed, folder):
    seals = queries.seals()
    assert (seals.number, seals.size, seals.waiting, seals.sealed_at) == (2, 9, 0, LATER)  # the ninth names the key that signs
    assert sorted(path.name for path in folder.iterdir()) == ["000000001.note", "000000002.note", "keys.txt"]
    leaves = [leaf_hash(row.hash) for row in db.session.execute(
        sa.select(ENTRY.c.hash).join(LEAF, LEAF.c.entry_id == ENTRY.c.id).order_by(LEAF.c.idx))]
    assert Frontier().extend(leaves).root.hex() == seals.root
    outcome = verdict(folder)
    assert (outcome.sealed, outcome.waiting, outcome.checkpoints, outcome.notes) == (9, 0, 2, 2)


def test_with_nothing_to_seal_a_sign_of_life_comes_every_quarter_of_an_hour(sealed, folder):
    jobs.seal(LATER + timedelta(minutes=14), folder)
    assert queries.seals().number == 2
    jobs.seal(LATER + timedelta(minutes=15), folder)
    assert (queries.seals().number, queries.seals().size) == (3, 9)
    assert found(folder) == []


def test_a_process_without_the_key_seals_nothing(sealed, folder):
    sealed.config["REDRESS_ENV"] = "production"
    act(ONE, Act.CASE_CLOSED, LATER)
    assert jobs.seal(LATER + SECOND, folder).total == 0
    assert queries.seals().waiting == 1


def test_an_entry_the_program_did_not_write_is_never_sealed(sealed, folder):
    act(ONE, Act.CASE_CLOSED, LATER)
    with database_administrator() as run:
        run(change(ONE, 5, mac=b"x" * 32))
    db.session.commit()
    assert jobs.seal(LATER + SECOND, folder).outcomes == {"refused_mac": 1}
    assert queries.seals().waiting == 1


def test_a_new_seal_key_is_named_in_the_trail_and_both_keys_verify(sealed, folder, tmp_path):
    path = tmp_path / "seal.key"
    path.write_text("".join(f"{line}\n" for line in ("# old and new", *(_base64(seed) for seed in (b"o" * 32, b"n" * 32)))))
    sealed.config["AUDIT_SEAL_KEY_FILE"] = str(path)
    jobs.seal(LATER + timedelta(minutes=1), folder)
    assert found(folder) == []
    assert len((folder / "keys.txt").read_text().splitlines()) == 3
    named = [row for row in queries.timeline(service.ADMIN_STREAM) if row.act == Act.SEAL_KEY_NAMED]
    assert len(named) == 3


def _base64(seed: bytes) -> str:
    return base64.b64encode(seed).decode()


# --- what an attacker can do with the database and every key of the web program ---


def rewrite(stream: str, since: int, run: Callable[[Any], Any], **fields: Any) -> None:
    """Entry `since` changed, and it and all after it made anew with the program's own key: the best forgery there is."""
    keys = log_keys()
    prev = entry(stream, since).prev
    seq = since
    while row := db.session.execute(sa.select(ENTRY).where(ENTRY.c.stream == stream, ENTRY.c.seq == seq)).one_or_none():
        body = edited(row, **fields) if seq == since else row.body
        hash_ = entry_hash(prev, body)
        run(change(stream, seq, body=body, prev=prev, hash=hash_, mac=mac(keys.macs[1], hash_)))
        prev, seq = hash_, seq + 1
    run(sa.update(STREAM).where(STREAM.c.stream == stream).values(seq=seq - 1, hash=prev))


def resign(signing: list[SealKey], run: Callable[[Any], Any]) -> None:
    """The tree and its checkpoints made anew over what now stands in the database."""
    rows = db.session.execute(sa.select(LEAF.c.idx, ENTRY.c.hash).join(ENTRY, ENTRY.c.id == LEAF.c.entry_id).order_by(LEAF.c.idx)).all()
    for row in rows:
        run(sa.update(LEAF).where(LEAF.c.idx == row.idx).values(leaf=leaf_hash(row.hash)))
    for row in db.session.execute(sa.select(CHECKPOINT).order_by(CHECKPOINT.c.number)).all():
        tree = Frontier().extend(leaf_hash(item.hash) for item in rows[: row.size])
        note = Checkpoint(log_keys().log_id, row.size, tree.root, row.sealed_at).signed(signing)
        run(sa.update(CHECKPOINT).where(CHECKPOINT.c.number == row.number).values(root=tree.root, peaks=tree.packed, note=note))


def test_sealed_entries_rewritten_with_the_programs_own_key_are_found(sealed, folder):
    with database_administrator() as run:
        rewrite(ONE, 2, run, facts={"row": 2})
    assert set(found(folder)) == {(FaultKind.LEAF, ONE, seq) for seq in (2, 3, 4)}
    assert "it is not the entry that was sealed" in words(folder)


def test_a_tree_made_anew_over_them_does_not_fit_its_checkpoints(sealed, folder):
    with database_administrator() as run:
        rewrite(ONE, 2, run, facts={"row": 2})
        for row in db.session.execute(sa.select(LEAF.c.idx, ENTRY.c.hash).join(ENTRY, ENTRY.c.id == LEAF.c.entry_id)).all():
            run(sa.update(LEAF).where(LEAF.c.idx == row.idx).values(leaf=leaf_hash(row.hash)))
    assert {FaultKind.CHECKPOINT, FaultKind.EXPORT} == {kind for kind, _, _ in found(folder)}
    assert "sealed entries were changed or moved" in words(folder)


def test_checkpoints_signed_anew_with_the_stolen_key_do_not_fit_the_notes_outside(sealed, folder):
    with database_administrator() as run:
        rewrite(ONE, 2, run, facts={"row": 2})
        resign(list(queries.seal_keys()), run)
    assert {kind for kind, _, _ in found(folder)} == {FaultKind.EXPORT}
    assert "are not those it sealed" in words(folder)


def test_checkpoints_signed_with_another_key_are_found(sealed, folder):
    with database_administrator() as run:
        resign([SealKey(b"x" * 32)], run)
    assert (FaultKind.CHECKPOINT, "the tree", None) in found(folder)
    assert "is not signed by a key of the sealer" in words(folder)


def test_the_end_of_a_case_that_was_sealed_cannot_vanish(sealed, folder):
    with database_administrator() as run:
        gone = entry(ONE, 4)
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == gone.uid))
        run(sa.delete(ENTRY).where(ENTRY.c.uid == gone.uid))
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(seq=3, hash=entry(ONE, 3).hash))
    assert "is sealed, but its entry is gone" in words(folder)


def test_a_whole_case_cannot_vanish(sealed, folder):
    with database_administrator() as run:
        uids = sa.select(ENTRY.c.uid).where(ENTRY.c.stream == ONE)
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid.in_(uids)))
        for table in (ENTRY, STREAM, KEY):
            run(sa.delete(table).where(table.c.stream == ONE))
    assert words(folder).count("is sealed, but its entry is gone") == 4


def test_a_table_emptied_by_its_owner_with_the_triggers_off_is_found_entry_by_entry(sealed, folder):
    with database_administrator() as run:
        run(sa.text("TRUNCATE audit_entry") if is_postgresql() else sa.delete(ENTRY))
    assert words(folder).count("is sealed, but its entry is gone") == 9
    assert {stream for kind, stream, _ in found(folder) if kind is FaultKind.HEAD} == {ONE, TWO, service.ADMIN_STREAM}


def test_a_whole_trail_emptied_with_the_triggers_off_is_found_by_the_notes_outside(sealed, folder):
    with database_administrator() as run:
        for table in (ENTRY, STREAM, PRIVATE, KEY, QUEUE, LEAF, CHECKPOINT):
            run(sa.text(f"TRUNCATE {table.name}") if is_postgresql() and table is not KEY else sa.delete(table))
    assert [(kind, stream) for kind, stream, _ in found(folder)] == [
        (FaultKind.EXPORT, f"the note 00000000{number}.note") for number in (1, 1, 2, 2)]
    assert "more than the database holds" in words(folder)
    assert queries.verify().is_whole, "an empty trail is whole to whoever has no note of it"


def test_two_whole_cases_in_each_others_place_are_found_with_every_key_at_hand(sealed, folder):
    """Each entry made anew under the other's name: only the tree tells."""
    with database_administrator() as run:
        for table in (ENTRY, STREAM, KEY):
            for old, new in ((ONE, "case:x"), (TWO, ONE), ("case:x", TWO)):
                run(sa.update(table).where(table.c.stream == old).values(stream=new))
        keys = log_keys()
        for stream in (ONE, TWO):
            prev = genesis(keys.log_id, stream)
            for seq in (1, 2, 3, 4):
                body = edited(entry(stream, seq), stream=stream)
                hash_ = entry_hash(prev, body)
                run(change(stream, seq, body=body, prev=prev, hash=hash_, mac=mac(keys.macs[1], hash_)))
                prev = hash_
            run(sa.update(STREAM).where(STREAM.c.stream == stream).values(hash=prev))
    places = {(stream, seq) for kind, stream, seq in found(folder) if kind is FaultKind.LEAF}
    assert {(stream, seq) for stream in (ONE, TWO) for seq in (1, 2, 3, 4)} <= places


def test_leaves_in_each_others_place_are_found(sealed, folder):
    with database_administrator() as run:
        for old, new in ((1, 99), (2, 1), (99, 2)):
            run(sa.update(LEAF).where(LEAF.c.idx == old).values(idx=new))
    assert "does not fit the tree" in words(folder)


def test_a_missing_leaf_is_found(sealed, folder):
    with database_administrator() as run:
        run(sa.delete(LEAF).where(LEAF.c.idx == 3))
        run(sa.insert(QUEUE).from_select(["entry_id"], sa.select(ENTRY.c.id).where(ENTRY.c.id.not_in(sa.select(LEAF.c.entry_id)))))
    assert "leaf 3 of the tree is missing" in words(folder)


def test_an_entry_taken_out_of_the_queue_is_found(sealed, folder):
    act(ONE, Act.CASE_CLOSED, LATER)
    db.session.connection().execute(sa.delete(QUEUE))
    assert found(folder) == [(FaultKind.LEAF, ONE, 5)]
    assert "neither sealed nor waiting" in words(folder)


def test_checkpoints_deleted_from_the_database_are_found_by_the_notes_outside(sealed, folder):
    with database_administrator() as run:
        run(sa.delete(CHECKPOINT))
    assert words(folder).count("the database no longer holds this checkpoint") == 2


@pytest.mark.parametrize("number", [1, 2])
def test_one_checkpoint_deleted_is_found(sealed, folder, number):
    jobs.seal(LATER + timedelta(hours=1), folder)
    with database_administrator() as run:
        run(sa.delete(CHECKPOINT).where(CHECKPOINT.c.number == number))
    assert (FaultKind.EXPORT, f"the note 00000000{number}.note", None) in found(folder)
    assert "is missing" in words(folder)


def test_a_database_set_back_to_a_backup_is_found(sealed, folder):
    """What stood in every table of the trail before the last two entries were sealed."""
    with database_administrator() as run:
        first = db.session.execute(sa.select(CHECKPOINT.c.size).where(CHECKPOINT.c.number == 1)).scalar_one()
        kept = sa.select(LEAF.c.entry_id).where(LEAF.c.idx < first)
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid.in_(sa.select(ENTRY.c.uid).where(ENTRY.c.id.not_in(kept)))))
        run(sa.delete(ENTRY).where(ENTRY.c.id.not_in(kept)))
        run(sa.delete(LEAF).where(LEAF.c.idx >= first))
        run(sa.delete(CHECKPOINT).where(CHECKPOINT.c.number == 2))
        for stream in db.session.scalars(sa.select(STREAM.c.stream)).all():
            last = db.session.execute(sa.select(ENTRY).where(ENTRY.c.stream == stream).order_by(ENTRY.c.seq.desc()).limit(1)).one()
            run(sa.update(STREAM).where(STREAM.c.stream == stream).values(seq=last.seq, hash=last.hash))
    assert {(kind, stream) for kind, stream, _ in found(folder)} == {(FaultKind.EXPORT, "the note 000000002.note")}
    assert "set back to an earlier copy" in words(folder)
    assert queries.verify().is_whole, "without the notes outside nobody could know"


def test_a_note_changed_outside_is_found(sealed, folder):
    path = folder / "000000001.note"
    path.write_text(path.read_text().replace("\n5\n", "\n4\n"))
    assert found(folder) == [(FaultKind.EXPORT, "the note 000000001.note", None)]


@pytest.mark.parametrize(("moment", "what"), [(MONDAY, "though sealed after"), (LATER + timedelta(hours=3), "after it was sealed")])
def test_a_moment_that_the_program_lied_about_is_found_once_it_is_sealed(sealed, folder, moment, what):
    act(ONE, Act.CASE_CLOSED, moment)
    jobs.seal(LATER + SECOND, folder)
    assert found(folder) == [(FaultKind.WINDOW, ONE, 5)]
    assert what in words(folder)


def test_an_entry_that_says_its_moment_was_named_is_counted_instead(sealed, folder):
    with at_a_given_moment("demo"):
        act(ONE, Act.CASE_CLOSED, MONDAY)
    jobs.seal(LATER + SECOND, folder)
    outcome = verdict(folder)
    assert (outcome.faults, outcome.given) == ([], 1)


def test_a_tail_cut_before_its_first_checkpoint_is_found_by_the_receipts_only(sealed, folder):
    """The window that docs/audit.md states: what no checkpoint covers yet, with the database and the program's own key."""
    act(ONE, Act.CASE_CLOSED, LATER)
    row = entry(ONE, 5)
    with database_administrator() as run:
        run(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == row.uid))
        run(sa.delete(ENTRY).where(ENTRY.c.uid == row.uid))
        run(sa.update(STREAM).where(STREAM.c.stream == ONE).values(seq=4, hash=entry(ONE, 4).hash))
    assert found(folder) == []
    outcome = queries.verify(evidence=evidence(folder, ((ONE, 5, row.hash.hex()[:32]),)))
    assert [(fault.kind, fault.stream, fault.seq) for fault in outcome.faults] == [(FaultKind.RECEIPT, ONE, 5)]


# --- private values ---


def test_a_private_value_that_vanished_is_told_from_one_that_was_erased(sealed, folder):
    db.session.connection().execute(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == entry(TWO, 2).uid, PRIVATE.c.field == "to"))
    db.session.commit()
    assert service.erase_values(ONE, "withdrawn", by=HANA, at=LATER, asked_by_uid="u-tom") == 8
    jobs.seal(LATER + SECOND, folder)
    assert found(folder) == [(FaultKind.VALUE, TWO, 2)]
    assert "is gone, and no entry says that it was erased" in words(folder)
    assert verdict(folder).erased == 8


def test_erased_values_can_be_told_by_no_copy_but_who_acted_can(sealed, folder):
    before = db.session.execute(sa.select(KEY).where(KEY.c.stream == ONE)).one()
    service.erase_values(ONE, "withdrawn", by=HANA, at=LATER, asked_by_uid="u-tom")
    after = db.session.execute(sa.select(KEY).where(KEY.c.stream == ONE)).one()
    assert after.wrapped != before.wrapped
    rows = queries.timeline(ONE)
    assert {row.actor_name for row in rows} == {"Hana Novak"}
    assert all(not row.private and not row.why for row in rows[1:])
    assert rows[1].erased == {"to", "why"}
    assert rows[0].facts["count"] == 8
    assert rows[0].facts["asked_by"] == "u-tom"


def test_values_taken_after_an_erasure_are_not_excused_by_it(sealed, folder):
    service.erase_values(ONE, "withdrawn", by=HANA, at=LATER, asked_by_uid="u-tom")
    act(ONE, Act.CASE_CLOSED, LATER)
    db.session.connection().execute(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == entry(ONE, 6).uid, PRIVATE.c.field == "to"))
    db.session.connection().execute(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == entry(ONE, 1).uid, PRIVATE.c.field == "actor_name"))
    assert found(folder) == [(FaultKind.VALUE, ONE, 1), (FaultKind.VALUE, ONE, 6)]


def test_an_erasure_does_not_excuse_what_the_same_verb_recorded_before_it(sealed, folder):
    """It reaches as far as it says: the entry between is past its `up_to`, though it stands before it in the chain."""
    @atomic
    def close_and_erase() -> None:
        act(ONE, Act.CASE_CLOSED, LATER)
        service.erase_values(ONE, "withdrawn", by=HANA, at=LATER, asked_by_uid="u-tom")

    close_and_erase()
    assert found(folder) == []
    db.session.connection().execute(sa.delete(PRIVATE).where(PRIVATE.c.entry_uid == entry(ONE, 5).uid, PRIVATE.c.field == "to"))
    assert entry(ONE, 6).act == Act.VALUES_ERASED.value
    assert found(folder) == [(FaultKind.VALUE, ONE, 5)]


def test_a_destroyed_data_key_is_found(sealed, folder):
    db.session.connection().execute(sa.delete(KEY).where(KEY.c.stream == ONE))
    assert {(kind, stream) for kind, stream, _ in found(folder)} == {(FaultKind.VALUE, ONE)}
    assert "cannot be opened" in words(folder)


def test_a_rotation_wraps_every_data_key_anew_and_all_still_reads(sealed, folder):
    old = f"1:{sealed.config['SECRET_KEY'].encode().hex()}"
    sealed.config["AUDIT_KEYS"] = f"{old},2:{'22' * 32}"
    act(ONE, Act.CASE_CLOSED, LATER)
    assert service.rotate_keys(by=HANA, at=LATER) > 0
    assert service.rotate_keys(by=HANA, at=LATER) == 0
    assert set(db.session.scalars(sa.select(KEY.c.kid))) == {2}
    assert {row.why for row in queries.timeline(ONE)} == {"Because"}
    assert set(db.session.scalars(sa.select(ENTRY.c.kid))) == {1, 2}
    jobs.seal(LATER + SECOND, folder)
    assert found(folder) == []
    sealed.config["AUDIT_KEYS"] = f"2:{'22' * 32}"
    assert queries.verify().is_foreign or not queries.verify().is_whole


def test_values_from_before_there_was_encryption_read_verify_and_can_be_locked(app, folder):
    act(ONE, Act.CASE_RECEIVED)
    with database_administrator() as run:
        for item in queries.values_of_stream(ONE):
            run(sa.update(PRIVATE).where(PRIVATE.c.entry_uid == item.entry_uid, PRIVATE.c.field == item.field).values(
                salt=item.salt, value=item.value, sealed=None))
        run(sa.delete(KEY))
    db.session.commit()
    assert queries.verify().is_whole
    assert service.lock_values(by=HANA, at=TUESDAY) == 3
    assert service.lock_values(by=HANA, at=TUESDAY) == 0
    [row] = queries.timeline(ONE)
    assert (row.why, row.actor_name, row.private) == ("Because", "Hana Novak", {"to": "Grace"})
    assert FaultKind.VALUE not in {fault.kind for fault in queries.verify().faults}
    assert set(db.session.scalars(sa.select(PRIVATE.c.value))) == {""}


def test_nothing_private_lies_open_in_the_database(sealed):
    for table in Model.metadata.tables.values():
        if table.name.startswith("audit_"):
            for row in db.session.execute(sa.select(table)):
                assert not any(word in repr(tuple(row)) for word in ("Grace", "Because", "Hana", "Novak"))
