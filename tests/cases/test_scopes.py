"""Scopes: what an officer or manager sees of teams and units, and that the predicate stays cheap."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.factories import FACTORY, concern, make_case, make_hospital, make_staff, make_team, make_unit
from tests.facts import FRIDAY, MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.accounts import queries as accounts
from ticketing.accounts import service as accounts_service
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import TaskKind
from ticketing.codes import service as codes
from ticketing.codes.rules import UnitKind
from ticketing.core.database import db, is_postgresql
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Role, Scope

NARROW = Scope.TEAMS


@pytest.fixture
def hospital(app):
    hospital = make_hospital()
    make_team("OTHER")
    make_unit("DIV", "Division of medicine")
    make_unit("BAY", "Bay 2", parent_code="WARD-7")
    codes.change_unit("WARD-7", name="Ward 7", kind=UnitKind.WARD, site_code="MAIN", parent_code="DIV", by=FACTORY, at=MONDAY)
    return hospital


def sees(reference, staff, at=TUESDAY) -> bool:
    """Opened, listed and counted alike."""
    actor = accounts.actor_now(accounts.staff_by_uid(staff.uid), at=at)
    is_open = queries.may_read(reference, actor)
    listed = {row.reference for row in queries.worklist(actor, WorklistView.ALL_OPEN, Filters(), at=at).rows}
    assert (reference in listed) is is_open
    counts = {facet.view: facet.count.number for facet in queries.facets(actor, Filters(), at=at)}
    assert counts[WorklistView.ALL_OPEN] == len(listed)
    assert (reference in {row.reference for row in queries.found("Khan", actor, at=at)}) is is_open
    return is_open


def test_a_team_s_cases_are_seen_by_its_members_and_not_by_others(hospital):
    inside = make_staff(Role.OFFICER, "Ina In", team_codes=["OTHER"], scope=NARROW)
    outside = make_staff(Role.OFFICER, "Otto Out", scope=NARROW)
    reference = make_case(hospital.officer, team_code="OTHER")
    assert sees(reference, inside)
    assert not sees(reference, outside)


def test_a_case_given_to_somebody_is_seen_by_them_whatever_its_team(hospital):
    officer = make_staff(Role.OFFICER, "Otto Out", scope=NARROW)
    reference = make_case(hospital.officer)
    assert not sees(reference, officer)
    service.assign(reference, officer.uid, None, "", seen=None, by=hospital.officer, at=MONDAY)
    assert sees(reference, officer)


@pytest.mark.parametrize(("unit", "is_below"), [("BAY", True), ("WARD-7", True), ("DIV", True), (None, False)])
def test_a_manager_sees_everything_of_their_unit_and_below(unit, is_below, hospital):
    manager = make_staff(Role.MANAGER, "Dora Division", unit_code="DIV", scope=NARROW)
    reference = make_case(hospital.officer, unit_code=unit, takes_it=True)
    assert sees(reference, manager) is is_below


def test_an_officer_sees_of_their_unit_what_they_could_take(hospital):
    officer = make_staff(Role.OFFICER, "Willa Ward", unit_code="WARD-7", scope=NARROW)
    below, above = make_case(hospital.officer, unit_code="BAY"), make_case(hospital.officer, unit_code="DIV")
    assert sees(below, officer)
    assert not sees(above, officer)
    service.take(below, by=hospital.officer, at=MONDAY)
    assert not sees(below, officer)


def test_a_unit_that_moves_takes_what_is_below_with_it(hospital):
    manager = make_staff(Role.MANAGER, "Dora Division", unit_code="DIV", scope=NARROW)
    reference = make_case(hospital.officer, unit_code="BAY")
    assert sees(reference, manager)
    codes.change_unit("WARD-7", name="Ward 7", kind=UnitKind.WARD, site_code="MAIN", parent_code=None, by=FACTORY, at=TUESDAY)
    assert not sees(reference, manager)
    with pytest.raises(Invalid, match="within itself"):
        codes.change_unit("WARD-7", name="Ward 7", kind=UnitKind.WARD, site_code="MAIN", parent_code="BAY", by=FACTORY, at=TUESDAY)


def test_whoever_writes_a_concern_down_sees_it_until_somebody_has_it(hospital):
    recorder = make_staff(Role.OFFICER, "Rena Record", scope=NARROW)
    reference = service.receive(concern(team_code=None, unit_code=None), by=recorder.actor, at=MONDAY)
    assert sees(reference, recorder)
    service.take(reference, by=hospital.officer, at=MONDAY)
    assert not sees(reference, recorder)


def test_a_stand_in_sees_the_cases_of_who_is_away_while_they_are(hospital):
    deputy = make_staff(Role.OFFICER, "Dana Deputy", scope=NARROW)
    reference = make_case(hospital.officer, takes_it=True)
    accounts_service.set_leave(hospital.officer.uid, TUESDAY.date(), WEDNESDAY.date(), deputy.uid, by=FACTORY, at=MONDAY)
    assert sees(reference, deputy, TUESDAY)
    assert not sees(reference, deputy, FRIDAY)


def test_a_task_goes_only_to_somebody_who_sees_the_case(hospital):
    outside = make_staff(Role.OFFICER, "Otto Out", scope=NARROW)
    with pytest.raises(Conflict, match="belongs to another team"):
        service.add_task(make_case(hospital.officer), TaskKind.TASK, "Do", FRIDAY, outside.uid, None, by=hospital.officer, at=MONDAY)


def test_nobody_stands_above_themself(hospital):
    low, high = make_staff(Role.OFFICER, "Lea Low"), make_staff(Role.OFFICER, "Hal High")
    accounts_service.set_reach(low.uid, accounts_service.Reach(NARROW, high.uid), by=FACTORY, at=MONDAY)
    with pytest.raises(Conflict, match="reports to"):
        accounts_service.set_reach(high.uid, accounts_service.Reach(NARROW, low.uid), by=FACTORY, at=MONDAY)
    assert accounts_service.set_managers([(low.email, "")], by=FACTORY, at=TUESDAY) == 1
    assert accounts.managers_above(low.id) == ()


@pytest.mark.parametrize("scope", Scope)
def test_a_list_costs_the_same_however_much_is_hidden(scope, hospital):
    reader = make_staff(Role.MANAGER, "Mona Many", team_codes=["CENTRAL"], unit_code="DIV", scope=scope).actor

    def cost() -> int:
        with count_queries() as counted:
            queries.worklist(reader, WorklistView.ALL_OPEN, Filters(), at=TUESDAY)
            queries.facets(reader, Filters(), at=TUESDAY)
        return len(counted)

    make_case(hospital.officer)
    few = cost()
    concerns = [concern(team_code=code) for code in ("CENTRAL", "OTHER") for _ in range(12)]
    many = service.receive_many(concerns, by=hospital.officer, at=MONDAY)
    for reference in many[:3]:
        service.make_confidential(reference, [], "Private", by=hospital.officer, at=MONDAY)
    assert cost() == few


def test_on_postgresql_no_list_reads_every_case(hospital):
    if not is_postgresql():
        pytest.skip("plans are PostgreSQL's")
    reader = make_staff(Role.OFFICER, "Nora Narrow", team_codes=["OTHER"], unit_code="WARD-7", scope=NARROW).actor
    db.session.execute(sa.text("SET LOCAL enable_seqscan = off"))  # with few rows a scan is cheapest: can it be avoided?
    query = sa.select(Case.id).where(queries.visible_to(reader), Case.is_open, Case.reference == "26-0000-0000-00")
    for wanted in (query, sa.select(Case.id).where(queries.visible_to(reader), Case.is_open).order_by(Case.queue_at, Case.id).limit(26)):
        sql = wanted.compile(db.engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join(db.session.execute(sa.text(f"EXPLAIN {sql}")).scalars())
        assert "Seq Scan on cases" not in plan, plan
