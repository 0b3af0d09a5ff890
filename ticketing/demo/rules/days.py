"""The working days around a moment: the demo's cases live on them, and move with today's date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OPENS, CLOSES, GOES_HOME = time(9, 4), time(16, 52), time(16, 59)
BACK, AHEAD = 140, 90
BARELY_OPEN = timedelta(minutes=25)  # a day that has only just begun has no history yet
JUST_NOW = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Working dates counted back from today, or from the next one where today is none (0); negative numbers lie ahead."""

    past: tuple[date, ...]
    ahead: tuple[date, ...]
    zone: str
    now: datetime

    @classmethod
    def around(cls, now: datetime, zone: str, is_working: Callable[[date], bool]) -> WorkingDays:
        today = now.astimezone(ZoneInfo(zone)).date()
        current = next(day for day in (today + timedelta(days=step) for step in range(AHEAD)) if is_working(day))
        past = [day for day in (current - timedelta(days=back) for back in range(2 * BACK)) if is_working(day)]
        ahead = [day for day in (current + timedelta(days=step) for step in range(1, 2 * AHEAD)) if is_working(day)]
        return cls(tuple(past), tuple(ahead), zone, now)

    def day(self, ago: int) -> date:
        """The working date so many working days ago (negative: ahead)."""
        return self.past[ago] if ago >= 0 else self.ahead[-ago - 1]

    def moment(self, ago: int, share: float) -> datetime:
        """A moment of that working day, at this share of its hours.

        Of the present day, of what has passed of them; before it has properly begun, of the last minutes of the day before.
        """
        begin, end = _wall(self.day(ago), OPENS, self.zone), _wall(self.day(ago), CLOSES, self.zone)
        if ago == 0 and self.now < begin + BARELY_OPEN:
            begin, end = _wall(self.day(1), CLOSES, self.zone), _wall(self.day(1), GOES_HOME, self.zone)
        return begin + (min(end, self.now - JUST_NOW) - begin) * share


def _wall(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
