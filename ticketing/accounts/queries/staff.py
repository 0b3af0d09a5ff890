"""Reading staff as frozen rows: one, a list, those who may do something."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ticketing.accounts import rules
from ticketing.accounts.models import Staff, Team, TeamMember
from ticketing.codes.models import Unit
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.paging import PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import GRANTS, Actor, Compartment, Permission, Role, Scope, staff_actor

NOBODY = "This member of staff is not on the list. Go back to Staff and choose again."
UID = re.compile("[0-9a-f]{32}")
MOST_LEVELS = 12
Manager, Below = aliased(Staff), aliased(Unit)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One account, with the names a page shows."""

    id: int
    uid: str
    email: str
    name: str
    job_title: str
    role: Role
    unit_id: int | None
    unit_code: str | None
    unit_name: str | None
    team_ids: frozenset[int]
    team_codes: tuple[str, ...]
    team_names: tuple[str, ...]
    is_active: bool
    has_password: bool
    last_sign_in_at: datetime | None
    previous_sign_in_at: datetime | None
    manager_id: int | None
    manager_name: str | None
    scope: Scope
    compartments: frozenset[Compartment]
    unit_ids: frozenset[int]

    @property
    def role_label(self) -> str:
        return rules.ROLE_LABELS[self.role]

    @property
    def actor(self) -> Actor:
        return staff_actor(
            uid=self.uid, name=self.name, role=self.role, staff_id=self.id, team_ids=self.team_ids, scope=self.scope,
            unit_ids=self.unit_ids, compartments=self.compartments)


@dataclass(frozen=True, slots=True)
class StaffFilter:
    """What the staff list is narrowed to; None and "" mean everybody."""

    role: Role | None = None
    team_code: str | None = None
    is_active: bool | None = True
    words: str = ""


def staff_by_id(staff_id: int) -> StaffRow:
    """Raises NotFound."""
    return _one(Staff.id == staff_id)


def staff_by_ids(ids: Iterable[int]) -> Mapping[int, StaffRow]:
    """Accounts by id, with two statements however many."""
    return {row.id: row for row in _rows(_staff().where(Staff.id.in_(set(ids))))}


def staff_by_uid(uid: str) -> StaffRow:
    """Raises NotFound, also for what cannot be one."""
    if not UID.fullmatch(uid):
        raise NotFound(NOBODY)
    return _one(Staff.uid == uid)


def staff_by_email(email: str) -> StaffRow:
    """Raises NotFound; the address may be typed in any case."""
    return _one(Staff.email == rules.fold_email(email))


def actor_of(staff_id: int) -> Actor:
    """The actor that this account acts as, whether or not it is active."""
    return staff_by_id(staff_id).actor


def managers_above(staff_id: int) -> tuple[StaffRow, ...]:
    """The line upwards: their manager, the manager's manager, and so on to the top; a ring ends where it closes."""
    found: list[StaffRow] = []
    seen, above = {staff_id}, db.session.scalar(sa.select(Staff.manager_id).where(Staff.id == staff_id))
    while above is not None and above not in seen and len(found) < MOST_LEVELS:
        found.append(staff_by_id(above))
        seen.add(above)
        above = found[-1].manager_id
    return tuple(found)


def members_of(compartment: Compartment) -> tuple[StaffRow, ...]:
    """Active staff who read what is sealed in this compartment, by name."""
    return _rows(_staff().where(Staff.compartments.contains(compartment.value), Staff.is_active).order_by(Staff.name, Staff.id))


def staff_list(wanted: StaffFilter | None = None, *, after: str | None = None, size: int = PAGE_SIZE) -> Page[StaffRow]:
    """A page of staff by name."""
    query = _narrowed(wanted or StaffFilter()).order_by(Staff.name, Staff.id).limit(size + 1)
    if after is not None:
        name, staff_id = _name_key(after)
        query = query.where(sa.or_(Staff.name > name, sa.and_(Staff.name == name, Staff.id > staff_id)))
    rows = _rows(query)
    shown = rows[:size]
    return Page(shown, encode_key(shown[-1].name, shown[-1].id) if len(rows) > size else None)


def staff_who_may(permission: Permission) -> tuple[StaffRow, ...]:
    """Active staff whose role holds `permission`, by name."""
    roles = [role for role, granted in GRANTS.items() if permission in granted]
    return _rows(_staff().where(Staff.role.in_(roles), Staff.is_active).order_by(Staff.name, Staff.id))


def staff_of_team(team_id: int) -> tuple[StaffRow, ...]:
    """Active members of a team, by name."""
    members = sa.select(TeamMember.staff_id).where(TeamMember.team_id == team_id)
    return _rows(_staff().where(Staff.id.in_(members), Staff.is_active).order_by(Staff.name, Staff.id))


