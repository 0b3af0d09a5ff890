"""One page for each thing to do: each opens, each keeps what was typed, and a change made meanwhile is told."""

from __future__ import annotations

import pytest

from tests.factories import drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import service as accounts
from ticketing.cases import queries, service
from ticketing.cases.rules import Action, CorrectionState, NoteKind, StatementState, Status, TaskKind
from ticketing.cases.views.offers import STEPS
from ticketing.codes.rules import BreachReason, ContactMethod, Finding, HoldReason, Outcome, Severity
from ticketing.core.permissions import Role

ABOUT = {"change_point", "finding", "withdraw_statement", "finish_task", "breach_reason", "decide_correction", "decide_erasure",
         "remove_pack"}


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def officer(client, hospital):
    return enter(client, team_codes=["CENTRAL"])


@pytest.fixture
def reference(hospital):
    return make_case(hospital.officer)


def do(client, reference, name, typed=None, *, about="", status=303):
    """Open the step's page, fill it in and send it."""
    url = f"/cases/{reference}/actions/{name}"
    answer = client.fill_in(f"{url}?about={about}" if about else url, typed or {}, action=url)
    assert answer.status_code == status, answer.text
    return answer


def view(reference, hospital):
    return queries.get_case(reference, hospital.officer, at=TUESDAY)


@pytest.mark.parametrize("name", sorted(set(STEPS) - ABOUT))
def test_each_step_has_a_good_page(client, officer, reference, name):
    page = client.page(f"/cases/{reference}/actions/{name}")
    assert page.heading == STEPS[name].heading


@pytest.mark.parametrize("name", sorted(ABOUT))
def test_a_step_about_nothing_is_not_found(client, officer, reference, name):
    for about in ("", "?about=", "?about=99", "?about=%27%22", "?about=" + "x" * 500):
        client.page(f"/cases/{reference}/actions/{name}{about}", status=404)


def test_the_whole_way_from_triage_to_closure_through_the_forms(client, hospital, reference):
    enter(client, name="Olga Officer")
    do(client, reference, "triage", {"is_danger_now": "no", "severity": "moderate", "consent_status": "received", "has_no_conflict": "y"})
    do(client, reference, "acknowledge", {"method": "phone", "is_discussion_offered": "y", "note": "Spoke to her"})
    do(client, reference, "scope", {"due_on": "2026-04-14", "how": "Agreed on the phone"})
    do(client, reference, "investigate")
    do(client, reference, "statement", {"staff": hospital.clinician.uid, "points": ["1", "2"], "questions": "Who was on call?"})
    (asked,) = view(reference, hospital).statements
    service.give_statement(asked.uid, "Dr Lee was.", by=hospital.clinician, at=TUESDAY)
    for point in ("1", "2"):
        do(client, reference, "finding", {"finding": "upheld", "reason": "The log", "remedy": "New rota"}, about=point)
    do(client, reference, "draft_response")
    do(client, reference, "write_response", {"text": "Dear Mrs Khan,\nI am sorry."})
    do(client, reference, "submit_for_review")
    enter(client, name="Rita Reviewer")
    do(client, reference, "pass_review", {"why": "Reads well"})
    enter(client, Role.MANAGER, "Mona Manager")
    do(client, reference, "sign_and_send", {"method": "letter"})
    do(client, reference, "close", {"note": "Explained and put right"})
    case = view(reference, hospital)
    assert (case.status, case.outcome, case.severity) == (Status.CLOSED, Outcome.UPHELD, Severity.MODERATE)
    assert case.response.sent_by is ContactMethod.LETTER
    assert case.response.text == "Dear Mrs Khan,\nI am sorry."
    do(client, reference, "reopen", {"why": "New facts"})
    assert view(reference, hospital).cycle == 2


