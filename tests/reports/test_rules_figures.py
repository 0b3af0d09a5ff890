"""Figures against a table worked by hand, and days that change at the site's midnight, also when the clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ticketing.cases.rules import Status
from ticketing.reports.rules import CaseFact, Facts, Period, Spread, TimerFact, due_day, overview
from ticketing.reports.rules.figures import local_day

LONDON = "Europe/London"
MARCH = Period("march", "March", date(2026, 3, 1), date(2026, 3, 31))
NOW = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
TARGETS = {"acknowledge": "Acknowledgement", "respond": "Response", "respond_stage_1": "First-stage answer"}


def at(day: int, month: int = 3, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(LONDON)).astimezone(UTC)


def midnight_after(day: int, month: int = 3) -> datetime:
    return (datetime(2026, month, day, tzinfo=ZoneInfo(LONDON)) + timedelta(days=1)).astimezone(UTC)


def timer(name: str, target: str, state: str, *, received: datetime, due: datetime, met: datetime | None = None, **more) -> TimerFact:
    is_late = state == "breached"
    plain = TimerFact(
        name, Status.CLOSED, received, LONDON, target, state, received, due, met, due if is_late else None, more.pop("reason", ""))
    return replace(plain, **more)


# one response each: sent after so many days, due at the end of a day; the figures below are counted from this by eye
TABLE = (
    timer("A", "respond", "met", received=at(1), met=at(11), due=midnight_after(20), first_due_on=date(2026, 3, 11)),
    timer("B", "respond", "met", received=at(2), met=at(22), due=midnight_after(25), first_due_on=date(2026, 3, 15), is_amended=True),
    timer("C", "respond", "breached", received=at(1), met=at(31), due=midnight_after(28), first_due_on=date(2026, 3, 28),
          reason="workload", held_seconds=5 * 86_400),
    timer("D", "respond", "breached", received=at(5), due=midnight_after(30), first_due_on=date(2026, 3, 30)),
    timer("E", "respond", "running", received=at(20), due=midnight_after(15, 4), first_due_on=date(2026, 4, 15)),
    timer("F", "acknowledge", "met", received=at(3), met=at(4), due=midnight_after(6)),
    timer("G", "acknowledge", "breached", received=at(4), met=at(12), due=midnight_after(9), reason="staff_absence"),
    timer("H", "acknowledge", "running", received=at(31), due=midnight_after(8, 4)),
    timer("I", "respond_stage_1", "met", received=at(9), met=at(10), due=midnight_after(10)),
)
CASES = (
    CaseFact("A", Status.CLOSED, False, at(1), LONDON), CaseFact("B", Status.WITHDRAWN, False, at(2), LONDON),
    CaseFact("D", Status.INVESTIGATION, True, at(5), LONDON), CaseFact("H", Status.TRIAGE, True, at(31), LONDON),
    CaseFact("old", Status.INVESTIGATION, True, datetime(2025, 8, 1, 12, 0, tzinfo=UTC), LONDON),
)


@pytest.fixture
def found():
    return overview(Facts(CASES, TABLE, tuple(row for row in TABLE if row.breached_at)), MARCH, TARGETS, NOW)


def names(figure) -> str:
    return " ".join(row.reference for row in figure.rows)


def test_answered_in_time_counts_what_fell_due_against_the_latest_date(found):
    assert (names(found.answered.in_time), names(found.answered.late)) == ("A B", "C D")
    assert found.answered.percent == 50


def test_the_date_agreed_first_is_harder_to_keep(found):
    assert (names(found.first_agreed.in_time), names(found.first_agreed.late)) == ("A", "B C D")
    assert names(found.amended) == "B"


def test_acknowledged_in_time_leaves_out_what_is_still_in_time(found):
    assert (names(found.acknowledged.in_time), names(found.acknowledged.late), names(found.acknowledged.waiting)) == ("F", "G", "H")
    assert names(found.settled.in_time) == "I"


def test_days_are_those_that_people_lived_and_net_of_holds(found):
    an_hour = round(1 / 24, 1)  # C's month has the night in which the clocks go forward
    assert an_hour == 0.0
    assert found.gross == Spread(3, 20.0, 30.0)
    assert found.net == Spread(3, 20.0, 25.0)


def test_open_and_ended_are_all_and_each_split_adds_up(found):
    assert found.received.number == found.still_open.number + found.ended.number == 4
    assert sum(figure.number for figure in found.endings) == found.ended.number
    assert sum(figure.number for figure in found.open_by_age) == sum(figure.number for figure in found.open_by_status) == 3
    assert sum(figure.number for figure in found.by_reason) == sum(figure.number for figure in found.by_target) == found.breaches.number
    assert sum(slot.responses.number for slot in found.slots) == found.responses.number


def test_missed_targets_are_told_by_reason_and_what_has_none_is_shown(found):
    assert {figure.label: names(figure) for figure in found.by_reason} == {
        "Workload": "C", "Absence or vacancy": "G", "No reason given yet": "D"}


def test_open_cases_are_as_old_as_their_receipt(found):
    assert {figure.label: names(figure) for figure in found.open_by_age if figure.number} == {
        "Under 10 days": "H", "25 to 39 days": "D", "More than 6 months": "old"}


def test_every_figure_has_a_code_of_its_own(found):
    codes = [figure.code for figure in found.figures.values()]
    assert len(codes) == len(set(codes)) > 20


def test_a_state_nobody_knows_of_is_still_counted():
    row = timer("X", "invented", "breached", received=at(1), due=midnight_after(3))
    found = overview(Facts((), (), (row,)), MARCH, TARGETS, NOW)
    assert [figure.label for figure in found.by_target] == ["invented"]


def test_an_empty_period_says_so():
    found = overview(Facts((), (), ()), MARCH, TARGETS, NOW)
    assert found.is_empty
    assert found.answered.percent is None
    assert found.gross == Spread(0, None, None)


@pytest.mark.parametrize(("moment", "day"), [
    (datetime(2026, 3, 31, 22, 59, tzinfo=UTC), date(2026, 3, 31)),  # British summer time: midnight is 23:00 UTC
    (datetime(2026, 3, 31, 23, 0, tzinfo=UTC), date(2026, 4, 1)),
    (datetime(2026, 3, 28, 23, 59, tzinfo=UTC), date(2026, 3, 28)),  # the night before the clocks go forward
    (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), date(2026, 3, 29)),
    (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), date(2026, 10, 25)),  # the night in which they go back
    (datetime(2026, 10, 25, 23, 59, tzinfo=UTC), date(2026, 10, 25)),
    (datetime(2026, 10, 26, 0, 0, tzinfo=UTC), date(2026, 10, 26)),
])
def test_a_day_begins_at_the_midnight_of_the_site(moment, day):
    assert local_day(moment, LONDON) == day


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25), date(2026, 12, 31)])
def test_what_is_due_by_the_end_of_a_day_is_due_on_that_day(day):
    end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(LONDON)) + timedelta(days=1)
    row = timer("A", "respond", "running", received=at(1), due=end.astimezone(UTC))
    assert due_day(row) == day


def test_the_last_second_of_a_period_belongs_to_it_and_the_next_does_not():
    inside = CaseFact("in", Status.TRIAGE, True, datetime(2026, 3, 31, 22, 59, 59, tzinfo=UTC), LONDON)
    outside = CaseFact("out", Status.TRIAGE, True, datetime(2026, 3, 31, 23, 0, tzinfo=UTC), LONDON)
    found = overview(Facts((inside, outside), (), ()), MARCH, TARGETS, NOW)
    assert names(found.received) == "in"
