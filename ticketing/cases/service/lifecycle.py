"""Moving a case on: `apply_transition` is the only writer of a status, the verbs around it bring what each move needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from ticketing.audit.rules import Act
from ticketing.cases.models import Case, Hold, Point
from ticketing.cases.queries.facts import facts_of
from ticketing.cases.rules import ENDED, Action, Status, check_move, derive_outcome, find_move
from ticketing.cases.service._case import (
    _check_in_cycle,
    _check_occurred,
    _clock,
    _declare_none,
    _follow,
    _latest_response,
    _lock,
    _lock_open,
    _must_apply,
    _note,
    _unit_id,
    _zone,
)
from ticketing.cases.service.classifying import _check_and_settle
from ticketing.cases.service.intake import _pin
from ticketing.cases.service.statements import _withdraw_open
from ticketing.codes import queries as codes
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Severity
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor
from ticketing.packs.rules import EventKind, TargetCode, load
from ticketing.sla import queries as timers
from ticketing.sla import service as sla

ACTS = {
    Action.ACKNOWLEDGE: Act.CASE_ACKNOWLEDGED, Action.CLOSE: Act.CASE_CLOSED, Action.REOPEN: Act.CASE_REOPENED,
    Action.PASS_REVIEW: Act.CASE_RESPONSE_REVIEWED, Action.SIGN_AND_SEND: Act.CASE_RESPONSE_SENT,
    Action.CONFIRM_OUTCOME: Act.CASE_RESPONSE_SENT,
}
EVENTS = {
    Action.ACKNOWLEDGE: EventKind.ACKNOWLEDGED, Action.SETTLE: EventKind.SETTLED, Action.SIGN_AND_SEND: EventKind.ANSWERED,
    Action.CONFIRM_OUTCOME: EventKind.ANSWERED, Action.EXCLUDE: EventKind.ENDED, Action.WITHDRAW: EventKind.ENDED,
    Action.TRANSFER: EventKind.ENDED, Action.MERGE_AS_DUPLICATE: EventKind.ENDED, Action.END_WITHOUT_CONSENT: EventKind.ENDED,
    Action.END_CONTACT: EventKind.ENDED, Action.INVESTIGATE: EventKind.ESCALATED_STAGE,
}
FARTHEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Triage:
    """What triage settles: what sort of case, how grave, under which law, and whether anyone is at risk.

    `why_type`: why it is another sort of case than the policy pack proposes.

    `points` and `outcome_sought` are what intake left open; `is_outcome_unsaid`: they were asked, or cannot be, and nobody knows.
    """

    case_type: CaseType
    severity: Severity
    consent_status: ConsentStatus
    pack: str
    is_danger_now: bool = False
    is_safeguarding: bool = False
    is_inpatient: bool = False
    unit_code: str | None = None
    points: tuple[str, ...] = ()
    outcome_sought: str = ""
    is_outcome_unsaid: bool = False
    why_type: str = ""


@atomic
def apply_transition(
    reference: str, action: Action, why: str = "", *, seen: int | None, by: Actor, at: datetime, occurred_at: datetime | None = None,
) -> None:
    """Make one move of the lifecycle: case, trail, timers and plan move together or not at all.

    `occurred_at` is when it happened, where that was earlier than `at`.  Raises Conflict with everything that is missing, Forbidden
    for a role that may not, NotFound for a case that is hidden or missing.
    """
    case = _lock(reference, seen, by=by)
    if action is Action.REOPEN and case.erased_at is not None:
        raise Conflict("What this case held of people is erased: it cannot be reopened. Log what they say now as a new concern.")
    move = find_move(case.status, action)
    check_move(move, facts_of(case), why, by)
    _check_occurred(case, occurred_at, at, "The day it happened")
    before = case.status
    _set_status(case, move.target, action, by=by, at=occurred_at or at)
    _note(case, ACTS.get(action, Act.CASE_STATUS_MOVED), by=by, at=at, occurred_at=occurred_at, why=why,
          change={"status": (before.value, case.status.value)}, facts=_said(case, action))
    if not case.is_open or action is Action.REOPEN:
        _tie_up(case, by=by, at=at)
    _tell_clock(case, action, by=by, at=at, occurred_at=occurred_at)


@atomic
def triage(reference: str, found: Triage, *, seen: int, by: Actor, at: datetime) -> None:
    """Settle what triage asks, and confirm the policy pack; begins triage if nobody has yet.

    Whoever does it declares no conflict of interest.
    """
    case = _lock_open(reference, seen, by=by)
    if case.status is Status.RECEIVED:
        apply_transition(reference, Action.OPEN_TRIAGE, seen=None, by=by, at=at)
    if case.status is not Status.TRIAGE:
        raise Conflict(f"Triage is over: the case is in {case.status.label.lower()}.")
    _must_apply(case, found.pack)
    known = {kind.code: kind.title for kind in load(found.pack).case_types}
    if found.case_type.value not in known:
        raise Invalid(f"The policy pack “{load(found.pack).name}” has no such type of case. It has: {', '.join(known.values())}.",
                      field="case_type")
    change = {
        "case_type": (case.case_type.value, found.case_type.value), "pack": (case.pack, found.pack),
        "severity": (case.severity.value if case.severity else None, found.severity.value),
        "consent_status": (case.consent_status.value, found.consent_status.value)}
    case.case_type, case.severity, case.consent_status, case.pack = found.case_type, found.severity, found.consent_status, found.pack
    case.is_danger_now, case.is_safeguarding, case.is_inpatient = found.is_danger_now, found.is_safeguarding, found.is_inpatient
    case.is_risk_answered = case.is_pack_confirmed = True
    case.priority = max(case.priority, 2 if found.is_danger_now or found.is_safeguarding else 0)
    case.unit_id = _unit_id(found.unit_code) or case.unit_id
    why = _check_and_settle(case, found.case_type, found.why_type, by=by, at=at)
    declared, private = _declare_none(case, by=by, at=at), _fill_in(case, found)
    _note(case, Act.CASE_TRIAGED, by=by, at=at, why=why, change={name: pair for name, pair in change.items() if pair[0] != pair[1]},
          facts={"is_danger_now": found.is_danger_now, "is_safeguarding": found.is_safeguarding, **declared}, private=private)
    _follow(case, sla.repin(case.id, case.cycle, _pin(case, codes.site_by_id(case.site_id)), at=at), at=at)


def _fill_in(case: Case, found: Triage) -> dict[str, str]:
    """Points and outcome that intake left open; what the trail keeps of them."""
    if found.outcome_sought:
        case.outcome_sought = found.outcome_sought
    if found.is_outcome_unsaid and not case.outcome_sought:
        case.not_known = sorted({*case.not_known, "outcome_sought"})
    last = db.session.scalar(sa.select(sa.func.max(Point.position)).where(Point.case_id == case.id)) or 0
    points = [text for text in found.points if text.strip()]
    db.session.add_all(
        Point(case_id=case.id, position=number, text=text, unit_id=case.unit_id) for number, text in enumerate(points, last + 1))
    told = {f"point_{number}": text for number, text in enumerate(points, last + 1)}
    return {**told, "outcome_sought": found.outcome_sought} if found.outcome_sought else told


@atomic
def acknowledge(
    reference: str, method: ContactMethod, is_discussion_offered: bool, note: str, *, seen: int | None, by: Actor, at: datetime,
    occurred_at: datetime | None = None,
) -> None:
    """Record an acknowledgement a person made, and move on.

    England: SI 2009/309 regulation 13(3), aloud or in writing, with the offer to discuss.
    """
    case = _lock_open(reference, seen, by=by)
    _check_occurred(case, occurred_at, at, "The acknowledgement")
    case.acknowledged_at, case.acknowledgement_method, case.is_discussion_offered = occurred_at or at, method, is_discussion_offered
    apply_transition(reference, Action.ACKNOWLEDGE, note, seen=None, by=by, at=at, occurred_at=occurred_at)


@atomic
def acknowledge_stage(
    reference: str, method: ContactMethod, is_discussion_offered: bool, note: str, *, by: Actor, at: datetime,
    occurred_at: datetime | None = None,
) -> None:
    """Record that a later stage of the procedure, or a new cycle, was acknowledged; Conflict unless its law still waits for that."""
    case = _lock_open(reference, None, by=by)
    _check_occurred(case, occurred_at, at, "The acknowledgement")
    waiting = [item for item in timers.reckonings_of(case.id, at=at)
               if item.cycle == case.cycle and item.target is TargetCode.ACKNOWLEDGE and item.is_waited_for]
    if not waiting or case.status in (Status.RECEIVED, Status.TRIAGE):
        raise Conflict("No acknowledgement of a later stage is waited for. Look at the case again.")
    case.acknowledged_at, case.acknowledgement_method, case.is_discussion_offered = occurred_at or at, method, is_discussion_offered
    _note(case, Act.CASE_ACKNOWLEDGED, by=by, at=at, occurred_at=occurred_at, why=note,
          facts={"method": method.value, "is_discussion_offered": is_discussion_offered})
    _clock(case, EventKind.ACKNOWLEDGED, by=by, at=at, occurred_at=occurred_at)


@atomic
def agree_period(
    reference: str, due_on: date, how: str, *, seen: int | None, by: Actor, at: datetime, is_agreed: bool = True,
    agreed_with: str = "", method: ContactMethod | None = None, occurred_at: datetime | None = None,
) -> None:
    """Set the day by which the response is due, or amend it; every amendment is kept (SI 2009/309 regs 13(7), 14, 17).

    `is_agreed` False: the complainant was only told (a longer period than six months counts only if agreed).  `agreed_with` says who
    agreed or was told, `method` how, `how` what shows it; `occurred_at` when, where that was earlier than `at`.
    """
    case = _lock_open(reference, seen, by=by)
    _check_in_cycle(case, occurred_at, at, "The agreement")
    if due_on < clock.day_of(occurred_at or at, _zone(case)):
        raise Invalid("The response date cannot be in the past.", field="due_on")
    if due_on > (at + FARTHEST).date():
        raise Invalid("Choose a response date within the next five years.", field="due_on")
    before = case.response_due_on
    if before is not None and not how.strip():
        raise Invalid("Say why the date changes and how they were told.", field="how")
    case.response_due_on = due_on
    _note(case, Act.CASE_EXTENDED if before else Act.CASE_PERIOD_AGREED, by=by, at=at, occurred_at=occurred_at, why=how,
          change={"response_due": (before.isoformat() if before else None, due_on.isoformat())},
          facts={"is_agreed": is_agreed, **({"method": method.value} if method else {})},
          private={"agreed_with": agreed_with.strip()} if agreed_with.strip() else {})
    _clock(case, EventKind.EXTENDED if before else EventKind.PERIOD_AGREED, by=by, at=at, occurred_at=occurred_at,
           data={"due_on": due_on.isoformat(), "is_agreed": is_agreed})


@atomic
def scope(
    reference: str, due_on: date, how: str, *, seen: int, by: Actor, at: datetime, is_agreed: bool = True, agreed_with: str = "",
    method: ContactMethod | None = None, occurred_at: datetime | None = None,
) -> None:
    """Agree the response date and move to scoping."""
    agree_period(reference, due_on, how, seen=seen, by=by, at=at, is_agreed=is_agreed, agreed_with=agreed_with, method=method,
                 occurred_at=occurred_at)
    apply_transition(reference, Action.SCOPE, seen=None, by=by, at=at)


@atomic
def close(reference: str, note: str, *, seen: int, by: Actor, at: datetime) -> None:
    """No more local action: derive the outcome from the points and close."""
    case = _lock(reference, seen, by=by)
    case.closing_note = note
    apply_transition(reference, Action.CLOSE, note, seen=None, by=by, at=at)


@atomic
def reopen(reference: str, why: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Begin the next cycle of the same case; the earlier ones stay as they were."""
    apply_transition(reference, Action.REOPEN, why, seen=seen, by=by, at=at)


