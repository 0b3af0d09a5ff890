"""A hidden case is nowhere on the pages of whom it is hidden from, and every way to it by its address is as if it were not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import event

from tests.factories import PASSWORD, drive, enter, make_case, make_hospital, make_staff, make_team
from tests.facts import MONDAY, TUESDAY
from tests.walking import walk
from ticketing.cases import service
from ticketing.cases.rules import Status, TaskKind
from ticketing.core.database import db
from ticketing.core.permissions import GRANTS, Actor, Permission, Role, Scope
from ticketing.core.references import new_reference
from ticketing.people.rules import PersonDetails

SEE_CASES = {role for role, granted in GRANTS.items() if Permission.VIEW_CASES in granted}
CANARY = "Quillfeather"
MISSING = new_reference(MONDAY)  # well formed, so that it is looked up as well
STARTS = ["/", "/account", "/cases/?view=all_open", "/cases/?view=mine", "/cases/?view=team", "/cases/?view=closed", "/tasks", "/questions",
          "/escalations", "/escalations?show=planned", "/reports", "/reports/delivery", "/reports/trail", "/staff", "/break-glass",
          "/break-glass/uses"]
PERSON = PersonDetails(name=f"Amina {CANARY}", email="amina@quillfeather.example", phone="07700 900999")
HIDDEN = [
    (Role.OFFICER, "named"), (Role.MANAGER, "named"), (Role.AUDITOR, "named"),
    (Role.OFFICER, "manages somebody named"), (Role.MANAGER, "manages somebody named"), (Role.AUDITOR, "manages somebody named"),
    (Role.OFFICER, "another team's"), (Role.MANAGER, "another team's"),
    (Role.OFFICER, "confidential"), (Role.MANAGER, "confidential"),
    (Role.ADMINISTRATOR, "an administrator's"), (Role.CLINICIAN, "a clinician's"),
]


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@dataclass(frozen=True)
class Hidden:
    """A case that must not be there for whoever is signed in: its reference, and the uid of a task on it."""

    reader: Actor
    reference: str
    task: str


@pytest.fixture(params=HIDDEN, ids=lambda param: f"{param[0].value}: {param[1]}")
def hidden(request, client, hospital):
    role, why = request.param
    by = hospital.officer
    make_team("OTHER")
    reference = make_case(by, narrative=f"{CANARY} was rude.", points=(f"{CANARY} shouted.", "Nobody said why."), complainant=PERSON,
                          has_agreed_to_email=True)
    scope = Scope.TEAMS if why == "another team's" else Scope.HOSPITAL
    reader = make_staff(role, "Nadia Frost", team_codes=["OTHER"] if scope is Scope.TEAMS else ["CENTRAL"], scope=scope)
    client.post("/sign-in", data={"email": reader.email, "password": PASSWORD})
    assert (CANARY in client.get(f"/cases/{reference}").text) is (role in SEE_CASES and scope is Scope.HOSPITAL)
    task = service.add_task(reference, TaskKind.TASK, f"Ring {CANARY}", TUESDAY, None, "CENTRAL", by=by, at=MONDAY)
    if role is Role.MANAGER:
        drive(reference, Status.INVESTIGATION, hospital, at=MONDAY)
    if why == "named":
        service.name_subject(reference, reader.uid, by=by, at=MONDAY)
    if why == "manages somebody named":
        service.name_subject(reference, make_staff(Role.CLINICIAN, "Omar Finch", manager=reader.uid).uid, by=by, at=MONDAY)
    if why == "confidential":
        service.make_confidential(reference, [hospital.manager.uid], "A colleague's own care.", by=by, at=MONDAY)
    make_case(by)
    return Hidden(reader.actor, reference, task)


def test_no_page_that_links_lead_to_tells_of_it(client, hidden):
    reader, reference = hidden.reader, hidden.reference
    for address, page in walk(client, STARTS).items():
        assert reference not in page.html, address
        assert CANARY not in page.html, address
    if reader.may(Permission.RECORD_CONCERNS):
        typed = {"name": f"Amina {CANARY}", "phone": "07700 900999", "email": "amina@quillfeather.example"}
        assert reference not in client.post("/cases/lookalikes", data=typed).text
    if reader.may(Permission.VIEW_CASES):
        address = client.post("/cases/find", data={"reference": CANARY}).location
        assert CANARY not in address
        assert reference not in client.get(address).text


def plain(page: str) -> str:
    """Without what differs on every page: the number to ask about and the form's token."""
    return re.sub(r'value="[^"]+"|<span class="reference">[^<]+</span>', "", page)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The kind of every statement the database is sent meanwhile, in order: what tells a hidden case from a missing one by its time."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        sent.append(" ".join(statement.split()[:2]) if statement.startswith(("INSERT", "UPDATE")) else statement.split()[0])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def asked(ask, address):
    with statements() as sent:
        answer = ask(address)
    return answer, sent


def test_every_way_to_it_is_as_if_it_were_not_there(app, client, hidden):
    reference, task = hidden.reference, hidden.task
    tried = 0
    for rule in app.url_map.iter_rules():
        if "<reference>" not in rule.rule and rule.rule != "/tasks/<uid>":
            continue
        names = ("note", "finding", "assign", "subject", "reopen") if "<name>" in rule.rule else ("respond",)
        for name in names:
            address = re.sub(r"<(?:target|name)>", name, rule.rule)
            for method in sorted(set(rule.methods or ()) & {"GET", "POST"}):
                ask = client.get if method == "GET" else client.post
                there, sent = asked(ask, address.replace("<reference>", reference).replace("<uid>", task))
                gone, wanted = asked(ask, address.replace("<reference>", MISSING).replace("<uid>", "0" * 32))
                assert there.status_code == gone.status_code, (method, address)
                assert there.status_code in {403, 404}, (method, address)
                assert plain(there.text) == plain(gone.text), (method, address)
                assert len(there.data) == len(gone.data), (method, address)
                assert {k for k, _ in there.headers} == {k for k, _ in gone.headers}
                assert sent == wanted, (method, address)
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
