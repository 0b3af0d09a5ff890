"""Staff are added, changed and let go by verbs that leave their trail and never strand the hospital."""

from __future__ import annotations

import pytest

from tests.factories import FACTORY, make_actor, make_site, make_staff, make_team, make_unit
from tests.facts import MONDAY, TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.accounts import queries, service
from ticketing.audit.queries import timeline
from ticketing.audit.rules import Act, staff_stream
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Permission, Role


@pytest.fixture
def administrator(app):
    return make_actor(Role.ADMINISTRATOR, "Ada Min")


def test_staff_are_added_with_unit_and_teams(administrator):
    make_site()
    make_unit()
    make_team("CENTRAL")
    make_team("NORTH")
    email, codes = " Hana.Novak@Hospital.Example ", ["NORTH", "CENTRAL"]
    staff = make_staff(Role.OFFICER, "Hana  Novak", email=email, unit_code="WARD-7", team_codes=codes)
    assert (staff.name, staff.email, staff.unit_name) == ("Hana Novak", "hana.novak@hospital.example", "Ward 7")
    assert staff.team_codes == ("CENTRAL", "NORTH")
    assert staff.actor.may(Permission.WORK_CASES)
    assert timeline(staff_stream(staff.uid))[0].act == Act.STAFF_ADDED


def test_an_address_has_one_account_only(app):
    make_staff(email="dee@hospital.example")
    with pytest.raises(Conflict) as refused:
        make_staff(name="Another Dee", email="DEE@hospital.example")
    assert refused.value.field == "email"


@pytest.mark.parametrize("email", ["", "dee", "dee@", "dee@hospital", "d ee@hospital.example", "dee@hospital.example\nBcc: x@y.example",
                                   "dee@@hospital.example", "<dee@hospital.example>", "a" * 250 + "@b.example", "dée@hospital.example",
                                   "dee@hospital.example,eve@evil.example", "d\u202eee@hospital.example"])
def test_an_odd_address_is_refused(app, email):
    with pytest.raises(Invalid) as refused:
        service.add_staff(email, "Dee Ray", Role.OFFICER, by=FACTORY, at=MONDAY)
    assert refused.value.field == "email"


@pytest.mark.parametrize(("typed", "kept"), [("  Dee \t Ray ", "Dee Ray"), ("Dee\x00Ray", "Dee Ray"), ("\u202eyaR eeD", "yaR eeD"),
                                            ("Dee\r\nBcc: Ray", "Dee Bcc: Ray"), ("דינה ריי", "דינה ריי"), ("<b>Dee</b>", "<b>Dee</b>")])
def test_a_name_is_one_clean_line(app, typed, kept):
    assert make_staff(name=typed, email="dee@hospital.example").name == kept


@pytest.mark.parametrize("name", ["", " ", "\x00", "\u200b", "x" * 10_000])
def test_no_name_and_an_endless_one_are_refused(app, name):
    with pytest.raises(Invalid):
        make_staff(name=name, email="dee@hospital.example")


def test_only_administrators_manage_staff(app):
    other = make_staff(name="Ann Other")
    for role in (Role.OFFICER, Role.CLINICIAN, Role.MANAGER, Role.AUDITOR):
        by = make_actor(role, f"Some {role.value}")
        with pytest.raises(Forbidden):
            service.add_staff("x@hospital.example", "X", Role.OFFICER, by=by, at=TUESDAY)
        with pytest.raises(Forbidden):
            service.deactivate(other.uid, by=by, at=TUESDAY)
        with pytest.raises(Forbidden):
            service.set_teams(other.uid, [], by=by, at=TUESDAY)
        with pytest.raises(Forbidden):
            service.revoke_sessions(other.uid, by=by, at=TUESDAY)
        with pytest.raises(Forbidden):
            service.add_team("T", "T", by=by, at=TUESDAY)


def test_a_leaver_s_cases_are_handed_over_and_counted(administrator):
    leaver = make_staff(name="Lee Ver")
    asked = []

    def hand_over(staff_id):
        asked.append(staff_id)
        return 7

    assert service.deactivate(leaver.uid, hand_over=hand_over, by=administrator, at=TUESDAY) == 7
    assert asked == [leaver.id]
    assert not queries.staff_by_uid(leaver.uid).is_active
    entry = timeline(staff_stream(leaver.uid))[0]
    assert entry.act == Act.STAFF_DEACTIVATED
    assert entry.facts["count"] == 7


def test_a_leaver_whose_cases_cannot_be_handed_over_stays(administrator):
    leaver = make_staff(name="Lee Ver")

    def refuse(staff_id):
        raise Conflict("Choose somebody who is here.")

    with pytest.raises(Conflict):
        service.deactivate(leaver.uid, hand_over=refuse, by=administrator, at=TUESDAY)
    assert queries.staff_by_uid(leaver.uid).is_active


def test_nobody_closes_their_own_account(administrator):
    with pytest.raises(Conflict, match="your own"):
        service.deactivate(administrator.uid, by=administrator, at=TUESDAY)


