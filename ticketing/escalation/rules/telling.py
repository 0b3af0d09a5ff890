"""Whom a step tells: by their part in the case or by name, or whoever stands in; nobody who must stay out of the case.  Pure."""

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
    """Who is who: the members and leads of a team, its managers (every manager where it has none), and who stands in on a day.

    `hears`: whether somebody may be told of the case that day; `above`: the line upwards from somebody; `listed`: those on the list of
    a confidential case.
    """

    def team(self, team_id: int | None) -> Sequence[P]: ...
    def leads_of(self, team_id: int | None) -> Sequence[P]: ...
    def managers_for(self, team_id: int | None) -> Sequence[P]: ...
    def managers_of(self, unit_id: int) -> Sequence[P]: ...
    def of_role(self, role: Role) -> Sequence[P]: ...
    def by_uid(self, uid: str) -> P: ...
    def stand_in(self, staff_id: int, day: date) -> P: ...
    def above(self, staff_id: int) -> Sequence[P]: ...
    def listed(self, case_id: int) -> Sequence[P]: ...
    def hears(self, staff_id: int, case_id: int, day: date) -> bool: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Who has which part in a case; `author_id` was asked for the statement that a step is about.

    `on_duty` are on the team's rota at the moment of telling, `deputy_id` is named for the handler's present or next leave.

    `subject_ids`: who must stay out of it, the named and their direct managers.  `case_id` None: any case with these parts, as a
    simulation asks; then only the named and their managers are left out.
    """

    case_id: int | None
    handler_id: int | None
    team_id: int | None
    subject_ids: frozenset[int]
    author_id: int | None = None
    unit_id: int | None = None
    on_duty: tuple[int, ...] = ()
    deputy_id: int | None = None


def recipients(actions: Actions, parts: Parts, people: People[P], day: date) -> tuple[P, ...]:
    """Whom to tell: by role, or whoever stands in that day; nobody who may not see the case, nobody twice.

    Where everybody who holds a role must stay out of the case, the step goes to the next manager up who need not.
    """
    found: dict[str, P] = {}
    for role in actions.notify:
        holders = _holders(role, parts, people)
        wanted = [people.stand_in(staff_id, day) for staff_id in holders]
        if role is Recipient.STATEMENT_AUTHOR:
            fit: Sequence[P] = [row for row in wanted if row.is_active]
        else:
            fit = fit_to_hear(wanted, parts, people, day) or _next_up(role, holders, parts, people, day)
        found.update({row.uid: row for row in fit})
    rows = [row for role in actions.roles for row in people.of_role(role)] + [people.by_uid(uid) for uid in actions.staff_uids]
    named = [people.stand_in(row.id, day) for row in rows]
    found.update({row.uid: row for row in fit_to_hear(named, parts, people, day)})
    return tuple(found.values())


def fit_to_hear(rows: Iterable[P], parts: Parts, people: People[P], day: date) -> list[P]:
    """Those of `rows` who work here, need not stay out of the case, and see it."""
    return [row for row in rows if row.is_active and row.id not in parts.subject_ids and _hears(row, parts, people, day)]


def _hears(row: Person, parts: Parts, people: People[P], day: date) -> bool:
    return parts.case_id is None or people.hears(row.id, parts.case_id, day)


def _holders(role: Recipient, parts: Parts, people: People[P]) -> Sequence[int]:
    if role is Recipient.STATEMENT_AUTHOR:
        return [] if parts.author_id is None else [parts.author_id]
    if role is Recipient.DEPUTY:
        return [] if parts.deputy_id is None else [parts.deputy_id]
    if role is Recipient.ON_DUTY:
        return list(parts.on_duty) or [row.id for row in people.leads_of(parts.team_id)]
    if role is Recipient.UNIT_MANAGER and parts.unit_id is not None:
        return [row.id for row in people.managers_of(parts.unit_id)]
    if role is Recipient.HANDLER and parts.handler_id is not None:
        return [parts.handler_id]
    if role in (Recipient.HANDLER, Recipient.TEAM):
        return [row.id for row in people.team(parts.team_id)]
    rows = people.leads_of(parts.team_id) if role is Recipient.TEAM_LEADS else people.managers_for(parts.team_id)
    return [row.id for row in rows]


def _next_up(role: Recipient, holders: Sequence[int], parts: Parts, people: People[P], day: date) -> Sequence[P]:
    """Nobody who holds the role may hear of it: the next manager above them who may; else the managers of the team, else every
    manager, else whoever the case's list names.
    """
    if role is Recipient.DEPUTY:
        return ()
    for holder in holders:
        above = fit_to_hear(people.above(holder), parts, people, day)
        if above:
            return above[:1]
    listed = () if parts.case_id is None else people.listed(parts.case_id)
    for rows in (people.managers_for(parts.team_id), people.managers_for(None), listed):
        fit = fit_to_hear([people.stand_in(row.id, day) for row in rows], parts, people, day)
        if fit:
            return fit
    return ()
