"""The verbs of the outbox: queue with the change, claim under a lease, note each attempt, give a message another chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from flask import current_app

from ticketing.audit import service as audit
from ticketing.audit.rules import clean
from ticketing.core.database import among, atomic, db, insert_once, insert_rows
from ticketing.core.errors import Conflict, NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import new_uid
from ticketing.outbox.models import OutboxAttempt, OutboxMessage
from ticketing.outbox.queries import MessageRow, to_row
from ticketing.outbox.rules import (
    AMBIGUOUS,
    CAP_WAIT,
    DIGEST,
    DIGEST_WAIT,
    DIGEST_WAIT_FIRST,
    HOURLY_CAP,
    LEASE,
    MessageState,
    NewMessage,
    Outcome,
    fate_of,
    one_line,
    over_budget,
    storable,
)

M = OutboxMessage
MESSAGES = cast(sa.Table, OutboxMessage.__table__)


@atomic
def queue(message: NewMessage, *, at: datetime) -> str:
    """Leave a message to be sent once the verb in hand has committed; returns its uid, the earlier one where the key is taken."""
    values = _values(message, at, _domain())
    if insert_once(OutboxMessage, values, conflict=["dedup_key"]):
        return cast(str, values["uid"])
    return cast(str, db.session.scalar(sa.select(M.uid).where(M.dedup_key == values["dedup_key"])))


@atomic
def queue_many(messages: Sequence[NewMessage], *, budget: int, at: datetime) -> None:
    """Leave many messages with two statements, those whose key is taken left out.

    A member of staff who had `budget` of them within the hour gets the rest gathered into one mail: see `gather`.
    """
    domain, sent = _domain(), _noticed_lately({message.staff_uid for message in messages if message.staff_uid}, at) if budget else {}
    rows = []
    for message in messages:
        row, had = _values(message, at, domain), sent.get(message.staff_uid or "", 0)
        if budget and over_budget(message, had, budget):
            row["state"] = MessageState.GATHERED
            row["next_attempt_at"] += DIGEST_WAIT_FIRST if message.is_first else DIGEST_WAIT
        elif message.staff_uid and message.url is None:
            sent[message.staff_uid] = had + 1
        rows.append(row)
    insert_rows(MESSAGES, rows, is_lenient=True)


@atomic
def forget_case(reference: str, *, at: datetime) -> int:
    """Destroy to whom messages about a case went and what they said; what has not left stays here.  Returns how many there were."""
    _ = at
    mine = M.case_reference == reference
    ids = sa.select(M.id).where(mine)
    db.session.execute(sa.update(OutboxAttempt).where(OutboxAttempt.message_id.in_(ids)).values(detail=""),
                       execution_options={"synchronize_session": False})
    unsent = sa.and_(mine, M.state.in_((MessageState.QUEUED, MessageState.SENDING, MessageState.GATHERED)))
    db.session.execute(sa.update(M).where(unsent).values(state=MessageState.WITHHELD, next_attempt_at=None),
                       execution_options={"synchronize_session": False})
    gone: Any = db.session.execute(
        sa.update(M).where(mine).values(recipient_email="", recipient_name="", subject="(erased)", context={}, url=None, last_error=""),
        execution_options={"synchronize_session": False})
    return int(gone.rowcount)


@atomic
def gather(*, at: datetime, limit: int = 50) -> int:
    """Make one mail for each person whose gathered notices are due, of all that wait for them; returns how many mails."""
    waiting = (M.state == MessageState.GATHERED, M.gathered_into.is_(None))
    due = db.session.scalars(sa.select(M.staff_uid).where(*waiting, M.next_attempt_at <= at).group_by(M.staff_uid).limit(limit)).all()
    made = 0
    for staff_uid in sorted(uid for uid in due if uid):
        query = sa.select(M).where(*waiting, M.staff_uid == staff_uid).order_by(M.id).with_for_update(skip_locked=True)
        rows = db.session.scalars(query).all()
        if rows:
            made += 1
            digest = queue(_digest_of(rows), at=at)
            for row in rows:
                row.gathered_into, row.next_attempt_at = digest, None
    return made


@atomic
def claim(*, at: datetime, limit: int = 20, with_mail: bool = True, with_calls: bool = True) -> tuple[MessageRow, ...]:
    """Take up to `limit` due messages for ten minutes; no other deliverer gets them meanwhile.

    Mail is left alone where there is no server for it, and so are calls.

    A message whose earlier lease ran out is taken over.  Messages beyond a recipient's hourly cap are put off instead.
    """
    wanted = (M.next_attempt_at <= at, M.state != MessageState.GATHERED, *_of_kind(with_mail, with_calls))
    due = sa.select(M).where(*wanted).order_by(M.next_attempt_at, M.id).limit(limit).with_for_update(skip_locked=True)
    lease, claimed = new_uid(), []
    rows = db.session.scalars(due).all()
    sent = _sent_lately([row.recipient_email for row in rows], at)
    for row in rows:
        if row.state is MessageState.SENDING and not _take_over(row, at):
            continue
        if row.url is None and sent[row.recipient_email] >= HOURLY_CAP:
            row.state, row.next_attempt_at = MessageState.QUEUED, at + CAP_WAIT
            continue
        sent[row.recipient_email] += 1
        row.state, row.lease, row.next_attempt_at = MessageState.SENDING, lease, at + LEASE
        claimed.append(row)
    db.session.flush()
    return tuple(to_row(row) for row in claimed)


@atomic
def begin_attempt(message: MessageRow, *, at: datetime) -> int | None:
    """Note, just before sending, that an attempt begins; its id, or None if the lease has gone to somebody else."""
    values = {"attempt_count": M.attempt_count + 1}
    if not _update_leased(message, values):
        return None
    attempt = OutboxAttempt(message_id=message.id, attempted_at=at, outcome=Outcome.STARTED, detail="")
    db.session.add(attempt)
    db.session.flush()
    return attempt.id


@atomic
def note_sent(message: MessageRow, attempt_id: int, answer: str, *, at: datetime) -> bool:
    """The server took it.  False if the lease was lost meanwhile: whoever holds it now decides what the message's state is."""
    _finish_attempt(attempt_id, Outcome.ACCEPTED, answer)
    done = {"state": MessageState.SENT, "sent_at": at, "next_attempt_at": None, "lease": None, "last_error": ""}
    is_ours = _update_leased(message, done)
    if is_ours:
        _share_fate(message, {"state": MessageState.SENT, "sent_at": at})
    return is_ours


