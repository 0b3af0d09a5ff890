"""Reading second steps: what somebody has set up, what a sign-in still owes, and a code weighed before any lock is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from flask import current_app

from ticketing.accounts import rules
from ticketing.accounts.models import AuthenticatorApp, Ceremony, Identity, Passkey, RecoveryCode, Staff
from ticketing.accounts.queries.hashing import is_right
from ticketing.accounts.queries.signing_in import is_locked
from ticketing.accounts.rules import Attempt, Limited, Picture, Purpose
from ticketing.core.database import db
from ticketing.core.permissions import Role, roles_of


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey, as its owner recognises it."""

    uid: str
    name: str
    is_synced: bool
    added_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Steps:
    """What somebody has set up beside the password."""

    app_added_at: datetime | None
    passkeys: tuple[PasskeyRow, ...]
    codes_left: int
    is_linked: bool

    @property
    def has_app(self) -> bool:
        return self.app_added_at is not None

    @property
    def has_any(self) -> bool:
        return self.has_app or bool(self.passkeys)


@dataclass(frozen=True, slots=True)
class OwedStep:
    """A sign-in that is half done: whose, after what, and what may finish it."""

    staff_id: int
    staff_uid: str
    after: str
    steps: Steps


@dataclass(frozen=True, slots=True)
class PendingApp:
    """An authenticator app about to be added: what to scan, or to type."""

    secret: str
    picture: Picture
    address: str


@dataclass(frozen=True, slots=True)
class CodeAttempt:
    """Somebody's code, weighed as far as it can be without a lock: six digits are decided in the verb, a recovery code here."""

    counted: Attempt
    digits: str = ""
    recovery_id: int | None = None


def steps_of(staff_id: int) -> Steps:
    added_at = db.session.scalar(sa.select(AuthenticatorApp.added_at).where(AuthenticatorApp.staff_id == staff_id))
    keys = db.session.scalars(sa.select(Passkey).where(Passkey.staff_id == staff_id).order_by(Passkey.added_at, Passkey.id))
    left = db.session.scalar(
        sa.select(sa.func.count()).select_from(RecoveryCode).where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)))
    linked = db.session.scalar(sa.select(sa.func.count()).select_from(Identity).where(Identity.staff_id == staff_id))
    rows = tuple(PasskeyRow(key.uid, key.name, key.is_synced, key.added_at, key.used_at) for key in keys)
    return Steps(added_at, rows, left or 0, bool(linked))


def is_second_step_required(role: Role) -> bool:
    """Whether the house asks this role for a second step (MFA_ROLES)."""
    return role in _roles_of(str(current_app.config["MFA_ROLES"]))


def owed_step(token: str, *, at: datetime) -> OwedStep | None:
    """The half-done sign-in that this browser holds; None once it is finished, too old, or its owner has left."""
    row = db.session.execute(
        sa.select(Staff.id, Staff.uid, Ceremony.facts).join(Staff, Staff.id == Ceremony.staff_id)
        .where(*is_live(token, Purpose.SECOND_STEP, at), Staff.is_active),
    ).first()
    return None if row is None else OwedStep(row.id, row.uid, str(row.facts["after"]), steps_of(row.id))


def pending_app(token: str, staff_id: int, *, at: datetime) -> PendingApp | None:
    """The app that this person is adding in this browser."""
    row = db.session.execute(
        sa.select(Staff.uid, Staff.email, Ceremony.secret).join(Staff, Staff.id == Ceremony.staff_id)
        .where(*is_live(token, Purpose.APP_ADD, at), Ceremony.staff_id == staff_id),
    ).first()
    secret = rules.unseal(row.secret, key=str(current_app.config["SECRET_KEY"]), owner=row.uid) if row else None
    if row is None or secret is None:
        return None
    address = rules.app_address(secret, row.email, f"Redress, {current_app.config['ORGANISATION']}")
    return PendingApp(rules.in_fours(secret), rules.picture_of(address), address)


def weigh_code(staff_id: int, typed: str, address: str, *, at: datetime) -> CodeAttempt:
    """A code of somebody who is known by now.  A recovery code costs one hash whether or not it is one; none where codes are locked."""
    secret = str(current_app.config["SECRET_KEY"])
    staff = db.session.execute(sa.select(Staff.id, Staff.uid).where(Staff.id == staff_id)).one()
    counted = Attempt(
        rules.throttle_key(Limited.CODE, staff.uid, secret), rules.throttle_key(Limited.ADDRESS, address, secret), is_right=False,
        staff_id=staff.id, staff_uid=staff.uid, counted_as=Limited.CODE,
    )
    if rules.is_code(typed):
        return CodeAttempt(counted, digits=typed)
    if is_locked(counted.name_key, Limited.CODE, at) or is_locked(counted.address_key, Limited.ADDRESS, at):
        return CodeAttempt(counted)
    found = _recovery_id(staff_id, typed)
    return CodeAttempt(replace(counted, is_right=found is not None), recovery_id=found)


def is_live(token: str, purpose: Purpose, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds of a ceremony that may still be finished by whoever has `token`."""
    return (
        Ceremony.token_hash == rules.token_hash(token), Ceremony.purpose == purpose.value, Ceremony.used_at.is_(None),
        Ceremony.expires_at > at,
    )


def _recovery_id(staff_id: int, typed: str) -> int | None:
    selector, secret = rules.recovery_parts(typed) or ("", typed)
    row = db.session.execute(
        sa.select(RecoveryCode.id, RecoveryCode.code_hash)
        .where(RecoveryCode.staff_id == staff_id, RecoveryCode.selector == selector, RecoveryCode.used_at.is_(None)),
    ).first()
    is_known = is_right(row.code_hash if row else None, secret)
    return row.id if row is not None and is_known else None


@lru_cache(maxsize=8)
def _roles_of(setting: str) -> frozenset[Role]:
    return roles_of(setting)
