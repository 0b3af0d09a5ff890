"""How far somebody sees, set by administrators, alone or for many at once; and the list of staff searched without a name in an address."""

from __future__ import annotations

import pytest

from tests.factories import FACTORY, PASSWORD, make_actor, make_staff
from tests.facts import MONDAY, TUESDAY
from ticketing.accounts import queries, service
from ticketing.accounts.service import Reach
from ticketing.core.errors import Forbidden, Invalid
from ticketing.core.permissions import Compartment, Role, Scope


@pytest.fixture(autouse=True)
def application(app, set_clock):
    set_clock(TUESDAY)
    return app


def test_a_new_account_sees_its_teams_and_nothing_wider():
    uid = service.add_staff("new@hospital.example", "New", Role.OFFICER, by=FACTORY, at=MONDAY)
    assert queries.staff_by_uid(uid).scope is Scope.TEAMS


def test_only_who_manages_staff_says_how_far_anybody_sees():
    staff = make_staff(Role.OFFICER)
    with pytest.raises(Forbidden):
        service.set_reach(staff.uid, Reach(Scope.HOSPITAL), by=make_actor(Role.MANAGER, "Mona"), at=MONDAY)


def test_compartments_are_for_those_who_work_cases():
    clinician = make_staff(Role.CLINICIAN, "Clara Stone")
    with pytest.raises(Invalid, match="Only officers and managers"):
        service.set_reach(clinician.uid, Reach(Scope.TEAMS, None, [Compartment.LEGAL]), by=FACTORY, at=MONDAY)
    officer = make_staff(Role.OFFICER, "Olga", compartments=[Compartment.LEGAL, Compartment.MEDIATION])
    assert officer.actor.compartments == {Compartment.LEGAL, Compartment.MEDIATION}
    assert [row.name for row in queries.members_of(Compartment.LEGAL)] == ["Olga"]


def test_a_file_of_managers_is_taken_whole_or_not_at_all():
    low, high = make_staff(Role.OFFICER, "Lea Low"), make_staff(Role.MANAGER, "Hal High")
    with pytest.raises(Invalid, match="Nobody has the address"):
        service.set_managers([(low.email, high.email), ("nobody@hospital.example", high.email)], by=FACTORY, at=MONDAY)
    assert queries.staff_by_uid(low.uid).manager_name is None
    assert service.set_managers([(low.email.upper(), high.email)], by=FACTORY, at=MONDAY) == 1
    assert queries.staff_by_uid(low.uid).manager_name == "Hal High"


def test_an_administrator_says_it_on_a_page(client):
    admin = make_staff(Role.ADMINISTRATOR, "Ada Bell")
    officer, boss = make_staff(Role.OFFICER, "Lea Low"), make_staff(Role.MANAGER, "Hal High")
    client.post("/sign-in", data={"email": admin.email, "password": PASSWORD})
    answer = client.post(f"/staff/{officer.uid}/reach", data={"scope": "teams", "manager_uid": boss.uid, "compartments": ["safeguarding"]})
    assert answer.status_code == 303
    row = queries.staff_by_uid(officer.uid)
    assert (row.scope, row.manager_id, row.compartments) == (Scope.TEAMS, boss.id, {Compartment.SAFEGUARDING})
    shown = client.page(f"/staff/{officer.uid}").text
    assert "Hal High" in shown
    assert "Their teams and their unit" in shown


def test_staff_are_searched_without_a_name_in_an_address(client):
    admin = make_staff(Role.ADMINISTRATOR, "Ada Bell")
    make_staff(Role.OFFICER, "Lea Low")
    client.post("/sign-in", data={"email": admin.email, "password": PASSWORD})
    address = client.post("/staff/find", data={"words": "low", "state": "open"}).location
    assert "low" not in address
    page = client.page(address).text
    assert "Lea Low" in page
    assert "ada.bell@" not in page
