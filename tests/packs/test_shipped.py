"""The twelve packs shipped with the program: what each must hold, and what other rooms say of them."""

from __future__ import annotations

import pytest

from ticketing.calendars.rules import PUBLIC_CALENDARS, find_zone
from ticketing.codes.rules import CALENDARS, CaseType, HoldReason
from ticketing.codes.rules import PACKS as NAMES
from ticketing.packs.rules import LegalForce, OnReopening, TargetCode, Unit, codes, load, versions

PACKS = [load(code) for code in codes()]
TWELVE = ("england-dp", "england-nhs", "ireland-hse", "iso-10002", "northern-ireland-2026", "nsw-health", "nz-hdc", "scotland-nhs",
          "us-cms", "us-medicare-advantage", "wales-2011", "wales-2026")
each_pack = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)


def test_the_twelve_packs_are_shipped():
    assert codes() == TWELVE


def test_older_versions_stay_beside_the_newer():
    assert versions("england-nhs") == versions("us-cms") == ("2026.1", "2026.2")


@each_pack
def test_other_rooms_know_its_name_its_case_types_and_its_hold_reasons(pack):
    assert NAMES[pack.code] == pack.name
    assert {kind.code for kind in pack.case_types} <= {kind.value for kind in CaseType}
    assert {reason.code for reason in pack.hold_reasons} <= {reason.value for reason in HoldReason}


def test_other_rooms_know_the_holiday_calendars():
    assert {code: row.title for code, row in PUBLIC_CALENDARS.items()} == CALENDARS
    assert set(NAMES) == set(codes())


@each_pack
def test_it_says_how_cases_are_told_apart_what_is_kept_and_where_to_turn(pack):
    assert pack.classifier
    assert pack.retention
    assert pack.external_bodies
    assert pack.outcomes
    assert pack.notices
    assert pack.stages
    for rule in (*pack.classifier, *pack.retention, *pack.external_bodies, *pack.time_limits):
        assert rule.source
        assert rule.legal_force in set(LegalForce)
        assert rule.verified in (True, False)
    assert all(ruling.evidence for ruling in pack.classifier)


@each_pack
def test_no_number_is_given_that_nobody_verified(pack):
    for target in pack.targets:
        assert target.verified or target.amount is None
    for rule in pack.retention:
        assert rule.verified or rule.years is None


@each_pack
def test_each_lists_the_events_that_end_hold_and_date_a_case(pack):
    assert {"received", "acknowledged", "answered", "ended", "held", "released", "reopened"} <= {event.code for event in pack.events}


@each_pack
def test_its_calendar_is_in_its_zone(pack):
    assert find_zone(pack.timezone)
    assert PUBLIC_CALENDARS[pack.holidays].timezone == pack.timezone


@pytest.mark.parametrize("code", ["wales-2026", "iso-10002"])
def test_a_regime_without_known_numbers_has_none(code):
    assert {target.amount for target in load(code).targets if target.legal_force is not LegalForce.LOCAL} == {None}


@pytest.mark.parametrize(("code", "target", "amount", "unit", "force"), [
    ("england-nhs", "acknowledge", 3, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("england-nhs", "six_months", 6, Unit.MONTHS, LegalForce.STATUTE),
    ("england-nhs", "regulator", 28, Unit.CALENDAR_DAYS, LegalForce.STATUTE),
    ("england-dp", "acknowledge", 30, Unit.CALENDAR_DAYS, LegalForce.STATUTE),
    ("scotland-nhs", "respond_stage_1", 5, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("scotland-nhs", "acknowledge", 3, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("scotland-nhs", "respond", 20, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("northern-ireland-2026", "respond", 20, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("wales-2011", "acknowledge", 2, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("wales-2011", "respond", 30, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("ireland-hse", "acknowledge", 5, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("ireland-hse", "respond", 30, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("ireland-hse", "progress", 20, Unit.WORKING_DAYS, LegalForce.GUIDANCE),
    ("ireland-hse", "review", 20, Unit.WORKING_DAYS, LegalForce.GUIDANCE),
    ("nz-hdc", "acknowledge", 5, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("nz-hdc", "decide", 10, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("nz-hdc", "decide_further", 20, Unit.WORKING_DAYS, LegalForce.STATUTE),
    ("nz-hdc", "progress", 1, Unit.MONTHS, LegalForce.STATUTE),
    ("nsw-health", "acknowledge", 5, Unit.WORKING_DAYS, LegalForce.GUIDANCE),
    ("nsw-health", "respond", 35, Unit.WORKING_DAYS, LegalForce.GUIDANCE),
    ("us-cms", "respond", 7, Unit.CALENDAR_DAYS, LegalForce.GUIDANCE),
    ("us-cms", "interim_notice", 7, Unit.CALENDAR_DAYS, LegalForce.GUIDANCE),
    ("us-medicare-advantage", "respond", 30, Unit.CALENDAR_DAYS, LegalForce.STATUTE),
    ("us-medicare-advantage", "respond_expedited", 24, Unit.HOURS, LegalForce.STATUTE),
])
def test_the_numbers_are_those_of_the_law(code, target, amount, unit, force):
    rule = load(code).target(target)
    assert (rule.amount, rule.unit, rule.legal_force) == (amount, unit, force)


def test_only_a_reopening_that_begins_the_second_stage_asks_for_its_acknowledgement():
    for code in ("scotland-nhs", "northern-ireland-2026", "ireland-hse"):
        assert load(code).target(TargetCode.ACKNOWLEDGE).on_reopening is OnReopening.NEW_STAGE
