"""When each step of the ladder falls: percent of working time, offsets over weekends and bank holidays, both clock changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ticketing.calendars.rules import named_calendar
from ticketing.codes.rules import CaseType, Severity
from ticketing.firings.rules import (
    DEFAULT_RULES,
    Cause,
    Conditions,
    CycleKind,
    FiringState,
    Flag,
    OffsetUnit,
    PlanFacts,
    Step,
    Stored,
    Trigger,
    TriggerKind,
    VersionFacts,
    compare,
    matches,
    moment_of,
    wanted,
)
from ticketing.firings.rules.planning import hours_before, stopped_notes
from ticketing.packs.rules import EventKind, load
from ticketing.sla.rules import Event, Reckoning, reckon, reckon_all

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
DAYS, HOURS = OffsetUnit.WORKING_DAYS, OffsetUnit.WORKING_HOURS
VERSIONS = tuple(
    VersionFacts(number, number, draft.level, draft.trigger, draft.conditions)
    for number, draft in enumerate(DEFAULT_RULES.values(), start=1))
NAMES = dict(enumerate(DEFAULT_RULES, start=1))


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


def facts_at(received: datetime, **changes: object) -> PlanFacts:
    return replace(PlanFacts(
        case_id=1, cycle=1, is_open=True, case_type="complaint_formal", severity=None, site_id=1, team_id=1, is_danger_now=False,
        calendar="england_wales", zone="Europe/London", last_activity_at=received), **changes)


def england(target: str, events: Sequence[Event], at: datetime) -> Reckoning:
    pack = load("england-nhs")
    return reckon(pack.target(target), events, named_calendar("england_wales"), at=at, zone="Europe/London")


def steps_of(received: datetime, events: Sequence[Event] = (), at: datetime | None = None, **changes: object) -> dict[str, datetime]:
    """The acknowledgement's steps by the code of their rule."""
    moment = at or received
    reckoned = england("acknowledge", [Event(EventKind.RECEIVED, received), *events], moment)
    return {NAMES[step.rule_id]: step.fire_at for step in wanted(facts_at(received, **changes), [reckoned], VERSIONS, at=moment)}


@pytest.mark.parametrize(("received", "half", "day_before", "breach", "after"), [
    # An ordinary week: received on Monday, due by the end of Thursday.
    ("2026-03-02T09:30", "2026-03-04T09:00", "2026-03-04T09:00", "2026-03-06T00:00", "2026-03-12T09:00"),
    # Over a weekend: received on Thursday, due by the end of Tuesday.
    ("2026-03-05T15:00", None, "2026-03-09T09:00", "2026-03-11T00:00", "2026-03-17T09:00"),
    # Over Christmas: Fri 25 and Mon 28 (Boxing Day, substitute) do not count; due by the end of Wed 30 December.
    ("2026-12-23T10:00", None, "2026-12-29T09:00", "2026-12-31T00:00", "2027-01-07T09:00"),
    # Over Easter: Good Friday and Easter Monday do not count; due by the end of Tuesday 7 April... of the third working day.
    ("2026-04-01T12:00", None, "2026-04-07T09:00", "2026-04-09T00:00", "2026-04-15T09:00"),
    # Over the night the clocks go forward (29 March 2026) and back (25 October 2026): wall times stay.
    ("2026-03-26T12:00", None, "2026-03-30T09:00", "2026-04-01T00:00", "2026-04-09T09:00"),
    ("2026-10-22T12:00", None, "2026-10-26T09:00", "2026-10-28T00:00", "2026-11-03T09:00"),
])
def test_steps_of_the_ladder_fall_in_working_time_at_the_site(
    received: str, half: str | None, day_before: str, breach: str, after: str,
) -> None:
    found = steps_of(london(received))
    assert found["day-before"] == london(day_before)
    assert found["breach"] == london(breach)
    assert found["five-days-after"] == london(after)
    assert sorted(found) == sorted(code for code in DEFAULT_RULES if not code.startswith("statement"))


