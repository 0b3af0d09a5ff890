"""One case as its page shows it: frozen, complete, and missing for whoever may not see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff, Team
from ticketing.audit.queries import timeline
from ticketing.audit.rules import case_stream, sealed_stream
from ticketing.cases import models
from ticketing.cases.models import Case
from ticketing.cases.queries.attachments import without_sealed_names
from ticketing.cases.queries.case_rows import (
    AssignmentView,
    CaseView,
    CorrectionView,
    DeclarationView,
    ErasureView,
    HoldView,
    MoveView,
    NoteView,
    PackView,
    PersonView,
    PointView,
    ReaderView,
    ResponseView,
    SealedView,
    StatementView,
    TaskView,
    TimerView,
)
from ticketing.cases.queries.classifying import classification_of
from ticketing.cases.queries.facts import facts_of
from ticketing.cases.queries.visibility import NO_CASE, open_to, visible_to
from ticketing.cases.rules import (
    SILENT,
    CaseFacts,
    Countable,
    Known,
    Request,
    Status,
    answering,
    countables,
    gaps_of,
    missing_for,
    moves_from,
    number_within,
)
from ticketing.codes.models import Site, Unit
from ticketing.codes.rules import BreachReason
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import parse_reference
from ticketing.packs import queries as packs
from ticketing.people import queries as people
from ticketing.sla import queries as sla
from ticketing.sla.rules import Reckoning, State, due_phrase, left_phrase

Names = Mapping[int, str]
Hung = TypeVar("Hung", models.Note, models.Task, models.Hold, models.ResponseVersion, models.ReceiptCorrection)


def get_case(reference: str, actor: Actor, *, at: datetime) -> CaseView:
    """The case, whole; NotFound if it is hidden or missing, with the same words."""
    case = find_case(reference, actor)
    names = accounts.names_by_id(_staff_ids(case))
    place = _place(case)
    declared = db.session.scalars(
        sa.select(models.Declaration).where(models.Declaration.case_id == case.id).order_by(models.Declaration.id.desc())).all()
    known, facts = people.people([case.complainant_id, case.patient_id]), facts_of(case)
    pins, timers = _packs(case), timers_of(case.id, place.zone, at=at)
    return CaseView(
        reference=case.reference, version=case.version, status=case.status, is_open=case.is_open, cycle=case.cycle,
        case_type=case.case_type,
        channel=case.channel, site=place.site, site_code=place.site_code, zone=place.zone, unit=place.unit or "",
        unit_code=place.unit_code or "", pack=case.pack, is_pack_confirmed=case.is_pack_confirmed, received_at=case.received_at,
        team_received_at=case.team_received_at, logged_at=case.logged_at, happened_on=case.happened_on,
        received_by=names.get(case.received_by_id or 0, "") or case.received_by, not_known=frozenset(case.not_known),
        gaps=gaps_of(_known(case, facts, declared)) if case.is_open else (),
        declarations=tuple(DeclarationView(names.get(row.staff_id, ""), row.has_conflict, row.words, row.declared_at) for row in declared),
        my_declaration=next((row.has_conflict for row in declared if row.staff_id == actor.staff_id), None),
        complainant=_person(known.get(case.complainant_id or 0)), patient=_person(known.get(case.patient_id or 0)),
        is_patient_speaking=case.patient_id is not None and case.patient_id == case.complainant_id,
        relationship=case.relationship_to_patient, is_anonymous=case.is_anonymous, consent_status=case.consent_status,
        has_agreed_to_email=case.has_agreed_to_email, narrative=case.narrative, outcome_sought=case.outcome_sought, severity=case.severity,
        priority=case.priority, is_risk_answered=case.is_risk_answered, is_danger_now=case.is_danger_now,
        is_safeguarding=case.is_safeguarding, is_inpatient=case.is_inpatient, handler=place.handler or "",
        handler_uid=place.handler_uid or "", is_mine=case.handler_id is not None and case.handler_id == actor.staff_id,
        team=place.team or "", team_code=place.team_code or "", acknowledged_at=case.acknowledged_at,
        acknowledgement_method=case.acknowledgement_method, is_discussion_offered=case.is_discussion_offered,
        response_due_on=case.response_due_on, response_sent_at=case.response_sent_at, closed_at=case.closed_at, outcome=case.outcome,
        closing_note=case.closing_note, hold_reason=case.hold_reason, held_since=case.held_since, open_statements=case.open_statements,
        packs=pins, points=_points(case, actor), timers=timers, notes=_notes(case, names, actor),
        tasks=_tasks(case, names, actor),
        statements=_statements(case, names, actor), holds=_holds(case), responses=_responses(case, names),
        assignments=_assignments(case, names),
        corrections=_corrections(case, names, actor), subjects=tuple(names.get(staff, "") for staff in sorted(facts.subject_ids)),
        entries=without_sealed_names(timeline(case_stream(case.reference)), actor),
        moves=_moves(facts, actor), is_confidential=case.is_confidential,
        readers=_readers(case), sealed=_sealed(case, actor), is_behind_glass=case.id in actor.opened,
        erased_at=case.erased_at, has_legal_hold=case.has_legal_hold, erasures=() if case.is_open else _erasures(case, actor),
        questions=next((packs.pack(pin.code, pin.version).questions for pin in pins if pin.is_main), ()),
        classification=classification_of(case),
        countables=countables_of(case, [(pin.code, pin.version) for pin in pins], timers))


def find_case(reference: str, actor: Actor) -> Case:
    """The row, for this room's other reads; NotFound if it is hidden or missing."""
    known = parse_reference(reference)
    case = db.session.scalar(sa.select(Case).where(Case.reference == known, visible_to(actor))) if known else None
    if case is None:
        raise NotFound(NO_CASE)
    return case


