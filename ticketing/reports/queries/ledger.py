"""The ledger of messages and the trail as these pages show them: nothing about a case that is hidden from the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import Staff
from ticketing.audit import queries as trail
from ticketing.audit.models import AuditEntry
from ticketing.audit.rules import EntryRow, case_stream, summary
from ticketing.cases.models import Case, CaseSubject
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.paging import PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import parse_reference
from ticketing.outbox import queries as outbox
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import MessageRow
from ticketing.outbox.rules import MessageState


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
    conditions = [_not_about_me(actor, OutboxMessage.case_reference)]
    if wanted.reference:
        conditions.append(OutboxMessage.case_reference == _reference(wanted.reference))
    return outbox.messages(after=after, state=wanted.state, kind=wanted.kind or None, where=conditions)


def delivery(uid: str, actor: Actor) -> MessageRow:
    """One message; NotFound if it is missing or about a case hidden from the reader."""
    row = outbox.message(uid)
    hidden = _hidden_references(actor).where(Case.reference == row.case_reference) if row and row.case_reference else None
    if row is None or (hidden is not None and db.session.scalar(hidden) is not None):
        raise NotFound("This message does not exist. Go back to the list of messages.")
    return row


def delivery_counts(actor: Actor) -> Mapping[MessageState, int]:
    """How many messages stand where."""
    rows = db.session.execute(
        sa.select(OutboxMessage.state, sa.func.count()).where(_not_about_me(actor, OutboxMessage.case_reference))
        .group_by(OutboxMessage.state))
    return {row[0]: row[1] for row in rows}


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


def _hidden_references(actor: Actor) -> sa.Select[str]:
    """The cases this reader is named in: few, so that looking them up costs little."""
    return sa.select(Case.reference).join(CaseSubject, CaseSubject.case_id == Case.id).where(CaseSubject.staff_id == actor.staff_id)


def _not_about_me(actor: Actor, column: sa.orm.InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    return sa.or_(column.is_(None), column.not_in(_hidden_references(actor)))


def _visible_entry(actor: Actor) -> ColumnElement[bool]:
    """Neither on the stream of a hidden case nor about one; without the right to see cases, nothing of any case."""
    if not actor.may(Permission.VIEW_CASES):
        prefix = case_stream("")
        return sa.and_(~AuditEntry.stream.startswith(prefix),
                       sa.or_(AuditEntry.about.is_(None), ~AuditEntry.about.startswith(prefix)))
    hidden = sa.select(sa.literal(case_stream("")) + Case.reference).join(CaseSubject, CaseSubject.case_id == Case.id).where(
        CaseSubject.staff_id == actor.staff_id)
    return sa.and_(AuditEntry.stream.not_in(hidden), sa.or_(AuditEntry.about.is_(None), AuditEntry.about.not_in(hidden)))


def _trail_row(row: EntryRow) -> TrailRow:
    prefix = case_stream("")
    about = next((stream.removeprefix(prefix) for stream in (row.stream, row.about or "") if stream.startswith(prefix)), "")
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