def test_percent_is_of_working_time_and_warnings_come_while_people_are_there() -> None:
    received = london("2026-03-05T15:00")  # a Thursday: two hours of it, then Friday, Monday and Tuesday are working time
    calendar = named_calendar("england_wales")
    found = steps_of(received)
    whole = calendar.between(received, found["breach"])
    assert whole == timedelta(hours=26)
    assert calendar.between(received, found["half-time"]) == whole / 2
    assert calendar.between(received, found["four-fifths"]) == whole * 8 / 10
    assert all(calendar.is_open(moment) for code, moment in found.items() if code != "breach")


def test_a_warning_that_would_fall_on_a_sunday_before_a_sunday_deadline_comes_on_friday() -> None:
    pack, calendar = load("us-cms"), named_calendar("us_federal")
    received = datetime(2026, 3, 1, 12, tzinfo=NEW_YORK)  # a Sunday; seven days end on Sunday 8 March, when the clocks go forward
    target = next(item for item in pack.targets if item.code == "interim_notice")
    reckoned = reckon(target, [Event(EventKind.RECEIVED, received)], calendar, at=received, zone="America/New_York")
    assert reckoned.due_at == datetime(2026, 3, 9, tzinfo=NEW_YORK).astimezone(UTC)
    raw = moment_of(Trigger(TriggerKind.PERCENT, 80), reckoned, calendar)
    assert raw is not None
    assert raw.astimezone(NEW_YORK).strftime("%a") == "Sat"
    facts = facts_at(received, calendar="us_federal", zone="America/New_York", case_type="grievance_us")
    found = {NAMES[step.rule_id]: step.fire_at for step in wanted(facts, [reckoned], VERSIONS, at=received)}
    assert found["four-fifths"] == datetime(2026, 3, 6, 9, tzinfo=NEW_YORK).astimezone(UTC)
    danger = wanted(replace(facts, is_danger_now=True), [reckoned], VERSIONS, at=received)
    assert next(step.fire_at for step in danger if NAMES[step.rule_id] == "four-fifths") == raw


@pytest.mark.parametrize(("due", "hours", "moment"), [
    ("2026-03-09T11:00", 4, "2026-03-06T15:00"),      # Monday 11:00: two hours of Monday, two of Friday
    ("2026-03-09T11:00", 2, "2026-03-09T09:00"),
    ("2026-03-08T11:00", 8, "2026-03-06T09:00"),      # a Sunday
    ("2026-12-29T10:00", 3, "2026-12-24T15:00"),      # over Christmas Day, a weekend and the substitute for Boxing Day
    ("2026-03-30T10:00", 9, "2026-03-27T09:00"),      # over the night the clocks go forward
])
def test_working_hours_before_a_moment_are_counted_back_over_closed_time(due: str, hours: int, moment: str) -> None:
    calendar, end = named_calendar("england_wales"), london(due)
    found = hours_before(calendar, end, timedelta(hours=hours))
    assert found == london(moment)
    assert calendar.between(found, end) == timedelta(hours=hours)


def test_a_held_target_has_no_steps_and_a_release_plans_them_anew() -> None:
    asked = london("2026-03-02T10:00")
    events = [Event(EventKind.STATEMENT_ASKED, asked, subject="r1")]
    held = [*events, Event(EventKind.HELD, london("2026-03-04T10:00"), data={"reason": "legal"})]
    freed = [*held, Event(EventKind.RELEASED, london("2026-03-09T10:00"), data={"reason": "legal"})]
    plan = Plan(facts_at(asked))
    plan.run(statement(events, asked), at=asked)
    assert plan.planned()["statement-breach"] == london("2026-03-17T09:00")  # the hospital's own target waits for the office to open
    first = plan.planned()
    plan.run(statement(held, london("2026-03-04T10:00")), at=london("2026-03-04T10:00"))
    assert plan.planned() == {}
    assert {row.cause for row in plan.rows} == {Cause.STOPPED}
    assert set(plan.notes.values()) == {"The case is on hold."}
    plan.run(statement(freed, london("2026-03-09T10:00")), at=london("2026-03-09T10:00"))
    again = plan.planned()
    assert again.keys() == first.keys()
    assert all(again[code] > first[code] for code in first)
    assert sorted(row.occurrence for row in plan.rows) == [1, 1, 2, 2]


