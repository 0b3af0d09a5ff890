"""Reads of the clockwork: the reckoning of a case now, under other versions, and whether the stored timers still equal it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from ticketing.calendars import queries as calendars
from ticketing.calendars.rules import WorkingCalendar
from ticketing.core.database import db
from ticketing.core.errors import Invalid
from ticketing.packs import queries as packs
from ticketing.packs.rules import EventKind, Pack
from ticketing.sla.models import SlaEvent, SlaPin, Timer
from ticketing.sla.rules import Event, Facts, Reckoning, State, reckon_all

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Pinned:
    """Under which version of a pack and of a calendar one cycle of a case is reckoned, and the facts that choose its targets."""

    pack: str
    pack_version: str
    calendar: str
    calendar_version: str
    zone: str
    case_type: str
    is_anonymous: bool
    is_oral: bool
    is_main: bool = True

    @property
    def facts(self) -> Facts:
        return Facts(self.case_type, self.is_anonymous, self.is_oral)

    def load(self) -> tuple[Pack, WorkingCalendar]:
        """What the versions say; Invalid if one of them does not exist."""
        return packs.pack(self.pack, self.pack_version), calendars.calendar(self.calendar, self.calendar_version, self.zone)


@dataclass(frozen=True, slots=True)
class Revision:
    """Other versions for the pins that name this pack, or this calendar; an empty code leaves that part as it is."""

    pack: str = ""
    pack_version: str = ""
    calendar: str = ""
    calendar_version: str = ""


@dataclass(frozen=True, slots=True)
class PinRow:
    """A pin of a case, and the name of its pack."""

    cycle: int
    pinned: Pinned
    name: str


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored timer that is not what its events say: which, what is stored, what should be."""

    case_id: int
    cycle: int
    pack: str
    target: str
    subject: str
    stored: str
    reckoned: str


@dataclass(frozen=True, slots=True)
class BreachRow:
    """A target that was missed, when, and the reason if one was given."""

    case_id: int
    cycle: int
    pack: str
    target: str
    subject: str
    occurrence: int
    due_at: datetime
    met_at: datetime | None
    reason: str | None


def reckonings_of(case_id: int, *, at: datetime) -> tuple[Reckoning, ...]:
    """Every target of every pack and cycle of a case, reckoned now; the first cycle first, in it the main pack."""
    return reckonings_by_case([case_id], at=at)[case_id]


def reckonings_by_case(case_ids: Sequence[int], *, at: datetime) -> dict[int, tuple[Reckoning, ...]]:
    """The same for many cases, with two statements however many they are."""
    found: dict[int, list[Reckoning]] = {case_id: [] for case_id in case_ids}
    for row, events in _pins_with_events(case_ids):
        found[row.case_id].extend(reckon_pinned(pinned_of(row), events, row.cycle, at))
    return {case_id: tuple(items) for case_id, items in found.items()}


def previews(cycles: Sequence[tuple[int, int]], revision: Revision, *, at: datetime) -> dict[int, list[tuple[Reckoning, Reckoning | None]]]:
    """For each (case, cycle): every target now, and as it would stand under other versions (None: it would be gone).

    Targets that only the other version has come last, as (what would be, None turned round): see `Reckoning.state`.
    """
    wanted = set(cycles)
    found: dict[int, list[tuple[Reckoning, Reckoning | None]]] = {case_id: [] for case_id, _ in cycles}
    for row, events in _pins_with_events([case_id for case_id, _ in cycles]):
        if (row.case_id, row.cycle) not in wanted:
            continue
        pinned = pinned_of(row)
        before = reckon_pinned(pinned, events, row.cycle, at)
        after = {_name(item): item for item in reckon_pinned(revised(pinned, revision), events, row.cycle, at)}
        pairs: list[tuple[Reckoning, Reckoning | None]] = [(item, after.pop(_name(item), None)) for item in before]
        pairs += [(replace(item, state=State.NOT_APPLICABLE, due_at=None, met_at=None, breached_at=None, held_since=None), item)
                  for item in after.values()]
        found[row.case_id].extend(pairs)
    return found


def pins_of(case_id: int) -> tuple[PinRow, ...]:
    """What each cycle of a case is pinned to; the main pack first."""
    rows = db.session.scalars(
        sa.select(SlaPin).where(SlaPin.case_id == case_id).order_by(SlaPin.cycle, SlaPin.is_main.desc(), SlaPin.id))
    return tuple(PinRow(row.cycle, pinned_of(row), packs.pack(row.pack, row.pack_version).name) for row in rows)


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
    return BreachRow(row.case_id, row.cycle, row.pack, row.target, row.subject, row.occurrence, row.due_at or row.reckoned_at, row.met_at,
                     row.breach_reason)