def test_the_last_administrator_stays_one(administrator):
    with pytest.raises(Conflict, match="last administrator"):
        service.deactivate(administrator.uid, by=FACTORY, at=TUESDAY)
    with pytest.raises(Conflict, match="last administrator"):
        service.change_staff(administrator.uid, name="Ada", email="ada@hospital.example", role=Role.OFFICER, by=FACTORY, at=TUESDAY)
    second = make_actor(Role.ADMINISTRATOR, "Bea Min")
    service.deactivate(administrator.uid, by=second, at=TUESDAY)
    assert not queries.staff_by_uid(administrator.uid).is_active


def test_a_new_role_holds_at_once(administrator):
    staff = make_staff(Role.OFFICER)
    service.change_staff(staff.uid, name=staff.name, email=staff.email, role=Role.AUDITOR, by=administrator, at=TUESDAY)
    assert not queries.actor_of(staff.id).may(Permission.WORK_CASES)
    assert timeline(staff_stream(staff.uid))[0].change["role"] == ("officer", "auditor")


def test_changing_nothing_leaves_no_entry(administrator):
    staff = make_staff(Role.OFFICER)
    before = len(timeline(staff_stream(staff.uid)))
    service.change_staff(staff.uid, name=staff.name, email=staff.email, role=staff.role, by=administrator, at=TUESDAY)
    service.set_teams(staff.uid, [], by=administrator, at=TUESDAY)
    assert len(timeline(staff_stream(staff.uid))) == before


def test_teams_are_set_and_leads_kept(administrator):
    for code in ("A", "B", "C"):
        make_team(code)
    staff = make_staff(team_codes=["A", "B"])
    service.set_leads("A", [staff.uid], by=administrator, at=TUESDAY)
    service.set_teams(staff.uid, ["A", "C"], by=administrator, at=TUESDAY)
    assert queries.staff_by_uid(staff.uid).team_codes == ("A", "C")
    assert [lead.uid for lead in queries.leads_of(queries.team_by_code("A").id)] == [staff.uid]
    with pytest.raises(NotFound):
        service.set_teams(staff.uid, ["NOWHERE"], by=administrator, at=TUESDAY)
    with pytest.raises(Invalid):
        service.set_leads("B", [staff.uid], by=administrator, at=TUESDAY)


def test_a_team_is_renamed_and_taken_out_of_use(administrator):
    make_team("A", "Alpha")
    make_team("B", "Beta")
    service.change_team("A", name="Alpha two", email="alpha@hospital.example", is_active=False, by=administrator, at=TUESDAY)
    assert [team.code for team in queries.teams()] == ["B"]
    assert queries.team_by_code("A").email == "alpha@hospital.example"
    with pytest.raises(Conflict):
        service.change_team("B", name="Alpha two", by=administrator, at=TUESDAY)
    with pytest.raises(Conflict):
        make_team("b", "Gamma")


def test_the_list_is_narrowed_and_paged(administrator):
    make_team("A")
    for number in range(7):
        make_staff(Role.CLINICIAN, f"Nurse {number}", team_codes=["A"] if number % 2 else [])
    wanted = queries.StaffFilter(role=Role.CLINICIAN)
    first = queries.staff_list(wanted, size=4)
    second = queries.staff_list(wanted, after=first.next, size=4)
    assert [row.name for row in (*first.rows, *second.rows)] == [f"Nurse {number}" for number in range(7)]
    assert second.next is None
    assert len(queries.staff_list(queries.StaffFilter(team_code="A"))) == 3
    assert [row.name for row in queries.staff_list(queries.StaffFilter(words="nurse 5")).rows] == ["Nurse 5"]
    assert not queries.staff_list(queries.StaffFilter(words="%")).rows


def test_who_may_and_who_is_called_what(administrator):
    manager, officer = make_staff(Role.MANAGER, "Mia Nager"), make_staff(Role.OFFICER, "Otto Fficer")
    assert [row.uid for row in queries.staff_who_may(Permission.SIGN_RESPONSES)] == [manager.uid]
    assert queries.names_by_id([manager.id, officer.id]) == {manager.id: "Mia Nager", officer.id: "Otto Fficer"}
    assert queries.names_by_uid([officer.uid, "gone"]) == {officer.uid: "Otto Fficer"}


def test_verbs_are_all_or_nothing(administrator):
    make_team("A")
    staff = make_staff(name="Lee Ver")
    change = {"name": "Lea Ver", "email": "lea@hospital.example", "role": Role.MANAGER}
    assert_all_or_nothing(lambda: service.add_staff("n@hospital.example", "New", Role.OFFICER, team_codes=["A"], by=FACTORY, at=TUESDAY))
    assert_all_or_nothing(lambda: service.change_staff(staff.uid, **change, by=administrator, at=TUESDAY))
    assert_all_or_nothing(lambda: service.set_teams(staff.uid, ["A"], by=administrator, at=TUESDAY))
    assert_all_or_nothing(lambda: service.set_leads("A", [staff.uid], by=administrator, at=TUESDAY))
    assert_all_or_nothing(lambda: service.invite(staff.uid, by=administrator, at=TUESDAY))
    assert_all_or_nothing(lambda: service.deactivate(staff.uid, by=administrator, at=TUESDAY))
    assert_all_or_nothing(lambda: service.reactivate(staff.uid, by=administrator, at=TUESDAY))
