"""The public door: anybody brings a concern without an account, nothing typed is lost, and the receipt says what comes next."""

import json

import pytest
from sqlalchemy import func, select

from tests.factories import make_hospital, make_unit
from tests.facts import MONDAY, TUESDAY, shared
from ticketing.audit import queries as trail
from ticketing.audit.rules import case_stream
from ticketing.cases.models import Case
from ticketing.codes.rules import CaseType, Channel, Relationship
from ticketing.core.database import db
from ticketing.outbox.models import OutboxMessage
from ticketing.people.models import Person

NEW = "/concerns/new"
TOLD = {
    "kind": "complaint", "who": "other", "relationship": "parent", "patient_name": "Yusuf Khan", "narrative": "My son waited nine hours.",
    "outcome_sought": "An explanation", "happened_on": "2026-02-27", "site": "MAIN", "unit": "WARD-7", "complainant_name": "Amina Khan",
    "email": "amina.khan@mail.example", "has_agreed_to_email": "y", "phone": "07700 900123", "safe_contact": "Only in the morning",
}
ANONYMOUS = {"kind": "complaint", "who": "self", "narrative": "The lift is broken.", "is_anonymous": "y"}


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


def told(**changes: str | None) -> dict[str, str]:
    return {name: value for name, value in {**TOLD, **changes}.items() if value is not None}


def cases() -> list[Case]:
    return list(db.session.scalars(select(Case).order_by(Case.id)))


def test_the_form_says_whom_to_call_first_and_asks_in_plain_words(client, hospital):
    page = client.page(NEW)
    assert "Is somebody in danger now?" in page.text
    assert page.one("h1").text == "Tell us about your care"
    assert 'href="tel:999"' in page.html


def test_a_concern_becomes_a_case_with_running_timers_and_a_receipt_without_details(client, hospital):
    answer = client.fill_in(NEW, TOLD)
    assert (answer.status_code, answer.location) == (303, "/concerns/received")
    [case] = cases()
    assert (case.case_type, case.channel, case.received_at) == (CaseType.COMPLAINT_FORMAL, Channel.WEB_FORM, TUESDAY)
    assert (case.relationship_to_patient, case.has_agreed_to_email, case.next_target) == (Relationship.PARENT, True, "acknowledge")
    people = {person.name: person for person in db.session.scalars(select(Person))}
    assert set(people) == {"Amina Khan", "Yusuf Khan"}
    assert people["Amina Khan"].safe_contact == "Only in the morning"
    page = client.page("/concerns/received")
    assert case.reference in page.text
    assert "by the end of Fri 6 Mar 2026" in page.text
    assert "Khan" not in page.text
    [mail] = db.session.scalars(select(OutboxMessage))
    assert mail.recipient_email == "amina.khan@mail.example"
    assert "Khan" not in mail.subject
    [entry] = trail.timeline(case_stream(case.reference))
    assert entry.actor_uid == "portal:new"


def test_whoever_stays_anonymous_leaves_no_name_and_gets_a_reference(client, hospital):
    assert client.fill_in(NEW, ANONYMOUS).status_code == 303
    [case] = cases()
    assert (case.is_anonymous, case.complainant_id) == (True, None)
    page = client.page("/concerns/received")
    assert "we cannot write to you" in page.text
    assert db.session.scalar(select(func.count()).select_from(Person)) == 0


@pytest.mark.parametrize(("kind", "case_type"), [("suggestion", CaseType.SUGGESTION), ("thanks", CaseType.COMPLIMENT)])
def test_thanks_and_suggestions_need_no_way_to_reach_their_writer(client, hospital, kind, case_type):
    client.fill_in(NEW, {"kind": kind, "who": "self", "narrative": "Sister Abara was kind.", "complainant_name": "Jo Lee"})
    assert cases()[0].case_type is case_type
    assert "We pass it on" in client.page("/concerns/received").text


def test_a_site_under_american_law_gets_a_grievance(client, app, set_clock):
    set_clock(TUESDAY)
    make_hospital(pack="us-cms", calendar="us_federal", zone="America/Chicago")
    assert "911" in client.page(NEW).text
    client.fill_in(NEW, TOLD)
    assert cases()[0].case_type is CaseType.GRIEVANCE_US
    assert "You have our decision in writing" in client.page("/concerns/received").text