@atomic
def note_failed(message: MessageRow, attempt_id: int | None, outcome: Outcome, reason: str, *, at: datetime) -> MessageState:
    """The attempt failed (`attempt_id` None: it was never offered to a server); the state the message now has."""
    if attempt_id is None:
        db.session.add(OutboxAttempt(message_id=message.id, attempted_at=at, outcome=outcome, detail=reason))
    else:
        _finish_attempt(attempt_id, outcome, reason)
    attempts = message.attempt_count + 1
    ambiguous = message.ambiguous_count + (outcome in AMBIGUOUS)
    fate = fate_of(outcome, reason, attempts=attempts, ambiguous=ambiguous, waiting_since=message.waiting_since, at=at)
    _update_leased(message, {
        "state": fate.state, "next_attempt_at": fate.next_attempt_at, "last_error": fate.reason, "lease": None,
        "attempt_count": attempts, "ambiguous_count": ambiguous,
    })
    if fate.state is MessageState.DEAD:
        _share_fate(message, {"state": MessageState.DEAD, "last_error": fate.reason})
    return fate.state


@atomic
def withhold(message: MessageRow, reason: str, *, at: datetime) -> None:
    """It may not go to this recipient: kept, with the reason, and not sent."""
    held = {"state": MessageState.WITHHELD, "next_attempt_at": None, "lease": None, "last_error": reason}
    if message.state is MessageState.GATHERED:
        db.session.execute(sa.update(M).where(M.id == message.id, M.state == MessageState.GATHERED).values(**held))
    elif _update_leased(message, held):
        _share_fate(message, {"state": MessageState.WITHHELD, "last_error": reason})
        db.session.add(OutboxAttempt(message_id=message.id, attempted_at=at, outcome=Outcome.REFUSED, detail=f"Held back: {reason}"))


@atomic
def withhold_about(reference: str, staff_uids: Sequence[str], reason: str, *, but: Sequence[str] = (), at: datetime) -> int:
    """Part of a verb that records it: hold back what waits to go to these people about one case, but for these templates."""
    waiting = db.session.scalars(sa.select(M).where(
        M.case_reference == reference, M.staff_uid.in_(staff_uids), M.template.not_in(but),
        M.state.in_((MessageState.QUEUED, MessageState.FAILED))).with_for_update()).all()
    for row in waiting:
        row.state, row.next_attempt_at, row.lease, row.last_error = MessageState.WITHHELD, None, None, reason
        db.session.add(OutboxAttempt(message_id=row.id, attempted_at=at, outcome=Outcome.REFUSED, detail=f"Held back: {reason}"))
    return len(waiting)


@atomic
def put_back(messages: Sequence[MessageRow], *, wait: timedelta, at: datetime) -> None:
    """Claimed but not tried: due again after `wait`, with nothing counted against them."""
    for message in messages:
        state = MessageState.FAILED if message.attempt_count else MessageState.QUEUED
        _update_leased(message, {"state": state, "next_attempt_at": at + wait, "lease": None})


@atomic
def requeue(uid: str, *, by: Actor, at: datetime) -> None:
    """A person asks for another try of a message that was given up, held back, or is waiting for its next one."""
    by.must(Permission.MANAGE_RULES)
    row = db.session.scalar(sa.select(M).where(M.uid == uid).with_for_update())
    if row is None:
        raise NotFound("This message does not exist. Go back to the list of messages.")
    if row.state not in (MessageState.DEAD, MessageState.WITHHELD, MessageState.FAILED):
        raise Conflict("This message is already on its way or delivered. There is nothing to send again.")
    audit.record(
        audit.ADMIN_STREAM, audit.Act.MESSAGE_REQUEUED, by=by, at=at, change={"state": (row.state, MessageState.QUEUED)},
        facts={"message": uid, "kind": row.kind}, about=audit.case_stream(row.case_reference) if row.case_reference else None,
    )
    row.state, row.next_attempt_at, row.waiting_since, row.lease = MessageState.QUEUED, at, at, None
    row.attempt_count, row.ambiguous_count = 0, 0
    if row.gathered_into is not None:  # its digest is gone; it goes by itself
        row.gathered_into = None


