"""Who has the work: assignment with leave and hand-over, tasks, leavers, and people named in a concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, make_staff, make_team, version_of
from tests.facts import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import service as accounts
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Assignment, Case, CaseSubject, Task
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Action, Status, TaskKind
from ticketing.codes import service as codes
from ticketing.codes.rules import ContactMethod
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Permission, Role, machine
from ticketing.firings import service as firings
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import DEFAULT_RULES, Conditions, FiringState


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def handler_of(reference: str) -> int | None:
    return db.session.scalars(select(Case.handler_id).where(Case.reference == reference)).one()


def assign(reference: str, hospital: Hospital, staff_uid: str | None, team: str | None = None, note: str = "", **more) -> None:
    service.assign(reference, staff_uid, team, note, seen=version_of(reference), by=hospital.manager, at=WEDNESDAY, **more)


def away(hospital: Hospital, staff, deputy_uid: str | None) -> None:
    accounts.set_leave(staff.uid, TUESDAY.date(), FRIDAY.date(), deputy_uid, by=hospital.administrator, at=MONDAY)


# --- assignment ---


def test_a_case_goes_to_a_person_to_a_team_and_back(hospital):
    reference = make_case(hospital.officer)
    make_team("WEST")
    assign(reference, hospital, hospital.officer.uid)
    assert handler_of(reference) == hospital.officer.staff_id
    with pytest.raises(Invalid, match="hand-over note") as refused:
        assign(reference, hospital, hospital.second_officer.uid, note="   ")
    assert refused.value.field == "note"
    assign(reference, hospital, hospital.second_officer.uid, note="She wants a call on Friday.")
    assign(reference, hospital, None, "WEST", note="Theirs")
    case = queries.get_case(reference, hospital.manager, at=WEDNESDAY)
    assert (case.handler, case.team) == ("", "Team West")
    assert [(row.staff, row.note) for row in case.assignments[:2]] == [("", "Theirs"), ("Tom Reed", "She wants a call on Friday.")]


@pytest.mark.parametrize(("staff", "team", "field"), [(None, None, "staff"), ("0" * 32, None, "staff"), ("\x00", None, "staff"),
                                                      (None, "NOWHERE", "team"), ("clinician", None, "staff"), ("auditor", None, "staff")])
def test_who_cannot_have_a_case_is_refused_by_name(staff, team, field, hospital):
    uid = getattr(hospital, staff).uid if staff in ("clinician", "auditor") else staff
    with pytest.raises(Invalid) as refused:
        assign(make_case(hospital.officer), hospital, uid, team)
    assert refused.value.field == field


def test_somebody_on_leave_is_named_with_their_deputy_unless_it_can_wait(hospital):
    reference = make_case(hospital.officer)
    away(hospital, hospital.second_officer, hospital.officer.uid)
    with pytest.raises(Conflict, match=r"Tom Reed is away until 06 Mar 2026\. Hana Novak stands in"):
        assign(reference, hospital, hospital.second_officer.uid)
    assign(reference, hospital, hospital.second_officer.uid, accept_absence=True)
    assert handler_of(reference) == hospital.second_officer.staff_id


def test_a_leaver_cannot_be_given_a_case(hospital):
    leaver = make_staff(Role.OFFICER, "Gone Soon")
    accounts.deactivate(leaver.uid, by=hospital.administrator, at=MONDAY)
    with pytest.raises(Invalid):
        assign(make_case(hospital.officer), hospital, leaver.uid)


def test_another_team_has_its_own_ladder(hospital):
    reference = make_case(hospital.officer, team_code=None)
    usual = next(iter(DEFAULT_RULES.values()))
    code = firings.create_rule(
        replace(usual, name="Only in the west", conditions=Conditions(team_ids=(make_team("WEST"),))), by=hospital.manager, at=MONDAY)
    planned = select(Firing.id).join(RuleVersion, RuleVersion.id == Firing.rule_version_id).join(RuleVersion.rule).where(
        EscalationRule.code == code, Firing.state == FiringState.PLANNED)
    assert db.session.scalars(planned).all() == []
    assign(reference, hospital, None, "WEST")
    assert db.session.scalars(planned).all()


def test_nobody_named_gets_the_case_whichever_way(hospital):
    reference, tom = make_case(hospital.officer, takes_it=True), hospital.second_officer
    service.name_subject(reference, tom.uid, by=hospital.officer, at=MONDAY)
    with pytest.raises(Conflict, match="named in this concern"):
        assign(reference, hospital, tom.uid, note="Yours")
    with pytest.raises(Conflict, match="named in this concern"):
        service.add_task(reference, TaskKind.TASK, "Ring", FRIDAY, tom.uid, None, by=hospital.officer, at=MONDAY)
    with pytest.raises(NotFound):
        service.take(reference, by=tom, at=MONDAY)
    with pytest.raises(Conflict, match="already named"):
        service.name_subject(reference, tom.uid, by=hospital.officer, at=MONDAY)
    with pytest.raises(Conflict, match="Somebody else must record"):
        service.name_subject(reference, hospital.officer.uid, by=hospital.officer, at=MONDAY)


def test_a_handler_who_turns_out_to_be_named_loses_the_case_and_its_tasks(hospital):
    tom, reference = hospital.second_officer, make_case(hospital.second_officer, takes_it=True)
    service.add_task(reference, TaskKind.TASK, "Ring", FRIDAY, tom.uid, None, by=tom, at=MONDAY)
    service.name_subject(reference, tom.uid, by=hospital.officer, at=TUESDAY)
    assert handler_of(reference) is None
    assert queries.tasks_of(tom, at=TUESDAY) == ()
    assert [row.title for row in queries.tasks_of(hospital.officer, at=TUESDAY)] == ["Ring"]
    case = queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert (case.assignments[0].staff, case.subjects) == ("", ("Tom Reed",))


def test_who_records_a_concern_about_themselves_does_not_get_it(hospital):
    reference = make_case(hospital.officer, takes_it=True, subject_uids=(hospital.officer.uid, hospital.officer.uid))
    assert handler_of(reference) is None
    assert len(db.session.scalars(select(CaseSubject)).all()) == 1


def test_whoever_signs_wrote_no_version_of_the_response(hospital):
    reference, other = make_case(hospital.officer), make_staff(Role.MANAGER, "Lena Fox").actor
    drive(reference, Status.RESPONSE_DRAFTING, hospital)
    service.draft_response(reference, "I am sorry.", seen=version_of(reference), by=hospital.manager, at=TUESDAY)
    service.draft_response(reference, "I am very sorry.", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.apply_transition(reference, Action.SUBMIT_FOR_REVIEW, seen=None, by=hospital.officer, at=TUESDAY)
    service.apply_transition(reference, Action.PASS_REVIEW, seen=None, by=hospital.second_officer, at=TUESDAY)
    with pytest.raises(Conflict, match="other than the drafter"):
        service.sign_and_send(reference, ContactMethod.LETTER, seen=version_of(reference), by=hospital.manager, at=WEDNESDAY)
    service.sign_and_send(reference, ContactMethod.LETTER, seen=version_of(reference), by=other, at=WEDNESDAY)


# --- leavers ---


def test_a_leavers_cases_and_tasks_go_to_the_heir_but_not_where_the_heir_is_named(hospital):
    leaver = make_staff(Role.OFFICER, "Gone Soon", team_codes=["CENTRAL"])
    plain, named, ended = (make_case(leaver.actor, takes_it=True) for _ in range(3))
    elsewhere = make_case(hospital.officer, takes_it=True)
    for reference in (plain, named, elsewhere):
        service.add_task(reference, TaskKind.TASK, f"Ring {reference}", FRIDAY, leaver.uid, None, by=hospital.officer, at=MONDAY)
    service.name_subject(named, hospital.second_officer.uid, by=hospital.officer, at=MONDAY)
    service.apply_transition(ended, Action.SETTLE, "Settled", seen=None, by=hospital.officer, at=MONDAY)
    count = accounts.deactivate(
        leaver.uid, hand_over=lambda staff_id: service.hand_over_all(
            staff_id, hospital.second_officer.uid, "Left", by=hospital.administrator, at=TUESDAY), by=hospital.administrator, at=TUESDAY)
    assert count == 2
    assert handler_of(plain) == hospital.second_officer.staff_id
    assert handler_of(named) is None
    assert handler_of(ended) == leaver.id
    tasks = {row.title: (row.assignee_id, row.team_id) for row in db.session.scalars(select(Task))}
    team = db.session.scalars(select(Case.team_id).where(Case.reference == named)).one()
    assert tasks == {f"Ring {plain}": (hospital.second_officer.staff_id, None), f"Ring {named}": (None, team),
                     f"Ring {elsewhere}": (hospital.second_officer.staff_id, None)}
    assert db.session.scalars(select(Assignment.note).order_by(Assignment.id.desc()).limit(1)).one() == "Left"
    assert not audit.verify(case_stream(named)).faults


@pytest.mark.parametrize("heir", ["clinician", "auditor", "leaver"])
def test_an_heir_must_be_able_to_handle_cases_and_be_somebody_else(heir, hospital):
    uid = hospital.officer.uid if heir == "leaver" else getattr(hospital, heir).uid
    make_case(hospital.officer, takes_it=True)
    with pytest.raises(Invalid):
        service.hand_over_all(hospital.officer.staff_id or 0, uid, "Left", by=hospital.manager, at=TUESDAY)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.AUDITOR])
def test_only_those_who_assign_or_manage_staff_hand_over(role, hospital):
    with pytest.raises(Forbidden):
        service.hand_over_all(hospital.officer.staff_id or 0, None, "Left", by=hospital.actor(role), at=TUESDAY)


# --- tasks ---


def task(hospital: Hospital, reference: str, **to) -> str:
    return service.add_task(
        reference, TaskKind.CALL_BACK, "Ring back", WEDNESDAY, to.get("staff"), to.get("team"), by=hospital.officer, at=MONDAY)


def titles(actor, at=TUESDAY) -> list[str]:
    return [row.uid for row in queries.tasks_of(actor, at=at)]


def test_a_task_is_on_the_desk_of_its_person_or_of_everybody_in_its_team(hospital):
    reference = make_case(hospital.officer)
    outsider = make_staff(Role.OFFICER, "Gil Ames").actor
    own, team = task(hospital, reference, staff=outsider.uid), task(hospital, reference, team="CENTRAL")
    assert titles(outsider) == [own]
    assert titles(hospital.officer) == titles(hospital.manager) == [team]
    assert titles(hospital.clinician) == titles(hospital.auditor) == []
    row = queries.tasks_of(outsider, at=THURSDAY)[0]
    assert (row.is_late, row.complainant, row.phone) == (True, "Amina Khan", "07700 900123")


def test_a_task_of_somebody_away_is_on_their_deputys_desk_too(hospital):
    uid = task(hospital, make_case(hospital.officer), staff=hospital.second_officer.uid)
    away(hospital, hospital.second_officer, hospital.officer.uid)
    assert [(row.uid, row.for_whom) for row in queries.tasks_of(hospital.officer, at=WEDNESDAY)] == [(uid, "Tom Reed")]
    assert titles(hospital.officer, at=MONDAY) == []
    assert titles(hospital.second_officer, at=WEDNESDAY) == [uid]


def test_a_task_that_nobody_owns_is_on_the_desk_of_whoever_has_the_case(hospital):
    reference = make_case(hospital.officer, team_code=None)
    uid = service.add_task(reference, TaskKind.TASK, "Say why", WEDNESDAY, None, None, by=machine("escalation", Permission.WORK_CASES),
                           at=MONDAY)
    assert titles(hospital.second_officer) == []
    service.take(reference, by=hospital.second_officer, at=MONDAY)
    assert titles(hospital.second_officer) == [uid]


def test_a_task_is_finished_once_and_only_by_those_who_work_cases(hospital):
    reference = make_case(hospital.officer)
    uid = task(hospital, reference, team="CENTRAL")
    for actor in (hospital.clinician, hospital.auditor, hospital.administrator):
        with pytest.raises(Forbidden):
            service.finish_task(uid, "", by=actor, at=TUESDAY)
    service.finish_task(uid, "She was glad.", by=hospital.second_officer, at=TUESDAY)
    with pytest.raises(Conflict, match="already done"):
        service.finish_task(uid, "", by=hospital.officer, at=TUESDAY)
    shown = queries.get_case(reference, hospital.officer, at=TUESDAY).tasks[0]
    assert (shown.done_at, shown.outcome) == (TUESDAY, "She was glad.")
    assert titles(hospital.officer) == []


@pytest.mark.parametrize(("changes", "field"), [
    ({"title": "  "}, "title"), ({"due_at": MONDAY + timedelta(days=3000)}, "due_at"), ({"staff": "clinician"}, "assignee"),
    ({"staff": "auditor"}, "assignee"), ({"team": "NOWHERE"}, "team")])
def test_a_task_that_nobody_could_do_is_refused(changes, field, hospital):
    given = {"title": "Ring", "due_at": FRIDAY, "staff": None, "team": None, **changes}
    uid = getattr(hospital, given["staff"]).uid if given["staff"] else None
    with pytest.raises(Invalid) as refused:
        service.add_task(make_case(hospital.officer), TaskKind.TASK, given["title"], given["due_at"], uid, given["team"],
                         by=hospital.officer, at=MONDAY)
    assert refused.value.field == field


# --- statements ---


def test_a_statement_is_asked_of_those_who_can_answer(hospital):
    reference = make_case(hospital.officer)
    for actor in (hospital.auditor, hospital.administrator):
        with pytest.raises(Invalid, match="Choose a clinician"):
            service.ask_statement(reference, actor.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)
    uid = service.ask_statement(reference, hospital.clinician.uid, (2, 1, 2), "Why?", "", 15, by=hospital.officer, at=MONDAY)
    assert [position for position, _ in queries.question(uid, hospital.clinician, at=MONDAY).points] == [1, 2]
    with pytest.raises(NotFound, match="no point 9"):
        service.ask_statement(reference, hospital.clinician.uid, (9,), "Why?", "", 15, by=hospital.officer, at=MONDAY)


def test_a_statement_is_answered_once_and_withdrawn_only_while_it_is_out(hospital):
    reference = make_case(hospital.officer)
    ask = lambda: service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)  # noqa: E731
    given, taken_back = ask(), ask()
    service.give_statement(given, "So.", by=hospital.clinician, at=TUESDAY)
    service.withdraw_statement(taken_back, "Answered by another", by=hospital.officer, at=TUESDAY)
    for uid in (given, taken_back):
        with pytest.raises(Conflict, match="has ended"):
            service.give_statement(uid, "Again.", by=hospital.clinician, at=WEDNESDAY)
        with pytest.raises(Conflict, match="has ended"):
            service.withdraw_statement(uid, "No", by=hospital.officer, at=WEDNESDAY)
    assert queries.get_case(reference, hospital.officer, at=WEDNESDAY).open_statements == 0
    assert len(queries.worklist(hospital.officer, WorklistView.WAITING, Filters(), at=WEDNESDAY)) == 0


@pytest.mark.parametrize(("changes", "field"), [
    ({"unit_code": "NOWHERE"}, "unit"), ({"site_code": "NOWHERE"}, "site"), ({"team_code": "NOWHERE"}, "team"),
    ({"narrative": " \n"}, "narrative"), ({"complainant": None}, "complainant_name"), ({"subject_uids": ("\x00",)}, "subjects"),
    ({"team_received_at": MONDAY - timedelta(days=1)}, "team_received_at"), ({"site_code": "EAST"}, "unit")])
def test_a_concern_that_cannot_be_used_names_its_field(changes, field, hospital):
    codes.add_site("EAST", "East site", by=FACTORY, at=MONDAY)
    with pytest.raises(Invalid) as refused:
        service.receive(concern(**changes), by=hospital.officer, at=MONDAY)
    assert refused.value.field == field


@pytest.mark.parametrize("way", ["withdraw", "decline"])
def test_a_request_nobody_answers_is_excused_and_never_counts_as_met(hospital, way):
    reference = make_case(hospital.officer)
    ask = lambda: service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)  # noqa: E731
    end = {"withdraw": lambda uid, at: service.withdraw_statement(uid, "Found it", by=hospital.officer, at=at),
           "decline": lambda uid, at: service.decline_statement(uid, "Not mine", by=hospital.clinician, at=at)}[way]
    early, late = ask(), ask()
    end(early, TUESDAY)
    end(late, MONDAY + timedelta(days=40))
    at = MONDAY + timedelta(days=41)
    found = {timer.subject: timer for timer in queries.get_case(reference, hospital.officer, at=at).timers if timer.target == "statement"}
    assert (found[early].state.value, found[early].met_at) == ("not_applicable", None)
    assert (found[late].state.value, found[late].met_at) == ("breached", None)
    assert queries.get_case(reference, hospital.officer, at=at).open_statements == 0
    case = db.session.scalars(select(Case).where(Case.reference == reference)).one()
    assert case.next_target != "statement"
