"""The verbs of the clockwork: pin a cycle to its law, record an event, and keep the timers equal to what `reckon` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.calendars.rules import named_calendar, table_version
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Actor, ActorKind
from ticketing.packs.rules import EventKind, load
from ticketing.sla.models import SlaEvent, SlaPin, Timer
from ticketing.sla.queries import BreachRow, breach_of, event_of
from ticketing.sla.rules import Event, Facts, Reckoning, State, reckon_all

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class PinDetails:
    """What one cycle of a case is reckoned under."""

    pack: str
    calendar: str
    zone: str
    case_type: str
    is_anonymous: bool
    is_oral: bool


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
    """A cycle to open, with its first events."""

    case_id: int
    cycle: int
    pin: PinDetails
    events: tuple[NewEvent, ...]


@atomic
def open_cycles(openings: Sequence[Opening], *, by: Actor, at: datetime) -> dict[int, tuple[Reckoning, ...]]:
    """Pin and start a cycle for each case; returns the reckonings by case id.  No query per case, so imports may open thousands."""
    version = table_version()
    reckoned = {opening.case_id: _reckon(
        opening.pin, [_event(opening.cycle, event, by, at) for event in opening.events], opening.cycle, at) for opening in openings}
    insert_many(SlaPin, [_pin_values(opening, version) for opening in openings])
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
    """Put an open cycle under another pack, calendar or case type: at triage, with the same events."""
    row = db.session.scalars(sa.select(SlaPin).where(SlaPin.case_id == case_id, SlaPin.cycle == cycle)).one()
    row.pack, row.pack_version = pin.pack, load(pin.pack).version
    row.calendar, row.calendar_version, row.zone = pin.calendar, table_version(), pin.zone
    row.case_type, row.is_anonymous, row.is_oral = pin.case_type, pin.is_anonymous, pin.is_oral
    db.session.flush()
    return _refresh(case_id, cycle, at)


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
def give_breach_reason(case_id: int, target: str, subject: str, reason: str, *, at: datetime) -> None:
    """Say why a target was missed; raises Conflict unless it was, and unless it is still to be explained."""
    missed = [timer for timer in db.session.scalars(sa.select(Timer).where(
        Timer.case_id == case_id, Timer.breached_at.is_not(None), Timer.breached_at <= at))
        if timer.target == target and timer.subject == subject]
    if not missed:
        raise Conflict("This target was not missed, so there is nothing to explain.")
    unexplained = [timer for timer in missed if timer.breach_reason is None]
    if not unexplained:
        raise Conflict("Why this was missed has been recorded already.")
    for timer in unexplained:
        timer.breach_reason = reason


def _pin_values(opening: Opening, calendar_version: str) -> dict[str, Any]:
    return {**asdict(opening.pin), "case_id": opening.case_id, "cycle": opening.cycle, "pack_version": load(opening.pin.pack).version,
            "calendar_version": calendar_version}


def _event_values(case_id: int, cycle: int, event: NewEvent, by: Actor, at: datetime) -> dict[str, Any]:
    return {"case_id": case_id, "cycle": cycle, "kind": event.kind.value, "subject": event.subject,
            "actor_kind": event.actor_kind or by.kind, "occurred_at": event.occurred_at or at, "recorded_at": at, "data": dict(event.data)}


def _event(cycle: int, event: NewEvent, by: Actor, at: datetime) -> Event:
    return Event(event.kind, event.occurred_at or at, event.actor_kind or by.kind, cycle, event.subject, event.data)


def _refresh(case_id: int, cycle: int, at: datetime) -> tuple[Reckoning, ...]:
    row = db.session.scalars(sa.select(SlaPin).where(SlaPin.case_id == case_id, SlaPin.cycle == cycle)).one()
    stored = db.session.scalars(sa.select(SlaEvent).where(
        SlaEvent.case_id == case_id, SlaEvent.cycle == cycle, SlaEvent.is_void.is_(False)).order_by(SlaEvent.occurred_at,
        SlaEvent.id)).all()
    pin = PinDetails(row.pack, row.calendar, row.zone, row.case_type, row.is_anonymous, row.is_oral)
    reckoned = _reckon(pin, [event_of(event) for event in stored], cycle, at, row.pack_version)
    _store(case_id, cycle, reckoned, at)
    return reckoned


def _reckon(pin: PinDetails, events: Sequence[Event], cycle: int, at: datetime, pack_version: str = "") -> tuple[Reckoning, ...]:
    """Under the pinned version of the pack; the newest for a cycle that opens now."""
    facts = Facts(pin.case_type, pin.is_anonymous, pin.is_oral)
    pack, calendar = load(pin.pack, pack_version), named_calendar(pin.calendar, pin.zone)
    return tuple(item for item in reckon_all(pack, events, calendar, at=at, zone=pin.zone, facts=facts) if item.cycle == cycle)


def _store(case_id: int, cycle: int, reckoned: Sequence[Reckoning], at: datetime) -> None:
    known = {_key(timer): timer for timer in db.session.scalars(sa.select(Timer).where(Timer.case_id == case_id, Timer.cycle == cycle))}
    for item in reckoned:
        timer, values = known.pop((item.target.value, item.subject, item.occurrence), None), _timer_values(case_id, cycle, item, at)
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
    return timer.target, timer.subject, timer.occurrence


def _is_kept(item: Reckoning) -> bool:
    return item.state is not State.NOT_APPLICABLE


def _timer_values(case_id: int, cycle: int, item: Reckoning, at: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id, "cycle": cycle, "target": item.target.value, "subject": item.subject, "occurrence": item.occurrence,
        "state": item.state.value, "started_at": item.started_at, "due_at": item.due_at, "met_at": item.met_at,
        "breached_at": item.breached_at, "held_since": item.held_since, "reckoned_at": at}
