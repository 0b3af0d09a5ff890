"""Playing many histories on several processors: policies as plain data that a fresh process can read, and chunks of cases; pure."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from multiprocessing import get_context

from ticketing.calendars.rules import DEFAULT_HOURS, WorkingCalendar, named_calendar, public_calendar, public_holidays
from ticketing.escalation.rules.comparing import Compared, compare_histories
from ticketing.escalation.rules.simulating import History, Policy, RuleInForce
from ticketing.packs.rules import Pack

CHUNK = 250       # cases handed to a process at once
AHEAD = 3         # chunks waiting for each process, so that none runs dry while the next are read
CLOSED = "Closed in this simulation"


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar by its code and version, and the days on which it would be closed besides; holidays close it for the law too."""

    code: str
    version: str
    zone: str
    holidays: frozenset[date] = frozenset()
    closures: frozenset[date] = frozenset()

    def closed_on(self, days: Iterable[date], *, is_public: bool) -> CalendarSpec:
        """The same, closed on these days too."""
        more = frozenset(days)
        return replace(self, holidays=self.holidays | more) if is_public else replace(self, closures=self.closures | more)

    def calendar(self) -> WorkingCalendar:
        """The calendar itself."""
        if not (self.holidays or self.closures):
            return named_calendar(self.code, self.zone)
        code, more = self.code, self.holidays
        return WorkingCalendar(
            self.zone or public_calendar(code).timezone, DEFAULT_HOURS,
            lambda year: {**public_holidays(code, year), **{day: CLOSED for day in more if day.year == year}},
            dict.fromkeys(self.closures, CLOSED))


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


def play(chunks: Iterable[Sequence[History]], before: PolicySpec, after: PolicySpec, *, until: datetime, processes: int
         ) -> Iterator[Compared]:
    """Compare two policies chunk by chunk, in the order of the chunks; with one process here, with more each in its own."""
    if processes <= 1:
        pair = policies(before, after)
        yield from (compare_histories(chunk, *pair, until=until) for chunk in chunks)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin, initargs=(before, after, until)) as pool:
        waiting: deque[Future[Compared]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_compare, chunk))
            if len(waiting) >= processes * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def processors() -> int:
    """How many processes are worth starting here."""
    return min(os.cpu_count() or 1, 4)


_ready: list[tuple[tuple[Policy, ...], datetime]] = []


def _begin(before: PolicySpec, after: PolicySpec, until: datetime) -> None:
    _ready[:] = [(policies(before, after), until)]


def _compare(chunk: Sequence[History]) -> Compared:
    (before, after), until = _ready[0]
    return compare_histories(chunk, before, after, until=until)
