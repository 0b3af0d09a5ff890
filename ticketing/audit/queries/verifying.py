"""Is the trail whole?  Every entry, link, head and private value, the tree, and what is kept outside the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ticketing.audit.models import AuditCheckpoint, AuditLeaf, AuditQueue, AuditStream
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.queries.reading import ENTRIES, PRIVATE, STORED, values_of
from ticketing.audit.rules import (
    CheckpointRow,
    Fault,
    FaultKind,
    LeafRow,
    StoredEntry,
    TreeWalk,
    Verdict,
    Walk,
    check_head,
    check_notes,
)
from ticketing.audit.rules.notes import Verifier
from ticketing.audit.rules.sealed import GIVEN
from ticketing.core.database import Model, db, is_postgresql

STREAMS, QUEUE, LEAVES, CHECKPOINTS = (
    Model.metadata.tables[kind.__tablename__] for kind in (AuditStream, AuditQueue, AuditLeaf, AuditCheckpoint))
CHUNK = 500
Told = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept outside the database: the exported notes by file name, the keys that sign them, receipts from the logs."""

    notes: Mapping[str, str] = field(default_factory=dict)
    verifiers: Sequence[Verifier] = ()
    receipts: Sequence[tuple[str, int, str]] = ()


def verify(stream: str | None = None, progress: Told | None = None, evidence: Evidence | None = None) -> Verdict:
    """Check one stream or the whole trail; `progress` is told how many more entries are done.

    Safe while others write: each check is one statement, and so sees one moment.
    """
    verdict = Verdict()
    _walk(stream, verdict, progress)
    for fault in (*_faults_of_heads(stream), *_entries_past_heads(stream)):
        verdict.found(fault)
    if stream is None:
        _check_the_whole(verdict, evidence or Evidence())
    return verdict


def _walk(stream: str | None, verdict: Verdict, progress: Told | None) -> None:
    walk = Walk(log_keys(), verdict)
    query = sa.select(*STORED).order_by(ENTRIES.c.stream, ENTRIES.c.seq, ENTRIES.c.id)
    if stream is not None:
        query = query.where(ENTRIES.c.stream == stream)
    result = db.session.connection().execute(query, execution_options={"yield_per": CHUNK})
    for part in result.partitions():
        values = values_of([row.uid for row in part])
        for row in part:
            walk.step(StoredEntry._make(row), values.get(row[0], ()))
        if progress:
            progress(len(part))
    walk.end()


def _check_the_whole(verdict: Verdict, evidence: Evidence) -> None:
    checkpoints = [CheckpointRow(*row) for row in db.session.execute(
        sa.select(*(CHECKPOINTS.c[name] for name in CheckpointRow.__dataclass_fields__)).order_by(CHECKPOINTS.c.number))]
    tree = TreeWalk(log_keys().log_id, checkpoints, evidence.notes.values(), evidence.verifiers, verdict)
    for leaf in _leaves():
        tree.step(leaf)
    tree.end()
    check_notes(evidence.notes, checkpoints, tree.roots, evidence.verifiers, verdict)
    for fault in (*_neither_sealed_nor_waiting(verdict), *_stray_values(), *_missing_receipts(evidence.receipts, verdict)):
        verdict.found(fault)


def _leaves() -> Iterable[LeafRow]:
    """In the order of the tree; a body comes along only where it may say that its moment was named."""
    says = sa.func.position(sa.literal(GIVEN).op("IN")(ENTRIES.c.body)) if is_postgresql() else sa.func.instr(ENTRIES.c.body, GIVEN)
    body = sa.case((says > 0, ENTRIES.c.body))
    query = sa.select(LEAVES.c.idx, LEAVES.c.leaf, ENTRIES.c.stream, ENTRIES.c.seq, ENTRIES.c.hash, ENTRIES.c.recorded_at, body)
    query = query.select_from(LEAVES.outerjoin(ENTRIES, ENTRIES.c.id == LEAVES.c.entry_id)).order_by(LEAVES.c.idx)
    for part in db.session.connection().execute(query, execution_options={"yield_per": CHUNK}).partitions():
        yield from map(LeafRow._make, part)


