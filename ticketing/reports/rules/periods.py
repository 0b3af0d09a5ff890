"""The periods a report may be about, and their weeks or months; whole days at the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

LENGTHS = {"30": 30, "90": 90, "365": 365}
DEFAULT = "90"
QUARTERS = 8  # how many are offered, the present one included
FINE = 45  # days up to which a period is shown by week
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of `starts_on` to the end of `ends_on`, at the site."""

    code: str
    label: str
    starts_on: date
    ends_on: date

    def holds(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


@dataclass(frozen=True, slots=True)
class Bucket:
    """A week or a month of a period, cut off at the period's ends."""

    label: str
    starts_on: date
    ends_on: date

    def holds(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


def periods(today: date) -> tuple[Period, ...]:
    """Every period on offer: the last 30, 90 and 365 days, today included, and quarters of the calendar, newest first."""
    lengths = tuple(Period(code, f"Last {days} days", today - timedelta(days=days - 1), today) for code, days in LENGTHS.items())
    return lengths + tuple(_quarters(today))


def period_of(code: str, today: date) -> Period:
    """The period with this code, the usual one for a code that is not on offer."""
    offered = {period.code: period for period in periods(today)}
    return offered.get(code) or offered[DEFAULT]


def buckets(period: Period) -> tuple[Bucket, ...]:
    """The weeks of a short period (Monday to Sunday), the months of a longer one."""
    days = (period.ends_on - period.starts_on).days + 1
    found, begin = [], period.starts_on
    while begin <= period.ends_on:
        end = min(_week_end(begin) if days <= FINE else _month_end(begin), period.ends_on)
        found.append(Bucket(_label(begin, is_week=days <= FINE), begin, end))
        begin = end + timedelta(days=1)
    return tuple(found)


def _quarters(today: date) -> Iterator[Period]:
    year, quarter = today.year, (today.month - 1) // 3
    for _ in range(QUARTERS):
        starts_on = date(year, quarter * 3 + 1, 1)
        ends_on = _month_end(date(year, quarter * 3 + 3, 1))
        yield Period(f"{year}q{quarter + 1}", f"{MONTHS[quarter * 3]} to {MONTHS[quarter * 3 + 2]} {year}", starts_on, ends_on)
        year, quarter = (year, quarter - 1) if quarter else (year - 1, 3)


def _week_end(day: date) -> date:
    return day + timedelta(days=6 - day.weekday())


def _month_end(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following - timedelta(days=1)


def _label(begin: date, *, is_week: bool) -> str:
    return f"{begin.day} {MONTHS[begin.month - 1]}" if is_week else f"{MONTHS[begin.month - 1]} {begin.year % 100:02d}"
