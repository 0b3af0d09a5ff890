"""Asking the hospital's own sign-in (OpenID Connect): where it is, where to send somebody, and who came back.

The code flow with PKCE, state and nonce; nothing here touches our database but the look at what a browser has begun.  What goes wrong
outside is an answer with a sentence, never an exception.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import sqlalchemy as sa
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from flask import current_app
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ticketing.accounts.models import Ceremony
from ticketing.accounts.queries.second_steps import is_live
from ticketing.accounts.rules import Purpose
from ticketing.core.database import db
from ticketing.core.outbound import guard, hosts_of

log = structlog.get_logger()
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]  # never "none", never a shared secret
KNOWN_FOR = timedelta(minutes=10)
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
MISREAD = (requests.RequestException, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, AttributeError, OSError)
_known: dict[str, tuple[datetime, Provider]] = {}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the hospital's sign-in takes which question."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None


@dataclass(frozen=True, slots=True)
class Trip:
    """A browser on its way to the hospital's sign-in and back: what only we and it know."""

    verifier: str
    nonce: str
    onward: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Who came back, as the hospital's sign-in vouches; `email` only where it says that it has verified it."""

    issuer: str
    subject: str
    email: str | None
    has_second_step: bool


def has_single_sign_on() -> bool:
    return bool(current_app.config["OIDC_ISSUER"])


def provider(*, at: datetime) -> Provider | None:
    """The provider's own description of itself, kept for ten minutes; None while it cannot be read."""
    issuer = str(current_app.config["OIDC_ISSUER"])
    known = _known.get(issuer)
    if known is not None and timedelta() <= at - known[0] < KNOWN_FOR:
        return known[1]
    try:
        found = _read(issuer)
    except MISREAD as error:
        log.warning("single_sign_on.unreachable", error=type(error).__name__)
        return None
    _known[issuer] = at, found
    return found


def way_there(where: Provider, *, state: str, nonce: str, verifier: str) -> str:
    """The address to send a browser to."""
    with _client(verifier) as client:
        address, _ = client.create_authorization_url(where.authorization, state=state, nonce=nonce, code_verifier=verifier)
    return str(address)


def way_out(*, at: datetime) -> str | None:
    """The address that ends the provider's own session; None where it has none or cannot be asked."""
    where = provider(at=at) if has_single_sign_on() else None
    if where is None or where.end_session is None:
        return None
    back = {"client_id": current_app.config["OIDC_CLIENT_ID"], "post_logout_redirect_uri": f"{_here()}/sign-in"}
    return f"{where.end_session}{'&' if '?' in where.end_session else '?'}{urlencode(back)}"


def trip_of(token: str, state: str, *, at: datetime) -> Trip | None:
    """The trip that this browser began and that `state` belongs to; None for a forged, finished or old one."""
    row = db.session.execute(sa.select(Ceremony.secret, Ceremony.facts).where(*is_live(token, Purpose.SINGLE_SIGN_ON, at))).first()
    if row is None or not hmac.compare_digest(str(row.facts["state"]).encode(), state.encode("utf-8", "replace")):
        return None
    return Trip(row.secret, str(row.facts["nonce"]), str(row.facts["next"]))


def prove(where: Provider, trip: Trip, code: str, *, at: datetime) -> Proof | None:
    """Swap the code for the provider's word on who this is, and check that word; None where it does not hold."""
    try:
        with _client(trip.verifier) as client:
            token = client.fetch_token(where.token, code=code, code_verifier=trip.verifier, grant_type="authorization_code")
            claims = _claims(client, where, dict(token), trip, at=at)
            if "email" not in claims and where.userinfo:
                told = client.get(where.userinfo).json()
                claims |= told if told.get("sub") == claims["sub"] else {}
    except MISREAD as error:
        log.warning("single_sign_on.not_proven", error=type(error).__name__)
        return None
    return _proof(where, claims)


def _proof(where: Provider, claims: dict[str, Any]) -> Proof | None:
    subject, email, ways = claims.get("sub"), claims.get("email"), claims.get("amr")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
        return None
    is_verified = claims.get("email_verified") is True and isinstance(email, str)
    return Proof(where.issuer, subject, email if is_verified else None, isinstance(ways, list) and "mfa" in ways)


def _claims(client: OAuth2Session, where: Provider, token: dict[str, Any], trip: Trip, *, at: datetime) -> dict[str, Any]:
    """The ID token's claims, its signature, issuer, audience, times and nonce checked.  Raises for anything else."""
    keys = KeySet.import_key_set(_json(client, where.keys))  # type: ignore[arg-type]
    read = jwt.decode(str(token["id_token"]), keys, algorithms=ALGORITHMS)
    client_id = str(current_app.config["OIDC_CLIENT_ID"])
    claims = CodeIDToken(
        read.claims, read.header,
        options={"iss": {"essential": True, "value": where.issuer}, "aud": {"essential": True, "value": client_id}},
        params={"nonce": trip.nonce, "client_id": client_id, "access_token": token.get("access_token")},
    )
    claims.validate(now=int(at.timestamp()), leeway=LEEWAY_SECONDS)
    return dict(read.claims)


def _read(issuer: str) -> Provider:
    with _client() as client:
        told = _json(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if told["issuer"] != issuer:
        raise ValueError("the provider calls itself by another name")
    needed = [str(told[name]) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    others = [told.get("userinfo_endpoint"), told.get("end_session_endpoint")]
    for address in (*needed, *filter(None, others)):
        if urlsplit(str(address)).scheme not in {urlsplit(issuer).scheme, "https"}:
            raise ValueError("the provider gave an address that is not https")
    return Provider(issuer, *needed, *others)


def _json(client: OAuth2Session, address: str) -> dict[str, Any]:
    answer = client.request("GET", address, withhold_token=True)
    answer.raise_for_status()
    told = answer.json()
    if not isinstance(told, dict):
        raise ValueError("not an object")
    return told


def _client(verifier: str | None = None) -> OAuth2Session:
    config = current_app.config
    session = OAuth2Session(
        config["OIDC_CLIENT_ID"], config["OIDC_CLIENT_SECRET"] or None, scope="openid email profile",
        redirect_uri=f"{_here()}/sign-in/back",
        code_challenge_method="S256" if verifier else None,
        token_endpoint_auth_method="client_secret_basic" if config["OIDC_CLIENT_SECRET"] else "none",
    )
    guard(session, private_hosts=hosts_of(str(config["PRIVATE_HOSTS"])), ca_file=str(config["OUTBOUND_CA_FILE"]))
    return session


def _here() -> str:
    return str(current_app.config["PUBLIC_URL"]).rstrip("/")
