"""Invitations, forgotten passwords and new ones: links that work once, and mail that says the same to everybody who asks."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app

from ticketing.accounts import rules
from ticketing.accounts.models import SingleUseToken, Staff, UserSession
from ticketing.accounts.queries import hash_password
from ticketing.accounts.rules import INVITATION, RESET, Attempt, Limited, Method, SignIn
from ticketing.accounts.service.rows import _lock_staff, _must_manage
from ticketing.accounts.service.signing_in import _count_and_refuse, _forget_tries, count_try, end_sessions, new_session
from ticketing.audit import service as audit
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, machine, staff_actor
from ticketing.core.references import new_uid
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage

LIVES: dict[str, timedelta] = {INVITATION: timedelta(hours=48), RESET: timedelta(hours=1)}
DEAD_LINK = "This link has been used or is too old. Ask for a new one below."


@atomic
def invite(uid: str, *, by: Actor, at: datetime) -> None:
    """Mail a link to set a first password; older links stop working.  Raises Conflict for a closed account."""
    _must_manage(by)
    staff = _lock_staff(uid)
    if not staff.is_active:
        raise Conflict(f"The account of {staff.name} is closed. Open it again before you invite them.")
    _send_link(staff, INVITATION, "You can now sign in to Redress", at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_INVITED, by=by, at=at, facts={"role": staff.role})


@atomic
def ask_reset(email: str, address: str, *, at: datetime) -> None:
    """Mail a link to whoever has this address; for anybody else the same number of writes, and nothing said either way."""
    folded = rules.fold_email(email)
    is_over = [
        count_try(_key(Limited.RESET_NAME, folded), Limited.RESET_NAME, at=at)[0],
        count_try(_key(Limited.RESET_ADDRESS, address), Limited.RESET_ADDRESS, at=at)[0],
    ]
    staff = db.session.scalar(sa.select(Staff).where(Staff.email == folded, Staff.is_active))
    if any(is_over):
        _record_asked(None, "too often", at=at)
    elif staff is None:
        _pretend(folded, at=at)
        _record_asked(None, "asked for a new password", at=at)
    else:
        _send_link(staff, RESET, "Set a new password for Redress", at=at)
        _record_asked(staff, "asked for a new password", at=at)


@atomic
def set_password(token: str, password: str, *, at: datetime) -> None:
    """Use a mailed link up: the password is set, every session ends and a lock is lifted.

    Raises Invalid (field password) for one that is too easy, which leaves the link alive, and Conflict for a dead link.
    """
    found = db.session.execute(
        sa.update(SingleUseToken)
        .where(SingleUseToken.token_hash == rules.token_hash(token), SingleUseToken.purpose.in_(rules.PASSWORD_PURPOSES),
               SingleUseToken.used_at.is_(None), SingleUseToken.expires_at > at)
        .values(used_at=at).returning(SingleUseToken.staff_id),
    ).scalar()
    staff = db.session.get(Staff, found) if found is not None else None
    if staff is None or not staff.is_active:
        raise Conflict(DEAD_LINK)
    _set(staff, password, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_PASSWORD_SET, by=_owner(staff), at=at)


@atomic
def change_password(
    attempt: Attempt, password: str, browser: str, *, session_id: int | None = None, by: Actor, at: datetime,
) -> SignIn:
    """A new password for oneself; `attempt` is the present one, weighed: a wrong one counts and locks as at the door.

    Every browser is signed out; this one (`session_id`) gets a new session, opened as it was, whose token is returned.
    Raises Invalid (field password) as `set_password`.
    """
    staff = db.session.get_one(Staff, by.staff_id)
    if attempt.staff_id not in (None, staff.id):
        raise Conflict("You can only change your own password.")
    refusal = _count_and_refuse(attempt, at=at)
    if refusal is not None:
        return refusal
    before = db.session.get(UserSession, session_id) if session_id is not None else None
    method, has_second_step = (before.method, before.has_second_step) if before else (Method.PASSWORD.value, False)
    _set(staff, password, at=at)
    token = new_session(staff.id, browser, method=method, has_second_step=has_second_step, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_PASSWORD_SET, by=by, at=at)
    return SignIn(token=token)


def _new_hash(password: str, staff: Staff) -> str:
    """Part of a verb: the hash to store; raises Invalid (field password) with what to do better."""
    problem = rules.password_problem(password, codes.common_passwords(), (staff.name, staff.email.partition("@")[0]))
    if problem is not None:
        raise Invalid(problem, field="password")
    return hash_password(password)


@atomic
def use_up_tokens(staff_id: int, *, at: datetime) -> None:
    """Part of a verb: no link of this account works any more."""
    db.session.execute(
        sa.update(SingleUseToken).where(SingleUseToken.staff_id == staff_id, SingleUseToken.used_at.is_(None)).values(used_at=at),
    )


def _set(staff: Staff, password: str, *, at: datetime) -> None:
    staff.password_hash = _new_hash(password, staff)
    use_up_tokens(staff.id, at=at)
    end_sessions(staff.id, at=at)
    _forget_tries(_key(Limited.NAME, staff.email))
    db.session.flush()


def _send_link(staff: Staff, purpose: str, subject: str, *, at: datetime) -> None:
    nonce = new_uid()
    hashed = rules.token_hash(rules.link_token(nonce, str(current_app.config["SECRET_KEY"])))
    use_up_tokens(staff.id, at=at)
    expires_at = at + LIVES[purpose]
    db.session.add(SingleUseToken(purpose=purpose, token_hash=hashed, staff_id=staff.id, expires_at=expires_at))
    db.session.flush()
    config = current_app.config
    context = {
        "name": staff.name, "nonce": nonce, "organisation": config["ORGANISATION"], "expires": _told(expires_at),
        "role": rules.ROLE_LABELS[staff.role],
    }
    outbox.queue(
        NewMessage(
            kind=purpose, recipient_email=staff.email, recipient_name=staff.name, subject=subject, template=purpose, context=context,
            dedup_key=f"{purpose}:{hashed}", staff_uid=staff.uid,
        ),
        at=at,
    )


def _told(moment: datetime) -> str:
    """As people at the hospital read it; a mail has no reader whose zone we know."""
    local = clock.local(moment, str(current_app.config["SITE_ZONE"]))
    return f"{local:%H:%M} on {local:%A} {local.day} {local:%B %Y}"


def _pretend(folded: str, *, at: datetime) -> None:
    """As many writes as a real link costs, none of which remembers the name."""
    for number in range(3):
        count_try(f"void:{_key(Limited.RESET_NAME, folded)[-60:]}:{number}", Limited.RESET_NAME, at=at)


def _record_asked(staff: Staff | None, reason: str, *, at: datetime) -> None:
    about = staff_stream(staff.uid) if staff is not None else None
    audit.record(ACCESS_STREAM, Act.STAFF_SIGN_IN_REFUSED, by=machine("sign-in"), at=at, facts={"reason": reason}, about=about)


def _key(kind: Limited, text: str) -> str:
    return rules.throttle_key(kind, text, str(current_app.config["SECRET_KEY"]))


def _owner(staff: Staff) -> Actor:
    return staff_actor(uid=staff.uid, name=staff.name, role=staff.role, staff_id=staff.id)
