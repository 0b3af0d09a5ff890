"""Counts days for a target: the day it falls due on, how far it may be extended, and the days used."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ticketing.calendars.rules import WorkingCalendar, first_instant_of
from ticketing.core.errors import Invalid
from ticketing.packs.rules import Count, Extension, LegalForce, Period, Roll, Target, Unit
from ticketing.sla.rules.events import Hold

DAY = timedelta(days=1)
HeldDays = tuple[date, date | None, str]          # [first day, day of release), reason


@dataclass(frozen=True, slots=True)
class DayCount:
    """How one target counts days: from `start`, by the law's working week, less the days that end while held.

    `times` multiplies the amount: the third month of a grid is three months from its first day.
    """

    target: Target
    start: date
    week: WorkingCalendar
    held: tuple[HeldDays, ...] = ()
    times: int = 1

    @property
    def amount(self) -> int | None:
        return self.target.amount * self.times if self.target.amount is not None else None

    def due_on(self) -> date | None:
        """The last day of the period; None while a hold has no end, or if the target has no number."""
        amount = self.amount
        if amount is None:
            return None
        if self.target.unit is Unit.MONTHS:
            return self._rolled(end_of_months(self.start, amount, self.target.count))
        last = self._walked(amount) if self.held else self._stepped(self._day_before_first(), amount)
        return self._rolled(last) if last else None

    def used(self, until: date) -> int:
        """The days counted up to and including `until`."""
        first = self._day_before_first()
        if until <= first:
            return 0
        closed = sum(self._between(max(first, begin - DAY), min(until, end - DAY if end else until))
                     for begin, end in _merged(self.held) if begin <= until and (end is None or end - DAY > first))
        return self._between(first, until) - closed

    def over(self, due_on: date, today: date) -> int:
        """The days of the target's own unit from the due day to today."""
        return self._between(due_on, today)

    def beyond(self, due_on: date, extension: Extension) -> date | None:
        """The last day to which an extension may move the due day; None if nothing limits it."""
        if extension.at_most is None or extension.at_most_unit is None:
            return None
        is_whole = extension.counted_from is Period.START
        since = self._day_before_first() if is_whole else due_on
        if extension.at_most_unit is Unit.WORKING_DAYS:
            return self.week.working_date_after(since, extension.at_most)
        if extension.at_most_unit is Unit.MONTHS:
            return end_of_months(self.start if is_whole else due_on, extension.at_most, Count.INCLUDE_START if is_whole else
                                 Count.EXCLUDE_START)
        return since + extension.at_most * DAY

    def is_counted(self, on: date) -> bool:
        """Whether this day counts towards the period."""
        return (not self._is_working_unit or self.week.is_working_date(on)) and self.hold_on(on) is None

    def hold_on(self, on: date) -> str | None:
        """The reason for which the case is held as this day ends, if that stops the count."""
        for first, released, reason in self.held:
            if first <= on and (released is None or on < released):
                return reason
        return None

    @property
    def _is_working_unit(self) -> bool:
        return self.target.unit is Unit.WORKING_DAYS

    def _day_before_first(self) -> date:
        return self.start if self.target.count is Count.EXCLUDE_START else self.start - DAY

    def _stepped(self, after: date, amount: int) -> date | None:
        return self.week.working_date_after(after, amount) if self._is_working_unit else after + amount * DAY

    def _walked(self, amount: int) -> date | None:
        """The last day, stepping from one held span to the next."""
        day = self._day_before_first()
        for begin, end in _merged(self.held):
            free = self._between(day, begin - DAY) if begin - DAY > day else 0
            if free >= amount:
                break
            if end is None:
                return None
            amount, day = amount - free, max(day, end - DAY)
        return self._stepped(day, amount)

    def _between(self, after: date, until: date) -> int:
        return self.week.working_dates_between(after, until) if self._is_working_unit else (until - after).days

    def _rolled(self, last: date) -> date | None:
        if self.target.roll is Roll.NONE or self.week.is_working_date(last):
            return last
        return self.week.working_date_after(last, 1)


def _merged(held: Sequence[HeldDays]) -> list[tuple[date, date | None]]:
    """Held spans [first day, day of release) in order, none touching another."""
    spans: list[tuple[date, date | None]] = []
    for begin, end, _ in sorted(held, key=_first_day):
        last = spans[-1][1] if spans else begin
        if spans and (last is None or begin <= last):
            spans[-1] = (spans[-1][0], None if last is None or end is None else max(last, end))
        elif end is None or end > begin:
            spans.append((begin, end))
    return spans


def _first_day(held: HeldDays) -> date:
    return held[0]


def end_of_months(start: date, months: int, count: Count) -> date:
    """The last day of a period of months.

    Beginning on a day, it ends with the day before the corresponding date, or with the month's last day where there is none;
    after a day, it ends with the corresponding date or the month's last day.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9998:
        raise Invalid(f"A period of {months} months is too long to reckon with.")
    last = monthrange(year, month + 1)[1]
    if start.day > last:
        return date(year, month + 1, last)
    corresponding = date(year, month + 1, start.day)
    return corresponding - DAY if count is Count.INCLUDE_START else corresponding


def held_days(holds: Iterable[Hold], zone: ZoneInfo) -> tuple[HeldDays, ...]:
    """The local days that end while a hold runs: from the day it begins to the day before it is released."""
    return tuple(
        (hold.since.astimezone(zone).date(), hold.until.astimezone(zone).date() if hold.until else None, hold.reason)
        for hold in holds
    )


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of a moment at the site."""
    return moment.astimezone(zone).date()


def week_of(target: Target, calendar: WorkingCalendar) -> WorkingCalendar:
    """The working days a target counts: those of its law; of a promise of the hospital's own also less the days on which it is shut."""
    week = target.working_week
    return calendar.with_local_week(week) if target.legal_force is LegalForce.LOCAL else calendar.with_week(week)


@lru_cache(maxsize=8192)
def end_of_day(on: date, zone: str) -> datetime:
    """The UTC instant at which a local day ends; kept, because a thousand cases fall due on the same day."""
    return first_instant_of(on + DAY, zone)
