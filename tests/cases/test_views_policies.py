"""Rebase pages, the second pack on the case page, and "why this date?" from wherever a date is shown."""

from __future__ import annotations

from datetime import date

import pytest

from tests.factories import drive, enter, make_case, make_hospital
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.cases import service
from ticketing.cases.rules import Status
from ticketing.core.permissions import Role
from ticketing.packs import queries as packs
from ticketing.packs import service as pack_verbs


@pytest.fixture
def hospital(app, set_clock):
    set_clock(WEDNESDAY)
    return make_hospital()


def publish(hospital, amounts: dict[str, int]) -> str:
    uid = pack_verbs.draft_version("england-nhs", "2026.2", by=hospital.manager, at=TUESDAY)
    pack_verbs.change_amounts(uid, amounts, seen=1, by=hospital.manager, at=TUESDAY)
    version = packs.draft(uid).version
    pack_verbs.publish(uid, date(2010, 1, 1), "The board agreed", seen=2, by=hospital.manager, at=TUESDAY)
    return version


def acknowledged(hospital) -> str:
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY)
    return reference


def test_a_rebase_is_previewed_reasoned_worked_and_taken_back(client, hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    enter(client, Role.MANAGER)
    address = "/rebases/new?pack=england-nhs"
    page = client.page(address)
    assert f"1 open case would run under england-nhs {version}" in page.text
    assert "by the end of Mon 16 Mar 2026, running" in page.text
    assert "by the end of Thu 5 Mar 2026, running" in page.text
    assert "Say why these cases are rebased" in client.send(address, {"reason": ""}).text
    answer = client.post(address, data={"reason": "The board asked"})
    assert answer.status_code == 303
    assert "0 of 1 cases" in client.page(answer.location).text
    assert client.post(f"{answer.location}/work").status_code == 303
    page = client.page(answer.location)
    assert page.heading == "Rebase done"
    assert version in client.page(f"/cases/{reference}/timers/progress").text
    assert "Say why it is taken back" in client.send(f"{answer.location}/undo", {"reason": ""}).text
    back = client.post(f"{answer.location}/undo", data={"reason": "Too soon"})
    client.post(f"{back.location}/work")
    assert "version 2026.2," in client.page(f"/cases/{reference}/timers/progress").text
    assert reference in client.page(back.location).text
    assert "2 rebases" not in client.page("/rebases").text


def test_a_case_can_be_left_out(client, hospital):
    kept, moved = acknowledged(hospital), acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    enter(client, Role.MANAGER)
    answer = client.post("/rebases/new?pack=england-nhs", data={"reason": "The board asked", "leave_out": [kept]})
    client.post(f"{answer.location}/work")
    assert version not in client.page(f"/cases/{kept}/timers/progress").text
    assert version in client.page(f"/cases/{moved}/timers/progress").text


@pytest.mark.parametrize("query", ["pack=nothing", "pack=england-nhs&pack_to=9", "calendar=x", "site=x&case_status=y", "pack_to=2026.1"])
def test_an_odd_choice_chooses_nothing(client, hospital, query):
    enter(client, Role.MANAGER)
    client.page(f"/rebases/new?{query}")


def test_only_managers_rebase(client, hospital):
    enter(client, Role.OFFICER)
    client.page("/rebases", status=403)


def test_the_preview_costs_the_same_with_one_case_and_with_many(client, hospital):
    acknowledged(hospital)
    publish(hospital, {"progress": 3})
    enter(client, Role.MANAGER)

    def cost() -> int:
        with count_queries() as counted:
            client.page("/rebases/new?pack=england-nhs")
        return len(counted)

    cost()
    few = cost()
    service.receive_many([_concern(number) for number in range(20)], by=hospital.officer, at=MONDAY)
    assert cost() <= few + 1


def _concern(number: int):
    from tests.factories import concern

    return concern(narrative=f"Concern {number}", received_at=MONDAY)


def test_a_second_pack_is_added_shown_by_name_and_removed(client, hospital):
    reference = make_case(hospital.officer)
    enter(client, Role.OFFICER)
    page = client.page(f"/cases/{reference}/actions/add_pack")
    assert "england-nhs" not in page.values(f"/cases/{reference}/actions/add_pack").get("pack", "")
    answer = client.fill_in(f"/cases/{reference}/actions/add_pack", {"pack": "england-dp", "why": "It is about her record too"})
    assert answer.status_code == 303
    page = client.page(f"/cases/{reference}")
    assert "England: data-protection complaints" in page.text
    assert "England: NHS complaints:" in page.text  # each timer is named by its pack
    page = client.page(f"/cases/{reference}/timers/acknowledge?pack=england-dp")
    assert "Data Protection Act 2018" in page.text
    answer = client.fill_in(f"/cases/{reference}/actions/remove_pack?about=england-dp", {"why": "It was not"})
    assert answer.status_code == 303
    assert "Data Protection Act" not in client.page(f"/cases/{reference}").text


def test_an_agreed_date_is_shown_with_who_how_and_evidence(client, hospital):
    reference = acknowledged(hospital)
    enter(client, Role.OFFICER)
    answer = client.fill_in(f"/cases/{reference}/actions/scope", {
        "due_on": "2026-04-10", "agreed_with": "Amina Khan", "method": "phone", "how": "Note of the call on file", "is_agreed": "yes"})
    assert answer.status_code == 303
    page = client.page(f"/cases/{reference}/timers/respond")
    assert "Note of the call on file" in page.text
    assert "Amina Khan, phone" in page.text
    assert "Fri 10 Apr 2026" in page.text


def test_every_due_date_leads_to_its_account(client, hospital):
    reference = acknowledged(hospital)
    service.ask_statement(reference, hospital.clinician.uid, (1,), "What happened?", "", 20, by=hospital.officer, at=MONDAY)
    enter(client, Role.MANAGER)
    for address in ("/cases/?view=all_open", f"/cases/{reference}", "/escalations?show=planned"):
        links = [link for link in client.page(address).links().values() if f"/cases/{reference}/timers/" in link]
        assert links, address
        for link in links[:3]:
            assert client.page(link).heading == "Why this date?"


def test_whoever_is_asked_reads_why_and_nothing_of_the_case(client, hospital):
    reference = acknowledged(hospital)
    actor = enter(client, Role.CLINICIAN)
    uid = service.ask_statement(reference, actor.uid, (1,), "What happened?", "", 20, by=hospital.officer, at=MONDAY)
    assert any(link.endswith(f"/questions/{uid}/why") for link in client.page(f"/questions/{uid}").links().values())
    page = client.page(f"/questions/{uid}/why")
    assert "Day by day" in page.text
    assert "Khan" not in page.text
    client.page("/questions/0123456789abcdef0123456789abcdef/why", status=404)


def test_the_page_for_an_ombudsman_has_reference_moment_and_every_version(client, hospital):
    reference = acknowledged(hospital)
    enter(client, Role.AUDITOR)
    page = client.page(f"/cases/{reference}/timers/acknowledge?occurrence=1&cycle=1&pack=england-nhs")
    for words in (reference, "As it stood", "Wed 4 Mar 2026, 09:30", "version 2026.2", "SI 2009/309", "Acknowledged", "Hana Novak"):
        assert words in page.text, words
    for odd in ("occurrence=9", "cycle=9", "pack=nothing", "subject=nobody"):
        client.page(f"/cases/{reference}/timers/acknowledge?{odd}", status=404)
