"""Appending to the trail: an entry, thousands, a read.  All entries of one verb are written together, when it ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from ticketing.audit.models import AuditEntry, AuditKey, AuditPrivate, AuditStream
from ticketing.audit.queries.keys import log_keys, open_key
from ticketing.audit.rules import (
    EXPORT_STREAM,
    Act,
    Keys,
    NewEntry,
    Scalar,
    ToldEntry,
    canonical,
    case_stream,
    commitment,
    entry_hash,
    genesis,
    mac,
    reads_stream,
    told,
)
from ticketing.audit.rules.vault import NONCE, SALT, seal_value, wrap
from ticketing.core.database import Model, among, atomic, db, hold_entries, insert_rows, is_postgresql, update_rows
from ticketing.core.origin import origin
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid

CHUNK = 500
MOST_IN_A_LINE = 1_000
STREAMS, ENTRIES, PRIVATE, KEYS = (
    Model.metadata.tables[kind.__tablename__] for kind in (AuditStream, AuditEntry, AuditPrivate, AuditKey))
Row = dict[str, Any]


@dataclass(slots=True)
class Head:
    """Where a stream stands, under lock, and the key of its private values."""

    seq: int
    hash: bytes
    data_key: bytes | None = None


@dataclass(slots=True)
class Batch:
    """The rows that one verb adds to the trail."""

    entries: list[Row] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)


@atomic
def record(
    stream: str, act: Act, *, by: Actor, at: datetime, occurred_at: datetime | None = None, why: str = "",
    change: Mapping[str, tuple[Scalar, Scalar]] | None = None, facts: Mapping[str, Scalar] | None = None,
    private: Mapping[str, str] | None = None, about: str | None = None, is_new: bool = False, behalf: str | None = None,
) -> None:
    """Append one entry to `stream`, in the transaction of the verb that did the deed; see NewEntry for the words."""
    entry = NewEntry(stream, act, occurred_at, why, change or {}, facts or {}, private or {}, about, is_new, behalf)
    record_many([entry], by=by, at=at)


@atomic
def record_many(entries: Sequence[NewEntry], *, by: Actor, at: datetime) -> None:
    """Append many entries, in the order given.

    They are written when the outermost verb ends, all its entries together: a handful of statements however many there are.
    """
    place = origin()
    come_from = place.via, place.request, place.is_moment_given
    hold_entries([told(entry, come_from, by=by, at=at) for entry in entries], _append)


@atomic
def record_read(reference: str, *, by: Actor, at: datetime) -> None:
    """Note on the reader's own stream that they opened a case; readers of one case never wait for each other."""
    record_reading(Act.CASE_VIEWED, facts={"case": reference}, about=case_stream(reference), by=by, at=at)


@atomic
def record_reading(
    act: Act, *, by: Actor, at: datetime, facts: Mapping[str, Scalar] | None = None, private: Mapping[str, str] | None = None,
    about: str | None = None,
) -> None:
    """Note on the reader's own stream what was shown to them."""
    record_many([NewEntry(reads_stream(by.uid), act, facts=facts or {}, private=private or {}, about=about)], by=by, at=at)


@atomic
def record_export(stream: str, export: str, *, by: Actor, at: datetime, count: int | None = None) -> None:
    """Note that something left the program as a file: `export` says what, `stream` what it was about."""
    facts: dict[str, Scalar] = {"export": export} if count is None else {"export": export, "count": count}
    record_many([NewEntry(EXPORT_STREAM, Act.EXPORT_MADE, facts=facts, about=stream)], by=by, at=at)


def _append(entries: Sequence[ToldEntry]) -> Callable[[], None]:
    """Write the entries of one verb; returns what tells the log, once they are committed."""
    keys, batch = log_keys(), Batch()
    known = _lock_heads(entries, keys)
    before = {stream: head.seq for stream, head in known.items()}
    heads = dict(known)
    for entry in entries:
        head = heads.get(entry.stream)
        if head is None:
            head = heads[entry.stream] = Head(0, genesis(keys.log_id, entry.stream))
        _add(entry, head, keys, batch)
    if batch.entries:
        _write(batch, before, heads)
    return lambda: _tell_log(heads)