@pytest.mark.parametrize(("change", "sentence"), [
    ({"kind": None}, "Choose what you would like to tell us."),
    ({"who": None}, "Say whether you are the patient or write for somebody else."),
    ({"relationship": ""}, "Say how you know the patient."),
    ({"patient_name": ""}, "Enter the patient’s name"),
    ({"narrative": "  "}, "Tell us what happened. A few words are enough."),
    ({"complainant_name": ""}, "Enter your name, or tick that you do not want to give it."),
    ({"is_anonymous": "y"}, "You chose not to give your name, but entered a name"),
    ({"email": "", "phone": "", "has_agreed_to_email": None}, "so that we can answer you"),
    ({"email": "amina"}, "Enter an e-mail address such as"),
    ({"email": ""}, "Enter the e-mail address at which we may answer you"),
    ({"happened_on": "31/02/2026"}, "enter a real date"),
    ({"happened_on": "2026-03-04"}, "cannot be in the future"),
    ({"site": "ELSEWHERE"}, "choose one from the list"),
    ({"unit": "WARD-99"}, "choose one from the list"),
    ({"narrative": "x" * 20_001}, "use 20,000 characters or fewer"),
    ({"website": "http://spam.example"}, "please send the form once more"),
])
def test_what_is_missing_is_said_beside_its_question_and_nothing_typed_is_lost(client, hospital, change, sentence):
    sent = told(**change)
    page = client.send(NEW, sent)
    assert sentence in page.text
    assert page.title.startswith("Error: ")
    shown = page.values()
    for name, value in sent.items():
        if name not in ("website", "site", "unit") and name not in change:
            assert shown.get(name, "").strip() == value, name
    assert not cases()
    assert shown.get("website", "") == ""


def test_a_ward_of_another_site_is_told(client, hospital):
    from ticketing.codes import service as codes
    from ticketing.core.permissions import machine
    codes.add_site("EAST", "East site", by=machine("test"), at=MONDAY)
    make_unit("WARD-9", "Ward 9", site_code="EAST")
    assert "That ward is at another place" in client.send(NEW, told(unit="WARD-9")).text
    client.fill_in(NEW, told(site="", unit="WARD-9"))
    assert cases()[0].unit_id is not None


def test_a_page_that_stood_open_too_long_keeps_what_was_typed(client, hospital):
    answer = client.post(NEW, data=TOLD, csrf=False)
    assert answer.status_code == 400
    assert "Nothing is lost: check your answers and send it again" in answer.text
    assert "My son waited nine hours." in answer.text
    assert not cases()


def test_the_receipt_is_for_the_browser_that_sent_it(client, app, hospital):
    client.fill_in(NEW, ANONYMOUS)
    stranger = app.test_client()
    assert stranger.get("/concerns/received").location == NEW
    with stranger.session_transaction() as session:
        session["received"] = "26-0000-0000-00"
    assert stranger.get("/concerns/received").location == NEW


def test_one_address_cannot_flood_the_team_and_loses_nothing_typed(client, hospital):
    for _ in range(20):
        assert client.post(NEW, data=ANONYMOUS).status_code == 303
    page = client.send(NEW, ANONYMOUS, status=429)
    assert "Nothing you typed is lost, and you can always call us. Try again in 60 minutes" in page.text
    assert "The lift is broken." in page.html
    assert len(cases()) == 20


def test_without_a_site_the_form_says_that_it_is_not_open(client, app):
    assert "This form is not open yet" in client.page(NEW).text


def hostile() -> list[str]:
    lists = [json.loads(shared("data", "hostile", f"{name}.json").read_text(encoding="utf-8"))
             for name in ("blns", "crlf_strings", "csv_formula_strings", "xss_strings")]
    blns, crlf, formulas, scripts = lists
    return [*blns, *crlf, *formulas["upstream"], *formulas["own"], *scripts[::4], "a\x00b", "Patient \u202e\u2066txet nedd ih\u2069"]


FREE = ("narrative", "outcome_sought", "complainant_name", "patient_name", "phone", "address", "safe_contact", "email", "happened_on",
        "site", "unit", "relationship", "kind", "who", "website")


def test_hostile_words_in_every_field_are_kept_or_refused_in_words(client, hospital, app, monkeypatch):
    from datetime import timedelta

    from ticketing.accounts.rules import LIMITS, Limit, Limited
    monkeypatch.setitem(LIMITS, Limited.CONCERN, Limit(10_000, timedelta(hours=1)))
    strings = hostile()
    refused = set()
    for number, text in enumerate(strings):
        name = FREE[number % len(FREE)]
        sent = told(narrative=text, safe_contact=text[:400], complainant_name=text[:190])
        page = client.post(NEW, data=sent if name == "narrative" else {**sent, name: text})
        assert page.status_code in (303, 422), (page.status_code, name, text)
        if page.status_code == 422:
            refused.add(_kept(text))
            assert "<script>alert" not in page.text.lower()
    there = set(db.session.scalars(select(Case.narrative)))
    assert {_kept(text) for text in strings} - refused <= there
    assert len(there) > len(strings) / 3


def _kept(text: str) -> str:
    """How the form keeps what was sent."""
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip()


def test_words_shown_again_are_escaped(client, hospital):
    for text in json.loads(shared("data", "hostile", "xss_strings.json").read_text(encoding="utf-8"))[::16]:
        page = client.send(NEW, told(kind=None, narrative=text, complainant_name=text[:190], address=text[:900]))
        assert page.values().get("narrative", "").strip() == text.replace("\r\n", "\n").replace("\r", "\n").strip()
