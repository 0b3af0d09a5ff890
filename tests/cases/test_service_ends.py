"""How cases end and come back: what waits is tied up, what ended stays ended, and kinds of case that go another way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.rules import Action, NoteKind, StatementState, Status, TaskKind
from ticketing.codes import service as codes
from ticketing.codes.rules import BreachReason, CaseType, Channel, ConsentStatus, ContactMethod, Finding, HoldReason, Outcome, Severity
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Invalid
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.sla import queries as sla
from ticketing.sla.rules import State


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def drift(at) -> list:
    return [item for _, found in sla.drifts(at=at) for item in found]


def state_of(reference: str, hospital: Hospital, at=NEXT_MONDAY) -> dict[str, State]:
    return {item.target: item.state for item in queries.get_case(reference, hospital.officer, at=at).timers}


def ask(reference: str, hospital: Hospital, at=TUESDAY) -> str:
    return service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=at)


ENDINGS = {
    Action.SETTLE: Status.TRIAGE, Action.EXCLUDE: Status.TRIAGE, Action.WITHDRAW: Status.INVESTIGATION, Action.TRANSFER: Status.TRIAGE,
    Action.END_WITHOUT_CONSENT: Status.INVESTIGATION, Action.END_CONTACT: Status.INVESTIGATION, Action.CLOSE: Status.RESPONSE_SENT,
    Action.MERGE_AS_DUPLICATE: Status.RECEIVED,
}


def end(reference: str, action: Action, hospital: Hospital, at=WEDNESDAY) -> None:
    service.apply_transition(reference, action, "Because", seen=version_of(reference), by=hospital.manager, at=at)


@pytest.mark.parametrize("action", ENDINGS)
def test_whatever_ends_a_case_ends_its_hold_its_questions_and_every_clock(action, hospital):
    reference = make_case(hospital.officer)
    if ENDINGS[action] is not Status.RECEIVED:
        drive(reference, ENDINGS[action], hospital)
    question = ask(reference, hospital)
    task = service.add_task(reference, TaskKind.CALL_BACK, "Ring", FRIDAY, hospital.officer.uid, None, by=hospital.officer, at=TUESDAY)
    service.hold(reference, HoldReason.LEGAL, "Advice", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    end(reference, action, hospital)
    case = queries.get_case(reference, hospital.officer, at=NEXT_MONDAY)
    assert not case.is_open
    assert (case.held_since, case.hold_reason, case.holds[0].until_at) == (None, None, WEDNESDAY)
    assert (case.open_statements, case.statements[0].state) == (0, StatementState.WITHDRAWN)
    assert {timer.state for timer in case.timers} <= {State.MET, State.NOT_APPLICABLE}
    assert service.record_breaches(by=hospital.officer, at=NEXT_MONDAY + timedelta(days=400)).done == 0
    assert drift(NEXT_MONDAY + timedelta(days=400)) == []
    planned = db.session.scalars(select(Firing).where(Firing.state == FiringState.PLANNED)).all()
    assert planned == []
    assert queries.questions_for(hospital.clinician, at=NEXT_MONDAY) == ()
    with pytest.raises(Conflict, match="has ended"):
        service.give_statement(question, "So.", by=hospital.clinician, at=NEXT_MONDAY)
    assert [row.uid for row in queries.tasks_of(hospital.officer, at=NEXT_MONDAY)] == [task]
    service.finish_task(task, "Rang", by=hospital.officer, at=NEXT_MONDAY)
    assert not audit.verify(case_stream(reference)).faults


REFUSED = {
    "triage": lambda ref, h: service.triage(
        ref, service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "england-nhs"), seen=version_of(ref),
        by=h.officer, at=FRIDAY),
    "acknowledge": lambda ref, h: service.acknowledge(ref, ContactMethod.PHONE, True, "", seen=None, by=h.officer, at=FRIDAY),
    "agree_period": lambda ref, h: service.agree_period(ref, NEXT_MONDAY.date(), "Phone", seen=None, by=h.officer, at=FRIDAY),
    "add_point": lambda ref, h: service.add_point(ref, "Food", None, by=h.officer, at=FRIDAY),
    "change_point": lambda ref, h: service.change_point(ref, 1, "Food", None, seen=version_of(ref), by=h.officer, at=FRIDAY),
    "record_finding": lambda ref, h: service.record_finding(ref, 1, Finding.UPHELD, "Seen", "", by=h.officer, at=FRIDAY),
    "send_interim": lambda ref, h: service.send_interim(ref, 10, "", by=h.officer, at=FRIDAY),
    "hold": lambda ref, h: service.hold(ref, HoldReason.LEGAL, "", seen=version_of(ref), by=h.officer, at=FRIDAY),
    "release": lambda ref, h: service.release(ref, "", seen=version_of(ref), by=h.officer, at=FRIDAY),
    "add_task": lambda ref, h: service.add_task(ref, TaskKind.TASK, "Do", FRIDAY, None, None, by=h.officer, at=FRIDAY),
    "raise_priority": lambda ref, h: service.raise_priority(ref, 2, "", by=h.officer, at=FRIDAY),
    "take": lambda ref, h: service.take(ref, by=h.officer, at=FRIDAY),
    "assign": lambda ref, h: service.assign(ref, h.officer.uid, None, "Yours", seen=None, by=h.officer, at=FRIDAY),
    "ask_statement": lambda ref, h: ask(ref, h, FRIDAY),
    "draft_response": lambda ref, h: service.draft_response(ref, "Dear", seen=version_of(ref), by=h.officer, at=FRIDAY),
    "sign_and_send": lambda ref, h: service.sign_and_send(ref, ContactMethod.LETTER, seen=version_of(ref), by=h.manager, at=FRIDAY),
    "confirm_outcome": lambda ref, h: service.confirm_outcome(
        ref, "So", ContactMethod.LETTER, seen=version_of(ref), by=h.officer, at=FRIDAY),
    "close": lambda ref, h: service.close(ref, "", seen=version_of(ref), by=h.officer, at=FRIDAY),
    "ask_receipt_correction": lambda ref, h: service.ask_receipt_correction(ref, MONDAY - timedelta(1), "Stamp", by=h.officer, at=FRIDAY),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_ended_case_refuses_work(name, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    before = version_of(reference)
    with pytest.raises(Conflict):
        REFUSED[name](reference, hospital)
    assert version_of(reference) == before


def test_an_ended_case_takes_notes_reasons_names_and_a_reopening(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.TRIAGE, hospital, at=FRIDAY)
    end(reference, Action.WITHDRAW, hospital, at=FRIDAY)
    service.add_note(reference, NoteKind.CONTACT, "She wrote to thank us", by=hospital.officer, at=FRIDAY)
    service.give_breach_reason(reference, "acknowledge", "", BreachReason.WORKLOAD, "", by=hospital.officer, at=FRIDAY)
    service.name_subject(reference, hospital.second_officer.uid, by=hospital.officer, at=FRIDAY)
    service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    assert queries.get_case(reference, hospital.officer, at=FRIDAY).cycle == 2
    assert drift(FRIDAY) == []


def test_reopening_a_case_that_waits_ties_up_the_cycle_before(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.RESPONSE_SENT, hospital)
    ask(reference, hospital)
    service.hold(reference, HoldReason.LEGAL, "", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=THURSDAY)
    case = queries.get_case(reference, hospital.officer, at=THURSDAY)
    assert (case.open_statements, case.held_since, case.holds[0].until_at) == (0, None, THURSDAY)
    with pytest.raises(Conflict, match="not on hold"):
        service.release(reference, "", seen=version_of(reference), by=hospital.officer, at=THURSDAY)
    service.hold(reference, HoldReason.LEGAL, "", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    assert drift(FRIDAY) == []


def test_reopening_twice_is_refused_the_second_time(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    with pytest.raises(Conflict):
        service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=FRIDAY)


def test_a_case_with_the_ombudsman_is_closed_or_reopened_from_there(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    end(reference, Action.REFER_TO_OMBUDSMAN, hospital, at=THURSDAY)
    assert queries.get_case(reference, hospital.officer, at=THURSDAY).is_open
    end(reference, Action.CLOSE, hospital, at=FRIDAY)
    assert queries.get_case(reference, hospital.officer, at=FRIDAY).closed_at == FRIDAY
    assert drift(NEXT_MONDAY) == []


# --- kinds of case ---


def test_an_anonymous_concern_goes_all_the_way_with_no_clock_that_needs_an_addressee(hospital):
    reference = make_case(hospital.officer, is_anonymous=True, complainant=None)
    assert set(state_of(reference, hospital).values()) == {State.NOT_APPLICABLE}
    steps = [
        lambda seen: service.triage(reference, service.Triage(
            CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.UNKNOWN, "england-nhs"), seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.ACKNOWLEDGE, seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.SCOPE, seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.INVESTIGATE, seen=seen, by=hospital.officer, at=TUESDAY),
        lambda _: service.record_finding(reference, 1, Finding.UPHELD, "Seen", "Mended", by=hospital.officer, at=TUESDAY),
        lambda _: service.record_finding(reference, 2, Finding.NOT_UPHELD, "Not so", "", by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.DRAFT_RESPONSE, seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.draft_response(reference, "For the file", seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.SUBMIT_FOR_REVIEW, seen=seen, by=hospital.officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.PASS_REVIEW, seen=seen, by=hospital.second_officer, at=TUESDAY),
        lambda seen: service.apply_transition(reference, Action.SIGN_AND_SEND, seen=seen, by=hospital.manager, at=TUESDAY),
        lambda seen: service.close(reference, "", seen=seen, by=hospital.officer, at=WEDNESDAY),
    ]
    for step in steps:
        step(version_of(reference))
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert (case.status, case.outcome, case.complainant) == (Status.CLOSED, Outcome.PARTLY_UPHELD, None)
    row = queries.worklist(hospital.officer, queries.WorklistView.ENDED, queries.Filters(), at=WEDNESDAY).rows[0]
    assert row.complainant == "Anonymous"
    assert drift(FRIDAY) == []


@pytest.mark.parametrize("kind", [CaseType.ENQUIRY, CaseType.COMPLIMENT, CaseType.SUGGESTION])
def test_what_has_no_statutory_clock_is_settled_without_one(kind, hospital):
    reference = make_case(hospital.officer, case_type=kind)
    case = queries.get_case(reference, hospital.officer, at=FRIDAY)
    assert case.current_timers == ()
    row = queries.worklist(hospital.officer, queries.WorklistView.ALL_OPEN, queries.Filters(), at=NEXT_MONDAY).rows[0]
    assert (row.timing, row.due) == ("none", "")
    end(reference, Action.SETTLE, hospital)
    assert not queries.get_case(reference, hospital.officer, at=FRIDAY).is_open
    assert service.record_breaches(by=hospital.officer, at=NEXT_MONDAY).done == 0


def test_a_pals_concern_settled_next_day_meets_its_target(hospital):
    reference = make_case(hospital.officer, case_type=CaseType.CONCERN_PALS, channel=Channel.PHONE)
    end(reference, Action.SETTLE, hospital, at=TUESDAY)
    assert state_of(reference, hospital)["respond_stage_1"] is State.MET


def test_a_grievance_in_the_us_is_kept_in_time_by_an_interim_notice_that_names_days(hospital):
    codes.add_site("OHIO", "Ohio site", zone="America/New_York", pack="us-cms", calendar="us_federal", by=FACTORY, at=MONDAY)
    reference = make_case(hospital.officer, site_code="OHIO", unit_code=None, case_type=CaseType.GRIEVANCE_US, received_at=MONDAY)
    assert queries.get_case(reference, hospital.officer, at=MONDAY).pack == "us-cms"
    service.triage(reference, service.Triage(CaseType.GRIEVANCE_US, Severity.LOW, ConsentStatus.RECEIVED, "us-cms"),
                   seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.acknowledge(reference, ContactMethod.LETTER, True, "", seen=None, by=hospital.officer, at=TUESDAY)
    assert state_of(reference, hospital, FRIDAY)["interim_notice"] is State.RUNNING
    with pytest.raises(Invalid):
        service.send_interim(reference, 0, "Soon", by=hospital.officer, at=FRIDAY)
    service.send_interim(reference, 21, "Within 21 days", by=hospital.officer, at=FRIDAY)
    shown = {item.target: item for item in queries.get_case(reference, hospital.officer, at=NEXT_MONDAY).timers}
    assert shown["interim_notice"].state is State.MET
    assert (shown["respond"].state, shown["respond"].due) == (State.RUNNING, "by the end of Fri 27 Mar 2026")
    assert shown["acknowledge"].state is State.MET
    assert drift(NEXT_MONDAY) == []


@pytest.mark.parametrize("kind", [CaseType.COMPLAINT_FORMAL, CaseType.ENQUIRY])
def test_the_pack_is_proposed_from_the_site(kind, hospital):
    reference = make_case(hospital.officer, case_type=kind)
    assert queries.get_case(reference, hospital.officer, at=MONDAY).pack == "england-nhs"


def test_triage_refuses_a_pack_that_knows_no_such_cases(hospital):
    reference = make_case(hospital.officer)
    with pytest.raises(Invalid, match="Patient grievance") as refused:
        service.triage(reference, service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "us-cms"),
                       seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    assert refused.value.field == "case_type"
    assert db.session.scalars(select(Case.status).where(Case.reference == reference)).one() is Status.RECEIVED


def test_a_draft_is_logged_before_it_is_worked(hospital):
    reference = service.keep_draft(concern(), by=hospital.officer, at=MONDAY)
    for name, verb in REFUSED.items():
        with pytest.raises(Conflict):
            verb(reference, hospital)
        assert version_of(reference) == 1, name
    service.apply_transition(reference, Action.DISCARD, "By mistake", seen=None, by=hospital.officer, at=TUESDAY)
    assert not queries.get_case(reference, hospital.officer, at=TUESDAY).is_open
