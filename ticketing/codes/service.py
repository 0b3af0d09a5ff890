"""The verbs that change the organisation: sites and units are added, renamed and taken out of use, never deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import ADMIN_STREAM, Act
from ticketing.codes.models import Site, Unit
from ticketing.codes.rules import UnitKind
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission

CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}")
LONGEST_NAME = 120
DEEPEST = 8  # levels of units


@atomic
def add_site(
    code: str, name: str, *, zone: str = "Europe/London", pack: str = "england-nhs", calendar: str = "england_wales",
    by: Actor, at: datetime,
) -> int:
    """A new site; returns its id.  Raises Conflict if the code is taken, Invalid if a value cannot be used."""
    _must_manage(by)
    site = Site(code=_code(code), name=_name(name), zone=_zone(zone), pack=pack, calendar=calendar)
    _refuse_taken(Site, site.code)
    db.session.add(site)
    db.session.flush()
    _record({"site": (None, site.code), "pack": (None, pack), "zone": (None, zone)}, {"name": site.name}, by=by, at=at)
    return site.id


@atomic
def change_site(
    code: str, *, name: str, zone: str, pack: str, calendar: str, is_active: bool = True, by: Actor, at: datetime,
) -> None:
    """Rename a site, or change what law and clock new cases there follow; running cases keep theirs."""
    _must_manage(by)
    site = _locked(Site, code)
    _change(site, {"name": _name(name), "zone": _zone(zone), "pack": pack, "calendar": calendar, "is_active": is_active}, by=by, at=at)


@atomic
def add_unit(
    code: str, name: str, kind: UnitKind, site_code: str, *, parent_code: str | None = None, by: Actor, at: datetime,
) -> int:
    """A new ward, department or service of a site, within another unit if told; returns its id."""
    _must_manage(by)
    unit = Unit(code=_code(code), name=_name(name), kind=kind, site_id=_site_id(site_code))
    _refuse_taken(Unit, unit.code)
    parent = _parent(parent_code, unit)
    unit.parent_id = parent.id if parent else None
    db.session.add(unit)
    db.session.flush()
    unit.path = _path(unit, parent)
    _record({"unit": (None, unit.code), "kind": (None, kind)}, {"name": unit.name}, by=by, at=at)
    return unit.id


@atomic
def change_unit(
    code: str, *, name: str, kind: UnitKind, site_code: str, parent_code: str | None = None, is_active: bool = True,
    by: Actor, at: datetime,
) -> None:
    """Rename a unit, move it to another site or another place in the tree, or take it out of use; cases about it keep naming it."""
    _must_manage(by)
    unit = _locked(Unit, code)
    parent, before = _parent(parent_code, unit), unit.path
    wanted = {"name": _name(name), "kind": kind, "site_id": _site_id(site_code), "is_active": is_active,
              "parent_id": parent.id if parent else None}
    _change(unit, wanted, by=by, at=at)
    unit.path = _path(unit, parent)
    if unit.path != before:
        _move_below(before, unit.path)


def _parent(code: str | None, unit: Unit) -> Unit | None:
    """The unit above, under lock; Invalid for one that is missing, the unit itself, one below it, or one too deep."""
    if not code:
        return None
    parent = db.session.scalar(sa.select(Unit).where(Unit.code == code).with_for_update(of=Unit))
    if parent is None:
        raise Invalid("Choose the unit above from the list.", field="parent_code")
    if unit.path and parent.path.startswith(unit.path):
        raise Invalid("A unit cannot be within itself or within one below it.", field="parent_code")
    if parent.path.count("/") > DEEPEST:
        raise Invalid(f"Units can be {DEEPEST} levels deep.", field="parent_code")
    return parent


def _path(unit: Unit, parent: Unit | None) -> str:
    return f"{parent.path if parent else '/'}{unit.id}/"


def _move_below(before: str, after: str) -> None:
    """What is below a unit that moved moves with it."""
    for unit in db.session.scalars(sa.select(Unit).where(Unit.path.startswith(before, autoescape=True))):
        unit.path = after + unit.path.removeprefix(before)


def _must_manage(by: Actor) -> None:
    if not by.is_machine:
        by.must(Permission.MANAGE_STAFF)


def _change(row: Any, wanted: Mapping[str, Any], *, by: Actor, at: datetime) -> None:
    change = {field: (getattr(row, field), value) for field, value in wanted.items() if getattr(row, field) != value}
    if not change:
        return
    for field, (_, value) in change.items():
        setattr(row, field, value)
    db.session.flush()
    names = change.pop("name", None)
    private = {"name": names[1]} if names else {}
    audit.record(ADMIN_STREAM, Act.ORGANISATION_CHANGED, by=by, at=at, facts={"code": row.code}, change=change, private=private)


def _record(change: Mapping[str, Any], private: Mapping[str, str], *, by: Actor, at: datetime) -> None:
    audit.record(ADMIN_STREAM, Act.ORGANISATION_CHANGED, by=by, at=at, change=change, private=private)


def _locked(kind: type[Any], code: str) -> Any:
    row = db.session.scalar(sa.select(kind).where(kind.code == code).with_for_update(of=kind))
    if row is None:
        raise NotFound("This is not on the list any more. Go back to Sites and units.")
    return row


def _site_id(code: str) -> int:
    found = db.session.scalar(sa.select(Site.id).where(Site.code == code))
    if found is None:
        raise Invalid("Choose the site this unit belongs to.", field="site_code")
    return found


def _refuse_taken(kind: type[Any], code: str) -> None:
    if db.session.scalar(sa.select(sa.func.count()).select_from(kind).where(kind.code == code)):
        raise Conflict(f"The code {code} is already used. Choose another.", field="code")


def _code(text: str) -> str:
    code = text.strip().upper()
    if not CODE.fullmatch(code):
        raise Invalid("Use 1 to 20 letters A to Z, digits and hyphens for the code, such as WARD-7.", field="code")
    return code


def _name(text: str) -> str:
    name = " ".join("".join(letter for letter in text if letter.isprintable() or letter.isspace()).split())
    if not name:
        raise Invalid("Enter a name.", field="name")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The name is too long: use {LONGEST_NAME} characters or fewer.", field="name")
    return name


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise Invalid("Choose a time zone from the list, such as Europe/London.", field="zone")
    return text
