"""The faults seen in systems in daily use (P01 to P12), each shown to be impossible here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ticketing.calendars.rules import WorkingCalendar, named_calendar, public_holidays
from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules import Anchor, EventKind, OnReopening, Recurrence, TargetCode, Unit, codes, load, read_pack, text_of
from ticketing.sla.rules import Event, Facts, State, left_phrase, numbered, reckon, reckon_all

LONDON = "Europe/London"
PLACE = ZoneInfo(LONDON)
CALENDAR = named_calendar("england_wales")
ENGLAND = load("england-nhs")
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
RECEIVED, ACKNOWLEDGED = Event(EventKind.RECEIVED, MONDAY), Event(EventKind.ACKNOWLEDGED, MONDAY)
PROGRESS = ENGLAND.target(TargetCode.PROGRESS)
LOCAL_HOURS = replace(ENGLAND.target(TargetCode.STATEMENT), unit=Unit.WORKING_HOURS, amount=16, is_per_subject=False,
                      starts=(EventKind.RECEIVED,), satisfied_by=(EventKind.ANSWERED,), excused_by=())
REASONS = ("awaiting_consent", "awaiting_complainant")
WHOLE_DAY = (("00:00", "24:00"),)
moments = st.integers(0, 88 * 1440).map(lambda minutes: datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes))


def held(at, reason="awaiting_consent"):
    return Event(EventKind.HELD, at, data={"reason": reason})


def released(at, reason=""):
    return Event(EventKind.RELEASED, at, data={"reason": reason} if reason else {})


def found(rule, events, at, zone=LONDON, calendar=CALENDAR, **more):
    return reckon(rule, events, calendar, at=at, zone=zone, **more)


def last_day(reckoning):
    return (reckoning.due_at - timedelta(microseconds=1)).astimezone(PLACE).date()


@st.composite
def held_stories(draw):
    """A receipt, and up to four closed holds over three months with bank holidays and a clock change."""
    start = draw(moments)
    events = [Event(EventKind.RECEIVED, start), Event(EventKind.ACKNOWLEDGED, start)]
    moment = start
    for reason in draw(st.lists(st.sampled_from(REASONS), max_size=4)):
        begin = moment + timedelta(minutes=draw(st.integers(1, 8000)))
        moment = begin + timedelta(minutes=draw(st.integers(1, 12000)))
        events += [held(begin, reason), released(moment)]
    return events


@settings(max_examples=120, deadline=None)
@given(held_stories())
def test_p01_hold_time_is_never_added_on_the_wall_clock(events):
    rule = replace(LOCAL_HOURS, holdable=frozenset(REASONS))
    reckoned = found(rule, events, events[-1].at)
    running = [(since, min(until or reckoned.due_at, reckoned.due_at)) for since, until in reckoned.spans if since < reckoned.due_at]
    assert sum((CALENDAR.between(since, until) for since, until in running), timedelta()) == timedelta(hours=16)
    assert CALENDAR.between(reckoned.due_at - timedelta(minutes=1), reckoned.due_at) == timedelta(minutes=1)
    assert not any(event.kind is EventKind.HELD and event.at < reckoned.due_at <= after.at
                   for event, after in pairwise(events))


def test_p01_a_hold_over_a_weekend_costs_no_working_day():
    friday = datetime(2026, 3, 6, 18, tzinfo=UTC)
    bare = found(PROGRESS, [RECEIVED, ACKNOWLEDGED], MONDAY)
    hold = [held(friday + timedelta(hours=6, minutes=1)), released(friday + 2 * DAY)]
    weekend = found(PROGRESS, [RECEIVED, ACKNOWLEDGED, *hold], friday + 3 * DAY)
    assert weekend.due_at == bare.due_at


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(moments, st.integers(1, 20000), st.sampled_from(REASONS)), min_size=2, max_size=3))
def test_p01_the_order_in_which_holds_are_recorded_does_not_matter(holds):
    pairs = [(held(since, reason), released(since + timedelta(minutes=minutes), reason)) for since, minutes, reason in holds]
    events = [event for pair in pairs for event in pair]
    at = max(event.at for event in events)
    assume(len({event.at for event in events}) == len(events))
    answers = {found(PROGRESS, [*order, ACKNOWLEDGED, RECEIVED], at).due_at for order in islice(permutations(events), 0, None, 17)}
    assert len(answers) == 1


def test_p02_a_changed_policy_reads_the_same_holds():
    events = [RECEIVED, ACKNOWLEDGED, held(MONDAY + 7 * DAY), released(MONDAY + 10 * DAY)]
    longer = replace(PROGRESS, amount=15)
    for rule, bare in ((PROGRESS, date(2026, 3, 16)), (longer, date(2026, 3, 23))):
        assert last_day(found(rule, events[:2], MONDAY)) == bare
        assert last_day(found(rule, events, MONDAY + 11 * DAY)) == bare + 3 * DAY


def test_p03_reopening_starts_a_numbered_cycle_and_leaves_the_earlier_one_as_it_was():
    first = [RECEIVED, ACKNOWLEDGED, Event(EventKind.PERIOD_AGREED, MONDAY + DAY, data={"due_on": "2026-04-10"}),
             Event(EventKind.ANSWERED, MONDAY + 30 * DAY)]
    before = reckon_all(ENGLAND, first, CALENDAR, at=MONDAY + 40 * DAY, zone=LONDON)
    again = numbered([*first, Event(EventKind.REOPENED, MONDAY + 60 * DAY), Event(EventKind.ANSWERED, MONDAY + 90 * DAY)])
    after = reckon_all(ENGLAND, again, CALENDAR, at=MONDAY + 200 * DAY, zone=LONDON)
    assert [item for item in after if item.cycle == 1] == list(before)
    assert {item.target for item in after if item.cycle == 2} == {TargetCode.RESPOND, TargetCode.PROGRESS}


RULE = replace(ENGLAND.target(TargetCode.ACKNOWLEDGE), amount=10, satisfied_by=(EventKind.ANSWERED,), starts=(EventKind.RECEIVED,))
TWICE = numbered([RECEIVED, Event(EventKind.ANSWERED, datetime(2026, 3, 6, 12, tzinfo=UTC)),
                  Event(EventKind.REOPENED, datetime(2026, 3, 23, 9, tzinfo=UTC))])


@pytest.mark.parametrize(("rule", "expected"), [
    (OnReopening.RESTART, date(2026, 4, 8)),       # 24-27 (4), 30-2 Apr (8), 7, 8 (10)
    (OnReopening.RESUME, date(2026, 3, 31)),       # 3, 4, 5 used before; the 6th ended while closed; 23-27 (8), 30, 31 (10)
])
def test_p03_a_reopened_period_begins_again_or_goes_on_as_the_pack_says(rule, expected):
    reckoned = found(replace(RULE, on_reopening=rule), TWICE, datetime(2026, 3, 24, tzinfo=UTC), cycle=2)
    assert last_day(reckoned) == expected


def test_p03_a_period_that_stays_has_no_second_cycle():
    reckoned = reckon_all(replace(ENGLAND, targets=(replace(RULE, on_reopening=OnReopening.STAY),)), TWICE, CALENDAR,
                          at=datetime(2026, 3, 24, tzinfo=UTC), zone=LONDON)
    assert [(item.cycle, item.state) for item in reckoned] == [(1, State.MET)]


def test_p03_a_new_stage_begins_with_the_reopening_once_only():
    scotland = load("scotland-nhs")
    events = numbered([RECEIVED, Event(EventKind.ANSWERED, MONDAY + DAY), Event(EventKind.REOPENED, MONDAY + 14 * DAY),
                       Event(EventKind.ACKNOWLEDGED, MONDAY + 15 * DAY), Event(EventKind.REOPENED, MONDAY + 60 * DAY)])
    cycles = [item.cycle for item in reckon_all(scotland, events, named_calendar("scotland"), at=MONDAY + 61 * DAY, zone=LONDON)
              if item.target is TargetCode.ACKNOWLEDGE]
    assert cycles == [1, 2]


BOXES = {
    EventKind.ACKNOWLEDGED: {"acknowledge"}, EventKind.ANSWERED: {"respond", "six_months"}, EventKind.PROGRESS_SENT: set(),
    EventKind.INTERIM_SENT: set(), EventKind.SETTLED: set(), EventKind.EXTENDED: set(), EventKind.STATEMENT_GIVEN: {"statement"},
    EventKind.REGULATOR_ANSWERED: {"regulator"}, EventKind.HELD: set(), EventKind.RELEASED: set(),
}


@pytest.mark.parametrize("kind", BOXES, ids=str)
def test_p04_each_event_ticks_only_the_boxes_the_pack_names(kind):
    asked = [Event(EventKind.STATEMENT_ASKED, MONDAY, subject="a"), Event(EventKind.REGULATOR_ASKED, MONDAY, subject="a")]
    subject = "a" if kind in (EventKind.STATEMENT_GIVEN, EventKind.REGULATOR_ANSWERED) else ""
    events = [RECEIVED, *asked, Event(kind, MONDAY + DAY, subject=subject)]
    met = {item.target.value for item in reckon_all(ENGLAND, events, CALENDAR, at=MONDAY + 2 * DAY, zone=LONDON) if item.met_at}
    assert met == BOXES[kind]


def test_p04_a_target_without_a_date_is_never_breached():
    late = MONDAY + 4000 * DAY
    for code in ("wales-2026", "iso-10002"):
        pack = load(code)
        reckoned = reckon_all(pack, [RECEIVED], named_calendar(pack.holidays), at=late, zone=pack.timezone)
        assert State.BREACHED not in {item.state for item in reckoned}
        assert all(item.why_null for item in reckoned)


@pytest.mark.parametrize("code", codes())
def test_p05_machines_and_complainants_satisfy_nothing(code):
    pack = load(code)
    calendar, kinds = named_calendar(pack.holidays), [event.code for event in pack.events]
    for actor in (ActorKind.MACHINE, ActorKind.COMPLAINANT, ActorKind.AUDITOR):
        events = [RECEIVED, *(Event(kind, MONDAY + DAY, actor, data={"follow_up_days": 5}) for kind in kinds
                              if kind not in (EventKind.RECEIVED, EventKind.REOPENED, EventKind.ENDED))]
        for kind in pack.case_types:
            reckoned = reckon_all(pack, events, calendar, at=MONDAY + 2 * DAY, zone=pack.timezone, facts=Facts(kind.code))
            assert not [item for item in reckoned if item.met_at]


def test_p05_an_interim_notice_without_a_number_is_none():
    cms = load("us-cms").target(TargetCode.INTERIM_NOTICE)
    assert found(cms, [RECEIVED, Event(EventKind.INTERIM_SENT, MONDAY + DAY)], MONDAY + 2 * DAY).state is State.RUNNING


def test_p06_a_working_week_of_two_days_lunch_breaks_and_nights():
    hours = {"mon": [("09:00", "12:00"), ("13:00", "17:00")], "thu": [("18:00", "24:00")], "fri": [("00:00", "02:00")]}
    calendar = WorkingCalendar(LONDON, hours)
    # Monday from 09:30: 2.5 and 4 hours; Thursday night 6 and 2: 14.5 of 15; the next Monday half an hour from 09:00.
    rule = replace(LOCAL_HOURS, amount=15, holdable=frozenset())
    assert found(rule, [RECEIVED], MONDAY, calendar=calendar).due_at == datetime(2026, 3, 9, 9, 30, tzinfo=UTC)


def test_p06_a_calendar_that_never_opens_gives_no_date_instead_of_an_error():
    never = WorkingCalendar(LONDON, {})
    reckoned = found(LOCAL_HOURS, [RECEIVED], MONDAY, calendar=never)
    assert (reckoned.state, reckoned.due_at) == (State.WAITING, None)


def test_p06_round_the_clock_is_not_closed_for_a_minute_at_midnight():
    always = WorkingCalendar(LONDON, dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), WHOLE_DAY))
    assert found(LOCAL_HOURS, [RECEIVED], MONDAY, calendar=always).due_at == MONDAY + timedelta(hours=16)


def test_p07_holidays_are_local_dates_and_not_a_day_early():
    auckland = named_calendar("new_zealand")
    labour_day_morning = datetime(2026, 10, 25, 20, tzinfo=UTC)                 # Mon 26 Oct in Auckland, Sunday in UTC
    nz = load("nz-hdc").target(TargetCode.ACKNOWLEDGE)
    account = found(nz, [Event(EventKind.RECEIVED, labour_day_morning)], labour_day_morning, "Pacific/Auckland", auckland).account
    assert (account[0].on, account[1].why) == (date(2026, 10, 26), "Working day 1 of 5")
    assert date(2026, 11, 11) not in public_holidays("england_wales", 2026)      # Saint Martin, which one feed invents


@pytest.mark.parametrize(("zone", "before", "hours"), [
    (LONDON, datetime(2026, 3, 28, 12, tzinfo=UTC), 23), (LONDON, datetime(2026, 10, 24, 12, tzinfo=UTC), 25),
    ("America/New_York", datetime(2026, 3, 7, 18, tzinfo=UTC), 23), ("America/New_York", datetime(2026, 10, 31, 18, tzinfo=UTC), 25),
    ("Pacific/Auckland", datetime(2026, 4, 4, 0, tzinfo=UTC), 25), ("Pacific/Auckland", datetime(2026, 9, 26, 0, tzinfo=UTC), 23),
])
def test_p08_the_day_of_a_clock_change_is_one_day_and_an_hour_is_an_hour(zone, before, hours):
    day = replace(RULE, unit=Unit.CALENDAR_DAYS, amount=1)
    calendar = WorkingCalendar(zone, {"mon": [("09:00", "17:00")]})
    received = Event(EventKind.RECEIVED, before)
    due_at = found(day, [received], before, zone, calendar).due_at
    assert due_at - found(replace(day, amount=2), [received], before, zone, calendar).due_at == -DAY
    begins = due_at - timedelta(hours=hours)
    assert found(replace(day, count="include_start", amount=1), [received], before, zone, calendar).due_at == begins
    assert found(replace(day, unit=Unit.HOURS, amount=24), [received], before, zone, calendar).due_at == before + DAY


def test_p09_working_days_are_days_and_not_hours():
    for hour in (0, 9, 17, 23):
        received = Event(EventKind.RECEIVED, datetime(2026, 3, 2, hour, 59, tzinfo=UTC))
        assert found(ENGLAND.target(TargetCode.ACKNOWLEDGE), [received], received.at).due_at == datetime(2026, 3, 6, tzinfo=UTC)
    long_days = WorkingCalendar(LONDON, dict.fromkeys(("mon", "tue"), WHOLE_DAY))
    assert found(ENGLAND.target(TargetCode.ACKNOWLEDGE), [RECEIVED], MONDAY, calendar=long_days).due_at == datetime(2026, 3, 6, tzinfo=UTC)


def test_p10_a_new_version_of_a_pack_changes_nothing_for_who_holds_the_old_one():
    old = load("england-nhs", "2026.1")
    before = reckon_all(old, [RECEIVED], CALENDAR, at=MONDAY, zone=LONDON)
    read_pack(text_of("england-nhs", "2026.1").replace("amount = 3", "amount = 9"), "draft")
    assert reckon_all(load("england-nhs", "2026.1"), [RECEIVED], CALENDAR, at=MONDAY, zone=LONDON) == before
    with pytest.raises(AttributeError):
        old.targets[0].amount = 9


def test_p11_an_agreed_date_moves_only_by_another_event():
    agreed = Event(EventKind.PERIOD_AGREED, MONDAY + DAY, data={"due_on": "2026-05-15"})
    others = [Event(kind, MONDAY + 2 * DAY, data={"reason": "legal", "follow_up_days": 3}) for kind in EventKind
              if kind not in (EventKind.PERIOD_AGREED, EventKind.EXTENDED, EventKind.REOPENED, EventKind.ANSWERED, EventKind.ENDED)]
    rule = ENGLAND.target(TargetCode.RESPOND)
    assert last_day(found(rule, [RECEIVED, agreed], MONDAY + 3 * DAY)) == date(2026, 5, 15)
    for event in others:
        assert found(rule, [RECEIVED, agreed, event], MONDAY + 3 * DAY).due_at == found(rule, [RECEIVED, agreed], MONDAY + 3 * DAY).due_at
    moved = Event(EventKind.EXTENDED, MONDAY + 4 * DAY, data={"due_on": "2026-05-29"})
    assert last_day(found(rule, [RECEIVED, agreed, moved], MONDAY + 5 * DAY)) == date(2026, 5, 29)


def test_p11_the_statutory_date_stands_beside_the_one_agreed():
    longer = Event(EventKind.PERIOD_AGREED, MONDAY + DAY, data={"due_on": "2026-11-30"})
    reckoned = found(ENGLAND.target(TargetCode.SIX_MONTHS), [RECEIVED, longer], MONDAY + 2 * DAY)
    assert last_day(reckoned) == date(2026, 11, 30)
    assert (reckoned.first_due_at, reckoned.agreed_on) == (datetime(2026, 9, 1, 23, tzinfo=UTC), date(2026, 11, 30))


def test_p12_a_held_clock_does_not_climb_and_says_what_a_release_would_give():
    events = [RECEIVED, ACKNOWLEDGED, held(MONDAY + 7 * DAY)]
    for days in (8, 30, 300):
        reckoned = found(PROGRESS, events, MONDAY + days * DAY)
        assert (reckoned.state, reckoned.used, left_phrase(reckoned, LONDON)) == (State.HELD, 4, "held since Mon 9 Mar 2026")
        assert reckoned.due_if_released_at == found(PROGRESS, [*events, released(MONDAY + days * DAY)], MONDAY + days * DAY).due_at


@pytest.mark.parametrize("days", [14, 15, 20])
def test_p12_a_hold_on_or_after_the_day_it_ran_out_moves_nothing(days):
    bare = found(PROGRESS, [RECEIVED, ACKNOWLEDGED], MONDAY)
    assert last_day(bare) == date(2026, 3, 16)
    events = [RECEIVED, ACKNOWLEDGED, held(MONDAY + (days + 1) * DAY), released(MONDAY + 40 * DAY)]
    assert found(PROGRESS, events, MONDAY + 41 * DAY).due_at == bare.due_at


def test_p03_a_hold_ends_with_the_cycle_it_was_made_in():
    events = numbered([RECEIVED, ACKNOWLEDGED, held(MONDAY + DAY), Event(EventKind.ANSWERED, MONDAY + 3 * DAY),
                       Event(EventKind.REOPENED, MONDAY + 28 * DAY)])
    reckoned = found(PROGRESS, events, MONDAY + 29 * DAY, cycle=2)
    assert (reckoned.state, last_day(reckoned)) == (State.RUNNING, date(2026, 4, 15))        # 31-2 Apr (3), 7-10 (7), 13-15 (10)


@settings(max_examples=80, deadline=None)
@given(held_stories())
def test_p12_used_and_left_are_what_the_account_counts(events):
    reckoned = found(PROGRESS, events, events[-1].at)
    if reckoned.state is State.RUNNING:
        today = events[-1].at.astimezone(PLACE).date()
        assert reckoned.used == sum(line.counted for line in reckoned.account if line.on <= today)
        assert reckoned.left == sum(line.counted for line in reckoned.account if line.on > today)


def repeating(anchor, amount=5, unit=Unit.WORKING_DAYS):
    every = Recurrence(anchor, (EventKind.PROGRESS_SENT,))
    return replace(PROGRESS, amount=amount, unit=unit, recurrence=every, starts=(EventKind.RECEIVED,))


def occurrences(rule, *updates, at):
    events = [RECEIVED, *(Event(EventKind.PROGRESS_SENT, moment) for moment in updates)]
    reckoned = reckon_all(replace(ENGLAND, targets=(rule,)), events, CALENDAR, at=at, zone=LONDON)
    return [(last_day(item), item.state) for item in reckoned]


MET, MISSED, RUNNING = State.MET, State.BREACHED, State.RUNNING


def test_a_repeating_target_is_counted_from_the_last_update_where_the_pack_says_so():
    update = datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert occurrences(repeating(Anchor.LAST_UPDATE), at=MONDAY) == [(date(2026, 3, 9), RUNNING)]
    assert occurrences(repeating(Anchor.LAST_UPDATE), update, at=update) == [(date(2026, 3, 9), MET), (date(2026, 3, 12), RUNNING)]
    assert occurrences(repeating(Anchor.LAST_UPDATE), at=MONDAY + 21 * DAY) == [(date(2026, 3, 9), MISSED)]


def test_a_repeating_target_keeps_its_grid_whenever_the_update_comes():
    early, late = datetime(2026, 3, 5, 10, tzinfo=UTC), datetime(2026, 3, 18, 10, tzinfo=UTC)
    assert occurrences(repeating(Anchor.GRID), early, at=early) == [(date(2026, 3, 9), MET), (date(2026, 3, 16), RUNNING)]
    assert occurrences(repeating(Anchor.GRID), early, late, at=late) == [
        (date(2026, 3, 9), MET), (date(2026, 3, 16), MISSED), (date(2026, 3, 23), MET), (date(2026, 3, 30), RUNNING)]


def test_a_grid_of_months_does_not_drift_after_a_short_one():
    rule = repeating(Anchor.GRID, 1, Unit.MONTHS)
    start = datetime(2026, 1, 31, 10, tzinfo=UTC)
    reckoned = reckon_all(replace(ENGLAND, targets=(rule,)), [Event(EventKind.RECEIVED, start)], CALENDAR, at=start + 75 * DAY, zone=LONDON)
    assert [last_day(item) for item in reckoned][:2] == [date(2026, 2, 28), date(2026, 3, 31)]


def test_a_repeating_target_begins_anew_where_a_missed_one_fell_due():
    late = datetime(2026, 3, 18, 10, tzinfo=UTC)
    assert occurrences(repeating(Anchor.BREACH), at=MONDAY + 10 * DAY) == [(date(2026, 3, 9), MISSED), (date(2026, 3, 16), RUNNING)]
    assert occurrences(repeating(Anchor.BREACH), late, at=late) == [
        (date(2026, 3, 9), MISSED), (date(2026, 3, 16), MISSED), (date(2026, 3, 23), MET), (date(2026, 3, 25), RUNNING)]


def test_two_packs_on_one_case_are_reckoned_side_by_side():
    health = reckon_all(ENGLAND, [RECEIVED], CALENDAR, at=MONDAY, zone=LONDON, facts=Facts("complaint_formal"))
    data = reckon_all(load("england-dp"), [RECEIVED], CALENDAR, at=MONDAY, zone=LONDON, facts=Facts("dp_complaint_uk"))
    both = {(item.pack, item.target.value): item for item in (*health, *data)}
    assert both["england-nhs", "acknowledge"].due_at < both["england-dp", "acknowledge"].due_at
    assert len(both) == len(health) + len(data)


def test_an_event_of_a_pack_that_names_no_day_moves_as_far_as_the_law_allows():
    rule = load("scotland-nhs").target(TargetCode.RESPOND_STAGE_1)
    told = Event(EventKind.EXTENDED, MONDAY + DAY)
    assert last_day(found(rule, [RECEIVED, told], MONDAY + DAY, calendar=named_calendar("scotland"))) == date(2026, 3, 16)


def test_an_agreed_day_that_is_no_day_is_refused():
    nonsense = Event(EventKind.EXTENDED, MONDAY + DAY, data={"due_on": "soon"})
    with pytest.raises(Invalid, match="not a day"):
        found(ENGLAND.target(TargetCode.RESPOND), [RECEIVED, nonsense], MONDAY + 2 * DAY)
