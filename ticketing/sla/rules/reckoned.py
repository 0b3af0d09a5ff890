"""Reckoning: one target of a case as it stands at a moment, and the moments that escalation asks of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from ticketing.calendars.rules import WorkingCalendar, find_zone, first_instant_of
from ticketing.packs.rules import Target, TargetCode, Unit
from ticketing.sla.rules.account import DayLine, Story
from ticketing.sla.rules.clock import Span, due_moment, moment_spent, time_elapsed
from ticketing.sla.rules.counting import DAY, local_day, week_of

Amount = int | timedelta


class State(StrEnum):
    """Where a target stands."""

    WAITING = "waiting"                    # not started, or no date to run to
    RUNNING = "running"
    HELD = "held"
    MET = "met"
    BREACHED = "breached"                  # met_at says when it was met late, if it was
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """One target on one cycle, subject and occurrence of a case, as it stands at a moment.

    Moments are UTC.  For units of days `due_at` is the midnight at which the last day ends: met means before it.  `used` and `left`
    are in the target's own unit (days, or timedeltas for hours); `left` is negative after the due day, and counts calendar days for
    months and agreed dates.  `why` says in a sentence why the state is what it is; `why_null` why there is no due moment.
    """

    rule: Target
    state: State
    cycle: int = 1
    subject: str = ""
    occurrence: int = 1
    started_at: datetime | None = None
    due_at: datetime | None = None
    met_at: datetime | None = None
    breached_at: datetime | None = None
    excused_at: datetime | None = None             # from here on nobody waits for it any more, breached or not
    held_since: datetime | None = None
    due_if_released_at: datetime | None = None     # for a held target: the due moment if it were released now
    first_due_at: datetime | None = None           # before any event moved it: the statutory date beside an agreed one
    agreed_on: date | None = None                  # the day last agreed or told in this cycle, whether or not it moves this target
    why: str = ""
    why_null: str = ""
    spans: tuple[Span, ...] = field(default=(), repr=False)
    _calendar: WorkingCalendar | None = field(default=None, repr=False, compare=False)
    _usage: Callable[[], tuple[Amount | None, Amount | None]] | None = field(default=None, repr=False, compare=False)
    _story: Callable[[], Story] | None = field(default=None, repr=False, compare=False)

    @property
    def target(self) -> TargetCode:
        return self.rule.code

    @property
    def pack(self) -> str:
        return self.rule.pack

    @property
    def unit(self) -> Unit:
        return self.rule.unit

    @property
    def clause(self) -> str:
        return self.rule.clause

    @property
    def calendar(self) -> WorkingCalendar | None:
        """The calendar it was reckoned with; None for a target that does not apply."""
        return self._calendar

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody still has to do what the target asks."""
        return self.state in (State.RUNNING, State.BREACHED) and self.met_at is None and self.excused_at is None

    @property
    def used(self) -> Amount | None:
        """How much of the period is used; counted only when asked for."""
        return self._usage()[0] if self._usage else None

    @property
    def left(self) -> Amount | None:
        """How much of the period is left, negative once it has passed; counted only when asked for."""
        return self._usage()[1] if self._usage else None

    @property
    def account(self) -> tuple[DayLine, ...]:
        """Day by day from the start to the due day (or the moment asked about); built only when asked for."""
        return self._story().lines() if self._story else ()

    def moment_at(self, fraction: float) -> datetime | None:
        """When this share of the time between start and due is used: of working time for working units, else of elapsed time.

        Time held is not counted.  None while there is no due moment.
        """
        if self.due_at is None or self.started_at is None or self._calendar is None:
            return None
        if fraction >= 1:
            return self.due_at
        spans = [(since, min(until, self.due_at) if until else self.due_at) for since, until in self.spans if since < self.due_at]
        if not self.unit.is_working:
            return moment_spent(spans, fraction * sum((until - since for since, until in spans), timedelta()))
        total = sum((self._calendar.between(since, until) for since, until in spans), timedelta())
        return due_moment(self._calendar, max(fraction, 0) * total, spans) or self.due_at

    def moment_off(self, working_days: int) -> datetime | None:
        """The opening of the working day so many before (negative) or after the due day; for hours, the same time of that day."""
        if self.due_at is None or self._calendar is None:
            return None
        zone = find_zone(self._calendar.timezone)
        week = week_of(self.rule, self._calendar)
        on = _stepped(week, local_day(self.due_at - timedelta(microseconds=1), zone), working_days)
        if self.unit.is_in_days:
            return self._calendar.next_opening(first_instant_of(on, zone.key))
        wall = self.due_at.astimezone(zone)
        return self._calendar.next_opening(wall.replace(year=on.year, month=on.month, day=on.day))

    def fraction_used(self, at: datetime) -> float | None:
        """The share of the time between start and due that is used at a moment; None while there is no due moment."""
        if self.due_at is None or self._calendar is None:
            return None
        measure = self._calendar.between if self.unit.is_working else time_elapsed
        spans = [(since, min(until, self.due_at) if until else self.due_at) for since, until in self.spans if since < self.due_at]
        whole = sum((measure(since, until) for since, until in spans), timedelta())
        used = sum((measure(since, min(until, at)) for since, until in spans), timedelta())
        return used / whole if whole else 1.0


def _stepped(week: WorkingCalendar, on: date, days: int) -> date:
    if days >= 0:
        return week.working_date_after(on, days) or on
    left, day = -days, on
    while left:
        day -= DAY
        left -= week.is_working_date(day)
    return day
