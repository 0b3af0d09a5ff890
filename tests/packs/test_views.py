"""The pages of policy packs: what is in force in plain words, and a version from draft over check to publication."""

from __future__ import annotations

import pytest

from tests.factories import enter, make_hospital
from tests.facts import TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.core.permissions import Role
from ticketing.packs import queries, service


@pytest.fixture
def hospital(app, set_clock):
    set_clock(WEDNESDAY)
    return make_hospital()


@pytest.fixture
def manager(client, hospital):
    return enter(client, Role.MANAGER)


def begin(client) -> str:
    answer = client.post("/packs/england-nhs/drafts", data={"base": "2026.2"})
    assert answer.status_code == 303
    return answer.location


def test_every_pack_is_listed_with_the_version_in_force(client, manager):
    page = client.page("/packs")
    assert "England: NHS complaints" in page.text
    assert "2026.2" in page.text


def test_a_version_reads_in_plain_words(client, manager):
    page = client.page("/packs/england-nhs/versions/2026.2")
    assert "3 working days, counted from the day after" in page.text
    assert "6 months, beginning on the day itself" in page.text
    assert "Law" in page.text


def test_an_unverified_number_says_that_it_is_not_used(client, manager):
    told = "".join(client.page(f"/packs/{code}/versions/{version}").text for code, version in (
        (pack.code, pack.version) for pack in queries.every_pack(WEDNESDAY.date())))
    assert "Unverified: not used" in told


def test_two_versions_are_compared_rule_by_rule(client, manager):
    assert client.page("/packs/england-nhs/compare?old=2026.1&new=2026.2").heading == "What changed"
    client.page("/packs/england-nhs/compare?old=nonsense", status=404)


def test_a_draft_is_mended_line_by_line_then_checked_and_published(client, manager):
    address = begin(client)
    text = client.page(address).values(address)["text"]
    page = client.send(address, {"version": "1", "text": ""})
    assert "Write the text of the pack" in page.text
    client.post(address, data={"version": "1", "text": text.replace('unit = "working_days"', 'unit = "fortnights"', 1)})
    page = client.page(address)
    assert "1 thing to mend" in page.text
    assert 'unit = "fortnights"' in page.text
    assert "Line " in page.text
    client.post(address, data={"version": "2", "text": text})
    numbers = client.fill_in(f"{address}/numbers", {"amount_progress": "12"})
    assert numbers.status_code == 303
    page = client.page(f"{address}/publish")
    assert "10" in page.text
    assert "12" in page.text
    page = client.send(f"{address}/publish", {"version": "4", "effective_from": "2026-01-01", "reason": ""})
    assert "Say why it is published" in page.text
    answer = client.fill_in(f"{address}/publish", {
        "effective_from": "2026-01-01", "reason": "The board agreed", "has_seen_departures": "y"})
    assert answer.status_code == 303
    page = client.page("/packs/england-nhs")
    assert "In force today: version 2026.2-local.1" in page.text
    assert "The board agreed" in page.text


def test_a_stale_form_keeps_what_was_typed(client, manager):
    address = begin(client)
    uid = address.rsplit("/", 1)[1]
    service.save_draft(uid, queries.draft(uid).text + "\n# by somebody else", seen=1, by=manager, at=TUESDAY)
    page = client.send(address, {"version": "1", "text": "# my words"}, status=409)
    assert "Somebody saved this draft" in page.text
    assert "# my words" in page.text


def test_a_draft_is_thrown_away(client, manager):
    address = begin(client)
    assert client.post(f"{address}/discard").status_code == 303
    client.page(address, status=404)


def test_an_auditor_reads_and_changes_nothing(client, hospital):
    enter(client, Role.AUDITOR)
    assert "Draft from this" not in client.page("/packs/england-nhs").text
    assert client.post("/packs/england-nhs/drafts", data={"base": "2026.2"}).status_code == 403


@pytest.mark.parametrize("address", [
    "/packs/nothing", "/packs/england-nhs/versions/9", "/packs/drafts/0123", "/packs/england-nhs/compare?new=x"])
def test_what_is_not_there_says_so(client, manager, address):
    client.page(address, status=404)


def test_the_list_costs_the_same_with_one_local_version_and_with_many(client, manager, hospital):
    def cost() -> int:
        client.page("/packs/england-nhs")
        with count_queries() as counted:
            client.page("/packs/england-nhs")
        return len(counted)

    def publish() -> None:
        uid = service.draft_version("england-nhs", "2026.2", by=hospital.manager, at=TUESDAY)
        service.publish(uid, TUESDAY.date(), "Once more", seen=1, by=hospital.manager, at=TUESDAY)

    publish()
    few = cost()
    for _ in range(8):
        publish()
    assert cost() == few
