"""Signing in and out: counted tries, server-side sessions, and everything of it in the trail."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, cast

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite

from ticketing.accounts import rules
from ticketing.accounts.models import SavedSearch, SingleUseToken, Staff, Throttle, UserSession
from ticketing.accounts.queries import steps_of
from ticketing.accounts.rules import LIMITS, SEEN_EVERY, Attempt, Limited, Method, Purpose, SignIn
from ticketing.accounts.service.ceremonies import _drop_ceremonies, _forget_ceremonies, begin_ceremony
from ticketing.accounts.service.rows import _lock_staff, _must_be_or_manage
from ticketing.audit import service as audit
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.core.database import atomic, db, is_postgresql
from ticketing.core.errors import Conflict, TooMany
from ticketing.core.permissions import Actor, machine, staff_actor

KEPT_FOR = timedelta(days=30)
DOOR = machine("sign-in")
WRONG = {Limited.NAME: "wrong name or password", Limited.CODE: "wrong code"}


@atomic
def sign_in(attempt: Attempt, browser: str, *, old_token: str = "", at: datetime) -> SignIn:
    """Decide a weighed try (queries.weigh): a new session token, a second step still owed, a refusal, or a lock and when it ends.

    The try is counted first, so however many run at once no more than the limit are ever decided.  Never raises for a wrong
    password: the count and the trail's entry must stay.  `old_token` is what the browser held before; it ends.
    """
    refusal = _count_and_refuse(attempt, at=at)
    if refusal is not None:
        return refusal
    staff = db.session.get_one(Staff, attempt.staff_id)
    if attempt.fresh_hash is not None:
        staff.password_hash = attempt.fresh_hash
    if steps_of(staff.id).has_any:
        return _ask_second_step(staff, "password", at=at)
    return _let_in(staff, Method.PASSWORD, browser, has_second_step=False, old_token=old_token, at=at)


def _ask_second_step(staff: Staff, after: str, *, at: datetime) -> SignIn:
    """Part of a verb: half way in; `after` is what was right so far."""
    token = begin_ceremony(Purpose.SECOND_STEP, staff_id=staff.id, facts={"after": after}, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_SECOND_STEP_ASKED, by=_actor(staff), at=at, facts={"after": after})
    return SignIn(step_token=token)


def _let_in(staff: Staff, method: Method, browser: str, *, has_second_step: bool, old_token: str, at: datetime) -> SignIn:
    """Part of a verb: everything was right; a new session, and what the browser held before is over."""
    staff.previous_sign_in_at, staff.last_sign_in_at = staff.last_sign_in_at, at
    if old_token:
        sign_out(old_token, at=at)
    token = new_session(staff.id, browser, method=method, has_second_step=has_second_step, at=at)
    audit.record(staff_stream(staff.uid), Act.STAFF_SIGNED_IN, by=_actor(staff), at=at, facts={"method": method})
    return SignIn(token=token)


@atomic
def sign_out(token: str, *, at: datetime) -> None:
    """End the session on the server; a token nobody holds, or an ended one, changes nothing."""
    ended = db.session.execute(
        sa.update(UserSession).where(UserSession.token_hash == rules.token_hash(token), UserSession.ended_at.is_(None))
        .values(ended_at=at).returning(UserSession.staff_id),
    ).scalar()
    if ended is None:
        return
    staff = db.session.get_one(Staff, ended)
    audit.record(staff_stream(staff.uid), Act.STAFF_SIGNED_OUT, by=_actor(staff), at=at)


def _renew(session_id: int, staff_id: int, *, has_second_step: bool | None = None, at: datetime) -> str:
    """Part of a verb that records it: the session goes on under a new token, its owner just proved who they are.

    Its limits run on from where they were.  A session that has ended stays so: Conflict.
    """
    token = secrets.token_urlsafe(32)
    values: dict[str, Any] = {"token_hash": rules.token_hash(token), "confirmed_at": at}
    if has_second_step is not None:
        values["has_second_step"] = has_second_step
    renewed = db.session.execute(
        sa.update(UserSession)
        .where(UserSession.id == session_id, UserSession.staff_id == staff_id, UserSession.ended_at.is_(None)).values(**values),
    )
    if not cast(sa.CursorResult[Any], renewed).rowcount:
        raise Conflict("You are signed out in this browser. Sign in again and repeat it.")
    return token


@atomic
def end_session(session_id: int, *, by: Actor, at: datetime) -> None:
    """Sign one of one's own browsers out; another person's session is left alone as if it were not there."""
    ended = db.session.execute(
        sa.update(UserSession)
        .where(UserSession.id == session_id, UserSession.staff_id == by.staff_id, UserSession.ended_at.is_(None)).values(ended_at=at),
    )
    if cast(sa.CursorResult[Any], ended).rowcount:
        audit.record(staff_stream(by.uid), Act.STAFF_SIGNED_OUT, by=by, at=at, facts={"browser": "another"})


@atomic
def revoke_sessions(staff_uid: str, *, but: int | None = None, by: Actor, at: datetime) -> int:
    """Sign somebody out everywhere (but for session `but`): oneself, or anybody for administrators.  Returns how many ended."""
    staff = _lock_staff(staff_uid)
    _must_be_or_manage(staff, by)
    count = end_sessions(staff.id, but=but, at=at)
    if count:
        audit.record(staff_stream(staff.uid), Act.STAFF_SESSIONS_REVOKED, by=by, at=at, facts={"count": count})
    return count


@atomic
def touch_session(session_id: int, *, at: datetime) -> None:
    """Note that a session is in use, at most once a minute; never wakes one that has ended."""
    db.session.execute(
        sa.update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None), UserSession.seen_at <= at - SEEN_EVERY).values(seen_at=at),
    )


@atomic
def tidy(*, at: datetime) -> int:
    """Forget counts that no longer count, and sessions and links that ended a month ago; returns how many rows went."""
    old = at - KEPT_FOR
    stale = (
        sa.delete(Throttle).where(Throttle.expires_at < at),
        sa.delete(UserSession).where(UserSession.seen_at < old),
        sa.delete(SingleUseToken).where(SingleUseToken.expires_at < old),
        sa.delete(SavedSearch).where(SavedSearch.expires_at < at),
    )
    gone = sum(cast(sa.CursorResult[Any], db.session.execute(statement)).rowcount for statement in stale)
    return gone + _forget_ceremonies(at=at)


@atomic
def end_sessions(staff_id: int, *, but: int | None = None, at: datetime) -> int:
    """Part of a verb that records it: every open session of an account ends now, and so does whatever was begun and not finished."""
    _drop_ceremonies(staff_id, at=at)
    statement = sa.update(UserSession).where(UserSession.staff_id == staff_id, UserSession.ended_at.is_(None))
    if but is not None:
        statement = statement.where(UserSession.id != but)
    return int(cast(sa.CursorResult[Any], db.session.execute(statement.values(ended_at=at))).rowcount)


@atomic
def new_session(
    staff_id: int, browser: str, *, method: str = Method.PASSWORD, has_second_step: bool = False, at: datetime,
) -> str:
    """Part of a verb that records it: a fresh session; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    db.session.add(UserSession(
        token_hash=rules.token_hash(token), staff_id=staff_id, started_at=at, seen_at=at, browser=browser, method=method,
        has_second_step=has_second_step, confirmed_at=at,
    ))
    db.session.flush()
    return token


