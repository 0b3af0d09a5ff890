"""References people can read aloud and nobody can guess: two-digit year, then ten letters and digits with a check letter."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
SHAPE = re.compile(r"([0-9]{2})([0-9A-HJKMNP-TV-Z]{4})([0-9A-HJKMNP-TV-Z]{4})([0-9A-HJKMNP-TV-Z]{2})")
UID = re.compile("[0-9a-f]{32}")
LOOKALIKES = str.maketrans("ILO", "110")


def _check(text: str) -> str:
    total = 0
    for position, letter in enumerate(text, start=1):
        total += position * ALPHABET.index(letter)
    return ALPHABET[total % 31]


def new_reference(at: datetime) -> str:
    """A fresh case reference such as `26-7KQ4-M2XR-9C`; 45 random bits."""
    body = f"{at.year % 100:02d}" + "".join(secrets.choice(ALPHABET) for _ in range(9))
    whole = body + _check(body)
    return f"{whole[:2]}-{whole[2:6]}-{whole[6:10]}-{whole[10:]}"


def parse_reference(text: str) -> str | None:
    """The reference as stored, from whatever a person typed (spaces, lower case, O for 0); None if it cannot be one."""
    plain = re.sub(r"[\s\-–—]", "", text.upper()).translate(LOOKALIKES)
    match = SHAPE.fullmatch(plain)
    if not match or _check(plain[:-1]) != plain[-1]:
        return None
    return "-".join(match.groups())


def is_uid(text: str) -> bool:
    """Whether `text` could have come from `new_uid`: what cannot is not worth asking the database for."""
    return UID.fullmatch(text) is not None


def new_uid() -> str:
    """128 random bits, address-safe."""
    return secrets.token_hex(16)
