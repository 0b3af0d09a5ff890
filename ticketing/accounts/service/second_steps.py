"""Second steps: set up, taken off, reset when somebody has lost theirs, and a sign-in finished or a person confirmed with one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import pyotp
import sqlalchemy as sa
from flask import current_app

from ticketing.accounts import rules
from ticketing.accounts.models import AuthenticatorApp, Passkey, RecoveryCode, Staff
from ticketing.accounts.queries import CodeAttempt, FreshCode, is_second_step_required, steps_of
from ticketing.accounts.rules import AFTER_PASSWORD, AFTER_SINGLE_SIGN_ON, Attempt, Method, Purpose, SignIn
from ticketing.accounts.service.ceremonies import _held, begin_ceremony
from ticketing.accounts.service.rows import _lock_staff, _must_manage
from ticketing.accounts.service.signing_in import _count_and_refuse, _let_in, _renew, end_sessions
from ticketing.audit import service as audit
from ticketing.audit.rules import ADMIN_STREAM, Act, staff_stream
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage

TOO_LATE = "This took too long, or was finished in another window. Begin again."


@dataclass(frozen=True, slots=True)
class Added:
    """A second step was added: the session's new token, and the recovery codes to show once, where they are new."""

    token: str
    codes: tuple[str, ...] = ()


@atomic
def begin_app(*, by: Actor, at: datetime) -> str:
    """A secret for an authenticator app that is not yet set up; returns the token that this browser finishes it with."""
    sealed = rules.seal(pyotp.random_base32(32), key=_key(), owner=by.uid, nonce=secrets.token_bytes(12))
    return begin_ceremony(Purpose.APP_ADD, staff_id=by.staff_id, secret=sealed, at=at)


@atomic
def add_app(token: str, typed: str, codes: Sequence[FreshCode], *, session_id: int, by: Actor, at: datetime) -> Added:
    """The app shows codes that fit: from now on a sign-in asks for one, and every other browser is signed out.

    An app set up before is replaced.  `codes` become the recovery codes where there are none left.  Raises Invalid (field code) for
    a code that does not fit, Conflict when it took too long.
    """
    held = _held(token, Purpose.APP_ADD, at=at)
    secret = rules.unseal(held.secret, key=_key(), owner=by.uid) if held is not None and held.staff_id == by.staff_id else None
    if held is None or secret is None:
        raise Conflict(TOO_LATE)
    step = rules.step_of(secret, typed, after=0, at=at)
    if step is None:
        raise Invalid("This is not the code that the app shows now. Check that your telephone's clock is right, and type the newest one.",
                      field="code")
    staff, held.used_at = _lock_staff(by.uid), at
    db.session.execute(sa.delete(AuthenticatorApp).where(AuthenticatorApp.staff_id == staff.id))
    db.session.add(AuthenticatorApp(staff_id=staff.id, sealed_secret=held.secret, last_step=step, added_at=at))
    return _added(staff, "authenticator app", codes, session_id=session_id, by=by, at=at)


@atomic
def remove_app(*, session_id: int, by: Actor, at: datetime) -> str:
    """Take the authenticator app off; the session's new token.  Raises Conflict for the last step of somebody who must have one."""
    staff = _lock_staff(by.uid)
    _keep_one(staff, has_app=False, passkeys=len(steps_of(staff.id).passkeys))
    db.session.execute(sa.delete(AuthenticatorApp).where(AuthenticatorApp.staff_id == staff.id))
    return _removed(staff, "authenticator app", session_id=session_id, by=by, at=at)


@atomic
def remove_passkey(uid: str, *, session_id: int, by: Actor, at: datetime) -> str:
    """Take one of one's own passkeys off; as `remove_app`.  One that is not there is left alone."""
    staff, steps = _lock_staff(by.uid), steps_of(cast(int, by.staff_id))
    if uid not in {row.uid for row in steps.passkeys}:
        raise Conflict("This passkey is not yours any more. Look at the list again.")
    _keep_one(staff, has_app=steps.has_app, passkeys=len(steps.passkeys) - 1)
    db.session.execute(sa.delete(Passkey).where(Passkey.uid == uid, Passkey.staff_id == staff.id))
    return _removed(staff, "passkey", session_id=session_id, by=by, at=at)


