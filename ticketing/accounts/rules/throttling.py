"""How often somebody may try, per name and per address, and what they are told when it was too often.

Not global: a storm on one name or from one address never shuts out anybody else.  A lock ends by itself after fifteen minutes, does
not grow with further tries, and a new password by mail ends it at once, so nobody can be kept out on purpose for long.
"""

from __future__ import annotations

import hmac
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
}


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


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a try went: a session token, or nothing and, when locked out, the moment to try again."""

    token: str | None = None
    locked_until: datetime | None = None
    is_address_locked: bool = False


def throttle_key(kind: Limited, text: str, secret: str) -> str:
    """A name or an address as it is counted: keyed, because people type passwords into the wrong box."""
    return f"{kind.value}:{hmac.digest(secret.encode(), f'{kind.value}|{text}'.encode('utf-8', 'replace'), 'sha256').hex()}"


def lockout_sentence(clock_time: str, *, is_address_locked: bool) -> str:
    """`clock_time` is the local time of day at which tries count again."""
    if is_address_locked:
        return f"Too many wrong tries came from your network, so sign-in from here is locked for a while. Try again at {clock_time}."
    return (
        f"Too many wrong tries, so sign-in is locked for a while. Try again at {clock_time}. "
        "If you have forgotten your password, ask for a new one: setting it also ends the wait."
    )
