"""A case that names somebody is nowhere on that person's pages, and every way to it by its address is as if it were not there."""

from __future__ import annotations

import re

import pytest

from tests.factories import drive, enter, make_case, make_hospital
from tests.facts import MONDAY, TUESDAY
from tests.walking import walk
from ticketing.cases import service
from ticketing.cases.rules import Status, TaskKind
from ticketing.core.permissions import Permission, Role
from ticketing.people.rules import PersonDetails

CANARY = "Quillfeather"
MISSING = "26-0000-0000-00"
STARTS = ["/", "/account", "/cases/?view=all_open", "/cases/?view=mine", "/cases/?view=team", "/cases/?view=closed", "/tasks", "/questions",
          "/escalations", "/escalations?show=planned", "/reports", "/reports/delivery", "/reports/trail", "/staff"]


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture(params=[Role.OFFICER, Role.MANAGER, Role.AUDITOR])
def named(request, client, hospital):
    """(who is named, the case's reference, the uids that hang on it)."""
    person = PersonDetails(name=f"Amina {CANARY}", email="amina@quillfeather.example", phone="07700 900999")
    reference = make_case(
        hospital.officer, narrative=f"{CANARY} was rude.", points=(f"{CANARY} shouted.", "Nobody said why."),
        complainant=person, has_agreed_to_email=True)
    reader = enter(client, request.param, "Nadia Frost", team_codes=["CENTRAL"])
    assert CANARY in client.get(f"/cases/{reference}").text
    task = service.add_task(reference, TaskKind.TASK, f"Ring {CANARY}", TUESDAY, None, "CENTRAL", by=hospital.officer, at=MONDAY)
    if request.param is Role.MANAGER:
        drive(reference, Status.INVESTIGATION, hospital, at=MONDAY)
    service.name_subject(reference, reader.uid, by=hospital.officer, at=MONDAY)
    make_case(hospital.officer)
    return reader, reference, task


def test_no_page_that_links_lead_to_tells_of_it(client, named):
    reader, reference, _ = named
    for address, page in walk(client, STARTS).items():
        assert reference not in page.html, address
        assert CANARY not in page.html, address
    if reader.may(Permission.RECORD_CONCERNS):
        typed = {"name": f"Amina {CANARY}", "phone": "07700 900999", "email": "amina@quillfeather.example"}
        assert reference not in client.post("/cases/lookalikes", data=typed).text


def plain(page: str) -> str:
    """Without what differs on every page: the number to ask about and the form's token."""
    return re.sub(r'value="[^"]+"|<span class="reference">[^<]+</span>', "", page)


def test_every_way_to_it_is_as_if_it_were_not_there(app, client, named):
    _, reference, task = named
    tried = 0
    for rule in app.url_map.iter_rules():
        if "<reference>" not in rule.rule and rule.rule != "/tasks/<uid>":
            continue
        names = ("note", "finding", "assign", "subject", "reopen") if "<name>" in rule.rule else ("respond",)
        for name in names:
            address = re.sub(r"<(?:target|name)>", name, rule.rule)
            for method in sorted(set(rule.methods or ()) & {"GET", "POST"}):
                ask = client.get if method == "GET" else client.post
                hidden = ask(address.replace("<reference>", reference).replace("<uid>", task))
                missing = ask(address.replace("<reference>", MISSING).replace("<uid>", "0" * 32))
                assert hidden.status_code == missing.status_code, (method, address)
                assert hidden.status_code in {403, 404}, (method, address)
                assert plain(hidden.text) == plain(missing.text), (method, address)
                assert len(hidden.data) == len(missing.data), (method, address)
                assert {k for k, _ in hidden.headers} == {k for k, _ in missing.headers}
                tried += 1
    assert tried >= 10
    for key in ("reference", "after", "about"):
        for path in ("/reports/trail", "/reports/delivery", "/escalations"):
            answer = client.get(path, query_string={key: reference})
            assert CANARY not in answer.text


def test_somebody_else_s_question_session_and_leave_are_not_there(app, client, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), f"What of {CANARY}?", "", 5, by=hospital.officer, at=TUESDAY)
    other = app.test_client()
    enter(other, Role.CLINICIAN, "Clara Stone")
    enter(client, Role.CLINICIAN, "Omar Finch")
    for visitor in (client, other):
        hidden, missing = visitor.get(f"/questions/{uid}"), visitor.get(f"/questions/{'0' * 32}")
        assert hidden.status_code == missing.status_code == 404
        assert plain(hidden.text) == plain(missing.text)
        for do in ("send", "save", "decline"):
            assert visitor.post(f"/questions/{uid}", data={"do": do, "text": "Mine now", "why": "Mine now"}).status_code == 404
        assert all(CANARY not in page.html for page in walk(visitor, ["/", "/questions", "/account"]).values())
    for number in range(1, 8):
        client.post(f"/account/sessions/{number}/end")
        client.post(f"/account/leave/{number}/end")
    assert other.get("/account").status_code == 200