def _values(message: NewMessage, at: datetime, domain: str) -> dict[str, Any]:
    uid = new_uid()
    first = max(at, message.not_before or at)
    return {
        "uid": uid, "message_id": f"<{uid}@{domain}>", "dedup_key": message.dedup_key or uid, "kind": message.kind,
        "recipient_email": clean(message.recipient_email).strip(), "recipient_name": one_line(message.recipient_name),
        "subject": one_line(message.subject), "template": message.template, "context": storable(message.context),
        "case_reference": message.case_reference, "staff_uid": message.staff_uid, "compartment": message.compartment,
        "state": MessageState.QUEUED,
        "next_attempt_at": first, "attempt_count": 0, "ambiguous_count": 0, "created_at": at, "waiting_since": first, "last_error": "",
        "url": message.url, "is_first": message.is_first,
    }


def _digest_of(rows: Sequence[OutboxMessage]) -> NewMessage:
    first = rows[0]
    return NewMessage(
        DIGEST, first.recipient_email, first.recipient_name, f"{len(rows)} escalations in one mail", "digest",
        {"first_name": str(first.context.get("first_name", ""))}, f"digest:{first.staff_uid}:{first.uid}", staff_uid=first.staff_uid)


def _of_kind(with_mail: bool, with_calls: bool) -> list[sa.ColumnElement[bool]]:
    if with_mail and with_calls:
        return []
    return [M.url.is_(None) if with_mail else M.url.is_not(None) if with_calls else sa.false()]


def _noticed_lately(staff_uids: set[str], at: datetime) -> dict[str, int]:
    """How many notices leave for each by themselves, within the last hour or still ahead."""
    lately = sa.select(M.staff_uid, sa.func.count()).where(
        among(M.staff_uid, staff_uids), M.waiting_since > at - timedelta(hours=1), M.kind == "escalation", M.state != MessageState.GATHERED,
        M.gathered_into.is_(None)).group_by(M.staff_uid)
    return {str(row[0]): row[1] for row in db.session.execute(lately)} if staff_uids else {}


def _share_fate(message: MessageRow, values: dict[str, Any]) -> None:
    """What became of a digest became of each of its lines that was not held back."""
    if message.kind == DIGEST:
        lines = sa.update(M).where(M.gathered_into == message.uid, M.state == MessageState.GATHERED).values(**values)
        db.session.execute(lines, execution_options={"synchronize_session": False})


def _take_over(row: OutboxMessage, at: datetime) -> bool:
    """The deliverer who had it is gone.  True if it may be tried again."""
    unfinished = sa.select(OutboxAttempt).where(OutboxAttempt.message_id == row.id, OutboxAttempt.outcome == Outcome.STARTED)
    attempts = db.session.scalars(unfinished).all()
    for attempt in attempts:
        attempt.outcome, attempt.detail = Outcome.INTERRUPTED, "The program stopped before the answer was noted."
    row.ambiguous_count += len(attempts)
    if not attempts:
        return True
    fate = fate_of(
        Outcome.INTERRUPTED, "The program stopped while sending.", attempts=row.attempt_count, ambiguous=row.ambiguous_count,
        waiting_since=row.waiting_since, at=at,
    )
    row.last_error = fate.reason
    if fate.state is MessageState.DEAD:
        row.state, row.next_attempt_at, row.lease = fate.state, None, None
    return fate.state is not MessageState.DEAD


def _sent_lately(emails: Sequence[str], at: datetime) -> Counter[str]:
    """How many each address was sent in the last hour or is being sent now."""
    lately = sa.or_(M.sent_at > at - timedelta(hours=1), sa.and_(M.state == MessageState.SENDING, M.next_attempt_at > at))
    query = sa.select(M.recipient_email, sa.func.count()).where(M.recipient_email.in_(set(emails)), lately).group_by(M.recipient_email)
    return Counter({row[0]: row[1] for row in db.session.execute(query)})


def _update_leased(message: MessageRow, values: dict[str, Any]) -> bool:
    """Change a message only while this deliverer's lease holds."""
    statement = sa.update(M).where(M.id == message.id, M.lease == message.lease).values(**values)
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return bool(cast(sa.CursorResult[Any], result).rowcount)


def _finish_attempt(attempt_id: int, outcome: Outcome, detail: str) -> None:
    statement = sa.update(OutboxAttempt).where(OutboxAttempt.id == attempt_id).values(outcome=outcome, detail=detail)
    db.session.execute(statement, execution_options={"synchronize_session": False})


def _domain() -> str:
    return str(current_app.config["MAIL_FROM"]).rpartition("@")[2] or "localhost"