@atomic
def renew_recovery_codes(codes: Sequence[FreshCode], *, by: Actor, at: datetime) -> None:
    """`codes` are the recovery codes from now on; those before no longer work."""
    staff = _lock_staff(by.uid)
    if not steps_of(staff.id).has_any:
        raise Conflict("Set up an authenticator app or a passkey first: recovery codes are for when you have lost it.")
    _set_codes(staff, codes, by=by, at=at)
    _tell(staff, "New recovery codes were made; those before no longer work.", at=at)


@atomic
def reset_second_steps(uid: str, why: str, *, by: Actor, at: datetime) -> None:
    """For somebody who has lost telephone, keys and codes: an administrator takes every second step off, with the reason.

    They are signed out everywhere, told by mail, and sign in with the password alone until they set one up again.
    """
    _must_manage(by)
    staff = _lock_staff(uid)
    if staff.id == by.staff_id:
        raise Conflict("You cannot reset your own second step. Ask another administrator to do it.")
    if not why.strip():
        raise Invalid("Say why, and how you made sure that it is really them.", field="why")
    steps = steps_of(staff.id)
    if not steps.has_any and not steps.codes_left:
        raise Conflict(f"{staff.name} has no second step to reset.")
    for model in (AuthenticatorApp, Passkey, RecoveryCode):
        db.session.execute(sa.delete(model).where(model.staff_id == staff.id))
    end_sessions(staff.id, at=at)
    stream = staff_stream(staff.uid)
    audit.record(stream, Act.STAFF_STEPS_RESET, why=why, by=by, at=at)
    audit.record(ADMIN_STREAM, Act.STAFF_STEPS_RESET, by=by, at=at, about=stream)
    _tell(staff, f"{by.name}, an administrator, took every second step off your account and gave this reason: {why.strip()}", at=at)


@atomic
def pass_second_step(token: str, attempt: CodeAttempt, browser: str, *, old_token: str = "", at: datetime) -> SignIn:
    """Finish a sign-in with a code (queries.weigh_code).  Counted before it is decided, as a password is.

    Raises Conflict when it took too long; never for a wrong code: the count and the trail's entry must stay.
    """
    held = _held(token, Purpose.SECOND_STEP, at=at)
    if held is None or held.staff_id is None or held.staff_id != attempt.counted.staff_id:
        raise Conflict(TOO_LATE)
    refusal = _count_and_refuse(attempt.counted, holds=partial(_use_code, attempt, at=at), at=at)
    if refusal is not None:
        return refusal
    held.used_at = at
    staff = db.session.get_one(Staff, held.staff_id)
    words = AFTER_PASSWORD if held.facts["after"] == "password" else AFTER_SINGLE_SIGN_ON
    method = words["code" if attempt.digits else "recovery"]
    if not attempt.digits:
        _tell(staff, f"A recovery code was used to sign in. {steps_of(staff.id).codes_left} are left.", at=at)
    return _let_in(staff, method, browser, has_second_step=True, old_token=old_token, at=at)


@atomic
def confirm(attempt: Attempt, code: CodeAttempt | None, *, session_id: int, by: Actor, at: datetime) -> SignIn:
    """Somebody signed in proves again who they are: with the password, and a code where they have a second step.

    The session goes on under a new token.  Wrong ones count and lock as at the door.
    """
    staff = db.session.get_one(Staff, by.staff_id)
    if attempt.staff_id not in (None, staff.id):
        raise Conflict("You can only confirm yourself.")
    refusal = _count_and_refuse(attempt, at=at)
    if refusal is None and steps_of(staff.id).has_any:
        if code is None:
            return SignIn()
        refusal = _count_and_refuse(code.counted, holds=partial(_use_code, code, at=at), at=at)
    if refusal is not None:
        return refusal
    return _confirmed(staff, Method.CODE if code else Method.PASSWORD, session_id=session_id, by=by, at=at)