def _set_status(case: Case, status: Status, action: Action, *, by: Actor, at: datetime) -> None:
    case.status = status
    case.is_open = status not in ENDED
    if status in ENDED:
        case.closed_at = at
    if action is Action.CLOSE:
        case.outcome = derive_outcome(point.finding for point in facts_of(case).points)
    if action in (Action.SIGN_AND_SEND, Action.CONFIRM_OUTCOME):
        case.response_sent_at = at
    if action in (Action.PASS_REVIEW, Action.RETURN_DRAFT):
        _mark_reviewed(case, action, by=by, at=at)


def _mark_reviewed(case: Case, action: Action, *, by: Actor, at: datetime) -> None:
    response = _latest_response(case)
    if response is not None:
        passed = action is Action.PASS_REVIEW
        response.reviewed_at, response.reviewer_id = (at, by.staff_id) if passed else (None, None)


def _said(case: Case, action: Action) -> dict[str, str | bool | int | None]:
    if action is Action.ACKNOWLEDGE and case.acknowledgement_method is not None:
        return {"method": case.acknowledgement_method.value, "is_discussion_offered": case.is_discussion_offered}
    if action is Action.CLOSE:
        return {"outcome": case.outcome.value if case.outcome else None}
    return {"action": action.value, **({"cycle": case.cycle + 1} if action is Action.REOPEN else {})}


