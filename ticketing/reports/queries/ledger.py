"""The ledger of messages as its page shows it: nothing about a case that is hidden from the reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.cases.models import Case
from ticketing.cases.queries import visible_to
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.paging import Page
from ticketing.core.permissions import Actor
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


def _may_be_told(actor: Actor) -> ColumnElement[bool]:
    """Messages about no case, and those about a case that this reader sees and a part of it that is open to them."""
    seen = sa.exists().where(Case.reference == OutboxMessage.case_reference, visible_to(actor))
    return sa.and_(sa.or_(OutboxMessage.case_reference.is_(None), seen), _open_to(actor, OutboxMessage.compartment))


def _open_to(actor: Actor, compartment: sa.orm.InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    return sa.or_(compartment.is_(None), compartment.in_({item.value for item in actor.compartments}))


def _reference(typed: str) -> str:
    """As stored; what cannot be a reference finds nothing."""
    return parse_reference(typed) or "-"