def _confirmed(staff: Staff, method: Method, *, session_id: int, by: Actor, at: datetime) -> SignIn:
    token = _renew(session_id, staff.id, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_CONFIRMED, by=by, at=at, facts={"method": method})
    return SignIn(token=token)


def _use_code(attempt: CodeAttempt, *, at: datetime) -> bool:
    """Decide a code and use it up in one statement, so that of two at once one is too late."""
    staff = db.session.scalar(sa.select(Staff).where(Staff.id == attempt.counted.staff_id).with_for_update(of=Staff))
    if staff is None or not staff.is_active:
        return False
    if not attempt.digits:
        return attempt.recovery_id is not None and _changed(
            sa.update(RecoveryCode).where(RecoveryCode.id == attempt.recovery_id, RecoveryCode.used_at.is_(None)).values(used_at=at))
    app = db.session.scalar(sa.select(AuthenticatorApp).where(AuthenticatorApp.staff_id == staff.id))
    secret = rules.unseal(app.sealed_secret, key=_key(), owner=staff.uid) if app is not None else None
    if app is None or secret is None:
        return False
    step = rules.step_of(secret, attempt.digits, after=app.last_step, at=at)
    return step is not None and _changed(
        sa.update(AuthenticatorApp).where(AuthenticatorApp.id == app.id, AuthenticatorApp.last_step < step).values(last_step=step))


def _changed(statement: sa.Update) -> bool:
    return bool(cast(sa.CursorResult[Any], db.session.execute(statement)).rowcount)


def _added(staff: Staff, step: str, codes: Sequence[FreshCode], *, session_id: int, by: Actor, at: datetime) -> Added:
    """Part of a verb that has added it: codes if none are left, the trail, the others signed out, the owner told."""
    db.session.flush()
    is_first = not steps_of(staff.id).codes_left
    if is_first:
        _set_codes(staff, codes, by=by, at=at)
    end_sessions(staff.id, but=session_id, at=at)
    token = _renew(session_id, staff.id, has_second_step=True, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_STEP_ADDED, by=by, at=at, facts={"step": step})
    _tell(staff, f"A second step was added to your account: {step}.", at=at)
    return Added(token, tuple(code.code for code in codes) if is_first else ())


def _removed(staff: Staff, step: str, *, session_id: int, by: Actor, at: datetime) -> str:
    if not steps_of(staff.id).has_any:
        db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    end_sessions(staff.id, but=session_id, at=at)
    token = _renew(session_id, staff.id, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_STEP_REMOVED, by=by, at=at, facts={"step": step})
    _tell(staff, f"A second step was taken off your account: {step}.", at=at)
    return token


def _keep_one(staff: Staff, *, has_app: bool, passkeys: int) -> None:
    if not has_app and not passkeys and is_second_step_required(staff.role):
        raise Conflict("Your role needs a second step. Add another before you take this one off.")


def _set_codes(staff: Staff, codes: Sequence[FreshCode], *, by: Actor, at: datetime) -> None:
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    db.session.add_all(RecoveryCode(staff_id=staff.id, selector=code.selector, code_hash=code.code_hash, made_at=at) for code in codes)
    db.session.flush()
    audit.record(staff_stream(staff.uid), Act.STAFF_RECOVERY_CODES_MADE, by=by, at=at, facts={"count": len(codes)})


def _tell(staff: Staff, what: str, *, at: datetime) -> None:
    """A mail to the owner, who knows best whether it was them."""
    local = clock.local(at, str(current_app.config["SITE_ZONE"]))
    context = {"name": staff.name, "what": what, "when": f"{local:%H:%M} on {local:%A} {local.day} {local:%B %Y}"}
    outbox.queue(
        NewMessage(
            kind="second_step", recipient_email=staff.email, recipient_name=staff.name, subject="How you sign in to Redress has changed",
            template="second_step", context=context, dedup_key=f"second-step:{new_uid()}", staff_uid=staff.uid,
        ),
        at=at,
    )


def _key() -> str:
    return str(current_app.config["SECRET_KEY"])
