"""The ledger of messages and the trail as these pages show them: nothing about a case that is hidden from the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import Staff
from ticketing.audit import queries as trail
from ticketing.audit.models import AuditEntry
from ticketing.audit.rules import EntryRow, case_stream, sealed_stream, summary
from ticketing.cases.models import Case
from ticketing.cases.queries import visible_to
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.paging import PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import Actor
from ticketing.core.references import parse_reference
from ticketing.outbox import queries as outbox
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import MessageRow
from ticketing.outbox.rules import MessageState

SEALED = "sealed:"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are asked for; empty means all."""

    state: MessageState | None = None
    kind: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which entries are asked for; empty means all."""

    reference: str = ""
    actor_uid: str = ""
    act: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One entry as a sentence.  `reference` is the case it is about, "" for what is about no case."""

    sentence: str
    why: str
    actor: str
    role: str
    recorded_at: datetime
    occurred_at: datetime
    is_late: bool
    reference: str
    stream: str
    seq: int


def deliveries(actor: Actor, wanted: MessageFilter, *, after: str | None = None) -> Page[MessageRow]:
    """A page of messages, newest first."""
    conditions = [_may_be_told(actor)]
    if wanted.reference:
        conditions.append(OutboxMessage.case_reference == _reference(wanted.reference))
    return outbox.messages(after=after, state=wanted.state, kind=wanted.kind or None, where=conditions)


def delivery(uid: str, actor: Actor) -> MessageRow:
    """One message; NotFound if it is missing or about a case hidden from the reader."""
    is_told = db.session.scalar(sa.select(OutboxMessage.id).where(OutboxMessage.uid == uid, _may_be_told(actor))) is not None
    row = outbox.message(uid) if is_told else None
    if row is None:
        raise NotFound("This message does not exist. Go back to the list of messages.")
    return row


def delivery_counts(actor: Actor) -> Mapping[MessageState, int]:
    """How many messages stand where."""
    rows = db.session.execute(
        sa.select(OutboxMessage.state, sa.func.count()).where(_may_be_told(actor))
        .group_by(OutboxMessage.state))
    return {row[0]: row[1] for row in rows}


def is_hidden_mail(message_id: str, actor: Actor) -> bool:
    """Whether a mail is about a case, or a sealed part of one, that this reader may not see."""
    return db.session.scalar(
        sa.select(OutboxMessage.id).where(OutboxMessage.message_id == message_id, ~_may_be_told(actor))) is not None


def message_kinds() -> tuple[str, ...]:
    return tuple(db.session.scalars(sa.select(OutboxMessage.kind).distinct().order_by(OutboxMessage.kind)))


def trail_page(actor: Actor, wanted: TrailFilter, zone: str, *, after: str | None = None) -> Page[TrailRow]:
    """A page of the trail, newest first; `zone` says where `day` begins and ends."""
    conditions = [_visible_entry(actor)]
    if wanted.reference:
        stream = case_stream(_reference(wanted.reference))
        conditions.append(sa.or_(AuditEntry.stream == stream, AuditEntry.about == stream))
    if wanted.actor_uid:
        conditions.append(AuditEntry.actor_uid == wanted.actor_uid)
    if wanted.act:
        conditions.append(AuditEntry.act == wanted.act)
    if wanted.day:
        begin, end = clock.midnight(wanted.day, zone), clock.midnight(wanted.day + timedelta(days=1), zone)
        conditions.append(sa.and_(AuditEntry.recorded_at >= begin, AuditEntry.recorded_at < end))
    found = trail.entries_where(conditions, before=_entry_key(after), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    more = encode_key(shown[-1][0]) if len(found) > PAGE_SIZE else None
    return Page(tuple(_trail_row(row) for _, row in shown), next=more)


def actors() -> tuple[tuple[str, str], ...]:
    """(uid, name) of everybody with an account, and of the machines that wrote to the trail."""
    staff = [(row.uid, row.name) for row in db.session.execute(sa.select(Staff.uid, Staff.name).order_by(Staff.name, Staff.id))]
    machines = db.session.scalars(
        sa.select(AuditEntry.actor_uid).where(AuditEntry.actor_uid.startswith("job:")).distinct().order_by(AuditEntry.actor_uid))
    return (*staff, *((uid, f"{uid.removeprefix('job:')} (the program)") for uid in machines))


def _may_be_told(actor: Actor) -> ColumnElement[bool]:
    """Messages about no case, and those about a case that this reader sees and a part of it that is open to them."""
    seen = sa.exists().where(Case.reference == OutboxMessage.case_reference, visible_to(actor))
    return sa.and_(sa.or_(OutboxMessage.case_reference.is_(None), seen), _open_to(actor, OutboxMessage.compartment))


def _open_to(actor: Actor, compartment: sa.orm.InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    return sa.or_(compartment.is_(None), compartment.in_({item.value for item in actor.compartments}))


def _visible_entry(actor: Actor) -> ColumnElement[bool]:
    """Neither on the stream of a hidden case or of a compartment of others, nor about one."""
    return sa.and_(_visible_stream(actor, AuditEntry.stream), sa.or_(AuditEntry.about.is_(None), _visible_stream(actor, AuditEntry.about)))


def _visible_stream(actor: Actor, stream: sa.orm.InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Looked up entry by entry, by the case's reference: a page of the trail asks for few of them."""
    plain = sa.and_(~stream.startswith(case_stream("")), ~stream.startswith(SEALED))
    parts = [plain, _seen(actor, stream, case_stream(""))]
    for compartment in sorted(actor.compartments):
        parts.append(_seen(actor, stream, sealed_stream("", compartment)))
    return sa.or_(*parts)


def _seen(actor: Actor, stream: sa.orm.InstrumentedAttribute[Any], prefix: str) -> ColumnElement[bool]:
    return sa.and_(
        stream.startswith(prefix), sa.exists().where(Case.reference == sa.func.substr(stream, len(prefix) + 1), visible_to(actor)))


def _trail_row(row: EntryRow) -> TrailRow:
    streams = (row.stream, row.about or "")
    about = next((stream.rpartition(":")[2] for stream in streams if stream.startswith((case_stream(""), SEALED))), "")
    return TrailRow(
        sentence=summary(row), why=row.why, actor=row.actor_name, role=row.role or "", recorded_at=row.recorded_at,
        occurred_at=row.occurred_at, is_late=row.recorded_at - row.occurred_at > timedelta(minutes=1), reference=about,
        stream=row.stream.split(":", 1)[0], seq=row.seq)


def _reference(typed: str) -> str:
    """As stored; what cannot be a reference finds nothing."""
    return parse_reference(typed) or "-"


def _entry_key(key: str | None) -> int | None:
    if key is None:
        return None
    values: Sequence[object] = decode_key(key)
    if len(values) != 1 or not isinstance(values[0], int):
        raise Invalid("This page address is incomplete. Go back to the first page of the list.")
    return values[0]