def test_a_hold_and_release_that_move_nothing_still_leave_the_steps_planned() -> None:
    asked = london("2026-03-02T10:00")
    held_at, freed_at = london("2026-03-04T10:00"), london("2026-03-04T11:00")
    events = [Event(EventKind.STATEMENT_ASKED, asked, subject="r1"), Event(EventKind.HELD, held_at, data={"reason": "legal"})]
    plan = Plan(facts_at(asked))
    plan.run(statement(events[:1], asked), at=asked)
    before = plan.planned()
    plan.run(statement(events, held_at), at=held_at)
    plan.run(statement([*events, Event(EventKind.RELEASED, freed_at, data={"reason": "legal"})], freed_at), at=freed_at)
    assert plan.planned().keys() == before.keys()


def test_planning_twice_changes_nothing() -> None:
    received = london("2026-03-02T09:30")
    plan = Plan(facts_at(received))
    reckoned = acknowledge(received, received)
    plan.run(reckoned, at=received)
    changes = plan.run(reckoned, at=received + timedelta(hours=1))
    assert (changes.inserts, changes.moves, changes.supersedes) == ([], [], [])


def test_a_step_that_is_due_but_not_yet_swept_stays_due_when_the_case_is_planned_again() -> None:
    received = london("2026-03-02T09:30")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, received), at=received)
    later = london("2026-03-06T08:00")
    changes = plan.run(acknowledge(received, later), at=later)
    assert (changes.inserts, changes.moves, changes.supersedes) == ([], [], [])


def test_meeting_a_target_supersedes_what_was_planned_and_leaves_what_fired() -> None:
    received, done = london("2026-03-02T09:30"), london("2026-03-04T12:00")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, received), at=received)
    plan.fire("half-time")
    plan.run([england("acknowledge", [Event(EventKind.RECEIVED, received), Event(EventKind.ACKNOWLEDGED, done)], done)], at=done)
    assert plan.states()["half-time"] == [FiringState.FIRED]
    assert plan.planned() == {}
    assert set(plan.notes.values()) == {"The target was met."}


def respond(due_on: str, at: datetime, received: datetime) -> list[Reckoning]:
    events = [Event(EventKind.RECEIVED, received), Event(EventKind.PERIOD_AGREED, received, data={"due_on": "2026-03-31"})]
    if due_on != "2026-03-31":
        events.append(Event(EventKind.EXTENDED, at, data={"due_on": due_on}))
    return [england("respond", events, at)]


def test_a_moved_date_moves_what_waits_and_gives_what_fired_another_occurrence() -> None:
    received, moved = london("2026-03-02T09:30"), london("2026-03-20T10:00")
    plan = Plan(facts_at(received))
    plan.run(respond("2026-03-31", received, received), at=received)
    first = plan.planned()
    plan.fire("half-time")
    plan.run(respond("2026-06-30", moved, received), at=moved)
    second = plan.planned()
    assert second["breach"] == london("2026-07-01T00:00")
    assert all(second[code] > first[code] for code in first)
    assert plan.states()["half-time"] == [FiringState.FIRED, FiringState.PLANNED]
    assert plan.states()["breach"] == [FiringState.PLANNED]


