"""Whom a step reaches on a case, and from when: while their office is open, or while they are on duty."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.queries import StaffRow
from ticketing.cases.queries import FiringContext
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.escalation.models import DutyShift
from ticketing.escalation.queries.people import People
from ticketing.escalation.rules.duty import Shift, on_duty
from ticketing.escalation.rules.telling import Parts, recipients
from ticketing.firings.rules import Actions, Recipient


@dataclass(frozen=True, slots=True)
class Reached:
    """One person a step tells, and from when."""

    person: StaffRow
    told_at: datetime


@dataclass(slots=True)
class Circle:
    """Who is who and who is on duty, asked once a batch."""

    people: People = field(default_factory=People)
    _shifts: dict[int, tuple[Shift, ...]] | None = None

    def reached(self, actions: Actions, case: FiringContext, author_id: int | None, *, at: datetime) -> tuple[Reached, ...]:
        """Whom to tell, see rules.telling.  Whoever is on duty at that very moment is told at once, all others when they are there."""
        told_at, asks_duty = open_at(case, at), Recipient.ON_DUTY in actions.notify
        awake = self._on_duty(case, at) if asks_duty else ()
        parts = Parts(
            case.case_id, case.handler_id, case.team_id, case.subject_ids, author_id, case.unit_id,
            (awake or self._on_duty(case, told_at)) if asks_duty else (),
            _deputy(case, told_at) if Recipient.DEPUTY in actions.notify else None)
        found = recipients(actions, parts, self.people, clock.day_of(told_at, case.zone))
        return tuple(Reached(row, at if row.id in awake else told_at) for row in found)

    def _on_duty(self, case: FiringContext, at: datetime) -> tuple[int, ...]:
        """Who is on the team's rota at that moment, by the clock of the case's site."""
        if self._shifts is None:
            self._shifts = shifts_by_team()
        return on_duty(self._shifts.get(case.team_id or 0, ()), clock.local(at, case.zone))


def open_at(case: FiringContext, at: datetime) -> datetime:
    """People are told when their office is open; at once where somebody may be in danger."""
    return at if case.is_danger_now else case.hours.next_opening(at) or at


def shifts_by_team() -> dict[int, tuple[Shift, ...]]:
    """Every team's rota, by weekday and hour."""
    found: dict[int, tuple[Shift, ...]] = {}
    for row in db.session.scalars(sa.select(DutyShift).order_by(DutyShift.weekday, DutyShift.starts, DutyShift.id)):
        found[row.team_id] = (*found.get(row.team_id, ()), Shift(row.staff_id, row.weekday, row.starts, row.ends))
    return found


def _deputy(case: FiringContext, told_at: datetime) -> int | None:
    if case.handler_id is None:
        return None
    leave = accounts.leave_of(case.handler_id, clock.day_of(told_at, case.zone))
    return next((row.deputy_id for row in leave if row.deputy_id is not None), None)