def _tie_up(case: Case, *, by: Actor, at: datetime) -> None:
    """Nothing waits any more in a cycle that is over: its hold ends, and questions still out are withdrawn.  Tasks stay: promises do."""
    if case.held_since is not None:
        db.session.execute(sa.update(Hold).where(Hold.case_id == case.id, Hold.until_at.is_(None)).values(until_at=at))
        case.hold_reason = case.held_since = None
    _withdraw_open(case, f"The case is {case.status.label.lower()}.", by=by, at=at)


def _tell_clock(case: Case, action: Action, *, by: Actor, at: datetime, occurred_at: datetime | None) -> None:
    if action is Action.REOPEN:
        _open_next_cycle(case, by=by, at=at, occurred_at=occurred_at)
    elif action is Action.LOG:
        _open_cycle(case, sla.NewEvent(EventKind.RECEIVED, case.received_at), by=by, at=at)
    elif action is not Action.DISCARD:
        _record_move(case, _event_of(case, action), by=by, at=at, occurred_at=occurred_at)


def _event_of(case: Case, action: Action) -> EventKind | None:
    """What a move is to the clock; an investigation begins a stage only under a pack that has stages."""
    kind = EVENTS.get(action)
    if kind is EventKind.ESCALATED_STAGE and kind not in {event.code for event in load(case.pack).events}:
        return None
    return kind


