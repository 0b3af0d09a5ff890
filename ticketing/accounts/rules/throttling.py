"""How often somebody may try, per name and per address, and what they are told when it was too often.

Not global: a storm on one name or from one address never shuts out anybody else.  A lock ends by itself after fifteen minutes, does
not grow with further tries, and a new password by mail ends it at once, so nobody can be kept out on purpose for long.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

LOCKED_FOR = timedelta(minutes=15)


class Limited(Enum):
    """What is counted, and under which sort of key."""

    NAME = "name"
    ADDRESS = "address"
    RESET_NAME = "reset-name"
    RESET_ADDRESS = "reset-address"
    CONCERN = "concern"
    CODE = "code"  # second steps, by account
    PASSKEY = "passkey"
    SINGLE_SIGN_ON = "single-sign-on"
    LINK = "link"  # mailed links that are not (any more)


@dataclass(frozen=True, slots=True)
class Limit:
    """`tries` are allowed within `window`."""

    tries: int
    window: timedelta


LIMITS: dict[Limited, Limit] = {
    Limited.NAME: Limit(10, LOCKED_FOR),
    Limited.ADDRESS: Limit(40, LOCKED_FOR),  # a whole hospital may share one
    Limited.RESET_NAME: Limit(3, timedelta(hours=1)),
    Limited.RESET_ADDRESS: Limit(20, timedelta(hours=1)),
    Limited.CONCERN: Limit(20, timedelta(hours=1)),  # the public form, from one address
    Limited.CODE: Limit(5, LOCKED_FOR),  # three of a million codes are right at any moment
    Limited.PASSKEY: Limit(60, LOCKED_FOR),
    Limited.SINGLE_SIGN_ON: Limit(60, LOCKED_FOR),
    Limited.LINK: Limit(20, timedelta(hours=1)),
}
BY_ADDRESS = frozenset({
    Limited.ADDRESS, Limited.RESET_ADDRESS, Limited.CONCERN, Limited.PASSKEY, Limited.SINGLE_SIGN_ON, Limited.LINK,
})


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody's try to sign in, weighed but not yet decided: the slow hashing is done before the verb takes its locks.

    `staff_id` and `staff_uid` are set when the name is known, right password or not; `fresh_hash` when the stored one is out of date.
    """

    name_key: str
    address_key: str
    is_right: bool
    staff_id: int | None = None
    staff_uid: str | None = None
    stored_hash: str | None = None
    fresh_hash: str | None = None
    counted_as: Limited = Limited.NAME


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a try went: a session token, or the token of a second step that is still owed, or nothing and, when locked out, until when."""

    token: str | None = None
    step_token: str | None = None
    locked_until: datetime | None = None
    is_address_locked: bool = False


def address_block(address: str) -> str:
    """What is counted as one address: in IPv6 the /64 that one household or ward has, elsewhere the address itself."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


def throttle_key(kind: Limited, text: str, secret: str) -> str:
    """A name or an address as it is counted: keyed, because people type passwords into the wrong box."""
    if kind in BY_ADDRESS:
        text = address_block(text)
    return f"{kind.value}:{hmac.digest(secret.encode(), f'{kind.value}|{text}'.encode('utf-8', 'replace'), 'sha256').hex()}"


def code_lockout_sentence(clock_time: str) -> str:
    """After too many wrong codes; `clock_time` as below."""
    return f"Too many wrong codes, so codes are locked for a while. Try again at {clock_time}, or use a passkey if you have one."


def lockout_sentence(clock_time: str, *, is_address_locked: bool) -> str:
    """`clock_time` is the local time of day at which tries count again."""
    if is_address_locked:
        return f"Too many wrong tries came from your network, so sign-in from here is locked for a while. Try again at {clock_time}."
    return (
        f"Too many wrong tries, so sign-in is locked for a while. Try again at {clock_time}. "
        "If you have forgotten your password, ask for a new one: setting it also ends the wait."
    )
