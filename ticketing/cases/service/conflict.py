"""Conflict of interest: whoever is named, and their direct manager, let go of a case at once and never get it back."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff
from ticketing.audit.rules import Act
from ticketing.cases.models import Assignment, Case, CaseReader, CaseSubject, ResponseVersion, StatementRequest, Task
from ticketing.cases.queries.visibility import barred_from
from ticketing.cases.rules import Action, StatementState, Status
from ticketing.cases.service._case import _lock_to_work, _note, _staff
from ticketing.cases.service.lifecycle import apply_transition
from ticketing.cases.service.statements import _tell_clock, _withdraw
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Actor, Permission, machine
from ticketing.outbox import service as outbox
from ticketing.packs.rules import EventKind

STAYS_OUT = machine("conflict of interest", Permission.WORK_CASES)
WHY = "Whoever wrote or reviewed it must stay out of this case."
WRITTEN = frozenset({Status.QUALITY_REVIEW, Status.AWAITING_SIGNOFF})
ABOUT_THEIR_ANSWER = ("statement_asked", "escalation_statement")  # templates of mails about a statement that was asked of them


@atomic
def name_subject(reference: str, staff_uid: str, *, by: Actor, at: datetime) -> None:
    """A member of staff the concern is about: from now on they and their direct manager are outside the case, and let go of it."""
    case = _lock_to_work(reference, None, by=by)
    staff = _staff(staff_uid)
    if staff.id == by.staff_id:
        raise Conflict("Somebody else must record that the concern is about you. Tell your team lead now.")
    known = db.session.scalar(sa.select(CaseSubject.id).where(CaseSubject.case_id == case.id, CaseSubject.staff_id == staff.id))
    if known is not None:
        raise Conflict(f"{staff.name} is already named in this concern.")
    db.session.add(CaseSubject(case_id=case.id, staff_id=staff.id))
    _note(case, Act.CASE_SUBJECT_NAMED, by=by, at=at, facts={"staff_uid": staff.uid}, private={"subject": staff.name})
    _let_go(case, {staff.id} if staff.manager_id is None else {staff.id, staff.manager_id}, by=by, at=at)


@atomic
def recuse_manager(staff_id: int, *, by: Actor, at: datetime) -> int:
    """Somebody became the manager of staff who are named in cases: they let go of each of these; returns how many."""
    named = sa.select(CaseSubject.case_id).join(Staff, Staff.id == CaseSubject.staff_id).where(Staff.manager_id == staff_id)
    cases = db.session.scalars(
        sa.select(Case).where(Case.id.in_(named)).order_by(Case.id).with_for_update().execution_options(populate_existing=True)).all()
    for case in cases:
        _let_go(case, {staff_id}, by=by, at=at)
    return len(cases)


def _let_go(case: Case, staff_ids: set[int], *, by: Actor, at: datetime) -> None:
    """Everything these people have of the case: assignment, tasks, questions, drafts, notices on their way, a place on its list."""
    db.session.flush()
    people = {row.id: row for row in map(accounts.staff_by_id, sorted(staff_ids))}
    let_go = {staff_id: _take_back(case, staff_id, by=by, at=at) for staff_id in people}
    written = _set_aside_drafts(case, staff_ids, at=at)
    outbox.withhold_about(case.reference, [row.uid for row in people.values()], "They must stay out of this case.",
                          but=ABOUT_THEIR_ANSWER, at=at)
    for staff_id, row in people.items():
        what = [*let_go[staff_id], *(["the draft"] if staff_id in written else [])]
        if what:
            _note(case, Act.CASE_RECUSED, by=by, at=at, facts={"staff_uid": row.uid, "what": ", ".join(what)},
                  private={"subject": row.name})
    if case.status in WRITTEN and written:
        apply_transition(case.reference, Action.RETURN_DRAFT, WHY, seen=None, by=STAYS_OUT, at=at)


def _take_back(case: Case, staff_id: int, *, by: Actor, at: datetime) -> list[str]:
    """What was taken from this person, in words."""
    taken = []
    if case.handler_id == staff_id:
        case.handler_id = None
        db.session.add(Assignment(case_id=case.id, team_id=case.team_id, assigned_at=at, assigned_by_id=by.staff_id))
        taken.append("the case")
    if _take_tasks(case, staff_id, by):
        taken.append("open tasks")
    if _take_questions(case, staff_id, by=by, at=at):
        taken.append("questions put to them")
    if _delete_reader(case, staff_id):
        taken.append("a place on its list")
    return taken


def _take_tasks(case: Case, staff_id: int, by: Actor) -> int:
    """Their open tasks go to whoever has the case, else to whoever records this, unless these must stay out too; else to the team.

    A sealed task waits for a member of its compartment.
    """
    barred = barred_from([case.id]).get(case.id, frozenset())
    heir = next((person for person in (case.handler_id, by.staff_id) if person is not None and person not in barred), None)
    tasks = db.session.scalars(
        sa.select(Task).where(Task.case_id == case.id, Task.assignee_id == staff_id, Task.done_at.is_(None))).all()
    for task in tasks:
        task.assignee_id = heir if task.compartment is None else None
        task.team_id = case.team_id if task.assignee_id is None and task.compartment is None else None
    return len(tasks)


def _take_questions(case: Case, staff_id: int, *, by: Actor, at: datetime) -> int:
    """Questions put to a manager of somebody named are withdrawn; those put to who is named are theirs to answer."""
    if db.session.scalar(sa.select(CaseSubject.id).where(CaseSubject.case_id == case.id, CaseSubject.staff_id == staff_id)):
        return 0
    requests = db.session.scalars(sa.select(StatementRequest).where(
        StatementRequest.case_id == case.id, StatementRequest.staff_id == staff_id, StatementRequest.state == StatementState.OPEN)).all()
    for request in requests:
        _withdraw(request, case, "They must stay out of this case.", by=by, at=at)
        _tell_clock(request, case, EventKind.STATEMENT_ENDED, by=by, at=at, reason="withdrawn")
    return len(requests)


def _delete_reader(case: Case, staff_id: int) -> bool:
    reader = db.session.scalar(sa.select(CaseReader).where(CaseReader.case_id == case.id, CaseReader.staff_id == staff_id))
    if reader is not None:
        db.session.delete(reader)
    return reader is not None


def _set_aside_drafts(case: Case, staff_ids: set[int], *, at: datetime) -> set[int]:
    """Versions of the response not yet sent that one of these wrote or reviewed; returns whose.  What they wrote is kept, unsent."""
    versions = db.session.scalars(sa.select(ResponseVersion).where(
        ResponseVersion.case_id == case.id, ResponseVersion.cycle == case.cycle, ResponseVersion.sent_at.is_(None),
        ResponseVersion.set_aside_at.is_(None))).all()
    found: set[int] = set()
    for version in versions:
        if version.drafter_id is not None and version.drafter_id in staff_ids:
            version.set_aside_at = at
            found.add(version.drafter_id)
        if version.reviewer_id is not None and version.reviewer_id in staff_ids:
            found.add(version.reviewer_id)
            version.reviewed_at, version.reviewer_id = None, None
    return found
