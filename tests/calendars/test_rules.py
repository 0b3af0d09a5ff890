"""The working calendar against a walk minute by minute, its edges, and the sentences it answers bad input with."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticketing.calendars.rules import (
    DEFAULT_HOURS,
    PUBLIC_CALENDARS,
    WorkingCalendar,
    first_instant_of,
    instant_of,
    named_calendar,
    public_calendar,
    public_holidays,
    table_version,
)
from ticketing.core.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
ROUND_THE_CLOCK = dict.fromkeys(DAYS, (("00:00", "24:00"),))
# A zone and a moment near which its clocks change, some by half an hour, by two hours, at midnight or by a whole day.
CHANGES = [
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)), ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)), ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)), ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 18, 2, tzinfo=UTC)), ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("America/St_Johns", datetime(2006, 10, 29, 2, 31, tzinfo=UTC)), ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)), ("Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)), ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Asia/Tehran", datetime(2022, 3, 21, 20, 30, tzinfo=UTC)), ("Europe/Dublin", datetime(2026, 12, 31, 23, 30, tzinfo=UTC)),
]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def weeks(draw):
    window = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] < pair[1])
    week = draw(st.dictionaries(st.sampled_from(DAYS), st.lists(window, max_size=4)))
    return {day: [(clock(a), clock(b)) for a, b in windows] for day, windows in week.items()}


@st.composite
def situations(draw):
    """A calendar (overlapping, unsorted windows; holidays) and a moment within four days of a change of its clocks."""
    zone, change = draw(st.sampled_from(CHANGES))
    holidays = draw(st.sets(st.integers(-3, 5).map(lambda days: (change + timedelta(days=days)).date()), max_size=3))
    start = change + draw(st.integers(-4 * 1440, 4 * 1440)) * MINUTE
    return zone, draw(weeks()), holidays, start


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_open(zone: str, hours: dict, holidays: set[date], moment: datetime) -> bool:
    wall = moment.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    windows = hours.get(DAYS[wall.weekday()], [])
    return wall.date() not in holidays and any(minutes(a) <= minute < minutes(b) for a, b in windows)


def minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


@settings(max_examples=30, deadline=None)
@given(situations(), st.integers(0, 2 * 1440))
@example(("Europe/Berlin", {"sun": [("02:30", "04:00")]}, set(), datetime(2024, 10, 26, 22, tzinfo=UTC)), 1440)
def test_time_between_is_the_number_of_open_minutes(situation, length):
    zone, hours, holidays, start = situation
    walked = sum(is_open(zone, hours, holidays, start + each * MINUTE) for each in range(length))
    assert WorkingCalendar(zone, hours, holidays).between(start, start + length * MINUTE) == walked * MINUTE


@settings(max_examples=30, deadline=None)
@given(situations(), st.integers(0, 600))
def test_adding_minutes_ends_where_a_walk_ends(situation, amount):
    zone, hours, holidays, start = situation
    found = WorkingCalendar(zone, hours, holidays).add(start, amount * MINUTE)
    moment, left = start, amount
    for _ in range(4 * 1440):
        if left == 0 and (amount or is_open(zone, hours, holidays, moment)):
            assert found == moment
            return
        left -= is_open(zone, hours, holidays, moment) if left else 0
        moment += MINUTE
    assert found is None or found > start + timedelta(days=3)


@settings(max_examples=80, deadline=None)
@given(situations(), st.integers(0, 10**10))
def test_what_was_added_lies_between(situation, microseconds):
    zone, hours, holidays, start = situation
    calendar, amount = WorkingCalendar(zone, hours, holidays), timedelta(microseconds=microseconds)
    end = calendar.add(start, amount)
    if end is None:
        assert not calendar.ever_opens
        return
    assert end.utcoffset() == timedelta()
    assert end >= start
    assert calendar.between(start, end) == amount
    assert calendar.between(end, start) == timedelta()


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 40))
def test_working_days_land_on_an_open_moment_not_before_the_start(situation, days):
    zone, hours, holidays, start = situation
    calendar = WorkingCalendar(zone, hours, holidays)
    end = calendar.add_working_days(start, days)
    if end is None:
        assert not calendar.ever_opens
        return
    assert end >= start
    assert calendar.is_open(end)


def test_a_start_may_be_given_in_any_zone_and_the_answer_is_in_utc():
    calendar = WorkingCalendar("Europe/London", DEFAULT_HOURS, [])
    start = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=9)))           # 02:00 in London
    assert calendar.add(start, timedelta(hours=1)) == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_a_due_moment_in_a_repeated_hour_equals_the_same_instant_written_with_an_offset():
    calendar = WorkingCalendar("Europe/Berlin", {"sun": [("02:00", "03:00")]}, [])
    due = calendar.add(datetime(2024, 10, 26, 22, tzinfo=UTC), timedelta(minutes=90))
    assert due == datetime.fromisoformat("2024-10-27T02:30:00+01:00")


def test_overlapping_unsorted_and_touching_windows_count_once():
    calendar = WorkingCalendar("Etc/UTC", {"mon": [("13:00", "17:00"), ("09:00", "14:00"), ("17:00", "24:00")]}, [])
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert calendar.between(monday, monday + timedelta(days=1)) == timedelta(hours=15)
    assert calendar.add(monday, timedelta(hours=15)) == monday + timedelta(days=1)


def test_a_calendar_round_the_clock_has_no_closed_minute_at_midnight():
    calendar = WorkingCalendar("America/New_York", ROUND_THE_CLOCK, [])
    start = datetime(2025, 12, 31, 23, 59, 30, tzinfo=UTC)
    assert calendar.add(start, timedelta(days=400)) == start + timedelta(days=400)


def test_a_year_of_holidays_is_walked_over():
    days = {date(2026, 1, 1) + timedelta(days=number) for number in range(730)}
    calendar = WorkingCalendar("Europe/London", DEFAULT_HOURS, days)
    assert calendar.add(datetime(2026, 1, 1, tzinfo=UTC), timedelta(0)) == datetime(2028, 1, 3, 9, tzinfo=UTC)
    assert calendar.add_working_days(datetime(2026, 1, 1, tzinfo=UTC), 1) == datetime(2028, 1, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize("hours", [{}, {"mon": []}])
def test_a_calendar_that_never_opens_gives_none(hours):
    calendar = WorkingCalendar("Europe/London", hours, [])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert calendar.add(start, timedelta(0)) is None
    assert calendar.add(start, timedelta(minutes=1)) is None
    assert calendar.add_working_days(start, 0) is None
    assert calendar.add_working_days(start, 3) is None
    assert calendar.between(start, start + timedelta(days=9)) == timedelta(0)


def test_a_calendar_whose_holidays_close_every_day_gives_none():
    calendar = WorkingCalendar("Europe/London", DEFAULT_HOURS, lambda year: [date(year, 1, 1) + timedelta(days=n) for n in range(366)])
    assert calendar.add(datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=1)) is None
    assert calendar.add_working_days(datetime(2026, 1, 1, tzinfo=UTC), 1) is None


def test_holidays_may_be_dates_moments_or_iso_text():
    start = datetime(2026, 12, 24, 9, tzinfo=UTC)
    for holiday in (date(2026, 12, 25), datetime(2026, 12, 25, 12, tzinfo=UTC), "2026-12-25"):
        calendar = WorkingCalendar("Europe/London", DEFAULT_HOURS, [holiday])
        assert calendar.add_working_days(start, 1) == datetime(2026, 12, 28, 9, tzinfo=UTC)


def test_a_skipped_wall_time_moves_to_the_first_instant_after():
    assert instant_of(wall("2026-03-29T01:30"), "Europe/London") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert instant_of(wall("2026-10-25T01:30"), "Europe/London") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert first_instant_of(date(2018, 11, 4), "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert instant_of(wall("2011-12-30T10:00"), "Pacific/Apia") == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_times_of_day_may_be_written_short_or_given_as_times():
    calendar = WorkingCalendar("Etc/UTC", {"Monday": [("9:00", time(17))]}, [])
    assert calendar.between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)) == timedelta(hours=8)


@pytest.mark.parametrize(("zone", "hours", "holidays", "words"), [
    ("Europe/Lundon", DEFAULT_HOURS, [], "no time zone called"),
    ("", DEFAULT_HOURS, [], "no time zone called"),
    ("../etc/passwd", DEFAULT_HOURS, [], "no time zone called"),
    (None, DEFAULT_HOURS, [], "no time zone called"),
    ("Europe/London", {"mon": [("17:00", "09:00")]}, [], "not after it begins"),
    ("Europe/London", {"mon": [("09:00", "09:00")]}, [], "not after it begins"),
    ("Europe/London", {"mon": [("09:00", "25:00")]}, [], "not a time of day"),
    ("Europe/London", {"mon": [("morning", "noon")]}, [], "not a time of day"),
    ("Europe/London", {"mon": [("09:00",)]}, [], "a start and an end"),
    ("Europe/London", {"mon": ["09:00-17:00"]}, [], "a start and an end"),
    ("Europe/London", {"someday": [("09:00", "17:00")]}, [], "not a day of the week"),
    ("Europe/London", [("09:00", "17:00")], [], "must map days"),
    ("Europe/London", DEFAULT_HOURS, ["Christmas"], "not a date"),
])
def test_a_calendar_that_cannot_be_is_refused_with_a_sentence(zone, hours, holidays, words):
    with pytest.raises(Invalid, match=words):
        WorkingCalendar(zone, hours, holidays)


def test_moments_and_amounts_that_cannot_be_are_refused_with_a_sentence():
    calendar, start = WorkingCalendar("Europe/London", DEFAULT_HOURS, []), datetime(2026, 3, 2, tzinfo=UTC)
    naive = start.replace(tzinfo=None)
    for act in (lambda: calendar.add(naive, MINUTE), lambda: calendar.between(naive, start), lambda: calendar.between(start, naive),
                lambda: calendar.add_working_days(naive, 1)):
        with pytest.raises(Invalid, match="time zone"):
            act()
    with pytest.raises(Invalid, match="negative"):
        calendar.add(start, -MINUTE)
    with pytest.raises(Invalid, match="number of working days"):
        calendar.add_working_days(start, -1)
    with pytest.raises(Invalid, match="too far away"):
        calendar.add(start, timedelta(days=900_000_00))


def test_english_holidays_carry_their_substitute_days():
    assert public_holidays("england_wales", 2026)[date(2026, 12, 28)] == "Boxing Day (observed)"
    assert named_calendar("england_wales").holiday_name(date(2026, 4, 3)) == "Good Friday"
    assert date(2026, 1, 2) in public_holidays("scotland", 2026)
    assert date(2026, 11, 26) in public_holidays("us_federal", 2026)


@pytest.mark.parametrize("code", sorted(PUBLIC_CALENDARS))
def test_each_public_calendar_knows_its_holidays(code):
    assert len(public_holidays(code, 2027)) >= 8 or code == "none"
    assert named_calendar(code).is_working_date(date(2027, 3, 3))


def test_each_region_of_new_zealand_keeps_its_own_anniversary_day():
    assert public_holidays("new_zealand_auckland", 2027)[date(2027, 2, 1)] == "Auckland Anniversary Day"
    assert date(2027, 2, 1) not in public_holidays("new_zealand", 2027)
    assert date(2027, 2, 1) not in public_holidays("new_zealand_otago", 2027)
    regions = [public_holidays(code, 2027) for code in PUBLIC_CALENDARS if code.startswith("new_zealand_")]
    assert len(regions) == 13
    assert all(set(public_holidays("new_zealand", 2027)) < set(region) for region in regions)
    assert all(any("Anniversary" in name for name in region.values()) for region in regions)


def test_the_calendar_without_holidays_closes_weekends_only():
    assert public_holidays("none", 2027) == {}
    assert named_calendar("none").is_working_date(date(2026, 12, 25))
    assert not named_calendar("none").is_working_date(date(2026, 12, 26))


def test_an_unknown_holiday_calendar_is_refused_with_the_known_ones():
    with pytest.raises(Invalid, match="england_wales"):
        public_calendar("atlantis")


def test_the_version_pins_table_and_library():
    assert table_version().startswith("2026.1+holidays-0.")


def test_the_law_counts_its_own_week_whatever_hours_a_site_keeps():
    site = WorkingCalendar("Europe/London", ROUND_THE_CLOCK, lambda year: public_holidays("england_wales", year))
    week = site.with_week(("mon", "tue", "wed", "thu", "fri"))
    assert site.is_working_date(date(2026, 12, 26)) is False
    assert site.is_working_date(date(2026, 12, 27)) is True
    assert week.working_date_after(date(2026, 12, 24), 3) == date(2026, 12, 31)
    assert week.working_dates_between(date(2026, 12, 24), date(2027, 1, 4)) == 4
    assert week.working_dates_between(date(2027, 1, 4), date(2026, 12, 24)) == -4
