"""Signing in by the hospital's own sign-in: a trip begun, and whoever comes back matched to an account that exists already."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import Identity, Staff
from ticketing.accounts.queries import Proof, steps_of
from ticketing.accounts.rules import Attempt, Limited, Method, Purpose, SignIn
from ticketing.accounts.service.ceremonies import _take, begin_ceremony
from ticketing.accounts.service.signing_in import _ask_second_step, _let_in, _record_refusal, count_visit
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, staff_stream
from ticketing.core.database import atomic, db
from ticketing.core.permissions import staff_actor


class Refusal(Enum):
    """Why somebody whom the hospital vouches for is not let in here."""

    TOO_LATE = "took too long or forged"
    UNKNOWN = "no account"
    UNVERIFIED = "address not verified"
    OTHERS = "account linked to another person"


@dataclass(frozen=True, slots=True)
class Begun:
    """A trip: the browser's token, and what goes into the address."""

    token: str
    state: str
    nonce: str
    verifier: str


@atomic
def begin_single_sign_on(address: str, onward: str, *, at: datetime) -> Begun:
    """Somebody sets out for the hospital's sign-in.  Raises TooMany for a storm from one address."""
    count_visit(Limited.SINGLE_SIGN_ON, address, "Too many people set out to sign in from your network.", at=at)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    token = begin_ceremony(Purpose.SINGLE_SIGN_ON, secret=verifier, facts={"state": state, "nonce": nonce, "next": onward}, at=at)
    return Begun(token, state, nonce, verifier)


@atomic
def sign_in_by_proof(
    token: str, state: str, proof: Proof, browser: str, *, old_token: str = "", at: datetime,
) -> SignIn | Refusal:
    """Let in whoever the proof is about: found by subject, or linked once by the verified address of an open account.

    No account is ever made here and no role comes from outside.  Somebody with a second step of ours is asked for it unless the
    provider says that it asked for one (amr: mfa).
    """
    taken = _take(token, Purpose.SINGLE_SIGN_ON, at=at)
    if taken is None or not hmac.compare_digest(str(taken.facts["state"]).encode(), state.encode("utf-8", "replace")):
        return _refused(Refusal.TOO_LATE, at=at)
    staff = _linked(proof) or _link(proof, at=at)
    if isinstance(staff, Refusal):
        return _refused(staff, at=at)
    if not staff.is_active:
        return _refused(Refusal.UNKNOWN, staff, at=at)
    if steps_of(staff.id).has_any and not proof.has_second_step:
        return _ask_second_step(staff, "single sign-on", at=at)
    return _let_in(staff, Method.SINGLE_SIGN_ON, browser, has_second_step=proof.has_second_step, old_token=old_token, at=at)


@atomic
def refuse_single_sign_on(reason: str, *, at: datetime) -> None:
    """Note on the trail that somebody came back without proof; `reason` is one of our own words."""
    _record_refusal(Attempt("", "", is_right=False), Act.STAFF_SIGN_IN_REFUSED, {"reason": f"single sign-on: {reason}"}, at=at)


def _linked(proof: Proof) -> Staff | None:
    return db.session.scalar(
        sa.select(Staff).join(Identity, Identity.staff_id == Staff.id)
        .where(Identity.issuer == proof.issuer, Identity.subject == proof.subject).with_for_update(of=Staff))


def _link(proof: Proof, *, at: datetime) -> Staff | Refusal:
    """Once, and only an account that nobody of this provider has: an address given to somebody else later opens nothing."""
    if proof.email is None:
        return Refusal.UNVERIFIED
    staff = db.session.scalar(sa.select(Staff).where(Staff.email == rules.fold_email(proof.email)).with_for_update(of=Staff))
    if staff is None or not staff.is_active:
        return Refusal.UNKNOWN
    if db.session.scalar(sa.select(Identity.id).where(Identity.staff_id == staff.id, Identity.issuer == proof.issuer)) is not None:
        return Refusal.OTHERS
    db.session.add(Identity(staff_id=staff.id, issuer=proof.issuer, subject=proof.subject, linked_at=at))
    db.session.flush()
    owner = staff_actor(uid=staff.uid, name=staff.name, role=staff.role, staff_id=staff.id)
    audit.record(staff_stream(staff.uid), Act.STAFF_IDENTITY_LINKED, by=owner, at=at)
    return staff


def _refused(why: Refusal, staff: Staff | None = None, *, at: datetime) -> Refusal:
    attempt = Attempt("", "", is_right=False, staff_uid=staff.uid if staff else None)
    _record_refusal(attempt, Act.STAFF_SIGN_IN_REFUSED, {"reason": f"single sign-on: {why.value}"}, at=at)
    return why

