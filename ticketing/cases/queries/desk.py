"""What is on somebody's desk: their tasks and call-backs, the questions put to them, and look-alikes of a concern being taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff, Team
from ticketing.cases.models import Case, StatementRequest, Task
from ticketing.cases.queries.visibility import NO_QUESTION, belongs_to_absent, open_to, put_to, visible_to
from ticketing.cases.queries.worklist import first_words
from ticketing.cases.rules import StatementState, Status, TaskKind, mask_names, number_within
from ticketing.codes.models import Site, Unit
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor
from ticketing.core.references import is_uid
from ticketing.people import queries as people
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails
from ticketing.sla import queries as sla
from ticketing.sla.rules import Reckoning, State, due_phrase, left_phrase

MOST = 200


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One thing to do; `is_late` once its moment has passed, `for_whom` where it is done for a colleague who is away."""

    uid: str
    kind: TaskKind
    title: str
    due_at: datetime
    is_late: bool
    reference: str
    team: str
    zone: str
    complainant: str
    phone: str
    safe_contact: str
    for_whom: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A statement request as the clinician's list shows it: no name, no detail of the complainant."""

    uid: str
    reference: str
    unit: str
    about: str
    asked_at: datetime
    minutes: int
    state: StatementState
    due: str
    left: str
    is_breached: bool
    has_draft: bool
    for_whom: str
    zone: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A statement request as the clinician answers it: the points put to them and nothing else of the case.

    `about` tells whom it is about where they need to know; else the names are masked in every text.  Never how to reach anybody.
    """

    row: QuestionRow
    points: tuple[tuple[int, str], ...]
    questions: str
    records: str
    asked_by: str
    draft: str
    answer: str
    answered_at: datetime | None
    happened_on: date | None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LookalikeRow:
    """An earlier case that may be about the same person or the same matter."""

    reference: str
    status: Status
    received_at: datetime
    complainant: str
    about: str
    is_open: bool
    zone: str
    why: str


def tasks_of(actor: Actor, *, at: datetime) -> tuple[TaskRow, ...]:
    """Open tasks and call-backs, soonest first: this person's, their teams', those of colleagues they stand in for today, and tasks
    without an owner on cases they have, and sealed ones without an owner in compartments of theirs.
    """
    if actor.staff_id is None:
        return ()
    unowned = sa.and_(Task.assignee_id.is_(None), Task.team_id.is_(None), Case.handler_id == actor.staff_id)
    sealed = sa.and_(Task.assignee_id.is_(None), Task.compartment.in_(actor.compartments))
    theirs = sa.or_(Task.assignee_id == actor.staff_id, Task.team_id.in_(actor.team_ids), unowned, sealed,
                    belongs_to_absent(Task.assignee_id, actor.staff_id, at=at))
    rows = db.session.execute(
        sa.select(Task, Case.reference, Team.name.label("team"), Site.zone, Person.name.label("complainant"), Person.phone,
                  Person.safe_contact, Staff.name.label("assignee"))
        .join(Case, Case.id == Task.case_id).join(Site, Site.id == Case.site_id).outerjoin(Team, Team.id == Task.team_id)
        .outerjoin(Person, Person.id == Case.complainant_id).outerjoin(Staff, Staff.id == Task.assignee_id)
        .where(Task.done_at.is_(None), visible_to(actor), open_to(actor, Task.compartment), theirs)
        .order_by(Task.due_at, Task.id).limit(MOST))
    return tuple(
        TaskRow(row.Task.uid, row.Task.kind, row.Task.title, row.Task.due_at, row.Task.due_at < at, row.reference, row.team or "", row.zone,
                row.complainant or "", row.phone or "", row.safe_contact or "",
                "" if row.Task.assignee_id in (None, actor.staff_id) else row.assignee, row.Task.about)
        for row in rows)


def questions_for(actor: Actor, *, at: datetime) -> tuple[QuestionRow, ...]:
    """Questions put to this person, or to those they stand in for today; open ones first, then the longest asked first."""
    is_open = sa.case((StatementRequest.state == StatementState.OPEN, 0), else_=1)
    found = db.session.execute(
        _requests(actor, at).order_by(is_open, StatementRequest.asked_at, StatementRequest.id).limit(MOST)).all()
    reckoned = sla.reckonings_by_case([row.StatementRequest.case_id for row in found], at=at)
    mask = _Mask.of(found)
    return tuple(_question_row(row, reckoned[row.StatementRequest.case_id], actor, mask) for row in found)


@dataclass(frozen=True, slots=True)
class _Mask:
    """The people whom requests are about, so that their names can be taken out of what a clinician reads; one statement for a list."""

    people: Mapping[int, people.PersonRow]

    @classmethod
    def of(cls, rows: Sequence[sa.Row[Any]]) -> _Mask:
        return cls(people.people([person for row in rows for person in (row.complainant_id, row.patient_id)]))

    def over(self, row: sa.Row[Any], text: str) -> str:
        if row.StatementRequest.is_identified:
            return text
        return mask_names(text, [*self._words(row.patient_id, "the patient"), *self._words(row.complainant_id, "the complainant")])

    def about(self, row: sa.Row[Any]) -> tuple[str, ...]:
        """Patient with date of birth and number, and who complains; for a request that says they need to know."""
        if not row.StatementRequest.is_identified:
            return ()
        patient, complainant = self.people.get(row.patient_id or 0), self.people.get(row.complainant_id or 0)
        facts = [patient.name, f"born {patient.date_of_birth:%d %b %Y}" if patient.date_of_birth else "",
                 f"record number {patient.record_number}" if patient.record_number else ""] if patient else []
        said = [f"The patient: {', '.join(fact for fact in facts if fact)}"] if facts else []
        if complainant is not None and row.complainant_id != row.patient_id:
            said.append(f"Who complains: {complainant.name}, {row.relationship_to_patient.label.lower()}")
        return tuple(said)

    def _words(self, person_id: int | None, instead: str) -> list[tuple[str, str]]:
        person = self.people.get(person_id or 0)
        named = (person.name, person.preferred_name) if person else ()
        reached = (person.email, person.phone, person.address) if person else ()
        return [*((name, instead) for name in named), *((text, "(left out)") for text in reached)]


def question(uid: str, actor: Actor, *, at: datetime) -> QuestionView:
    """One request; NotFound unless it was put to this person or to somebody they stand in for."""
    row = db.session.execute(_requests(actor, at).where(StatementRequest.uid == uid)).first() if is_uid(uid) else None
    if row is None:
        raise NotFound(NO_QUESTION)
    request: StatementRequest = row.StatementRequest
    names = accounts.names_by_id([request.asked_by_id]) if request.asked_by_id else {}
    mask = _Mask.of([row])
    shown = _question_row(row, sla.reckonings_of(request.case_id, at=at), actor, mask)
    return QuestionView(
        shown, tuple((number_within(point.position), mask.over(row, point.text)) for point in request.points),
        mask.over(row, request.questions), mask.over(row, request.records), names.get(request.asked_by_id or 0, ""), request.draft,
        request.answer, request.answered_at, row.happened_on, mask.about(row))


def case_of_question(uid: str, actor: Actor, *, at: datetime) -> int:
    """The case of a request; NotFound unless it was put to this person or to somebody they stand in for."""
    row = db.session.execute(_requests(actor, at).where(StatementRequest.uid == uid)).first() if is_uid(uid) else None
    if row is None:
        raise NotFound(NO_QUESTION)
    return int(row.StatementRequest.case_id)


def _requests(actor: Actor, at: datetime) -> sa.Select[Any]:
    """The requests this person may read, with the little of the case that they need."""
    columns: tuple[Any, ...] = (
        StatementRequest, Case.reference, Case.happened_on, Case.complainant_id, Case.patient_id, Case.relationship_to_patient, Site.zone,
         Unit.name.label("unit"), Staff.name.label("askee"))
    return (
        sa.select(*columns).join(Case, Case.id == StatementRequest.case_id).join(Site, Site.id == Case.site_id)
        .join(Staff, Staff.id == StatementRequest.staff_id).outerjoin(Unit, Unit.id == Case.unit_id)
        .where(StatementRequest.state != StatementState.WITHDRAWN, put_to(actor, at=at)))


def _question_row(row: sa.Row[Any], reckoned: Iterable[Reckoning], actor: Actor, mask: _Mask) -> QuestionRow:
    request: StatementRequest = row.StatementRequest
    timer = next((item for item in reckoned if item.subject == request.uid), None)
    return QuestionRow(
        request.uid, row.reference, row.unit or "", first_words(mask.over(row, request.questions)), request.asked_at, request.minutes,
        request.state,
        due_phrase(timer.due_at, timer.unit, row.zone) if timer else "", left_phrase(timer, row.zone) if timer else "",
        timer is not None and timer.state is State.BREACHED, bool(request.draft),
        "" if request.staff_id == actor.staff_id else row.askee, row.zone)


def lookalikes(details: Iterable[PersonDetails], actor: Actor) -> tuple[LookalikeRow, ...]:
    """Earlier cases of people who look the same (name, telephone, address, hospital number), newest first, at most ten."""
    ids = {found for item in details if not item.is_empty for found in people.lookalikes(item)}
    if not ids:
        return ()
    rows = db.session.execute(
        sa.select(Case, Person.name, Site.zone).join(Site, Site.id == Case.site_id).outerjoin(Person, Person.id == Case.complainant_id)
        .where(visible_to(actor), sa.or_(Case.complainant_id.in_(ids), Case.patient_id.in_(ids)))
        .order_by(Case.received_at.desc(), Case.id.desc()).limit(10))
    return tuple(
        LookalikeRow(row.Case.reference, row.Case.status, row.Case.received_at, row.name or "Anonymous",
                     first_words(row.Case.narrative), row.Case.is_open, row.zone, "Same complainant or patient")
        for row in rows)