def test_what_is_written_down_lands_where_it_belongs(client, officer, reference, hospital):
    do(client, reference, "note", {"kind": "meeting", "text": "We met."})
    do(client, reference, "contact", {"text": "Told her we are on it."})
    do(client, reference, "interim", {"days": "10", "note": "Holding letter"})
    do(client, reference, "point", {"text": "And it was cold.", "unit": "WARD-7"})
    do(client, reference, "change_point", {"text": "He waited ten hours."}, about="1")
    do(client, reference, "task", {"kind": "call_back", "title": "Ring her", "due_at": "2026-03-06", "due_at-time": "14:30"})
    do(client, reference, "priority", {"priority": "2", "why": "Press is asking"})
    do(client, reference, "hold", {"reason": "legal", "note": "Counsel"})
    case = view(reference, hospital)
    assert {note.kind for note in case.notes} == {NoteKind.MEETING, NoteKind.CONTACT}
    assert [point.text for point in case.points] == ["He waited ten hours.", "Nobody told us why.", "And it was cold."]
    assert [(task.kind, f"{task.due_at:%d %H:%M}") for task in case.tasks] == [(TaskKind.CALL_BACK, "06 14:30")]
    assert (case.priority, case.hold_reason) == (2, HoldReason.LEGAL)
    do(client, reference, "release")
    do(client, reference, "finish_task", {"outcome": "Reached her"}, about=case.tasks[0].uid)
    case = view(reference, hospital)
    assert case.held_since is None
    assert case.tasks[0].outcome == "Reached her"


def test_a_request_can_be_withdrawn(client, officer, reference, hospital):
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), "Who?", "", 5, by=officer, at=TUESDAY)
    do(client, reference, "withdraw_statement", {"why": "Found it in the record"}, about=uid)
    assert view(reference, hospital).statements[0].state is StatementState.WITHDRAWN


def test_a_case_is_handed_over_with_a_note(client, officer, reference, hospital):
    service.take(reference, by=officer, at=TUESDAY)
    refused = do(client, reference, "assign", {"staff": hospital.second_officer.uid, "note": ""}, status=422)
    assert "hand-over note" in refused.text
    do(client, reference, "assign", {"staff": hospital.second_officer.uid, "note": "She expects a call on Friday"})
    assert view(reference, hospital).handler == "Tom Reed"


def test_somebody_away_is_shown_with_their_deputy_and_refused_unless_it_can_wait(client, officer, reference, hospital):
    away, deputy = hospital.second_officer, hospital.officer
    accounts.set_leave(away.uid, MONDAY.date(), WEDNESDAY.date(), deputy.uid, by=hospital.administrator, at=MONDAY)
    page = client.page(f"/cases/{reference}/actions/assign")
    assert "Tom Reed – away until 4 Mar, Hana Novak stands in" in page.text
    typed = {"staff": hospital.second_officer.uid, "note": "Kept words"}
    refused = do(client, reference, "assign", typed, status=409)
    assert "Hana Novak stands in" in refused.text
    assert "Kept words" in refused.text
    do(client, reference, "assign", {**typed, "accepts_absence": "y"})


def test_a_change_made_meanwhile_is_told_and_the_words_are_kept(client, officer, reference, hospital):
    url = f"/cases/{reference}/actions/hold"
    typed = client.page(url).values(url) | {"reason": "legal", "note": "My long words"}
    service.add_note(reference, NoteKind.NOTE, "Something new", by=hospital.manager, at=TUESDAY)
    page = client.send(url, typed, status=409)
    assert "Meanwhile on this case" in page.text
    assert "Note added by Ruth Okafor" in page.text
    assert "My long words" in page.text
    assert client.post(url, data=page.values(url)).status_code == 303
    assert view(reference, hospital).hold_reason is HoldReason.LEGAL


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "1e3", "\x00", "٣"])
def test_a_version_that_is_no_number_gets_a_sentence(client, officer, reference, version):
    url = f"/cases/{reference}/actions/release"
    page = client.send(url, {"version": version, "seen": version, "note": "kept"})
    assert "Reload" in page.one(class_="error-summary").text
    assert page.values(url)["note"] == "kept"


def test_what_a_guard_asks_for_is_shown_with_the_words_kept(client, officer, reference):
    service.apply_transition(reference, Action.OPEN_TRIAGE, seen=version_of(reference), by=officer, at=TUESDAY)
    answer = do(client, reference, "acknowledge", {"method": "phone", "is_discussion_offered": "y", "note": "Kept words"}, status=409)
    assert "Set the severity." in answer.text
    assert "Kept words" in answer.text