def test_a_step_that_fired_is_not_repeated_when_the_new_moment_has_passed_already() -> None:
    received, moved = london("2026-03-02T09:30"), london("2026-03-27T10:00")
    plan = Plan(facts_at(received))
    plan.run(respond("2026-03-31", received, received), at=received)
    plan.fire("half-time")
    plan.fire("four-fifths")
    plan.run(respond("2026-04-03", moved, received), at=moved)
    assert plan.states()["half-time"] == [FiringState.FIRED]
    assert plan.states()["four-fifths"] in ([FiringState.FIRED], [FiringState.FIRED, FiringState.PLANNED])


def test_late_entry_fires_only_the_highest_step_that_has_passed() -> None:
    received, recorded = london("2026-03-02T09:30"), london("2026-03-09T10:00")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, recorded), at=recorded)
    assert plan.planned() == {"breach": recorded, "five-days-after": london("2026-03-12T09:00")}
    assert {code for code, states in plan.states().items() if states == [FiringState.SUPERSEDED]} == {
        "half-time", "four-fifths", "day-before"}
    assert {row.cause for row in plan.rows if row.state is FiringState.SUPERSEDED} == {Cause.PAST}
    again = plan.run(acknowledge(received, recorded), at=recorded + timedelta(hours=1))
    assert (again.inserts, again.moves, again.supersedes) == ([], [], [])


def test_a_quiet_late_entry_fires_nothing_that_has_passed() -> None:
    received, recorded = london("2026-03-02T09:30"), london("2026-03-09T10:00")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, recorded), at=recorded, escalate_late=False)
    assert plan.planned() == {"five-days-after": london("2026-03-12T09:00")}


def test_reopening_ends_the_plan_of_the_cycle_before() -> None:
    received, back = london("2026-03-02T09:30"), london("2026-03-20T10:00")
    plan = Plan(facts_at(received))
    plan.run(respond("2026-03-31", received, received), at=received)
    events = [
        Event(EventKind.RECEIVED, received), Event(EventKind.PERIOD_AGREED, received, data={"due_on": "2026-03-31"}),
        Event(EventKind.ANSWERED, london("2026-03-19T10:00")), Event(EventKind.REOPENED, back, cycle=2),
        Event(EventKind.PERIOD_AGREED, back, cycle=2, data={"due_on": "2026-04-30"}),
    ]
    plan.facts = replace(plan.facts, cycle=2)
    reckoned = [item for item in reckon_all(load("england-nhs"), events, named_calendar("england_wales"), at=back, zone="Europe/London")
                if item.cycle == 2 and item.target == "respond"]
    plan.run(reckoned, at=back)
    assert {row.cycle for row in plan.rows if row.state is FiringState.PLANNED} == {2}
    assert "breach" in plan.planned()


def test_p19_a_merged_or_withdrawn_case_has_no_plan() -> None:
    received = london("2026-03-02T09:30")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, received), at=received)
    plan.facts = replace(plan.facts, is_open=False, is_silent=True)
    plan.run(acknowledge(received, received), at=received)
    assert plan.planned() == {}
    assert set(plan.notes.values()) == {"The case ended."}


def test_silence_moves_with_each_activity_and_comes_back_after_it_fired() -> None:
    received = london("2026-03-02T09:30")
    silence = VersionFacts(90, 90, 1, Trigger(TriggerKind.NO_ACTIVITY, 5), DEFAULT_RULES["breach"].conditions)
    plan = Plan(facts_at(received), (silence,))
    plan.run([], at=received)
    assert [row.fire_at for row in plan.rows] == [london("2026-03-09T09:30")]
    plan.facts = replace(plan.facts, last_activity_at=london("2026-03-06T10:00"))
    plan.run([], at=london("2026-03-06T10:00"))
    assert [row.fire_at for row in plan.rows] == [london("2026-03-13T10:00")]
    plan.rows = [replace(row, state=FiringState.FIRED) for row in plan.rows]
    plan.run([], at=london("2026-03-13T12:00"))
    assert len(plan.rows) == 1
    plan.facts = replace(plan.facts, last_activity_at=london("2026-03-16T10:00"))
    plan.run([], at=london("2026-03-16T10:00"))
    assert [row.fire_at for row in plan.rows] == [london("2026-03-13T10:00"), london("2026-03-23T10:00")]


