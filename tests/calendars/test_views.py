"""The pages of calendars: hours in words, closed days, an import reviewed before it counts, and the offer to rebase."""

from __future__ import annotations

import pytest

from tests.factories import enter, make_hospital
from tests.facts import WEDNESDAY
from ticketing.calendars.rules import table_version
from ticketing.core.permissions import Role


@pytest.fixture
def manager(app, client, set_clock):
    set_clock(WEDNESDAY)
    make_hospital()
    return enter(client, Role.MANAGER)


def begin(client) -> str:
    answer = client.post("/calendars/england_wales/drafts", data={"base": table_version()})
    assert answer.status_code == 303
    return answer.location


def test_calendars_are_listed_and_read(client, manager):
    assert "England and Wales" in client.page("/calendars").text
    page = client.page("/calendars/england_wales")
    assert "Boxing Day" in page.text
    client.page(f"/calendars/england_wales/versions/{table_version()}")
    client.page("/calendars/nowhere", status=404)
    client.page("/calendars/england_wales/versions/9", status=404)


def test_hours_take_several_windows_and_refuse_what_is_no_time(client, manager):
    address = begin(client)
    assert client.fill_in(address, {"mon": "09:00-12:30, 13:30-24:00", "sat": "10:00-12:00"}, action=address).status_code == 303
    assert client.page(address).values(address)["mon"] == "09:00-12:30, 13:30-24:00"
    values = client.page(address).values(address)
    page = client.send(address, {**values, "tue": "nine to five"})
    assert "is not an opening time" in page.text
    assert page.values(address)["tue"] == "nine to five"


def test_a_calendar_that_never_opens_gets_a_sentence(client, manager):
    address = begin(client)
    values = client.page(address).values(address)
    page = client.send(address, {**values, **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "")})
    assert "no working time in the 400 days" in page.text


def test_a_day_is_closed_and_opened_again(client, manager):
    address = begin(client)
    assert client.fill_in(f"{address}/day", {"on": "2026-07-17", "name": "Founders’ day", "kind": "local"}).status_code == 303
    page = client.page(address)
    assert "Founders’ day" in page.text
    assert "Closed here only" in page.text
    assert client.post(f"{address}/open", data={"version": "2", "on": "2026-07-17"}).status_code == 303
    assert "Founders’ day" not in client.page(address).text


def test_an_import_is_reviewed_before_anything_changes(client, manager):
    address = begin(client)
    values = client.page(f"{address}/import").values(f"{address}/import")
    page = client.send(f"{address}/import", {**values, "text": "2026-12-28, Extra day\n2026-09-01, Royal wedding"}, status=200)
    assert "Add Tue 1 Sep 2026: Royal wedding" in page.text
    assert "Rename Mon 28 Dec 2026" in page.text
    assert "Remove Fri 25 Dec 2026: Christmas Day" in page.text
    assert "Royal wedding" not in client.page(address).text
    values = page.values(f"{address}/import/accept")
    answer = client.post(f"{address}/import/accept", data={**values, "accepted": ["add:2026-09-01"]})
    assert answer.status_code == 303
    page = client.page(address)
    assert "Royal wedding" in page.text
    assert "Christmas Day" in page.text


def test_an_import_of_nothing_keeps_what_was_typed(client, manager):
    address = f"{begin(client)}/import"
    values = client.page(address).values(address)
    assert "Paste the days" in client.send(address, {**values, "text": ""}).text
    page = client.send(address, {**values, "text": "2026-12-25, Christmas\nno day at all"})
    assert "holds no day" in page.text
    assert "no day at all" in page.text


def test_the_library_is_compared_too(client, manager):
    address = begin(client)
    assert "Boxing Day" in client.page(f"{address}/import?from=library").text


def test_publishing_offers_the_rebase(client, manager):
    address = begin(client)
    client.fill_in(f"{address}/day", {"on": "2026-07-17", "name": "Day of mourning", "kind": "public"})
    page = client.page(f"{address}/publish")
    assert "Day of mourning" in page.text
    answer = client.fill_in(f"{address}/publish", {"reason": "Proclaimed"})
    assert answer.status_code == 303
    page = client.page(answer.location)
    assert "rebase them" in page.text
    assert any("/rebases/new?calendar=england_wales" in link for link in page.links().values())


def test_a_new_calendar_begins_with_public_holidays(client, manager):
    answer = client.fill_in("/calendars/new", {"title": "Ward office", "code": "ward_office", "base": "scotland"})
    assert answer.status_code == 303
    assert "2 January" in client.page(answer.location).text or "New Year Holiday" in client.page(answer.location).text
    page = client.send("/calendars/new", {"title": "Ward office", "code": "Ward office!", "base": "scotland", "zone": "Europe/London"})
    assert "small letters" in page.text


def test_a_draft_is_thrown_away(client, manager):
    address = begin(client)
    assert client.post(f"{address}/discard").status_code == 303
    client.page(address, status=404)
