"""Rules as versions, and the plan of real cases kept as their timers ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, TUESDAY
from tests.probes import assert_all_or_nothing, count_queries
from ticketing.audit import queries as trail
from ticketing.audit.rules import ADMIN_STREAM, Act
from ticketing.cases import service as cases
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Permission, machine
from ticketing.firings import queries, service
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import (
    DEFAULT_RULES,
    Actions,
    Cause,
    Conditions,
    FiringState,
    OffsetUnit,
    Reassign,
    Recipient,
    RuleDraft,
    Trigger,
    TriggerKind,
    describe,
)

KEEPER = machine("keeper", Permission.MANAGE_RULES)
HALF = DEFAULT_RULES["half-time"]


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def planned(code: str = "") -> list[Firing]:
    query = (sa.select(Firing).join(RuleVersion).join(EscalationRule).where(Firing.state == FiringState.PLANNED)
             .order_by(Firing.fire_at, Firing.id))
    return list(db.session.scalars(query.where(EscalationRule.code == code) if code else query))


def test_the_shipped_ladder_is_installed_once(app):
    assert service.install_default_rules(by=FACTORY, at=MONDAY) == len(DEFAULT_RULES)
    assert service.install_default_rules(by=FACTORY, at=TUESDAY) == 0
    assert {row.code: row.newest.draft for row in queries.rules()} == dict(DEFAULT_RULES)
    assert len([entry for entry in trail.timeline(ADMIN_STREAM) if entry.act == Act.RULE_CREATED]) == len(DEFAULT_RULES)


def test_installing_again_leaves_what_a_hospital_changed(hospital):
    service.change_rule("half-time", replace(HALF, trigger=Trigger(TriggerKind.PERCENT, 40)), seen=1, by=KEEPER, at=TUESDAY)
    service.switch_off("breach", by=KEEPER, at=TUESDAY)
    service.install_default_rules(by=FACTORY, at=FRIDAY)
    assert queries.rule("half-time").newest.draft.trigger.number == 40
    assert not queries.rule("breach").is_active


def test_a_hospital_that_never_had_rules_gets_the_ladder_with_its_first_plan(app):
    service.plan_many([], at=MONDAY)
    assert {row.code for row in queries.rules()} == set(DEFAULT_RULES)


def test_a_hospital_that_switched_every_rule_off_is_left_alone(hospital):
    for code in DEFAULT_RULES:
        service.switch_off(code, by=KEEPER, at=MONDAY)
    make_case(hospital.officer)
    assert planned() == []


@pytest.mark.parametrize("verb", [
    lambda: service.create_rule(replace(HALF, name="Mine"), by=FACTORY, at=MONDAY),
    lambda: service.change_rule("half-time", replace(HALF, name="Mine"), seen=1, by=FACTORY, at=MONDAY),
    lambda: service.switch_off("half-time", by=FACTORY, at=MONDAY),
    lambda: service.switch_on("half-time", by=FACTORY, at=MONDAY),
    lambda: service.try_again("x", by=FACTORY, at=MONDAY),
])
def test_only_those_who_manage_rules_change_them(hospital, verb):
    with pytest.raises(Forbidden):
        verb()


def test_verbs_on_rules_are_all_or_nothing(hospital):
    make_case(hospital.officer)
    assert_all_or_nothing(lambda: service.create_rule(replace(HALF, name="Mine"), by=KEEPER, at=MONDAY))
    assert_all_or_nothing(lambda: service.change_rule("mine", replace(HALF, name="Ours"), seen=1, by=KEEPER, at=MONDAY))
    assert_all_or_nothing(lambda: service.switch_off("half-time", by=KEEPER, at=MONDAY))
    assert_all_or_nothing(lambda: service.switch_on("half-time", by=KEEPER, at=MONDAY))


def test_a_version_never_changes_and_the_trail_says_who_made_the_next(hospital):
    before = queries.versions("half-time")[0]
    service.change_rule("half-time", replace(HALF, level=2), seen=1, by=KEEPER, at=FRIDAY)
    newest, old = queries.versions("half-time")
    assert (old.draft, old.effective_at, old.retired_at) == (before.draft, before.effective_at, FRIDAY)
    assert (newest.version, newest.draft.level) == (2, 2)
    assert trail.timeline(ADMIN_STREAM)[0].change["version"] == (1, 2)


def test_a_change_is_refused_when_it_is_stale_empty_unknown_or_takes_a_name(hospital):
    with pytest.raises(Conflict, match="Nothing was changed"):
        service.change_rule("half-time", HALF, seen=1, by=KEEPER, at=MONDAY)
    with pytest.raises(Conflict, match="Somebody changed"):
        service.change_rule("half-time", replace(HALF, level=2), seen=0, by=KEEPER, at=MONDAY)
    with pytest.raises(Conflict, match="Another rule has this name"):
        service.change_rule("half-time", replace(HALF, name="The target is breached"), seen=1, by=KEEPER, at=MONDAY)
    with pytest.raises(NotFound):
        service.change_rule("nonsense", HALF, seen=1, by=KEEPER, at=MONDAY)


@pytest.mark.parametrize(("name", "code"), [
    ("Ward calls first", "ward-calls-first"),
    ("Ärzte & Ämter", "arzte-amter"), ("new", "new-"), ("咨询", "rule-"), ("Half-time", "half-time-"),
])
def test_a_rule_gets_an_address_made_of_its_name(hospital, name, code):
    made = service.create_rule(replace(HALF, name=name), by=KEEPER, at=MONDAY)
    assert made == code or (code.endswith("-") and made.startswith(code) and len(made) == len(code) + 6)


def test_steps_planned_under_an_old_version_keep_it_until_their_timer_moves(hospital):
    make_case(hospital.officer)
    old = planned("half-time")[0]
    service.change_rule("half-time", replace(HALF, trigger=Trigger(TriggerKind.PERCENT, 60)), seen=1, by=KEEPER, at=MONDAY)
    assert planned("half-time")[0].id == old.id
    make_case(hospital.officer)
    assert {step.rule_version.version for step in planned("half-time")} == {1, 2}


def test_a_step_that_fired_under_an_old_version_does_not_fire_again_under_the_new(hospital):
    reference = make_case(hospital.officer)
    fire(planned("half-time")[0].id, at=MONDAY)
    service.change_rule("half-time", replace(HALF, level=2), seen=1, by=KEEPER, at=MONDAY)
    cases.triage(reference, _triage(), seen=version_of(reference), by=hospital.officer, at=MONDAY + timedelta(hours=1))
    assert [step for step in planned("half-time") if step.timer_key.startswith("acknowledge/")] == []


def _triage():
    from ticketing.cases.service import Triage
    from ticketing.codes.rules import CaseType, ConsentStatus, Severity

    return Triage(CaseType.COMPLAINT_FORMAL, Severity.MODERATE, ConsentStatus.RECEIVED, "england-nhs")


def fire(firing_id: int, *, at) -> None:
    service.finish([service.Outcome(firing_id, FiringState.FIRED, "Told 1 person.")], at=at)


def test_ending_a_case_supersedes_everything_planned(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    assert planned() == []
    assert {row.cause for row in db.session.scalars(sa.select(Firing))} == {Cause.STOPPED}


def test_reopening_plans_the_new_cycle(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    cases.reopen(reference, "A point was not answered", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    assert {step.cycle for step in planned()} <= {2}


def test_superseding_a_case_by_hand_leaves_the_others(hospital):
    make_case(hospital.officer)
    case_id = planned()[0].case_id
    make_case(hospital.officer)
    number = len(planned())
    assert service.supersede_for(case_id, at=MONDAY, why="It was merged.") == number / 2
    assert len(planned()) == number / 2


def test_importing_many_costs_no_query_a_case(hospital):
    def receive(number: int) -> int:
        with count_queries() as queries_sent:
            cases.receive_many([concern(source_key=f"{number}-{row}") for row in range(number)], by=hospital.officer, at=MONDAY)
        return len([text for text in queries_sent.sent if "firings" in text or "rule" in text])

    assert receive(2) == receive(40)


def test_an_import_of_old_cases_tells_nobody_of_what_has_passed(hospital):
    old = MONDAY - timedelta(days=40)
    cases.receive_many([concern(received_at=old, source_key="a", escalates_late=False)], by=hospital.officer, at=MONDAY)
    assert service.claim_due(at=MONDAY, limit=50) == ()
    cases.receive_many([concern(received_at=old, source_key="b")], by=hospital.officer, at=MONDAY)
    assert {row.rule_code for row in service.claim_due(at=MONDAY, limit=50) if row.target == "acknowledge"} == {"five-days-after"}


def test_claiming_hands_out_every_due_step_of_a_claimed_case_and_no_more_cases_than_asked(hospital):
    for _ in range(3):
        make_case(hospital.officer)
    rows = service.claim_due(at=MONDAY + timedelta(days=30), limit=1)
    assert len({row.case_id for row in rows}) == 1
    assert {row.rule_code for row in rows} >= {"half-time", "four-fifths", "day-before", "breach", "five-days-after"}
    assert list(rows) == sorted(rows, key=lambda row: (row.fire_at, row.id))


@pytest.mark.parametrize(("draft", "field"), [
    (replace(HALF, name=" "), "name"),
    (replace(HALF, level=0), "level"),
    (replace(HALF, trigger=Trigger(TriggerKind.PERCENT, 0)), "number"),
    (replace(HALF, trigger=Trigger(TriggerKind.AFTER_DUE, 5)), "unit"),
    (replace(HALF, trigger=Trigger(TriggerKind.EVENT)), "event"),
    (replace(HALF, trigger=Trigger(TriggerKind.NO_ACTIVITY, 61)), "number"),
    (replace(HALF, actions=Actions()), "notify"),
    (replace(HALF, actions=Actions(priority=3)), "priority"),
    (replace(HALF, actions=Actions(asks_reason=True)), "asks_reason"),
    (replace(HALF, actions=Actions(notify=(Recipient.STATEMENT_AUTHOR,))), "notify"),
])
def test_a_rule_that_cannot_be_used_is_refused_naming_the_field(app, draft, field):
    with pytest.raises(Invalid) as caught:
        service.create_rule(draft, by=KEEPER, at=MONDAY)
    assert caught.value.field == field


@pytest.mark.parametrize("read", [
    lambda: Trigger.from_json({"kind": "nonsense"}), lambda: Trigger.from_json({"kind": "percent", "number": "80"}),
    lambda: Trigger.from_json({"kind": "percent", "number": True}), lambda: Conditions.from_json({"targets": "acknowledge"}),
    lambda: Conditions.from_json({"targets": ["nonsense"]}), lambda: Actions.from_json({"notify": [3]}),
])
def test_stored_words_that_are_not_ours_are_refused(read):
    with pytest.raises(Invalid):
        read()


@pytest.mark.parametrize("draft", DEFAULT_RULES.values(), ids=DEFAULT_RULES)
def test_a_rule_comes_back_from_json_as_it_was(draft):
    draft.check()
    assert Trigger.from_json(draft.trigger.to_json()) == draft.trigger
    assert Conditions.from_json(draft.conditions.to_json()) == draft.conditions
    assert Actions.from_json(draft.actions.to_json()) == draft.actions


def test_a_rule_reads_as_a_sentence():
    from ticketing.codes.rules import CaseType, Severity
    from ticketing.packs.rules import EventKind, TargetCode

    narrow = Conditions((TargetCode.ACKNOWLEDGE,), (CaseType.COMPLAINT_FORMAL,), (Severity.HIGH, Severity.EXTREME), (1,), (2,), True)
    names = {"site:1": "Main site", "team:2": "Central", "staff:u": "Ruth Okafor"}
    told = Actions((Recipient.HANDLER, Recipient.TEAM_LEADS), ("u",), Reassign.TEAM_LEAD, 2, "Ring them", False)
    rule = RuleDraft("x", 1, Trigger(TriggerKind.PERCENT, 80), narrow, told)
    assert describe(rule, names) == (
        "When 80 % of the time to acknowledge is used on a case of the kind “Formal complaint” of high or extreme severity at Main site "
        "in Central where danger is flagged, tell the handler, the team lead and Ruth Okafor, give the case to the team lead, "
        "make it urgent and add the task “Ring them”.")
    day = replace(rule, trigger=Trigger(TriggerKind.BEFORE_DUE, 1, OffsetUnit.WORKING_HOURS), conditions=Conditions())
    assert describe(day, names).startswith("One working hour before any target is due, tell")
    event = replace(day, trigger=Trigger(TriggerKind.EVENT, event=EventKind.REOPENED))
    assert describe(event, names).startswith("When a case is reopened, tell")
    silent = replace(day, trigger=Trigger(TriggerKind.NO_ACTIVITY, 12))
    assert describe(silent, names).startswith("When nothing has happened on a case for 12 working days, tell")
