"""What the verbs of this room share: the locked case, its facts, its clock and its trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, Scalar, case_stream, sealed_stream
from ticketing.calendars import queries as calendars
from ticketing.calendars.rules import WorkingCalendar
from ticketing.cases.models import (
    Case,
    CaseCompartment,
    CaseSubject,
    Declaration,
    Erasure,
    Point,
    ReceiptCorrection,
    ResponseVersion,
    StatementRequest,
    Task,
)
from ticketing.cases.queries.visibility import NO_CASE, barred_from, open_to, readers_of, visible_among, visible_to
from ticketing.cases.rules import SILENT, Status
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.database import db, insert_once
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Compartment, Permission, machine, without_glass
from ticketing.core.references import is_uid, parse_reference
from ticketing.firings import service as firings
from ticketing.firings.rules import Flag, PlanFacts
from ticketing.packs import rules as packs
from ticketing.packs.rules import EventKind
from ticketing.sla import queries as timers
from ticketing.sla import service as sla
from ticketing.sla.rules import Reckoning, State

NO_CONFLICT = "no conflict of interest"
FAR_FUTURE = datetime(9000, 1, 1, tzinfo=UTC)
CLOCK = machine("clock")  # who says that a moment has passed, when a verb is the first to see it

Hung = TypeVar("Hung", Task, StatementRequest, ReceiptCorrection, Erasure)


def _lock(reference: str, seen: int | None, *, by: Actor) -> Case:
    """The case under lock; NotFound if hidden or missing, Conflict if it moved since the person saw it (`seen` None: any version)."""
    known = parse_reference(reference)
    case = _locked(Case.reference == known, by=by) if known else None
    if case is None:
        raise NotFound(NO_CASE)
    if seen is not None and case.version != seen:
        raise Conflict("Somebody changed this case after you opened it. What you typed is kept: look at the change, then send it again.")
    return case


def _locked(which: sa.ColumnElement[bool], *, by: Actor) -> Case | None:
    """Look, lock, and look again: whoever was named while we waited for the lock is kept out.

    A hidden case costs as many statements as a missing one, so that time tells nothing.
    """
    seen = visible_to(without_glass(by))
    case = db.session.scalar(sa.select(Case).where(which, seen).with_for_update().execution_options(populate_existing=True))
    if case is None or db.session.scalar(sa.select(Case.id).where(Case.id == case.id, seen)) is None:
        return None
    return case


def _lock_hung(kind: type[Hung], uid: str, missing: str, *, by: Actor) -> tuple[Hung, Case]:
    """A task, request or correction by its uid, with its case, which is locked first; a hidden one is as good as missing."""
    by.must(Permission.WORK_CASES)
    found = db.session.scalar(
        sa.select(kind).join(Case, Case.id == kind.case_id)
        .where(kind.uid == uid, visible_to(without_glass(by)), *_open_part(kind, by))) if is_uid(uid) else None
    case = _locked(Case.id == found.case_id, by=by) if found is not None else None
    if found is None or case is None:
        raise NotFound(missing)
    db.session.refresh(found)
    return found, case


def _open_part(kind: type[Any], by: Actor) -> tuple[sa.ColumnElement[bool], ...]:
    """That a part of a case is open to this person, for the kinds that can be sealed."""
    return (open_to(by, kind.compartment),) if hasattr(kind, "compartment") else ()


def _must_be_open(case: Case) -> None:
    if not case.is_open:
        raise Conflict(f"This case has ended ({case.status.label.lower()}). Reopen it first.")


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
    _must_be_open(case)
    return case


def _note(
    case: Case, act: Act, *, by: Actor, at: datetime, occurred_at: datetime | None = None, why: str = "",
    change: Mapping[str, tuple[Scalar, Scalar]] | None = None, facts: Mapping[str, Scalar] | None = None,
    private: Mapping[str, str] | None = None, compartment: Compartment | None = None,
) -> None:
    """One entry on the case's stream, and the case counts as changed; or on a compartment's, and the case shows no sign of it."""
    if compartment is not None:
        stream = _stream(case.reference, compartment)
        audit.record(stream, act, by=by, at=at, occurred_at=occurred_at, why=why, change=change, facts=facts, private=private)
        return
    case.version += 1
    if not by.is_machine:  # a reminder is not work on the case: silence must not be broken by what it set off
        case.last_activity_at = max(case.last_activity_at, at)
    audit.record(
        case_stream(case.reference), act, by=by, at=at, occurred_at=occurred_at, why=why, change=change, facts=facts, private=private)


def _stream(reference: str, compartment: Compartment | None) -> str:
    """The chain that tells of a part of a case."""
    return case_stream(reference) if compartment is None else sealed_stream(reference, compartment)


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
    _note_breaches(case, by=CLOCK, at=at)
    firings.plan(_plan_facts(case, codes.site_by_id(case.site_id), _hours_of(reckoned), happened), reckoned, at=at)


def _note_breaches(case: Case, *, by: Actor, at: datetime) -> int:
    """An entry for each missed moment that the trail does not tell of yet, dated when it was missed; returns how many."""
    missed = sla.note_breaches([case.id], at=at)
    for row in missed:
        _note(case, Act.CASE_BREACHED, by=by, at=at, occurred_at=row.due_at,
              facts={"target": row.target, "subject": row.subject, "pack": row.pack})
    return len(missed)


def _mirror(case: Case, reckoned: tuple[Reckoning, ...]) -> None:
    waiting = [item for item in reckoned if item.due_at and item.is_waited_for] if case.is_open else []
    nearest = min(waiting, key=lambda item: item.due_at or FAR_FUTURE, default=None)
    case.next_target = nearest.target.value if nearest else None
    case.next_pack, case.next_subject = (nearest.pack, nearest.subject) if nearest else (None, None)
    case.next_occurrence = nearest.occurrence if nearest else None
    case.next_due_at = nearest.due_at if nearest else None
    case.queue_at = case.next_due_at or FAR_FUTURE
    case.is_breached = any(item.state is State.BREACHED for item in waiting)


def _hours_of(reckoned: tuple[Reckoning, ...]) -> WorkingCalendar | None:
    """The opening hours of the calendar a case is pinned to, from what was reckoned with it."""
    return next((item.calendar for item in reckoned if item.calendar is not None), None)


def _plan_facts(
    case: Case, site: codes.SiteRow, hours: WorkingCalendar | None, happened: tuple[str, ...] = (),
) -> PlanFacts:
    return PlanFacts(
        case_id=case.id, cycle=case.cycle, is_open=case.is_open, case_type=case.case_type.value,
        severity=case.severity.value if case.severity else None, site_id=case.site_id, team_id=case.team_id,
        is_danger_now=case.is_danger_now, calendar=site.calendar, zone=site.zone, last_activity_at=case.last_activity_at, pack=case.pack,
        happened=happened, unit_id=case.unit_id, flags=_flags(case), received_at=case.received_at, ended_at=case.closed_at,
        is_silent=case.status in SILENT, hours=hours or calendars.present(site.calendar, site.zone))


def _flags(case: Case) -> frozenset[str]:
    flagged = {Flag.DANGER: case.is_danger_now, Flag.SAFEGUARDING: case.is_safeguarding, Flag.INPATIENT: case.is_inpatient,
               Flag.ANONYMOUS: case.is_anonymous}
    return frozenset(flag.value for flag, is_set in flagged.items() if is_set)


def _zone(case: Case) -> str:
    return codes.site_by_id(case.site_id).zone


def _latest_response(case: Case) -> ResponseVersion | None:
    return db.session.scalar(
        sa.select(ResponseVersion).where(ResponseVersion.case_id == case.id, ResponseVersion.cycle == case.cycle,
                                         ResponseVersion.set_aside_at.is_(None))
        .order_by(ResponseVersion.number.desc()).limit(1))


def _seal(case: Case, compartment: Compartment | None, *, by: Actor) -> None:
    """Something is put into this compartment by one of its members; the others see neither that nor that there is anything."""
    if compartment is None:
        return
    if compartment not in by.compartments:
        raise Invalid("Only its members can put something into this compartment.", field="compartment")
    insert_once(CaseCompartment, {"case_id": case.id, "compartment": compartment}, conflict=["case_id", "compartment"])


def _point(case: Case, position: int, *, by: Actor) -> Point:
    point = db.session.scalar(
        sa.select(Point).where(Point.case_id == case.id, Point.position == position, open_to(by, Point.compartment)))
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


def _is_named(case: Case, staff_id: int) -> bool:
    return db.session.scalar(
        sa.select(CaseSubject.id).where(CaseSubject.case_id == case.id, CaseSubject.staff_id == staff_id)) is not None


def _declared(case: Case, staff_id: int) -> bool | None:
    """Whether this person said they have a conflict of interest in the case; None if they have not been asked."""
    return db.session.scalar(
        sa.select(Declaration.has_conflict).where(Declaration.case_id == case.id, Declaration.staff_id == staff_id)
        .order_by(Declaration.id.desc()).limit(1))


def _declare_none(case: Case, *, by: Actor, at: datetime) -> dict[str, Scalar]:
    """Whoever takes up a case says so that they have no conflict of interest in it; what the trail is told of that.

    Raises Conflict for somebody who declared one.
    """
    if by.staff_id is None:
        return {}
    said = _declared(case, by.staff_id)
    if said:
        raise Conflict("You declared a conflict of interest in this case, so you cannot take it up. A manager has been told.")
    if said is None:
        db.session.add(Declaration(case_id=case.id, staff_id=by.staff_id, has_conflict=False, declared_at=at))
    return {"conflict": NO_CONFLICT}


def _is_barred(case: Case, staff_id: int) -> bool:
    """Whether they must stay out of the case: named in it, or the direct manager of somebody who is."""
    return staff_id in barred_from([case.id]).get(case.id, frozenset())


def _must_not_be_barred(case: Case, staff: accounts.StaffRow, what: str) -> None:
    if _is_named(case, staff.id):
        raise Conflict(f"{staff.name} is named in this concern, so they cannot {what}. Choose somebody else.")
    if _is_barred(case, staff.id):
        raise Conflict(f"Somebody who reports to {staff.name} is named in this concern, so they cannot {what}. Choose somebody else.")


def _must_be_listed(case: Case, staff: accounts.StaffRow) -> None:
    if case.is_confidential and staff.id not in readers_of(case.id):
        raise Conflict(f"This case is confidential, and {staff.name} is not on its list. Put them on the list first.")


def _must_see(case: Case, staff: accounts.StaffRow) -> None:
    _must_be_listed(case, staff)
    if not visible_among([case.id], staff.actor):
        raise Conflict(f"{staff.name} does not see this case: it belongs to another team. Choose somebody of its team.")


def _unit_id(code: str | None) -> int | None:
    if not code:
        return None
    try:
        return codes.unit_by_code(code).id
    except NotFound:
        raise Invalid("Choose a ward or department from the list.", field="unit") from None


def _must_apply(case: Case, pack: str) -> None:
    """A case comes under the law of the day on which it was received; Invalid names the law that took another's place."""
    if pack not in packs.codes():
        raise Invalid("Choose a policy pack from the list.", field="pack")
    right = packs.law_on(pack, clock.day_of(case.received_at, _zone(case)))
    if right != pack:
        raise Invalid(f"“{packs.load(pack).name}” is not the law for a concern received on that day. "
                      f"Choose “{packs.load(right).name}”.", field="pack")


def _check_occurred(case: Case, moment: datetime | None, at: datetime, what: str) -> None:
    """A thing recorded later happened after receipt and not in the future."""
    if moment is None:
        return
    if moment > at:
        raise Invalid(f"{what} cannot be in the future.", field="occurred_at")
    if moment < case.received_at:
        raise Invalid(f"{what} cannot have been before the concern was received.", field="occurred_at")


def _check_in_cycle(case: Case, moment: datetime | None, at: datetime, what: str) -> None:
    """The same, for a thing that belongs to the present cycle: it did not happen before the case was reopened."""
    _check_occurred(case, moment, at, what)
    began_at = timers.began_at(case.id, case.cycle) if moment is not None and case.cycle > 1 else None
    if moment is not None and began_at is not None and moment < began_at:
        raise Invalid(f"{what} cannot have been before the case was reopened.", field="occurred_at")
