"""Passwords: argon2id at one cost for everybody, and what makes one too easy to guess.

Source: OWASP ASVS 5.0 6.2.1-6.2.5 and 11.4.2: length instead of composition, a list of the commonest, argon2id with 19 MiB.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
FEWEST_LETTERS = 5  # different ones
LEET = str.maketrans("013457@$!", "oleastasi")
REPEATED = re.compile(r"(.{1,6})\1+")
RUNS = ("0123456789" * 3, "9876543210" * 3, "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertyuiop[]", "asdfghjkl;'")
TOO_COMMON = "This password is among the first that people try. Three or four words that do not belong together are better."


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: memory in KiB and rounds.  One lane: two web processes share two cores."""

    memory_kib: int
    rounds: int


def hash_password(password: str, cost: Cost) -> str:
    """As PHC text, salted; about 20 ms at the usual cost."""
    return _hasher(cost).hash(_normal(password))


def is_right(stored: str | None, password: str, cost: Cost) -> bool:
    """Whether `password` is the one behind `stored`; takes as long when there is none."""
    try:
        return _hasher(cost).verify(stored or _nobodys(cost), _normal(password)) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def needs_new_hash(stored: str, cost: Cost) -> bool:
    """Whether `stored` was made at another cost."""
    return _hasher(cost).check_needs_rehash(stored)


def password_problem(password: str, common: Set[str], personal: tuple[str, ...] = ()) -> str | None:
    """Why `password` will not do, as a sentence; None if it will.  `personal` is what anybody knows of its owner."""
    plain = _normal(password)
    if len(plain) < SHORTEST_PASSWORD:
        return f"Use at least {SHORTEST_PASSWORD} characters. Three or four words that do not belong together are easy to remember."
    if len(plain) > LONGEST_PASSWORD:
        return f"Use {LONGEST_PASSWORD} characters or fewer."
    folded = plain.casefold()
    if _is_easy(folded) or any(shape in common or _is_two_of(shape, common) for shape in _shapes(folded)):
        return TOO_COMMON
    if len(plain) < 2 * SHORTEST_PASSWORD and any(word in _bare(folded) for word in _told_by(personal)):
        return "Leave your own name and e-mail address out of the password."
    return None


def _is_easy(folded: str) -> bool:
    """One thing repeated, too few different letters, or a run along the keyboard."""
    return bool(REPEATED.fullmatch(folded)) or len(set(folded)) < FEWEST_LETTERS or any(folded in run for run in RUNS)


def _is_two_of(shape: str, common: Set[str]) -> bool:
    """Two of the commonest words side by side: a few hundred words make a quarter of a million of these."""
    return any(shape[:cut] in common and shape[cut:] in common for cut in range(1, len(shape)))


def _shapes(folded: str) -> frozenset[str]:
    """The password with what people add to a common word taken away: digits and signs at the ends, spaces, 0 for o."""
    bare = folded.strip("0123456789 .,;:!?@#$%&*+-_=/\\'\"()")
    return frozenset(shape.replace(" ", "") for word in (folded, bare) for shape in (word, word.translate(LEET)))


def _told_by(personal: tuple[str, ...]) -> set[str]:
    """Each name as a whole and its longer words."""
    words = {word for text in personal for word in (_bare(text.casefold()), *re.split(r"[\W_]+", text.casefold()))}
    return {word for word in words if len(word) > 3}


def _bare(folded: str) -> str:
    return re.sub(r"[\W_]+", "", folded)


def _normal(password: str) -> str:
    """One spelling for what looks the same, so that a phone and a PC type the same password; never a lone surrogate."""
    return unicodedata.normalize("NFKC", password[:5 * LONGEST_PASSWORD].encode("utf-8", "replace").decode())


@lru_cache(maxsize=4)
def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=1)


@lru_cache(maxsize=4)
def _nobodys(cost: Cost) -> str:
    """Checked for unknown names, so that they take as long."""
    return _hasher(cost).hash("the password of nobody at all")
