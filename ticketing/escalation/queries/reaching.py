"""Whom a step reaches: by part, role, rota and name, with deputies for those on leave and nobody who is named in the concern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.queries import StaffRow
from ticketing.cases.queries import FiringContext
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.permissions import Permission, Role
from ticketing.escalation.models import DutyShift
from ticketing.escalation.rules.duty import Shift, on_duty
from ticketing.firings.rules import Actions, Recipient

ManagersOfUnit = Callable[[int], Sequence[StaffRow]]


@dataclass(frozen=True, slots=True)
class Reached:
    """One person a step tells, and from when: people are told while their office is open, or while they are on duty."""

    person: StaffRow
    told_at: datetime


def managers_of_unit(unit_id: int) -> tuple[StaffRow, ...]:
    """The managers whose own unit this is."""
    return tuple(row for row in accounts.staff_who_may(Permission.SIGN_RESPONSES) if row.role is Role.MANAGER and row.unit_id == unit_id)


@dataclass(slots=True)
class People:
    """Who is who, asked once a batch.  `managers_of` says who manages a unit."""

    managers_of: ManagersOfUnit = managers_of_unit
    _known: dict[tuple[object, ...], tuple[StaffRow, ...]] = field(default_factory=dict)
    _stand_ins: dict[tuple[int, date], StaffRow] = field(default_factory=dict)
    _staff: dict[int, StaffRow] = field(default_factory=dict)
    _away: dict[date, frozenset[int]] = field(default_factory=dict)
    _shifts: dict[int, tuple[Shift, ...]] | None = None

    def reached(self, actions: Actions, case: FiringContext, author_id: int | None, *, at: datetime) -> tuple[Reached, ...]:
        """Whom to tell: by part, or whoever stands in that day; nobody who is named in the concern, nobody twice.

        Where everybody who has a part is named, the step goes to the next managers who are not.
        """
        told_at = open_at(case, at)
        found: dict[str, Reached] = {}
        for part in actions.notify:
            for one in self.of_part(part, case, author_id, told_at, at=at):
                found.setdefault(one.person.uid, one)
        named = [row for role in actions.roles for row in self.of_role(role)] + [self.by_uid(uid) for uid in actions.staff_uids]
        for person in self._fit([row.id for row in named], case, told_at):
            found.setdefault(person.uid, Reached(person, told_at))
        return tuple(found.values())

    def of_part(
        self, part: Recipient, case: FiringContext, author_id: int | None, told_at: datetime, *, at: datetime,
    ) -> list[Reached]:
        """Those who have one part in the case."""
        if part is Recipient.STATEMENT_AUTHOR:
            authors = [] if author_id is None else [self.stand_in(author_id, clock.day_of(told_at, case.zone))]
            return [Reached(row, told_at) for row in authors if row.is_active]
        if part is Recipient.ON_DUTY:
            awake = self._fit(self.on_duty(case, at), case, at)
            if awake:
                return [Reached(row, at) for row in awake]
        fit = self._fit(self._holders(part, case, told_at), case, told_at)
        return [Reached(row, told_at) for row in fit or (() if part is Recipient.DEPUTY else self._next_up(case, told_at))]

    def on_duty(self, case: FiringContext, at: datetime) -> list[int]:
        """Who is on the team's rota at that moment, by the clock of the case's site."""
        if self._shifts is None:
            self._shifts = shifts_by_team()
        return list(on_duty(self._shifts.get(case.team_id or 0, ()), clock.local(at, case.zone)))

    def of_role(self, role: Role) -> tuple[StaffRow, ...]:
        return self._ask(("role", role), lambda: tuple(row for row in self._who_view() if row.role is role))

    def team(self, team_id: int | None) -> tuple[StaffRow, ...]:
        return () if team_id is None else self._ask(("team", team_id), lambda: accounts.staff_of_team(team_id))

    def leads_of(self, team_id: int | None) -> tuple[StaffRow, ...]:
        return () if team_id is None else self._ask(("leads", team_id), lambda: accounts.leads_of(team_id))

    def managers_for(self, team_id: int | None) -> tuple[StaffRow, ...]:
        """The managers in the team; where it has none, every manager."""
        every = self._ask(("managers",), lambda: tuple(
            row for row in accounts.staff_who_may(Permission.SIGN_RESPONSES) if row.role is Role.MANAGER))
        return tuple(row for row in every if team_id in row.team_ids) or every

    def by_uid(self, uid: str) -> StaffRow:
        return self._ask(("uid", uid), lambda: (accounts.staff_by_uid(uid),))[0]

    def stand_in(self, staff_id: int, day: date) -> StaffRow:
        """Who gets what would come to them that day; asked of the database by itself only for whoever is away."""
        if (staff_id, day) not in self._stand_ins:
            if day not in self._away:
                self._away[day] = frozenset(accounts.away_on(day))
            is_here = staff_id not in self._away[day] and staff_id in self._staff
            self._stand_ins[staff_id, day] = self._staff[staff_id] if is_here else accounts.stand_in_for(staff_id, day)
        return self._stand_ins[staff_id, day]

    def expect(self, staff_ids: Iterable[int | None]) -> None:
        """Read these at once: whoever is asked for later is known already."""
        self._staff.update(accounts.staff_by_ids({staff_id for staff_id in staff_ids if staff_id is not None} - self._staff.keys()))

    def _holders(self, part: Recipient, case: FiringContext, told_at: datetime) -> list[int]:
        if part is Recipient.DEPUTY:
            return self._deputies(case, told_at)
        if part is Recipient.ON_DUTY:
            return self.on_duty(case, told_at) or [row.id for row in self.leads_of(case.team_id)]
        if part is Recipient.HANDLER and case.handler_id is not None:
            return [case.handler_id]
        if part in (Recipient.HANDLER, Recipient.TEAM):
            return [row.id for row in self.team(case.team_id)]
        if part is Recipient.UNIT_MANAGER and case.unit_id is not None:
            unit_id = case.unit_id
            return [row.id for row in self._ask(("unit", unit_id), lambda: tuple(self.managers_of(unit_id)))]
        rows = self.leads_of(case.team_id) if part is Recipient.TEAM_LEADS else self.managers_for(case.team_id)
        return [row.id for row in rows]

    def _deputies(self, case: FiringContext, told_at: datetime) -> list[int]:
        if case.handler_id is None:
            return []
        leave = accounts.leave_of(case.handler_id, clock.day_of(told_at, case.zone))
        return [row.deputy_id for row in leave if row.deputy_id is not None][:1]

    def _next_up(self, case: FiringContext, told_at: datetime) -> list[StaffRow]:
        """Nobody has the part, or all of them are named: the managers who are not, first those of the team."""
        for team_id in (case.team_id, None):
            fit = self._fit([row.id for row in self.managers_for(team_id)], case, told_at)
            if fit:
                return fit
        return []

    def _fit(self, staff_ids: Sequence[int], case: FiringContext, told_at: datetime) -> list[StaffRow]:
        day = clock.day_of(told_at, case.zone)
        wanted = [self.stand_in(staff_id, day) for staff_id in dict.fromkeys(staff_ids) if staff_id not in case.subject_ids]
        return [row for row in {row.id: row for row in wanted}.values() if row.is_active and row.id not in case.subject_ids]

    def _who_view(self) -> tuple[StaffRow, ...]:
        return self._ask(("view",), lambda: accounts.staff_who_may(Permission.VIEW_CASES))

    def _ask(self, key: tuple[object, ...], ask: Callable[[], tuple[StaffRow, ...]]) -> tuple[StaffRow, ...]:
        if key not in self._known:
            self._known[key] = ask()
            self._staff.update({row.id: row for row in self._known[key]})
        return self._known[key]


def open_at(case: FiringContext, at: datetime) -> datetime:
    """People are told when their office is open; at once where somebody may be in danger."""
    return at if case.is_danger_now else case.hours.next_opening(at) or at


def shifts_by_team() -> dict[int, tuple[Shift, ...]]:
    """Every team's rota, by weekday and hour."""
    found: dict[int, tuple[Shift, ...]] = {}
    for row in db.session.scalars(sa.select(DutyShift).order_by(DutyShift.weekday, DutyShift.starts, DutyShift.id)):
        found[row.team_id] = (*found.get(row.team_id, ()), Shift(row.staff_id, row.weekday, row.starts, row.ends))
    return found