def test_a_moment_still_to_come_is_refused(client, officer, reference):
    answer = do(client, reference, "note", {"text": "From the future", "occurred_at": "2030-01-01"}, status=422)
    assert "has not come yet" in answer.text
    assert "From the future" in answer.text


def test_late_entry_is_honest(client, officer, reference, hospital):
    do(client, reference, "note", {"text": "Rang her", "occurred_at": "2026-03-02", "occurred_at-time": "16:05"})
    note = view(reference, hospital).notes[0]
    assert f"{note.written_at:%d %H:%M}" == "02 16:05"
    assert "It happened Mon 2 Mar 2026, 16:05" in client.page(f"/cases/{reference}").text


def test_the_response_date_is_suggested_in_working_days_and_not_in_the_past(client, officer, reference, hospital):
    drive(reference, Status.ACKNOWLEDGED, hospital)
    assert "25 working days: Wed 8 Apr 2026" in client.page(f"/cases/{reference}/actions/scope").text
    assert "in the past" in do(client, reference, "scope", {"due_on": "1/3/2026", "how": "x"}, status=422).text


def test_a_reason_for_a_missed_target(client, hospital, reference, set_clock):
    set_clock(MONDAY.replace(day=9))
    enter(client)
    do(client, reference, "breach_reason", {"reason": "workload", "note": "Two away"}, about="acknowledge:")
    timers = queries.get_case(reference, hospital.officer, at=MONDAY.replace(day=9)).timers
    assert next(timer for timer in timers if timer.target == "acknowledge").breach_reason is BreachReason.WORKLOAD


def test_a_receipt_date_moves_only_with_a_second_person(client, officer, reference, hospital):
    do(client, reference, "correction", {"new_at": "2026-02-27", "new_at-time": "10:00", "reason": "The stamp"})
    uid = view(reference, hospital).corrections[0].uid
    same = do(client, reference, "decide_correction", {"decision": "yes", "why": "Looks right"}, about=uid, status=409)
    assert "somebody other than who asked" in same.text
    enter(client, Role.MANAGER, "Second Person")
    do(client, reference, "decide_correction", {"decision": "yes", "why": "Saw the envelope"}, about=uid)
    case = view(reference, hospital)
    assert case.corrections[0].state is CorrectionState.APPROVED
    assert f"{case.received_at:%d.%m. %H:%M}" == "27.02. 10:00"


def test_somebody_named_cannot_see_it_any_more(client, officer, reference, hospital):
    do(client, reference, "subject", {"staff": hospital.second_officer.uid})
    client.page(f"/cases/{reference}")
    assert "Tom Reed cannot see this case" in client.page(f"/cases/{reference}").text


def test_an_early_resolution_is_confirmed_in_writing(client, officer, reference, hospital):
    drive(reference, Status.SCOPING, hospital)
    do(client, reference, "resolve_early")
    for position in (1, 2):
        service.record_finding(reference, position, Finding.NOT_UPHELD, "The log", "", by=officer, at=TUESDAY)
    do(client, reference, "confirm_outcome", {"text": "Dear Mrs Khan", "method": "letter"})
    assert view(reference, hospital).status is Status.RESPONSE_SENT


@pytest.mark.parametrize("action", [Action.SETTLE, Action.TRANSFER, Action.WITHDRAW])
def test_an_ending_needs_its_reason(client, officer, reference, action):
    assert "ay " in do(client, reference, action.value, {"why": ""}, status=422).text
    do(client, reference, action.value, {"why": "As they asked"})


def test_only_a_manager_signs(client, officer, reference, hospital):
    drive(reference, Status.AWAITING_SIGNOFF, hospital)
    assert "sign_and_send" not in str(client.page(f"/cases/{reference}").links())
    assert "Only a manager" in do(client, reference, "sign_and_send", {"method": "letter"}, status=403).text


@pytest.mark.parametrize("name", ["", "nothing", "%00", "triage%2f..", "__class__"])
def test_an_unknown_step_is_not_found(client, officer, reference, name):
    assert client.get(f"/cases/{reference}/actions/{name}").status_code == 404
