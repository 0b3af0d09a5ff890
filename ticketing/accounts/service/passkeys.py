"""Passkeys: asked for with a fresh challenge, added, and used to sign in or to confirm in one step."""

from __future__ import annotations

import binascii
import secrets
import struct
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from cbor2 import CBORDecodeError
from cryptography.exceptions import UnsupportedAlgorithm
from flask import current_app
from webauthn import base64url_to_bytes, verify_authentication_response, verify_registration_response
from webauthn.helpers import bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException

from ticketing.accounts import rules
from ticketing.accounts.models import Ceremony, Passkey, Staff
from ticketing.accounts.queries import FreshCode, relying_party, steps_of
from ticketing.accounts.rules import MOST_PASSKEYS, Attempt, Limited, Method, Purpose, SignIn
from ticketing.accounts.service.ceremonies import _take, begin_ceremony
from ticketing.accounts.service.rows import _lock_staff
from ticketing.accounts.service.second_steps import TOO_LATE, Added, _added, _confirmed
from ticketing.accounts.service.signing_in import _let_in, _record_refusal, _take_off, count_try, count_visit
from ticketing.audit.rules import Act
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid

R = TypeVar("R")
LONGEST_ANSWER = 20_000
MISREAD = (  # what an answer made by hand can raise inside the library
    WebAuthnException, UnsupportedAlgorithm, CBORDecodeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError,
    RecursionError, struct.error, binascii.Error,
)
UNREADABLE = "Your browser's answer could not be used. Try again; if it stays so, sign in with your password."


@atomic
def begin_passkey(purpose: Purpose, address: str, *, by: Actor | None = None, at: datetime) -> tuple[str, bytes]:
    """A challenge for a browser: (the token to finish with, the challenge).  Raises TooMany for a storm from one address."""
    if by is None:
        count_visit(Limited.PASSKEY, address, "Too many passkeys were asked for from your network.", at=at)
    challenge = secrets.token_bytes(32)
    token = begin_ceremony(purpose, staff_id=by.staff_id if by else None, secret=bytes_to_base64url(challenge), at=at)
    return token, challenge


@atomic
def add_passkey(
    token: str, answer: str, name: str, codes: Sequence[FreshCode], *, session_id: int, by: Actor, at: datetime,
) -> Added:
    """The browser made a passkey: it is the account's from now on.  As `add_app` for the rest.

    Raises Invalid for an answer that does not fit the challenge, this site or a person who was checked; Conflict when it took too long.
    """
    taken = _take(token, Purpose.PASSKEY_ADD, at=at)
    if taken is None or taken.staff_id != by.staff_id:
        raise Conflict(TOO_LATE)
    staff, steps = _lock_staff(by.uid), steps_of(taken.staff_id or 0)
    if len(steps.passkeys) >= MOST_PASSKEYS:
        raise Conflict(f"{MOST_PASSKEYS} passkeys are the most an account may have. Take one off first.")
    label, party = rules.clean_name(name or "Passkey", field="name", what="name for the passkey")[:60], relying_party()
    made = _checked(answer, lambda: verify_registration_response(
        credential=answer, expected_challenge=base64url_to_bytes(taken.secret), expected_rp_id=party.id, expected_origin=party.origin,
        require_user_verification=True,
    ))
    if made is None:
        raise Invalid(UNREADABLE)
    credential_id = bytes_to_base64url(made.credential_id)
    if len(credential_id) > 1400 or db.session.scalar(sa.select(Passkey.id).where(Passkey.credential_id == credential_id)) is not None:
        raise Conflict("This passkey is in use already.")
    db.session.add(Passkey(
        uid=new_uid(), staff_id=staff.id, credential_id=credential_id, public_key=made.credential_public_key, sign_count=made.sign_count,
        name=label, is_synced=made.credential_backed_up, added_at=at,
    ))
    return _added(staff, "passkey", codes, session_id=session_id, by=by, at=at)


@atomic
def sign_in_with_passkey(token: str, answer: str, address: str, browser: str, *, old_token: str = "", at: datetime) -> SignIn:
    """A passkey is name, possession and a check of the person in one: a session, a refusal, or a lock.  Counted before it is decided."""
    key = rules.throttle_key(Limited.PASSKEY, address, str(current_app.config["SECRET_KEY"]))
    is_over, _, until = count_try(key, Limited.PASSKEY, at=at)
    taken = _take(token, Purpose.PASSKEY_SIGN_IN, at=at)
    staff = _owner(answer, taken, at=at) if taken is not None and not is_over else None
    if staff is None:
        reason = "locked" if is_over else "passkey not accepted"
        _record_refusal(Attempt(key, key, is_right=False), Act.STAFF_SIGN_IN_REFUSED, {"reason": reason}, at=at)
        return SignIn(locked_until=until if is_over else None, is_address_locked=is_over)
    _take_off(key)
    return _let_in(staff, Method.PASSKEY, browser, has_second_step=True, old_token=old_token, at=at)


@atomic
def confirm_with_passkey(token: str, answer: str, *, session_id: int, by: Actor, at: datetime) -> SignIn:
    """As `confirm`, with one of one's own passkeys."""
    taken = _take(token, Purpose.PASSKEY_CONFIRM, at=at)
    staff = _owner(answer, taken, at=at) if taken is not None and taken.staff_id == by.staff_id else None
    if staff is None or staff.id != by.staff_id:
        attempt = Attempt("", "", is_right=False, staff_uid=by.uid)
        _record_refusal(attempt, Act.STAFF_SIGN_IN_REFUSED, {"reason": "passkey not accepted"}, at=at)
        return SignIn()
    return _confirmed(staff, Method.PASSKEY, session_id=session_id, by=by, at=at)


def _owner(answer: str, taken: Ceremony, *, at: datetime) -> Staff | None:
    """Whose passkey signed the challenge for this site, with the person checked; None for anything less.  Notes that it was used."""
    given = _checked(answer, lambda: parse_authentication_credential_json(answer))
    if given is None:
        return None
    passkey = db.session.scalar(sa.select(Passkey).where(Passkey.credential_id == bytes_to_base64url(given.raw_id)).with_for_update())
    staff = db.session.get(Staff, passkey.staff_id) if passkey is not None else None
    if passkey is None or staff is None or not staff.is_active or given.response.user_handle not in (None, staff.uid.encode()):
        return None
    public_key, count, party = passkey.public_key, passkey.sign_count, relying_party()
    proven = _checked(answer, lambda: verify_authentication_response(
        credential=answer, expected_challenge=base64url_to_bytes(taken.secret), expected_rp_id=party.id, expected_origin=party.origin,
        credential_public_key=public_key, credential_current_sign_count=count, require_user_verification=True,
    ))
    if proven is None:
        return None
    passkey.sign_count, passkey.used_at, passkey.is_synced = proven.new_sign_count, at, proven.credential_backed_up
    return staff


def _checked(answer: str, check: Callable[[], R]) -> R | None:
    """What the library makes of an answer; None where it is not what it should be, however that shows."""
    if len(answer) > LONGEST_ANSWER:
        return None
    try:
        return check()
    except MISREAD:
        return None