def _neither_sealed_nor_waiting(verdict: Verdict) -> Iterable[Fault]:
    verdict.waiting = int(db.session.scalar(sa.select(sa.func.count()).select_from(QUEUE)) or 0)
    query = sa.select(ENTRIES.c.stream, ENTRIES.c.seq).select_from(
        ENTRIES.outerjoin(LEAVES, LEAVES.c.entry_id == ENTRIES.c.id).outerjoin(QUEUE, QUEUE.c.entry_id == ENTRIES.c.id))
    for row in db.session.execute(query.where(LEAVES.c.idx.is_(None), QUEUE.c.entry_id.is_(None)).order_by(ENTRIES.c.id)):
        yield Fault(FaultKind.LEAF, row.stream, row.seq, "it is neither sealed nor waiting to be: it was put in, or taken out of the queue")
    lost = sa.select(QUEUE.c.entry_id).outerjoin(ENTRIES, ENTRIES.c.id == QUEUE.c.entry_id).where(ENTRIES.c.id.is_(None))
    for number in db.session.scalars(lost.order_by(QUEUE.c.entry_id)):
        yield Fault(FaultKind.LEAF, "(no stream)", None, f"entry number {number} was waiting to be sealed and is gone")


def _missing_receipts(receipts: Sequence[tuple[str, int, str]], verdict: Verdict) -> Iterable[Fault]:
    for start in range(0, len(receipts), CHUNK):
        part = receipts[start : start + CHUNK]
        query = sa.select(ENTRIES.c.stream, ENTRIES.c.seq, ENTRIES.c.hash)
        query = query.where(sa.tuple_(ENTRIES.c.stream, ENTRIES.c.seq).in_([(stream, seq) for stream, seq, _ in part]))
        held = {(row.stream, row.seq): row.hash.hex() for row in db.session.execute(query)}
        verdict.receipts += len(part)
        for stream, seq, begins in part:
            found = held.get((stream, seq))
            if found is None:
                yield Fault(FaultKind.RECEIPT, stream, seq, "the log has its receipt, but the entry is gone")
            elif not found.startswith(begins):
                yield Fault(FaultKind.RECEIPT, stream, seq, "it is not the entry that the log has the receipt of")


def _faults_of_heads(stream: str | None) -> Iterable[Fault]:
    keys = log_keys()
    last = sa.and_(ENTRIES.c.stream == STREAMS.c.stream, ENTRIES.c.seq == STREAMS.c.seq)
    query = sa.select(STREAMS.c.stream, STREAMS.c.seq, STREAMS.c.hash, ENTRIES.c.hash.label("last"))
    query = query.select_from(STREAMS.outerjoin(ENTRIES, last)).where(STREAMS.c.hash.is_distinct_from(ENTRIES.c.hash))
    if stream is not None:
        query = query.where(STREAMS.c.stream == stream)
    for row in db.session.execute(query.order_by(STREAMS.c.stream)):
        fault = check_head(row.stream, row.seq, row.hash, row.last, keys)
        if fault:
            yield fault


def _entries_past_heads(stream: str | None) -> Iterable[Fault]:
    query = sa.select(ENTRIES.c.stream, sa.func.min(ENTRIES.c.seq).label("first"), STREAMS.c.seq.label("head"))
    query = query.select_from(ENTRIES.outerjoin(STREAMS, ENTRIES.c.stream == STREAMS.c.stream))
    query = query.where(sa.or_(STREAMS.c.seq.is_(None), ENTRIES.c.seq > STREAMS.c.seq)).group_by(ENTRIES.c.stream, STREAMS.c.seq)
    if stream is not None:
        query = query.where(ENTRIES.c.stream == stream)
    for row in db.session.execute(query.order_by(ENTRIES.c.stream)):
        what = "the stream has no head" if row.head is None else f"it lies beyond the head of its stream ({row.head})"
        yield Fault(FaultKind.HEAD, row.stream, row.first, what)


def _stray_values() -> Iterable[Fault]:
    query = sa.select(PRIVATE.c.entry_uid, PRIVATE.c.field)
    query = query.select_from(PRIVATE.outerjoin(ENTRIES, ENTRIES.c.uid == PRIVATE.c.entry_uid)).where(ENTRIES.c.uid.is_(None))
    for row in db.session.execute(query):
        yield Fault(FaultKind.VALUE, "(no stream)", None, f"the private value {row.field!r} belongs to no entry ({row.entry_uid})")
