"""Conflict of interest: who is named and their direct manager let go of everything at once, and the ladder goes past them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories import FACTORY, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import FRIDAY, MONDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import service as accounts
from ticketing.accounts.service import Reach
from ticketing.audit.queries import timeline
from ticketing.audit.rules import Act, case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Case, ResponseVersion, Task
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Status, TaskKind
from ticketing.codes.rules import ContactMethod
from ticketing.core.database import db
from ticketing.core.errors import Conflict, NotFound
from ticketing.core.permissions import Role, Scope
from ticketing.escalation.service import fire_batch
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.rules import MessageState


@pytest.fixture
def hospital(app):
    return make_hospital()


@pytest.fixture
def boss(hospital):
    return make_staff(Role.OFFICER, "Bertha Boss", team_codes=["CENTRAL"])


@pytest.fixture
def report(boss):
    return make_staff(Role.CLINICIAN, "Rory Report", manager=boss.uid)


def case_of(reference: str) -> Case:
    return db.session.scalars(select(Case).where(Case.reference == reference)).one()


def acts(reference: str) -> list[str]:
    return [row.act for row in timeline(case_stream(reference), limit=200)]


def test_the_manager_of_somebody_named_meets_the_case_nowhere(hospital, boss, report):
    reference = make_case(hospital.officer)
    assert queries.may_read(reference, boss.actor)
    service.name_subject(reference, report.uid, by=hospital.officer, at=TUESDAY)
    assert not queries.may_read(reference, boss.actor)
    assert reference not in {row.reference for view in WorklistView for row in queries.worklist(
        boss.actor, view, Filters(), at=TUESDAY).rows}
    assert queries.found("Khan", boss.actor, at=TUESDAY) == ()
    assert queries.may_read(reference, hospital.manager), "the next one up sees it"


def test_naming_takes_the_case_its_tasks_and_notices_from_the_manager_in_the_same_verb(hospital, boss, report):
    reference = make_case(hospital.officer)
    service.take(reference, by=boss.actor, at=MONDAY)
    uid = service.add_task(reference, TaskKind.TASK, "Read the notes", FRIDAY, boss.uid, None, by=boss.actor, at=MONDAY)
    while fire_batch(at=WEDNESDAY).done:
        pass
    service.name_subject(reference, report.uid, by=hospital.officer, at=WEDNESDAY)
    assert case_of(reference).handler_id is None
    assert db.session.scalars(select(Task.assignee_id).where(Task.uid == uid)).one() == hospital.officer.staff_id
    waiting = db.session.scalars(select(OutboxMessage.state).where(
        OutboxMessage.case_reference == reference, OutboxMessage.staff_uid == boss.uid)).all()
    assert set(waiting) <= {MessageState.WITHHELD}
    assert waiting, "a reminder was on its way to whoever had the case"
    entry = next(row for row in timeline(case_stream(reference)) if row.act == Act.CASE_RECUSED)
    assert entry.facts["what"] == "the case, open tasks"


def test_a_draft_of_somebody_who_must_stay_out_is_set_aside_and_the_case_goes_back_to_drafting(hospital, report):
    reference = make_case(hospital.officer)
    drive(reference, Status.AWAITING_SIGNOFF, hospital)
    accounts.set_reach(report.uid, Reach(Scope.TEAMS, hospital.officer.uid), by=FACTORY, at=TUESDAY)
    service.name_subject(reference, report.uid, by=hospital.second_officer, at=WEDNESDAY)
    assert case_of(reference).status is Status.RESPONSE_DRAFTING
    shown = queries.get_case(reference, hospital.second_officer, at=WEDNESDAY)
    assert shown.response is None
    assert db.session.scalars(select(ResponseVersion.set_aside_at)).one() == WEDNESDAY
    service.draft_response(reference, "Dear Mrs Khan, anew.", seen=version_of(reference), by=hospital.second_officer, at=WEDNESDAY)
    assert queries.get_case(reference, hospital.second_officer, at=WEDNESDAY).response.number == 2


def test_questions_put_to_the_manager_are_withdrawn_and_those_put_to_who_is_named_stay(hospital, boss, report):
    reference = make_case(hospital.officer)
    for person in (boss, report):
        service.ask_statement(reference, person.uid, (1,), "What happened?", "", 15, by=hospital.officer, at=MONDAY)
    service.name_subject(reference, report.uid, by=hospital.officer, at=TUESDAY)
    assert queries.questions_for(boss.actor, at=TUESDAY) == ()
    assert len(queries.questions_for(report.actor, at=TUESDAY)) == 1
    assert case_of(reference).open_statements == 1
    with pytest.raises(Conflict, match="reports to Bertha Boss"):
        service.ask_statement(reference, boss.uid, (1,), "And?", "", 15, by=hospital.officer, at=TUESDAY)


def test_neither_can_be_given_the_case_or_a_task(hospital, boss, report):
    reference = make_case(hospital.officer)
    service.name_subject(reference, report.uid, by=hospital.officer, at=TUESDAY)
    with pytest.raises(Conflict, match="reports to Bertha Boss"):
        service.assign(reference, boss.uid, None, "", seen=None, by=hospital.officer, at=TUESDAY)
    with pytest.raises(Conflict, match="reports to Bertha Boss"):
        service.add_task(reference, TaskKind.TASK, "Do", FRIDAY, boss.uid, None, by=hospital.officer, at=TUESDAY)
    with pytest.raises(NotFound):
        service.take(reference, by=boss.actor, at=TUESDAY)


def test_whoever_becomes_the_manager_of_somebody_named_lets_go_too(hospital):
    reference, report = make_case(hospital.officer), make_staff(Role.CLINICIAN, "Rory Report")
    service.take(reference, by=hospital.second_officer, at=MONDAY)
    service.name_subject(reference, report.uid, by=hospital.officer, at=MONDAY)
    assert case_of(reference).handler_id == hospital.second_officer.staff_id

    def recuse(staff_id: int) -> int:
        return service.recuse_manager(staff_id, by=hospital.administrator, at=TUESDAY)

    reach = Reach(Scope.TEAMS, hospital.second_officer.uid)
    assert accounts.set_reach(report.uid, reach, recuse=recuse, by=hospital.administrator, at=TUESDAY) == 1
    assert case_of(reference).handler_id is None
    assert Act.CASE_RECUSED in acts(reference)


def test_the_ladder_goes_to_the_next_manager_up(hospital):
    top = make_staff(Role.MANAGER, "Tara Top")
    middle = make_staff(Role.MANAGER, "Mina Middle", manager=top.uid)
    handler = make_staff(Role.OFFICER, "Hugo Handler", manager=middle.uid)
    clinician = make_staff(Role.CLINICIAN, "Rory Report", manager=middle.uid)
    reference = make_case(hospital.officer)
    case_id = case_of(reference).id
    assert [row.name for row in queries.escalation_chain(case_id, handler.id)] == ["Mina Middle", "Tara Top"]
    service.name_subject(reference, clinician.uid, by=hospital.officer, at=MONDAY)
    assert [row.name for row in queries.escalation_chain(case_id, handler.id)] == ["Tara Top"]


def test_no_escalation_reaches_the_manager_of_somebody_named(hospital, report):
    reference = make_case(hospital.officer)
    accounts.set_reach(report.uid, Reach(Scope.TEAMS, hospital.manager.uid), by=FACTORY, at=MONDAY)
    other = make_staff(Role.MANAGER, "Mina Middle")
    service.name_subject(reference, report.uid, by=hospital.officer, at=MONDAY)
    while fire_batch(at=MONDAY + timedelta(days=10)).done:
        pass
    told = set(db.session.scalars(select(OutboxMessage.staff_uid).where(OutboxMessage.kind == "escalation")))
    assert hospital.manager.uid not in told
    assert other.uid in told


def test_a_signatory_is_barred_for_being_named_and_not_for_less(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.AWAITING_SIGNOFF, hospital)
    other = make_staff(Role.CLINICIAN, "Carla Colleague", manager=make_staff(Role.MANAGER, "Mina Middle", manager=hospital.manager.uid).uid)
    service.name_subject(reference, other.uid, by=hospital.officer, at=TUESDAY)
    service.sign_and_send(reference, ContactMethod.LETTER, seen=version_of(reference), by=hospital.manager, at=TUESDAY)
    assert case_of(reference).status is Status.RESPONSE_SENT
