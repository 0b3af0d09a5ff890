"""Calling another system over https: signed in the Standard Webhooks form, never to an address inside, never redirected."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from ticketing.core.mail import Trouble, Undeliverable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MOST_READ = 2_000  # bytes of an answer that are looked at
SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins, not one

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `id` is stable over retries, so that the receiver can drop a copy."""

    id: str
    url: str
    payload: Mapping[str, Any]
    called_at: datetime


def signature(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over "id.timestamp.body" (Standard Webhooks); `secret` is base64, with or without whsec_ before it."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def is_outside(address: Address) -> bool:
    """Whether an address is one of the public internet: not private, loopback, link-local, shared, multicast or reserved."""
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or is_outside(inner))


def why_not_allowed(url: str, hosts: frozenset[str]) -> str:
    """Why this address may not be called, as a sentence; empty if it may.  `hosts` is the installation's list."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return "This is not a web address."
    if parts.scheme != "https" or not host or parts.username is not None:
        return "Only addresses that begin with https:// and name no user can be called."
    if host not in hosts:
        return f"{host} is not among the systems that may be called (WEBHOOK_HOSTS)."
    return ""


def send(
    call: Call, *, secret: str, hosts: frozenset[str], may_reach: Callable[[Address], bool] = is_outside,
    context: ssl.SSLContext | None = None,
) -> str:
    """POST the payload; returns the answer's status line.  Raises Undeliverable with a reason a person can read.

    The name is looked up here and the connection goes to the very address that was judged, so that no second look-up can differ.
    """
    why = why_not_allowed(call.url, hosts)
    if why:
        raise Undeliverable(why, Trouble.REFUSED)
    if not secret:
        raise Undeliverable("No secret is set to sign with: set WEBHOOK_SECRET.", Trouble.REFUSED_FOR_NOW)
    body = json.dumps(call.payload, sort_keys=True, separators=(",", ":")).encode()
    timestamp = int(call.called_at.timestamp())
    headers = {
        "Content-Type": "application/json", "User-Agent": "Redress", "webhook-id": call.id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, call.id, timestamp, body)}
    parts = urlsplit(call.url)
    connection = _Pinned(parts.hostname or "", parts.port or 443, may_reach, context or ssl.create_default_context())
    with closing(connection):
        _reach(connection)
        return _post(connection, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)


class _Pinned(http.client.HTTPSConnection):
    """An https connection to an address that was judged first."""

    def __init__(self, host: str, port: int, may_reach: Callable[[Address], bool], context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=context)
        self.may_reach = may_reach
        self.tls = context

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(item[4][0]).partition("%")[0] for item in found]
        if not all(self.may_reach(ip_address(address)) for address in addresses):
            raise Undeliverable("Its name leads to an address inside a network, which is never called.", Trouble.REFUSED)
        raw = socket.create_connection((addresses[0], self.port), timeout=CONNECT_SECONDS)
        try:
            self.sock = self.tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        self.sock.settimeout(ANSWER_SECONDS)


def _reach(connection: _Pinned) -> None:
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise Undeliverable("Its certificate could not be verified.", Trouble.REFUSED_FOR_NOW) from error
    except (OSError, ValueError) as error:
        raise Undeliverable(f"It could not be reached ({type(error).__name__}).", Trouble.UNREACHABLE) from error


def _post(connection: _Pinned, path: str, body: bytes, headers: Mapping[str, str]) -> str:
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        answer.read(MOST_READ)
    except (OSError, http.client.HTTPException) as error:
        raise Undeliverable(f"The connection broke before it answered ({type(error).__name__}).", Trouble.UNKNOWN) from error
    if 200 <= answer.status < 300:
        return f"answered {answer.status}"
    if 300 <= answer.status < 400:
        raise Undeliverable(f"It answered {answer.status}, which points elsewhere: redirects are not followed.", Trouble.REFUSED)
    is_passing = answer.status in (408, 425, 429) or answer.status >= 500
    raise Undeliverable(f"It answered {answer.status}.", Trouble.REFUSED_FOR_NOW if is_passing else Trouble.REFUSED)


def _key(secret: str) -> bytes:
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
