"""The verbs that write the trail: append an entry, append thousands, note that somebody read."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app

from ticketing.audit.models import AuditEntry, AuditPrivate, AuditStream
from ticketing.audit.rules import (
    ACCESS_STREAM,
    ADMIN_STREAM,
    EXPORT_STREAM,
    IMPORT_STREAM,
    KEY_ID,
    Act,
    Keys,
    NewEntry,
    Scalar,
    body_of,
    canonical,
    case_stream,
    commitment,
    derive_keys,
    entry_hash,
    genesis,
    mac,
    person_stream,
    private_values,
    reads_stream,
    staff_stream,
)
from ticketing.core.database import Model, atomic, db, insert_once, note_entry
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid

__all__ = [
    "ACCESS_STREAM", "ADMIN_STREAM", "EXPORT_STREAM", "IMPORT_STREAM", "Act", "NewEntry",
    "case_stream", "person_stream", "reads_stream", "record", "record_many", "record_read", "staff_stream",
]

CHUNK = 500
STREAMS, ENTRIES, PRIVATE = (Model.metadata.tables[kind.__tablename__] for kind in (AuditStream, AuditEntry, AuditPrivate))
Head = tuple[int, bytes]


@atomic
def record(
    stream: str, act: Act, *, by: Actor, at: datetime, occurred_at: datetime | None = None, why: str = "",
    change: Mapping[str, tuple[Scalar, Scalar]] | None = None, facts: Mapping[str, Scalar] | None = None,
    private: Mapping[str, str] | None = None, about: str | None = None, is_new: bool = False,
) -> None:
    """Append one entry to `stream`, in the transaction of the verb that did the deed; see NewEntry for the words."""
    _append([NewEntry(stream, act, occurred_at, why, change or {}, facts or {}, private or {}, about, is_new)], by=by, at=at)


@atomic
def record_many(entries: Sequence[NewEntry], *, by: Actor, at: datetime) -> None:
    """Append many entries, in the order given, with a handful of statements however many they are."""
    if entries:
        _append(entries, by=by, at=at)


@atomic
def record_read(reference: str, *, by: Actor, at: datetime) -> None:
    """Note on the reader's own stream that they opened a case; readers of one case never wait for each other."""
    stream = case_stream(reference)
    _append([NewEntry(reads_stream(by.uid), Act.CASE_VIEWED, facts={"case": reference}, about=stream)], by=by, at=at)


def _append(entries: Sequence[NewEntry], *, by: Actor, at: datetime) -> None:
    keys = derive_keys(current_app.config["SECRET_KEY"])
    known = _lock_heads(entries, keys)
    heads = dict(known)
    rows: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    for entry in entries:
        seq, prev = heads.get(entry.stream) or (0, genesis(keys.log_id, entry.stream))
        row, private = _seal(entry, seq + 1, prev, keys, by=by, at=at)
        heads[entry.stream] = seq + 1, row["hash"]
        rows.append(row)
        values += private
        note_entry()
    _write(rows, values, known, heads)


def _seal(
    entry: NewEntry, seq: int, prev: bytes, keys: Keys, *, by: Actor, at: datetime,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The entry's row and the rows of its private values."""
    uid = new_uid()
    private: list[dict[str, Any]] = [
        {"entry_uid": uid, "field": name, "salt": secrets.token_bytes(32), "value": value}
        for name, value in private_values(entry, by).items()
    ]
    commitments = {item["field"]: commitment(item["salt"], uid, item["field"], item["value"]) for item in private}
    body = canonical(body_of(entry, log_id=keys.log_id, uid=uid, seq=seq, by=by, at=at, commitments=commitments))
    hash_ = entry_hash(prev, body)
    return {
        "uid": uid, "stream": entry.stream, "seq": seq, "prev": prev, "hash": hash_, "body": body, "kid": KEY_ID,
        "mac": mac(keys.macs[KEY_ID], hash_), "act": entry.act.value, "actor_uid": by.uid, "about": entry.about, "recorded_at": at,
    }, private


def _lock_heads(entries: Iterable[NewEntry], keys: Keys) -> dict[str, Head]:
    """The heads of all streams that may exist, locked in one order so that two batches cannot lock each other out."""
    wanted = sorted({entry.stream for entry in entries if not entry.is_new})
    heads = _read_heads(wanted)
    missing = [stream for stream in wanted if stream not in heads]
    if not missing:
        return heads
    for stream in missing:  # rare: a stream's very first entry, without is_new
        insert_once(AuditStream, {"stream": stream, "seq": 0, "hash": genesis(keys.log_id, stream)}, conflict=["stream"])
    return heads | _read_heads(missing)


def _read_heads(streams: Sequence[str]) -> dict[str, Head]:
    heads: dict[str, Head] = {}
    for start in range(0, len(streams), CHUNK):
        query = sa.select(STREAMS.c.stream, STREAMS.c.seq, STREAMS.c.hash).where(STREAMS.c.stream.in_(streams[start : start + CHUNK]))
        rows = db.session.execute(query.order_by(STREAMS.c.stream).with_for_update())
        heads.update({row.stream: (row.seq, row.hash) for row in rows})
    return heads


def _write(rows: list[dict[str, Any]], values: list[dict[str, Any]], known: Mapping[str, Head], heads: Mapping[str, Head]) -> None:
    """Entries first, then heads: the database refuses a head that names no entry."""
    connection = db.session.connection()
    connection.execute(sa.insert(ENTRIES), rows)
    if values:
        connection.execute(sa.insert(PRIVATE), values)
    fresh = [{"stream": stream, "seq": seq, "hash": hash_} for stream, (seq, hash_) in heads.items() if stream not in known]
    moved = [{"key": stream, "to_seq": seq, "to_hash": hash_} for stream, (seq, hash_) in heads.items() if stream in known]
    if fresh:
        connection.execute(sa.insert(STREAMS), fresh)
    if moved:
        move = sa.update(STREAMS).where(STREAMS.c.stream == sa.bindparam("key"))
        connection.execute(move.values(seq=sa.bindparam("to_seq"), hash=sa.bindparam("to_hash")), moved)