def leads_of(team_id: int) -> tuple[StaffRow, ...]:
    """Active leads of a team, by name."""
    leads = sa.select(TeamMember.staff_id).where(TeamMember.team_id == team_id, TeamMember.is_lead)
    return _rows(_staff().where(Staff.id.in_(leads), Staff.is_active).order_by(Staff.name, Staff.id))


def deputies_for(staff: StaffRow) -> tuple[StaffRow, ...]:
    """Active colleagues who may do everything `staff` may, by name."""
    roles = [role for role in Role if rules.may_stand_in(staff.role, role)]
    return _rows(_staff().where(Staff.role.in_(roles), Staff.is_active, Staff.id != staff.id).order_by(Staff.name, Staff.id))


def names_by_id(ids: Iterable[int]) -> Mapping[int, str]:
    return {row.id: row.name for row in db.session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(set(ids))))}


def names_by_uid(uids: Iterable[str]) -> Mapping[str, str]:
    return {row.uid: row.name for row in db.session.execute(sa.select(Staff.uid, Staff.name).where(Staff.uid.in_(set(uids))))}


def _staff() -> sa.Select[Any]:
    columns: tuple[sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any], ...] = (
        Staff.id, Staff.uid, Staff.email, Staff.name, Staff.job_title, Staff.role, Staff.unit_id, Unit.code.label("unit_code"),
        Unit.name.label("unit_name"), Staff.is_active, Staff.password_hash.is_not(None).label("has_password"),
        Staff.last_sign_in_at, Staff.previous_sign_in_at, Staff.manager_id, Manager.name.label("manager_name"), Staff.scope,
        Staff.compartments, _units_below().label("unit_ids"),
    )
    return sa.select(*columns).outerjoin(Unit, Unit.id == Staff.unit_id).outerjoin(Manager, Manager.id == Staff.manager_id)


def _units_below() -> sa.ColumnElement[Any]:
    """The ids of somebody's unit and of all below it, in one text; only for those whose scope it bounds."""
    below = sa.select(sa.func.aggregate_strings(sa.cast(Below.id, sa.String), ",")).where(
        Below.path.startswith(Unit.path), Unit.path != "").correlate(Unit).scalar_subquery()
    return sa.case((Staff.scope == Scope.TEAMS, below))


def _narrowed(wanted: StaffFilter) -> sa.Select[Any]:
    query = _staff()
    if wanted.role is not None:
        query = query.where(Staff.role == wanted.role)
    if wanted.is_active is not None:
        query = query.where(Staff.is_active == wanted.is_active)
    if wanted.team_code:
        members = sa.select(TeamMember.staff_id).join(Team, Team.id == TeamMember.team_id).where(Team.code == wanted.team_code)
        query = query.where(Staff.id.in_(members))
    for word in wanted.words.split()[:5]:
        query = query.where(sa.or_(*(column.icontains(word, autoescape=True) for column in (Staff.name, Staff.email, Staff.job_title))))
    return query


def _name_key(key: str) -> tuple[str, int]:
    match decode_key(key):
        case [str() as name, int() as staff_id] if abs(staff_id) < 2**31:
            return name, staff_id
    return "", 0


def _one(condition: sa.ColumnElement[bool]) -> StaffRow:
    rows = _rows(_staff().where(condition))
    if not rows:
        raise NotFound(NOBODY)
    return rows[0]


def _rows(query: sa.Select[Any]) -> tuple[StaffRow, ...]:
    found = db.session.execute(query).all()
    joined = _teams_of([row.id for row in found])
    return tuple(
        StaffRow(
            row.id, row.uid, row.email, row.name, row.job_title, row.role, row.unit_id, row.unit_code, row.unit_name,
            joined[row.id].ids, tuple(joined[row.id].codes), tuple(joined[row.id].names), row.is_active, row.has_password,
            row.last_sign_in_at, row.previous_sign_in_at, row.manager_id, row.manager_name, row.scope,
            rules.compartments_in(row.compartments), frozenset(int(number) for number in (row.unit_ids or "").split(",") if number),
        )
        for row in found
    )


@dataclass(slots=True)
class _Teams:
    ids: frozenset[int] = frozenset()
    codes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def _teams_of(staff_ids: list[int]) -> Mapping[int, _Teams]:
    joined: defaultdict[int, _Teams] = defaultdict(_Teams)
    if not staff_ids:
        return joined
    query = (
        sa.select(TeamMember.staff_id, Team.id, Team.code, Team.name).join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.staff_id.in_(staff_ids), Team.is_active).order_by(Team.name)
    )
    for staff_id, team_id, code, name in db.session.execute(query):
        row = joined[staff_id]
        row.ids |= {team_id}
        row.codes.append(code)
        row.names.append(name)
    return joined
