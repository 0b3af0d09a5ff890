"""Weighing a password before any lock is taken, and reading sessions and mailed links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from flask import current_app

from ticketing.accounts import rules
from ticketing.accounts.models import GlassOpening, SingleUseToken, Staff, Throttle, UserSession
from ticketing.accounts.queries.hashing import hash_password, is_right, password_cost
from ticketing.accounts.queries.reach import actor_now, is_open_glass
from ticketing.accounts.queries.staff import StaffRow, staff_by_id
from ticketing.accounts.rules import LIMITS, Attempt, Limited
from ticketing.core.database import db
from ticketing.core.permissions import Actor, Role, minutes_by_role


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A signed-in browser, as its owner recognises it."""

    id: int
    started_at: datetime
    seen_at: datetime
    browser: str
    method: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose token this is, and how they came in; `confirmed_at` is when they last proved who they are."""

    session_id: int
    seen_at: datetime
    staff: StaffRow
    method: str
    has_second_step: bool
    confirmed_at: datetime | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A live link to set a password, and what its owner may not put in the password."""

    staff_id: int
    name: str
    email: str
    is_invitation: bool
    expires_at: datetime


def weigh(email: str, password: str, address: str, *, at: datetime) -> Attempt:
    """Whether name and password belong together; `service.sign_in` decides.

    Costs the same for a name nobody has.  Where name or address is locked nothing is hashed, so that a storm costs little.
    Raises TooMany where too many others are being weighed (see queries.hashing).
    """
    folded, secret = rules.fold_email(email), str(current_app.config["SECRET_KEY"])
    name_key, address_key = rules.throttle_key(Limited.NAME, folded, secret), rules.throttle_key(Limited.ADDRESS, address, secret)
    known = db.session.execute(
        sa.select(Staff.id, Staff.uid, Staff.password_hash, Staff.is_active).where(Staff.email == folded),
    ).first()
    attempt = Attempt(name_key, address_key, is_right=False, staff_id=known.id if known else None, staff_uid=known.uid if known else None)
    if is_locked(name_key, Limited.NAME, at) or is_locked(address_key, Limited.ADDRESS, at):
        return attempt
    stored = known.password_hash if known and known.is_active else None
    if not is_right(stored, password) or stored is None:
        return attempt
    fresh = hash_password(password) if rules.needs_new_hash(stored, password_cost()) else None
    return replace(attempt, is_right=True, stored_hash=stored, fresh_hash=fresh)


def is_locked(key: str, kind: Limited, at: datetime) -> bool:
    """Whether tries under this key are refused unseen at the moment."""
    tries = db.session.scalar(sa.select(Throttle.tries).where(Throttle.key == key, Throttle.expires_at > at))
    return (tries or 0) >= LIMITS[kind].tries


def password_link(nonce: str) -> str:
    """The address behind a mailed link; made when the mail is, so that the secret in it is never stored."""
    token = rules.link_token(nonce, str(current_app.config["SECRET_KEY"]))
    return f"{str(current_app.config['PUBLIC_URL']).rstrip('/')}/password/{token}"


def signed_in(token: str, *, at: datetime) -> SignedIn | None:
    """Whose session `token` is; None once it has ended, was idle or open too long, or its owner has left."""
    glass = sa.exists().where(GlassOpening.staff_id == UserSession.staff_id, is_open_glass(at))
    session = db.session.execute(
        sa.select(UserSession.id, UserSession.staff_id, UserSession.started_at, UserSession.seen_at, UserSession.method,
                  UserSession.has_second_step, UserSession.confirmed_at, glass.label("has_glass"))
        .where(UserSession.token_hash == rules.token_hash(token), UserSession.ended_at.is_(None)),
    ).first()
    if session is None:
        return None
    staff = staff_by_id(session.staff_id)
    if not staff.is_active or _is_over(session.started_at, session.seen_at, staff.role, at):
        return None
    actor = actor_now(staff, at=at, has_glass=session.has_glass)
    return SignedIn(session.id, session.seen_at, staff, session.method, session.has_second_step, session.confirmed_at, actor)


def sessions_of(staff_id: int, *, at: datetime) -> tuple[SessionRow, ...]:
    """Browsers signed in now, the one seen last first."""
    found = db.session.execute(
        sa.select(UserSession.id, UserSession.started_at, UserSession.seen_at, UserSession.browser, UserSession.method, Staff.role)
        .join(Staff, Staff.id == UserSession.staff_id)
        .where(UserSession.staff_id == staff_id, UserSession.ended_at.is_(None)).order_by(UserSession.seen_at.desc()),
    )
    return tuple(
        SessionRow(row.id, row.started_at, row.seen_at, row.browser, row.method)
        for row in found if not _is_over(row.started_at, row.seen_at, row.role, at)
    )


def live_token(token: str, *, at: datetime) -> TokenRow | None:
    """The invitation or reset behind a mailed link; None when used, too old, unknown, or its owner has left."""
    row = db.session.execute(
        sa.select(Staff.id, Staff.name, Staff.email, SingleUseToken.purpose, SingleUseToken.expires_at)
        .join(Staff, Staff.id == SingleUseToken.staff_id)
        .where(SingleUseToken.token_hash == rules.token_hash(token), SingleUseToken.purpose.in_(rules.PASSWORD_PURPOSES),
               SingleUseToken.used_at.is_(None), SingleUseToken.expires_at > at, Staff.is_active),
    ).first()
    return None if row is None else TokenRow(row.id, row.name, row.email, row.purpose == rules.INVITATION, row.expires_at)


def _is_over(started_at: datetime, seen_at: datetime, role: Role, at: datetime) -> bool:
    config = current_app.config
    minutes = _minutes_by_role(str(config["SESSION_IDLE_BY_ROLE"])).get(role, config["SESSION_IDLE_MINUTES"])
    idle, longest = timedelta(minutes=minutes), timedelta(hours=config["SESSION_HOURS"])
    return rules.is_over(started_at=started_at, seen_at=seen_at, at=at, idle=idle, longest=longest)


@lru_cache(maxsize=8)
def _minutes_by_role(setting: str) -> dict[Role, int]:
    return minutes_by_role(setting)
