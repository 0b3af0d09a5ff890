"""Working through many items: claim a batch, work it, until none is left; one bad item never stops the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from ticketing.core.database import is_passing, savepoint

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(slots=True)
class Tally:
    """How a batch went; adds up."""

    done: int = 0
    failed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str, number: int = 1) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + number

    def add(self, other: Tally) -> None:
        self.done += other.done
        self.failed += other.failed
        for outcome, number in other.outcomes.items():
            self.count(outcome, number)

    @property
    def total(self) -> int:
        return self.done + self.failed


def until_empty(work_batch: Callable[[], Tally], *, limit: int = 10_000) -> Tally:
    """Repeat a verb that claims and works one batch until it finds nothing; `limit` rounds at most."""
    whole = Tally()
    for _ in range(limit):
        tally = work_batch()
        whole.add(tally)
        if not tally.total:
            break
    return whole


def each_apart(items: Iterable[T], work: Callable[[T], str], failed: Callable[[T, Exception], None]) -> Tally:
    """Work each item in its own savepoint; an item that fails is handed to `failed` and the rest go on.

    `work` returns the outcome's word for the tally.  What is no item's fault (the database is out of reach, full, or lets another go
    first) is raised: the whole batch is undone and found again by the next look for what is due.
    """
    tally = Tally()
    for item in items:
        try:
            with savepoint():
                tally.count(work(item))
            tally.done += 1
        except Exception as error:  # the one place, with web/errors.py, that catches whatever an item raises
            if is_passing(error):
                raise
            log.warning("batch.item_failed", error=type(error).__name__)
            tally.failed += 1
            failed(item, error)
    return tally


def together_or_apart(
    items: Sequence[T], work: Callable[[Sequence[T]], Iterable[str]], failed: Callable[[T, Exception], None],
) -> Tally:
    """Work the items at once in one savepoint; if that fails, all again, each in its own (see `each_apart`).

    `work` returns the outcome's word of each item it was given.
    """
    tally = Tally()
    if not items:
        return tally
    try:
        with savepoint():
            for outcome in work(items):
                tally.count(outcome)
    except Exception as error:  # each is tried again by itself, and the one at fault is handed to `failed`
        if is_passing(error):
            raise
        log.info("batch.apart", error=type(error).__name__)
        return each_apart(items, lambda item: next(iter(work([item]))), failed)
    tally.done = len(items)
    return tally
