"""The budget of a clock is spent on working time that is not held, and on nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketing.calendars.rules import DEFAULT_HOURS, WorkingCalendar
from ticketing.core.errors import Invalid
from ticketing.sla.rules import run_clock

LONDON = WorkingCalendar("Europe/London", DEFAULT_HOURS, [])
NIGHTS = WorkingCalendar("America/New_York", {"fri": [("20:00", "24:00")], "sat": [("00:00", "06:00")], "sun": [("00:00", "03:00")]}, [])
MONDAY = datetime(2026, 3, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@st.composite
def histories(draw):
    """A start and up to eight later words in order, over five weeks with a change of the clocks in them."""
    steps = draw(st.lists(st.integers(0, 6000), max_size=8))
    words = draw(st.lists(st.sampled_from(["pause", "resume", "stop"]), min_size=len(steps), max_size=len(steps)))
    moment, events = MONDAY, [(MONDAY, "start")]
    for step, word in zip(steps, words, strict=True):
        moment += timedelta(minutes=step)
        events.append((moment, word))
    return events


def worked(calendar, events, until):
    """Working time before `until` in which the clock ran, read the slow way: from one event to the next."""
    total, is_running = timedelta(), False
    for (moment, word), (after, _) in zip(events, [*events[1:], (until, "")], strict=True):
        is_running = word in ("start", "resume")
        if is_running:
            total += calendar.between(moment, max(moment, min(after, until)))
    return total


def last_halt(events):
    """When the clock last stood still after running; past a stop the promise is read on as if it ran."""
    halts = [moment for (_, before), (moment, word) in pairwise(events)
             if word in ("pause", "stop") and before in ("start", "resume")]
    return halts[-1] if halts else events[0][0]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([LONDON, NIGHTS]), histories(), st.integers(1, 6000))
def test_the_budget_used_is_the_working_time_not_held(calendar, events, minutes):
    budget = timedelta(minutes=minutes)
    clock = run_clock(calendar, budget=budget, events=events)
    assert clock.elapsed <= worked(calendar, events, events[-1][0])
    if clock.due_at is None:
        assert events[-1][1] in ("pause", "stop")
        assert worked(calendar, events, events[-1][0]) < budget
    elif clock.due_at <= last_halt(events):
        assert worked(calendar, events, clock.due_at) == budget


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([LONDON, NIGHTS]), histories(), st.integers(1, 6000))
def test_a_due_moment_lies_in_working_time_or_at_its_end(calendar, events, minutes):
    due_at = run_clock(calendar, budget=timedelta(minutes=minutes), events=events).due_at
    if due_at is not None:
        assert calendar.between(due_at - timedelta(microseconds=1), due_at) == timedelta(microseconds=1)


def test_a_pause_of_three_hours_moves_the_due_moment_by_three_working_hours():
    events = [(MONDAY, "start"), (MONDAY + HOUR, "pause"), (MONDAY + 4 * HOUR, "resume")]
    assert run_clock(LONDON, budget=2 * HOUR, events=events).due_at == MONDAY + 5 * HOUR


def test_a_stop_leaves_the_promise_where_it_was():
    clock = run_clock(LONDON, budget=4 * HOUR, events=[(MONDAY, "start"), (MONDAY + HOUR, "stop")])
    assert (clock.due_at, clock.elapsed) == (MONDAY + 4 * HOUR, HOUR)


def test_a_reopening_goes_on_and_the_time_between_is_not_counted():
    events = [(MONDAY, "start"), (MONDAY + HOUR, "stop"), (MONDAY + 3 * HOUR, "resume"), (MONDAY + 4 * HOUR, "stop")]
    clock = run_clock(LONDON, budget=4 * HOUR, events=events)
    assert (clock.due_at, clock.elapsed) == (MONDAY + 6 * HOUR, 2 * HOUR)


def test_a_budget_spent_exactly_at_the_pause_is_due_there():
    assert run_clock(LONDON, budget=HOUR, events=[(MONDAY, "start"), (MONDAY + HOUR, "pause")]).due_at == MONDAY + HOUR


def test_a_clock_held_before_its_budget_is_spent_has_no_due_moment():
    assert run_clock(LONDON, budget=HOUR, events=[(MONDAY, "start"), (MONDAY, "pause")]).due_at is None
    assert run_clock(LONDON, budget=HOUR, events=[]).due_at is None


def test_a_clock_on_a_calendar_that_never_opens_has_no_due_moment():
    clock = run_clock(WorkingCalendar("Etc/UTC", {}, []), budget=HOUR, events=[(MONDAY, "start")])
    assert (clock.due_at, clock.elapsed) == (None, timedelta())


@pytest.mark.parametrize(("budget", "events", "words"), [
    (-HOUR, [(MONDAY, "start")], "negative"),
    (HOUR, [(MONDAY, "begin")], "not an event of a clock"),
    (HOUR, [(MONDAY, "pause")], "begins with a start"),
    (HOUR, [(MONDAY.replace(tzinfo=None), "start")], "time zone"),
])
def test_a_clock_that_cannot_be_is_refused_with_a_sentence(budget, events, words):
    with pytest.raises(Invalid, match=words):
        run_clock(LONDON, budget=budget, events=events)