def timers_of(case_id: int, zone: str, *, at: datetime) -> tuple[TimerView, ...]:
    """Every timer of every cycle, reckoned now; of recurring targets the latest occurrence, and earlier ones that were missed."""
    reasons = {(row.cycle, row.pack, row.target, row.subject, row.occurrence): row.reason for row in sla.breaches_of(case_id)}
    reckoned = sla.reckonings_of(case_id, at=at)
    latest = {(item.cycle, item.pack, item.target, item.subject): item.occurrence for item in reckoned}
    shown = [item for item in reckoned if item.breached_at or item.occurrence == latest[item.cycle, item.pack, item.target, item.subject]]
    return tuple(timer_view(item, zone, at, reasons.get((item.cycle, item.pack, item.target.value, item.subject, item.occurrence)))
                 for item in shown)


def timer_view(item: Reckoning, zone: str, at: datetime, reason: str | None, *, with_account: bool = False) -> TimerView:
    """A reckoning as the pages show it."""
    return TimerView(
        pack=item.pack, if_released=due_phrase(item.due_if_released_at, item.unit, zone) if item.due_if_released_at else "",
        first_due=due_phrase(item.first_due_at, item.unit, zone) if item.first_due_at and item.first_due_at != item.due_at else "",
        target=item.target.value, title=item.rule.title, cycle=item.cycle, subject=item.subject, occurrence=item.occurrence,
        state=item.state,
        started_at=item.started_at, due_at=item.due_at, due=due_phrase(item.due_at, item.unit, zone), left=left_phrase(item, zone),
        share=item.fraction_used(item.met_at or at), clause=item.clause, force=item.rule.legal_force.value, why=item.why,
        met_at=item.met_at,
        held_since=item.held_since, is_day_unit=item.unit.is_in_days, on_breach=item.rule.on_breach,
        breach_reason=BreachReason.of(reason) if reason else None, account=item.account if with_account else ())


def _packs(case: Case) -> tuple[PackView, ...]:
    """What the present cycle runs under, the main pack first."""
    return tuple(PackView(row.pinned.pack, row.name, row.pinned.pack_version, row.pinned.is_main)
                 for row in sla.pins_of(case.id) if row.cycle == case.cycle)


def countables_now(case: Case, *, at: datetime) -> tuple[Countable, ...]:
    """What can be recorded for its laws, read from the database: for the verb that does."""
    pins = [(row.pinned.pack, row.pinned.pack_version) for row in sla.pins_of(case.id) if row.cycle == case.cycle]
    return countables_of(case, pins, timers_of(case.id, _place(case).zone, at=at))


def countables_of(case: Case, pins: Sequence[tuple[str, str]], timers: Sequence[TimerView]) -> tuple[Countable, ...]:
    """What can be recorded for the laws of the present cycle; `pins` as (pack, version), the main one first."""
    laws = [packs.pack(code, version) for code, version in pins]
    targets = {(law.code, target.code.value): target for law in laws for target in law.targets}
    requests = [Request(timer.subject, timer.cycle, timer.started_at, answering(targets[timer.pack, timer.target])) for timer in timers
                if timer.subject and timer.started_at and not timer.met_at and timer.state is not State.NOT_APPLICABLE
                and (timer.pack, timer.target) in targets]
    return () if case.status in SILENT or case.status is Status.DRAFT else countables(laws, requests, is_open=case.is_open)


