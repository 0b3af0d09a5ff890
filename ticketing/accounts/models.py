"""Staff accounts, teams, leave, and how people sign in: sessions, second steps, single-use tokens and counts of tries."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.core.database import Model
from ticketing.core.permissions import Role, Scope


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
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    scope: Mapped[Scope] = mapped_column(default=Scope.TEAMS)
    compartments: Mapped[str] = mapped_column(String(60), default="")  # codes, with blanks between
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


class GlassOpening(Model):
    """A case opened in an emergency by somebody who otherwise may not see it: named, for a reason, for a limited time."""

    __tablename__ = "glass_openings"
    __table_args__ = (Index("ix_glass_openings_staff_id_ends_at", "staff_id", "ends_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SavedSearch(Model):
    """What somebody searched for, kept for an hour under an opaque id, so that no name ever stands in an address."""

    __tablename__ = "saved_searches"
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    words: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


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
    method: Mapped[str] = mapped_column(String(40), default="password")  # rules.Method; how it was opened
    has_second_step: Mapped[bool] = mapped_column(default=False)
    confirmed_at: Mapped[datetime | None]  # when its owner last proved who they are


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


class AuthenticatorApp(Model):
    """Somebody's authenticator app (RFC 6238).  The secret is sealed; `last_step` is the newest code used, so that none works twice."""

    __tablename__ = "authenticator_apps"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), unique=True)
    sealed_secret: Mapped[str]
    last_step: Mapped[int]
    added_at: Mapped[datetime]


class Passkey(Model):
    """A passkey (WebAuthn credential): only its public half is here."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)  # base64url of at most 1023 bytes
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    is_synced: Mapped[bool] = mapped_column(default=False)
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(Model):
    """One way in for whoever has lost phone and keys: found by its first letters, the rest hashed like a password; works once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("staff_id", "selector"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    selector: Mapped[str] = mapped_column(String(8))
    code_hash: Mapped[str]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Identity(Model):
    """Who somebody is to the hospital's single sign-on: linked once by a verified address, from then on by `subject` alone."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("staff_id", "issuer"))

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime]


class Ceremony(Model):
    """Something begun that one browser must finish within minutes, once: a second step, a passkey's challenge, a trip to single sign-on.

    The browser holds the token, the table its hash.  `secret` is the challenge, the sealed secret of a new app, or the proof key.
    """

    __tablename__ = "ceremonies"
    __audited__ = False
    __table_args__ = (Index("ix_ceremonies_expires_at", "expires_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    secret: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, Any]]
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
