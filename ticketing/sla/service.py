"""The verbs of the clockwork: pin a cycle to its law, record an event, and keep the timers equal to what `reckon` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.calendars import queries as calendars
from ticketing.core import clock
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, ActorKind
from ticketing.packs import queries as packs
from ticketing.packs.rules import EventKind
from ticketing.sla.models import SlaEvent, SlaPin, Timer
from ticketing.sla.queries import BreachRow, Pinned, Revision, breach_of, event_of, pinned_of, reckon_pinned, revised
from ticketing.sla.rules import Event, Reckoning, State

Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class PinDetails:
    """Under what one cycle of a case is reckoned; a case that falls under two laws has two, one of them the main one."""

    pack: str
    calendar: str
    zone: str
    case_type: str
    is_anonymous: bool
    is_oral: bool
    is_main: bool = True


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record; `occurred_at` None means now."""

    kind: EventKind
    occurred_at: datetime | None = None
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    actor_kind: ActorKind | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A cycle to open, with its first events, under its main pack and perhaps more."""

    case_id: int
    cycle: int
    pin: PinDetails
    events: tuple[NewEvent, ...]
    more: tuple[PinDetails, ...] = ()

    @property
    def pins(self) -> tuple[PinDetails, ...]:
        return self.pin, *self.more


@dataclass(frozen=True, slots=True)
class Rebased:
    """The pins that changed, before and after, and the timers as they stand now; nothing where everything was as wanted."""

    changes: tuple[tuple[Pinned, Pinned], ...]
    reckoned: tuple[Reckoning, ...]


@atomic
def open_cycles(openings: Sequence[Opening], *, by: Actor, at: datetime) -> dict[int, tuple[Reckoning, ...]]:
    """Pin and start a cycle for each case; returns the reckonings by case id.  No query per case, so imports may open thousands.

    Each pin names the version of the pack that is in force on the day of the first event, and the newest of the calendar.
    """
    shelf, newest = packs.shelf(), calendars.in_force()
    pinned = {(opening.case_id, pin.pack): _pinned(pin, opening.events[0].occurred_at or at, shelf, newest(pin.calendar))
              for opening in openings for pin in opening.pins}
    earlier = _told([opening.case_id for opening in openings if opening.cycle > 1])
    reckoned = {opening.case_id: tuple(
        item for pin in opening.pins for item in reckon_pinned(
            pinned[opening.case_id, pin.pack],
            [*earlier.get(opening.case_id, ()), *(_event(opening.cycle, event, by, at) for event in opening.events)], opening.cycle, at))
        for opening in openings}
    insert_many(SlaPin, [{**asdict(pinned[opening.case_id, pin.pack]), "case_id": opening.case_id, "cycle": opening.cycle}
                         for opening in openings for pin in opening.pins])
    insert_many(SlaEvent, [_event_values(opening.case_id, opening.cycle, event, by, at)
                           for opening in openings for event in opening.events])
    insert_many(Timer, [_timer_values(opening.case_id, opening.cycle, item, at)
                        for opening in openings for item in reckoned[opening.case_id] if _is_kept(item)])
    return reckoned


@atomic
def record(case_id: int, cycle: int, event: NewEvent, *, by: Actor, at: datetime) -> tuple[Reckoning, ...]:
    """Record one event of a cycle and bring its timers up to date; returns every reckoning of the cycle."""
    insert_many(SlaEvent, [_event_values(case_id, cycle, event, by, at)])
    return _refresh(case_id, cycle, at)


@atomic
def repin(case_id: int, cycle: int, pin: PinDetails, *, at: datetime) -> tuple[Reckoning, ...]:
    """Put an open cycle under another main pack, calendar or case type: at triage, with the same events.

    What stays the same keeps its version: only a rebase brings a case under a newer one.
    """
    pins = _pins(case_id, cycle)
    row = next(each for each in pins if each.is_main)
    if row.pack != pin.pack:
        for extra in [each for each in pins if each.pack == pin.pack]:
            db.session.delete(extra)
        db.session.flush()
        row.pack_version = packs.in_force(pin.pack, _received_on(case_id, cycle, pin.zone, at)).version
    if row.calendar != pin.calendar:
        row.calendar_version = calendars.in_force()(pin.calendar)
    for name, value in asdict(pin).items():
        setattr(row, name, value)
    db.session.flush()
    return _refresh(case_id, cycle, at)


@atomic
def add_pin(case_id: int, cycle: int, pin: PinDetails, *, at: datetime) -> tuple[Reckoning, ...]:
    """Put an open cycle under one more pack, in the version in force when the concern came in; Conflict if it runs under it already."""
    if any(row.pack == pin.pack for row in _pins(case_id, cycle)):
        raise Conflict("The case runs under this policy pack already.", field="pack")
    version = packs.in_force(pin.pack, _received_on(case_id, cycle, pin.zone, at)).version
    main = next(row for row in _pins(case_id, cycle) if row.is_main)
    same = main.calendar_version if main.calendar == pin.calendar else calendars.in_force()(pin.calendar)
    db.session.add(SlaPin(case_id=case_id, cycle=cycle, pack_version=version, calendar_version=same, **asdict(pin)))
    db.session.flush()
    return _refresh(case_id, cycle, at)


@atomic
def drop_pin(case_id: int, cycle: int, pack: str, *, at: datetime) -> tuple[Reckoning, ...]:
    """Take an open cycle out from under a pack that is not its main one; its timers no longer apply."""
    row = next((each for each in _pins(case_id, cycle) if each.pack == pack), None)
    if row is None:
        raise Conflict("The case does not run under this policy pack.", field="pack")
    if row.is_main:
        raise Conflict("This is the case’s main policy pack. Change it at triage instead.", field="pack")
    db.session.delete(row)
    db.session.flush()
    return _refresh(case_id, cycle, at)


@atomic
def rebase(case_id: int, cycle: int, revision: Revision, *, at: datetime) -> Rebased:
    """Bring the pins of a cycle under other versions and reckon it again.

    Raises Invalid for a version that does not exist.  Nothing happens where everything is as wanted already.
    """
    changed: list[tuple[Pinned, Pinned]] = []
    for row in _pins(case_id, cycle):
        before = pinned_of(row)
        after = revised(before, revision)
        if after != before:
            after.load()
            row.pack_version, row.calendar_version = after.pack_version, after.calendar_version
            changed.append((before, after))
    db.session.flush()
    return Rebased(tuple(changed), _refresh(case_id, cycle, at) if changed else ())


@atomic
def move_receipt(case_id: int, cycle: int, received_at: datetime, *, by: Actor, at: datetime) -> tuple[Reckoning, ...]:
    """Void the receipt event and record it at another moment; the void one stays."""
    db.session.execute(
        sa.update(SlaEvent)
        .where(SlaEvent.case_id == case_id, SlaEvent.cycle == cycle, SlaEvent.kind == EventKind.RECEIVED, SlaEvent.is_void.is_(False))
        .values(is_void=True))
    return record(case_id, cycle, NewEvent(EventKind.RECEIVED, received_at), by=by, at=at)


@atomic
def refresh(case_id: int, cycle: int, *, at: datetime) -> tuple[Reckoning, ...]:
    """Bring the timers of a cycle up to `at`: a target may have been missed since they were last reckoned."""
    return _refresh(case_id, cycle, at)


@atomic
def note_breaches(case_ids: Sequence[int], *, at: datetime) -> tuple[BreachRow, ...]:
    """The moments these cases missed by `at` that were not handed out before, oldest first; each is handed out once, to be told."""
    found = db.session.scalars(
        sa.select(Timer).where(Timer.case_id.in_(case_ids), Timer.breached_at.is_distinct_from(Timer.breach_noted_at),
                               Timer.breached_at <= at).order_by(Timer.breached_at, Timer.id)).all()
    for timer in found:
        timer.breach_noted_at = timer.breached_at
    return tuple(breach_of(timer) for timer in found)


@atomic
def give_breach_reason(case_id: int, target: str, subject: str, reason: str, *, pack: str = "", at: datetime) -> None:
    """Say why a target was missed; raises Conflict unless it was, and unless it is still to be explained.  `pack` "": of any pack."""
    missed = [timer for timer in db.session.scalars(sa.select(Timer).where(
        Timer.case_id == case_id, Timer.breached_at.is_not(None), Timer.breached_at <= at))
        if timer.target == target and timer.subject == subject and pack in ("", timer.pack)]
    if not missed:
        raise Conflict("This target was not breached, so there is nothing to explain.")
    unexplained = [timer for timer in missed if timer.breach_reason is None]
    if not unexplained:
        raise Conflict("Why this was breached has been recorded already.")
    for timer in unexplained:
        timer.breach_reason = reason


def _pinned(pin: PinDetails, began_at: datetime, shelf: packs.Shelf, calendar_version: str) -> Pinned:
    version = shelf.in_force(pin.pack, clock.day_of(began_at, pin.zone)).version
    return Pinned(**asdict(pin), pack_version=version, calendar_version=calendar_version)


def _pins(case_id: int, cycle: int) -> Sequence[SlaPin]:
    found = db.session.scalars(
        sa.select(SlaPin).where(SlaPin.case_id == case_id, SlaPin.cycle == cycle).order_by(SlaPin.is_main.desc(), SlaPin.id)).all()
    if not found:
        raise Invalid("No clock runs on this case yet.")
    return found


def _received_on(case_id: int, cycle: int, zone: str, at: datetime) -> Any:
    """The local day on which the cycle began: which version of a law applies is judged by it."""
    began_at = db.session.scalar(sa.select(sa.func.min(SlaEvent.occurred_at)).where(
        SlaEvent.case_id == case_id, SlaEvent.cycle == cycle, SlaEvent.is_void.is_(False)))
    return clock.day_of(began_at or at, zone)


def _told(case_ids: Sequence[int]) -> dict[int, list[Event]]:
    """The events of every cycle of these cases, in order."""
    found: dict[int, list[Event]] = {case_id: [] for case_id in case_ids}
    if case_ids:
        for row in db.session.scalars(sa.select(SlaEvent).where(SlaEvent.case_id.in_(case_ids), SlaEvent.is_void.is_(False))
                                      .order_by(SlaEvent.occurred_at, SlaEvent.id)):
            found[row.case_id].append(event_of(row))
    return found


def _event_values(case_id: int, cycle: int, event: NewEvent, by: Actor, at: datetime) -> dict[str, Any]:
    return {"case_id": case_id, "cycle": cycle, "kind": event.kind.value, "subject": event.subject,
            "actor_kind": event.actor_kind or by.kind, "occurred_at": event.occurred_at or at, "recorded_at": at, "data": dict(event.data)}


def _event(cycle: int, event: NewEvent, by: Actor, at: datetime) -> Event:
    return Event(event.kind, event.occurred_at or at, event.actor_kind or by.kind, cycle, event.subject, event.data)


def _refresh(case_id: int, cycle: int, at: datetime) -> tuple[Reckoning, ...]:
    pins = _pins(case_id, cycle)
    events = _told([case_id])[case_id]
    reckoned = tuple(item for row in pins for item in reckon_pinned(pinned_of(row), events, cycle, at))
    _store(case_id, cycle, reckoned, at)
    return reckoned


def _store(case_id: int, cycle: int, reckoned: Sequence[Reckoning], at: datetime) -> None:
    known = {_key(timer): timer for timer in db.session.scalars(sa.select(Timer).where(Timer.case_id == case_id, Timer.cycle == cycle))}
    for item in reckoned:
        key = (item.pack, item.target.value, item.subject, item.occurrence)
        timer, values = known.pop(key, None), _timer_values(case_id, cycle, item, at)
        if timer is None and _is_kept(item):
            db.session.add(Timer(**values))
        elif timer is not None:
            for name, value in values.items():
                setattr(timer, name, value)
    for gone in known.values():  # the case runs under another pack now
        gone.state, gone.reckoned_at = State.NOT_APPLICABLE, at
        gone.due_at = gone.met_at = gone.breached_at = gone.held_since = None
    db.session.flush()


def _key(timer: Timer) -> Key:
    return timer.pack, timer.target, timer.subject, timer.occurrence


def _is_kept(item: Reckoning) -> bool:
    return item.state is not State.NOT_APPLICABLE


def _timer_values(case_id: int, cycle: int, item: Reckoning, at: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id, "cycle": cycle, "pack": item.pack, "target": item.target.value, "subject": item.subject,
        "occurrence": item.occurrence, "state": item.state.value, "started_at": item.started_at, "due_at": item.due_at,
        "met_at": item.met_at, "breached_at": item.breached_at, "held_since": item.held_since, "reckoned_at": at}