def _add(entry: ToldEntry, head: Head, keys: Keys, batch: Batch) -> None:
    """The rows of one entry, and its stream's head moved on to it."""
    uid, commitments = new_uid(), {}
    if entry.private and head.data_key is None:
        head.data_key = secrets.token_bytes(32)
        wrapped = wrap(head.data_key, entry.stream, keys.newest, keys.wraps, secrets.token_bytes(NONCE))
        batch.keys.append({"stream": entry.stream, "kid": keys.newest, "wrapped": wrapped})
    for name, value in entry.private.items():
        salt = secrets.token_bytes(SALT)
        commitments[name] = commitment(salt, uid, name, value)
        batch.values.append(_private_row(head.data_key or b"", uid, name, salt, value))
    body = canonical({**entry.body, "log": keys.log_id, "id": uid, "seq": head.seq + 1, "priv": commitments})
    prev, head.seq, head.hash = head.hash, head.seq + 1, entry_hash(head.hash, body)
    batch.entries.append({
        "uid": uid, "stream": entry.stream, "seq": head.seq, "prev": prev, "hash": head.hash, "body": body, "kid": keys.newest,
        "mac": mac(keys.macs[keys.newest], head.hash), "act": entry.body["act"], "actor_uid": entry.body["actor"],
        "about": entry.body["about"], "recorded_at": entry.at,
    })


def _private_row(data_key: bytes, uid: str, name: str, salt: bytes, value: str) -> Row:
    """A private value as it is stored: its salt inside what is encrypted."""
    sealed = seal_value(data_key, uid, name, salt, value, secrets.token_bytes(NONCE))
    return {"entry_uid": uid, "field": name, "salt": b"", "value": "", "sealed": sealed}


def _tell_log(heads: Mapping[str, Head]) -> None:
    """A receipt: the logs leave the machine, so that even an entry that no checkpoint covers yet cannot vanish unseen."""
    told_heads = [f"{stream}/{head.seq}:{head.hash.hex()[:32]}" for stream, head in heads.items()]
    for start in range(0, len(told_heads), MOST_IN_A_LINE):
        structlog.get_logger().info("trail.receipt", heads=told_heads[start : start + MOST_IN_A_LINE])


def _lock_heads(entries: Sequence[ToldEntry], keys: Keys) -> dict[str, Head]:
    """The heads of all streams that may exist, under lock.

    No two verbs can lock each other out: heads are locked last of all rows, in the order of their bytes, and a head that must be
    made is made before any other is locked.
    """
    wanted = sorted({entry.stream for entry in entries} - {entry.stream for entry in entries if entry.is_new})
    if len(wanted) > 1:
        _make_heads(set(wanted) - _known(wanted), keys)
    heads = _lock_heads_of(wanted, keys)
    if len(heads) < len(wanted):  # only where one is wanted, so that none is locked yet
        _make_heads(set(wanted) - heads.keys(), keys)
        heads = _lock_heads_of(wanted, keys)
    return heads


def _make_heads(streams: Iterable[str], keys: Keys) -> None:
    """Rare: a stream's very first entry, without is_new."""
    fresh = [{"stream": stream, "seq": 0, "hash": genesis(keys.log_id, stream)} for stream in sorted(streams)]
    insert_rows(STREAMS, fresh, is_lenient=True)


def _known(streams: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(streams), CHUNK):
        found.update(db.session.scalars(sa.select(STREAMS.c.stream).where(among(STREAMS.c.stream, streams[start : start + CHUNK]))))
    return found


def _lock_heads_of(streams: Sequence[str], keys: Keys) -> dict[str, Head]:
    """The heads of those of `streams` (sorted) that exist, under lock."""
    order = sa.collate(STREAMS.c.stream, "C") if is_postgresql() else STREAMS.c.stream  # as Python sorts, whatever the database's language
    heads: dict[str, Head] = {}
    for start in range(0, len(streams), CHUNK):
        query = sa.select(STREAMS.c.stream, STREAMS.c.seq, STREAMS.c.hash, KEYS.c.kid, KEYS.c.wrapped)
        query = query.select_from(STREAMS.outerjoin(KEYS, KEYS.c.stream == STREAMS.c.stream))
        query = query.where(among(STREAMS.c.stream, streams[start : start + CHUNK])).order_by(order).with_for_update(of=STREAMS)
        for stream, seq, hash_, kid, wrapped in db.session.execute(query):
            heads[stream] = Head(seq, hash_, open_key(stream, kid, wrapped, keys.wraps))
    return heads


def _write(batch: Batch, before: Mapping[str, int], heads: Mapping[str, Head]) -> None:
    """Entries first, then heads: the database refuses a head that names no entry."""
    insert_rows(ENTRIES, batch.entries)
    insert_rows(PRIVATE, batch.values)
    insert_rows(KEYS, batch.keys)
    insert_rows(STREAMS, [_head_row(stream, head) for stream, head in heads.items() if stream not in before])
    update_rows(STREAMS, [_head_row(stream, head) for stream, head in heads.items() if stream in before], key="stream")


def _head_row(stream: str, head: Head) -> Row:
    return {"stream": stream, "seq": head.seq, "hash": head.hash}
