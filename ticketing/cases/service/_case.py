"""What the verbs of this room share: the locked case, its facts, its clock and its trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, Scalar, case_stream
from ticketing.cases.models import Case, CaseSubject, Point, ResponseVersion
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.rules import CaseFacts, PointFacts, Status
from ticketing.codes import queries as codes
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.firings import service as firings
from ticketing.firings.rules import PlanFacts
from ticketing.packs.rules import EventKind
from ticketing.sla import service as sla
from ticketing.sla.rules import Reckoning, State

FAR_FUTURE = datetime(9000, 1, 1, tzinfo=UTC)
URGENT = (State.RUNNING, State.BREACHED)


def _lock(reference: str, seen: int | None, *, by: Actor) -> Case:
    """The case under lock; NotFound if hidden or missing, Conflict if it moved since the person saw it (`seen` None: any version)."""
    case = db.session.scalar(
        sa.select(Case).where(Case.reference == reference, visible_to(by)).with_for_update().execution_options(populate_existing=True))
    if case is None:
        raise NotFound("There is no such case. Check the reference and try again.")
    if seen is not None and case.version != seen:
        raise Conflict("Somebody changed this case after you opened it. What you typed is kept: look at the change, then send it again.")
    return case


def _lock_to_work(reference: str, seen: int | None, *, by: Actor) -> Case:
    """The case under lock, for somebody who works cases."""
    by.must(Permission.WORK_CASES)
    case = _lock(reference, seen, by=by)
    if case.status is Status.DRAFT:
        raise Conflict("This is still a draft. Log it as received first.")
    return case


def _lock_open(reference: str, seen: int | None, *, by: Actor) -> Case:
    """The same, while there is still work on it."""
    case = _lock_to_work(reference, seen, by=by)
    if not case.is_open:
        raise Conflict(f"This case has ended ({case.status.label.lower()}). Reopen it first.")
    return case


def _note(
    case: Case, act: Act, *, by: Actor, at: datetime, occurred_at: datetime | None = None, why: str = "",
    change: Mapping[str, tuple[Scalar, Scalar]] | None = None, facts: Mapping[str, Scalar] | None = None,
    private: Mapping[str, str] | None = None,
) -> None:
    """One entry on the case's stream; the case counts as changed."""
    case.version += 1
    if not by.is_machine:  # a reminder is not work on the case: silence must not be broken by what it set off
        case.last_activity_at = max(case.last_activity_at, at)
    audit.record(
        case_stream(case.reference), act, by=by, at=at, occurred_at=occurred_at, why=why, change=change, facts=facts, private=private)


def _clock(
    case: Case, kind: EventKind, *, by: Actor, at: datetime, occurred_at: datetime | None = None, subject: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Record an SLA event and bring timers, worklist columns and planned firings up to date."""
    event = sla.NewEvent(kind, occurred_at, subject, data or {})
    _follow(case, sla.record(case.id, case.cycle, event, by=by, at=at), at=at, happened=(kind.value,))


def _follow(case: Case, reckoned: tuple[Reckoning, ...], *, at: datetime, happened: tuple[str, ...] = ()) -> None:
    """Mirror the reckonings in the case's worklist columns and replan its firings."""
    _mirror(case, reckoned)
    firings.plan(_plan_facts(case, happened), reckoned, at=at)


def _mirror(case: Case, reckoned: tuple[Reckoning, ...]) -> None:
    waiting = [item for item in reckoned if item.due_at and item.met_at is None and item.state in URGENT] if case.is_open else []
    nearest = min(waiting, key=lambda item: item.due_at or FAR_FUTURE, default=None)
    case.next_target = nearest.target.value if nearest else None
    case.next_due_at = nearest.due_at if nearest else None
    case.queue_at = case.next_due_at or FAR_FUTURE
    case.is_breached = any(item.state is State.BREACHED for item in waiting)


def _plan_facts(case: Case, happened: tuple[str, ...] = ()) -> PlanFacts:
    site = codes.site_by_id(case.site_id)
    return PlanFacts(
        case_id=case.id, cycle=case.cycle, is_open=case.is_open, case_type=case.case_type.value,
        severity=case.severity.value if case.severity else None, site_id=case.site_id, team_id=case.team_id,
        is_danger_now=case.is_danger_now, calendar=site.calendar, zone=site.zone, last_activity_at=case.last_activity_at, pack=case.pack,
        happened=happened)


def _zone(case: Case) -> str:
    return codes.site_by_id(case.site_id).zone


def _facts(case: Case) -> CaseFacts:
    """What the lifecycle's guards look at."""
    points = db.session.scalars(sa.select(Point).where(Point.case_id == case.id).order_by(Point.position)).all()
    response = _latest_response(case)
    subjects = db.session.scalars(sa.select(CaseSubject.staff_id).where(CaseSubject.case_id == case.id)).all()
    return CaseFacts(
        status=case.status, severity=case.severity, consent_status=case.consent_status, is_anonymous=case.is_anonymous,
        is_risk_answered=case.is_risk_answered, is_pack_confirmed=case.is_pack_confirmed,
        has_acknowledgement=case.acknowledged_at is not None, is_discussion_offered=case.is_discussion_offered,
        is_period_agreed=case.response_due_on is not None,
        points=tuple(PointFacts(point.position, point.finding, point.reason, point.remedy) for point in points),
        has_draft=response is not None and bool(response.text), is_reviewed=response is not None and response.reviewed_at is not None,
        drafter_id=response.drafter_id if response else None, subject_ids=frozenset(subjects),
        has_dispatch=response is not None and response.sent_at is not None, open_statements=case.open_statements)


def _latest_response(case: Case) -> ResponseVersion | None:
    return db.session.scalar(
        sa.select(ResponseVersion).where(ResponseVersion.case_id == case.id, ResponseVersion.cycle == case.cycle)
        .order_by(ResponseVersion.number.desc()).limit(1))


def _point(case: Case, position: int) -> Point:
    point = db.session.scalar(sa.select(Point).where(Point.case_id == case.id, Point.position == position))
    if point is None:
        raise NotFound(f"This case has no point {position}.")
    return point


def _staff(uid: str, field: str = "staff") -> accounts.StaffRow:
    """An active member of staff; Invalid if there is none."""
    try:
        staff = accounts.staff_by_uid(uid)
    except NotFound:
        staff = None
    if staff is None or not staff.is_active:
        raise Invalid("Choose a member of staff from the list.", field=field)
    return staff


def _team(code: str | None) -> accounts.TeamRow | None:
    """The team with this code, None for no code; Invalid if there is none."""
    if not code:
        return None
    try:
        return accounts.team_by_code(code)
    except NotFound:
        raise Invalid("Choose a team from the list.", field="team") from None


def _unit_id(code: str | None) -> int | None:
    if not code:
        return None
    try:
        return codes.unit_by_code(code).id
    except NotFound:
        raise Invalid("Choose a ward or department from the list.", field="unit") from None


def _not_in_future(moment: datetime | None, at: datetime, what: str, field: str) -> None:
    if moment is not None and moment > at:
        raise Invalid(f"{what} cannot be in the future.", field=field)