@atomic
def count_try(key: str, kind: Limited, *, at: datetime) -> tuple[bool, int, datetime]:
    """Count one more try in one statement: (over the limit, tries so far, when the window or the lock ends).

    The try that reaches the limit starts the lock afresh; those after it do not prolong it.
    """
    limit = LIMITS[kind]
    insert = postgresql.insert if is_postgresql() else sqlite.insert
    ends = at + limit.window
    is_new = Throttle.expires_at <= at
    statement = insert(Throttle).values(key=key, tries=1, expires_at=ends).on_conflict_do_update(
        index_elements=["key"],
        set_={
            "tries": sa.case((is_new, 1), else_=Throttle.tries + 1),
            "expires_at": sa.case((sa.or_(is_new, Throttle.tries + 1 == limit.tries), ends), else_=Throttle.expires_at),
        },
    ).returning(Throttle.tries, Throttle.expires_at)
    tries, expires_at = db.session.execute(statement).one()
    return tries > limit.tries, tries, expires_at


@atomic
def count_visit(kind: Limited, address: str, sentence: str, *, at: datetime) -> None:
    """Part of a verb at the public door: count one more from this address.

    Raises TooMany, with `sentence` and the wait, beyond the limit; what the verb did is undone with the count.
    """
    key = rules.throttle_key(kind, address, str(current_app.config["SECRET_KEY"]))
    is_over, _, until = count_try(key, kind, at=at)
    if is_over:
        wait = max(1, ceil((until - at).total_seconds() / 60))
        raise TooMany(f"{sentence} Try again in {wait} minute{'s' if wait > 1 else ''}.", retry_after=wait * 60)


