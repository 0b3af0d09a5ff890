"""The only place that asks the time: every other module is given its moment as `at`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """`moment` as the wall clock of `zone` (an IANA name) shows it."""
    return moment.astimezone(ZoneInfo(zone))


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of `moment` at a site in `zone`."""
    return local(moment, zone).date()


def midnight(day: date, zone: str) -> datetime:
    """The first instant of `day` in `zone`, in UTC; where midnight is skipped, the first instant after."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
