"""Who has opened a case: by name and role, from the trail, for whoever may see the case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ticketing.accounts import queries as accounts
from ticketing.audit.queries import openings
from ticketing.audit.rules import Act, EntryRow, case_stream
from ticketing.cases.queries.case import find_case
from ticketing.core.permissions import Actor, Role

FILES = (Act.CASE_FILE_OPENED.value, Act.ATTACHMENT_VIEWED.value)
COPIES = (Act.EXPORT_MADE.value, Act.CASE_PRINTED.value)


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One person: how often they opened pages of the case and files of it, and took copies away; the role is that of the last time."""

    name: str
    role: str
    first_at: datetime
    last_at: datetime
    pages: int
    files: int
    copies: int


def openings_of(reference: str, actor: Actor) -> tuple[OpeningRow, ...]:
    """Everybody who ever opened the case, who did so last first; NotFound if it is hidden or missing."""
    found = openings(case_stream(find_case(reference, actor).reference))
    names = accounts.names_by_uid([row.actor_uid for row, _, _ in found])
    return tuple(_opening(row, often, first, names) for row, often, first in found)


def _opening(row: EntryRow, often: Mapping[str, int], first: datetime, names: Mapping[str, str]) -> OpeningRow:
    files, copies = (sum(often.get(act, 0) for act in acts) for acts in (FILES, COPIES))
    return OpeningRow(
        row.actor_name or names.get(row.actor_uid, ""), _role(row), first, row.recorded_at,
        sum(often.values()) - files - copies, files, copies)


def _role(row: EntryRow) -> str:
    return (row.role or row.kind).capitalize() if row.role in set(Role) or row.kind == "complainant" else "The program"
