"""A pack checked against its test vectors: events worked by hand, and the day on which each target must fall due."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from ticketing.calendars.rules import WorkingCalendar, find_zone, named_calendar
from ticketing.core.errors import DomainError
from ticketing.packs.rules import Pack
from ticketing.packs.rules.reading import FOLDER
from ticketing.sla.rules.events import Facts, numbered
from ticketing.sla.rules.explaining import parse_event, parse_moment, placed
from ticketing.sla.rules.reckoned import Reckoning
from ticketing.sla.rules.reckoning import reckon_all


@dataclass(frozen=True, slots=True)
class Departure:
    """One answer that is not as the vector has it."""

    target: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class VectorResult:
    """One vector under a pack; it holds if nothing departs from it."""

    name: str
    departures: tuple[Departure, ...]

    @property
    def holds(self) -> bool:
        return not self.departures


@lru_cache(maxsize=32)
def vectors_of(code: str) -> tuple[Mapping[str, Any], ...]:
    """The vectors shipped with a pack; none if it ships none."""
    path = FOLDER / code / "vectors.toml"
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["vectors"]) if path.exists() else ()


def check_vectors(pack: Pack) -> tuple[VectorResult, ...]:
    """Every vector of the pack's code, reckoned under this version of it."""
    return tuple(VectorResult(str(vector["name"]), tuple(_departures(pack, vector))) for vector in vectors_of(pack.code))


def _departures(pack: Pack, vector: Mapping[str, Any]) -> Iterator[Departure]:
    zone = find_zone(vector.get("zone") or pack.timezone).key
    try:
        found = _reckoned(pack, vector, named_calendar(pack.holidays, zone), zone)
    except DomainError as error:
        yield Departure("every target", "an answer", error.message)
        return
    for name, expected in vector["expect"].items():
        item = found.get(name)
        state = item.state.value if item else "not there"
        wanted, last_day = _words(expected["state"], expected["last_day"]), _last_day(item, zone)
        if item is None or _words(state, last_day) != wanted:
            yield Departure(name, wanted, _words(state, last_day))


def _reckoned(pack: Pack, vector: Mapping[str, Any], calendar: WorkingCalendar, zone: str) -> dict[str, Reckoning]:
    facts = Facts(vector.get("case_type", ""), vector.get("is_anonymous", False), vector.get("is_oral", True))
    events = numbered(placed([parse_event(text, zone) for text in vector["events"]]))
    at = parse_moment(str(vector["at"]), zone, "at")
    return {_name(item): item for item in reckon_all(pack, events, calendar, at=at, zone=zone, facts=facts)}


def _name(item: Reckoning) -> str:
    """As the vectors write it: of a recurring target, the last occurrence; "#2" for the second cycle."""
    return item.target.value + (f"/{item.subject}" if item.subject else "") + (f"#{item.cycle}" if item.cycle > 1 else "")


def _last_day(item: Reckoning | None, zone: str) -> date | bool:
    due_at: datetime | None = item.due_at if item else None
    return (due_at - timedelta(seconds=1)).astimezone(find_zone(zone)).date() if due_at else False


def _words(state: str, last_day: date | bool) -> str:
    return f"{state.replace('_', ' ')}, {f'by the end of {last_day:%d %b %Y}' if isinstance(last_day, date) else 'no date'}"
