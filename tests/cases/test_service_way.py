"""One concern all the way: from receipt to closure and back, each verb leaving case, trail, timers and plan in step."""

from datetime import date

import pytest
from flask import Flask

from tests.factories import Hospital, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import queries as accounts
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream, summary
from ticketing.cases import queries, service
from ticketing.cases.rules import Action, Status
from ticketing.codes.rules import HoldReason, Outcome
from ticketing.core.errors import Conflict, Forbidden, NotFound
from ticketing.sla import queries as sla
from ticketing.sla.rules import State


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def timer(reference: str, hospital: Hospital, target: str, at=WEDNESDAY) -> queries.TimerView:
    return next(item for item in queries.get_case(reference, hospital.officer, at=at).current_timers if item.target == target)


def drift(at) -> list:
    return [item for _, found in sla.drifts(at=at) for item in found]


def test_a_received_concern_has_a_reference_running_timers_and_a_trail(hospital):
    reference = make_case(hospital.officer)
    case = queries.get_case(reference, hospital.officer, at=MONDAY)
    assert case.status is Status.RECEIVED
    assert case.complainant.name == "Amina Khan"
    assert case.patient.name == "Yusuf Khan"
    assert timer(reference, hospital, "acknowledge", MONDAY).due == "by the end of Thu 5 Mar 2026"
    assert summary(case.entries[-1]).startswith("Received")
    assert [point.text for point in case.points] == ["He waited nine hours.", "Nobody told us why."]


def test_acknowledging_moves_case_trail_and_timers(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital)
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert case.status is Status.ACKNOWLEDGED
    assert timer(reference, hospital, "acknowledge").state is State.MET
    assert summary(case.entries[0]) == "Acknowledged by phone by Hana Novak"


