"""Listed = openable = counted: one predicate decides for every role, every kind of case, every read and every verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import FRIDAY, MONDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import service as accounts
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.codes.rules import BreachReason, CaseType, ConsentStatus, ContactMethod, Finding, HoldReason, Severity
from ticketing.core.database import db
from ticketing.core.errors import Conflict, DomainError, Forbidden, NotFound
from ticketing.core.permissions import GRANTS, Permission, Role
from ticketing.core.references import new_reference, new_uid
from ticketing.people.rules import PersonDetails

AMINA = PersonDetails(name="Amina Khan", phone="07700 900123")


@dataclass(frozen=True)
class World:
    """One case of each kind, and who is named where."""

    hospital: Hospital
    references: dict[str, str]
    task: str
    question: str


@pytest.fixture
def world(app: Flask) -> World:
    hospital = make_hospital()
    by = hospital.officer
    plain, mine, named, ended = make_case(by), make_case(by, takes_it=True), make_case(by), make_case(by, team_code=None)
    service.name_subject(named, hospital.second_officer.uid, by=by, at=MONDAY)
    task = service.add_task(named, TaskKind.CALL_BACK, "Ring back", WEDNESDAY, None, "CENTRAL", by=by, at=MONDAY)
    question = service.ask_statement(named, hospital.clinician.uid, (1,), "Why?", "", 15, by=by, at=MONDAY)
    drive(ended, Status.CLOSED, hospital)
    draft = service.keep_draft(concern(), by=by, at=MONDAY)
    return World(hospital, {"plain": plain, "mine": mine, "named": named, "ended": ended, "draft": draft}, task, question)


def opens(reference: str, actor) -> bool:
    try:
        queries.get_case(reference, actor, at=FRIDAY)
    except NotFound:
        return False
    return True


def listed(actor) -> set[str]:
    return {row.reference for view in WorklistView for row in queries.worklist(actor, view, Filters(), at=FRIDAY).rows}


SEES = {Role.OFFICER: {"plain", "mine", "named", "ended", "draft"}, Role.MANAGER: {"plain", "mine", "named", "ended", "draft"},
        Role.AUDITOR: {"plain", "mine", "named", "ended", "draft"}, Role.CLINICIAN: set(), Role.ADMINISTRATOR: set()}


@pytest.mark.parametrize("role", list(Role))
def test_what_a_role_lists_opens_counts_and_finds_is_the_same(role, world):
    actor = world.hospital.actor(role)
    wanted = {world.references[kind] for kind in SEES[role]}
    assert listed(actor) == wanted
    for reference in world.references.values():
        assert opens(reference, actor) is (reference in wanted)
        assert queries.may_read(reference, actor) is (reference in wanted)
    for facet in queries.facets(actor, Filters(), at=FRIDAY):
        assert facet.count.number == len(queries.worklist(actor, facet.view, Filters(), at=FRIDAY)), facet.view
    assert {row.reference for row in queries.lookalikes([AMINA], actor)} == wanted


def test_staff_named_in_a_concern_have_it_nowhere(world):
    named, actor = world.references["named"], world.hospital.second_officer
    assert named not in listed(actor)
    assert not opens(named, actor)
    assert not queries.may_read(named, actor)
    assert named not in {row.reference for row in queries.lookalikes([AMINA], actor)}
    assert queries.tasks_of(actor, at=FRIDAY) == ()
    assert [row.uid for row in queries.tasks_of(world.hospital.officer, at=FRIDAY)] == [world.task]
    for facet in queries.facets(actor, Filters(), at=FRIDAY):
        assert facet.count.number == len(queries.worklist(actor, facet.view, Filters(), at=FRIDAY)), facet.view
    assert queries.firing_context([_id(named)])[_id(named)].subject_ids == {actor.staff_id}


def _id(reference: str) -> int:
    return db.session.scalars(select(Case.id).where(Case.reference == reference)).one()


READS: dict[str, Callable] = {
    "get_case": lambda ref, by: queries.get_case(ref, by, at=FRIDAY),
    "explain_timer": lambda ref, by: queries.explain_timer(ref, "acknowledge", by, at=FRIDAY),
}
VERBS: dict[str, Callable] = {
    "apply_transition": lambda ref, by: service.apply_transition(ref, Action.OPEN_TRIAGE, seen=None, by=by, at=FRIDAY),
    "triage": lambda ref, by: service.triage(
        ref, service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "england-nhs"), seen=1, by=by, at=FRIDAY),
    "acknowledge": lambda ref, by: service.acknowledge(ref, ContactMethod.PHONE, True, "", seen=None, by=by, at=FRIDAY),
    "agree_period": lambda ref, by: service.agree_period(ref, FRIDAY.date(), "", seen=None, by=by, at=FRIDAY),
    "scope": lambda ref, by: service.scope(ref, FRIDAY.date(), "", seen=1, by=by, at=FRIDAY),
    "close": lambda ref, by: service.close(ref, "", seen=1, by=by, at=FRIDAY),
    "reopen": lambda ref, by: service.reopen(ref, "New", seen=1, by=by, at=FRIDAY),
    "add_point": lambda ref, by: service.add_point(ref, "Food", None, by=by, at=FRIDAY),
    "change_point": lambda ref, by: service.change_point(ref, 1, "Food", None, seen=1, by=by, at=FRIDAY),
    "record_finding": lambda ref, by: service.record_finding(ref, 1, Finding.UPHELD, "Seen", "", by=by, at=FRIDAY),
    "add_note": lambda ref, by: service.add_note(ref, NoteKind.NOTE, "Hm", by=by, at=FRIDAY),
    "send_interim": lambda ref, by: service.send_interim(ref, 10, "", by=by, at=FRIDAY),
    "hold": lambda ref, by: service.hold(ref, HoldReason.LEGAL, "", seen=1, by=by, at=FRIDAY),
    "release": lambda ref, by: service.release(ref, "", seen=1, by=by, at=FRIDAY),
    "add_task": lambda ref, by: service.add_task(ref, TaskKind.TASK, "Do", FRIDAY, None, None, by=by, at=FRIDAY),
    "raise_priority": lambda ref, by: service.raise_priority(ref, 2, "", by=by, at=FRIDAY),
    "name_subject": lambda ref, by: service.name_subject(ref, new_uid(), by=by, at=FRIDAY),
    "take": lambda ref, by: service.take(ref, by=by, at=FRIDAY),
    "assign": lambda ref, by: service.assign(ref, None, "CENTRAL", "", seen=None, by=by, at=FRIDAY),
    "ask_statement": lambda ref, by: service.ask_statement(ref, new_uid(), (1,), "Why?", "", 15, by=by, at=FRIDAY),
    "draft_response": lambda ref, by: service.draft_response(ref, "Dear", seen=1, by=by, at=FRIDAY),
    "sign_and_send": lambda ref, by: service.sign_and_send(ref, ContactMethod.LETTER, seen=1, by=by, at=FRIDAY),
    "confirm_outcome": lambda ref, by: service.confirm_outcome(ref, "So", ContactMethod.LETTER, seen=1, by=by, at=FRIDAY),
    "ask_receipt_correction": lambda ref, by: service.ask_receipt_correction(ref, MONDAY, "Stamp", by=by, at=FRIDAY),
    "give_breach_reason": lambda ref, by: service.give_breach_reason(ref, "acknowledge", "", BreachReason.WORKLOAD, "", by=by, at=FRIDAY),
}


def answer(call: Callable[[], object]) -> tuple[type[DomainError], str]:
    with pytest.raises(DomainError) as refused:
        call()
    return type(refused.value), refused.value.message


@pytest.mark.parametrize("name", [*READS, *VERBS])
def test_a_hidden_case_answers_every_read_and_verb_exactly_like_a_missing_one(name, world):
    do = (READS | VERBS)[name]
    named = world.hospital.manager
    service.name_subject(world.references["named"], named.uid, by=world.hospital.officer, at=TUESDAY)
    hidden = answer(lambda: do(world.references["named"], named))
    assert hidden == answer(lambda: do(new_reference(MONDAY), named))
    assert hidden == answer(lambda: do("\x00\ud800", named))
    assert hidden[0] is NotFound


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.ADMINISTRATOR])
@pytest.mark.parametrize("name", [*READS, *VERBS])
def test_those_who_see_no_cases_cannot_tell_a_case_from_none(name, role, world):
    do, actor = (READS | VERBS)[name], world.hospital.actor(role)
    assert answer(lambda: do(world.references["plain"], actor)) == answer(lambda: do(new_reference(MONDAY), actor))


@pytest.mark.parametrize("name", VERBS)
def test_an_auditor_reads_and_changes_nothing(name, world):
    auditor, reference = world.hospital.auditor, world.references["plain"]
    before = version_of(reference)
    assert answer(lambda: VERBS[name](reference, auditor))[0] is (Conflict if name in ("close", "reopen") else Forbidden)
    assert version_of(reference) == before


HUNG: dict[str, Callable] = {
    "finish_task": lambda uid, by: service.finish_task(uid, "", by=by, at=FRIDAY),
    "withdraw_statement": lambda uid, by: service.withdraw_statement(uid, "", by=by, at=FRIDAY),
    "decide_receipt_correction": lambda uid, by: service.decide_receipt_correction(uid, True, "", by=by, at=FRIDAY),
}


@pytest.mark.parametrize("name", HUNG)
def test_what_hangs_on_a_hidden_case_is_as_good_as_missing(name, world):
    named, reference = world.hospital.second_officer, world.references["named"]
    uid = {"finish_task": world.task, "withdraw_statement": world.question}.get(name) or service.ask_receipt_correction(
        reference, MONDAY - timedelta(days=1), "Stamp", by=world.hospital.officer, at=TUESDAY)
    for actor in (named, world.hospital.clinician, world.hospital.auditor):
        hidden = answer(lambda actor=actor: HUNG[name](uid, actor))
        assert hidden == answer(lambda actor=actor: HUNG[name](new_uid(), actor)), actor.role
        assert hidden == answer(lambda actor=actor: HUNG[name]("\x00", actor)), actor.role


def test_a_question_is_answered_by_whom_it_was_put_to_and_missing_for_everybody_else(world):
    other = make_staff(Role.CLINICIAN, "Omar Farouk").actor
    asked = world.hospital.clinician
    assert [row.uid for row in queries.questions_for(asked, at=TUESDAY)] == [world.question]
    assert queries.question(world.question, asked, at=TUESDAY).row.uid == world.question
    for actor in (other, world.hospital.officer, world.hospital.auditor, FACTORY):
        assert queries.questions_for(actor, at=TUESDAY) == ()
        missing = answer(lambda actor=actor: queries.question(new_uid(), actor, at=TUESDAY))
        assert answer(lambda actor=actor: queries.question(world.question, actor, at=TUESDAY)) == missing
    for verb in (service.give_statement, service.save_statement_draft, service.decline_statement):
        assert answer(lambda verb=verb: verb(world.question, "It was full.", by=other, at=TUESDAY)) == answer(
            lambda verb=verb: verb(new_uid(), "It was full.", by=other, at=TUESDAY))


def test_a_named_clinician_answers_what_is_put_to_them_and_sees_nothing_else(world):
    clinician, reference = world.hospital.clinician, world.references["named"]
    service.name_subject(reference, clinician.uid, by=world.hospital.officer, at=TUESDAY)
    shown = queries.question(world.question, clinician, at=TUESDAY)
    assert shown.points == ((1, "He waited nine hours."),)
    service.give_statement(world.question, "We were four nurses short.", by=clinician, at=TUESDAY)
    assert not opens(reference, clinician)


def test_a_clinician_reads_no_detail_of_the_complainant(world):
    clinician = world.hospital.clinician
    shown = repr(queries.questions_for(clinician, at=TUESDAY)) + repr(queries.question(world.question, clinician, at=TUESDAY))
    for secret in ("Khan", "Amina", "Yusuf", "900123", "mail.example", "nine hours in the emergency", "explanation"):
        assert secret not in shown, secret


def test_a_deputy_reads_and_answers_for_an_absent_clinician_unless_named(world):
    deputy = make_staff(Role.CLINICIAN, "Omar Farouk")
    asked, question = world.hospital.clinician, world.question
    assert queries.questions_for(deputy.actor, at=WEDNESDAY) == ()
    accounts.set_leave(asked.uid, TUESDAY.date(), FRIDAY.date(), deputy.uid,
                       by=world.hospital.administrator, at=MONDAY)
    rows = queries.questions_for(deputy.actor, at=WEDNESDAY)
    assert [(row.uid, row.for_whom) for row in rows] == [(question, "Priya Shah")]
    assert queries.questions_for(deputy.actor, at=MONDAY) == ()
    assert [row.uid for row in queries.questions_for(asked, at=WEDNESDAY)] == [question]
    service.save_statement_draft(question, "So far", by=asked, at=WEDNESDAY)
    service.name_subject(world.references["named"], deputy.uid, by=world.hospital.officer, at=WEDNESDAY)
    assert queries.questions_for(deputy.actor, at=WEDNESDAY) == ()
    with pytest.raises(NotFound):
        service.give_statement(question, "All full.", by=deputy.actor, at=WEDNESDAY)


def test_the_deputy_of_an_absent_clinician_may_answer(world):
    deputy = make_staff(Role.CLINICIAN, "Omar Farouk")
    accounts.set_leave(world.hospital.clinician.uid, TUESDAY.date(), FRIDAY.date(), deputy.uid,
                       by=world.hospital.administrator, at=MONDAY)
    service.give_statement(world.question, "All full.", by=deputy.actor, at=WEDNESDAY)
    case = queries.get_case(world.references["named"], world.hospital.officer, at=WEDNESDAY)
    assert case.statements[0].answer == "All full."


def test_nobody_but_those_who_see_cases_holds_the_permission():
    assert {role for role, granted in GRANTS.items() if Permission.VIEW_CASES in granted} == {role for role, kinds in SEES.items() if kinds}
