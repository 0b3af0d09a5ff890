"""Runs: each time a target begins on a case, with what satisfied, excused or moved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ticketing.packs.rules import EventKind, OnReopening, Target
from ticketing.sla.rules.events import Event, Hold, holds_of


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a target: what began it and what satisfied it."""

    cycle: int
    subject: str
    occurrence: int
    start: Event | None
    met: Event | None
    excuse: Event | None
    movers: tuple[Event, ...]


def runs_of(target: Target, events: Sequence[Event]) -> list[Run]:
    """Every run of a target over ordered events: one for each cycle, subject and occurrence, in that order."""
    cycles = sorted({event.cycle for event in events} | {1})
    return [run for cycle in cycles for run in _of_cycle(target, [event for event in events if event.cycle == cycle], cycle)]


def _of_cycle(target: Target, events: list[Event], cycle: int) -> list[Run]:
    if target.is_per_subject:
        subjects = dict.fromkeys(event.subject for event in events if event.kind in target.starts)
        return [_single(target, _about(target, events, subject), cycle, subject, target.starts) for subject in subjects]
    if cycle > 1 and target.on_reopening is OnReopening.STAY:
        return []
    if target.is_recurring:
        return _recurring(target, events, cycle)
    return [_single(target, events, cycle, "", target.starts if cycle == 1 else (EventKind.REOPENED,))]


def _about(target: Target, events: list[Event], subject: str) -> list[Event]:
    own = {*target.starts, *target.satisfied_by}
    return [event for event in events if event.subject == subject or event.kind not in own]


def _single(target: Target, events: list[Event], cycle: int, subject: str, starts: tuple[EventKind, ...]) -> Run:
    start = next((event for event in events if event.kind in starts), None)
    met = next((event for event in events if satisfies(target, event)), None)
    return Run(cycle, subject, 1, start, met, _excuse(target, events), _movers(target, events))


def _recurring(target: Target, events: list[Event], cycle: int) -> list[Run]:
    """One run from each update to the next; the last ends with what satisfies the target for good."""
    updates = [event for event in events if _updates(target, event)]
    final, excuse = next((event for event in events if satisfies(target, event)), None), _excuse(target, events)
    last = min((event.at for event in (final, excuse) if event), default=None)
    updates = [event for event in updates if last is None or event.at <= last]
    updates = [event for event, after in zip(updates, [*updates[1:], None], strict=False) if after is None or event.at < after.at]
    ends = [*updates[1:], final]
    runs = [Run(cycle, "", number, start, end, excuse, ()) for number, (start, end) in enumerate(zip(updates, ends, strict=False), 1)]
    return runs or [Run(cycle, "", 1, None, None, final or excuse, ())]


def _updates(target: Target, event: Event) -> bool:
    return event.kind is EventKind.REOPENED or (
        target.recurrence is not None and event.kind in target.recurrence.updates and event.actor_kind in target.by)


def satisfies(target: Target, event: Event) -> bool:
    """Whether an event is what the target asks for, from somebody it may come from, with what it must contain."""
    if event.kind not in target.satisfied_by or event.actor_kind not in target.by:
        return False
    return event.names_days or not target.needs_days


def _excuse(target: Target, events: list[Event]) -> Event | None:
    return next((event for event in events if event.kind is EventKind.ENDED or event.kind in target.excused_by), None)


def _movers(target: Target, events: list[Event]) -> tuple[Event, ...]:
    return tuple(event for event in events if target.extension and event.kind in target.extension.events)


def holds_until(run: Run, events: Sequence[Event]) -> list[Hold]:
    """The holds that touch a run; what satisfied or excused it ends them, so that its due moment stays known."""
    end = min((event.at for event in (run.met, run.excuse) if event), default=None)
    begin = run.start.at if run.start else None
    touching = [hold for hold in holds_of(events) if begin is None or hold.until is None or hold.until > begin]
    if end is None:
        return touching
    return [replace(hold, until=min(hold.until or end, end)) for hold in touching if hold.since < end]
