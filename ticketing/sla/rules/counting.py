"""Counts days for a target: the day it falls due on, the days used, and the line that each day gets in the account."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ticketing.calendars.rules import WorkingCalendar
from ticketing.core.errors import Invalid
from ticketing.packs.rules import Count, LegalForce, Roll, Target, Unit
from ticketing.sla.rules.events import Hold

DAY = timedelta(days=1)
LONGEST = 366 * 60
LINES = 800                # an account longer than this is cut in the middle of nothing: no target in use comes near


@dataclass(frozen=True, slots=True)
class DayLine:
    """One local day in the account of a target: whether it counted, and why."""

    on: date
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class DayCount:
    """How one target counts days: from `start`, by the law's working week, less the days that end while held."""

    target: Target
    start: date
    week: WorkingCalendar
    held: tuple[tuple[date, date | None, str], ...] = ()       # [first day, day of release), reason

    def due_on(self) -> date | None:
        """The last day of the period; None while a hold has no end, or if the target has no number."""
        amount = self.target.amount
        if amount is None:
            return None
        if self.target.unit is Unit.MONTHS:
            return self._rolled(end_of_months(self.start, amount, self.target.count))
        last = self._walked(amount) if self.held else self._stepped(amount)
        return self._rolled(last) if last else None

    def used(self, until: date) -> int:
        """The days counted up to and including `until`."""
        first = self._day_before_first()
        if until <= first:
            return 0
        if not self.held:
            return self._between(first, until)
        return sum(1 for day in _days(first + DAY, until) if self.is_counted(day))

    def over(self, due_on: date, today: date) -> int:
        """The days of the target's own unit from the due day to today."""
        return self._between(due_on, today)

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

    def _stepped(self, amount: int) -> date | None:
        first = self._day_before_first()
        return self.week.working_date_after(first, amount) if self._is_working_unit else first + amount * DAY

    def _walked(self, amount: int) -> date | None:
        day = self._day_before_first()
        for _ in range(LONGEST):
            day += DAY
            if self.is_counted(day):
                amount -= 1
                if amount == 0:
                    return day
            elif self._is_held_for_good(day):
                return None
        return None

    def _is_held_for_good(self, on: date) -> bool:
        return any(released is None and first <= on for first, released, _ in self.held)

    def _between(self, after: date, until: date) -> int:
        return self.week.working_dates_between(after, until) if self._is_working_unit else (until - after).days

    def _rolled(self, last: date) -> date | None:
        if self.target.roll is Roll.NONE or self.week.is_working_date(last):
            return last
        return self.week.working_date_after(last, 1)


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


def held_days(holds: Iterable[Hold], zone: ZoneInfo) -> tuple[tuple[date, date | None, str], ...]:
    """The local days that end while a hold runs: from the day it begins to the day before it is released."""
    return tuple(
        (hold.since.astimezone(zone).date(), hold.until.astimezone(zone).date() if hold.until else None, hold.reason)
        for hold in holds
    )


@dataclass(frozen=True, slots=True)
class Story:
    """What the account of one target is told from; `remarks` are sentences for single days."""

    count: DayCount
    last: date
    opening: str
    idle_holds: tuple[tuple[date, date | None, str], ...]      # holds that this target does not stop for
    remarks: tuple[tuple[date, str], ...]

    def lines(self) -> tuple[DayLine, ...]:
        """One line for each day from the start to the last, in order."""
        last = min(self.last, self.count.start + LINES * DAY)
        days = _days(self.count.start, last)
        if self.count.target.unit is Unit.AGREED_DATE:          # nothing is counted between: the days on which something was said
            told = {self.count.start, self.last, *(day for day, _ in self.remarks)}
            days = [day for day in days if day in told]
        return tuple(self._line(day) for day in days)

    def _line(self, on: date) -> DayLine:
        is_counted, why = self._reason(on)
        said = [why, *(remark for day, remark in self.remarks if day == on)]
        return DayLine(on, is_counted, ". ".join(said))

    def _reason(self, on: date) -> tuple[bool, str]:
        target, number = self.count.target, self.count.used(on)
        if target.unit is Unit.AGREED_DATE and on == self.count.start:
            return False, self.opening if on != self.last else f"{self.opening}; the law gives no number of days to count"
        if on == self.count.start and target.count is Count.EXCLUDE_START:
            return False, f"{self.opening}; counting begins the day after"
        if target.unit is Unit.AGREED_DATE:
            return False, "The last day of the agreed period" if on == self.last else "Inside the agreed period"
        closed = self._closed(on)
        if closed:
            return False, closed
        if target.amount is not None and target.unit is not Unit.MONTHS and number > target.amount:
            return False, "Inside the longer period promised" if target.extension else "Not a working day: the end rolls on to the next"
        return True, self._counted(on, number)

    def _counted(self, on: date, number: int) -> str:
        target = self.count.target
        if target.unit is Unit.MONTHS:
            words = f"Day {number} of {target.amount} months" + (f" beginning on the day: {self.opening.lower()}" if number == 1 else "")
        else:
            words = f"{'Working day' if target.unit is Unit.WORKING_DAYS else 'Day'} {number} of {target.amount}"
        if any(first <= on and (released is None or on < released) for first, released, _ in self.idle_holds):
            words += "; the case is held, but this period does not stop for that"
        return words

    def _closed(self, on: date) -> str | None:
        held = self.count.hold_on(on)
        if held is not None:
            return f"Held: {held.replace('_', ' ') or 'no reason given'}"
        if self.count.target.unit is not Unit.WORKING_DAYS or self.count.week.is_working_date(on):
            return None
        return self.count.week.holiday_name(on) or f"{on:%A}"


def _days(first: date, last: date) -> Sequence[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of a moment at the site."""
    return moment.astimezone(zone).date()


def week_of(target: Target, calendar: WorkingCalendar) -> WorkingCalendar:
    """The working days a target counts: those of its law; of a promise of the hospital's own also less the days on which it is shut."""
    week = target.working_week
    return calendar.with_local_week(week) if target.legal_force is LegalForce.LOCAL else calendar.with_week(week)
