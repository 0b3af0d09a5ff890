"""How long something took, by each clock: calendar hours, business minutes, working days; and how such spans are summed up.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from ticketing.reports.rules.arithmetic import percentile

OPENS, SHUTS = time(9), time(17)
FRIDAY, WEEKDAYS = 4, 5
Number = int | float


def linear(values: Sequence[Number], part: float) -> float | None:
    """The percentile between the two values nearest to it, in proportion (type 7 of Hyndman and Fan); None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    place = (len(ranked) - 1) * part
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def spread(values: Sequence[Number]) -> dict[str, Any]:
    """Number, mean, extremes, and median and 90th percentile by both rules, to four places."""
    ranked = sorted(values)
    return {
        "n": len(values), "mean": _four(math.fsum(values) / len(values)) if values else None,
        "min": _four(ranked[0]) if ranked else None, "max": _four(ranked[-1]) if ranked else None,
        "median_linear": _four(linear(ranked, .5)), "p90_linear": _four(linear(ranked, .9)),
        "median_nearest_rank": _four(percentile(ranked, 50)), "p90_nearest_rank": _four(percentile(ranked, 90))}


def part(number: int, whole: int) -> dict[str, Any]:
    """So many of so many, and how much that is of a hundred, to four places; None of nothing."""
    return {"n": number, "of": whole, "pct": _four(100 * number / whole) if whole else None}


def business_seconds(begin: datetime, end: datetime, holidays: frozenset[date] = frozenset()) -> float:
    """Seconds from Monday to Friday, 09:00 up to 17:00, between two moments on the local clock; none on holidays."""
    if end <= begin:
        return 0.0
    first, last = begin.date(), end.date()
    if first == last:
        return _open_part(begin, end, first, holidays)
    whole = _weekdays(first, last, holidays) - _is_working(last, holidays)
    day = (SHUTS.hour - OPENS.hour) * 3600
    return (whole * day + _open_part(begin, datetime.combine(first, SHUTS), first, holidays)
            + _open_part(datetime.combine(last, OPENS), end, last, holidays))


def working_days(begin: datetime, end: datetime, holidays: frozenset[date] = frozenset()) -> int:
    """Mondays to Fridays after the day of the first moment, up to and with the day of the second."""
    return _weekdays(begin.date(), end.date(), holidays)


def _open_part(begin: datetime, end: datetime, day: date, holidays: frozenset[date]) -> float:
    if not _is_working(day, holidays):
        return 0.0
    since, until = max(begin, datetime.combine(day, OPENS)), min(end, datetime.combine(day, SHUTS))
    return max(0.0, (until - since).total_seconds())


def _weekdays(first: date, last: date, holidays: Iterable[date]) -> int:
    """Working days d with first < d <= last."""
    if last <= first:
        return 0
    weeks, rest = divmod(last.toordinal() - first.toordinal(), 7)
    odd = sum((first.weekday() + ahead) % 7 < WEEKDAYS for ahead in range(1, rest + 1))
    return weeks * WEEKDAYS + odd - sum(day.weekday() < WEEKDAYS for day in holidays if first < day <= last)


def _is_working(day: date, holidays: frozenset[date]) -> bool:
    return day.weekday() <= FRIDAY and day not in holidays


def _four(value: Number | None) -> Number | None:
    return None if value is None else round(value, 4)