def _record_move(case: Case, kind: EventKind | None, *, by: Actor, at: datetime, occurred_at: datetime | None) -> None:
    """The move's own event; and whatever ends a case ends what still runs on it, also where it was settled or closed."""
    data = {"reason": case.status.value}
    if kind is not None:
        _clock(case, kind, by=by, at=at, occurred_at=occurred_at, data=data if kind is EventKind.ENDED else {})
    if not case.is_open and kind is not EventKind.ENDED:
        ended = sla.NewEvent(EventKind.ENDED, occurred_at, data=data)
        _follow(case, sla.record(case.id, case.cycle, ended, by=by, at=at), at=at)
    elif kind is None:
        _follow(case, sla.refresh(case.id, case.cycle, at=at), at=at)


def _open_next_cycle(case: Case, *, by: Actor, at: datetime, occurred_at: datetime | None) -> None:
    case.cycle += 1
    case.is_open, case.closed_at, case.outcome, case.response_due_on = True, None, None, None
    _open_cycle(case, sla.NewEvent(EventKind.REOPENED, occurred_at or at), by=by, at=at)


def _open_cycle(case: Case, event: sla.NewEvent, *, by: Actor, at: datetime) -> None:
    pin = _pin(case, codes.site_by_id(case.site_id))
    more = [row.pinned for row in timers.pins_of(case.id) if row.cycle == case.cycle - 1 and row.pinned.pack != case.pack]
    opening = sla.Opening(case.id, case.cycle, pin, (event,), tuple(
        replace(pin, pack=each.pack, case_type=each.case_type, is_main=False) for each in more))
    _follow(case, sla.open_cycles([opening], by=by, at=at)[case.id], at=at, happened=(event.kind.value,))
