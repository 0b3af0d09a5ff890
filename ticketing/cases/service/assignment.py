"""Who has the case: take, assign, hand over; absence respected, and nobody named in a concern ever gets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit.rules import Act, Scalar
from ticketing.cases.models import Assignment, Case, Task
from ticketing.cases.queries.visibility import readers_of
from ticketing.cases.service._case import (
    _declare_none,
    _declared,
    _follow,
    _is_barred,
    _lock_open,
    _must_be_listed,
    _must_not_be_barred,
    _note,
    _staff,
    _team,
    _zone,
)
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Forbidden, Invalid
from ticketing.core.permissions import GRANTS, Actor, Permission
from ticketing.sla import service as sla

HANDLERS = frozenset(role for role, granted in GRANTS.items() if Permission.WORK_CASES in granted)


@atomic
def take(reference: str, *, by: Actor, at: datetime) -> None:
    """Take an unassigned case, declaring no conflict of interest; of two who try at once, one gets it and the other reads who."""
    case = _lock_open(reference, None, by=by)
    if case.handler_id == by.staff_id:
        return
    if case.handler_id is not None:
        name = accounts.names_by_id([case.handler_id]).get(case.handler_id, "Somebody")
        raise Conflict(f"{name} has this case already. Ask them to hand it over, or reassign it.")
    _give(case, by.staff_id, case.team_id, "", Act.CASE_TAKEN, by=by, at=at, facts=_declare_none(case, by=by, at=at))


@atomic
def assign(
    reference: str, staff_uid: str | None, team_code: str | None, note: str, *, seen: int | None, by: Actor, at: datetime,
    accept_absence: bool = False,
) -> None:
    """Give a case to a person or a team, with a hand-over note.  Raises Conflict for somebody on leave, naming the deputy."""
    by.must(Permission.ASSIGN_CASES)
    case = _lock_open(reference, seen, by=by)
    if not staff_uid and not team_code:
        raise Invalid("Choose a person or a team.", field="staff")
    if case.handler_id is not None and not note.strip():
        raise Invalid("Write a hand-over note: what is done, what is next, what was promised.", field="note")
    team = _team(team_code)
    staff_id = _fit_to_handle(case, staff_uid, accept_absence, at) if staff_uid else None
    declared = _declare_none(case, by=by, at=at) if staff_id is not None and staff_id == by.staff_id else {}
    was_held, team_before = case.handler_id is not None, case.team_id
    _give(case, staff_id, team.id if team else case.team_id, note, Act.CASE_HANDED_OVER if was_held else Act.CASE_ASSIGNED, by=by, at=at,
          facts=declared)
    if case.team_id != team_before:  # the ladder may differ from team to team
        _follow(case, sla.refresh(case.id, case.cycle, at=at), at=at)


@atomic
def hand_over_all(staff_id: int, to_staff_uid: str | None, note: str, *, by: Actor, at: datetime) -> int:
    """Every open case and task of a leaver goes to somebody else, or back to the team; returns how many cases.

    An heir who is named in a concern gets nothing of it.  The leaver's closed cases stay in their name.
    """
    if not (by.may(Permission.ASSIGN_CASES) or by.may(Permission.MANAGE_STAFF)):
        raise Forbidden("Only those who assign cases or manage staff can hand over somebody's cases.")
    successor = _heir(to_staff_uid, staff_id) if to_staff_uid else None
    tasks = sa.select(Task.case_id).where(Task.assignee_id == staff_id, Task.done_at.is_(None))
    cases = db.session.scalars(
        sa.select(Case).where(sa.or_(sa.and_(Case.handler_id == staff_id, Case.is_open), Case.id.in_(tasks))).order_by(Case.id)
        .with_for_update().execution_options(populate_existing=True)).all()
    handed = 0
    for case in cases:
        heir = successor if successor is not None and _may_get(case, successor) else None
        if case.handler_id == staff_id and case.is_open:
            _give(case, heir, case.team_id, note, Act.CASE_HANDED_OVER, by=by, at=at)
            handed += 1
        _hand_tasks(case, staff_id, heir, by=by, at=at)
    return handed


def _may_get(case: Case, staff_id: int) -> bool:
    is_listed = not case.is_confidential or staff_id in readers_of(case.id)
    return is_listed and not _is_barred(case, staff_id) and not _declared(case, staff_id)


def _heir(staff_uid: str, leaver_id: int) -> int:
    staff = _staff(staff_uid)
    if staff.role not in HANDLERS or staff.id == leaver_id:
        raise Invalid("Choose another officer or manager to take the cases over.", field="staff")
    return staff.id


def _hand_tasks(case: Case, leaver_id: int, heir_id: int | None, *, by: Actor, at: datetime) -> None:
    """Open tasks go with the case: to the heir, else to whoever has it, else to its team."""
    tasks = list(db.session.scalars(
        sa.select(Task).where(Task.case_id == case.id, Task.assignee_id == leaver_id, Task.done_at.is_(None))))
    for task in tasks:
        if task.compartment is not None:  # it waits for another member of its compartment
            task.assignee_id = None
            _note(case, Act.CASE_AMENDED, by=by, at=at, facts={"fields": "who does the open tasks"}, compartment=task.compartment)
            continue
        task.assignee_id = heir_id or (case.handler_id if case.handler_id != leaver_id else None)
        task.team_id = task.team_id if task.assignee_id else case.team_id
    tasks = [task for task in tasks if task.compartment is None]
    if tasks:
        _note(case, Act.CASE_AMENDED, by=by, at=at, facts={"fields": "who does the open tasks", "tasks": len(tasks)})


def _fit_to_handle(case: Case, staff_uid: str, accept_absence: bool, at: datetime) -> int:
    staff = _staff(staff_uid)
    if staff.role not in HANDLERS:
        raise Invalid(f"{staff.name} does not handle cases. Choose an officer or a manager.", field="staff")
    _must_not_be_barred(case, staff, "have the case")
    _must_be_listed(case, staff)
    if _declared(case, staff.id):
        raise Conflict(f"{staff.name} declared a conflict of interest in this case. Choose somebody else.")
    today = clock.day_of(at, _zone(case))
    leave = accounts.on_leave(staff.id, today)
    if leave is not None and not accept_absence:
        deputy = accounts.stand_in_for(staff.id, today)
        instead = f" {deputy.name} stands in." if deputy.id != staff.id else ""
        raise Conflict(f"{staff.name} is away until {leave.ends_on:%d %b %Y}.{instead} Choose somebody else, or say that it can wait.")
    return staff.id


def _give(
    case: Case, staff_id: int | None, team_id: int | None, note: str, act: Act, *, by: Actor, at: datetime,
    facts: Mapping[str, Scalar] | None = None,
) -> None:
    before, case.handler_id, case.team_id = case.handler_id, staff_id, team_id
    db.session.add(Assignment(
        case_id=case.id, staff_id=staff_id, team_id=team_id, note=note, assigned_at=at, assigned_by_id=by.staff_id))
    former = accounts.staff_by_id(before) if before else None
    heir = accounts.staff_by_id(staff_id) if staff_id else None
    team = accounts.team_by_id(team_id) if team_id else None
    _note(case, act, by=by, at=at, why=note, change={"handler": (former.uid if former else None, heir.uid if heir else None)},
          facts={"team": team.name if team else None, **(facts or {})}, private={"to": heir.name} if heir else {})
