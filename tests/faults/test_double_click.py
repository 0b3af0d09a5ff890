"""The same form sent twice at once, as an impatient hand does it: one effect, and for the other a clear sentence; and forms gone stale."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import MONDAY, TUESDAY
from ticketing.accounts import service as accounts
from ticketing.audit.models import AuditEntry
from ticketing.cases import queries, service
from ticketing.cases.rules import Status, TaskKind
from ticketing.core.database import db
from ticketing.core.permissions import Role
from ticketing.outbox.jobs import render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import to_row

PATIENCE = 30  # seconds


@pytest.fixture
def hospital(committing_app, set_clock):
    set_clock(TUESDAY)
    return make_hospital(password=PASSWORD)


def visitor(app, actor):
    client = app.test_client()
    email = f"{actor.name.lower().replace(' ', '.')}@hospital.example"
    assert client.post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
    return client


def twice(app, actor, url: str, data: dict[str, str], times: int = 2) -> list[int]:
    """Statuses of the same form sent from as many tabs at once."""
    tabs = [visitor(app, actor) for _ in range(times)]
    bodies = [{"csrf_token": tab.csrf_token(), **data} for tab in tabs]
    start, found = threading.Barrier(times), [0] * times

    def press(number: int) -> None:
        start.wait(PATIENCE)
        found[number] = tabs[number].post(url, data=bodies[number], csrf=False).status_code

    threads = [threading.Thread(target=press, args=(number,)) for number in range(times)]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return sorted(found)


def entries(stream: str) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.stream == stream)) or 0


STEPS: list[tuple[str, Status | None, dict[str, str]]] = [
    ("triage", None, {"case_type": "complaint_formal", "severity": "moderate", "consent_status": "received", "pack": "england-nhs",
                      "priority": "2", "is_danger_now": "no", "is_safeguarding": "no", "is_inpatient": "no", "has_no_conflict": "y"}),
    ("acknowledge", Status.TRIAGE, {"method": "phone", "is_discussion_offered": "y", "note": "", "occurred_at": ""}),
    ("investigate", Status.SCOPING, {"note": ""}),
    ("hold", Status.INVESTIGATION, {"note": "Waiting"}),
    ("close", Status.RESPONSE_SENT, {"note": "Done"}),
]


@pytest.mark.parametrize(("name", "status", "answers"), STEPS, ids=[step[0] for step in STEPS])
def test_a_step_of_a_case_is_taken_once(committing_app, hospital, name, status, answers):
    reference = make_case(hospital.officer)
    if status:
        drive(reference, status, hospital)
    desk, url = visitor(committing_app, hospital.officer), f"/cases/{reference}/actions/{name}"
    page = desk.page(url)
    offered = {choice["name"]: choice.get("value") for choice in page.form().all("input", type="radio")}
    selects = {field["name"]: [o["value"] for o in field.all("option") if o.get("value")] for field in page.form().all("select")}
    data = {**offered, **{field: values[0] for field, values in selects.items() if values}, **page.values(), **{
        field: value for field, value in answers.items() if field not in selects or value in selects[field]}}
    data.pop("csrf_token")
    data.pop("once")  # tabs of one person, each with a page of its own
    before = version_of(reference)
    statuses = twice(committing_app, hospital.officer, url, data, 3)
    assert statuses == [303, 409, 409], statuses
    after = version_of(reference)
    assert after > before
    assert desk.post(url, data=data).status_code == 409
    assert version_of(reference) == after


def once(count: Callable[[], int], app, actor, url: str, data: dict[str, str]) -> None:
    before = count()
    statuses = twice(app, actor, url, data)
    assert statuses[0] == 303
    assert statuses[1] in {303, 404, 409, 410, 422}
    assert count() == before + 1


def test_what_can_only_be_once_is_once(committing_app, hospital):
    def many(table: str) -> Callable[[], int]:
        return lambda: db.session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() or 0

    once(many("staff"), committing_app, hospital.administrator, "/staff/new",
         {"name": "Dee Ray", "email": "dee.ray@hospital.example", "role": "officer", "job_title": "", "unit_code": ""})
    once(many("teams"), committing_app, hospital.administrator, "/teams/new", {"code": "NIGHT", "name": "Night", "email": ""})


def test_a_task_is_finished_once(committing_app, hospital):
    reference = make_case(hospital.officer)
    uid = service.add_task(
        reference, TaskKind.CALL_BACK, "Ring", TUESDAY + timedelta(hours=1), hospital.officer.uid, None, by=hospital.officer, at=TUESDAY)
    once(lambda: entries(f"case:{reference}"), committing_app, hospital.officer, f"/tasks/{uid}", {"outcome": "They were glad"})


def test_a_statement_is_given_once(committing_app, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), "What happened?", "", 5, by=hospital.officer, at=TUESDAY)
    once(lambda: entries(f"case:{reference}"), committing_app, hospital.clinician,
         f"/questions/{uid}", {"do": "send", "text": "It was a busy night."})


def test_a_case_is_taken_by_one_of_two(committing_app, hospital):
    reference = make_case(hospital.officer)
    start, found = threading.Barrier(2), []

    def take(actor) -> None:
        client = visitor(committing_app, actor)
        token = {"csrf_token": client.csrf_token(), "has_no_conflict": "y"}
        start.wait(PATIENCE)
        found.append(client.post(f"/cases/{reference}/take", data=token, csrf=False).status_code)

    db.session.rollback()
    threads = [threading.Thread(target=take, args=(actor,)) for actor in (hospital.officer, hospital.second_officer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [303, 303]
    case = queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert case.handler in {hospital.officer.name, hospital.second_officer.name}
    assert len(case.assignments) == 2  # to the team at intake, and to one of them


def test_a_session_ended_while_a_page_loads_is_not_revived(committing_app, hospital):
    desk = visitor(committing_app, hospital.officer)
    with desk.session_transaction() as session:
        token = session["token"]
    stop = threading.Event()

    def read() -> None:
        tab = committing_app.test_client()
        with tab.session_transaction() as session:
            session["token"] = token
        while not stop.is_set():
            tab.get("/account")

    reader = threading.Thread(target=read)
    db.session.rollback()
    reader.start()
    accounts.sign_out(token, at=TUESDAY + timedelta(minutes=2))
    stop.set()
    reader.join(PATIENCE)
    late = committing_app.test_client()
    with late.session_transaction() as session:
        session["token"] = token
    assert late.get("/account").status_code == 303


def test_a_reset_link_works_for_one_of_two(committing_app, hospital):
    staff = make_staff(Role.OFFICER, "Dee Ray", at=MONDAY)
    accounts.ask_reset(staff.email, "192.0.2.1", at=TUESDAY)
    row = db.session.scalar(sa.select(OutboxMessage).order_by(OutboxMessage.id.desc()))
    link = urlsplit(re.search(r"http\S+/password/\S+", render_mail(to_row(row)).text)[0]).path
    start, found = threading.Barrier(2), []

    def use(password: str) -> None:
        tab = committing_app.test_client()
        data = {"csrf_token": tab.csrf_token(), "password": password, "again": password}
        start.wait(PATIENCE)
        found.append(tab.post(link, data=data, csrf=False).status_code)

    db.session.rollback()
    threads = [threading.Thread(target=use, args=(words,)) for words in ("nine red umbrellas fly", "ten blue ladders swim")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found.count(303) == 1, found
    assert set(found) <= {303, 409, 410, 422}
