"""Whom a step tells: by their part in the case or by name, or whoever stands in; nobody who is named in the concern.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

from ticketing.core.permissions import Role
from ticketing.firings.rules import Actions, Recipient


class Person(Protocol):
    """A member of staff, as far as telling looks at them."""

    @property
    def id(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def is_active(self) -> bool: ...


P = TypeVar("P", bound=Person, covariant=True)


class People(Protocol[P]):
    """Who is who: the members and leads of a team, its managers (every manager where it has none), and who stands in on a day."""

    def team(self, team_id: int | None) -> Sequence[P]: ...
    def leads_of(self, team_id: int | None) -> Sequence[P]: ...
    def managers_for(self, team_id: int | None) -> Sequence[P]: ...
    def managers_of(self, unit_id: int) -> Sequence[P]: ...
    def of_role(self, role: Role) -> Sequence[P]: ...
    def by_uid(self, uid: str) -> P: ...
    def stand_in(self, staff_id: int, day: date) -> P: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Who has which part in a case; `author_id` was asked for the statement that a step is about.

    `on_duty` are on the team's rota at the moment of telling, `deputy_id` is named for the handler's present or next leave.
    """

    handler_id: int | None
    team_id: int | None
    subject_ids: frozenset[int]
    author_id: int | None = None
    unit_id: int | None = None
    on_duty: tuple[int, ...] = ()
    deputy_id: int | None = None


def recipients(actions: Actions, parts: Parts, people: People[P], day: date) -> tuple[P, ...]:
    """Whom to tell: by role, or whoever stands in that day; nobody who is named in the concern, nobody twice.

    Where every manager or lead of the team is named, the step goes to the managers who are not.
    """
    found: dict[str, P] = {}
    for role in actions.notify:
        is_author = role is Recipient.STATEMENT_AUTHOR
        wanted = [people.stand_in(staff_id, day) for staff_id in _holders(role, parts, people)]
        fit = [row for row in wanted if row.is_active and (is_author or row.id not in parts.subject_ids)]
        found.update({row.uid: row for row in fit or _next_up(role, parts, people, day)})
    named = [row for role in actions.roles for row in people.of_role(role)] + [people.by_uid(uid) for uid in actions.staff_uids]
    for row in named:
        person = people.stand_in(row.id, day)
        if person.is_active and person.id not in parts.subject_ids:
            found[person.uid] = person
    return tuple(found.values())


def _holders(role: Recipient, parts: Parts, people: People[P]) -> Iterable[int]:
    if role is Recipient.STATEMENT_AUTHOR:
        return [] if parts.author_id is None else [parts.author_id]
    if role is Recipient.DEPUTY:
        return [] if parts.deputy_id is None else [parts.deputy_id]
    if role is Recipient.ON_DUTY:
        return parts.on_duty or [row.id for row in people.leads_of(parts.team_id)]
    if role is Recipient.UNIT_MANAGER and parts.unit_id is not None:
        return [row.id for row in people.managers_of(parts.unit_id)]
    if role is Recipient.HANDLER and parts.handler_id is not None:
        return [parts.handler_id]
    if role in (Recipient.HANDLER, Recipient.TEAM):
        return [row.id for row in people.team(parts.team_id)]
    rows = people.leads_of(parts.team_id) if role is Recipient.TEAM_LEADS else people.managers_for(parts.team_id)
    return [row.id for row in rows]


def _next_up(role: Recipient, parts: Parts, people: People[P], day: date) -> Sequence[P]:
    """Nobody holds the role, or all of them are named: the managers who are not, first those of the team."""
    if role in (Recipient.STATEMENT_AUTHOR, Recipient.DEPUTY):
        return ()
    for team_id in (parts.team_id, None):
        managers = [people.stand_in(row.id, day) for row in people.managers_for(team_id)]
        fit = [row for row in managers if row.is_active and row.id not in parts.subject_ids]
        if fit:
            return fit
    return ()
