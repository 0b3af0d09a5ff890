"""Forms of accounts and places take what is sent to them: good things are done, odd ones get a sentence, nothing breaks."""

from __future__ import annotations

import json

import pytest

from tests.factories import PASSWORD, make_case, make_site, make_staff, make_team, make_unit
from tests.facts import MONDAY, shared
from ticketing.accounts import queries
from ticketing.cases.queries import get_case
from ticketing.codes import queries as codes
from ticketing.core.permissions import Role

ODD = ("", " ", "\x00", "a\x00b", "\ud800", "x" * 10_000, "\u202eevil", "\u200f", "🦊" * 300, "<script>alert(1)</script>",
       "'; DROP TABLE staff; --", "{{ 7*7 }}", "%s%n", "../../etc/passwd", "\r\nBcc: x@evil.example", "NaN",
       "-1", "9" * 40, "\ufeff", "Ω≈ç√", "שלום", "  a\tb  ")
WARD = {"name": "X", "kind": "ward", "site_code": "MAIN"}
NEWCOMER = {"name": "Dee Ray", "email": "dee.ray@hospital.example", "role": "officer", "job_title": "Sister", "unit_code": "WARD-7",
            "team_codes": ["CENTRAL"]}


@pytest.fixture(autouse=True)
def ada(app, client, set_clock):
    set_clock(MONDAY)
    make_site()
    make_unit()
    make_team()
    ada = make_staff(Role.ADMINISTRATOR, "Ada Min")
    assert client.post("/sign-in", data={"email": ada.email, "password": PASSWORD}).status_code == 303
    return ada


@pytest.fixture
def dee():
    return make_staff(name="Dee Ray", team_codes=["CENTRAL"])


def test_somebody_is_added_invited_changed_and_closed(client):
    answer = client.fill_in("/staff/new", NEWCOMER)
    page = client.page(answer.location)
    assert "An invitation" in page.text or "invitation is on its way to dee.ray@hospital.example" in page.text
    assert "Ward 7" in page.text
    change = {"name": "Dee Raymond", "role": "manager", "team_codes": []}
    assert client.fill_in(answer.location + "/change", change).location == answer.location
    row = queries.staff_by_email(NEWCOMER["email"])
    assert (row.name, row.role, row.team_codes, row.job_title) == ("Dee Raymond", Role.MANAGER, (), "Sister")
    assert client.post(answer.location + "/invite").status_code == 303
    assert client.fill_in(answer.location + "/close", {}).status_code == 303
    assert "closed" in client.page(answer.location).text
    assert client.post(answer.location + "/reopen").status_code == 303
    assert queries.staff_by_uid(row.uid).is_active


def test_a_taken_address_is_said_beside_its_field_and_nothing_typed_is_lost(client, dee):
    page = client.send("/staff/new", NEWCOMER, status=409)
    assert "already an account with this e-mail address" in page.text
    assert page.values()["name"] == "Dee Ray"
    assert page.values()["email"] == dee.email


def test_leave_is_set_shown_and_ended_by_oneself_and_for_others(client, dee):
    deputy = make_staff(name="Dep Uty")
    days = {"starts_on": "2026-03-04", "ends_on": "06/03/2026", "deputy_uid": deputy.uid}
    assert client.fill_in(f"/staff/{dee.uid}/leave", days).status_code == 303
    page = client.page(f"/staff/{dee.uid}")
    assert "Wed 4 Mar 2026 to Fri 6 Mar 2026" in page.text
    assert "Deputy: Dep Uty" in page.text
    (form,) = [f for f in page.all("form") if f.get("action").endswith("/end")]
    assert client.post(form["action"], data={"staff_uid": dee.uid}).location == f"/staff/{dee.uid}"
    assert "No leave is set" in client.page(f"/staff/{dee.uid}").text
    assert client.fill_in("/account/leave", {"starts_on": "2026-03-02", "ends_on": "2026-03-02"}).location == "/account"
    assert "Away" in client.page("/staff").text
    assert "before the first" in client.send("/account/leave", {"starts_on": "2026-04-02", "ends_on": "2026-04-01"}).text


def test_the_last_administrator_and_oneself_stay(client, ada):
    assert "your own account" in client.send(f"/staff/{ada.uid}/close", {}, status=409).text
    change = {"name": ada.name, "email": ada.email, "role": "officer"}
    page = client.send(f"/staff/{ada.uid}/change", change, status=409)
    assert "your own administrator role" in page.text


