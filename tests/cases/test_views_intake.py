"""Taking a concern down: fast, complete, with a hint of earlier cases, and nothing typed is ever lost."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from tests.factories import concern, enter, make_case, make_hospital
from tests.facts import TUESDAY, WEDNESDAY
from ticketing.cases import queries
from ticketing.cases.models import Case, Declaration, Note
from ticketing.cases.rules import Status
from ticketing.codes.rules import Channel, Relationship
from ticketing.core.database import db
from ticketing.core.permissions import Role
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails

PLAIN = {"is_danger_now": "no", "name": "Doreen Whitlock", "phone": "0113 496 0000", "narrative": "The letter came after the appointment."}


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def officer(client, hospital):
    return enter(client, team_codes=["CENTRAL"])


def log(client, typed):
    """The form as it stands, with these answers."""
    return client.fill_in("/cases/new", typed, action="/cases/new")


def the_case() -> Case:
    return db.session.scalars(select(Case).order_by(Case.id.desc()).limit(1)).one()


def count_of_cases() -> int:
    return int(db.session.scalar(select(func.count()).select_from(Case)) or 0)


def test_four_answers_are_enough_for_a_simple_concern(client, officer):
    answer = log(client, PLAIN)
    assert answer.status_code == 303
    case = the_case()
    assert (case.channel, case.status, case.handler_id) == (Channel.PHONE, Status.RECEIVED, None)
    assert case.received_at == case.team_received_at == TUESDAY
    assert case.is_risk_answered
    assert not case.is_danger_now
    assert case.patient_id == case.complainant_id


def test_whoever_logs_it_takes_it_by_a_tick_of_their_own_which_declares_no_conflict(client, officer):
    log(client, {**PLAIN, "takes_it": "y"})
    assert the_case().handler_id == officer.staff_id
    assert db.session.scalars(select(Declaration.has_conflict)).all() == [False]


def test_after_logging_the_reference_stands_big_to_be_read_aloud(client, officer):
    page = client.page(log(client, PLAIN).location)
    assert page.one(class_="logged-reference").text == the_case().reference


def test_the_four_questions_come_first_for_the_keyboard(client, officer):
    names = [item.get("name") for item in client.page("/cases/new").form("/cases/new").all("input", "select", "textarea")]
    order = [names.index(name) for name in ("is_danger_now", "is_settled", "relationship", "name", "phone", "narrative", "received_at")]
    assert order == sorted(order)
    page = client.page("/cases/new")
    assert [item.get("name") for item in page.all() if "autofocus" in item.attributes] == ["is_danger_now"]
    assert not [item for item in page.all() if item.get("tabindex", "0") not in {"0", "-1"} or "accesskey" in item.attributes]


def test_what_is_missing_is_said_beside_each_field_and_what_was_typed_stays(client, officer):
    typed = {"narrative": "Long words <b>typed</b>", "email": "no address", "outcome_sought": "An apology", "points": "One\nTwo",
             "happened_on": "31/02/2026", "received_at": "soon", "safe_contact": "never leave a message"}
    page = client.send("/cases/new", typed)
    for words in ("whether anyone is in danger", "Enter their name", "e-mail address such as", "real date"):
        assert words in page.one(class_="error-summary").text
    kept = page.values("/cases/new")
    assert {name: kept[name].replace("\r\n", "\n") for name in typed} == typed
    assert page.title.startswith("Error: ")
    assert count_of_cases() == 0


def test_complainant_and_patient_are_two_people_where_somebody_else_speaks(client, officer):
    log(client, {**PLAIN, "relationship": "child", "patient_name": "Rosa Whitlock", "date_of_birth": "1/3/1944"})
    case = the_case()
    patient, complainant = db.session.get_one(Person, case.patient_id), db.session.get_one(Person, case.complainant_id)
    assert (patient.name, str(patient.date_of_birth), complainant.name) == ("Rosa Whitlock", "1944-03-01", "Doreen Whitlock")
    assert complainant.date_of_birth is None
    assert case.relationship_to_patient is Relationship.CHILD


def test_anonymous_is_allowed_and_contradictions_are_named(client, officer):
    assert "ticked that they give no name" in log(client, {**PLAIN, "is_anonymous": "y"}).text
    log(client, {**PLAIN, "is_anonymous": "y", "name": ""})
    assert the_case().is_anonymous
    assert the_case().complainant_id is None


def test_receipt_by_the_organisation_and_by_the_team_are_two_moments(client, officer):
    log(client, {**PLAIN, "channel": "letter", "received_at": "27/02/2026", "received_at-time": "",
                                  "team_received_at": "2026-03-02", "team_received_at-time": "8:15"})
    case = the_case()
    assert f"{case.received_at:%d.%m. %H:%M} {case.team_received_at:%d.%m. %H:%M}" == "27.02. 12:00 02.03. 08:15"
    later = log(client, {**PLAIN, "name": "Jo Two", "phone": "0113 496 0002", "received_at": "2026-03-04"})
    assert later.status_code == 422
    assert "has not come yet" in later.text


def test_settled_on_the_spot_is_logged_and_ended_in_one_go(client, officer):
    missing = log(client, {**PLAIN, "is_settled": "y"})
    assert "Say what settled it" in missing.text
    log(client, {**PLAIN, "is_settled": "y", "settled_how": "The sister apologised; she was content."})
    assert the_case().status is Status.RESOLVED_INFORMAL


def test_danger_says_whom_to_call_first_and_marks_the_case(client, officer):
    assert "Stop here and call first" in client.page("/cases/new").text
    page = client.page(log(client, {**PLAIN, "is_danger_now": "yes"}).location)
    assert "Somebody may be in danger now" in page.text
    assert the_case().priority == 2


def test_each_line_is_a_point(client, officer):
    log(client, {**PLAIN, "points": "- Nobody rang back.\n\n* The letter was late.\n"})
    assert [point.text for point in the_case().points] == ["Nobody rang back.", "The letter was late."]


def test_somebody_known_is_shown_first_and_can_be_logged_all_the_same(client, officer, hospital):
    known = make_case(hospital.officer)
    typed = {**PLAIN, "name": "KHAN, Amina", "phone": "+44 7700 900123"}
    page = client._checked(log(client, typed), 422)
    assert known in page.one(id="same_as").text
    assert page.values("/cases/new")["narrative"] == typed["narrative"]
    assert count_of_cases() == 1
    again = page.values("/cases/new") | {"same_as": "new"}
    assert client.post("/cases/new", data=again).status_code == 303
    assert count_of_cases() == 2


def test_it_is_one_of_these_adds_what_was_typed_as_a_note_there(client, officer, hospital):
    known = make_case(hospital.officer)
    page = client._checked(log(client, {**PLAIN, "name": "Amina Khan"}), 422)
    answer = client.post("/cases/new", data=page.values("/cases/new") | {"same_as": known})
    assert known in answer.location
    assert count_of_cases() == 1
    assert PLAIN["narrative"] in db.session.scalars(select(Note.text)).one()


def test_an_answer_about_somebody_else_is_asked_again(client, officer, hospital):
    make_case(hospital.officer)
    assert log(client, {**PLAIN, "name": "Amina Khan", "same_as": "26-7KQ4-M2XR-9C"}).status_code == 422
    assert count_of_cases() == 1


def test_the_hint_while_typing_is_a_piece_of_page_asked_by_post(client, officer, hospital):
    known = make_case(hospital.officer)
    answer = client.post("/cases/lookalikes", data={"name": "amina khan"})
    assert answer.status_code == 200
    assert known in answer.text
    assert "<html" not in answer.text
    assert client.post("/cases/lookalikes", data={"name": "Nobody Known"}).text.strip() == ""
    assert client.get("/cases/lookalikes").status_code in {404, 405}


def test_a_case_hidden_from_somebody_is_not_hinted_at(client, officer, hospital):
    make_case(hospital.officer, subject_uids=(officer.uid,))
    assert log(client, {**PLAIN, "name": "Amina Khan"}).status_code == 303


@pytest.mark.parametrize("role", Role)
def test_only_those_who_record_concerns_reach_the_form(client, hospital, role):
    enter(client, role)
    client.page("/cases/new", status=200 if role in {Role.OFFICER, Role.MANAGER} else 403)


def test_without_a_site_the_page_says_what_to_do(client, app, set_clock):
    set_clock(WEDNESDAY)
    enter(client)
    assert "No site is set up yet" in client.page("/cases/new").text


@pytest.mark.parametrize("field", ["is_danger_now", "relationship", "case_type", "channel", "site", "unit", "team"])
def test_a_choice_nobody_offered_is_refused_with_a_sentence(client, officer, field):
    answer = log(client, {**PLAIN, field: "%00' OR 1=1"})
    assert answer.status_code == 422
    assert re.search("choose one|ask|list", answer.text)


def test_the_factory_concern_is_what_the_form_makes(client, officer):
    """The form and the verbs mean the same by the same words."""
    told = concern()
    log(client, {
        "is_danger_now": "no", "relationship": told.relationship.value, "name": told.complainant.name, "phone": told.complainant.phone,
        "email": told.complainant.email, "patient_name": told.patient.name, "narrative": told.narrative, "points": "\n".join(told.points),
        "outcome_sought": told.outcome_sought, "case_type": told.case_type.value, "unit": "WARD-7"})
    case = queries.get_case(the_case().reference, officer, at=TUESDAY)
    assert (case.narrative, case.outcome_sought, case.unit_code) == (told.narrative, told.outcome_sought, "WARD-7")
    assert case.complainant.name == PersonDetails(name="Amina Khan").name
    assert tuple(point.text for point in case.points) == told.points


def test_a_concern_still_being_entered_can_be_kept_as_a_draft_and_logged_later(client, officer):
    page = client.page(log(client, {**PLAIN, "is_draft": "y"}).location)
    reference = the_case().reference
    assert the_case().status is Status.DRAFT
    assert "Log as received" in page.text
    assert client.fill_in(f"/cases/{reference}/actions/log", {}).status_code == 303
    assert the_case().status is Status.RECEIVED
    assert client.page(f"/cases/{reference}").status == 200
