"""The report pages: every number opens its cases, filters keep, roles are kept apart, and nothing a reader types breaks them."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import PASSWORD, Hospital, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import MONDAY, TUESDAY, shared
from tests.probes import count_queries
from ticketing.audit import queries as trail
from ticketing.audit.rules import EXPORT_STREAM
from ticketing.cases import service as cases
from ticketing.cases.rules import Status
from ticketing.codes.rules import HoldReason
from ticketing.core.mail import Mail
from ticketing.core.permissions import Role
from ticketing.demo.jobs import keep_at_once
from ticketing.outbox import queries as outbox
from ticketing.outbox import service as outbox_service
from ticketing.outbox.rules import MessageState, NewMessage, Outcome

LATER = MONDAY + timedelta(days=8)


@pytest.fixture
def hospital(app: Flask, set_clock) -> Hospital:
    set_clock(LATER)
    return make_hospital()


def sign_in(client, role: Role = Role.MANAGER):
    person = make_staff(role, "Mara Lind", team_codes=["CENTRAL"] if role is not Role.ADMINISTRATOR else [])
    client.post("/sign-in", data={"email": person.email, "password": PASSWORD})
    return client


def test_every_number_of_the_overview_opens_as_many_cases_as_it_says(client, hospital):
    drive(make_case(hospital.officer), Status.CLOSED, hospital)
    make_case(hospital.officer)
    page = sign_in(client).page("/reports?period=30")
    links = [link for link in page.all("a") if "figure=" in link.get("href")]
    assert len(links) > 8
    for link in links:
        lines = len(client.page(link.get("href")).all("tr")) - 1
        said = link.text.split(":")[0].split()[0]
        assert lines == (int(said) if said.isdigit() else lines) > 0, link.get("href")
    assert "Acknowledged in time" in page.text
    assert "How this is counted" in page.text


def test_an_empty_hospital_gets_a_way_on_and_no_zeros(client, hospital):
    page = sign_in(client).page("/reports")
    assert "Nothing to report yet" in page.text
    assert "0 %" not in page.text


def test_filters_stay_in_the_links_and_unknown_ones_are_forgotten(client, hospital):
    make_case(hospital.officer)
    page = sign_in(client).page("/reports?period=365&site=MAIN&team=%27%27&nonsense=1")
    links = [link for link in page.links().values() if "figure=" in link]
    assert any("figure=open" in link and "period=365" in link and "site=MAIN" in link for link in links)
    assert not any("team=" in link for link in links)


def test_a_number_that_is_no_longer_there_is_zero(client, hospital):
    assert "No case is behind this number" in sign_in(client).page("/reports/cases?figure=invented").text


def test_pages_cost_the_same_with_one_case_and_with_fifty(client, hospital):
    sign_in(client)
    make_case(hospital.officer)
    client.get("/reports")  # what a process reads once and keeps
    paths = ["/reports", "/reports/cases?figure=open", "/reports/trail", "/reports/delivery"]
    for path in paths:  # the first look also fills what this process keeps
        client.get(path)
    costs = [_costs(client, path) for path in paths]
    for _ in range(49):
        make_case(hospital.officer)
    assert [_costs(client, path) for path in paths] == costs


def _costs(client, path: str) -> int:
    with count_queries() as queries:
        client.get(path)
    return len(queries)


@pytest.mark.parametrize(("role", "expected"), [
    (Role.OFFICER, {"/reports": 404, "/reports/cases?figure=open": 404, "/reports/delivery": 404, "/reports/trail": 404}),
    (Role.CLINICIAN, {"/reports": 404, "/reports/delivery": 404, "/reports/trail": 404}),
    (Role.MANAGER, {"/reports": 200, "/reports/cases?figure=open": 200, "/reports/delivery": 200, "/reports/trail": 200}),
    (Role.ADMINISTRATOR, {"/reports": 404, "/reports/delivery": 200, "/reports/trail": 404}),
    (Role.AUDITOR, {"/reports": 200, "/reports/delivery": 200, "/reports/trail": 200}),
])
def test_each_role_sees_its_own_pages(client, hospital, role, expected):
    sign_in(client, role)
    found = {path: client.get(path).status_code for path in expected}
    assert {path: 200 if status == 200 else 404 for path, status in found.items()} == expected
    assert set(found.values()) <= {200, 403, 404}


def test_a_message_that_was_given_up_is_sent_again_by_hand(client, hospital):
    uid = _given_up()
    page = sign_in(client).page("/reports/delivery?state=dead")
    assert "550 nobody here" in page.text
    answer = client.post(f"/reports/delivery/{uid}/requeue")
    assert answer.status_code == 303
    assert outbox.message(uid).state is MessageState.QUEUED


def test_an_auditor_reads_the_ledger_and_sends_nothing(client, hospital):
    uid = _given_up()
    assert "Send again" not in sign_in(client, Role.AUDITOR).page("/reports/delivery").text
    assert client.post(f"/reports/delivery/{uid}/requeue").status_code in (403, 404)
    assert outbox.message(uid).state is MessageState.DEAD


def test_a_message_that_never_was_is_not_sent_again(client, hospital):
    assert sign_in(client).post("/reports/delivery/nobody/requeue").status_code == 404


def _given_up() -> str:
    uid = outbox_service.queue(NewMessage("receipt", "gone@hospital.example", "Gone", "Hello", "cases_receipt", {}, "k1"), at=MONDAY)
    claimed = outbox_service.claim(at=MONDAY)[0]
    outbox_service.note_failed(claimed, outbox_service.begin_attempt(claimed, at=MONDAY), Outcome.REFUSED, "550 nobody here", at=MONDAY)
    return uid


def test_the_trail_is_read_as_sentences_and_leads_to_the_case(client, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=TUESDAY)
    page = sign_in(client).page(f"/reports/trail?reference={reference}")
    assert "Acknowledged by phone by Hana Novak" in page.text
    assert f"/cases/{reference}" in page.links().values()
    assert "Acknowledged by phone" not in client.page("/reports/trail?act=case.received").text
    assert "No entry fits" in client.page("/reports/trail?last=2020-01-01").text


def test_a_day_that_is_none_is_said_and_kept(client, hospital):
    page = sign_in(client).page("/reports/trail?first=31.02.2026", status=422)
    assert "31.02.2026" in page.html


def test_there_is_no_mailbox_but_in_the_demo(client, hospital, app, tmp_path: Path, monkeypatch):
    sign_in(client)
    assert client.get("/reports/mailbox").status_code == 404
    app.config["REDRESS_ENV"] = "demo"
    monkeypatch.setattr(app, "instance_path", str(tmp_path))
    assert "No mail here" in client.page("/reports/mailbox").text
    keep_at_once(tmp_path / "mailbox")(Mail("<a@x>", "us@hospital.example", "nadia@hospital.example", "Due soon", "<b>Words</b> & more",
                                            written_at=MONDAY))
    page = client.page("/reports/mailbox?to=nadia")
    assert "Due soon" in page.text
    assert "<b>Words</b> & more" in page.text
    assert "Due soon" not in client.page("/reports/mailbox?to=tomasz").text


@pytest.mark.parametrize(
    "name", ["period", "site", "team", "figure", "start", "state", "kind", "reference", "after", "by", "act", "first", "last", "reading",
             "to"])
def test_no_address_breaks_a_page(client, hospital, app, name, monkeypatch, tmp_path):
    app.config["REDRESS_ENV"] = "demo"
    monkeypatch.setattr(app, "instance_path", str(tmp_path))
    sign_in(client)
    lines = json.loads(shared("data", "hostile", "blns.json").read_text(encoding="utf-8"))[::12]
    for text in [*lines, "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "9" * 400, "-1", "1e9"]:
        for path in ("/reports", "/reports/cases", "/reports/delivery", "/reports/trail", "/reports/trail.csv", "/reports/mailbox"):
            assert client.get(path, query_string={name: text, **({"figure": "open"} if name == "start" else {})}).status_code < 500


def test_reading_is_left_out_of_the_trail_until_it_is_asked_for(client, hospital):
    reference = make_case(hospital.officer)
    sign_in(client, Role.AUDITOR).page(f"/cases/{reference}")
    page = client.page(f"/reports/trail?reference={reference}")
    assert "Received by phone" in page.text
    assert "opened by Mara Lind" not in page.text
    shown = client.page(page.links()["Show reading too"])
    assert "Received by phone" in shown.text
    assert f"Case {reference} opened by Mara Lind" in shown.text
    alone = client.page(f"/reports/trail?reference={reference}&reading=alone").text
    assert f"Case {reference} opened by Mara Lind" in alone
    assert "Received by phone" not in alone
    assert "opened by Mara Lind" in client.page(f"/reports/trail?reference={reference}&act=case.viewed").text


def test_the_trail_is_saved_as_a_file_and_that_is_on_the_trail(client, hospital):
    reference = make_case(hospital.officer)
    make_case(hospital.officer)
    page = sign_in(client, Role.AUDITOR).page(f"/reports/trail?reference={reference}&last=2027-01-01")
    answer = client.get(page.links()["Save as a file"])
    assert answer.mimetype == "text/csv"
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(line["What"], line["Case"], line["Deed"]) for line in lines] == [
        ("Received by phone, recorded by Hana Novak", reference, "case.received")]
    (export,) = trail.timeline(EXPORT_STREAM)
    assert (export.about, export.facts, export.actor_name) == (f"case:{reference}", {"export": "trail", "count": 1}, "Mara Lind")


def test_the_file_is_as_silent_about_hidden_cases_as_the_page(client, hospital):
    reference = make_case(hospital.officer)
    person = make_staff(Role.MANAGER, "Mara Lind", team_codes=["CENTRAL"])
    client.post("/sign-in", data={"email": person.email, "password": PASSWORD})
    assert reference in client.get("/reports/trail.csv?reading=shown").text
    cases.name_subject(reference, person.uid, by=hospital.officer, at=TUESDAY)
    for path in ("/reports/trail.csv?reading=shown", f"/reports/trail.csv?reference={reference}&reading=shown"):
        assert reference not in client.get(path).text
    assert trail.timeline(EXPORT_STREAM)[0].about == "trail"


def test_no_line_of_the_file_is_a_formula(client, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=TUESDAY)
    cases.hold(reference, next(iter(HoldReason)), "=HYPERLINK(1)", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    text = sign_in(client, Role.AUDITOR).get("/reports/trail.csv").text
    assert "\"'=HYPERLINK(1)\"" in text
    assert '"=HYPERLINK' not in text


def test_a_last_day_before_the_first_is_said(client, hospital):
    page = sign_in(client).page("/reports/trail?first=2026-03-05&last=2026-03-01", status=422)
    assert "The last day is before the first." in page.text
    assert client.get("/reports/trail.csv?first=2026-03-05&last=2026-03-01").status_code == 303
