"""Looking into a run from outside: which statements it sends, what is left in the tables, and what happens when one of them fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ticketing.core.database import Model, db

WRITE = re.compile(r"\s*(INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+[\"`]?(\w+)", re.IGNORECASE)
READ_OR_WRITE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE)\b", re.IGNORECASE)


class Injected(Exception):
    """A failure made by a test."""


@dataclass
class Statements:
    """What was sent: every SELECT, INSERT, UPDATE and DELETE, in order."""

    sent: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent)

    @property
    def written_tables(self) -> set[str]:
        return {match[2].lower() for text in self.sent if (match := WRITE.match(text))}


@contextmanager
def count_queries() -> Iterator[Statements]:
    """`with count_queries() as queries: ...; assert len(queries) == 3`."""
    seen = Statements()

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        if READ_OR_WRITE.match(statement):
            seen.sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def failing_at(number: int) -> Iterator[Statements]:
    """Raise `Injected` in place of the `number`-th writing statement (from 1); the statements so far are handed out."""
    seen = Statements()

    def fail(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        if WRITE.match(statement):
            seen.sent.append(statement)
            if len(seen) == number:
                raise Injected(statement)

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


def is_dirty() -> bool:
    """Whether the session holds a change that nobody has sent."""
    session = db.session()
    return bool(session.new or session.deleted or any(session.is_modified(row) for row in session.dirty))


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in a steady order: to compare before and after."""
    db.session.rollback()
    found = {
        table.name: sorted((tuple(row) for row in db.session.execute(sa.select(table))), key=repr) for table in Model.metadata.sorted_tables
    }
    db.session.rollback()
    return found


def assert_all_or_nothing(verb: Callable[[], object], *, most: int = 200) -> int:
    """Run `verb` again and again, failing at its 1st, 2nd, 3rd... write; each time nothing may be left.

    The last run succeeds.  Returns how many writes the verb makes.
    """
    before = contents()
    for number in range(1, most + 1):
        if _fails(verb, number):
            left = {name for name, rows in contents().items() if rows != before[name]}
            assert not left, f"failing at write {number} left something in {', '.join(sorted(left))}"
        else:
            assert number > 1, "the verb writes nothing"
            return number - 1
    raise AssertionError(f"the verb makes more than {most} writes")


def _fails(verb: Callable[[], object], number: int) -> bool:
    try:
        with failing_at(number) as seen:
            verb()
    except Injected:
        return True
    assert len(seen) < number, f"the verb went on after its write {number} failed: {seen.sent[number - 1]}"
    return False
