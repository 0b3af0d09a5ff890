"""The rota of each team, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff
from ticketing.core.database import db
from ticketing.escalation.models import DutyShift
from ticketing.escalation.rules.duty import WEEKDAYS


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """One person's hours on one weekday."""

    uid: str
    name: str
    day: str
    starts: str
    ends: str
    is_overnight: bool


@dataclass(frozen=True, slots=True)
class RotaOfTeam:
    """A team and its shifts, by weekday and hour."""

    name: str
    shifts: tuple[ShiftRow, ...]


def rotas() -> tuple[RotaOfTeam, ...]:
    """Of every team, also of those that have none."""
    rows = db.session.execute(
        sa.select(DutyShift.uid, DutyShift.team_id, DutyShift.weekday, DutyShift.starts, DutyShift.ends, Staff.name)
        .join(Staff, Staff.id == DutyShift.staff_id).order_by(DutyShift.weekday, DutyShift.starts, Staff.name)).all()
    return tuple(RotaOfTeam(team.name, tuple(
        ShiftRow(row.uid, row.name, WEEKDAYS[row.weekday], row.starts, row.ends, row.ends <= row.starts)
        for row in rows if row.team_id == team.id)) for team in accounts.teams())


def members() -> dict[str, dict[str, str]]:
    """Who can be put on the rota: by team, "team:staff" and the name."""
    return {team.name: {f"{team.id}:{row.id}": row.name for row in accounts.staff_of_team(team.id)} for team in accounts.teams()}
