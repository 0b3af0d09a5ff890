"""The words in which people read due moments and time left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketing.calendars.rules import named_calendar
from ticketing.packs.rules import Unit, load
from ticketing.sla.rules import Reckoning, State, due_phrase, left_phrase, moment_phrase, waiting_phrase

LONDON = "Europe/London"
DUE = datetime(2026, 12, 31, tzinfo=UTC)
TARGET = load("england-nhs").target("acknowledge")


def test_a_day_unit_is_due_by_the_end_of_its_last_day_and_an_hour_unit_at_a_time():
    assert due_phrase(DUE, Unit.WORKING_DAYS, LONDON) == "by the end of Wed 30 Dec 2026"
    assert due_phrase(datetime(2026, 7, 1, 13, 30, tzinfo=UTC), Unit.HOURS, LONDON) == "by Wed 1 Jul 2026, 14:30"
    assert due_phrase(None, Unit.AGREED_DATE, LONDON) == "no date yet"
    assert moment_phrase(DUE, "America/New_York") == "Wed 30 Dec 2026, 19:00"


@pytest.mark.parametrize(("state", "more", "words"), [
    (State.RUNNING, {"left": 2}, "2 working days left"),
    (State.RUNNING, {"left": 1}, "1 working day left"),
    (State.RUNNING, {"left": 0}, "due today"),
    (State.BREACHED, {"left": -3}, "breached 3 working days ago"),
    (State.BREACHED, {"left": 0}, "breached at the end of Wed 30 Dec 2026"),
    (State.BREACHED, {"left": -1, "met_at": DUE}, "breached, met 1 working day after"),
    (State.MET, {"met_at": datetime(2026, 12, 29, 10, tzinfo=UTC)}, "met on Tue 29 Dec 2026"),
    (State.HELD, {"held_since": datetime(2027, 1, 4, 10, tzinfo=UTC)}, "held since Mon 4 Jan 2027"),
    (State.WAITING, {}, "no date yet"),
    (State.NOT_APPLICABLE, {}, "does not apply"),
])
def test_time_left_is_told_in_the_targets_own_unit(state, more, words):
    left = more.pop("left", None)
    assert left_phrase(Reckoning(TARGET, state, due_at=DUE, _usage=lambda: (None, left), **more), LONDON) == words


def test_hours_are_told_in_hours_and_minutes():
    from ticketing.sla.rules.phrases import amount_phrase

    assert amount_phrase(timedelta(hours=2, minutes=5), Unit.HOURS) == "2 hours 5 minutes"
    assert amount_phrase(timedelta(hours=1), Unit.WORKING_HOURS) == "1 hour of working time"
    assert amount_phrase(timedelta(seconds=20), Unit.HOURS) == "0 minutes"


@pytest.mark.parametrize(("target", "due", "at", "words"), [
    ("acknowledge", "2026-12-31T00:00+00:00", "2026-12-23T10:00+00:00", "3 working days left"),   # 24, 29 and 30 December
    ("acknowledge", "2026-12-31T00:00+00:00", "2026-12-30T23:59+00:00", "due today"),
    ("acknowledge", "2026-12-31T00:00+00:00", "2026-12-31T00:00+00:00", "breached 1 working day ago"),
    ("acknowledge", "2026-12-25T00:00+00:00", "2026-12-26T10:00+00:00", "breached just now"),             # no working day has passed since
    ("six_months", "2026-12-31T00:00+00:00", "2026-12-23T10:00+00:00", "7 days left"),
    ("respond", "2026-06-30T23:00+00:00", "2026-07-02T10:00+00:00", "breached 2 days ago"),                 # midnight in London's summer
])
def test_a_row_of_a_list_says_what_is_left_in_the_targets_own_unit(target, due, at, words):
    rule = load("england-nhs").target(target)
    calendar = named_calendar("england_wales", LONDON)
    said = waiting_phrase(datetime.fromisoformat(due), rule, calendar, LONDON, at=datetime.fromisoformat(at))
    assert said == words