def _place(case: Case) -> sa.Row[Any]:
    """Where the case belongs and who has it, in one statement."""
    columns: tuple[Any, ...] = (
        Site.name.label("site"), Site.code.label("site_code"), Site.zone, Unit.name.label("unit"), Unit.code.label("unit_code"),
        Staff.name.label("handler"), Staff.uid.label("handler_uid"), Team.name.label("team"), Team.code.label("team_code"))
    return db.session.execute(
        sa.select(*columns).select_from(Case).join(Site, Site.id == Case.site_id).outerjoin(Unit, Unit.id == Case.unit_id)
        .outerjoin(Staff, Staff.id == Case.handler_id).outerjoin(Team, Team.id == Case.team_id).where(Case.id == case.id)).one()


def _known(case: Case, facts: CaseFacts, declared: Sequence[models.Declaration]) -> Known:
    return Known(
        has_receiver=case.received_by_id is not None or bool(case.received_by), relationship=case.relationship_to_patient,
        has_patient=case.patient_id is not None, is_anonymous=case.is_anonymous, has_date=case.happened_on is not None,
        has_points=bool(facts.points), has_outcome_sought=bool(case.outcome_sought), is_risk_answered=case.is_risk_answered,
        consent_status=case.consent_status, is_pack_confirmed=case.is_pack_confirmed, has_handler=case.handler_id is not None,
        has_declaration=any(row.staff_id == case.handler_id for row in declared), not_known=frozenset(case.not_known))


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
        sa.select(models.Declaration.staff_id).where(models.Declaration.case_id == case.id),
        sa.select(Case.received_by_id).where(Case.id == case.id),
    )
    return {found for found in db.session.scalars(sa.union(*sources)) if found is not None}


def _person(row: people.PersonRow | None) -> PersonView | None:
    if row is None:
        return None
    return PersonView(
        row.name, row.preferred_name, row.date_of_birth, row.record_number, row.email, row.phone, row.address, row.language,
        row.is_interpreter_needed, row.format_needs, row.safe_contact, row.has_died)


def _of(case: Case, kind: type[Hung], *order: Any, where: tuple[sa.ColumnElement[bool], ...] = ()) -> Sequence[Hung]:
    return db.session.scalars(sa.select(kind).where(kind.case_id == case.id, *where).order_by(*order)).all()


def _readers(case: Case) -> tuple[ReaderView, ...]:
    """Who is on the list of a confidential case, by name."""
    if not case.is_confidential:
        return ()
    rows = db.session.execute(
        sa.select(Staff.uid, Staff.name).join(models.CaseReader, models.CaseReader.staff_id == Staff.id)
        .where(models.CaseReader.case_id == case.id).order_by(Staff.name, Staff.id))
    return tuple(ReaderView(row.uid, row.name) for row in rows)


def _sealed(case: Case, actor: Actor) -> tuple[SealedView, ...]:
    """Each of this person's compartments, with what the trail tells of what it holds of this case."""
    streams = {item: sealed_stream(case.reference, item) for item in sorted(actor.compartments)}
    return tuple(SealedView(item, without_sealed_names(timeline(stream), actor)) for item, stream in streams.items())


def _points(case: Case, actor: Actor) -> tuple[PointView, ...]:
    rows = db.session.execute(
        sa.select(models.Point, Unit.name, Unit.code).outerjoin(Unit, Unit.id == models.Point.unit_id)
        .where(models.Point.case_id == case.id, open_to(actor, models.Point.compartment)).order_by(models.Point.position))
    return tuple(PointView(point.position, point.text, name or "", code or "", point.finding, point.reason, point.remedy,
                           point.compartment)
                 for point, name, code in rows)


def _notes(case: Case, names: Names, actor: Actor) -> tuple[NoteView, ...]:
    return tuple(NoteView(row.kind, row.text, row.written_at, names.get(row.author_id or 0, ""), row.compartment)
                 for row in _of(case, models.Note, models.Note.written_at.desc(), models.Note.id.desc(),
                                where=(open_to(actor, models.Note.compartment),)))


def _tasks(case: Case, names: Names, actor: Actor) -> tuple[TaskView, ...]:
    return tuple(TaskView(row.uid, row.kind, row.title, row.about, row.due_at, names.get(row.assignee_id or 0, ""),
                          row.done_at, row.outcome, row.compartment)
                 for row in _of(case, models.Task, models.Task.due_at, models.Task.id, where=(open_to(actor, models.Task.compartment),)))


