"""Calling another system over https: signed in the Standard Webhooks form, only who is listed, never inside, never redirected."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from ticketing.core import outbound
from ticketing.core.mail import Trouble, Undeliverable

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins, not one


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `id` is stable over retries, so that the receiver can drop a copy."""

    id: str
    url: str
    payload: Mapping[str, Any]
    called_at: datetime


def signature(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over "id.timestamp.body" (Standard Webhooks 1.0.0); `secret` is base64, with or without whsec_ before it."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def why_not_allowed(url: str, hosts: frozenset[str]) -> str:
    """Why this address may not be called, as a sentence; empty if it may.  `hosts` is the installation's list."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "This is not a web address."
    if parts.scheme != "https" or not host or parts.username is not None:
        return "Only addresses that begin with https:// and name no user can be called."
    return "" if host in hosts else f"{host} is not among the systems that may be called (WEBHOOK_HOSTS)."


def send(call: Call, *, secret: str, hosts: frozenset[str], private_hosts: frozenset[str] = frozenset(), ca_file: str = "") -> str:
    """POST the payload; returns what was answered.  Raises Undeliverable with a reason a person can read."""
    why = why_not_allowed(call.url, hosts) or ("" if secret else "No secret is set to sign with: set WEBHOOK_SECRET.")
    if why:
        raise Undeliverable(why, Trouble.REFUSED)
    body = json.dumps(call.payload, sort_keys=True, separators=(",", ":")).encode()
    timestamp = int(call.called_at.timestamp())
    headers = {
        "Content-Type": "application/json", "User-Agent": "Redress", "webhook-id": call.id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, call.id, timestamp, body)}
    with requests.Session() as session:
        outbound.guard(session, private_hosts=private_hosts, ca_file=ca_file)
        return _post(session, call.url, body, headers)


def _post(session: requests.Session, url: str, body: bytes, headers: Mapping[str, str]) -> str:
    try:
        answer = session.post(url, data=body, headers=dict(headers), allow_redirects=False, timeout=outbound.TIMEOUT_SECONDS)
    except outbound.Unreachable as error:
        raise Undeliverable(f"Not called: {error}.", Trouble.REFUSED) from error
    except requests.RequestException as error:
        if outbound.never_connected(error):
            raise Undeliverable(f"It could not be reached safely ({type(error).__name__}).", Trouble.UNREACHABLE) from error
        raise Undeliverable(f"The call broke before it was answered ({type(error).__name__}).", Trouble.UNKNOWN) from error
    if 200 <= answer.status_code < 300:
        return f"answered {answer.status_code}"
    is_passing = answer.status_code in (408, 425, 429) or answer.status_code >= 500
    raise Undeliverable(f"It answered {answer.status_code}.", Trouble.REFUSED_FOR_NOW if is_passing else Trouble.REFUSED)


def _key(secret: str) -> bytes:
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
