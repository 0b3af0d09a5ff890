"""The case page at every stage and for every role, and the answer to "why this date?"."""

from __future__ import annotations

import pytest

from tests.factories import concern, drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY
from tests.probes import count_queries
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import service
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.codes.rules import HoldReason
from ticketing.core.permissions import Role
from ticketing.people.rules import PersonDetails

STAGES = (Status.TRIAGE, Status.ACKNOWLEDGED, Status.SCOPING, Status.INVESTIGATION, Status.RESPONSE_DRAFTING, Status.QUALITY_REVIEW,
          Status.AWAITING_SIGNOFF, Status.RESPONSE_SENT, Status.CLOSED)


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def officer(client, hospital):
    return enter(client, team_codes=["CENTRAL"])


def enrich(reference, hospital) -> None:
    """Something in every section of the page."""
    officer, clinician = hospital.officer, hospital.clinician
    service.take(reference, by=officer, at=TUESDAY)
    service.add_note(reference, NoteKind.PHONE_CALL, "Rang her; she prefers a letter.", by=officer, at=TUESDAY)
    service.add_task(reference, TaskKind.CALL_BACK, "Ring her on Friday", TUESDAY.replace(day=6), None, None, by=officer, at=TUESDAY)
    uid = service.ask_statement(reference, clinician.uid, (1,), "Who was on call?", "The rota", 10, by=officer, at=TUESDAY)
    service.give_statement(uid, "Dr Lee was.", by=clinician, at=TUESDAY)
    service.hold(reference, HoldReason.AWAITING_CONSENT, "Form posted", seen=version_of(reference), by=officer, at=TUESDAY)


@pytest.mark.parametrize("status", STAGES)
def test_the_page_is_whole_at_every_stage(client, officer, hospital, status):
    reference = make_case(hospital.officer)
    drive(reference, status, hospital)
    page = client.page(f"/cases/{reference}")
    assert page.heading == f"Case Amina Khan {reference}"
    assert status.label in page.text
    assert page.one("ol", class_="stepper").all("li", aria_current="step")


def test_nothing_that_was_recorded_is_missing_from_the_page(client, officer, hospital):
    reference = make_case(hospital.officer)
    enrich(reference, hospital)
    words = client.page(f"/cases/{reference}").text
    told = concern()
    for part in (told.narrative, *told.points, told.outcome_sought, "Amina Khan", "07700 900123", "Yusuf Khan", "Parent or guardian",
                 "Rang her; she prefers a letter.", "Ring her on Friday", "Who was on call?", "Dr Lee was.", "Priya Shah",
                 "Waiting for consent",
                 "Form posted", "Acknowledge the complaint", "by the end of Thu 5 Mar 2026", "regulation 13(3)",
                 "Taken, declaring no conflict of interest",
                 "Not settled yet", "Received by phone"):
        assert part in words, part


