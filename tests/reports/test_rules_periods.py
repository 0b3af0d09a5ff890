"""Periods and their weeks and months; shares and percentiles by their stated rules."""

from datetime import date, timedelta

import pytest

from ticketing.reports.rules import buckets, median, percentile, period_of, periods, share

TODAY = date(2026, 11, 24)


def test_the_last_thirty_days_are_thirty_with_today():
    period = period_of("30", TODAY)
    assert (period.starts_on, period.ends_on) == (date(2026, 10, 26), TODAY)
    assert (period.ends_on - period.starts_on).days + 1 == 30


def test_quarters_are_those_of_the_calendar_newest_first():
    quarters = [period for period in periods(TODAY) if "q" in period.code]
    assert [(quarter.label, quarter.starts_on, quarter.ends_on) for quarter in quarters[:3]] == [
        ("Oct to Dec 2026", date(2026, 10, 1), date(2026, 12, 31)),
        ("Jul to Sep 2026", date(2026, 7, 1), date(2026, 9, 30)),
        ("Apr to Jun 2026", date(2026, 4, 1), date(2026, 6, 30))]
    assert quarters[-1].label == "Jan to Mar 2025"


def test_a_code_that_is_not_on_offer_is_the_usual_period():
    assert period_of("'; drop table", TODAY) == period_of("90", TODAY) == period_of("", TODAY)


@pytest.mark.parametrize("today", [date(2026, 11, 24), date(2028, 2, 29), date(2026, 1, 1), date(2026, 12, 31)])
def test_buckets_fill_their_period_without_gap_or_overlap(today):
    for period in periods(today):
        days = [bucket.starts_on + timedelta(days=step) for bucket in buckets(period)
                for step in range((bucket.ends_on - bucket.starts_on).days + 1)]
        assert days == [period.starts_on + timedelta(days=step) for step in range(len(days))]
        assert days[-1] == period.ends_on


def test_a_short_period_is_shown_by_week_and_a_long_one_by_month():
    assert [bucket.label for bucket in buckets(period_of("30", TODAY))] == ["26 Oct", "2 Nov", "9 Nov", "16 Nov", "23 Nov"]
    assert [bucket.label for bucket in buckets(period_of("90", TODAY))] == ["Aug 26", "Sep 26", "Oct 26", "Nov 26"]


@pytest.mark.parametrize(("values", "expected"), [([], None), ([5], 5), ([3, 1, 2], 2), ([1, 2, 3, 10], 2.5)])
def test_the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle(values, expected):
    assert median(values) == expected


@pytest.mark.parametrize(("values", "expected"), [
    ([], None), ([5], 5), (range(1, 11), 9), (range(1, 12), 10), (range(1, 101), 90), ([7, 7, 7, 50], 50)])
def test_the_ninetieth_percentile_is_by_nearest_rank(values, expected):
    assert percentile(list(values), 90) == expected


@pytest.mark.parametrize(("part", "whole", "expected"), [
    (0, 0, None), (0, 9, 0), (1, 8, 13), (1, 3, 33), (2, 3, 67), (399, 400, 99), (400, 400, 100), (1, 400, 1)])
def test_a_share_is_whole_only_when_all_are_in_it(part, whole, expected):
    assert share(part, whole) == expected
