"""The verbs that write the trail: append an entry, append thousands, note that somebody read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    ToldEntry,
    canonical,
    case_stream,
    commitment,
    derive_keys,
    entry_hash,
    genesis,
    mac,
    person_stream,
    reads_stream,
    staff_stream,
    told,
)
from ticketing.core.database import Model, atomic, db, hold_entries, insert_once, insert_rows, is_postgresql, update_rows
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
    record_many([NewEntry(stream, act, occurred_at, why, change or {}, facts or {}, private or {}, about, is_new)], by=by, at=at)


@atomic
def record_many(entries: Sequence[NewEntry], *, by: Actor, at: datetime) -> None:
    """Append many entries, in the order given.

    They are written when the outermost verb ends, all its entries together: a handful of statements however many there are.
    """
    hold_entries([told(entry, by=by, at=at) for entry in entries], _append)


@atomic
def record_read(reference: str, *, by: Actor, at: datetime) -> None:
    """Note on the reader's own stream that they opened a case; readers of one case never wait for each other."""
    stream = case_stream(reference)
    record_many([NewEntry(reads_stream(by.uid), Act.CASE_VIEWED, facts={"case": reference}, about=stream)], by=by, at=at)


def _append(entries: Sequence[ToldEntry]) -> Callable[[], None]:
    """Write the entries of one verb; returns what tells the log, once they are committed."""
    keys = derive_keys(current_app.config["SECRET_KEY"])
    known = _lock_heads(entries, keys)
    heads = dict(known)
    rows: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    for entry in entries:
        seq, prev = heads.get(entry.stream) or (0, genesis(keys.log_id, entry.stream))
        row, private = _seal(entry, seq + 1, prev, keys)
        heads[entry.stream] = seq + 1, row["hash"]
        rows.append(row)
        values += private
    if rows:
        _write(rows, values, known, heads)
    return lambda: None


def _seal(entry: ToldEntry, seq: int, prev: bytes, keys: Keys) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The entry's row and the rows of its private values."""
    uid = new_uid()
    private: list[dict[str, Any]] = [
        {"entry_uid": uid, "field": name, "salt": secrets.token_bytes(32), "value": value} for name, value in entry.private.items()
    ]
    commitments = {item["field"]: commitment(item["salt"], uid, item["field"], item["value"]) for item in private}
    body = canonical({**entry.body, "log": keys.log_id, "id": uid, "seq": seq, "priv": commitments})
    hash_ = entry_hash(prev, body)
    return {
        "uid": uid, "stream": entry.stream, "seq": seq, "prev": prev, "hash": hash_, "body": body, "kid": KEY_ID,
        "mac": mac(keys.macs[KEY_ID], hash_), "act": entry.body["act"], "actor_uid": entry.body["actor"], "about": entry.body["about"],
        "recorded_at": entry.at,
    }, private


def _lock_heads(entries: Sequence[ToldEntry], keys: Keys) -> dict[str, Head]:
    """The heads of all streams that may exist, under lock.

    No two verbs can lock each other out: heads are locked last of all rows, in the order of their bytes, and a head that must be
    made is made before any other is locked.
    """
    wanted = sorted({entry.stream for entry in entries} - {entry.stream for entry in entries if entry.is_new})
    if len(wanted) > 1:
        _make_heads(set(wanted) - _known(wanted), keys)
    heads = _read_heads(wanted)
    if len(heads) < len(wanted):  # only where one is wanted, so that none is locked yet
        _make_heads(set(wanted) - heads.keys(), keys)
        heads = _read_heads(wanted)
    return heads


def _make_heads(streams: Iterable[str], keys: Keys) -> None:
    """Rare: a stream's very first entry, without is_new."""
    for stream in sorted(streams):
        insert_once(AuditStream, {"stream": stream, "seq": 0, "hash": genesis(keys.log_id, stream)}, conflict=["stream"])


def _known(streams: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(streams), CHUNK):
        found.update(db.session.scalars(sa.select(STREAMS.c.stream).where(STREAMS.c.stream.in_(streams[start : start + CHUNK]))))
    return found


def _read_heads(streams: Sequence[str]) -> dict[str, Head]:
    order = sa.collate(STREAMS.c.stream, "C") if is_postgresql() else STREAMS.c.stream  # as Python sorts, whatever the database's language
    heads: dict[str, Head] = {}
    for start in range(0, len(streams), CHUNK):
        query = sa.select(STREAMS.c.stream, STREAMS.c.seq, STREAMS.c.hash).where(STREAMS.c.stream.in_(streams[start : start + CHUNK]))
        rows = db.session.execute(query.order_by(order).with_for_update())
        heads.update({row.stream: (row.seq, row.hash) for row in rows})
    return heads


def _write(rows: list[dict[str, Any]], values: list[dict[str, Any]], known: Mapping[str, Head], heads: Mapping[str, Head]) -> None:
    """Entries first, then heads: the database refuses a head that names no entry."""
    insert_rows(ENTRIES, rows)
    insert_rows(PRIVATE, values)
    insert_rows(STREAMS, [_head(stream, head) for stream, head in heads.items() if stream not in known])
    update_rows(STREAMS, [_head(stream, head) for stream, head in heads.items() if stream in known], key="stream")


def _head(stream: str, head: Head) -> dict[str, Any]:
    return {"stream": stream, "seq": head[0], "hash": head[1]}
