"""What is on somebody's desk: their tasks and call-backs, the questions put to them, and look-alikes of a concern being taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Team
from ticketing.cases.models import Case, StatementRequest, Task
from ticketing.cases.queries.visibility import askable_by, visible_to
from ticketing.cases.rules import StatementState, Status, TaskKind
from ticketing.codes import queries as codes
from ticketing.codes.models import Site
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor
from ticketing.people import queries as people
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails
from ticketing.sla import queries as sla
from ticketing.sla.rules import State, due_phrase, left_phrase

MOST = 200


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One thing to do; `is_late` once its moment has passed."""

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


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A statement request as the clinician's list shows it: no name, no detail of the complainant."""

    uid: str
    reference: str
    unit: str
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
    """A statement request as the clinician answers it: the points put to them and nothing else of the case."""

    row: QuestionRow
    points: tuple[tuple[int, str], ...]
    questions: str
    records: str
    asked_by: str
    draft: str
    answer: str
    answered_at: datetime | None
    happened_on: date | None


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
    """Open tasks and call-backs of this person and their teams, soonest first."""
    rows = db.session.execute(
        sa.select(Task, Case.reference, Team.name.label("team"), Site.zone, Person.name.label("complainant"), Person.phone,
        Person.safe_contact)
        .join(Case, Case.id == Task.case_id).join(Site, Site.id == Case.site_id).outerjoin(Team, Team.id == Task.team_id)
        .outerjoin(Person, Person.id == Case.complainant_id)
        .where(Task.done_at.is_(None), visible_to(actor), sa.or_(Task.assignee_id == actor.staff_id, Task.team_id.in_(actor.team_ids)))
        .order_by(Task.due_at, Task.id).limit(MOST))
    return tuple(
        TaskRow(row.Task.uid, row.Task.kind, row.Task.title, row.Task.due_at, row.Task.due_at < at, row.reference, row.team or "", row.zone,
                row.complainant or "", row.phone or "", row.safe_contact or "")
        for row in rows)


def questions_for(actor: Actor, *, at: datetime) -> tuple[QuestionRow, ...]:
    """Questions put to this person, or to those they stand in for today; open ones first, soonest due first."""
    rows = db.session.scalars(
        sa.select(StatementRequest).where(askable_by(_answers_for(actor, at)))
        .order_by(sa.case((StatementRequest.state == StatementState.OPEN, 0), else_=1), StatementRequest.asked_at, StatementRequest.id)
        .limit(MOST)).all()
    return tuple(_question_row(row, actor, at) for row in rows)


def question(uid: str, actor: Actor, *, at: datetime) -> QuestionView:
    """One request; NotFound unless it was put to this person or to somebody they stand in for."""
    row = db.session.scalar(sa.select(StatementRequest).where(StatementRequest.uid == uid, askable_by(_answers_for(actor, at))))
    if row is None:
        raise NotFound("There is no such question for you.")
    names = accounts.names_by_id([row.asked_by_id]) if row.asked_by_id else {}
    happened_on = db.session.scalar(sa.select(Case.happened_on).where(Case.id == row.case_id))
    return QuestionView(
        _question_row(row, actor, at), tuple((point.position, point.text) for point in row.points), row.questions, row.records,
        names.get(row.asked_by_id or 0, ""), row.draft, row.answer, row.answered_at, happened_on)


def _answers_for(actor: Actor, at: datetime) -> frozenset[int]:
    if actor.staff_id is None:
        return frozenset()
    today = clock.day_of(at, codes.sites()[0].zone)
    covered = {away.staff_id for away in accounts.away_on(today).values() if accounts.stand_in_for(away.staff_id,
        today).id == actor.staff_id}
    return frozenset({actor.staff_id, *covered})


def _question_row(row: StatementRequest, actor: Actor, at: datetime) -> QuestionRow:
    case = db.session.get_one(Case, row.case_id)
    site = codes.site_by_id(case.site_id)
    unit = codes.unit_by_id(case.unit_id).name if case.unit_id else ""
    timer = next((item for item in sla.reckonings_of(case.id, at=at) if item.subject == row.uid), None)
    for_whom = "" if row.staff_id == actor.staff_id else accounts.names_by_id([row.staff_id]).get(row.staff_id, "")
    return QuestionRow(
        row.uid, case.reference, unit, row.asked_at, row.minutes, row.state, due_phrase(timer.due_at, timer.unit,
        site.zone) if timer else "",
        left_phrase(timer, site.zone) if timer else "", timer is not None and timer.state is State.BREACHED, bool(row.draft), for_whom,
        site.zone)


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
        " ".join(row.Case.narrative.split())[:120],
                     row.Case.is_open, row.zone, "Same complainant or patient")
        for row in rows)
