"""Spans and percentiles against the plainest way to count them, clock changes and every zone's months included."""

import json
import math
import random
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.facts import shared
from ticketing.reports.rules import PastFact, business_seconds, linear, percentile, resolution_times, rounded, spread, working_days

ZONES = ("Europe/London", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "America/St_Johns", "UTC")
HOLIDAYS = frozenset({date(2025, 4, 18), date(2025, 4, 21), date(2025, 12, 25)})


def seconds_day_by_day(begin: datetime, end: datetime, holidays: frozenset[date]) -> float:
    total, day = 0.0, begin.date()
    while day <= end.date():
        if day.weekday() < 5 and day not in holidays:
            total += max(0.0, (min(end, datetime.combine(day, time(17))) - max(begin, datetime.combine(day, time(9)))).total_seconds())
        day += timedelta(days=1)
    return total


def moments(seed: int, number: int = 400) -> list[tuple[datetime, datetime]]:
    chance = random.Random(seed)
    begins = [datetime(2025, 1, 1) + timedelta(seconds=chance.randrange(400 * 86_400)) for _ in range(number)]  # noqa: DTZ001 - the wall clock
    return [(begin, begin + timedelta(seconds=int(chance.expovariate(1 / 900_000)))) for begin in begins]


@pytest.mark.parametrize("holidays", [frozenset(), HOLIDAYS])
def test_business_time_is_what_counting_day_by_day_gives(holidays):
    for begin, end in moments(1):
        assert business_seconds(begin, end, holidays) == seconds_day_by_day(begin, end, holidays), (begin, end)
        days = sum((day := begin.date() + timedelta(days=ahead)).weekday() < 5 and day not in holidays
                   for ahead in range(1, (end.date() - begin.date()).days + 1))
        assert working_days(begin, end, holidays) == days, (begin, end)


@pytest.mark.parametrize("size", [1, 2, 3, 9, 10, 11, 100, 1001])
def test_percentiles_keep_to_their_definitions(size):
    chance = random.Random(size)
    values = [chance.randrange(1000) for _ in range(size)]
    ranked = sorted(values)
    assert percentile(values, 90) == ranked[max(0, math.ceil(.9 * size) - 1)]
    assert sum(value <= percentile(values, 90) for value in values) * 10 >= 9 * size
    low, high = linear(values, .9), percentile(values, 90)
    assert ranked[0] <= low <= ranked[-1]
    assert high in ranked
    assert linear(values, .5) == pytest.approx((ranked[(size - 1) // 2] + ranked[size // 2]) / 2)
    assert spread([])["mean"] is linear([], .5) is None


@pytest.mark.parametrize("zone", ZONES)
def test_the_months_of_every_zone_sum_to_the_total(zone):
    rows = [PastFact(str(number), begin.replace(tzinfo=UTC), None, None if number % 5 == 0 else end.replace(tzinfo=UTC), None, 0, 1, {})
            for number, (begin, end) in enumerate(moments(2))]
    found = resolution_times(rows, (), zone)
    assert sum(found["opened_by_month"].values()) == sum(found["opened_by_weekday_mon0"].values()) == found["n_cases"] == len(rows)
    assert sum(found["closed_by_month"].values()) == found["n_closed"]
    carried = 0
    for month, backlog in found["backlog_at_month_end"].items():
        carried += found["opened_by_month"].get(month, 0) - found["closed_by_month"].get(month, 0)
        assert backlog == carried, month
    assert carried == found["n_open"]


def test_an_hour_told_twice_counts_on_the_wall_clock_and_as_it_truly_passed():
    row = PastFact("1", datetime(2025, 11, 2, 4, tzinfo=UTC), None, datetime(2025, 11, 2, 17, tzinfo=UTC), None, 0, 1, {})
    found = resolution_times([row], [{"kind": "times", "elapsed_as": "truly"}], "America/New_York")
    assert (found["resolution_calendar_hours"]["mean"], found["truly"]["mean"]) == (12.0, 13.0)
    assert found["opened_by_month"] == {"2025-11": 1}


def test_published_figures_come_out_as_they_were_printed():
    for figure in json.loads(shared("data", "headline_figures.json").read_text())["figures"]:
        exact = eval(figure["check"], {"__builtins__": {}})  # noqa: S307 - sums of numbers, from our own file
        assert f"{rounded(exact, figure['decimals']):.{max(0, figure['decimals'])}f}" == figure["shown"], figure["id"]
