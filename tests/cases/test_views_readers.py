"""Who has opened a file: by name, role, first and last time and how often, for whoever may see the case; and the trail with its readers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import PASSWORD, enter, make_case, make_hospital
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Role


@pytest.fixture
def hospital(app, set_clock):
    set_clock(WEDNESDAY)
    return make_hospital(password=PASSWORD)


def test_everybody_who_opened_a_case_is_listed_once_the_last_first(hospital):
    reference, other = make_case(hospital.officer), make_case(hospital.officer)
    for at in (MONDAY, MONDAY + timedelta(hours=1), TUESDAY):
        audit.record_read(reference, by=hospital.auditor, at=at)
    service.note_opened(reference, "0" * 32, by=hospital.officer, at=TUESDAY)
    audit.record_read(reference, by=hospital.officer, at=WEDNESDAY)
    audit.record_export(case_stream(reference), "bundle", by=hospital.manager, at=WEDNESDAY)
    audit.record_read(other, by=hospital.second_officer, at=WEDNESDAY)
    found = queries.openings_of(reference, hospital.officer)
    assert [(row.name, row.role, row.first_at, row.last_at, row.pages, row.files, row.copies) for row in found] == [
        (hospital.manager.name, "Manager", WEDNESDAY, WEDNESDAY, 0, 0, 1),
        (hospital.officer.name, "Officer", TUESDAY, WEDNESDAY, 1, 1, 0),
        (hospital.auditor.name, "Auditor", MONDAY, TUESDAY, 3, 0, 0)]


def test_who_may_not_see_the_case_is_not_told_who_did(client, hospital):
    reference = make_case(hospital.officer)
    audit.record_read(reference, by=hospital.auditor, at=MONDAY)
    service.name_subject(reference, accounts.staff_by_id(hospital.manager.staff_id).uid, by=hospital.officer, at=TUESDAY)
    for actor in (hospital.manager, hospital.clinician):
        with pytest.raises(NotFound):
            queries.openings_of(reference, actor)
    enter(client, Role.ADMINISTRATOR)
    assert client.get(f"/cases/{reference}/readers").status_code in (403, 404)


def test_the_case_leads_to_its_readers_and_opening_that_page_counts(client, hospital):
    reference = make_case(hospital.officer)
    audit.record_read(reference, by=hospital.officer, at=MONDAY)
    person = enter(client, Role.AUDITOR)
    page = client.page(client.page(f"/cases/{reference}").links()["Who has opened this file"])
    rows = [row.text for row in page.one("tbody").all("tr")]
    assert len(rows) == 2
    assert person.name in rows[0]
    assert "2 pages" in rows[0]
    assert hospital.officer.name in rows[1]
    assert "Mon 2 Mar 2026, 09:30" in rows[1]


def test_the_trail_of_a_case_leaves_reading_out_until_it_is_asked_for(client, hospital):
    reference = make_case(hospital.officer)
    for minute in range(120):
        audit.record_read(reference, by=hospital.officer, at=TUESDAY + timedelta(minutes=minute))
    enter(client, Role.AUDITOR)
    page = client.page(f"/cases/{reference}/trail")
    assert f"Case {reference} opened" not in page.text
    assert "Received by phone" in page.text
    shown = client.page(page.links()["Show reading too"])
    assert f"Case {reference} opened by {hospital.officer.name}" in shown.text
    assert "Received by phone" not in shown.text
    assert "Received by phone" in client.page(shown.links()["Earlier entries"]).text
    for odd in ("x", "-1", "9" * 30, "0"):
        client.page(f"/cases/{reference}/trail?reading=shown&after={odd}")


def test_the_list_of_readers_costs_the_same_with_one_opening_and_with_fifty(hospital):
    reference = make_case(hospital.officer)
    audit.record_read(reference, by=hospital.officer, at=MONDAY)
    with count_queries() as one:
        queries.openings_of(reference, hospital.officer)
    for _ in range(50):
        audit.record_read(reference, by=hospital.officer, at=TUESDAY)
    with count_queries() as fifty:
        queries.openings_of(reference, hospital.officer)
    assert len(one) == len(fifty)
