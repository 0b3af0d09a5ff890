"""Reads of the clockwork: the reckoning of a case now, and whether the stored timers still equal it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from ticketing.calendars.rules import named_calendar
from ticketing.core.database import db
from ticketing.packs.rules import EventKind, load
from ticketing.sla.models import SlaEvent, SlaPin, Timer
from ticketing.sla.rules import Event, Facts, Reckoning, State, reckon_all

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored timer that is not what its events say: which, what is stored, what should be."""

    case_id: int
    cycle: int
    target: str
    subject: str
    stored: str
    reckoned: str


@dataclass(frozen=True, slots=True)
class BreachRow:
    """A target that was missed, when, and the reason if one was given."""

    case_id: int
    cycle: int
    target: str
    subject: str
    occurrence: int
    due_at: datetime
    met_at: datetime | None
    reason: str | None


def reckonings_of(case_id: int, *, at: datetime) -> tuple[Reckoning, ...]:
    """Every target of every cycle of a case, reckoned now; the first cycle first."""
    return reckonings_by_case([case_id], at=at)[case_id]


def reckonings_by_case(case_ids: Sequence[int], *, at: datetime) -> dict[int, tuple[Reckoning, ...]]:
    """The same for many cases, with two statements however many they are."""
    found: dict[int, list[Reckoning]] = {case_id: [] for case_id in case_ids}
    for pin, reckoned in _reckoned(case_ids, at):
        found[pin.case_id].extend(reckoned)
    return {case_id: tuple(items) for case_id, items in found.items()}


def began_at(case_id: int, cycle: int) -> datetime | None:
    """When a cycle of a case began: its receipt, or the reopening."""
    return db.session.scalar(sa.select(sa.func.min(SlaEvent.occurred_at)).where(
        SlaEvent.case_id == case_id, SlaEvent.cycle == cycle, SlaEvent.is_void.is_(False),
        SlaEvent.kind.in_((EventKind.RECEIVED, EventKind.REOPENED))))


def breaches_of(case_id: int) -> tuple[BreachRow, ...]:
    """The targets this case missed, oldest first."""
    rows = db.session.scalars(sa.select(Timer).where(Timer.case_id == case_id, Timer.breached_at.is_not(None)).order_by(Timer.breached_at))
    return tuple(breach_of(row) for row in rows)


def breach_of(row: Timer) -> BreachRow:
    """A stored timer that was missed, as a row."""
    return BreachRow(
        row.case_id, row.cycle, row.target, row.subject, row.occurrence, row.due_at or row.reckoned_at, row.met_at, row.breach_reason)


def drifts(*, at: datetime) -> Iterator[tuple[int, list[Drift]]]:
    """Recompute every timer from its events, a chunk of cases at a time; yields (timers compared, drifts)."""
    last = 0
    while case_ids := db.session.scalars(
            sa.select(SlaPin.case_id).where(SlaPin.case_id > last).distinct().order_by(SlaPin.case_id).limit(CHUNK)).all():
        last = case_ids[-1]
        timers = db.session.scalars(sa.select(Timer).where(Timer.case_id.in_(case_ids))).all()
        stored = {(row.case_id, row.cycle, row.target, row.subject, row.occurrence): _seen(row) for row in timers}
        reckoned = {(pin.case_id, pin.cycle, item.target.value, item.subject, item.occurrence): _wanted(item)
                    for pin, items in _reckoned(case_ids, at) for item in items if item.state is not State.NOT_APPLICABLE}
        keys = sorted(stored.keys() | reckoned.keys())
        yield len(keys), [Drift(*key[:4], stored.get(key, "none"), reckoned.get(key, "none"))
                          for key in keys if stored.get(key, _NONE) != reckoned.get(key, _NONE)]


_NONE = "not_applicable"


def _seen(timer: Timer) -> str:
    return _words(timer.state, timer.due_at, timer.met_at, timer.held_since)


def _wanted(item: Reckoning) -> str:
    return _words(item.state, item.due_at, item.met_at, item.held_since)


def _words(state: str, due_at: datetime | None, met_at: datetime | None, held_since: datetime | None) -> str:
    """A running timer whose moment has passed since it was stored has not drifted: the sweep will record the breach."""
    if state == State.NOT_APPLICABLE:
        return _NONE
    word = "running" if state == State.BREACHED and met_at is None else state
    return f"{word} due {due_at} met {met_at} held {held_since}"


def _reckoned(case_ids: Sequence[int], at: datetime) -> Iterator[tuple[SlaPin, tuple[Reckoning, ...]]]:
    pins = db.session.scalars(sa.select(SlaPin).where(SlaPin.case_id.in_(case_ids)).order_by(SlaPin.case_id, SlaPin.cycle)).all()
    rows = db.session.scalars(
        sa.select(SlaEvent).where(SlaEvent.case_id.in_(case_ids), SlaEvent.is_void.is_(False))
        .order_by(SlaEvent.case_id, SlaEvent.cycle, SlaEvent.occurred_at, SlaEvent.id))
    events = {key: [event_of(row) for row in group] for key, group in groupby(rows, lambda row: (row.case_id, row.cycle))}
    for pin in pins:
        facts = Facts(pin.case_type, pin.is_anonymous, pin.is_oral)
        calendar = named_calendar(pin.calendar, pin.zone)
        pack, own = load(pin.pack, pin.pack_version), events.get((pin.case_id, pin.cycle), [])
        found = reckon_all(pack, own, calendar, at=at, zone=pin.zone, facts=facts)
        yield pin, tuple(item for item in found if item.cycle == pin.cycle)


def event_of(row: SlaEvent) -> Event:
    """A stored event as the rules read it."""
    return Event(EventKind(row.kind), row.occurred_at, row.actor_kind, row.cycle, row.subject, row.data)
