"""One case as its page shows it: frozen, complete, and missing for whoever may not see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff
from ticketing.audit.queries import timeline
from ticketing.audit.rules import EntryRow, case_stream
from ticketing.cases import models
from ticketing.cases.models import Case
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.rules import (
    CaseFacts,
    CorrectionState,
    Move,
    NoteKind,
    PointFacts,
    StatementState,
    Status,
    TaskKind,
    missing_for,
    moves_from,
)
from ticketing.codes import queries as codes
from ticketing.codes.rules import (
    BreachReason,
    CaseType,
    Channel,
    ConsentStatus,
    ContactMethod,
    Finding,
    HoldReason,
    Outcome,
    Relationship,
    Severity,
)
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import parse_reference
from ticketing.people.models import Person
from ticketing.sla import queries as sla
from ticketing.sla.rules import DayLine, Reckoning, State, due_phrase, left_phrase


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody the case is about, or who brings it."""

    name: str
    preferred_name: str
    date_of_birth: date | None
    record_number: str
    email: str
    phone: str
    address: str
    language: str
    is_interpreter_needed: bool
    format_needs: str
    safe_contact: str
    has_died: bool

    @property
    def called(self) -> str:
        return self.preferred_name or self.name


@dataclass(frozen=True, slots=True)
class PointView:
    """A point of complaint."""

    position: int
    text: str
    unit: str
    unit_code: str
    finding: Finding | None
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TimerView:
    """A timer as the server reckons it now.  `share` is the part of its time that is used, 0 to 1, None without a due moment."""

    target: str
    title: str
    cycle: int
    subject: str
    occurrence: int
    state: State
    started_at: datetime | None
    due_at: datetime | None
    due: str
    left: str
    share: float | None
    clause: str
    force: str
    why: str
    met_at: datetime | None
    held_since: datetime | None
    is_day_unit: bool
    on_breach: str
    breach_reason: BreachReason | None
    account: tuple[DayLine, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note, call or contact."""

    kind: NoteKind
    text: str
    written_at: datetime
    author: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task or call-back of the case."""

    uid: str
    kind: TaskKind
    title: str
    due_at: datetime
    assignee: str
    done_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement request of the case, with its answer once given."""

    uid: str
    staff: str
    staff_uid: str
    points: tuple[int, ...]
    questions: str
    records: str
    minutes: int
    state: StatementState
    asked_at: datetime
    asked_by: str
    answer: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold, running or past."""

    reason: HoldReason
    note: str
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResponseView:
    """One version of the response."""

    cycle: int
    number: int
    text: str
    drafted_at: datetime
    drafter: str
    drafter_id: int | None
    reviewer: str
    reviewed_at: datetime | None
    signatory: str
    signed_at: datetime | None
    sent_at: datetime | None
    sent_by: ContactMethod | None


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """Who had it from when."""

    staff: str
    team: str
    note: str
    assigned_at: datetime
    assigned_by: str


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """A receipt correction, asked or decided."""

    uid: str
    old_at: datetime
    new_at: datetime
    reason: str
    state: CorrectionState
    asked_at: datetime
    asked_by: str
    is_mine: bool
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class MoveView:
    """An action as the page offers it: possible now, or what is missing first; pending guards wait for later rooms."""

    move: Move
    missing: tuple[str, ...]
    pending: tuple[str, ...]

    @property
    def is_possible(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case, whole."""

    reference: str
    version: int
    status: Status
    is_open: bool
    cycle: int
    case_type: CaseType
    channel: Channel
    site: str
    site_code: str
    zone: str
    unit: str
    unit_code: str
    pack: str
    is_pack_confirmed: bool
    received_at: datetime
    team_received_at: datetime
    logged_at: datetime
    happened_on: date | None
    complainant: PersonView | None
    patient: PersonView | None
    is_patient_speaking: bool
    relationship: Relationship
    is_anonymous: bool
    consent_status: ConsentStatus
    has_agreed_to_email: bool
    narrative: str
    outcome_sought: str
    severity: Severity | None
    priority: int
    is_risk_answered: bool
    is_danger_now: bool
    is_safeguarding: bool
    is_inpatient: bool
    handler: str
    handler_uid: str
    is_mine: bool
    team: str
    team_code: str
    acknowledged_at: datetime | None
    acknowledgement_method: ContactMethod | None
    is_discussion_offered: bool
    response_due_on: date | None
    response_sent_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    closing_note: str
    hold_reason: HoldReason | None
    held_since: datetime | None
    open_statements: int
    points: tuple[PointView, ...]
    timers: tuple[TimerView, ...]
    notes: tuple[NoteView, ...]
    tasks: tuple[TaskView, ...]
    statements: tuple[StatementView, ...]
    holds: tuple[HoldView, ...]
    responses: tuple[ResponseView, ...]
    assignments: tuple[AssignmentView, ...]
    corrections: tuple[CorrectionView, ...]
    subjects: tuple[str, ...]
    entries: tuple[EntryRow, ...]
    moves: tuple[MoveView, ...]

    @property
    def response(self) -> ResponseView | None:
        """The latest version of the present cycle."""
        return next((item for item in reversed(self.responses) if item.cycle == self.cycle), None)

    @property
    def current_timers(self) -> tuple[TimerView, ...]:
        return tuple(timer for timer in self.timers if timer.cycle == self.cycle and timer.state is not State.NOT_APPLICABLE)

    @property
    def lapsed_timers(self) -> tuple[TimerView, ...]:
        """Missed targets that nobody has explained yet."""
        return tuple(timer for timer in self.timers if timer.state is State.BREACHED and timer.breach_reason is None)


def get_case(reference: str, actor: Actor, *, at: datetime) -> CaseView:
    """The case, whole; NotFound if it is hidden or missing, with the same words."""
    case = find_case(reference, actor)
    names = accounts.names_by_id(_staff_ids(case))
    site = codes.site_by_id(case.site_id)
    unit = codes.unit_by_id(case.unit_id) if case.unit_id else None
    handler = accounts.staff_by_id(case.handler_id) if case.handler_id else None
    team = accounts.team_by_id(case.team_id) if case.team_id else None
    responses = _responses(case, names)
    subject_ids = frozenset(_subject_ids(case))
    return CaseView(
        reference=case.reference, version=case.version, status=case.status, is_open=case.is_open, cycle=case.cycle,
        case_type=case.case_type,
        channel=case.channel, site=site.name, site_code=site.code, zone=site.zone, unit=unit.name if unit else "",
        unit_code=unit.code if unit else "", pack=case.pack, is_pack_confirmed=case.is_pack_confirmed, received_at=case.received_at,
        team_received_at=case.team_received_at, logged_at=case.logged_at, happened_on=case.happened_on,
        complainant=_person(case.complainant_id), patient=_person(case.patient_id),
        is_patient_speaking=case.patient_id is not None and case.patient_id == case.complainant_id,
        relationship=case.relationship_to_patient, is_anonymous=case.is_anonymous, consent_status=case.consent_status,
        has_agreed_to_email=case.has_agreed_to_email, narrative=case.narrative, outcome_sought=case.outcome_sought, severity=case.severity,
        priority=case.priority, is_risk_answered=case.is_risk_answered, is_danger_now=case.is_danger_now,
        is_safeguarding=case.is_safeguarding, is_inpatient=case.is_inpatient, handler=handler.name if handler else "",
        handler_uid=handler.uid if handler else "", is_mine=case.handler_id is not None and case.handler_id == actor.staff_id,
        team=team.name if team else "", team_code=team.code if team else "", acknowledged_at=case.acknowledged_at,
        acknowledgement_method=case.acknowledgement_method, is_discussion_offered=case.is_discussion_offered,
        response_due_on=case.response_due_on, response_sent_at=case.response_sent_at, closed_at=case.closed_at, outcome=case.outcome,
        closing_note=case.closing_note, hold_reason=case.hold_reason, held_since=case.held_since, open_statements=case.open_statements,
        points=_points(case), timers=timers_of(case.id, site.zone, at=at), notes=_notes(case, names), tasks=_tasks(case, names),
        statements=_statements(case, names), holds=_holds(case), responses=responses, assignments=_assignments(case, names),
        corrections=_corrections(case, names, actor), subjects=tuple(names.get(staff, "") for staff in subject_ids),
        entries=timeline(case_stream(case.reference)), moves=_moves(case, responses, subject_ids, actor))


def find_case(reference: str, actor: Actor) -> Case:
    """The row, for this room's other reads; NotFound if it is hidden or missing."""
    known = parse_reference(reference)
    case = db.session.scalar(sa.select(Case).where(Case.reference == known, visible_to(actor))) if known else None
    if case is None:
        raise NotFound("There is no such case. Check the reference and try again.")
    return case


def explain_timer(
    reference: str, target: str, actor: Actor, *, at: datetime, cycle: int | None = None, subject: str = "", occurrence: int | None = None,
) -> TimerView:
    """One timer with its day-by-day account; the latest occurrence of the present cycle unless told."""
    case = find_case(reference, actor)
    zone = codes.site_by_id(case.site_id).zone
    found = [item for item in sla.reckonings_of(case.id, at=at)
             if item.target == target and item.subject == subject and item.cycle == (cycle or case.cycle)
             and (occurrence is None or item.occurrence == occurrence)]
    if not found:
        raise NotFound("This case has no such target.")
    return _timer(found[-1], zone, at, None, with_account=True)


def timers_of(case_id: int, zone: str, *, at: datetime) -> tuple[TimerView, ...]:
    """Every timer of every cycle, reckoned now; of recurring targets the latest occurrence."""
    reasons = {(row.cycle, row.target, row.subject): row.reason for row in sla.breaches_of(case_id)}
    latest: dict[tuple[int, str, str], Reckoning] = {}
    for item in sla.reckonings_of(case_id, at=at):
        latest[(item.cycle, item.target, item.subject)] = item
    return tuple(_timer(item, zone, at, reasons.get(key)) for key, item in latest.items())


def _timer(item: Reckoning, zone: str, at: datetime, reason: str | None, *, with_account: bool = False) -> TimerView:
    return TimerView(
        target=item.target.value, title=item.rule.title, cycle=item.cycle, subject=item.subject, occurrence=item.occurrence,
        state=item.state,
        started_at=item.started_at, due_at=item.due_at, due=due_phrase(item.due_at, item.unit, zone), left=left_phrase(item, zone),
        share=item.fraction_used(item.met_at or at), clause=item.clause, force=item.rule.legal_force.value, why=item.why,
        met_at=item.met_at,
        held_since=item.held_since, is_day_unit=item.unit.is_in_days, on_breach=item.rule.on_breach,
        breach_reason=BreachReason.of(reason) if reason else None, account=item.account if with_account else ())


def _staff_ids(case: Case) -> set[int]:
    """Everybody whose name the page needs, in one statement."""
    sources = (
        sa.select(models.Note.author_id).where(models.Note.case_id == case.id),
        sa.select(models.Task.assignee_id).where(models.Task.case_id == case.id),
        sa.select(models.StatementRequest.staff_id).where(models.StatementRequest.case_id == case.id),
        sa.select(models.StatementRequest.asked_by_id).where(models.StatementRequest.case_id == case.id),
        sa.select(models.ResponseVersion.drafter_id).where(models.ResponseVersion.case_id == case.id),
        sa.select(models.ResponseVersion.reviewer_id).where(models.ResponseVersion.case_id == case.id),
        sa.select(models.ResponseVersion.signatory_id).where(models.ResponseVersion.case_id == case.id),
        sa.select(models.Assignment.staff_id).where(models.Assignment.case_id == case.id),
        sa.select(models.Assignment.assigned_by_id).where(models.Assignment.case_id == case.id),
        sa.select(models.ReceiptCorrection.asked_by_id).where(models.ReceiptCorrection.case_id == case.id),
        sa.select(models.ReceiptCorrection.decided_by_id).where(models.ReceiptCorrection.case_id == case.id),
        sa.select(models.CaseSubject.staff_id).where(models.CaseSubject.case_id == case.id),
    )
    return {found for found in db.session.scalars(sa.union(*sources)) if found is not None}


def _name(names: dict[int, str] | object, staff_id: int | None) -> str:
    return names.get(staff_id, "") if isinstance(names, dict) and staff_id is not None else ""


def _person(person_id: int | None) -> PersonView | None:
    row = db.session.get(Person, person_id) if person_id else None
    if row is None:
        return None
    return PersonView(
        row.name, row.preferred_name, row.date_of_birth, row.record_number, row.email, row.phone, row.address, row.language,
        row.is_interpreter_needed, row.format_needs, row.safe_contact, row.has_died)


def _of(case: Case, kind: type, *order: object) -> Iterable:  # type: ignore[type-arg]
    return db.session.scalars(sa.select(kind).where(kind.case_id == case.id).order_by(*order))  # type: ignore[attr-defined, arg-type]


def _points(case: Case) -> tuple[PointView, ...]:
    units = {row.id: row for row in codes.units(is_active=None)} if any(point.unit_id for point in case.points) else {}
    return tuple(
        PointView(point.position, point.text, units[point.unit_id].name if point.unit_id else "",
                  units[point.unit_id].code if point.unit_id else "", point.finding, point.reason, point.remedy)
        for point in case.points)


def _notes(case: Case, names: object) -> tuple[NoteView, ...]:
    return tuple(NoteView(row.kind, row.text, row.written_at, _name(names, row.author_id))
                 for row in _of(case, models.Note, models.Note.written_at.desc(), models.Note.id.desc()))


def _tasks(case: Case, names: object) -> tuple[TaskView, ...]:
    return tuple(TaskView(row.uid, row.kind, row.title, row.due_at, _name(names, row.assignee_id), row.done_at, row.outcome)
                 for row in _of(case, models.Task, models.Task.due_at, models.Task.id))


def _statements(case: Case, names: object) -> tuple[StatementView, ...]:
    rows = db.session.scalars(
        sa.select(models.StatementRequest).where(models.StatementRequest.case_id == case.id)
        .options(sa.orm.selectinload(models.StatementRequest.points)).order_by(models.StatementRequest.asked_at,
            models.StatementRequest.id))
    found = list(rows)
    askees = sa.select(Staff.id, Staff.uid).where(Staff.id.in_({row.staff_id for row in found}))
    uids = {row.id: row.uid for row in db.session.execute(askees)}
    return tuple(
        StatementView(row.uid, _name(names, row.staff_id), uids.get(row.staff_id, ""), tuple(point.position for point in row.points),
                      row.questions, row.records, row.minutes, row.state, row.asked_at, _name(names, row.asked_by_id), row.answer,
                      row.answered_at)
        for row in found)


def _holds(case: Case) -> tuple[HoldView, ...]:
    return tuple(HoldView(row.reason, row.note, row.from_at, row.until_at) for row in _of(case, models.Hold, models.Hold.from_at))


def _responses(case: Case, names: object) -> tuple[ResponseView, ...]:
    return tuple(
        ResponseView(row.cycle, row.number, row.text, row.drafted_at, _name(names, row.drafter_id), row.drafter_id,
                     _name(names, row.reviewer_id), row.reviewed_at, _name(names, row.signatory_id), row.signed_at, row.sent_at,
                     row.sent_by)
        for row in _of(case, models.ResponseVersion, models.ResponseVersion.cycle, models.ResponseVersion.number))


def _assignments(case: Case, names: object) -> tuple[AssignmentView, ...]:
    teams = {row.id: row.name for row in accounts.teams(is_active=None)}
    return tuple(
        AssignmentView(_name(names, row.staff_id), teams.get(row.team_id or 0, ""), row.note, row.assigned_at, _name(names,
        row.assigned_by_id))
        for row in _of(case, models.Assignment, models.Assignment.assigned_at.desc(), models.Assignment.id.desc()))


def _corrections(case: Case, names: object, actor: Actor) -> tuple[CorrectionView, ...]:
    return tuple(
        CorrectionView(row.uid, row.old_at, row.new_at, row.reason, row.state, row.asked_at, _name(names, row.asked_by_id),
                       row.asked_by_id == actor.staff_id, _name(names, row.decided_by_id), row.decided_at)
        for row in _of(case, models.ReceiptCorrection, models.ReceiptCorrection.asked_at))


def _subject_ids(case: Case) -> list[int]:
    return list(db.session.scalars(sa.select(models.CaseSubject.staff_id).where(models.CaseSubject.case_id == case.id)))


def _moves(case: Case, responses: tuple[ResponseView, ...], subject_ids: frozenset[int], actor: Actor) -> tuple[MoveView, ...]:
    if not actor.may(Permission.WORK_CASES):
        return ()
    latest = next((item for item in reversed(responses) if item.cycle == case.cycle), None)
    facts = CaseFacts(
        status=case.status, severity=case.severity, consent_status=case.consent_status, is_anonymous=case.is_anonymous,
        is_risk_answered=case.is_risk_answered, is_pack_confirmed=case.is_pack_confirmed, has_acknowledgement=True,
        is_discussion_offered=True, is_period_agreed=True,
        points=tuple(PointFacts(point.position, point.finding, point.reason, point.remedy) for point in case.points),
        has_draft=latest is not None and bool(latest.text), is_reviewed=latest is not None and latest.reviewed_at is not None,
        drafter_id=latest.drafter_id if latest else None, subject_ids=subject_ids, has_dispatch=True, open_statements=case.open_statements)
    return tuple(
        MoveView(move, missing_for(move, facts, actor), tuple(guard.sentence for guard in move.guards if guard.is_pending))
        for move in moves_from(case.status) if actor.may(move.needs))