def test_an_event_fires_each_time_it_happens_and_no_more() -> None:
    received = london("2026-03-02T09:30")
    event = VersionFacts(91, 91, 1, Trigger(TriggerKind.EVENT, event=EventKind.REOPENED), DEFAULT_RULES["breach"].conditions)
    plan = Plan(facts_at(received), (event,))
    plan.run([], at=received)
    assert plan.rows == []
    plan.facts = replace(plan.facts, happened=("reopened",))
    plan.run([], at=received)
    plan.facts = replace(plan.facts, happened=())
    plan.run([], at=received + timedelta(minutes=1))
    assert [(row.state, row.fire_at) for row in plan.rows] == [(FiringState.PLANNED, received)]
    plan.rows = [replace(row, state=FiringState.FIRED) for row in plan.rows]
    plan.facts = replace(plan.facts, happened=("reopened",))
    plan.run([], at=received + timedelta(days=1))
    assert len(plan.rows) == 2


@pytest.mark.parametrize("changes", [
    {"case_type": "concern_pals"}, {"severity": "low"}, {"site_id": 2}, {"team_id": None}, {"is_danger_now": False},
])
def test_each_condition_of_a_rule_keeps_other_cases_out(changes: dict[str, object]) -> None:
    conditions = Conditions((), (CaseType.COMPLAINT_FORMAL,), (Severity.HIGH,), (1,), (1,), only_danger=True)
    rule = VersionFacts(1, 1, 4, Trigger(TriggerKind.BREACH), conditions)
    received = london("2026-03-02T09:30")
    facts = facts_at(received, severity="high", is_danger_now=True)
    assert len(wanted(facts, acknowledge(received, received), [rule], at=received)) == 1
    assert wanted(replace(facts, **changes), acknowledge(received, received), [rule], at=received) == ()


def acknowledge(received: datetime, at: datetime) -> list[Reckoning]:
    return [england("acknowledge", [Event(EventKind.RECEIVED, received)], at)]


def statement(events: Sequence[Event], at: datetime) -> list[Reckoning]:
    pack = load("england-nhs")
    return [reckon(pack.target("statement"), events, named_calendar("england_wales"), at=at, zone="Europe/London", subject="r1")]


class Plan:
    """The table of firings in miniature: applies what `compare` says."""

    def __init__(self, facts: PlanFacts, versions: Sequence[VersionFacts] = VERSIONS) -> None:
        self.facts, self.versions = facts, versions
        self.rows: list[Stored] = []
        self.notes: dict[int, str] = {}

    def run(self, reckoned: Sequence[Reckoning], *, at: datetime, escalate_late: bool = True):  # type: ignore[no-untyped-def]
        steps = wanted(self.facts, reckoned, self.versions, at=at)
        changes = compare(self.facts, steps, self.rows, at=at, escalate_late=escalate_late, stopped=stopped_notes(reckoned))
        for move in changes.moves:
            self._change(move.id, fire_at=move.fire_at, due_at=move.due_at)
        for end in changes.supersedes:
            self._change(end.id, state=FiringState.SUPERSEDED, cause=end.cause)
            self.notes[end.id] = end.note
        for item in changes.inserts:
            self.rows.append(_stored(len(self.rows) + 1, self.facts.cycle, item.step, item.occurrence, item.fire_at, item.is_past))
        return changes

    def fire(self, code: str) -> None:
        row = next(row for row in self.rows if NAMES[row.rule_id] == code and row.state is FiringState.PLANNED)
        self._change(row.id, state=FiringState.FIRED)

    def planned(self) -> dict[str, datetime]:
        return {NAMES[row.rule_id]: row.fire_at for row in self.rows if row.state is FiringState.PLANNED}

    def states(self) -> dict[str, list[FiringState]]:
        found: dict[str, list[FiringState]] = {}
        for row in self.rows:
            found.setdefault(NAMES[row.rule_id], []).append(row.state)
        return found

    def _change(self, row_id: int, **changes: object) -> None:
        self.rows = [replace(row, **changes) if row.id == row_id else row for row in self.rows]


