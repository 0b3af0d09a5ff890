"""Reading the organisation: sites and units as frozen rows, and the list of commonest passwords."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ticketing.codes.models import Site, Unit
from ticketing.codes.rules import PACKS, UnitKind
from ticketing.core.database import db
from ticketing.core.errors import NotFound

COMMON_PASSWORDS = Path(__file__).parent / "data" / "common_passwords.txt"


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A hospital site.  `zone` is an IANA name; `pack` and `calendar` are codes."""

    id: int
    code: str
    name: str
    zone: str
    pack: str
    calendar: str
    is_active: bool

    @property
    def pack_label(self) -> str:
        return PACKS.get(self.pack, self.pack)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A ward, department or service, with its site's name."""

    id: int
    code: str
    name: str
    kind: UnitKind
    site_id: int
    site_code: str
    site_name: str
    is_active: bool
    path: str
    parent_code: str = ""
    parent_name: str = ""


def sites(*, is_active: bool | None = True) -> tuple[SiteRow, ...]:
    """Sites by name; those in use unless told (None: all)."""
    wanted = sa.select(Site).order_by(Site.name, Site.id)
    if is_active is not None:
        wanted = wanted.where(Site.is_active == is_active)
    return tuple(_site(row) for row in db.session.scalars(wanted))


def units(site_code: str | None = None, *, is_active: bool | None = True) -> tuple[UnitRow, ...]:
    """Units by site and name; those in use unless told (None: all)."""
    wanted = _units().order_by(Site.name, Unit.name, Unit.id)
    if site_code is not None:
        wanted = wanted.where(Site.code == site_code)
    if is_active is not None:
        wanted = wanted.where(Unit.is_active == is_active)
    return tuple(_unit(row) for row in db.session.execute(wanted))


def site_by_code(code: str) -> SiteRow:
    """Raises NotFound with the code in its sentence."""
    row = db.session.scalar(sa.select(Site).where(Site.code == code))
    if row is None:
        raise NotFound(f"There is no site with the code {code}. Check it under Sites and units.", field="site_code")
    return _site(row)


def unit_by_code(code: str) -> UnitRow:
    """Raises NotFound with the code in its sentence."""
    row = db.session.execute(_units().where(Unit.code == code)).first()
    if row is None:
        raise NotFound(f"There is no unit with the code {code}. Check it under Sites and units.", field="unit_code")
    return _unit(row)


def site_by_id(site_id: int) -> SiteRow:
    row = db.session.get(Site, site_id)
    if row is None:
        raise NotFound("This site is not on the list any more.")
    return _site(row)


def unit_by_id(unit_id: int) -> UnitRow:
    row = db.session.execute(_units().where(Unit.id == unit_id)).first()
    if row is None:
        raise NotFound("This unit is not on the list any more.")
    return _unit(row)


@lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    """The commonest passwords and words they are made from, in lower case; shipped, so that no network is needed."""
    lines = COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _site(row: Site) -> SiteRow:
    return SiteRow(row.id, row.code, row.name, row.zone, row.pack, row.calendar, row.is_active)


def _units() -> sa.Select[Any]:
    """Units with the code and name of the one above them."""
    above = sa.orm.aliased(Unit)
    columns: tuple[Any, ...] = (Unit, above.code.label("parent_code"), above.name.label("parent_name"))
    return sa.select(*columns).join(Unit.site).outerjoin(above, above.id == Unit.parent_id)


def _unit(found: sa.Row[Any]) -> UnitRow:
    row: Unit = found.Unit
    return UnitRow(row.id, row.code, row.name, row.kind, row.site_id, row.site.code, row.site.name, row.is_active, row.path,
                   found.parent_code or "", found.parent_name or "")
