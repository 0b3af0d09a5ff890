"""The one lane in which passwords are hashed, so that a storm of sign-ins leaves the processor and the threads to the pages.

A hash takes about 25 ms of one core.  One runs at a time in each process, and of strangers' tries only a few may wait for their turn:
of four threads one always serves pages.  Whoever finds the queue full is told so at once (OWASP ASVS 5.0 15.2.2).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import current_app

from ticketing.accounts import rules
from ticketing.accounts.rules import LETTERS, RECOVERY_COUNT, RECOVERY_LENGTH, SELECTOR, Cost
from ticketing.core.errors import TooMany

AT_ONCE = 1
MOST_WAITING = 2
BUSY = "Very many people are signing in at this moment. Try again in a few seconds."


class Lane:
    """A few at a time; the rest wait in turn."""

    def __init__(self, at_once: int) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._count = threading.Lock()
        self.waiting = 0

    @contextmanager
    def turn(self, *, most_waiting: int | None = None) -> Iterator[None]:
        """Run the block in its turn; raises TooMany where `most_waiting` wait already."""
        if not self._turns.acquire(blocking=False):
            self._wait(most_waiting)
        try:
            yield
        finally:
            self._turns.release()

    def _wait(self, most_waiting: int | None) -> None:
        with self._count:
            if most_waiting is not None and self.waiting >= most_waiting:
                raise TooMany(BUSY, retry_after=3)
            self.waiting += 1
        self._turns.acquire()
        with self._count:
            self.waiting -= 1


LANE = Lane(AT_ONCE)


@dataclass(frozen=True, slots=True)
class FreshCode:
    """A recovery code as its owner is shown it once, and as it is kept."""

    code: str
    selector: str
    code_hash: str


def password_cost() -> Cost:
    return Cost(current_app.config["PASSWORD_MEMORY_KIB"], current_app.config["PASSWORD_ROUNDS"])


def is_right(stored: str | None, password: str) -> bool:
    """`rules.is_right` in its turn.  Raises TooMany where too many strangers wait already."""
    with LANE.turn(most_waiting=MOST_WAITING):
        return rules.is_right(stored, password, password_cost())


def hash_password(password: str) -> str:
    """`rules.hash_password` in its turn: for people who hold a session or a link, who are never turned away."""
    with LANE.turn():
        return rules.hash_password(password, password_cost())


def draw_recovery_codes() -> tuple[FreshCode, ...]:
    """Ten new recovery codes, each found by different first letters."""
    selectors: set[str] = set()
    while len(selectors) < RECOVERY_COUNT:
        selectors.add(_letters(SELECTOR))
    return tuple(_fresh_code(selector) for selector in sorted(selectors))


def _fresh_code(selector: str) -> FreshCode:
    secret = _letters(RECOVERY_LENGTH - SELECTOR)
    return FreshCode(rules.in_fours(selector + secret), selector, hash_password(secret))


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))
