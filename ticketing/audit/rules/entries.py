"""An entry before and after it is stored: what a verb asks to record, the body that is hashed, and the row people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ticketing.audit.rules.acts import Act
from ticketing.audit.rules.chain import ACTOR_NAME, VERSION, WHY, Plain, Scalar, clean, field_name, microseconds, plain
from ticketing.core.permissions import Actor

ADMIN_STREAM = "admin"  # staff, teams, rules, organisation: what administrators change
EXPORT_STREAM = "export"
NOWHERE = ("", "", False)
IMPORT_STREAM = "import"
ACCESS_STREAM = "access"  # refusals that belong to no account


def case_stream(reference: str) -> str:
    return f"case:{reference}"


def sealed_stream(reference: str, compartment: str) -> str:
    """What was sealed in a compartment of a case: a chain of its own, so that no gap in the case's tells of it."""
    return f"sealed:{compartment}:{reference}"


def staff_stream(uid: str) -> str:
    """What happened to an account, sign-ins included."""
    return f"staff:{uid}"


def person_stream(uid: str) -> str:
    return f"person:{uid}"


def reads_stream(uid: str) -> str:
    """What one reader opened."""
    return f"reads:{uid}"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One deed to record.

    `change` maps a field to its old and new value and `facts` names other values: neither may hold anything personal or typed
    freely.  `private` and `why` may; they can be erased later while the chain still verifies.  `about` is the stream of
    another thing this entry concerns (a read of a case).  `is_new`: the stream certainly has no entry yet.  `behalf` is the stream of
    the person for whom somebody else acts.
    """

    stream: str
    act: Act
    occurred_at: datetime | None = None
    why: str = ""
    change: Mapping[str, tuple[Scalar, Scalar]] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)
    about: str | None = None
    is_new: bool = False
    behalf: str | None = None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as people read it.  `erased` names the private values that are no longer there."""

    stream: str
    seq: int
    uid: str
    act: str
    recorded_at: datetime
    occurred_at: datetime
    actor_uid: str
    actor_name: str
    kind: str
    role: str | None
    why: str
    about: str | None = None
    change: Mapping[str, tuple[Plain, Plain]] = field(default_factory=dict)
    facts: Mapping[str, Plain] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    via: str = ""
    request: str = ""
    is_moment_given: bool = False
    behalf: str | None = None

    @property
    def is_late_entry(self) -> bool:
        """Recorded after it happened."""
        return self.occurred_at < self.recorded_at


def private_values(entry: NewEntry, by: Actor) -> dict[str, str]:
    """Everything of an entry that may be personal: the actor's name, the typed reason and the private values."""
    values = {ACTOR_NAME: by.name, WHY: entry.why, **entry.private}
    return {field_name(name): clean(value) for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """One deed as it was told, its values plain; only its place in the stream is still open."""

    stream: str
    is_new: bool
    at: datetime
    body: Mapping[str, Any]
    private: Mapping[str, str]


def told(entry: NewEntry, place: tuple[str, str, bool] = NOWHERE, *, by: Actor, at: datetime) -> ToldEntry:
    """What is hashed (nothing personal, every value plain), and beside it what may be personal.

    `place`: the door it came through, its request, and whether somebody named its moment.
    """
    via, request, is_given = place
    body = {
        "v": VERSION, "stream": entry.stream, "ts": microseconds(at), "occurred": microseconds(entry.occurred_at or at),
        "actor": by.uid, "kind": by.kind.value, "role": by.role.value if by.role else None,
        "act": entry.act.value, "about": entry.about, "behalf": entry.behalf, "via": via, "req": request, "given": is_given,
        "change": {field_name(name): [plain(old), plain(new)] for name, (old, new) in entry.change.items()},
        "facts": {field_name(name): plain(value) for name, value in entry.facts.items()},
    }
    return ToldEntry(entry.stream, entry.is_new, at, body, private_values(entry, by))
