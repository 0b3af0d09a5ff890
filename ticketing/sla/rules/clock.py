"""run_clock: spends a budget of working time over starts, pauses, resumptions and stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ticketing.calendars.rules import WorkingCalendar
from ticketing.core.errors import Invalid
from ticketing.sla.rules.events import Hold

STARTS, HALTS = ("start", "resume"), ("pause", "stop")
Span = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Clock:
    """`due_at`: when the budget is spent, None if the clock is held before.  `elapsed`: working time run up to the last halt."""

    due_at: datetime | None
    elapsed: timedelta


def run_clock(calendar: WorkingCalendar, *, budget: timedelta, events: Sequence[tuple[datetime, str]]) -> Clock:
    """Run a clock of `budget` working time over (moment, "start" | "pause" | "resume" | "stop").

    A stop ends the clock but not the promise: due_at is where the clock would have run out.  A stop while paused leaves it held.  A
    resume after a stop is a reopening, and the time between is not counted.  Repeated words change nothing.  Invalid for an unknown
    word, a moment without zone, a negative budget or a clock that does not begin with a start.
    """
    if budget < timedelta():
        raise Invalid("A clock's budget cannot be negative.")
    spans, is_stopped = running_spans(_in_order(events))
    elapsed = sum((calendar.between(begin, end) for begin, end in spans if end), timedelta())
    promised = [*spans[:-1], (spans[-1][0], None)] if is_stopped else spans
    return Clock(due_moment(calendar, budget, promised), elapsed)


def running_spans(events: Sequence[tuple[datetime, str]]) -> tuple[list[Span], bool]:
    """The spans [from, to) in which the clock runs (no end while it still does), and whether a stop ended the last of them."""
    spans: list[Span] = []
    since: datetime | None = None
    is_stopped = False
    for moment, word in events:
        if word in STARTS and since is None:
            since, is_stopped = moment, False
        elif word in HALTS and since is not None:
            spans.append((since, moment))
            since, is_stopped = None, word == "stop"
    if since is not None:
        spans.append((since, None))
    return spans, is_stopped


def due_moment(calendar: WorkingCalendar, budget: timedelta, spans: Iterable[Span]) -> datetime | None:
    """When `budget` is spent over the spans; None if they end first or the calendar never opens."""
    for begin, end in spans:
        due = calendar.add(begin, budget)
        if due is None or end is None or due < end or (due == end and budget):
            return due
        budget -= calendar.between(begin, end)
    return None


def spans_between_holds(start: datetime, holds: Sequence[Hold]) -> list[Span]:
    """The spans from the start in which no hold runs; the last is open unless a hold has no end."""
    spans: list[Span] = []
    since = start
    for hold in sorted(holds, key=lambda each: each.since):
        if hold.since > since:
            spans.append((since, hold.since))
        if hold.until is None:
            return spans
        since = max(since, hold.until)
    return [*spans, (since, None)]


def moment_spent(spans: Iterable[Span], budget: timedelta) -> datetime | None:
    """When `budget` of plain elapsed time is spent over the spans."""
    for since, until in spans:
        if until is None or until - since >= budget:
            return since.astimezone(UTC) + budget
        budget -= until - since
    return None


def time_elapsed(since: datetime, until: datetime) -> timedelta:
    """Plain time from one moment to another; never negative."""
    return max(until - since, timedelta())


def _in_order(events: Sequence[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    for moment, word in events:
        if word not in STARTS + HALTS:
            raise Invalid(f"“{word}” is not an event of a clock. Use start, pause, resume or stop.")
        if moment.utcoffset() is None:
            raise Invalid(f"The moment of “{word}” does not say its time zone. Give it an offset, for example +00:00.")
    ordered = sorted(events, key=lambda event: event[0])
    if ordered and ordered[0][1] != "start":
        raise Invalid(f"A clock begins with a start, not with “{ordered[0][1]}”.")
    return ordered
