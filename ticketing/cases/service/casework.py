"""Day-to-day work on a case: points and findings, notes and contacts, holds, tasks and call-backs, priority."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ticketing.accounts.queries import StaffRow
from ticketing.audit.rules import Act
from ticketing.cases.models import Case, Hold, Note, Point, Task
from ticketing.cases.rules import NoteKind, TaskKind, first_position
from ticketing.cases.service._case import (
    _check_in_cycle,
    _check_occurred,
    _clock,
    _follow,
    _lock_hung,
    _lock_open,
    _lock_to_work,
    _must_not_be_barred,
    _must_see,
    _note,
    _point,
    _seal,
    _staff,
    _team,
    _unit_id,
)
from ticketing.codes.rules import BreachReason, Finding, HoldReason
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import GRANTS, Actor, Compartment, Permission
from ticketing.core.references import new_uid
from ticketing.packs.rules import EventKind
from ticketing.sla import queries as timers
from ticketing.sla import service as sla

FARTHEST = timedelta(days=5 * 366)

PRIORITIES = ("usual", "raised", "urgent")


@atomic
def add_point(
    reference: str, text: str, unit_code: str | None, *, by: Actor, at: datetime, compartment: Compartment | None = None,
) -> int:
    """Add a point of complaint, in the complainant's words; returns its position.

    A sealed point is numbered apart, so that no gap tells of it, and stands outside the response: its finding is not waited for.
    """
    case = _lock_open(reference, None, by=by)
    _seal(case, compartment, by=by)
    if not text.strip():
        raise Invalid("Write down the point.", field="text")
    among = Point.compartment.is_(None) if compartment is None else Point.compartment == compartment
    last = db.session.scalar(sa.select(sa.func.max(Point.position)).where(Point.case_id == case.id, among)) or first_position(compartment)
    db.session.add(Point(
        case_id=case.id, position=last + 1, text=text, unit_id=_unit_id(unit_code) or case.unit_id, compartment=compartment))
    _note(case, Act.CASE_POINT_ADDED, by=by, at=at, facts={"number": last + 1}, private={"text": text}, compartment=compartment)
    return last + 1


@atomic
def change_point(reference: str, position: int, text: str, unit_code: str | None, *, seen: int, by: Actor, at: datetime) -> None:
    """Reword a point, as agreed with the complainant."""
    case = _lock_open(reference, seen, by=by)
    point = _point(case, position, by=by)
    if not text.strip():
        raise Invalid("Write down the point.", field="text")
    before, point.text, point.unit_id = point.text, text, _unit_id(unit_code) or point.unit_id
    _note(case, Act.CASE_POINT_CHANGED, by=by, at=at, facts={"number": position}, private={"before": before, "text": text},
          compartment=point.compartment)


@atomic
def record_finding(
    reference: str, position: int, finding: Finding, reason: str, remedy: str, *, by: Actor, at: datetime,
) -> None:
    """What was found about one point, why, and what is done about it."""
    case = _lock_open(reference, None, by=by)
    point = _point(case, position, by=by)
    if not reason.strip():
        raise Invalid("Say what the finding rests on.", field="reason")
    before = point.finding.value if point.finding else None
    point.finding, point.reason, point.remedy = finding, reason, remedy
    _note(case, Act.CASE_FINDING_RECORDED, by=by, at=at, why=reason, facts={"number": position},
          change={"finding": (before, finding.value)}, private={"remedy": remedy} if remedy else {},
          compartment=point.compartment)


@atomic
def add_note(
    reference: str, kind: NoteKind, text: str, *, by: Actor, at: datetime, occurred_at: datetime | None = None,
    compartment: Compartment | None = None,
) -> None:
    """Write a note; an update to the complainant also satisfies the duty to keep them informed, unless it is sealed."""
    case = _lock_to_work(reference, None, by=by)
    _seal(case, compartment, by=by)
    _check_occurred(case, occurred_at, at, "The contact")
    if not text.strip():
        raise Invalid("Write the note.", field="text")
    db.session.add(Note(
        case_id=case.id, kind=kind, text=text, written_at=occurred_at or at, author_id=by.staff_id, compartment=compartment))
    is_update = kind is NoteKind.CONTACT and case.is_open and compartment is None and not _was_before(case, occurred_at)
    _note(case, Act.CASE_PROGRESS_SENT if is_update else Act.CASE_NOTE_ADDED, by=by, at=at, occurred_at=occurred_at,
          facts={"kind": kind.value}, private={"text": text}, compartment=compartment)
    if is_update:
        _clock(case, EventKind.PROGRESS_SENT, by=by, at=at, occurred_at=occurred_at)


@atomic
def send_interim(
    reference: str, days: int, note: str, *, by: Actor, at: datetime, occurred_at: datetime | None = None,
) -> None:
    """Record the interim notice that names a number of days (42 CFR 482.13(a)(2)(ii), guidance A-0122; England: a holding letter)."""
    case = _lock_open(reference, None, by=by)
    _check_in_cycle(case, occurred_at, at, "The holding letter")
    if not 1 <= days <= 365:
        raise Invalid("Say within how many days the written response will follow: 1 to 365.", field="days")
    db.session.add(Note(case_id=case.id, kind=NoteKind.CONTACT, text=note, written_at=occurred_at or at, author_id=by.staff_id))
    _note(case, Act.CASE_INTERIM_SENT, by=by, at=at, occurred_at=occurred_at, facts={"follow_up_days": days},
          private={"text": note} if note else {})
    _clock(case, EventKind.INTERIM_SENT, by=by, at=at, occurred_at=occurred_at, data={"follow_up_days": days})


@atomic
def hold(reference: str, reason: HoldReason, note: str, *, seen: int, by: Actor, at: datetime) -> None:
    """The case waits; each timer reads the hold under its own rule, statutory ones never pause."""
    case = _lock_open(reference, seen, by=by)
    if case.held_since is not None:
        raise Conflict("The case is already on hold. Release it before holding it for another reason.")
    case.hold_reason, case.held_since = reason, at
    db.session.add(Hold(case_id=case.id, cycle=case.cycle, reason=reason, note=note, from_at=at))
    _note(case, Act.CASE_HELD, by=by, at=at, why=note, facts={"reason": reason.value})
    _clock(case, EventKind.HELD, by=by, at=at, data={"reason": reason.value})


@atomic
def release(reference: str, note: str, *, seen: int, by: Actor, at: datetime) -> None:
    """The wait is over."""
    case = _lock_open(reference, seen, by=by)
    if case.held_since is None or case.hold_reason is None:
        raise Conflict("The case is not on hold.")
    reason, case.hold_reason, case.held_since = case.hold_reason, None, None
    db.session.execute(sa.update(Hold).where(Hold.case_id == case.id, Hold.until_at.is_(None)).values(until_at=at))
    _note(case, Act.CASE_RELEASED, by=by, at=at, why=note, facts={"reason": reason.value})
    _clock(case, EventKind.RELEASED, by=by, at=at, data={"reason": reason.value})


@atomic
def add_task(
    reference: str, kind: TaskKind, title: str, due_at: datetime, assignee_uid: str | None, team_code: str | None, *,
    by: Actor, at: datetime, about: str = "", compartment: Compartment | None = None,
) -> str:
    """Something to do, or a promised call-back; returns its uid.  `about`: the breached target whose reason is asked for.

    A sealed one is done by a member of its compartment.
    """
    case = _lock_open(reference, None, by=by)
    _seal(case, compartment, by=by)
    if not title.strip():
        raise Invalid("Say what is to be done.", field="title")
    if due_at > at + FARTHEST:
        raise Invalid("Choose a day within the next five years.", field="due_at")
    assignee = _fit_for_task(case, assignee_uid) if assignee_uid else None
    if compartment is not None and (team_code or (assignee is not None and compartment not in assignee.compartments)):
        raise Invalid("Choose a member of this compartment, or yourself.", field="assignee")
    team = _team(team_code)
    uid = new_uid()
    db.session.add(Task(
        uid=uid, case_id=case.id, kind=kind, title=title, about=about, due_at=due_at, created_at=at, compartment=compartment,
        assignee_id=assignee.id if assignee else None if team else by.staff_id or case.handler_id,
        team_id=team.id if team else None if assignee or by.staff_id or case.handler_id else case.team_id))
    act = Act.CASE_CALL_BACK_ADDED if kind is TaskKind.CALL_BACK else Act.CASE_TASK_ADDED
    _note(case, act, by=by, at=at, facts={"due_at": due_at.isoformat()}, private={"title": title}, compartment=compartment)
    return uid


@atomic
def finish_task(uid: str, outcome: str, *, by: Actor, at: datetime) -> None:
    """It is done; `outcome` says how it went, where that matters."""
    task, case = _lock_hung(Task, uid, "There is no such task.", by=by)
    if task.done_at is not None:
        raise Conflict("This is already done.")
    _finish(task, case, outcome, by=by, at=at)


def _finish(task: Task, case: Case, outcome: str, *, by: Actor, at: datetime) -> None:
    task.done_at, task.done_by_id, task.outcome = at, by.staff_id, outcome
    _note(case, Act.CASE_TASK_DONE, by=by, at=at, private={"title": task.title, **({"outcome": outcome} if outcome else {})},
          compartment=task.compartment)


@atomic
def raise_priority(reference: str, priority: int, why: str, *, by: Actor, at: datetime) -> None:
    """Raise it to 1 (raised) or 2 (urgent); lower values than the present one change nothing."""
    case = _lock_open(reference, None, by=by)
    if priority not in (1, 2):
        raise Invalid("Choose raised or urgent.", field="priority")
    if priority <= case.priority:
        return
    before, case.priority = case.priority, priority
    _note(case, Act.CASE_PRIORITY_RAISED, by=by, at=at, why=why, change={"priority": (PRIORITIES[before], PRIORITIES[priority])})


@atomic
def give_breach_reason(
    reference: str, target: str, subject: str, reason: BreachReason, note: str, *, by: Actor, at: datetime, pack: str = "",
) -> None:
    """Say why a target was missed; the case may have ended since."""
    case = _lock_to_work(reference, None, by=by)
    _follow(case, sla.refresh(case.id, case.cycle, at=at), at=at)
    sla.give_breach_reason(case.id, target, subject, reason.value, pack=pack, at=at)
    _note(case, Act.CASE_BREACH_REASON_GIVEN, by=by, at=at, why=note, facts={"target": target, "subject": subject, "reason": reason.value})
    for task in db.session.scalars(sa.select(Task).where(
            Task.case_id == case.id, Task.about == f"{target}:{subject}", Task.done_at.is_(None))).all():
        _finish(task, case, "", by=by, at=at)


def _was_before(case: Case, moment: datetime | None) -> bool:
    """Whether something recorded late happened before the present cycle began, so that this cycle's clock knows nothing of it."""
    began_at = timers.began_at(case.id, case.cycle) if moment is not None and case.cycle > 1 else None
    return moment is not None and began_at is not None and moment < began_at


def _fit_for_task(case: Case, staff_uid: str) -> StaffRow:
    staff = _staff(staff_uid, "assignee")
    if Permission.WORK_CASES not in GRANTS[staff.role]:
        raise Invalid(f"{staff.name} does not work on cases. Choose an officer or a manager.", field="assignee")
    _must_not_be_barred(case, staff, "be given a task on it")
    _must_see(case, staff)
    return staff
