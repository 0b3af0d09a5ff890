"""Repeating targets: what the first occurrence is counted from, and each one after, as the pack anchors them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ticketing.packs.rules import Anchor, Count, EventKind, OnReopening, Recurrence, Target, Unit
from ticketing.sla.rules.events import Course, Event
from ticketing.sla.rules.runs import DueOf, Run, ended_at, satisfies, single_runs

MOST = 500          # occurrences of one target in one cycle: forty years of months
Beginning = tuple[datetime, date | None, EventKind | str]


@dataclass(frozen=True, slots=True)
class _Cycle:
    """What one cycle holds for a repeating target: its updates by people, in order, and what ends it for good."""

    number: int
    updates: Sequence[Event]
    final: Event | None
    excuse: Event | None

    @property
    def last(self) -> datetime | None:
        return min((event.at for event in (self.final, self.excuse) if event), default=None)


def repeating_runs(target: Target, course: Course, cycle: int, starts: tuple[EventKind, ...], due_of: DueOf, at: datetime,
                   zone: ZoneInfo) -> list[Run]:
    """One run an occurrence, in order; the last is the present one."""
    recurrence = target.recurrence
    if recurrence is None or (cycle > 1 and target.on_reopening is OnReopening.STAY):
        return []
    own = _cycle(target, recurrence, course, cycle)
    begin = _beginning(recurrence, target, course, cycle, starts, due_of, at)
    if begin is None or (own.last is not None and begin[0] > own.last):
        return [Run(cycle, excuse=own.final or own.excuse)]
    if recurrence.anchor is Anchor.LAST_UPDATE:
        return list(_from_updates(own, begin))
    dated = (begin[0], begin[1] or begin[0].astimezone(zone).date(), begin[2])
    return list(_from_due_days(target, recurrence, own, dated, due_of, at))


def _cycle(target: Target, recurrence: Recurrence, course: Course, cycle: int) -> _Cycle:
    events = course.cycles.get(cycle, ())
    final = next((event for event in events if satisfies(target, event)), None)
    excuse = next((event for event in events if event.kind is EventKind.ENDED or event.kind in target.excused_by), None)
    updates = [event for event in events if event.kind in recurrence.updates and event.actor_kind in target.by]
    return _Cycle(cycle, updates, final, excuse)


def _beginning(recurrence: Recurrence, target: Target, course: Course, cycle: int, starts: tuple[EventKind, ...], due_of: DueOf,
               at: datetime) -> Beginning | None:
    """What the first occurrence is counted from; None if that has not come yet."""
    if recurrence.after is not None:
        return _missed(recurrence.after, course, cycle, due_of, at)
    wanted = starts if cycle == 1 else (EventKind.REOPENED,)
    for event in course.cycles.get(cycle, ()):
        if event.kind in wanted and (event.kind not in recurrence.updates or event.actor_kind in target.by):
            return event.at, None, event.kind
    return None


def _missed(after: Target, course: Course, cycle: int, due_of: DueOf, at: datetime) -> Beginning | None:
    """The day on which the time of another target ran out without what it asks for."""
    for run in single_runs(after, course, cycle, after.starts):
        due, ended = due_of(after, run), ended_at(run)
        if due and due[0] <= at and (ended is None or ended >= due[0]):
            return due[0], due[1], f"The last day of the time to {_verb(after)}"
    return None


def _verb(target: Target) -> str:
    return str(target.code).replace("_", " ")


def _from_updates(own: _Cycle, begin: Beginning) -> Iterator[Run]:
    """From each update to the next; the last ends with what satisfies the target for good."""
    updates = [event for event in own.updates if event.at > begin[0] and (own.last is None or event.at <= own.last)]
    updates = [event for event, after in zip(updates, [*updates[1:], None], strict=False) if after is None or event.at < after.at]
    begins = [begin, *((event.at, None, event.kind) for event in updates)]
    for number, (start, end) in enumerate(zip(begins, [*updates, own.final], strict=True), 1):
        yield Run(own.number, "", number, *start, end, own.excuse)


def _from_due_days(target: Target, recurrence: Recurrence, own: _Cycle, begin: Beginning, due_of: DueOf, at: datetime) -> Iterator[Run]:
    """From one due day to the next: on a fixed grid, or until an update begins the count anew."""
    is_grid, first = recurrence.anchor is Anchor.GRID, begin
    for number in range(1, MOST + 1):
        update = _first_after(own, begin[0])
        run = Run(own.number, "", number, *begin, update or own.final, own.excuse)
        if is_grid and target.unit is Unit.MONTHS:
            run = replace(run, began_on=first[1], times=number)
        yield run
        due = due_of(target, replace(run, met=None, excuse=None))
        if due is None or (own.last is not None and own.last < due[0]):
            return
        if update and update.at < due[0] and not is_grid:
            begin = (update.at, None, update.kind)
        elif due[0] <= at or (is_grid and update):
            begin = (due[0], _next_first(target, due[1]), "The day the one before fell due")
        else:
            return


def _first_after(own: _Cycle, begin: datetime) -> Event | None:
    return next((event for event in own.updates if event.at > begin and (own.last is None or event.at <= own.last)), None)


def _next_first(target: Target, last: date) -> date:
    """The day from which the next period is counted once one has ended on `last`."""
    return last if target.count is Count.EXCLUDE_START else last + timedelta(days=1)
