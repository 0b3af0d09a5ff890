"""Runs: each time a target begins on a case, with what satisfied, excused or moved it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ticketing.packs.rules import EventKind, OnReopening, Target
from ticketing.sla.rules.events import Course, Event, Hold

NOT_YET = "not started"
OPENING = frozenset({EventKind.RECEIVED, EventKind.REOPENED})


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a target: what began it and what satisfied it.

    `began_on` is the day it is counted from where that is not the day of `began_at`; `times` multiplies the amount (a grid of months
    is counted from its first day); `gaps` are the times between an end and a reopening, which a resumed period does not count.
    """

    cycle: int
    subject: str = ""
    occurrence: int = 1
    began_at: datetime | None = None
    began_on: date | None = None
    opening: EventKind | str = NOT_YET
    met: Event | None = None
    excuse: Event | None = None
    movers: tuple[Event, ...] = ()
    times: int = 1
    gaps: tuple[Hold, ...] = ()


Due = tuple[datetime, date] | None         # the due moment and the last day
DueOf = Callable[[Target, Run], Due]


def single_runs(target: Target, course: Course, cycle: int, starts: tuple[EventKind, ...]) -> Iterable[Run]:
    """The runs of a target that happens once: one a subject where it has subjects, else one or none.  `starts` are those of cycle 1."""
    events = course.cycles.get(cycle, ())
    if target.is_per_subject:
        subjects = dict.fromkeys(event.subject for event in events if event.kind in starts)
        return [_single(target, _about(target, events, subject), cycle, subject, starts) for subject in subjects]
    if cycle == 1:
        return [_single(target, events, 1, "", starts)]
    if target.on_reopening is OnReopening.STAY:
        return []
    if target.on_reopening is OnReopening.RESUME:
        return [_resumed(target, course, cycle, starts)]
    if target.on_reopening is OnReopening.NEW_STAGE:
        earlier = any(event.kind in starts or event.kind is EventKind.REOPENED for event in course.events if event.cycle < cycle)
        return [] if earlier else [_single(target, events, cycle, "", (EventKind.REOPENED, *starts))]
    return [_single(target, events, cycle, "", (EventKind.REOPENED,))]


def _single(target: Target, events: Sequence[Event], cycle: int, subject: str, starts: tuple[EventKind, ...]) -> Run:
    start = met = excuse = None
    movers: tuple[Event, ...] = ()
    moved_by = target.extension.events if target.extension else ()
    for event in events:
        kind = event.kind
        if start is None and kind in starts:
            start = event
        if met is None and kind in target.satisfied_by and satisfies(target, event):
            met = event
        if excuse is None and (kind is EventKind.ENDED or kind in target.excused_by or (subject and is_end_of(event, subject))):
            excuse = event
        if kind in moved_by:
            movers = (*movers, event)
    if start is None:
        return Run(cycle, subject, met=met if OPENING & set(starts) else None, excuse=excuse)
    if start.kind not in OPENING:           # what was said at an earlier stage neither satisfies nor moves this one
        met = next((event for event in events if event.at >= start.at and satisfies(target, event)), None)
        movers = tuple(event for event in movers if event.at >= start.at)
    if subject and excuse is not None and excuse.kind is EventKind.ENDED and excuse.at < start.at:
        excuse = None                       # what is asked for after a case was closed has to be answered all the same
    return Run(cycle, subject, 1, start.at, None, start.kind, met, excuse, movers)


def is_end_of(event: Event, subject: str) -> bool:
    """Whether this one request was withdrawn or handed back: nobody waits for it any more, and nobody gave it."""
    return event.kind is EventKind.STATEMENT_ENDED and event.subject == subject


def _about(target: Target, events: Sequence[Event], subject: str) -> Sequence[Event]:
    own = {*target.starts, *target.satisfied_by, EventKind.STATEMENT_ENDED}
    return [event for event in events if event.subject == subject or event.kind not in own]


def _resumed(target: Target, course: Course, cycle: int, starts: tuple[EventKind, ...]) -> Run:
    """The run that goes on where an earlier cycle left it; the time in which the case was closed is a gap."""
    runs = [_single(target, course.cycles.get(number, ()), number, "", starts) for number in range(1, cycle + 1)]
    begun = next((run for run in runs if run.began_at), None)
    if begun is None:
        return _single(target, course.cycles.get(cycle, ()), cycle, "", (EventKind.REOPENED, *starts))
    gaps = [_gap(run, course.cycles.get(run.cycle + 1, ())) for run in runs[:-1]]
    movers = tuple(event for run in runs for event in run.movers)
    return Run(cycle, "", 1, begun.began_at, None, begun.opening, runs[-1].met, runs[-1].excuse, movers,
               gaps=tuple(gap for gap in gaps if gap))


def _gap(run: Run, after: Sequence[Event]) -> Hold | None:
    closed = ended_at(run)
    reopened = next((event.at for event in after if event.kind is EventKind.REOPENED), None)
    return Hold("closed", closed, reopened) if closed and reopened and closed < reopened else None


def ended_at(run: Run) -> datetime | None:
    """When a run was satisfied or excused, whichever came first; None if neither has."""
    if run.met and run.excuse:
        return min(run.met.at, run.excuse.at)
    return run.met.at if run.met else run.excuse.at if run.excuse else None


def satisfies(target: Target, event: Event) -> bool:
    """Whether an event is what the target asks for, from somebody it may come from, with what it must contain."""
    if event.kind not in target.satisfied_by or event.actor_kind not in target.by:
        return False
    return not target.needs_days or event.names_days


def holds_during(run: Run, holds: Sequence[Hold]) -> list[Hold]:
    """The holds that touch a run; what satisfied or excused it ends them, so that its due moment stays known."""
    if not holds:
        return []
    end, begin = ended_at(run), run.began_at
    touching = [hold for hold in holds if begin is None or hold.until is None or hold.until > begin]
    if end is None:
        return touching
    return [Hold(hold.reason, hold.since, min(hold.until or end, end)) for hold in touching if hold.since < end]
