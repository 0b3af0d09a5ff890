"""Typed events of a case, the facts about it that choose its targets, and the course they make: in order, by cycle, with its holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules import EventKind

DATED = frozenset({EventKind.PERIOD_AGREED, EventKind.EXTENDED})


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a case at a moment (aware), by a kind of actor, in a numbered cycle.

    `subject` names the statement request it concerns.  `data`: due_on (ISO day) and is_agreed for an agreed or amended period,
    follow_up_days for an interim notice, reason for a hold or an end.
    """

    kind: EventKind
    at: datetime
    actor_kind: ActorKind = ActorKind.OFFICER
    cycle: int = 1
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=_nothing, hash=False)

    @property
    def due_on(self) -> date | None:
        """The agreed or amended day; None if the event names none."""
        value = self.data.get("due_on")
        if value is None or isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise Invalid(f"“{value}” is not a day. Write the due day as year-month-day, for example 2027-01-29.") from None

    @property
    def follow_up_days(self) -> int | None:
        """The number of days an interim notice names; None if it names none, which is a defect of the notice."""
        value = self.data.get("follow_up_days")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    @property
    def names_days(self) -> bool:
        """Whether an interim notice named a number of days, known here or only known to have been stated."""
        return self.follow_up_days is not None or self.data.get("names_days") is True

    @property
    def is_agreed(self) -> bool:
        """Whether the complainant agreed: assumed of an agreed period, not of a notified extension."""
        return bool(self.data.get("is_agreed", self.kind is EventKind.PERIOD_AGREED))


@dataclass(frozen=True, slots=True)
class Facts:
    """What about a case chooses its targets.  `case_type` "" means the pack's default."""

    case_type: str = ""
    is_anonymous: bool = False
    is_oral: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """A span in which the case waits, for one reason; `until` None while it still does."""

    reason: str
    since: datetime
    until: datetime | None


@dataclass(slots=True)
class Course:
    """What has happened to a case by a moment: its events in order, those of each cycle, and its holds."""

    events: Sequence[Event]
    cycles: Mapping[int, Sequence[Event]]
    holds: Sequence[Hold]
    agreed: Mapping[int, Event]          # by cycle, the last event that named a day

    def agreed_on(self, cycle: int) -> date | None:
        """The day last agreed or told in a cycle."""
        event = self.agreed.get(cycle)
        return event.due_on if event else None

    @classmethod
    def of(cls, events: Sequence[Event], at: datetime) -> Course:
        """The course by `at`: later events have not happened yet."""
        known = sorted([event for event in events if event.at <= at], key=_moment)
        cycles: dict[int, list[Event]] = {1: []}
        agreed: dict[int, Event] = {}
        for event in known:
            cycles.setdefault(event.cycle, []).append(event)
            if event.kind in DATED:
                agreed[event.cycle] = event
        return cls(known, dict(sorted(cycles.items())), holds_of(known), agreed)


def _moment(event: Event) -> datetime:
    return event.at


def holds_of(events: Iterable[Event]) -> tuple[Hold, ...]:
    """The holds that ordered events add up to; a release without a reason ends every hold, and so does a reopening."""
    running: dict[str, datetime] = {}
    holds: list[Hold] = []
    for event in events:
        if event.kind is EventKind.HELD:
            running.setdefault(str(event.data.get("reason", "")), event.at)
        elif running and event.kind in (EventKind.RELEASED, EventKind.REOPENED):
            reason = str(event.data.get("reason", ""))
            ended = [reason] if reason in running and event.kind is EventKind.RELEASED else list(running)
            holds.extend(Hold(each, running.pop(each), event.at) for each in ended)
    return (*holds, *(Hold(reason, since, None) for reason, since in running.items()))


def numbered(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events in order of time, each in the cycle that the reopenings before it began."""
    cycle, ordered = 1, []
    for event in sorted(events, key=_moment):
        cycle += event.kind is EventKind.REOPENED
        ordered.append(replace(event, cycle=cycle))
    return tuple(ordered)
