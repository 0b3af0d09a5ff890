"""Keyset pages and honest counts: no silent caps, and page 500 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from ticketing.core.errors import Invalid

T = TypeVar("T")
PAGE_SIZE = 50
COUNT_CAP = 500
INCOMPLETE = "This page address is incomplete. Go back to the first page of the list."


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows; `next` and `previous` are opaque keys for the address, None at the ends."""

    rows: tuple[T, ...]
    next: str | None = None
    previous: str | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Count:
    """A count that says so when it stopped counting: 500 is exact, beyond it reads "500+"."""

    number: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.number}+" if self.is_capped else str(self.number)

    @classmethod
    def of(cls, number: int) -> Count:
        """From a count that was limited to COUNT_CAP + 1 rows."""
        return cls(COUNT_CAP, True) if number > COUNT_CAP else cls(number)


def encode_key(*values: Any) -> str:
    """Sort values of the last row shown, as an address-safe key."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode_key(key: str) -> list[Any]:
    """The sort values of `encode_key`; raises Invalid for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if not isinstance(values, list) or not all(_is_storable(value) for value in values):
        raise Invalid(INCOMPLETE)
    return values


def decode_moment_key(key: str) -> tuple[datetime, int]:
    """The moment and the id of `encode_key(moment, id)`; raises Invalid for anything else, moments off the calendar among it."""
    try:
        moment, number = decode_key(key)
        moment, number = datetime.fromisoformat(moment).astimezone(UTC), int(number)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(INCOMPLETE) from None
    if not (2 <= moment.year <= 9998 and 0 <= number < 2**31):
        raise Invalid(INCOMPLETE)
    return moment, number


def _is_storable(value: Any) -> bool:
    """Nothing that a database could choke on: no NUL, no lone surrogate, no endless number."""
    if isinstance(value, str):
        return not any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)
