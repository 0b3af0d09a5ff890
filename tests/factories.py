"""Rows that tests need, made by the verbs themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tests.facts import MONDAY
from ticketing.accounts import queries, service
from ticketing.accounts.queries import StaffRow
from ticketing.codes import service as codes
from ticketing.codes.rules import UnitKind
from ticketing.core.permissions import Actor, Role, machine

PASSWORD = "seven green kettles sing"
FACTORY = machine("factory")


def make_staff(
    role: Role = Role.OFFICER, name: str = "Hana Novak", *, email: str = "", team_codes: Iterable[str] = (), unit_code: str | None = None,
    password: str | None = PASSWORD, at: datetime = MONDAY,
) -> StaffRow:
    """An account that can sign in with PASSWORD; the address follows the name."""
    address = email or f"{name.lower().replace(' ', '.')}@hospital.example"
    uid = service.add_staff(address, name, role, unit_code=unit_code, team_codes=team_codes, password=password, by=FACTORY, at=at)
    return queries.staff_by_uid(uid)


def make_actor(role: Role = Role.OFFICER, name: str = "Hana Novak", *, team_codes: Iterable[str] = ()) -> Actor:
    """Somebody who may act in a verb."""
    return make_staff(role, name, team_codes=team_codes, password=None).actor


def make_team(code: str = "CENTRAL", name: str = "", *, at: datetime = MONDAY) -> int:
    return service.add_team(code, name or f"Team {code.title()}", by=FACTORY, at=at)


def make_site(code: str = "MAIN", name: str = "Main site", *, at: datetime = MONDAY) -> int:
    return codes.add_site(code, name, by=FACTORY, at=at)


def make_unit(code: str = "WARD-7", name: str = "Ward 7", *, site_code: str = "MAIN", at: datetime = MONDAY) -> int:
    return codes.add_unit(code, name, UnitKind.WARD, site_code, by=FACTORY, at=at)
