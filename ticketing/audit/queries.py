"""Reading the trail: the timeline of a stream, who read a case, and whether the whole is still as it was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import current_app

from ticketing.audit.models import AuditEntry, AuditPrivate, AuditStream
from ticketing.audit.rules import (
    ACTOR_NAME,
    WHY,
    EntryRow,
    Fault,
    FaultKind,
    StoredEntry,
    StoredValue,
    Verdict,
    Walk,
    check_head,
    derive_keys,
    moment_of,
    parse_body,
)
from ticketing.core.database import Model, db

ENTRIES, PRIVATE, STREAMS = (Model.metadata.tables[kind.__tablename__] for kind in (AuditEntry, AuditPrivate, AuditStream))
STORED = [ENTRIES.c[name] for name in StoredEntry.__dataclass_fields__]
VALUES = [PRIVATE.c[name] for name in StoredValue.__dataclass_fields__]
CHUNK = 500


def timeline(stream: str, *, limit: int = 50, after: int | None = None) -> tuple[EntryRow, ...]:
    """The entries of a stream, newest first; `after` is the `seq` of the last one already shown."""
    query = sa.select(*STORED).where(ENTRIES.c.stream == stream).order_by(ENTRIES.c.seq.desc()).limit(limit)
    return _read(query if after is None else query.where(ENTRIES.c.seq < after))


def entries_about(stream: str, *, limit: int = 50) -> tuple[EntryRow, ...]:
    """Entries of other streams that concern this one (who opened the case), newest first."""
    return _read(sa.select(*STORED).where(ENTRIES.c.about == stream).order_by(ENTRIES.c.id.desc()).limit(limit))


def entries_where(
    conditions: Sequence[sa.ColumnElement[bool]], *, before: int | None = None, limit: int = 50,
) -> tuple[tuple[int, EntryRow], ...]:
    """Entries of any stream that meet these conditions on AuditEntry, newest first, each with the key of its place in the trail."""
    query = sa.select(ENTRIES.c.id, ENTRIES.c.uid).where(*conditions).order_by(ENTRIES.c.id.desc()).limit(limit)
    places = {row.uid: row.id for row in db.session.execute(query if before is None else query.where(ENTRIES.c.id < before))}
    rows = _read(sa.select(*STORED).where(ENTRIES.c.uid.in_(places)).order_by(ENTRIES.c.id.desc()))
    return tuple((places[row.uid], row) for row in rows)


def entry_count(stream: str | None = None) -> int:
    """How many entries a stream, or the whole trail, holds."""
    query = sa.select(sa.func.count()).select_from(ENTRIES)
    return int(db.session.scalar(query if stream is None else query.where(ENTRIES.c.stream == stream)) or 0)


def verify(stream: str | None = None, progress: Callable[[int], object] | None = None) -> Verdict:
    """Check every entry, link, head and private value of one stream or of the whole trail; `progress` is told how many more are done.

    Safe while others write: each check is one statement, and so sees one moment.
    """
    keys, verdict = derive_keys(current_app.config["SECRET_KEY"]), Verdict()
    walk = Walk(keys, verdict)
    query = sa.select(*STORED).order_by(ENTRIES.c.stream, ENTRIES.c.seq, ENTRIES.c.id)
    if stream is not None:
        query = query.where(ENTRIES.c.stream == stream)
    result = db.session.connection().execute(query, execution_options={"yield_per": CHUNK})
    for part in result.partitions():
        values = _values_of([row.uid for row in part])
        for row in part:
            walk.step(StoredEntry(*row), values.get(row.uid, ()))
        if progress:
            progress(len(part))
    for fault in (*_faults_of_heads(stream), *_entries_past_heads(stream), *(_stray_values() if stream is None else ())):
        verdict.found(fault)
    return verdict


def _values_of(uids: Sequence[str]) -> Mapping[str, list[StoredValue]]:
    found: dict[str, list[StoredValue]] = defaultdict(list)
    for row in db.session.connection().execute(sa.select(*VALUES).where(PRIVATE.c.entry_uid.in_(uids))).all():
        found[row.entry_uid].append(StoredValue(*row))
    return found


def _faults_of_heads(stream: str | None) -> Iterable[Fault]:
    keys = derive_keys(current_app.config["SECRET_KEY"])
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


def _read(query: sa.Select[Any]) -> tuple[EntryRow, ...]:
    stored = [StoredEntry(*row) for row in db.session.execute(query)]
    values = _values_of([entry.uid for entry in stored])
    return tuple(_row(entry, {item.field: item.value for item in values.get(entry.uid, ())}) for entry in stored)


def _row(entry: StoredEntry, values: dict[str, str]) -> EntryRow:
    """As people read it; a body that was tampered with still shows what its columns say."""
    body = parse_body(entry.body) or {}
    occurred = body.get("occurred")
    return EntryRow(
        stream=entry.stream, seq=entry.seq, uid=entry.uid, act=entry.act, recorded_at=entry.recorded_at,
        occurred_at=moment_of(occurred) if isinstance(occurred, int) else entry.recorded_at,
        actor_uid=entry.actor_uid, actor_name=values.get(ACTOR_NAME, ""), kind=str(body.get("kind", "")), role=body.get("role"),
        why=values.get(WHY, ""), about=entry.about,
        change={name: (pair[0], pair[1]) for name, pair in body.get("change", {}).items()}, facts=body.get("facts", {}),
        private={name: value for name, value in values.items() if name not in (ACTOR_NAME, WHY)},
        erased=frozenset(body.get("priv", {})).difference(values),
    )
