"""How each step of a case hands its checked form to its verb."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from ticketing.cases import service
from ticketing.cases.queries import CaseView
from ticketing.cases.rules import Action, NoteKind, TaskKind
from ticketing.cases.rules.erasing import ErasureGround
from ticketing.codes.rules import BreachReason, CaseType, ContactMethod, Finding, HoldReason
from ticketing.core.permissions import Actor, Compartment


class Run(Protocol):
    """Hands a checked form to its verb."""

    def __call__(self, case: CaseView, form: Any, *, by: Actor, at: datetime) -> object: ...

def move(action: Action) -> Run:
    def run(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
        occurred_at = form.occurred_at.data if "occurred_at" in form else None
        service.apply_transition(case.reference, action, form.why.data, seen=form.version.data, by=by, at=at, occurred_at=occurred_at)

    return run

def triage(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.triage(case.reference, form.triage(), seen=form.version.data, by=by, at=at)

def classify(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.classify(case.reference, form.answers(), seen=form.version.data, by=by, at=at)

def change_type(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.change_type(case.reference, CaseType(form.case_type.data), form.why.data, seen=form.version.data, by=by, at=at)

def acknowledge(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.acknowledge(
        case.reference, ContactMethod(form.method.data), form.is_discussion_offered.data, form.note.data, seen=form.version.data,
        by=by, at=at, occurred_at=form.occurred_at.data)

def acknowledge_stage(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.acknowledge_stage(
        case.reference, ContactMethod(form.method.data), form.is_discussion_offered.data, form.note.data, by=by, at=at,
        occurred_at=form.occurred_at.data)

def scope(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.scope(case.reference, form.due_on.data, form.how.data, seen=form.version.data, by=by, at=at, **form.agreement())

def agree_period(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.agree_period(
        case.reference, form.due_on.data, form.how.data, seen=form.version.data, by=by, at=at, **form.agreement())

def confirm(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.confirm_outcome(
        case.reference, form.text.data, ContactMethod(form.method.data), seen=form.version.data, by=by, at=at,
        occurred_at=form.occurred_at.data)

def write(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.draft_response(case.reference, form.text.data, seen=form.version.data, by=by, at=at)

def sign_and_send(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.sign_and_send(
        case.reference, ContactMethod(form.method.data), seen=form.version.data, by=by, at=at, occurred_at=form.occurred_at.data)

def close(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.close(case.reference, form.note.data, seen=form.version.data, by=by, at=at)

def reopen(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.reopen(case.reference, form.why.data, seen=form.version.data, by=by, at=at)

def add_note(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.add_note(case.reference, NoteKind(form.kind.data), form.text.data, by=by, at=at, occurred_at=form.occurred_at.data,
                     compartment=_sealed(form))

def contact(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.add_note(case.reference, NoteKind.CONTACT, form.text.data, by=by, at=at, occurred_at=form.occurred_at.data)

def interim(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.send_interim(case.reference, form.days.data, form.note.data, by=by, at=at, occurred_at=form.occurred_at.data)

def record_counted(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.record_counted(case.reference, form.counted(), seen=form.version.data, by=by, at=at, occurred_at=form.occurred_at.data)

def add_point(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.add_point(case.reference, form.text.data, form.unit.data or None, by=by, at=at, compartment=_sealed(form))

def change_point(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.change_point(
        case.reference, form.thing.position, form.text.data, form.unit.data or None, seen=form.version.data, by=by, at=at)

def record_finding(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.record_finding(
        case.reference, form.thing.position, Finding(form.finding.data), form.reason.data, form.remedy.data, by=by, at=at)

def hold(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.hold(case.reference, HoldReason(form.reason.data), form.note.data, seen=form.version.data, by=by, at=at)

def release(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.release(case.reference, form.note.data, seen=form.version.data, by=by, at=at)

def assign(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.assign(
        case.reference, form.staff.data or None, form.team.data or None, form.note.data, seen=form.version.data, by=by, at=at,
        accept_absence=form.accepts_absence.data)

def add_task(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.add_task(
        case.reference, TaskKind(form.kind.data), form.title.data, form.due_at.data, form.assignee.data or None, form.team.data or None,
        by=by, at=at, compartment=_sealed(form))

def finish_task(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:  # noqa: ARG001 - every step has this shape
    service.finish_task(form.thing.uid, form.outcome.data, by=by, at=at)

def ask(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.ask_statement(
        case.reference, form.staff.data, form.positions(), form.questions.data, form.records.data, int(form.minutes.data), by=by, at=at,
        is_identified=form.is_identified.data, compartment=_sealed(form))

def withdraw_statement(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:  # noqa: ARG001 - every step has this shape
    service.withdraw_statement(form.thing.uid, form.why.data, by=by, at=at)

def explain_breach(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.give_breach_reason(
        case.reference, form.thing.target, form.thing.subject, BreachReason(form.reason.data), form.note.data, by=by, at=at,
        pack=form.thing.pack)

def raise_priority(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.raise_priority(case.reference, int(form.priority.data), form.why.data, by=by, at=at)

def name_subject(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.name_subject(case.reference, form.staff.data, by=by, at=at)

def ask_correction(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.ask_receipt_correction(case.reference, form.new_at.data, form.reason.data, by=by, at=at)

def decide_correction(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:  # noqa: ARG001 - every step has this shape
    service.decide_receipt_correction(form.thing.uid, form.decision.data == "yes", form.why.data, by=by, at=at)

def ask_erasure(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.ask_erasure(case.reference, ErasureGround(form.ground.data), form.why.data, by=by, at=at)

def decide_erasure(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:  # noqa: ARG001 - every step has this shape
    service.decide_erasure(form.thing.uid, form.decision.data == "yes", form.why.data, by=by, at=at)

def place_legal_hold(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.place_legal_hold(case.reference, form.why.data, by=by, at=at)

def lift_legal_hold(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.lift_legal_hold(case.reference, form.why.data, by=by, at=at)

def complete(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.complete(case.reference, form.answers(), seen=form.version.data, by=by, at=at)

def declare_no_conflict(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:  # noqa: ARG001 - every step has this shape
    service.declare_no_conflict(case.reference, by=by, at=at)

def declare_conflict(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.declare_conflict(case.reference, form.why.data, by=by, at=at)

def add_pack(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.add_pack(case.reference, form.pack.data, form.why.data, seen=form.version.data, by=by, at=at)

def remove_pack(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.remove_pack(case.reference, form.thing.code, form.why.data, seen=form.version.data, by=by, at=at)

def make_confidential(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.make_confidential(case.reference, form.readers.data or (), form.why.data, by=by, at=at)

def lift_confidence(case: CaseView, form: Any, *, by: Actor, at: datetime) -> None:
    service.lift_confidence(case.reference, form.why.data, by=by, at=at)

def _sealed(form: Any) -> Compartment | None:
    """The compartment chosen, where the form asks for one."""
    return Compartment(form.compartment.data) if "compartment" in form and form.compartment.data else None
