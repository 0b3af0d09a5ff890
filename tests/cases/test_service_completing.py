"""The minimum data set: what is missing is listed until it is settled or nobody knows; conflicts of interest are declared."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.factories import concern, drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.cases.rules import GAPS, Known, Status, gaps_of
from ticketing.cases.service import Answers
from ticketing.codes.rules import ConsentStatus, Relationship
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Invalid
from ticketing.outbox.models import OutboxMessage

WHOLE = Known(
    has_receiver=True, relationship=Relationship.SELF, has_patient=True, is_anonymous=False, has_date=True, has_points=True,
    has_outcome_sought=True, is_risk_answered=True, consent_status=ConsentStatus.NOT_NEEDED, is_pack_confirmed=True, has_handler=True,
    has_declaration=True)
HOLES = {
    "received_by": {"has_receiver": False}, "relationship": {"relationship": Relationship.UNKNOWN}, "patient": {"has_patient": False},
    "happened_on": {"has_date": False}, "points": {"has_points": False}, "outcome_sought": {"has_outcome_sought": False},
    "risk": {"is_risk_answered": False}, "consent": {"consent_status": ConsentStatus.UNKNOWN}, "pack": {"is_pack_confirmed": False},
    "handler": {"has_handler": False, "has_declaration": False}, "declaration": {"has_declaration": False},
}


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


def gaps(reference: str, actor) -> list[str]:
    return [gap.code for gap in queries.get_case(reference, actor, at=TUESDAY).gaps]


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.code)
def test_each_gap_of_the_minimum_data_set_is_listed_by_itself(gap):
    assert gaps_of(WHOLE) == ()
    hole = replace(WHOLE, **HOLES[gap.code])
    assert [found.code for found in gaps_of(hole)] == [gap.code]
    assert bool(gaps_of(replace(hole, not_known=frozenset({gap.code})))) is False


def test_a_case_says_what_is_still_to_ask_until_it_is_told(hospital):
    reference = make_case(
        hospital.officer, received_by_uid=None, patient=None, relationship=Relationship.UNKNOWN, points=(), outcome_sought="")
    assert gaps(reference, hospital.officer) == [
        "received_by", "relationship", "patient", "happened_on", "points", "outcome_sought", "risk", "consent", "pack", "handler"]
    service.complete(reference, Answers(
        received_by="A porter", relationship=Relationship.PARENT, patient_name="Yusuf Khan", outcome_sought="An apology",
        not_known=frozenset({"happened_on"})), seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    assert gaps(reference, hospital.officer) == ["points", "risk", "consent", "pack", "handler"]
    case = queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert (case.received_by, case.patient.name, case.outcome_sought) == ("A porter", "Yusuf Khan", "An apology")
    entry = audit.timeline(case_stream(reference))[0]
    assert "received by, relationship, patient, outcome sought, happened on not known" in str(entry.facts["fields"])
    assert "apology" not in str(entry.facts)


def test_what_is_known_is_not_written_over_and_nothing_is_no_answer(hospital):
    reference = make_case(hospital.officer, received_by_uid=hospital.officer.uid)
    with pytest.raises(Invalid, match="at least one"):
        service.complete(reference, Answers(received_by="Somebody", outcome_sought="Money"), seen=1, by=hospital.officer, at=TUESDAY)
    with pytest.raises(Invalid, match="after it was received"):
        service.complete(reference, Answers(happened_on=TUESDAY.date()), seen=1, by=hospital.officer, at=TUESDAY)
    assert queries.get_case(reference, hospital.officer, at=TUESDAY).received_by == "Hana Novak"


def test_intake_asks_who_received_it_with_the_keyer_as_the_first_answer(client, hospital):
    officer = enter(client)
    page = client.page("/cases/new")
    assert page.values()["receiver"] == officer.uid
    told = {**page.values(), "is_danger_now": "no", "name": "Amina Khan", "phone": "07700 900123", "narrative": "He waited."}
    again = client.send("/cases/new", {**told, "receiver": "other"})
    assert "Enter the name of whoever here received it first." in again.text
    answer = client.post("/cases/new", data={**told, "receiver": "other", "received_by": "A porter, Bill", "once": "b" * 32})
    assert "A porter, Bill" in client.page(answer.location).text
    answer = client.post("/cases/new", data={**told, "once": "c" * 32, "name": "Bo Lund", "phone": "07700 900999"})
    assert officer.name in client.page(answer.location).text


def test_a_concern_of_the_public_form_says_so(client, hospital):
    page = client.page("/concerns/new")
    client.post("/concerns/new", data={
        **page.values(), "kind": "complaint", "who": "self", "narrative": "We waited.", "complainant_name": "Amina Khan",
        "phone": "07700 900123"}, csrf=False)
    enter(client)
    reference = next(text for text in client.page("/cases/?view=unassigned").links() if text.startswith("26-"))
    assert "First received by The public form" in client.page(f"/cases/{reference}").text


def test_triage_is_not_saved_without_points_outcome_and_declaration(client, hospital):
    reference = make_case(hospital.officer, points=(), outcome_sought="")
    enter(client)
    url = f"/cases/{reference}/actions/triage"
    told = {**client.page(url).values(), "is_danger_now": "no", "severity": "low", "consent_status": "received"}
    page = client.send(url, told)
    for sentence in ("at least one point", "what would put it right", "no conflict of interest"):
        assert sentence in page.one(class_="error-summary").text
    more = {"points": "- He waited.\n\n* Nobody said why.", "is_outcome_unsaid": "y", "has_no_conflict": "y"}
    assert client.post(url, data={**told, **more}).status_code == 303
    case = queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert [point.text for point in case.points] == ["He waited.", "Nobody said why."]
    assert "outcome_sought" in case.not_known
    assert [(row.staff, row.has_conflict) for row in case.declarations] == [("Nadia Frost", False)]
    assert "has_no_conflict" not in client.page(url).values()  # said once is enough


def test_taking_needs_the_tick(client, hospital):
    reference = make_case(hospital.officer)
    enter(client)
    page = client.page(client.post(f"/cases/{reference}/take").location)
    assert "Tick that you have no conflict of interest" in page.text
    assert "nobody yet" in page.text
    page = client.page(client.post(f"/cases/{reference}/take", data={"has_no_conflict": "y"}).location)
    assert "Nadia Frost has none" in page.text


def test_a_conflict_refuses_the_case_in_every_way_and_tells_a_manager(hospital):
    reference = make_case(hospital.officer)
    service.take(reference, by=hospital.officer, at=TUESDAY)
    service.declare_conflict(reference, "I was on duty that day.", by=hospital.officer, at=TUESDAY)
    case = queries.get_case(reference, hospital.manager, at=TUESDAY)
    assert case.handler == ""
    assert next((row.staff, row.has_conflict, row.words) for row in case.declarations) == ("Hana Novak", True, "I was on duty that day.")
    with pytest.raises(Conflict, match="You declared a conflict"):
        service.take(reference, by=hospital.officer, at=TUESDAY)
    with pytest.raises(Conflict, match="Hana Novak declared a conflict"):
        service.assign(reference, hospital.officer.uid, None, "Back to you", seen=None, by=hospital.manager, at=TUESDAY)
    with pytest.raises(Conflict, match="declared a conflict"):
        service.declare_conflict(reference, "Again.", by=hospital.officer, at=TUESDAY)
    mails = db.session.execute(sa.select(OutboxMessage.recipient_name, OutboxMessage.subject).where(
        OutboxMessage.kind == "conflict_declared")).all()
    assert [mail.recipient_name for mail in mails] == ["Ruth Okafor"]
    entry = audit.timeline(case_stream(reference))[0]
    assert (entry.act, entry.private["text"]) == ("case.conflict_declared", "I was on duty that day.")
    assert "duty" not in str(entry.facts)


def test_who_was_given_a_case_declares_it_once(hospital):
    reference = make_case(hospital.officer)
    service.assign(reference, hospital.second_officer.uid, None, "", seen=None, by=hospital.officer, at=TUESDAY)
    assert "declaration" in gaps(reference, hospital.officer)
    for _ in range(2):
        service.declare_no_conflict(reference, by=hospital.second_officer, at=TUESDAY)
    assert "declaration" not in gaps(reference, hospital.officer)
    acts = [entry.act for entry in audit.timeline(case_stream(reference))]
    assert acts.count("case.no_conflict_declared") == 1


def test_whoever_takes_a_case_at_intake_declares_with_it(hospital):
    reference = service.receive(concern(takes_it=True), by=hospital.officer, at=MONDAY)
    assert "declaration" not in gaps(reference, hospital.officer)
    assert "declaring no conflict of interest" not in gaps(reference, hospital.officer)


def test_a_case_that_has_ended_asks_nothing_more(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    assert gaps(reference, hospital.officer) == []
