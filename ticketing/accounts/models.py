"""Staff accounts, teams, leave, sessions and single-use tokens."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.core.database import Model
from ticketing.core.permissions import Role


class Team(Model):
    """A patient-relations team: owns a queue of cases."""

    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)


class Staff(Model):
    """Someone who signs in.  `uid` is the pseudonym the trail keeps; a leaver stays, inactive, so that old cases keep their names."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # kept in lower case
    name: Mapped[str]
    job_title: Mapped[str] = mapped_column(default="")
    role: Mapped[Role]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    password_hash: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    last_sign_in_at: Mapped[datetime | None]
    previous_sign_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    memberships: Mapped[list[TeamMember]] = relationship(lazy="selectin", cascade="all, delete-orphan")


class TeamMember(Model):
    """Staff belong to teams."""

    __tablename__ = "team_members"
    __table_args__ = (UniqueConstraint("team_id", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    is_lead: Mapped[bool] = mapped_column(default=False)


class Leave(Model):
    """Away from `starts_on` to `ends_on` (both included); the deputy gets what would have come to them."""

    __tablename__ = "leave"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    deputy_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class UserSession(Model):
    """A signed-in browser; the cookie holds the token, the table only its hash."""

    __tablename__ = "user_sessions"
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    browser: Mapped[str] = mapped_column(default="")


class SingleUseToken(Model):
    """An invitation or a password reset; only the hash is kept, and it works once."""

    __tablename__ = "single_use_tokens"
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Throttle(Model):
    """Tries within one window of one key (a hash of a name or an address): an atomic upsert, for known and unknown names alike."""

    __tablename__ = "throttles"
    __audited__ = False
    __table_args__ = (Index("ix_throttles_expires_at", "expires_at"),)

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]
    expires_at: Mapped[datetime]
