"""The demo's scripts are in order, in working hours and never ahead of the present; every status is there."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ticketing.calendars.rules import named_calendar
from ticketing.cases.rules import Status
from ticketing.demo.queries import library
from ticketing.demo.rules import WISHES, WorkingDays, plans, script_of, watched
from ticketing.demo.rules.hospital import STAFF, TEAMS, UNITS

CALENDAR = named_calendar("england_wales", "Europe/London")
MOMENTS = {
    "a Tuesday afternoon": datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
    "a Monday before anybody is in": datetime(2026, 11, 23, 7, 30, tzinfo=UTC),
    "a Sunday in the night of a clock change": datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    "a Tuesday a minute after opening": datetime(2026, 11, 24, 9, 1, tzinfo=UTC),
    "between Christmas and New Year": datetime(2026, 12, 28, 12, 0, tzinfo=UTC),
}


def around(now: datetime) -> WorkingDays:
    return WorkingDays.around(now, "Europe/London", CALENDAR.is_working_date)


def test_the_hospital_has_what_was_promised():
    assert (len(UNITS), len(TEAMS), len(STAFF), len(WISHES)) == (12, 3, 30, 120)
    assert {wish.stage for wish in WISHES} == set(Status)
    assert len(library().stories) >= 25


def test_everybody_has_an_address_of_their_own():
    assert len({person.email for person in STAFF}) == len(STAFF)


@pytest.mark.parametrize("now", MOMENTS.values(), ids=MOMENTS.keys())
def test_steps_follow_one_another_in_working_hours_and_lie_behind_us(now):
    days, dice = around(now), Random(1)
    for plan in plans(library(), dice):
        steps = script_of(plan, days, dice)
        moments = [step.at for step in steps]
        assert moments == sorted(set(moments)), plan
        assert moments[-1] <= now, plan
        for moment in moments:
            local = moment.astimezone(ZoneInfo("Europe/London"))
            assert CALENDAR.is_working_date(local.date()), (plan, moment)
            assert 9 <= local.hour < 17, (plan, moment)


def test_the_same_dice_make_the_same_hospital():
    days = around(MOMENTS["a Tuesday afternoon"])
    first, second = Random(7), Random(7)
    assert [script_of(plan, days, first) for plan in plans(library(), first)] == [
        script_of(plan, days, second) for plan in plans(library(), second)]


def test_running_cases_each_have_words_of_their_own():
    made = [plan for plan in plans(library(), Random(1)) if plan.wish in WISHES[:50]]
    told = Counter(plan.telling.text for plan in made if plan.story)
    assert [text for text, number in told.items() if number > 1] == []


def test_half_of_the_time_is_used_when_it_was_asked_for():
    now, ends_at = MOMENTS["a Tuesday afternoon"], datetime(2026, 11, 27, tzinfo=UTC)
    plan = watched(now, date(2026, 11, 26), ends_at, 75)
    assert plan.received_at + (ends_at - plan.received_at) / 2 == now + timedelta(seconds=75)