def test_what_comes_next_is_offered_and_what_is_missing_is_said_with_the_way_to_it(client, officer, hospital):
    reference = make_case(hospital.officer)
    assert "Triage" in client.page(f"/cases/{reference}").links()
    service.apply_transition(reference, Action.OPEN_TRIAGE, seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    links = client.page(f"/cases/{reference}").links()
    assert links["Set the severity."] == f"/cases/{reference}/actions/triage"
    assert "Record acknowledgement" not in links


@pytest.mark.parametrize("role", Role)
def test_who_may_read_and_who_may_work(client, hospital, role):
    reference = make_case(hospital.officer)
    enter(client, role)
    is_reader, is_worker = role in {Role.OFFICER, Role.MANAGER, Role.AUDITOR}, role in {Role.OFFICER, Role.MANAGER}
    page = client.page(f"/cases/{reference}", status=200 if is_reader else 403)
    assert bool([link for link in page.links().values() if "/actions/" in link]) == is_worker
    client.page(f"/cases/{reference}/timers/acknowledge", status=200 if is_reader else 403)
    client.page(f"/cases/{reference}/actions/note", status=200 if is_worker else 403)


def test_opening_a_case_is_noted_on_the_reader_not_on_the_case(client, officer, hospital):
    reference = make_case(hospital.officer)
    before = audit.entry_count(case_stream(reference))
    client.page(f"/cases/{reference}")
    assert audit.entry_count(case_stream(reference)) == before
    (entry,) = audit.entries_about(case_stream(reference))
    assert entry.actor_uid == officer.uid


@pytest.mark.parametrize("page", ["timers/respond", "actions/note", "trail"])
def test_every_page_that_shows_a_case_is_noted(client, officer, hospital, page):
    reference = make_case(hospital.officer)
    client.page(f"/cases/{reference}/{page}")
    assert len(audit.entries_about(case_stream(reference))) == 1


def test_the_whole_trail_can_be_read_page_by_page(client, officer, hospital):
    reference = make_case(hospital.officer)
    for number in range(120):
        service.add_note(reference, NoteKind.NOTE, f"Note number {number}.", by=hospital.officer, at=TUESDAY)
    shown = client.page(f"/cases/{reference}")
    second = client.page(shown.links()["71 earlier entries"])
    assert "Note number 69." in second.text
    assert "Received by phone" in second.text
    first = client.page(f"/cases/{reference}/trail")
    assert "Received by phone" in client.page(first.links()["Earlier entries"]).text
    for odd in ("x", "-1", "9" * 30, "0"):
        client.page(f"/cases/{reference}/trail?after={odd}")


def test_a_missing_and_a_malformed_reference_answer_alike(client, officer):
    for path in ("26-7KQ4-M2XR-9C", "x", "%F0%9F%92%A9", "new/x", "..%2f", "a" * 3000):
        client.page(f"/cases/{path}", status=404)


def test_why_this_date_tells_it_day_by_day(client, officer, hospital):
    reference = make_case(hospital.officer)
    page = client.page(f"/cases/{reference}/timers/acknowledge")
    rows = [row.text for row in page.one("table").one("tbody").all("tr")]
    assert len([row for row in rows if "Counts" in row]) == 3
    assert rows[0].startswith("Mon 2 Mar 2026")
    assert "not later than 3 working days" in page.text


@pytest.mark.parametrize(
    "odd", ["nothing", "%20", "acknowledge?subject=x", "acknowledge?cycle=99", "respond?cycle=%27&subject=%F0%9F%92%A9"])
def test_an_odd_timer_is_not_found(client, officer, hospital, odd):
    reference = make_case(hospital.officer)
    assert client.get(f"/cases/{reference}/timers/{odd}").status_code in {200, 404}


def test_a_missed_target_asks_for_its_reason(client, hospital, set_clock):
    reference = make_case(hospital.officer)
    set_clock(MONDAY.replace(day=9))
    enter(client)
    assert "Breached, and nobody has said why" in client.page(f"/cases/{reference}").text


def test_a_correction_waits_for_a_second_person(client, officer, hospital):
    reference = make_case(hospital.officer)
    service.ask_receipt_correction(reference, MONDAY.replace(hour=8), "The stamp says so", by=officer, at=TUESDAY)
    assert "Somebody else decides." in client.page(f"/cases/{reference}").text
    enter(client, Role.MANAGER, "Second Person")
    assert "Decide it" in client.page(f"/cases/{reference}").links()


def test_anonymous_and_unknown_people_are_said_to_be_so(client, officer, hospital):
    reference = make_case(hospital.officer, is_anonymous=True, complainant=None, patient=None)
    assert "Anonymous: there is nobody to answer to." in client.page(f"/cases/{reference}").text
    reference = make_case(hospital.officer, patient=None)
    assert "The patient is not recorded." in client.page(f"/cases/{reference}").text


def test_how_to_reach_somebody_safely_stands_first(client, officer, hospital):
    details = PersonDetails(name="Jo Lane", phone="0113 496 0000", safe_contact="Never leave a message", is_interpreter_needed=True)
    words = client.page(f"/cases/{make_case(hospital.officer, complainant=details)}").text
    assert words.index("Never leave a message") < words.index("0113 496 0000")
    assert "an interpreter is needed" in words


def test_the_page_does_not_cost_more_for_a_fuller_case(client, officer, hospital):
    reference = make_case(hospital.officer)
    enrich(reference, hospital)
    client.page(f"/cases/{reference}")
    with count_queries() as few:
        client.page(f"/cases/{reference}")
    for number in range(20):
        service.add_note(reference, NoteKind.NOTE, f"Note {number}", by=hospital.officer, at=TUESDAY)
        service.add_task(reference, TaskKind.TASK, f"Task {number}", TUESDAY, None, None, by=hospital.officer, at=TUESDAY)
    with count_queries() as many:
        client.page(f"/cases/{reference}")
    assert len(many) <= len(few)


def test_a_reopened_case_shows_its_cycle_and_keeps_the_earlier_letter(client, officer, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    service.reopen(reference, "New facts", seen=version_of(reference), by=hospital.manager, at=TUESDAY)
    words = client.page(f"/cases/{reference}").text
    assert "Cycle 2" in words
    assert "Dear Mrs Khan, I am sorry." in words