def test_the_usual_way_ends_closed_with_the_outcome_of_its_points(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert (case.status, case.outcome, case.is_open) == (Status.CLOSED, Outcome.UPHELD, False)
    assert {item.state for item in case.timers if item.target in ("acknowledge", "respond", "six_months")} == {State.MET}
    assert not audit.verify(case_stream(reference)).faults
    assert drift(FRIDAY) == []


def test_reopening_begins_a_numbered_cycle_and_keeps_the_first(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    service.reopen(reference, "A point was not answered", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    case = queries.get_case(reference, hospital.officer, at=NEXT_MONDAY)
    assert (case.status, case.cycle, case.is_open) == (Status.REOPENED, 2, True)
    assert any(item.target == "acknowledge" and item.cycle == 1 and item.state is State.MET for item in case.timers)
    assert not any(item.target == "acknowledge" and item.cycle == 2 for item in case.timers)
    assert drift(NEXT_MONDAY) == []


def test_a_stale_version_is_refused_and_nothing_changes(hospital):
    reference = make_case(hospital.officer)
    seen = version_of(reference)
    drive(reference, Status.TRIAGE, hospital)
    with pytest.raises(Conflict, match="changed this case"):
        service.apply_transition(reference, Action.ACKNOWLEDGE, seen=seen, by=hospital.officer, at=TUESDAY)


def test_a_move_says_everything_that_is_missing_at_once(hospital):
    reference = make_case(hospital.officer)
    service.apply_transition(reference, Action.OPEN_TRIAGE, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    with pytest.raises(Conflict) as refused:
        service.apply_transition(reference, Action.ACKNOWLEDGE, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    for part in ("severity", "consent", "risk", "policy pack", "acknowledged", "Offer to discuss"):
        assert part in refused.value.message


def test_the_drafter_can_neither_review_nor_sign(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.QUALITY_REVIEW, hospital)
    with pytest.raises(Conflict, match="other than the drafter"):
        service.apply_transition(reference, Action.PASS_REVIEW, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.apply_transition(reference, Action.PASS_REVIEW, seen=version_of(reference), by=hospital.second_officer, at=TUESDAY)
    with pytest.raises(Forbidden, match="manager"):
        service.apply_transition(reference, Action.SIGN_AND_SEND, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    with pytest.raises(NotFound):
        service.apply_transition(reference, Action.SIGN_AND_SEND, seen=version_of(reference), by=hospital.clinician, at=TUESDAY)


def test_a_hold_stops_local_timers_and_never_statutory_ones(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.SCOPING, hospital)
    service.hold(reference, HoldReason.AWAITING_COMPLAINANT, "On holiday", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    assert timer(reference, hospital, "progress", FRIDAY).state is State.HELD
    assert timer(reference, hospital, "six_months", FRIDAY).state is State.RUNNING
    service.release(reference, "Back", seen=version_of(reference), by=hospital.officer, at=NEXT_MONDAY)
    assert timer(reference, hospital, "progress", NEXT_MONDAY).state is State.RUNNING
    assert drift(NEXT_MONDAY) == []


def test_a_receipt_moves_only_with_a_reason_and_a_second_person(hospital):
    reference = make_case(hospital.officer, received_at=MONDAY, at=TUESDAY)
    earlier = MONDAY.replace(day=1, month=3)
    uid = service.ask_receipt_correction(reference, earlier, "The letter was stamped on Sunday", by=hospital.officer, at=WEDNESDAY)
    with pytest.raises(Conflict, match="second person"):
        service.decide_receipt_correction(uid, True, "", by=hospital.officer, at=WEDNESDAY)
    service.decide_receipt_correction(uid, True, "Seen the stamp", by=hospital.second_officer, at=WEDNESDAY)
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert case.received_at == earlier
    assert timer(reference, hospital, "acknowledge").due == "by the end of Wed 4 Mar 2026"
    assert case.corrections[0].old_at == MONDAY
    assert drift(WEDNESDAY) == []


def test_a_breach_is_recorded_once_at_its_instant(hospital):
    reference = make_case(hospital.officer)
    assert service.record_breaches(by=hospital.officer, at=FRIDAY).outcomes == {"breached": 1}
    assert service.record_breaches(by=hospital.officer, at=FRIDAY).outcomes == {}
    case = queries.get_case(reference, hospital.officer, at=FRIDAY)
    entry = next(entry for entry in case.entries if entry.act == "case.breached")
    assert entry.occurred_at.date() == date(2026, 3, 6)
    assert len(case.lapsed_timers) == 1


def test_a_clinician_answers_what_was_asked_and_the_officer_hears_of_it(hospital, app):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    clinician = hospital.clinician
    uid = service.ask_statement(
        reference, accounts.staff_by_id(clinician.staff_id).uid, (1,), "Why nine hours?", "ED record", 15, by=hospital.officer, at=TUESDAY)
    shown = queries.question(uid, clinician, at=TUESDAY)
    assert shown.points == ((1, "He waited nine hours."),)
    assert "Khan" not in repr(shown)
    with pytest.raises(Conflict, match="Statements are still out"):
        service.apply_transition(reference, Action.DRAFT_RESPONSE, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.give_statement(uid, "Triage was short of two nurses.", by=clinician, at=WEDNESDAY)
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert case.statements[0].answer == "Triage was short of two nurses."
    assert case.open_statements == 0
    with pytest.raises(NotFound):
        queries.get_case(reference, clinician, at=WEDNESDAY)


def test_a_case_is_hidden_from_staff_named_in_it(hospital):
    reference = make_case(hospital.officer)
    service.name_subject(reference, accounts.staff_by_id(hospital.second_officer.staff_id).uid, by=hospital.officer, at=MONDAY)
    with pytest.raises(NotFound):
        queries.get_case(reference, hospital.second_officer, at=MONDAY)
    view = queries.WorklistView.ALL_OPEN
    assert len(queries.worklist(hospital.second_officer, view, queries.Filters(), at=MONDAY)) == 0
    assert len(queries.worklist(hospital.officer, view, queries.Filters(), at=MONDAY)) == 1
    counts = {facet.view: facet.count.number for facet in queries.facets(hospital.second_officer, queries.Filters(), at=MONDAY)}
    assert set(counts.values()) == {0}


def test_of_two_who_take_a_case_one_gets_it(hospital):
    reference = make_case(hospital.officer)
    service.take(reference, by=hospital.officer, at=MONDAY)
    with pytest.raises(Conflict, match="Hana Novak has this case already"):
        service.take(reference, by=hospital.second_officer, at=MONDAY)
