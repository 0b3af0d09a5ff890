"""How an entry is written as bytes and tied to the one before: canonical form, hashes, commitments and the MAC (layout v1)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from json import encoder
from typing import Any

encode_basestring: Callable[[str], str] = encoder.encode_basestring
Scalar = str | int | bool | date | Enum | None  # a datetime is a date
Plain = str | int | bool | None

VERSION = 2  # 1 lacked where an act came from
LARGEST = 2**53  # beyond it JSON readers disagree about integers
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}")
UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")

ACTOR_NAME = "actor_name"
WHY = "why"


@dataclass(frozen=True, slots=True)
class Keys:
    """What ties this log to this installation: its name, and by key id what makes MACs and what wraps data keys.

    The newest id writes; older ones stay, so that what they wrote can still be checked and read.
    """

    log_id: str
    macs: Mapping[int, bytes] = field(repr=False)
    wraps: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def newest(self) -> int:
        return max(self.macs)


@lru_cache(maxsize=8)
def keys_of(settings: str, secret: str) -> Keys:
    """From the setting AUDIT_KEYS, `1:<hex>,2:<hex>`; where it is empty, from SECRET_KEY (a demo, a test, a trail of before).

    The log's name comes from the oldest key and so outlives a rotation.  Raises ValueError, saying what is wrong.
    """
    if not settings.strip():
        return keys_from({1: secret.encode()})
    material: dict[int, bytes] = {}
    for part in settings.split(","):
        kid, _, text = part.strip().partition(":")
        if not kid.isascii() or not kid.isdigit() or not 0 < int(kid) < 32768 or int(kid) in material:
            raise ValueError(f"AUDIT_KEYS: {kid[:12]!r} cannot be a key's number; write 1:<hex>,2:<hex> with a number for each key.")
        try:
            material[int(kid)] = bytes.fromhex(text)
        except ValueError:
            raise ValueError(f"AUDIT_KEYS: key {kid} is not written in hexadecimal.") from None
        if len(material[int(kid)]) < 32:
            raise ValueError(f"AUDIT_KEYS: key {kid} is too short; make one with `flask --app wsgi audit new-key`.")
    return keys_from(material)


def keys_from(material: Mapping[int, bytes]) -> Keys:
    """Each use of a key under its own label; no derived key gives another away."""

    def labelled(kid: int, label: str) -> bytes:
        return hmac.digest(material[kid], label.encode(), "sha256")

    return Keys(
        labelled(min(material), "redress/audit/log/v1").hex()[:32], {kid: labelled(kid, f"redress/audit/mac/v1/{kid}") for kid in material},
        {kid: labelled(kid, f"redress/audit/wrap/v1/{kid}") for kid in material})


def canonical(value: Any) -> bytes:
    """`value` as RFC 8785 bytes, for the part of JSON used here: ASCII field names, no fractions, whole numbers below 2^53.

    Raises ValueError for anything that two readers could write differently.
    """
    _refuse_ambiguous(value)
    return written(value)


def written(value: Any) -> bytes:
    """As `canonical`, for what is known to hold nothing ambiguous: only text, or read by `parse_body`."""
    return ("".join(ENCODE(value, 0)) if ENCODE else ENCODER.encode(value)).encode()


def quoted(text: str) -> str:
    """Text as `written` writes it; a third of the time, and the trail is mostly text."""
    return encode_basestring(text)


def parse_body(body: bytes) -> dict[str, Any] | None:
    """The fields of a body, or None where it is not a JSON object without fractions."""
    try:
        value = DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_fraction(text: str) -> None:
    raise ValueError(f"{text} cannot be written in the trail")


ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
MAKE_ENCODER: Any = getattr(encoder, "c_make_encoder", None)
ENCODE: Any = MAKE_ENCODER and MAKE_ENCODER(  # what ENCODER builds anew for each value, built once
    None, ENCODER.default, encode_basestring, None, ":", ",", True, False, False)
DECODER = json.JSONDecoder(parse_float=_refuse_fraction, parse_constant=_refuse_fraction)


def _refuse_ambiguous(value: Any) -> None:
    if type(value) in (str, bool, type(None)):  # by far the most
        return
    if isinstance(value, str):
        return
    if isinstance(value, int):
        if abs(value) >= LARGEST:
            raise ValueError(f"{value} is too large for the trail: write it as text")
    elif isinstance(value, list):
        for item in value:
            _refuse_ambiguous(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ValueError(f"{key!r} cannot name a field of the trail: use ASCII letters")
            _refuse_ambiguous(item)
    else:
        raise ValueError(f"{type(value).__name__} cannot be written in the trail: give text, a whole number, yes/no or a moment")


def plain(value: Scalar) -> Plain:
    """A value as the trail keeps it: moments as ISO 8601 in UTC, days as ISO, members of an enumeration by their value."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return clean(value) if isinstance(value, str) else value


def clean(text: str) -> str:
    """Text that both databases and UTF-8 can hold: NUL and lone surrogates become the replacement sign."""
    return UNWRITABLE.sub("�", text)


def field_name(name: str) -> str:
    """`name` if it can name a field; ValueError otherwise."""
    if not FIELD.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a field of the trail: lower-case letters, digits and _ only")
    return name


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly (no floating point on the way)."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(value: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + value * MICROSECOND


def genesis(log_id: str, stream: str) -> bytes:
    """What the first entry of a stream points back to; differs for each stream of each installation."""
    return hashlib.sha256(b"redress/audit/genesis/v1\0" + written([log_id, stream])).digest()


def entry_hash(prev: bytes, body: bytes) -> bytes:
    return hashlib.sha256(b"redress/audit/entry/v1\0" + prev + body).digest()


def commitment(salt: bytes, entry_id: str, field: str, value: str) -> str:
    """Binds an entry to a private value without holding it: once salt and value are erased it says nothing (hex)."""
    bound = f"[{quoted(entry_id)},{quoted(field)},{quoted(value)}]"
    return hashlib.sha256(b"redress/audit/commit/v1\0" + salt + bound.encode()).hexdigest()


def mac(key: bytes, hash_: bytes) -> bytes:
    """Whoever holds only the database cannot make one."""
    return hmac.digest(key, hash_, "sha256")
