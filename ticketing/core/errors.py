"""Errors that carry a sentence a person can act on; caught only at the edge (web/errors.py, commands, core/batch.py)."""

from __future__ import annotations


class DomainError(Exception):
    """Something a person asked for cannot be done.

    The message says what, where and what to do next.  `field` names the form field it belongs to, if one does.
    """

    status = 409

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DomainError):
    """Missing, or hidden from this actor: the answer is the same."""

    status = 404


class Forbidden(DomainError):
    """The actor's role does not allow the act."""

    status = 403


class Conflict(DomainError):
    """Somebody else changed the thing first, or it is no longer in a state that allows the act."""

    status = 409


class Invalid(DomainError):
    """A value cannot be used as given."""

    status = 422


class TooMany(DomainError):
    """Throttled: says when to try again.  `retry_after` is in seconds."""

    status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unaudited(RuntimeError):
    """A write that the trail does not know of: a defect in the program, never shown as a sentence to a person."""
