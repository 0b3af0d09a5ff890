"""Where an act comes from: by which door, in which request, and whether somebody named its moment instead of the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Origin:
    """`via` is a door (web, portal, command, job...); `request` its request, as in the logs; `is_moment_given`: not the clock's."""

    via: str = ""
    request: str = ""
    is_moment_given: bool = False


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def origin() -> Origin:
    """Where what happens now comes from; empty where nobody said."""
    found = _origin.get()
    command = click.get_current_context(silent=True) if found is NOWHERE else None
    return Origin(f"command:{command.command_path}"[:80]) if command else found


def come_from(via: str, request: str = "") -> None:
    """Said once, where a request or a job begins; empty where it ends."""
    _origin.set(Origin(via, request) if via else NOWHERE)


@contextmanager
def at_a_given_moment(via: str) -> Iterator[None]:
    """What is done inside happens at moments that somebody named (a demo, a sweep told its time); the trail says so."""
    token = _origin.set(Origin(via, is_moment_given=True))
    try:
        yield
    finally:
        _origin.reset(token)