def test_cases_go_where_the_form_says(app, client, dee, monkeypatch):
    other, asked = make_staff(name="Ann Other"), []

    def hand_over(staff_id, to_staff_uid, note, *, by, at):
        asked.append((staff_id, to_staff_uid, note, by.name, at))
        return 3

    monkeypatch.setitem(app.extensions, "hand_over", hand_over)
    page = client.send(f"/staff/{dee.uid}/close", {"to_uid": dee.uid})
    assert "choose one from the list" in page.text
    assert client.fill_in(f"/staff/{dee.uid}/close", {"to_uid": other.uid, "note": "Thank you"}).status_code == 303
    assert asked == [(dee.id, other.uid, "Thank you", "Ada Min", MONDAY)]
    assert "3 open cases handed over" in client.page(f"/staff/{dee.uid}").text


def test_teams_are_added_and_changed(client, dee):
    assert client.fill_in("/teams/new", {"code": "north", "name": "North", "email": "north@hospital.example"}).location == "/teams"
    assert client.send("/teams/new", {"code": "NORTH", "name": "Other"}, status=409).values()["name"] == "Other"
    assert client.fill_in("/teams/CENTRAL", {"name": "The centre", "leads": [dee.uid]}).location == "/teams"
    assert queries.team_by_code("CENTRAL").leads == ("Dee Ray",)
    assert "The centre" in client.page("/teams").text
    client.post("/teams/NORTH", data={"name": "North", "email": ""})
    assert not queries.team_by_code("NORTH").is_active


def test_sites_and_units_are_added_and_changed(client):
    site = {"code": "coast", "name": "Coast site", "pack": "us-cms", "calendar": "us_federal", "zone": "America/New_York"}
    assert client.fill_in("/places/sites/new", site).location == "/places"
    unit = {"code": "AE", "name": "A and E", "kind": "department", "site_code": "COAST"}
    assert client.fill_in("/places/units/new", unit).status_code == 303
    assert client.fill_in("/places/units/AE", {"name": "Emergency department", "site_code": "MAIN"}).status_code == 303
    unit = codes.unit_by_code("AE")
    assert (unit.name, unit.site_code, unit.kind.value, unit.is_active) == ("Emergency department", "MAIN", "department", True)
    assert client.post("/places/sites/COAST", data={**site, "name": "Old coast"}).status_code == 303
    assert (codes.site_by_code("COAST").name, codes.site_by_code("COAST").is_active) == ("Old coast", False)
    assert "Emergency department" in client.page("/places").text
    assert "already used" in client.send("/places/units/new", {**WARD, "code": "AE"}, status=409).text


def _forms(uid):
    leave = {"starts_on": "2026-05-01", "ends_on": "2026-05-02", "deputy_uid": ""}
    place = {"code": "X", "name": "X"}
    return {
        "/staff/new": NEWCOMER, f"/staff/{uid}/change": {**NEWCOMER, "email": "other@hospital.example"}, f"/staff/{uid}/leave": leave,
        "/account/leave": leave, f"/staff/{uid}/close": {"to_uid": "", "note": ""}, "/teams/new": {**place, "email": ""},
        "/teams/CENTRAL": {"name": "X", "email": "", "leads": ""},
        "/places/sites/new": {**place, "pack": "us-cms", "calendar": "ireland", "zone": "Europe/Dublin"},
        "/places/units/new": {**WARD, "code": "X"}, "/places/units/WARD-7": WARD,
        "/account/password": {"present": PASSWORD, "password": "nine red umbrellas fly", "again": "nine red umbrellas fly"},
    }


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text)[:20])
def test_odd_text_in_any_field_gets_an_answer(client, dee, text):
    for url, good in _forms(dee.uid).items():
        for field in good:
            if url == "/account/password" and field == "present":
                continue
            sent = {**good, field: text.encode("utf-8", "surrogatepass")} if "\ud800" in text else {**good, field: text}
            assert client.post(url, data=sent).status_code in {303, 401, 404, 409, 422}, (url, field)


@pytest.mark.parametrize("name", ["blns", "crlf_strings", "csv_formula_strings", "xss_strings"])
def test_hostile_strings_in_the_forms_strangers_reach(client, name):
    client.post("/sign-out")
    for text in _strings(json.loads(shared("data", "hostile", f"{name}.json").read_text(encoding="utf-8")))[::5]:
        raw = text.encode("utf-8", "surrogatepass")
        assert client.post("/forgotten", data={"email": raw}).status_code in {303, 422}
        assert client.post("/sign-in", data={"email": raw, "password": raw, "next": raw}).status_code in {303, 422, 429}


def _strings(value):
    """Every text in a JSON document."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _strings(item)]


def test_a_leaver_s_open_case_is_their_successor_s_from_then_on(client):
    leaver, successor = make_staff(name="Lee Ver"), make_staff(name="Suki Cessor")
    reference = make_case(leaver.actor, takes_it=True)
    assert client.fill_in(f"/staff/{leaver.uid}/close", {"to_uid": successor.uid, "note": "Lee left on Friday"}).status_code == 303
    assert "1 open case handed over" in client.page(f"/staff/{leaver.uid}").text
    assert get_case(reference, successor.actor, at=MONDAY).handler == "Suki Cessor"
