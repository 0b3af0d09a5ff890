"""How moments, days and counts read on a page, and what every template is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Flask, current_app, g, request, url_for

from ticketing.core import clock
from ticketing.core.permissions import Permission
from ticketing.web.guards import current_actor_or_none


@dataclass(frozen=True, slots=True)
class Door:
    """One entry of the staff navigation, shown to those who hold one of `permissions`."""

    label: str
    endpoint: str
    icon: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A door as the page draws it."""

    label: str
    url: str
    icon: str
    is_current: bool


def init_app(app: Flask, doors: Sequence[Door]) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(moment=moment, day=day, clock_time=clock_time, iso=iso, plural=plural)
    app.context_processor(lambda: _for_every_page(doors))


def _for_every_page(doors: Sequence[Door]) -> dict[str, Any]:
    actor = current_actor_or_none()
    return {
        "actor": actor,
        "navigation": _links([door for door in doors if actor and any(actor.may(p) for p in door.permissions)]),
        "organisation": current_app.config["ORGANISATION"],
        "present": moment_of_request(),
        "is_demo": current_app.config["REDRESS_ENV"] == "demo",
        "Permission": Permission,
    }


def _links(doors: Sequence[Door]) -> list[Link]:
    """One door is lit: the page's own, or the nearest above it, so that a person's page keeps Staff lit."""
    lit = max(filter(_is_over, doors), key=lambda door: len(url_for(door.endpoint)), default=None)
    return [Link(door.label, url_for(door.endpoint), door.icon, door is lit) for door in doors]


def _is_over(door: Door) -> bool:
    url = url_for(door.endpoint)
    return request.endpoint == door.endpoint or (url != "/" and request.path.startswith(f"{url}/"))


def moment_of_request() -> datetime:
    """One `now` for the whole request, so that a page does not contradict itself."""
    if "moment" not in g:
        g.moment = clock.now()
    return g.moment  # type: ignore[no-any-return]


def _zone(zone: str | None) -> str:
    return zone or str(current_app.config["SITE_ZONE"])


def day(value: datetime | date | None, zone: str | None = None) -> str:
    """`Wed 30 Dec 2026`, at the site."""
    if value is None:
        return "–"
    local = clock.local(value, _zone(zone)).date() if isinstance(value, datetime) else value
    return f"{local:%a} {local.day} {local:%b %Y}"


def clock_time(value: datetime, zone: str | None = None) -> str:
    return f"{clock.local(value, _zone(zone)):%H:%M}"


def moment(value: datetime | None, zone: str | None = None) -> str:
    """`Wed 30 Dec 2026, 09:15`, at the site."""
    return "–" if value is None else f"{day(value, zone)}, {clock_time(value, zone)}"


def iso(value: datetime | date | None) -> str:
    """For the datetime attribute of <time>."""
    return "" if value is None else value.isoformat()


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 case`, `2 cases`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
