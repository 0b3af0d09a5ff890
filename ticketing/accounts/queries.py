"""Reading staff, teams, leave and sessions as frozen rows, and weighing a password before any lock is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import aliased

from ticketing.accounts import rules
from ticketing.accounts.models import Leave, SingleUseToken, Staff, Team, TeamMember, UserSession
from ticketing.accounts.rules import Attempt, Cost, Limited
from ticketing.codes.models import Unit
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.paging import PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import GRANTS, Actor, Permission, Role, staff_actor

NOBODY = "This member of staff is not on the list. Go back to Staff and choose again."


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

    @property
    def role_label(self) -> str:
        return rules.ROLE_LABELS[self.role]

    @property
    def actor(self) -> Actor:
        return staff_actor(uid=self.uid, name=self.name, role=self.role, staff_id=self.id, team_ids=self.team_ids)


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team; `members` counts active staff."""

    id: int
    code: str
    name: str
    email: str | None
    is_active: bool
    members: int = 0
    leads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveRow:
    """Away on both days and all between."""

    id: int
    staff_id: int
    starts_on: date
    ends_on: date
    deputy_id: int | None
    deputy_name: str | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A signed-in browser, as its owner recognises it."""

    id: int
    started_at: datetime
    seen_at: datetime
    browser: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose token this is."""

    session_id: int
    seen_at: datetime
    staff: StaffRow


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A live link to set a password, and what its owner may not put in the password."""

    staff_id: int
    name: str
    email: str
    is_invitation: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StaffFilter:
    """What the staff list is narrowed to; None and "" mean everybody."""

    role: Role | None = None
    team_code: str | None = None
    is_active: bool | None = True
    words: str = ""


# --- staff ---


def staff_by_id(staff_id: int) -> StaffRow:
    """Raises NotFound."""
    return _one(Staff.id == staff_id)


def staff_by_uid(uid: str) -> StaffRow:
    """Raises NotFound."""
    return _one(Staff.uid == uid)


def staff_by_email(email: str) -> StaffRow:
    """Raises NotFound; the address may be typed in any case."""
    return _one(Staff.email == rules.fold_email(email))


def actor_of(staff_id: int) -> Actor:
    """The actor that this account acts as, whether or not it is active."""
    return staff_by_id(staff_id).actor


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


# --- teams ---


def teams(*, is_active: bool | None = True) -> tuple[TeamRow, ...]:
    """Teams by name, with how many active staff they have; those in use unless told (None: all)."""
    query = sa.select(Team).order_by(Team.name, Team.id)
    if is_active is not None:
        query = query.where(Team.is_active == is_active)
    found = db.session.scalars(query).all()
    members: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    joined = sa.select(TeamMember.team_id, Staff.name, TeamMember.is_lead).join(Staff, Staff.id == TeamMember.staff_id)
    for team_id, name, is_lead in db.session.execute(joined.where(Staff.is_active).order_by(Staff.name)):
        members[team_id].append((name, is_lead))
    return tuple(_team(row, members[row.id]) for row in found)


def team_by_code(code: str) -> TeamRow:
    """Raises NotFound with the code in its sentence."""
    return _one_team(Team.code == code, f"There is no team with the code {code}. Check it under Teams.")


def team_by_id(team_id: int) -> TeamRow:
    """Raises NotFound."""
    return _one_team(Team.id == team_id, "This team is not on the list any more. Go back to Teams.")


# --- leave ---


def on_leave(staff_id: int, day: date) -> LeaveRow | None:
    """The leave that covers `day`, if any."""
    found = _leave().where(Leave.staff_id == staff_id, Leave.starts_on <= day, Leave.ends_on >= day)
    row = db.session.execute(found.order_by(Leave.starts_on, Leave.id).limit(1)).first()
    return None if row is None else _leave_row(row)


def leave_of(staff_id: int, day: date) -> tuple[LeaveRow, ...]:
    """Leave that runs on `day` or is still to come, soonest first."""
    found = _leave().where(Leave.staff_id == staff_id, Leave.ends_on >= day).order_by(Leave.starts_on, Leave.id)
    return tuple(_leave_row(row) for row in db.session.execute(found))


def away_on(day: date) -> Mapping[int, LeaveRow]:
    """Everybody who is away on `day`, by their id."""
    found = _leave().where(Leave.starts_on <= day, Leave.ends_on >= day).order_by(Leave.starts_on.desc(), Leave.id.desc())
    return {row.staff_id: row for row in (_leave_row(item) for item in db.session.execute(found))}


def stand_in_for(staff_id: int, day: date) -> StaffRow:
    """Who gets what would come to `staff_id` on `day`: see rules.stand_in.  A deputy who has left counts as nobody."""

    def deputy_of(person: int) -> int | None:
        if person != staff_id and not db.session.scalar(sa.select(Staff.is_active).where(Staff.id == person)):
            return None
        leave = on_leave(person, day)
        return person if leave is None else leave.deputy_id

    return staff_by_id(rules.stand_in(staff_id, deputy_of))


# --- signing in ---


def weigh(email: str, password: str, address: str) -> Attempt:
    """Whether name and password belong together; costs the same for a name nobody has.  `service.sign_in` decides."""
    folded, secret = rules.fold_email(email), str(current_app.config["SECRET_KEY"])
    known = db.session.execute(
        sa.select(Staff.id, Staff.uid, Staff.password_hash, Staff.is_active).where(Staff.email == folded),
    ).first()
    stored = known.password_hash if known is not None and known.is_active else None
    cost = password_cost()
    is_right = rules.is_right(stored, password, cost)
    return Attempt(
        rules.throttle_key(Limited.NAME, folded, secret), rules.throttle_key(Limited.ADDRESS, address, secret), is_right,
        known.id if known else None, known.uid if known else None, stored,
        rules.hash_password(password, cost) if is_right and stored and rules.needs_new_hash(stored, cost) else None,
    )


def password_link(nonce: str) -> str:
    """The address behind a mailed link; made when the mail is, so that the secret in it is never stored."""
    token = rules.link_token(nonce, str(current_app.config["SECRET_KEY"]))
    return f"{str(current_app.config['PUBLIC_URL']).rstrip('/')}/password/{token}"


def password_cost() -> Cost:
    return Cost(current_app.config["PASSWORD_MEMORY_KIB"], current_app.config["PASSWORD_ROUNDS"])


def signed_in(token: str, *, at: datetime) -> SignedIn | None:
    """Whose session `token` is; None once it has ended, was idle or open too long, or its owner has left."""
    session = db.session.execute(
        sa.select(UserSession.id, UserSession.staff_id, UserSession.started_at, UserSession.seen_at)
        .where(UserSession.token_hash == rules.token_hash(token), UserSession.ended_at.is_(None)),
    ).first()
    if session is None or _is_over(session.started_at, session.seen_at, at):
        return None
    staff = staff_by_id(session.staff_id)
    return SignedIn(session.id, session.seen_at, staff) if staff.is_active else None


def sessions_of(staff_id: int, *, at: datetime) -> tuple[SessionRow, ...]:
    """Browsers signed in now, the one seen last first."""
    found = db.session.scalars(
        sa.select(UserSession).where(UserSession.staff_id == staff_id, UserSession.ended_at.is_(None)).order_by(UserSession.seen_at.desc()),
    )
    return tuple(
        SessionRow(row.id, row.started_at, row.seen_at, row.browser) for row in found if not _is_over(row.started_at, row.seen_at, at)
    )


def live_token(token: str, *, at: datetime) -> TokenRow | None:
    """The invitation or reset behind a mailed link; None when used, too old, unknown, or its owner has left."""
    row = db.session.execute(
        sa.select(Staff.id, Staff.name, Staff.email, SingleUseToken.purpose, SingleUseToken.expires_at)
        .join(Staff, Staff.id == SingleUseToken.staff_id)
        .where(SingleUseToken.token_hash == rules.token_hash(token), SingleUseToken.used_at.is_(None), SingleUseToken.expires_at > at,
               Staff.is_active),
    ).first()
    return None if row is None else TokenRow(row.id, row.name, row.email, row.purpose == "invitation", row.expires_at)


# --- how rows are read ---


def _staff() -> sa.Select[Any]:
    columns: tuple[sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any], ...] = (
        Staff.id, Staff.uid, Staff.email, Staff.name, Staff.job_title, Staff.role, Staff.unit_id, Unit.code.label("unit_code"),
        Unit.name.label("unit_name"), Staff.is_active, Staff.password_hash.is_not(None).label("has_password"),
        Staff.last_sign_in_at, Staff.previous_sign_in_at,
    )
    return sa.select(*columns).outerjoin(Unit, Unit.id == Staff.unit_id)


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
            row.last_sign_in_at, row.previous_sign_in_at,
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


def _one_team(condition: sa.ColumnElement[bool], sentence: str) -> TeamRow:
    row = db.session.scalar(sa.select(Team).where(condition))
    if row is None:
        raise NotFound(sentence, field="team_code")
    members = db.session.execute(
        sa.select(Staff.name, TeamMember.is_lead).join(TeamMember, TeamMember.staff_id == Staff.id)
        .where(TeamMember.team_id == row.id, Staff.is_active).order_by(Staff.name),
    )
    return _team(row, [(name, is_lead) for name, is_lead in members])


def _team(row: Team, members: list[tuple[str, bool]]) -> TeamRow:
    return TeamRow(row.id, row.code, row.name, row.email, row.is_active, len(members), tuple(name for name, is_lead in members if is_lead))


Deputy = aliased(Staff)


def _leave() -> sa.Select[Any]:
    columns: tuple[sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any], ...] = (
        Leave.id, Leave.staff_id, Leave.starts_on, Leave.ends_on, Leave.deputy_id, Deputy.name.label("deputy_name"),
    )
    return sa.select(*columns).outerjoin(Deputy, Deputy.id == Leave.deputy_id)


def _leave_row(row: Any) -> LeaveRow:
    return LeaveRow(row.id, row.staff_id, row.starts_on, row.ends_on, row.deputy_id, row.deputy_name)


def _is_over(started_at: datetime, seen_at: datetime, at: datetime) -> bool:
    config = current_app.config
    idle, longest = timedelta(minutes=config["SESSION_IDLE_MINUTES"]), timedelta(hours=config["SESSION_HOURS"])
    return rules.is_over(started_at=started_at, seen_at=seen_at, at=at, idle=idle, longest=longest)