@atomic
def count_dead_link(address: str, *, at: datetime) -> None:
    """Somebody sent a form of a mailed link that is not (any more): counted by address.  Raises TooMany beyond the limit."""
    count_visit(Limited.LINK, address, "Too many links that no longer work were tried from your network.", at=at)


def _forget_tries(key: str) -> None:
    """A right password, or a new one, wipes the name's slate."""
    db.session.execute(sa.delete(Throttle).where(Throttle.key == key))


def _count_and_refuse(attempt: Attempt, *, holds: Callable[[], bool] | None = None, at: datetime) -> SignIn | None:
    """Count a try by name and address; None if it is right and may pass, which takes it off the count again.

    `holds` decides, under lock, whether it is right; a password unless told.
    """
    kind = attempt.counted_as
    name = count_try(attempt.name_key, kind, at=at)
    address = count_try(attempt.address_key, Limited.ADDRESS, at=at)
    ends = [until for is_over, _, until in (name, address) if is_over]
    if ends:
        _record_refusal(attempt, Act.STAFF_SIGN_IN_REFUSED, {"reason": "locked"}, at=at)
        return SignIn(locked_until=max(ends), is_address_locked=not name[0])
    if not (holds or partial(_still_holds, attempt))():
        return _refuse(attempt, name, address, at=at)
    _forget_tries(attempt.name_key)
    _take_off(attempt.address_key)
    return None


def _take_off(key: str) -> None:
    """A try that was right does not count."""
    db.session.execute(sa.update(Throttle).where(Throttle.key == key).values(tries=Throttle.tries - 1))


def _still_holds(attempt: Attempt) -> bool:
    """Right when it was weighed, and neither the password nor the account has changed since."""
    if not attempt.is_right:
        return False
    staff = db.session.scalar(sa.select(Staff).where(Staff.id == attempt.staff_id).with_for_update(of=Staff))
    return staff is not None and staff.is_active and staff.password_hash == attempt.stored_hash


def _refuse(attempt: Attempt, name: tuple[bool, int, datetime], address: tuple[bool, int, datetime], *, at: datetime) -> SignIn:
    is_name_full, is_address_full = name[1] >= LIMITS[attempt.counted_as].tries, address[1] >= LIMITS[Limited.ADDRESS].tries
    if not (is_name_full or is_address_full):
        _record_refusal(attempt, Act.STAFF_SIGN_IN_REFUSED, {"reason": WRONG[attempt.counted_as]}, at=at)
        return SignIn()
    until = max([name[2]] * is_name_full + [address[2]] * is_address_full)
    _record_refusal(attempt, Act.STAFF_LOCKED_OUT, {"until": until}, at=at)
    return SignIn(locked_until=until, is_address_locked=not is_name_full)


def _record_refusal(attempt: Attempt, act: Act, facts: dict[str, Any], *, at: datetime) -> None:
    """On one stream for known and unknown names, so that neither shows by its cost; an unknown name is never written down."""
    about = staff_stream(attempt.staff_uid) if attempt.staff_uid else None
    audit.record(ACCESS_STREAM, act, by=DOOR, at=at, facts=facts, about=about)


def _actor(staff: Staff) -> Actor:
    return staff_actor(
        uid=staff.uid, name=staff.name, role=staff.role, staff_id=staff.id, team_ids=frozenset(item.team_id for item in staff.memberships),
    )
