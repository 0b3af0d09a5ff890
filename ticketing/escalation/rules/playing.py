"""Policies as plain data that a fresh process can read, and chunks of cases to compare under them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ticketing.calendars.rules import DEFAULT_HOURS, WorkingCalendar, named_calendar, public_holidays
from ticketing.escalation.rules.comparing import Compared, compare_histories
from ticketing.escalation.rules.simulating import History, Policy, RuleInForce
from ticketing.packs.rules import Pack

CLOSED = "Closed in this simulation"


Hours = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class KeptDays:
    """The holidays of a version kept in the database: those of these years; outside them the public calendar `base` is asked."""

    base: str
    first_year: int
    last_year: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar as plain data; `kept` None for a public one.  `holidays` close it for the law too, `closures` this place alone."""

    code: str
    zone: str
    hours: Hours = ()
    kept: KeptDays | None = None
    holidays: frozenset[date] = frozenset()
    closures: frozenset[date] = frozenset()

    def closed_on(self, days: Iterable[date], *, is_public: bool) -> CalendarSpec:
        """The same, closed on these days too."""
        more = frozenset(days)
        return replace(self, holidays=self.holidays | more) if is_public else replace(self, closures=self.closures | more)

    def calendar(self) -> WorkingCalendar:
        """The calendar itself."""
        if self.kept is None and not (self.holidays or self.closures):
            return named_calendar(self.code, self.zone)
        hours = dict(self.hours) if self.hours else DEFAULT_HOURS
        return WorkingCalendar(self.zone, hours, self._holidays_in, dict.fromkeys(self.closures, CLOSED))

    def _holidays_in(self, year: int) -> frozenset[date]:
        kept, more = self.kept, {day for day in self.holidays if day.year == year}
        if kept is None:
            return frozenset(public_holidays(self.code, year)) | more
        if kept.first_year <= year <= kept.last_year:
            return frozenset(day for day in kept.days if day.year == year) | more
        return (frozenset(public_holidays(kept.base, year)) if kept.base else frozenset()) | more


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy as plain data: see Policy."""

    packs: Mapping[tuple[str, str], Pack]
    calendars: Mapping[tuple[str, str, str], CalendarSpec]
    rules: tuple[RuleInForce, ...]


def policies(*specs: PolicySpec) -> tuple[Policy, ...]:
    """The policies to play under; calendars that are alike are one, so that what is reckoned with them is shared."""
    made: dict[CalendarSpec, WorkingCalendar] = {}
    for spec in specs:
        for one in spec.calendars.values():
            if one not in made:
                made[one] = one.calendar()
    return tuple(Policy(spec.packs, {key: made[one] for key, one in spec.calendars.items()}, spec.rules) for spec in specs)


_ready: list[tuple[tuple[Policy, ...], datetime]] = []


def begin(before: PolicySpec, after: PolicySpec, until: datetime) -> None:
    """Make a process ready for `compare_chunk`."""
    _ready[:] = [(policies(before, after), until)]


def compare_chunk(chunk: Sequence[History]) -> Compared:
    """Compare the two policies that this process was made ready for."""
    (before, after), until = _ready[0]
    return compare_histories(chunk, before, after, until=until)