def _statements(case: Case, names: Names, actor: Actor) -> tuple[StatementView, ...]:
    rows = db.session.execute(
        sa.select(models.StatementRequest, Staff.uid).join(Staff, Staff.id == models.StatementRequest.staff_id)
        .where(models.StatementRequest.case_id == case.id, open_to(actor, models.StatementRequest.compartment))
        .options(sa.orm.selectinload(models.StatementRequest.points))
        .order_by(models.StatementRequest.asked_at, models.StatementRequest.id))
    return tuple(
        StatementView(row.uid, names.get(row.staff_id, ""), uid, tuple(number_within(point.position) for point in row.points),
                      row.questions, row.records, row.minutes, row.state, row.asked_at, names.get(row.asked_by_id or 0, ""),
                      row.answer, row.answered_at,
                      row.is_identified, row.compartment)
        for row, uid in rows)


def _holds(case: Case) -> tuple[HoldView, ...]:
    return tuple(HoldView(row.reason, row.note, row.from_at, row.until_at) for row in _of(case, models.Hold, models.Hold.from_at))


def _responses(case: Case, names: Names) -> tuple[ResponseView, ...]:
    """What was set aside for a conflict of interest is no version any more; the trail keeps its words."""
    return tuple(
        ResponseView(row.cycle, row.number, row.text, row.drafted_at, names.get(row.drafter_id or 0, ""), row.drafter_id,
                     names.get(row.reviewer_id or 0, ""), row.reviewed_at, names.get(row.signatory_id or 0, ""), row.signed_at, row.sent_at,
                     row.sent_by)
        for row in _of(case, models.ResponseVersion, models.ResponseVersion.cycle, models.ResponseVersion.number,
                       where=(models.ResponseVersion.set_aside_at.is_(None),)))


def _assignments(case: Case, names: Names) -> tuple[AssignmentView, ...]:
    rows = db.session.execute(
        sa.select(models.Assignment, Team.name).outerjoin(Team, Team.id == models.Assignment.team_id)
        .where(models.Assignment.case_id == case.id).order_by(models.Assignment.assigned_at.desc(), models.Assignment.id.desc()))
    return tuple(
        AssignmentView(names.get(row.staff_id or 0, ""), team or "", row.note, row.assigned_at, names.get(row.assigned_by_id or 0, ""))
        for row, team in rows)


def _corrections(case: Case, names: Names, actor: Actor) -> tuple[CorrectionView, ...]:
    return tuple(
        CorrectionView(row.uid, row.old_at, row.new_at, row.reason, row.state, row.asked_at, names.get(row.asked_by_id or 0, ""),
                       row.asked_by_id == actor.staff_id, names.get(row.decided_by_id or 0, ""), row.decided_at)
        for row in _of(case, models.ReceiptCorrection, models.ReceiptCorrection.asked_at))


def _erasures(case: Case, actor: Actor) -> tuple[ErasureView, ...]:
    rows = db.session.scalars(sa.select(models.Erasure).where(models.Erasure.case_id == case.id).order_by(models.Erasure.id)).all()
    names = accounts.names_by_id([one for row in rows for one in (row.asked_by_id, row.decided_by_id) if one]) if rows else {}
    return tuple(ErasureView(
        row.uid, row.ground, row.why, row.state, row.asked_at, names.get(row.asked_by_id, ""), row.asked_by_id == actor.staff_id,
        row.decided_at, names.get(row.decided_by_id or 0, ""), row.decided_why, row.value_count, row.person_count, row.has_files_left)
        for row in rows)


def has_files_to_forget() -> bool:
    """Whether files of an erased case still lie in the store."""
    return db.session.scalar(sa.select(models.Erasure.id).where(models.Erasure.has_files_left).limit(1)) is not None


def _moves(facts: CaseFacts, actor: Actor) -> tuple[MoveView, ...]:
    """What may be done next.  What a move's own form brings (an acknowledgement, a date, a dispatch) counts as there."""
    brought = replace(facts, has_acknowledgement=True, is_discussion_offered=True, is_period_agreed=True, has_dispatch=True)
    return tuple(
        MoveView(move, missing_for(move, brought, actor), tuple(guard.sentence for guard in move.guards if guard.is_pending))
        for move in moves_from(facts.status) if actor.may(Permission.WORK_CASES) and actor.may(move.needs))