def _stored(number: int, cycle: int, step: Step, occurrence: int, fire_at: datetime, is_past: bool) -> Stored:
    return Stored(
        number, cycle, step.timer_key, step.version_id, step.rule_id, occurrence, fire_at, step.due_at,
        FiringState.SUPERSEDED if is_past else FiringState.PLANNED, Cause.PAST if is_past else Cause.NONE)


def test_what_closing_ended_escalates_no_more_and_what_it_did_not_end_goes_on() -> None:
    received, ended = london("2026-03-02T09:30"), london("2026-03-09T09:30")
    plan = Plan(facts_at(received))
    plan.run(acknowledge(received, received), at=received)
    plan.facts = replace(plan.facts, is_open=False, ended_at=london("2026-03-03T09:30"))
    plan.run(acknowledge(received, received), at=received)
    assert "breach" in plan.planned(), "a timer that still runs was not ended by the closing: a promise"
    plan.facts = replace(plan.facts, ended_at=ended)
    plan.run(acknowledge(received, ended), at=ended)
    assert plan.planned() == {}
    assert "The case ended." in set(plan.notes.values())


@pytest.mark.parametrize(("conditions", "facts", "is_met"), [
    (Conditions(packs=("england-nhs",)), {"pack": "england-nhs"}, True),
    (Conditions(packs=("us-cms",)), {"pack": "england-nhs"}, False),
    (Conditions(unit_ids=(3, 4)), {"unit_id": 4}, True),
    (Conditions(unit_ids=(3,)), {"unit_id": None}, False),
    (Conditions(flags=(Flag.SAFEGUARDING,)), {"flags": frozenset({"safeguarding"})}, True),
    (Conditions(flags=(Flag.SAFEGUARDING, Flag.INPATIENT)), {"flags": frozenset({"inpatient"})}, True),
    (Conditions(flags=(Flag.SAFEGUARDING,)), {"is_danger_now": True}, False),
    (Conditions(flags=(Flag.DANGER,)), {"is_danger_now": True}, True),
    (Conditions(cycle=CycleKind.REOPENED), {"cycle": 2}, True),
    (Conditions(cycle=CycleKind.REOPENED), {"cycle": 1}, False),
    (Conditions(cycle=CycleKind.FIRST), {"cycle": 1}, True),
])
def test_a_rule_holds_only_for_the_cases_it_names(conditions, facts, is_met) -> None:
    assert matches(conditions, facts_at(london("2026-03-02T09:30"), **facts)) is is_met


def test_a_rule_for_old_cases_looks_at_the_age_at_its_own_moment() -> None:
    received = london("2026-03-02T09:30")
    reckoned = england("acknowledge", [Event(EventKind.RECEIVED, received)], received)
    facts = facts_at(received, received_at=received)

    def codes(age: int) -> set[str]:
        old = [replace(version, conditions=replace(version.conditions, min_age=age)) for version in VERSIONS]
        return {NAMES[step.rule_id] for step in wanted(facts, [reckoned], old, at=received)}

    assert codes(0) == {"half-time", "four-fifths", "day-before", "breach", "five-days-after"}
    assert codes(4) == {"breach", "five-days-after"}  # missed on the 6th, four days after the 2nd
    assert codes(5) == {"five-days-after"}
    assert codes(60) == set()


def test_p16_only_the_miss_of_a_date_set_by_law_is_told_outside_working_time() -> None:
    received = london("2026-03-02T09:30")
    steps = steps_of(received)
    assert steps["breach"] == london("2026-03-06T00:00")
    calendar = named_calendar("england_wales")
    for code, moment in steps.items():
        assert code == "breach" or calendar.next_opening(moment) == moment, f"{code} would fire at {moment}"
