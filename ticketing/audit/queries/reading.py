"""Reading the trail: the timeline of a stream, entries by what they say, who opened a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit.models import AuditEntry, AuditKey, AuditPrivate
from ticketing.audit.queries.keys import log_keys, open_key
from ticketing.audit.rules import ACTOR_NAME, READS, WHY, Act, EntryRow, StoredEntry, StoredValue, moment_of, parse_body
from ticketing.audit.rules.vault import Locked, open_value
from ticketing.core.database import Model, db

ENTRIES, PRIVATE, KEYS = (Model.metadata.tables[kind.__tablename__] for kind in (AuditEntry, AuditPrivate, AuditKey))
STORED = [ENTRIES.c[name] for name in StoredEntry._fields]
LOOKED = (*READS, Act.EXPORT_MADE.value)
OPENED = sa.select(
    PRIVATE.c.entry_uid, PRIVATE.c.field, PRIVATE.c.salt, PRIVATE.c.value, PRIVATE.c.sealed, ENTRIES.c.stream, KEYS.c.kid, KEYS.c.wrapped,
).select_from(PRIVATE.join(ENTRIES, ENTRIES.c.uid == PRIVATE.c.entry_uid).outerjoin(KEYS, KEYS.c.stream == ENTRIES.c.stream))


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


def readers_of(stream: str, acts: Sequence[str] = (), *, before: int | None = None, limit: int = 50) -> tuple[tuple[int, EntryRow], ...]:
    """Who opened this, newest first, each with the key of its place in the trail."""
    kinds = acts or READS
    return entries_where([AuditEntry.about == stream, AuditEntry.act.in_(kinds)], before=before, limit=limit)


def story(stream: str, *, before: int | None = None, limit: int = 50) -> tuple[tuple[int, EntryRow], ...]:
    """What happened to this and who opened it or took it away as a file, newest first, each with the key of its place in the trail."""
    looked = sa.and_(AuditEntry.about == stream, AuditEntry.act.in_(LOOKED))
    return entries_where([sa.or_(AuditEntry.stream == stream, looked)], before=before, limit=limit)


def openings(stream: str) -> tuple[tuple[EntryRow, Mapping[str, int], datetime], ...]:
    """(the latest entry, how often by deed, the first time) for each person who opened this or took it away, the latest first."""
    mine = sa.and_(ENTRIES.c.about == stream, ENTRIES.c.act.in_(LOOKED))
    counted = sa.select(ENTRIES.c.actor_uid, ENTRIES.c.act, sa.func.count(), sa.func.min(ENTRIES.c.recorded_at), sa.func.max(ENTRIES.c.id))
    often, first, last = defaultdict[str, dict[str, int]](dict), dict[str, datetime](), dict[str, int]()
    for uid, act, count, begun, place in db.session.execute(counted.where(mine).group_by(ENTRIES.c.actor_uid, ENTRIES.c.act)):
        often[uid][act], first[uid], last[uid] = count, min(begun, first.get(uid, begun)), max(place, last.get(uid, place))
    latest = entries_where([AuditEntry.id.in_(last.values())], limit=len(last))
    return tuple((row, often[row.actor_uid], first[row.actor_uid]) for _, row in latest)


def read_counts(stream: str) -> tuple[tuple[str | None, str, int, datetime], ...]:
    """(role, kind, how often, last) for each role that opened this: what the person it is about may be told."""
    body = sa.select(ENTRIES.c.body, ENTRIES.c.recorded_at).where(ENTRIES.c.about == stream, ENTRIES.c.act.in_(READS))
    found: dict[tuple[str | None, str], tuple[int, datetime]] = {}
    for text, moment in db.session.execute(body):
        told = parse_body(text) or {}
        key = told.get("role"), str(told.get("kind", ""))
        count, last = found.get(key, (0, moment))
        found[key] = count + 1, max(last, moment)
    return tuple((role, kind, count, last) for (role, kind), (count, last) in sorted(found.items(), key=lambda item: -item[1][0]))


def values_of_stream(stream: str) -> tuple[StoredValue, ...]:
    """Every private value of one stream, unlocked."""
    return tuple(_values(OPENED.where(ENTRIES.c.stream == stream)))


def values_of(uids: Sequence[str]) -> Mapping[str, list[StoredValue]]:
    """The private values of these entries, unlocked."""
    found: dict[str, list[StoredValue]] = defaultdict(list)
    for item in _values(OPENED.where(PRIVATE.c.entry_uid.in_(uids))):
        found[item.entry_uid].append(item)
    return found


def _values(query: sa.Select[Any]) -> Iterator[StoredValue]:
    wraps, opened = log_keys().wraps, {}
    for uid, name, salt, value, sealed, stream, kid, wrapped in db.session.connection().execute(query).all():
        if sealed is None:  # from before there was encryption
            yield StoredValue(uid, name, salt, value)
            continue
        if stream not in opened:
            opened[stream] = open_key(stream, kid, wrapped, wraps)
        yield _opened(opened[stream], uid, name, sealed)


def _opened(data_key: bytes | None, uid: str, name: str, sealed: bytes) -> StoredValue:
    if data_key is not None:
        try:
            salt, value = open_value(data_key, uid, name, sealed)
            return StoredValue(uid, name, salt, value)
        except Locked:
            pass
    return StoredValue(uid, name, b"", None)


def _read(query: sa.Select[Any]) -> tuple[EntryRow, ...]:
    stored = [StoredEntry(*row) for row in db.session.execute(query)]
    values = values_of([entry.uid for entry in stored])
    return tuple(
        row_of(entry, {item.field: item.value for item in values.get(entry.uid, ()) if item.value is not None}) for entry in stored)


def row_of(entry: StoredEntry, values: dict[str, str]) -> EntryRow:
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
        erased=frozenset(body.get("priv", {})).difference(values), via=str(body.get("via", "")), request=str(body.get("req", "")),
        is_moment_given=body.get("given") is True, behalf=body.get("behalf"),
    )
