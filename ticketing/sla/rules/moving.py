"""How agreed dates, amended periods and interim notices move the last day of a period, as the pack's rule allows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ticketing.packs.rules import Extension, ExtensionRule, Target
from ticketing.sla.rules.counting import DAY, DayCount, end_of_day, local_day
from ticketing.sla.rules.events import Event
from ticketing.sla.rules.runs import Run

Remark = tuple[date, str]


class Moved(NamedTuple):
    """The due moment after every event, before any, and a remark for each day on which one moved it or came too late to."""

    due_at: datetime | None
    first_due_at: datetime | None
    remarks: tuple[Remark, ...]


def moved(target: Target, run: Run, count: DayCount, zone: ZoneInfo) -> Moved:
    """The due moments of a target counted in days."""
    first = count.due_on()
    first_due_at = end_of_day(first, zone.key) if first else None
    if target.extension is None or not run.movers:
        return Moved(first_due_at, first_due_at, ())
    due_on, remarks = first, []
    for on, named, remark in _steps(target.extension, run, count, first, zone):
        due_on = named or due_on
        remarks.append((on, remark))
    return Moved(end_of_day(due_on, zone.key) if due_on else None, first_due_at, tuple(remarks))


def _steps(extension: Extension, run: Run, count: DayCount, first: date | None, zone: ZoneInfo
           ) -> Iterator[tuple[date, date | None, str]]:
    """(day of the event, new last day or None, remark) for each event that moves the day, or would have if it had come in time."""
    furthest = count.beyond(first, extension) if first else None
    due_on = first
    for event in run.movers:
        on = local_day(event.at, zone)
        asked = _asked(extension, event, furthest, on)
        named = min(asked, furthest) if asked and furthest else asked
        if named is None or named == due_on or (extension.rule is not ExtensionRule.REPLACES and (due_on is None or named < due_on)):
            continue
        if due_on is not None and on > due_on:
            yield on, None, f"A new date, {_said(named)}, came after the period had run out, so the breach stands"
            continue
        due_on = named
        capped = f"; {_said(asked)} was named, but no more is allowed" if asked and asked > named else ""
        yield on, named, f"{str(event.kind).replace('_', ' ').capitalize()}: due by the end of {_said(named)}{capped}"


def _asked(extension: Extension, event: Event, furthest: date | None, on: date) -> date | None:
    """The day an event asks for under the pack's rule; None if it asks for none."""
    if extension.rule is ExtensionRule.REPLACES:
        return event.due_on
    if extension.rule is ExtensionRule.LENGTHENS:
        return event.due_on if event.is_agreed else None
    if extension.rule is ExtensionRule.NOTIFIED:
        return event.due_on or furthest
    return on + event.follow_up_days * DAY if event.follow_up_days else None


def _said(on: date) -> str:
    return f"{on:%a} {on.day} {on:%b %Y}"
