"""reckon: who satisfies a target, what a hold or a reopening does, and when a share of the time is used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketing.calendars.rules import named_calendar
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules import load
from ticketing.sla.rules import Event, EventKind, Facts, State, TargetCode, left_phrase, reckon, reckon_all

LONDON = "Europe/London"
ENGLAND, CMS = load("england-nhs"), load("us-cms")
CALENDAR = named_calendar("england_wales")
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
RECEIVED = Event(EventKind.RECEIVED, MONDAY)


def target_of(code, events, at, pack=ENGLAND, **more):
    return reckon(pack.target(code), events, CALENDAR, at=at, zone=LONDON, **more)


def held(at, reason="awaiting_consent"):
    return Event(EventKind.HELD, at, data={"reason": reason})


def released(at):
    return Event(EventKind.RELEASED, at)


def test_an_automatic_message_never_acknowledges_and_the_account_says_so():
    machine = Event(EventKind.ACKNOWLEDGED, MONDAY + timedelta(minutes=1), ActorKind.MACHINE)
    found = target_of("acknowledge", [RECEIVED, machine], MONDAY + DAY)
    assert (found.state, found.met_at) == (State.RUNNING, None)
    assert "automatic message" in found.account[0].why
    person = Event(EventKind.ACKNOWLEDGED, MONDAY + DAY)
    assert target_of("acknowledge", [RECEIVED, machine, person], MONDAY + 2 * DAY).met_at == MONDAY + DAY


@pytest.mark.parametrize(("kind", "satisfied"), [
    (EventKind.ACKNOWLEDGED, {TargetCode.ACKNOWLEDGE}),
    (EventKind.ANSWERED, {TargetCode.SIX_MONTHS, TargetCode.RESPOND}),
    (EventKind.PROGRESS_SENT, set()),
    (EventKind.INTERIM_SENT, set()),
    (EventKind.SETTLED, set()),
])
def test_one_event_ticks_only_the_boxes_it_may(kind, satisfied):
    found = reckon_all(ENGLAND, [RECEIVED, Event(kind, MONDAY + DAY)], CALENDAR, at=MONDAY + 2 * DAY, zone=LONDON)
    assert {each.target for each in found if each.state is State.MET} == satisfied


def test_events_after_the_moment_have_not_happened_yet():
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY + 2 * DAY)]
    assert target_of("acknowledge", events, MONDAY + DAY).state is State.RUNNING
    assert target_of("acknowledge", events, MONDAY - DAY).state is State.WAITING


def test_the_earliest_receipt_rules_and_the_order_of_events_does_not_matter():
    events = [Event(EventKind.RECEIVED, MONDAY + DAY), RECEIVED]
    assert target_of("acknowledge", events, MONDAY + DAY).started_at == MONDAY


def test_a_target_breaches_at_the_midnight_it_falls_due():
    midnight = datetime(2026, 3, 6, tzinfo=UTC)
    assert target_of("acknowledge", [RECEIVED], midnight - timedelta(microseconds=1)).state is State.RUNNING
    found = target_of("acknowledge", [RECEIVED], midnight)
    assert (found.state, found.due_at, found.breached_at, found.met_at) == (State.BREACHED, midnight, midnight, None)


def test_a_late_acknowledgement_keeps_the_breach_and_says_when_it_came():
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY + 7 * DAY)]
    found = target_of("acknowledge", events, MONDAY + 30 * DAY)
    assert (found.state, found.met_at) == (State.BREACHED, MONDAY + 7 * DAY)
    assert left_phrase(found, LONDON) == "breached, met 2 working days after"


def test_the_account_counts_exactly_the_amount_and_names_each_closed_day():
    christmas = Event(EventKind.RECEIVED, datetime(2026, 12, 23, 10, tzinfo=UTC))
    account = target_of("acknowledge", [christmas], datetime(2026, 12, 23, 12, tzinfo=UTC)).account
    assert [line.on.day for line in account if line.counted] == [24, 29, 30]
    assert account[0].on == date(2026, 12, 23)
    assert account[-1].on == date(2026, 12, 30)
    assert [line.why for line in account if not line.counted][1:] == ["Christmas Day", "Boxing Day", "Sunday", "Boxing Day (observed)"]


def test_a_statutory_account_says_that_a_hold_does_not_stop_it():
    found = target_of("acknowledge", [RECEIVED, held(MONDAY + DAY)], MONDAY + DAY)
    assert found.due_at == datetime(2026, 3, 6, tzinfo=UTC)
    assert "does not stop" in found.account[1].why


def test_a_held_target_says_since_when_and_when_it_would_be_due_if_released_now():
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY), held(MONDAY + 7 * DAY)]
    found = target_of("progress", events, MONDAY + 10 * DAY)
    assert (found.state, found.due_at, found.held_since) == (State.HELD, None, MONDAY + 7 * DAY)
    assert found.due_if_released_at == datetime(2026, 3, 20, tzinfo=UTC)
    assert left_phrase(found, LONDON) == "held since Mon 9 Mar 2026"


def test_a_target_met_while_held_keeps_its_due_moment():
    events = [RECEIVED, Event(EventKind.STATEMENT_ASKED, MONDAY, subject="a"), held(MONDAY + DAY),
              Event(EventKind.STATEMENT_GIVEN, MONDAY + 3 * DAY, ActorKind.CLINICIAN, subject="a")]
    found = target_of("statement", events, MONDAY + 20 * DAY, subject="a")
    assert (found.state, found.due_at) == (State.MET, datetime(2026, 3, 19, tzinfo=UTC))


def test_two_holds_that_overlap_are_counted_once():
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY), held(MONDAY + DAY), held(MONDAY + 2 * DAY, "awaiting_complainant"),
              released(MONDAY + 3 * DAY)]
    assert target_of("progress", events, MONDAY + 4 * DAY).due_at == datetime(2026, 3, 19, tzinfo=UTC)


def test_a_release_of_one_reason_leaves_the_other():
    one = Event(EventKind.RELEASED, MONDAY + 3 * DAY, data={"reason": "awaiting_consent"})
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY), held(MONDAY + DAY), held(MONDAY + DAY, "awaiting_complainant"), one]
    assert target_of("progress", events, MONDAY + 4 * DAY).state is State.HELD


def test_progress_begins_again_with_each_update_by_a_person():
    machine = Event(EventKind.PROGRESS_SENT, MONDAY + DAY, ActorKind.MACHINE)
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY), machine, Event(EventKind.PROGRESS_SENT, MONDAY + 16 * DAY)]
    found = [each for each in reckon_all(ENGLAND, events, CALENDAR, at=MONDAY + 17 * DAY, zone=LONDON) if each.target == "progress"]
    assert [(each.occurrence, each.state) for each in found] == [(1, State.BREACHED), (2, State.RUNNING)]
    assert found[0].met_at == MONDAY + 16 * DAY
    assert target_of("progress", events, MONDAY + 17 * DAY).occurrence == 2


def test_progress_ends_with_the_answer():
    events = [RECEIVED, Event(EventKind.ACKNOWLEDGED, MONDAY), Event(EventKind.ANSWERED, MONDAY + 3 * DAY),
              Event(EventKind.PROGRESS_SENT, MONDAY + 4 * DAY)]
    found = [each for each in reckon_all(ENGLAND, events, CALENDAR, at=MONDAY + 99 * DAY, zone=LONDON) if each.target == "progress"]
    assert [(each.occurrence, each.state) for each in found] == [(1, State.MET)]


def test_an_interim_notice_without_a_number_of_days_does_not_satisfy():
    nameless = Event(EventKind.INTERIM_SENT, MONDAY + DAY)
    found = target_of("interim_notice", [RECEIVED, nameless], MONDAY + 2 * DAY, CMS)
    assert found.state is State.RUNNING
    assert "no number of days" in found.account[1].why
    numbered = Event(EventKind.INTERIM_SENT, MONDAY + DAY, data={"follow_up_days": 14})
    assert target_of("interim_notice", [RECEIVED, numbered], MONDAY + 2 * DAY, CMS).state is State.MET


def test_half_of_working_time_is_measured_in_opening_hours_and_half_of_months_on_the_clock():
    found = target_of("acknowledge", [RECEIVED], MONDAY)
    assert found.moment_at(0.5) == datetime(2026, 3, 4, 9, 15, tzinfo=UTC)       # 31.5 working hours to the end of Thursday
    assert found.moment_at(1) == found.due_at
    assert found.fraction_used(datetime(2026, 3, 4, 9, 15, tzinfo=UTC)) == pytest.approx(0.5)
    months = target_of("six_months", [RECEIVED], MONDAY)
    assert months.moment_at(0.5) == MONDAY + (months.due_at - MONDAY) / 2


def test_offsets_are_the_opening_of_the_working_day_before_or_after_the_due_day():
    found = target_of("acknowledge", [RECEIVED], MONDAY)                          # due by the end of Thu 5 Mar
    assert found.moment_off(-1) == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert found.moment_off(0) == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert found.moment_off(5) == datetime(2026, 3, 12, 9, tzinfo=UTC)


def test_a_target_without_due_moment_has_no_moment_to_escalate_at():
    found = target_of("respond", [RECEIVED], MONDAY)
    assert (found.state, found.moment_at(0.5), found.moment_off(-1), found.fraction_used(MONDAY)) == (State.WAITING, None, None, None)
    assert "no number of days" in found.why_null


@pytest.mark.parametrize("facts", [Facts("compliment"), Facts("enquiry"), Facts("suggestion"), Facts(is_anonymous=True)])
def test_kinds_without_a_clock_and_anonymous_cases_owe_nobody_an_answer(facts):
    found = reckon_all(ENGLAND, [RECEIVED], CALENDAR, at=MONDAY + 300 * DAY, zone=LONDON, facts=facts)
    assert {each.state for each in found} == {State.NOT_APPLICABLE}
    assert all(each.why for each in found)


@st.composite
def stories(draw):
    """A receipt, an acknowledgement, and holds and releases in any order over eight weeks with bank holidays in them."""
    start = datetime(2026, 3, 16, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 14 * 1440)))
    events, moment = [Event(EventKind.RECEIVED, start), Event(EventKind.ACKNOWLEDGED, start)], start
    for kind in draw(st.lists(st.sampled_from([EventKind.HELD, EventKind.RELEASED]), max_size=6)):
        moment += timedelta(minutes=draw(st.integers(1, 5 * 1440)))
        events.append(Event(kind, moment, data=MappingProxyType({"reason": "awaiting_consent"} if kind is EventKind.HELD else {})))
    return events


@settings(max_examples=150, deadline=None)
@given(stories())
def test_the_days_counted_are_the_amount_and_none_of_them_ends_while_held(events):
    found = target_of("progress", events, events[-1].at)
    if found.state is State.HELD:
        assert found.due_at is None
        assert found.due_if_released_at > found.held_since
        return
    counted = [line.on for line in found.account if line.counted]
    assert len(counted) == 10
    assert counted[-1] == (found.due_at - timedelta(seconds=1)).astimezone(UTC).date() or found.due_at.hour == 23
    assert all(CALENDAR.is_working_date(day) for day in counted)
    assert found.used + found.left == 10 or found.state is State.BREACHED


@settings(max_examples=150, deadline=None)
@given(stories(), st.floats(0, 1), st.floats(0, 1))
def test_shares_of_the_time_come_in_order_and_lie_between_start_and_due(events, one, other):
    found = target_of("progress", events, events[-1].at)
    if found.due_at is None:
        assert found.moment_at(one) is None
        return
    first, last = sorted((one, other))
    assert found.started_at <= found.moment_at(first) <= found.moment_at(last) <= found.due_at


@settings(max_examples=100, deadline=None)
@given(stories())
def test_no_hold_moves_a_statutory_target(events):
    bare = [event for event in events if event.kind in (EventKind.RECEIVED, EventKind.ACKNOWLEDGED)]
    for code in ("acknowledge", "six_months"):
        assert target_of(code, events, events[-1].at).due_at == target_of(code, bare, events[-1].at).due_at
