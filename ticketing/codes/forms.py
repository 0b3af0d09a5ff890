"""The forms for sites and units."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import current_app
from wtforms import BooleanField

from ticketing.codes.queries import SiteRow, UnitRow, sites, units
from ticketing.codes.rules import CALENDARS, PACKS, UnitKind
from ticketing.web.forms import ChoiceField, Form, LineField, PickField

ANY = 10_000  # characters; the verb says what is too long


class SiteForm(Form):
    """A new site, or one to change; its code never changes."""

    code = LineField("Code", missing="Enter a short code for the site.", most=ANY)
    name = LineField("Name", missing="Enter the site's name.", most=ANY)
    pack = PickField("Policy pack")
    calendar = PickField("Public holidays")
    zone = PickField("Time zone", default="Europe/London")
    is_active = BooleanField("In use: offered for new concerns")

    def __init__(self, site: SiteRow | None = None, **options: Any) -> None:
        super().__init__(obj=site, **options)
        self.known_code = site.code if site else None
        if site is not None:
            del self.code
        self.zone.choices = _zones()
        self.pack.choices = _offered(PACKS, site.pack if site else None)
        names = current_app.extensions["calendar_names"]() or CALENDARS
        self.calendar.choices = _offered(names, site.calendar if site else None)

    def given(self) -> dict[str, Any]:
        return {
            "code": self.known_code or self.code.data, "name": self.name.data, "zone": self.zone.data, "pack": self.pack.data,
            "calendar": self.calendar.data,
        }


class UnitForm(Form):
    """A new ward, department or service, or one to change; its code never changes."""

    code = LineField("Code", missing="Enter a short code for the unit.", most=ANY)
    name = LineField("Name", missing="Enter the unit's name.", most=ANY)
    kind = ChoiceField("Kind", missing="Choose what sort of place it is.")
    site_code = PickField("Site", missing="Choose the site it belongs to.")
    parent_code = PickField("Within", is_required=False)
    is_active = BooleanField("In use: offered for new concerns")

    def __init__(self, unit: UnitRow | None = None, **options: Any) -> None:
        super().__init__(obj=unit, **options)
        self.known_code = unit.code if unit else None
        if unit is not None:
            del self.code
        self.kind.choices = {kind.value: kind.label for kind in UnitKind}
        self.site_code.choices = {site.code: site.name for site in sites(is_active=None)}
        self.parent_code.choices = {"": "Nothing: it stands by itself"} | _units_above(unit)

    def given(self) -> dict[str, Any]:
        return {
            "code": self.known_code or self.code.data, "name": self.name.data, "kind": UnitKind(self.kind.data),
            "site_code": self.site_code.data, "parent_code": self.parent_code.data or None,
        }


def _units_above(unit: UnitRow | None) -> dict[str, Any]:
    """By site, whatever may stand above this unit: neither itself nor what is below it."""
    groups: dict[str, dict[str, str]] = {}
    for row in units(is_active=None):
        if unit is None or not row.path.startswith(unit.path):
            groups.setdefault(row.site_name, {})[row.code] = row.name
    return groups


def _zones() -> dict[str, dict[str, str]]:
    """IANA zones by area, as people look for them."""
    groups: dict[str, dict[str, str]] = {}
    for zone in sorted(available_timezones()):
        area, _, place = zone.partition("/")
        if place and area not in {"Etc", "SystemV", "posix", "right"}:
            groups.setdefault(area, {})[zone] = place.replace("_", " ").replace("/", ", ")
    return {"Universal": {"UTC": "UTC"}} | groups


def _offered(known: dict[str, str], present: str | None) -> dict[str, str]:
    """What is known, and what the site already has."""
    return known if present is None or present in known else known | {present: present}
