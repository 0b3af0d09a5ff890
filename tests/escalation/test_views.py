"""The pages of the ladder: what fired and whether it arrived, rules in plain sentences, and that no words break them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import PASSWORD, Hospital, make_case, make_hospital, make_staff
from tests.facts import MONDAY, shared
from tests.probes import count_queries
from ticketing.cases import service as cases
from ticketing.core.database import db
from ticketing.core.permissions import Role
from ticketing.escalation.jobs import sweep
from ticketing.firings import queries as ladder
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import FiringState
from ticketing.outbox.jobs import deliver_batch
from ticketing.outbox.rules import Content
from ticketing.web.forms import clean

LATER = MONDAY + timedelta(days=4)
PLAIN = {
    "name": "Two days before a decision", "level": "3", "kind": "before_due", "number": "2", "unit": "working_days", "event": "",
    "targets": ["decide"], "notify": ["managers"], "staff": "", "reassign": "", "priority": "", "task": "",
}


@pytest.fixture
def hospital(app: Flask, set_clock) -> Hospital:
    set_clock(LATER)
    return make_hospital()


def sign_in(client, role: Role = Role.MANAGER, name: str = "Mara Lind"):
    person = make_staff(role, name, team_codes=["CENTRAL"] if role is not Role.ADMINISTRATOR else [])
    client.post("/sign-in", data={"email": person.email, "password": PASSWORD})
    return client


def rule_codes() -> set[str]:
    return set(db.session.scalars(sa.select(EscalationRule.code)))


def test_the_list_shows_what_fired_whom_it_told_and_when_the_mail_leaves(client, hospital):
    reference = make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=15))
    page = sign_in(client).page("/escalations")
    row = next(row for row in page.all("tr") if "Acknowledgement" in row.text)
    assert reference in row.text
    assert "The target is breached" in row.text
    assert "Ruth Okafor" in row.text
    assert "Waiting to be sent" in row.text
    assert "Due by the end of Thu 5 Mar 2026" in row.text


def test_a_delivered_mail_is_shown_with_its_moment(client, hospital):
    make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=15))
    deliver_batch(at=LATER, mail_from="a@hospital.example", transport=lambda _mail: "accepted", may_release=lambda _message: None,
                  render=lambda message: Content(message.subject, "text"))
    page = sign_in(client).page("/escalations")
    assert "Delivered Ruth Okafor Fri 6 Mar 2026, 09:30" in page.text


def test_the_next_seven_days_are_shown_in_order(client, hospital):
    make_case(hospital.officer, at=LATER, received_at=LATER)
    page = sign_in(client).page("/escalations?show=planned")
    moments = [cell["datetime"] for cell in page.all("time") if cell.get("datetime")]
    assert len(moments) >= 4
    assert moments == sorted(moments)


def test_a_failed_step_stands_with_its_reason_and_is_tried_again(client, hospital):
    reference = make_case(hospital.officer)
    cases.name_subject(reference, hospital.manager.uid, by=hospital.officer, at=MONDAY)
    sweep(MONDAY + timedelta(days=3, hours=15))
    page = sign_in(client).page("/escalations?show=failed")
    assert "There is nobody to tell" in page.text
    [form] = [form for form in page.all("form") if form.get("action").endswith("/again")]
    assert client.post(form["action"]).status_code == 303
    assert client.post(form["action"]).status_code == 409
    sweep(LATER)
    assert "Mara Lind" in client.page("/escalations").text


def test_cases_a_person_may_not_see_are_not_in_the_list_nor_counted(client, hospital):
    reference = make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=15))
    manager = sign_in(client)
    assert reference in manager.page("/escalations").text
    uid = db.session.scalar(sa.text("SELECT uid FROM staff WHERE name = 'Mara Lind'"))
    cases.name_subject(reference, uid, by=hospital.officer, at=LATER)
    page = manager.page("/escalations")
    assert reference not in page.text
    assert "Nothing has been carried out" in page.text


@pytest.mark.parametrize("address", [
    "/escalations?show=nonsense", "/escalations?target=nonsense&rule=nonsense", "/escalations?reference=%00%F0%9F%92%A9",
    "/escalations?show=planned&after=nonsense", "/escalations?after=W10", "/escalations?after=WyJ4IiwgMV0",
    "/escalations/rules/nonsense", "/escalations?rule=half-time&target=acknowledge&reference=26-7KQ4-M2XR-9C",
])
def test_a_mistyped_address_is_answered_with_a_sentence(client, hospital, address):
    assert sign_in(client).get(address).status_code in {200, 404, 422}


def test_the_list_costs_the_same_for_one_step_and_for_many(client, hospital):
    make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=15))
    manager = sign_in(client)
    manager.page("/escalations")
    with count_queries() as few:
        manager.get("/escalations")
    for _ in range(12):
        make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=16))
    with count_queries() as many:
        manager.get("/escalations")
    assert len(few) == len(many)


def test_pages_of_the_list_hold_every_step_once(client, hospital):
    for _ in range(60):
        make_case(hospital.officer)
    sweep(MONDAY + timedelta(days=3, hours=15))
    manager, seen, address = sign_in(client), [], "/escalations"
    while address:
        page = manager.page(address)
        seen += [form.text for form in page.all("a", class_="reference")]
        address = next((link["href"] for link in page.all("a") if link.get("rel") == "next"), "")
    assert len(seen) == len(set(seen)) == 60


def test_rules_read_as_sentences(client, hospital):
    page = sign_in(client).page("/escalations/rules")
    assert "When 80 % of the time for a target is used, tell the handler and the team lead." in page.text
    assert "When a target is breached, tell the team lead and the managers and ask for the reason." in page.text
    assert "One working day before a target is due, tell the handler, the team lead and the managers." in page.text


def test_a_new_rule_is_saved_and_reads_as_meant(client, hospital):
    manager = sign_in(client)
    answer = manager.fill_in("/escalations/rules/new", PLAIN, action="/escalations/rules/new")
    assert answer.status_code == 303
    page = manager.page(answer.location)
    assert "Two working days before the decision is due, tell the managers." in page.text


def test_a_change_makes_a_version_and_keeps_the_old_one(client, hospital):
    manager = sign_in(client)
    before = ladder.rule("half-time").newest
    answer = manager.fill_in("/escalations/rules/half-time", {"number": "60"}, action="/escalations/rules/half-time")
    assert answer.status_code == 303
    first, second = reversed(ladder.versions("half-time"))
    assert (first.draft.trigger.number, second.draft.trigger.number) == (50, 60)
    assert first.retired_at == LATER
    assert first.effective_at == before.effective_at
    stale = manager.send("/escalations/rules/half-time", {**shown(manager, "half-time"), "seen": "1", "number": "70"}, status=409)
    assert "Somebody changed this rule" in stale.text
    assert stale.values("/escalations/rules/half-time")["number"] == "70"


def shown(client, code: str) -> dict[str, object]:
    return client.page(f"/escalations/rules/{code}").values(f"/escalations/rules/{code}")


def test_switching_off_takes_back_what_was_planned_and_switching_on_plans_anew(client, hospital):
    make_case(hospital.officer, at=LATER, received_at=LATER)
    manager = sign_in(client)
    manager.post("/escalations/rules/breach/off")
    query = sa.select(Firing.state).join(RuleVersion).join(EscalationRule).where(EscalationRule.code == "breach")
    assert set(db.session.scalars(query)) == {FiringState.SUPERSEDED}
    assert "Switched off" in manager.page("/escalations/rules/breach").text
    assert manager.post("/escalations/rules/breach/off").status_code == 409
    manager.post("/escalations/rules/breach/on")
    make_case(hospital.officer, at=LATER, received_at=LATER)
    assert FiringState.PLANNED in set(db.session.scalars(query))


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"name": ""}, "Give the rule a name."),
    ({"name": "x" * 81}, "too long"),
    ({"name": "The target is breached"}, "Another rule has this name"),
    ({"number": ""}, "Enter how much"),
    ({"number": "0"}, "from 1 to 60"),
    ({"number": "61"}, "from 1 to 60"),
    ({"number": "-1"}, "whole number"),
    ({"number": "1e9"}, "whole number"),
    ({"number": "٣"}, "whole number"),
    ({"kind": "percent", "number": "100"}, "from 1 to 99"),
    ({"kind": "nonsense"}, "choose one from the list"),
    ({"kind": "event", "event": ""}, "Choose what has to happen"),
    ({"level": "99"}, "choose one from the list"),
    ({"targets": ["nonsense"]}, "choose from the list"),
    ({"notify": []}, "Choose at least one thing to do"),
    ({"notify": ["statement_author"]}, "Only a rule for statements"),
    ({"staff": "nobody@nowhere.example"}, "Nobody here has the address"),
    ({"asks_reason": "y"}, "once a target was breached"),
    ({"task": "x" * 161}, "too long"),
    ({"seen": "x"}, "lost track"),
])
def test_what_cannot_be_used_is_said_beside_its_field_and_stays(client, hospital, changes, sentence):
    known = rule_codes()
    status = 409 if "Another" in sentence else 422
    page = sign_in(client).send("/escalations/rules/new", {**PLAIN, "seen": "0", **changes}, status=status)
    assert sentence in page.text
    assert page.values("/escalations/rules/new")["name"] == changes.get("name", PLAIN["name"])
    assert rule_codes() == known


def hostile() -> list[str]:
    found = [str(text) for text in json.loads(shared("data", "hostile", "blns.json").read_text(encoding="utf-8"))]
    return [text for text in found if text.strip()]


def test_hostile_words_are_kept_as_they_are_or_refused_with_a_sentence(client, hospital):
    manager = sign_in(client)
    for number, text in enumerate(hostile()[::9]):
        answer = manager.post("/escalations/rules/new", data={**PLAIN, "seen": "0", "name": f"{text[:70]} {number}", "task": text[:150]})
        assert answer.status_code in {303, 422, 409}, repr(text)
        if answer.status_code == 303:
            manager.page(answer.location)
            assert clean(f"{text[:70]} {number}").strip() in set(db.session.scalars(sa.select(EscalationRule.name)))
    manager.page("/escalations/rules")


@pytest.mark.parametrize(("role", "status"), [(Role.OFFICER, 403), (Role.AUDITOR, 403), (Role.CLINICIAN, 403), (Role.ADMINISTRATOR, 303)])
def test_only_those_who_manage_rules_change_them(client, hospital, role, status):
    person = sign_in(client, role, "Somebody Else")
    assert person.post("/escalations/rules/new", data={**PLAIN, "seen": "0"}).status_code == status
    assert person.post("/escalations/rules/half-time/off").status_code == status
    assert person.get("/escalations/rules").status_code == (403 if role is Role.CLINICIAN else 200)


def test_an_officer_reads_a_rule_but_has_no_form_for_it(client, hospital):
    page = sign_in(client, Role.OFFICER, "Somebody Else").page("/escalations/rules/half-time")
    assert "When 50 % of the time" in page.text
    assert not page.all("textarea")
