"""Replaying a case: small histories made by hand, with the numbers worked out on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ticketing.calendars.rules import named_calendar
from ticketing.core.permissions import ActorKind
from ticketing.escalation.rules.comparing import (
    Side,
    add,
    changes_of,
    compare_histories,
    figures_of,
    heat_level,
    months_between,
    weekdays_in,
)
from ticketing.escalation.rules.drafting import TargetChange, with_changes
from ticketing.escalation.rules.simulating import Given, History, Pinned, Policy, Recorded, RuleInForce, replay, touches
from ticketing.firings.rules import Actions, Conditions, OffsetUnit, Recipient, Trigger, TriggerKind, VersionFacts
from ticketing.packs.rules import EventKind, Pack, TargetCode, Unit, load
from ticketing.sla.rules import State

ZONE = "Europe/London"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)          # in winter: London is at UTC
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=number) for number in (1, 2, 3))
FRIDAY = MONDAY + timedelta(days=4)
PACK = load("england-nhs")                            # three working days to acknowledge: by the end of Thursday
DUE = datetime(2026, 3, 6, tzinfo=UTC)
LATER = datetime(2026, 3, 20, tzinfo=UTC)
ACKNOWLEDGE = Conditions(targets=(TargetCode.ACKNOWLEDGE,))


def rule(number: int, trigger: Trigger, *, level: int = 1, conditions: Conditions = ACKNOWLEDGE, **dates: Any) -> RuleInForce:
    return RuleInForce(VersionFacts(number, number, level, trigger, conditions), f"rule-{number}", f"Rule {number}",
                       Actions(notify=(Recipient.HANDLER,)), **dates)


HALF = rule(1, Trigger(TriggerKind.PERCENT, 50))
BREACH = rule(2, Trigger(TriggerKind.BREACH), level=4)
DAY_BEFORE = rule(3, Trigger(TriggerKind.BEFORE_DUE, 1, OffsetUnit.WORKING_DAYS), level=3)


def policy(*rules: RuleInForce, pack: Pack = PACK) -> Policy:
    return Policy({(pack.code, pack.version): pack}, {("england_wales", "", ZONE): named_calendar("england_wales", ZONE)}, rules)


def happened(kind: EventKind, at: datetime, *, cycle: int = 1, recorded_at: datetime | None = None, is_void: bool = False,
             **data: Any) -> Recorded:
    actor_kind = ActorKind(data.pop("actor_kind", "officer"))
    return Recorded(cycle, kind, data.pop("subject", ""), actor_kind, at, recorded_at or at, data, is_void)


def history(*events: Recorded, cycles: int = 1, **changes: Any) -> History:
    pins = tuple(Pinned(cycle, PACK.code, PACK.version, "england_wales", "", ZONE, "complaint_formal", False, True)
                 for cycle in range(1, cycles + 1))
    plain = History(1, 1, PACK.code, "england_wales", ZONE, "complaint_formal", None, False, False, pins, events)
    return replace(plain, **changes)


RECEIVED = happened(EventKind.RECEIVED, MONDAY)


def outcome(found: Any, target: str = "acknowledge", cycle: int = 1) -> Any:
    [item] = [item for item in found.outcomes if (item.target, item.cycle) == (target, cycle)]
    return item


def fired(found: Any, target: str = "acknowledge") -> list[tuple[int, datetime]]:
    return [(step.version_id, step.fired_at) for step in found.fired if step.target == target]


def test_an_acknowledgement_on_the_second_day_is_met_and_only_half_time_was_told():
    # Mon 09:00 to Thu 24:00 is four working days of eight hours less nothing: half of 32 hours is Wed 09:00, the moment after Tue 17:00
    found = replay(history(RECEIVED, happened(EventKind.ACKNOWLEDGED, WEDNESDAY + timedelta(hours=2))), policy(HALF, BREACH), until=LATER)
    assert (outcome(found).state, outcome(found).due_at) == (State.MET, DUE)
    assert fired(found) == [(1, datetime(2026, 3, 4, 9, tzinfo=UTC))]


def test_acknowledged_before_half_time_nobody_is_told():
    found = replay(history(RECEIVED, happened(EventKind.ACKNOWLEDGED, TUESDAY)), policy(HALF, DAY_BEFORE, BREACH), until=LATER)
    assert fired(found) == []
    assert not found.planned


def test_nothing_done_every_step_fires_at_its_moment_and_the_target_is_missed():
    found = replay(history(RECEIVED), policy(HALF, DAY_BEFORE, BREACH), until=LATER)
    assert (outcome(found).state, outcome(found).breached_at) == (State.BREACHED, DUE)
    assert fired(found) == [(3, WEDNESDAY), (2, DUE)]  # half the time is the same moment, and gives way


def test_of_two_steps_at_one_moment_the_lower_gives_way():
    # half the time and one working day before Thursday are both Wednesday at nine
    found = replay(history(RECEIVED), policy(HALF, DAY_BEFORE), until=LATER)
    assert fired(found) == [(3, WEDNESDAY)]


def test_one_day_less_turns_met_into_missed():
    two_days = with_changes(PACK, (TargetChange("england-nhs", TargetCode.ACKNOWLEDGE, 2, Unit.WORKING_DAYS),))
    case = history(RECEIVED, happened(EventKind.ACKNOWLEDGED, THURSDAY))
    before, after = replay(case, policy(BREACH), until=LATER), replay(case, policy(BREACH, pack=two_days), until=LATER)
    assert (outcome(before).state, outcome(after).state) == (State.MET, State.BREACHED)
    assert outcome(after).due_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert fired(after) == [(2, datetime(2026, 3, 5, tzinfo=UTC))]
    [change] = changes_of(1, before, after)
    assert (change.target, change.before, change.after, change.met_at) == ("acknowledge", Side.MET, Side.MISSED, THURSDAY)


def test_one_day_more_turns_missed_into_met():
    five_days = with_changes(PACK, (TargetChange("england-nhs", TargetCode.ACKNOWLEDGE, 5, Unit.WORKING_DAYS),))
    case = history(RECEIVED, happened(EventKind.ACKNOWLEDGED, FRIDAY))
    [change] = changes_of(1, replay(case, policy(), until=LATER), replay(case, policy(pack=five_days), until=LATER))
    assert (change.before, change.after) == (Side.MISSED, Side.MET)


def test_a_concern_written_down_late_tells_once_and_late():
    # received Monday, written down on the Friday after it ran out: of the steps that passed the highest fires at once
    found = replay(history(happened(EventKind.RECEIVED, MONDAY, recorded_at=FRIDAY)), policy(HALF, DAY_BEFORE, BREACH), until=LATER)
    assert fired(found) == [(2, FRIDAY)]


def test_an_import_of_old_cases_tells_nobody():
    found = replay(history(happened(EventKind.RECEIVED, MONDAY, recorded_at=FRIDAY), is_quiet=True), policy(HALF, BREACH), until=LATER)
    assert fired(found) == []
    assert outcome(found).state is State.BREACHED


def test_a_corrected_receipt_moves_the_due_moment_and_the_steps():
    wrong = happened(EventKind.RECEIVED, MONDAY, is_void=True)
    right = happened(EventKind.RECEIVED, MONDAY + timedelta(days=1), recorded_at=TUESDAY + timedelta(hours=2))
    found = replay(history(wrong, right), policy(BREACH), until=LATER)
    assert outcome(found).due_at == datetime(2026, 3, 7, tzinfo=UTC)
    assert fired(found) == [(2, datetime(2026, 3, 7, tzinfo=UTC))]


def test_a_closed_case_falls_silent():
    ended = happened(EventKind.ENDED, TUESDAY, reason="withdrawn")
    found = replay(history(RECEIVED, ended), policy(HALF, BREACH), until=LATER)
    assert fired(found) == []
    assert not [item for item in found.outcomes if item.state is State.BREACHED]


def test_a_reopening_begins_a_cycle_and_leaves_the_first_as_it_was():
    events = (RECEIVED, happened(EventKind.ACKNOWLEDGED, TUESDAY), happened(EventKind.ANSWERED, WEDNESDAY),
              happened(EventKind.ENDED, WEDNESDAY, reason="closed"), happened(EventKind.REOPENED, FRIDAY, cycle=2))
    found = replay(history(*events, cycles=2), policy(HALF, BREACH), until=LATER)
    assert outcome(found).state is State.MET
    assert outcome(found).met_at == TUESDAY
    assert {step.cycle for step in found.fired} <= {2}


def test_a_hold_stops_a_target_that_may_be_held_and_its_steps():
    held, released = happened(EventKind.HELD, MONDAY + timedelta(hours=1), reason="awaiting_consent"), None
    target = replace(PACK.target("acknowledge"), holdable=frozenset({"awaiting_consent"}))
    pack = replace(PACK, targets=(target,))
    found = replay(history(RECEIVED, held), policy(HALF, BREACH, pack=pack), until=LATER)
    assert (outcome(found).state, fired(found), released) == (State.HELD, [], None)


def test_a_machine_s_letter_acknowledges_nothing():
    found = replay(history(RECEIVED, happened(EventKind.ACKNOWLEDGED, TUESDAY, actor_kind="machine")), policy(BREACH), until=LATER)
    assert outcome(found).state is State.BREACHED


def test_a_rule_fires_under_the_version_that_was_in_force():
    old = rule(1, Trigger(TriggerKind.PERCENT, 50), until=WEDNESDAY)
    later = VersionFacts(11, 1, 1, Trigger(TriggerKind.PERCENT, 75), ACKNOWLEDGE)
    new = replace(rule(1, Trigger(TriggerKind.PERCENT, 75), since=WEDNESDAY), version=later)
    early = replay(history(RECEIVED), policy(old, new), until=LATER)
    assert fired(early) == [(1, WEDNESDAY)]


def test_a_rule_for_one_team_follows_the_case_into_it():
    only = rule(1, Trigger(TriggerKind.BREACH), conditions=Conditions(targets=(TargetCode.ACKNOWLEDGE,), team_ids=(7,)))
    case = history(RECEIVED, given=(Given(MONDAY, None, 3), Given(TUESDAY, None, 7)))
    assert fired(replay(case, policy(only), until=LATER)) == [(1, DUE)]
    assert fired(replay(replace(case, given=(Given(MONDAY, None, 3),)), policy(only), until=LATER)) == []


def test_silence_is_counted_from_what_people_did():
    silent = rule(1, Trigger(TriggerKind.NO_ACTIVITY, 2), conditions=Conditions())
    case = history(RECEIVED, activity=(MONDAY, TUESDAY))
    found = replay(case, policy(silent), until=FRIDAY)
    assert [(step.timer_key, step.fired_at) for step in found.fired] == [("silence", THURSDAY)]


def test_the_sweep_comes_a_little_later_and_an_event_in_between_stops_the_step():
    lag = timedelta(seconds=20)
    just_in_time = happened(EventKind.ACKNOWLEDGED, WEDNESDAY + timedelta(seconds=10))
    assert fired(replay(history(RECEIVED, just_in_time), policy(HALF), until=LATER, lag=lag)) == []
    assert fired(replay(history(RECEIVED), policy(HALF), until=LATER, lag=lag)) == [(1, WEDNESDAY + lag)]


def test_sums_of_three_cases_by_hand():
    cases = [history(RECEIVED, happened(EventKind.ACKNOWLEDGED, THURSDAY), case_id=1),          # met; missed under two days
             history(RECEIVED, happened(EventKind.ACKNOWLEDGED, FRIDAY), case_id=2),            # missed; missed
             history(RECEIVED, happened(EventKind.ACKNOWLEDGED, TUESDAY), case_id=3)]           # met; met
    alone = replace(PACK, targets=(PACK.target("acknowledge"),))
    two_days = with_changes(alone, (TargetChange("england-nhs", TargetCode.ACKNOWLEDGE, 2, Unit.WORKING_DAYS),))
    found = compare_histories(cases, policy(BREACH, pack=alone), policy(BREACH, pack=two_days), until=LATER)
    assert found.sums["cases"] == 3
    assert found.sums["targets"]["england-nhs/acknowledge"] == {"met": [2, 1], "missed": [1, 2]}
    assert found.sums["missed"] == {"2026-03": [1, 2]}
    assert found.sums["sides"] == {"met/missed": 1}
    assert sorted((told.place, told.case_id, told.day) for told in found.told) == [
        (0, 2, date(2026, 3, 6)), (1, 1, date(2026, 3, 5)), (1, 2, date(2026, 3, 5))]
    assert found.last_case_id == 3


def test_sums_add_up_in_any_order():
    one, two = {"cases": 2, "missed": {"2026-03": [1, 2]}}, {"cases": 1, "missed": {"2026-03": [0, 1], "2026-04": [1, 0]}}
    wanted = {"cases": 3, "missed": {"2026-03": [1, 3], "2026-04": [1, 0]}}
    assert add(add({}, one), two) == wanted


def test_figures_count_days_and_messages_for_each_person():
    sums = {"cases": 5, "days": {"ab": {"2026-03-02": [7, 2], "2026-03-03": [1, 0]}},
            "sides": {"met/missed": 2, "missed/met": 1, "open/missed": 3},
            "targets": {"england-nhs/acknowledge": {"met": [4, 3], "missed": [1, 2]}}, "unheard": [0, 1]}
    found = figures_of(sums, date(2026, 3, 1), date(2026, 4, 30))
    assert (found.missed.before, found.missed.after, found.missed.more) == (1, 2, 1)
    assert (found.to_missed, found.to_met, found.other) == (2, 1, 3)
    [row] = found.people
    assert ((row.total.before, row.total.after), (row.busiest.before, row.busiest.after)) == ((8, 2), (7, 2))
    assert (row.bad_days.before, row.bad_days.after) == (1, 0)
    assert weekdays_in("2026-03") == 22
    assert [(cell.before, cell.after, cell.level) for cell in row.cells] == [(0.4, 0.1, 1), (0.0, 0.0, 0)]


def test_months_run_over_the_year():
    assert months_between(date(2025, 11, 30), date(2026, 2, 1)) == ("2025-11", "2025-12", "2026-01", "2026-02")


@pytest.mark.parametrize(("number", "level"), [(0, 0), (0.1, 1), (1, 1), (1.1, 2), (3, 2), (5, 3), (5.1, 4)])
def test_the_heat_of_a_day(number, level):
    assert heat_level(number) == level


@pytest.mark.parametrize(("kind", "target", "is_touched"), [
    (EventKind.ENDED, "acknowledge", True), (EventKind.ACKNOWLEDGED, "acknowledge", True), (EventKind.PERIOD_AGREED, "acknowledge", False),
    (EventKind.HELD, "acknowledge", False), (EventKind.PERIOD_AGREED, "respond", True)])
def test_only_what_an_event_can_touch_is_reckoned_again(kind, target, is_touched):
    assert touches(kind, PACK.target(target)) is is_touched