def drifts(*, at: datetime) -> Iterator[tuple[int, list[Drift]]]:
    """Recompute every timer from its events, a chunk of cases at a time; yields (timers compared, drifts)."""
    last = 0
    while case_ids := db.session.scalars(
            sa.select(SlaPin.case_id).where(SlaPin.case_id > last).distinct().order_by(SlaPin.case_id).limit(CHUNK)).all():
        last = case_ids[-1]
        timers = db.session.scalars(sa.select(Timer).where(Timer.case_id.in_(case_ids))).all()
        stored = {(row.case_id, row.cycle, row.pack, row.target, row.subject, row.occurrence): _seen(row) for row in timers}
        reckoned, lost = _recomputed(case_ids, at)
        keys = sorted(stored.keys() | reckoned.keys())
        yield len(keys), [*lost, *(Drift(*key[:5], stored.get(key, "none"), reckoned.get(key, "none"))
                                   for key in keys if stored.get(key, _NONE) != reckoned.get(key, _NONE))]


_NONE = "not_applicable"


def _recomputed(case_ids: Sequence[int], at: datetime) -> tuple[dict[tuple[int, int, str, str, str, int], str], list[Drift]]:
    """What each timer should be; and the pins whose version is nowhere to be found, which is the worst of drifts."""
    found: dict[tuple[int, int, str, str, str, int], str] = {}
    lost: list[Drift] = []
    for row, events in _pins_with_events(case_ids):
        try:
            items = reckon_pinned(pinned_of(row), events, row.cycle, at)
        except Invalid as error:
            lost.append(Drift(row.case_id, row.cycle, row.pack, "every target", "", f"pinned to {row.pack_version}", error.message))
            continue
        found |= {(row.case_id, row.cycle, row.pack, item.target.value, item.subject, item.occurrence): _wanted(item)
                  for item in items if item.state is not State.NOT_APPLICABLE}
    return found, lost


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


def reckon_pinned(pinned: Pinned, events: Sequence[Event], cycle: int, at: datetime) -> tuple[Reckoning, ...]:
    """Every target of one cycle under what it is pinned to; `events` are those of all cycles, for what a reopening takes up again."""
    pack, calendar = pinned.load()
    found = reckon_all(pack, events, calendar, at=at, zone=pinned.zone, facts=pinned.facts)
    return tuple(item for item in found if item.cycle == cycle)


def pinned_of(row: SlaPin) -> Pinned:
    """A stored pin as the reckoning reads it."""
    return Pinned(row.pack, row.pack_version, row.calendar, row.calendar_version, row.zone, row.case_type, row.is_anonymous, row.is_oral,
                  row.is_main)


def revised(pinned: Pinned, revision: Revision) -> Pinned:
    """The pin with the versions a revision asks for, where it is about this pack or this calendar."""
    return replace(
        pinned, pack_version=revision.pack_version if pinned.pack == revision.pack else pinned.pack_version,
        calendar_version=revision.calendar_version if pinned.calendar == revision.calendar else pinned.calendar_version)


def _pins_with_events(case_ids: Sequence[int]) -> Iterator[tuple[SlaPin, list[Event]]]:
    pins = db.session.scalars(sa.select(SlaPin).where(SlaPin.case_id.in_(case_ids))
                              .order_by(SlaPin.case_id, SlaPin.cycle, SlaPin.is_main.desc(), SlaPin.id)).all()
    rows = db.session.scalars(
        sa.select(SlaEvent).where(SlaEvent.case_id.in_(case_ids), SlaEvent.is_void.is_(False))
        .order_by(SlaEvent.case_id, SlaEvent.occurred_at, SlaEvent.id))
    events = {case_id: [event_of(row) for row in group] for case_id, group in groupby(rows, lambda row: row.case_id)}
    for pin in pins:
        yield pin, events.get(pin.case_id, [])


def _name(item: Reckoning) -> tuple[str, str, int]:
    return item.target.value, item.subject, item.occurrence


def event_of(row: SlaEvent) -> Event:
    """A stored event as the rules read it."""
    return Event(EventKind(row.kind), row.occurred_at, row.actor_kind, row.cycle, row.subject, row.data)
