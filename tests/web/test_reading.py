"""What people read is on the trail: every page of the program's own list of routes, by every role that may open it."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD, enter, make_case, make_hospital
from tests.facts import MONDAY
from ticketing.audit import queries as trail
from ticketing.audit.rules import Act, reads_stream
from ticketing.core.permissions import Role
from ticketing.web.guards import OPEN_TO_ALL
from ticketing.web.reading import ACTS, UNREAD


@pytest.fixture
def hospital(app):
    return make_hospital(password=PASSWORD)


@pytest.mark.parametrize("role", list(Role))
def test_every_page_that_a_role_is_shown_leaves_its_entry_on_the_readers_stream(role, app, client, hospital):
    reference = make_case(hospital.officer, at=MONDAY)
    who = enter(client, role, team_codes=["CENTRAL"])
    fillers = {"reference": reference, "uid": hospital.second_officer.uid, "code": "CENTRAL", "target": "acknowledge", "name": "note"}
    shown = 0
    for rule in app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and set(rule.arguments) <= fillers.keys() and rule.endpoint != "static"
        if not is_page or getattr(app.view_functions[rule.endpoint], "__guard__", OPEN_TO_ALL) == OPEN_TO_ALL:
            continue
        before = trail.entry_count(reads_stream(who.uid))
        with app.test_request_context():
            path = app.url_map.bind("localhost").build(rule.endpoint, {name: fillers[name] for name in rule.arguments})
        answer = client.get(path)
        noted = trail.entry_count(reads_stream(who.uid)) - before
        is_shown = answer.status_code == 200 and rule.endpoint not in UNREAD
        assert noted >= is_shown, f"{path} was shown and left no entry"
        shown += is_shown
    assert shown >= 1


def test_an_entry_of_a_reading_says_what_by_whom_and_through_which_door(client, hospital):
    reference = make_case(hospital.officer, at=MONDAY)
    who = enter(client, Role.AUDITOR)
    client.get(f"/cases/{reference}")
    client.get("/reports?period=this_month")
    case, report = trail.timeline(reads_stream(who.uid))[::-1]
    assert (case.act, case.about, case.via, case.role) == (Act.CASE_VIEWED, f"case:{reference}", "web:cases.show", "auditor")
    assert len(case.request) == 16
    assert (report.act, report.facts["page"], report.private["asked"]) == (Act.REPORT_VIEWED, "reports.overview", "period=this_month")
    assert trail.read_counts(f"case:{reference}")[0][:3] == ("auditor", "auditor", 1)


def test_the_acts_of_pages_name_pages_that_exist(app):
    assert set(ACTS) | UNREAD <= {rule.endpoint for rule in app.url_map.iter_rules()}
