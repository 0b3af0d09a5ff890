"""Calls to other machines: never to an address inside the house unless it is listed, never on to where an answer points.

The address is judged after the connection stands and before a byte is sent, so that a name which changes its mind between two look-ups
gains nothing.  Source: OWASP ASVS 5.0 1.3.6, 13.2.4, 15.3.2.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

TIMEOUT_SECONDS = 5.0  # to connect, and between two parts of an answer
MOST_BYTES = 1024 * 1024
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unreachable(requests.ConnectionError):
    """The call was refused by us, or its answer was not one; says which, and nothing personal."""


def hosts_of(setting: str) -> frozenset[str]:
    """`idp.local printer.local` as names."""
    return frozenset(word.lower() for word in re.split(r"[\s,]+", setting.strip()) if word)


def is_outside(address: str) -> bool:
    """Whether an IP address is on the public internet, however it is written (IPv4 inside IPv6 included)."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour or (known.teredo[1] if known.teredo else None)
        if known in NAT64:
            inner = ipaddress.IPv4Address(known.packed[-4:])
        if inner is not None:
            return is_outside(str(inner))
    return known.is_global and not (known.is_multicast or known.is_reserved or known.is_unspecified)


def guard(session: requests.Session, *, private_hosts: frozenset[str] = frozenset(), ca_file: str = "") -> None:
    """Let `session` call only the outside over https, and the hosts listed; no proxy or netrc of the environment has a say."""
    session.trust_env = False
    session.verify = ca_file or True
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Guarded(private_hosts))


class _Guarded(HTTPAdapter):
    """One connection pool whose connections are judged, with answers of a bearable size."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager: PoolManager = PoolManager(*args, **kwargs) if not args else PoolManager(args[0], **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._private_hosts)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ARG002 - its signature
        url = urlsplit(request.url or "")
        if url.scheme != "https" and (url.hostname or "") not in self._private_hosts:
            raise Unreachable("only https is called")
        try:
            response = super().send(request, **{**kwargs, "stream": True, "timeout": TIMEOUT_SECONDS})
        except requests.ConnectionError as error:
            raise _refusal_in(error) or error from error
        if response.is_redirect:
            response.close()
            raise Unreachable("the answer pointed elsewhere")
        body = response.raw.read(MOST_BYTES + 1, decode_content=True)
        if len(body) > MOST_BYTES:
            response.close()
            raise Unreachable("the answer was too large")
        response._content = body
        return response


def _refusal_in(error: BaseException) -> Unreachable | None:
    """Our own refusal, which the pool wrapped like any trouble of a connection."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, Unreachable):
        inner = inner.__cause__ or inner.__context__
    return inner


def never_connected(error: requests.RequestException) -> bool:
    """Whether the other machine cannot have heard anything: no connection stood, or it could not prove who it is."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.SSLError | requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _pools(private_hosts: frozenset[str]) -> dict[str, type[HTTPConnectionPool]]:
    def judge(host: str, sock: Any) -> Any:
        if host.strip("[]").lower() not in private_hosts and not is_outside(str(sock.getpeername()[0])):
            sock.close()
            raise Unreachable("the address is inside the house and not listed")
        return sock

    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            return judge(self.host, super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> Any:
            return judge(self.host, super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
