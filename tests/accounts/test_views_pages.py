"""Each page opens for those it is for, and for nobody else."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD, make_site, make_staff, make_team, make_unit
from tests.facts import MONDAY
from tests.probes import count_queries
from ticketing.core.permissions import Role

OWN = ("/account", "/account/password", "/account/leave")
ADMINISTRATORS = ("/staff", "/staff/new", "/teams", "/teams/new", "/teams/CENTRAL", "/places", "/places/sites/new", "/places/units/new",
                  "/places/sites/MAIN", "/places/units/WARD-7")


@pytest.fixture(autouse=True)
def _hospital(app, set_clock):
    set_clock(MONDAY)
    make_site()
    make_unit()
    make_team()


def enter(client, staff):
    answer = client.post("/sign-in", data={"email": staff.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


@pytest.mark.parametrize("role", Role)
def test_everybody_has_their_own_pages(client, role):
    enter(client, make_staff(role))
    for url in OWN:
        client.page(url)


@pytest.mark.parametrize("role", Role)
def test_only_administrators_reach_staff_teams_and_places(client, role):
    other = make_staff(Role.OFFICER, "Ann Other")
    enter(client, make_staff(role))
    for url in (*ADMINISTRATORS, f"/staff/{other.uid}", *(f"/staff/{other.uid}/{page}" for page in ("change", "leave", "close"))):
        client.page(url, status=200 if role is Role.ADMINISTRATOR else 403)
    for url in (f"/staff/{other.uid}/{verb}" for verb in ("invite", "sign-out", "reopen", "close")):
        assert client.post(url).status_code == (303 if role is Role.ADMINISTRATOR else 403), url


def test_what_is_not_there_is_not_found(client):
    enter(client, make_staff(Role.ADMINISTRATOR))
    for url in ("/staff/x", "/staff/" + "0" * 32, "/staff/%00", "/staff/%F0%9F%92%A9/close", "/teams/NOWHERE", "/teams/%00",
                "/places/sites/x", "/places/units/x", "/password/", "/staff/new/x"):
        client.page(url, status=404)
    for url in ("/account/leave/9999999/end", "/account/leave/99999999999999999999999/end", "/account/sessions/99999999999999999999/end"):
        assert client.post(url).status_code == 404
    assert client.post("/account/sessions/9999999/end").status_code == 303


@pytest.mark.parametrize("query", ["?role=emperor", "?team=%00", "?team=NOWHERE", "?state=gone", "?words=%25", "?words=" + "x" * 5000,
                                   "?after=x", "?after=WyJcdTAwMDAiLCAxXQ", "?after=WyJcdWQ4MDAiLCAxXQ", "?after=WzEsMV0",
                                   "?after=WyJhIiwgMTAwMDAwMDAwMDAwMDAwMDAwMDAwMDBd", "?words=%ED%A0%80", "?words=a&words=b"])
def test_an_odd_address_never_breaks_the_list(client, query):
    enter(client, make_staff(Role.ADMINISTRATOR))
    assert client.get("/staff" + query).status_code in {200, 404, 422}


def test_the_list_finds_whom_it_is_asked_for(client):
    make_staff(Role.CLINICIAN, "Cli Nician", team_codes=["CENTRAL"])
    enter(client, make_staff(Role.ADMINISTRATOR))
    assert "Cli Nician" in client.page("/staff?role=clinician&team=CENTRAL&words=cli").text
    assert "Nobody matches" in client.page("/staff?role=auditor").text


def test_the_staff_list_costs_the_same_for_one_and_for_fifty(client):
    enter(client, make_staff(Role.ADMINISTRATOR))
    client.page("/staff")
    with count_queries() as few:
        client.page("/staff")
    for number in range(50):
        make_staff(Role.CLINICIAN, f"Nurse {number}", password=None, team_codes=["CENTRAL"], unit_code="WARD-7")
    with count_queries() as many:
        page = client.page("/staff")
    assert len(few) == len(many)
    onward = {text: url for text, url in page.links().items() if "after=" in url}
    assert len(onward) == 1
    client.page(next(iter(onward.values())))
