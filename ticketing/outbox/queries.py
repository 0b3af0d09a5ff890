"""Reading the outbox: what waits, what failed, and the proof that a message was delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.core.database import db
from ticketing.core.paging import PAGE_SIZE, Page, decode_moment_key, encode_key
from ticketing.outbox.models import OutboxAttempt, OutboxMessage
from ticketing.outbox.rules import STATE_WORDS, MessageState, Outcome

M = OutboxMessage


@dataclass(frozen=True, slots=True)
class AttemptRow:
    attempted_at: datetime
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message with its attempts, oldest first."""

    id: int
    uid: str
    message_id: str
    dedup_key: str
    kind: str
    recipient_email: str
    recipient_name: str
    subject: str
    template: str
    context: Mapping[str, Any]
    case_reference: str | None
    staff_uid: str | None
    compartment: str | None
    state: MessageState
    lease: str | None
    next_attempt_at: datetime | None
    attempt_count: int
    ambiguous_count: int
    created_at: datetime
    waiting_since: datetime
    sent_at: datetime | None
    last_error: str
    url: str | None = None
    is_first: bool = False
    gathered_into: str | None = None
    attempts: tuple[AttemptRow, ...] = ()

    @property
    def state_words(self) -> str:
        return STATE_WORDS[self.state]

    @property
    def is_delivered(self) -> bool:
        return self.state is MessageState.SENT

    @property
    def is_stuck(self) -> bool:
        """Needs a person's eye."""
        return self.state in (MessageState.DEAD, MessageState.WITHHELD)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the outbox stands; `oldest_due_at` is since when the longest waiting message could have gone."""

    counts: Mapping[MessageState, int]
    due: int
    oldest_due_at: datetime | None

    def __getitem__(self, state: MessageState) -> int:
        return self.counts.get(state, 0)


COLUMNS = tuple(name for name in MessageRow.__dataclass_fields__ if name != "attempts")


def to_row(message: OutboxMessage, attempts: Sequence[AttemptRow] = ()) -> MessageRow:
    return MessageRow(**{name: getattr(message, name) for name in COLUMNS}, attempts=tuple(attempts))


def backlog(at: datetime) -> Backlog:
    """Counts by state, and what is due at `at` but not gone."""
    counts = db.session.execute(sa.select(M.state, sa.func.count()).group_by(M.state))
    due = sa.select(sa.func.count(), sa.func.min(M.next_attempt_at)).where(M.next_attempt_at <= at, M.state != MessageState.GATHERED)
    number, oldest = db.session.execute(due).one()
    return Backlog({row[0]: row[1] for row in counts}, number, oldest)


def messages(
    *, after: str | None = None, state: MessageState | None = None, kind: str | None = None,
    where: Sequence[sa.ColumnElement[bool]] = (), limit: int = PAGE_SIZE,
) -> Page[MessageRow]:
    """A page of messages, newest first; `after` is the `next` of the page before, `where` what the reader may see.

    Raises Invalid for a broken key.
    """
    query = sa.select(M).where(*where).order_by(M.created_at.desc(), M.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(M.state == state)
    if kind is not None:
        query = query.where(M.kind == kind)
    if after is not None:
        created_at, last = decode_moment_key(after)
        query = query.where(sa.or_(M.created_at < created_at, sa.and_(M.created_at == created_at, M.id < last)))
    rows = _rows(query)
    shown = rows[:limit]
    return Page(shown, next=encode_key(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None)


def message(uid: str) -> MessageRow | None:
    return next(iter(_rows(sa.select(M).where(M.uid == uid))), None)


def for_case(reference: str) -> tuple[MessageRow, ...]:
    """Every message about a case, newest first."""
    return _rows(sa.select(M).where(M.case_reference == reference).order_by(M.created_at.desc(), M.id.desc()))


def gathered(digest_uid: str) -> tuple[MessageRow, ...]:
    """The notices that one digest tells of, those dated by law first, held-back ones left out."""
    held = (MessageState.WITHHELD,)
    query = sa.select(M).where(M.gathered_into == digest_uid, M.state.not_in(held)).order_by(M.is_first.desc(), M.id)
    return _rows(query)


def delivery_of(prefix: str) -> tuple[MessageRow, ...]:
    """The messages whose key begins with `prefix`, oldest first: what an escalation sent, and whether it arrived."""
    return _rows(sa.select(M).where(M.dedup_key.startswith(prefix, autoescape=True)).order_by(M.id))


def deliveries_of(keys: Sequence[str]) -> Mapping[str, MessageRow]:
    """The messages with exactly these keys, by key; one query for a whole page."""
    return {row.dedup_key: row for row in _rows(sa.select(M).where(M.dedup_key.in_(keys)))} if keys else {}


def _rows(query: sa.Select[OutboxMessage]) -> tuple[MessageRow, ...]:
    found = db.session.scalars(query).all()
    attempts: dict[int, list[AttemptRow]] = defaultdict(list)
    wanted = sa.select(OutboxAttempt).where(OutboxAttempt.message_id.in_([row.id for row in found])).order_by(OutboxAttempt.id)
    for attempt in db.session.scalars(wanted) if found else ():
        attempts[attempt.message_id].append(AttemptRow(attempt.attempted_at, attempt.outcome, attempt.detail))
    return tuple(to_row(row, attempts[row.id]) for row in found)
