"""Reading teams, with how many people they have and who leads them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from ticketing.accounts.models import Staff, Team, TeamMember
from ticketing.core.database import db
from ticketing.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team; `members` counts active staff."""

    id: int
    code: str
    name: str
    email: str | None
    is_active: bool
    members: int = 0
    leads: tuple[str, ...] = ()
    lead_uids: tuple[str, ...] = ()


def teams(*, is_active: bool | None = True) -> tuple[TeamRow, ...]:
    """Teams by name, with how many active staff they have; those in use unless told (None: all)."""
    query = sa.select(Team).order_by(Team.name, Team.id)
    if is_active is not None:
        query = query.where(Team.is_active == is_active)
    found = db.session.scalars(query).all()
    members: dict[int, list[tuple[str, str, bool]]] = defaultdict(list)
    joined = sa.select(TeamMember.team_id, Staff.name, Staff.uid, TeamMember.is_lead).join(Staff, Staff.id == TeamMember.staff_id)
    for team_id, name, uid, is_lead in db.session.execute(joined.where(Staff.is_active).order_by(Staff.name)):
        members[team_id].append((name, uid, is_lead))
    return tuple(_team(row, members[row.id]) for row in found)


def team_by_code(code: str) -> TeamRow:
    """Raises NotFound with the code in its sentence."""
    return _one_team(Team.code == code, f"There is no team with the code {code}. Check it under Teams.")


def team_by_id(team_id: int) -> TeamRow:
    """Raises NotFound."""
    return _one_team(Team.id == team_id, "This team is not on the list any more. Go back to Teams.")


def _one_team(condition: sa.ColumnElement[bool], sentence: str) -> TeamRow:
    row = db.session.scalar(sa.select(Team).where(condition))
    if row is None:
        raise NotFound(sentence, field="team_code")
    members = db.session.execute(
        sa.select(Staff.name, Staff.uid, TeamMember.is_lead).join(TeamMember, TeamMember.staff_id == Staff.id)
        .where(TeamMember.team_id == row.id, Staff.is_active).order_by(Staff.name),
    )
    return _team(row, [(name, uid, is_lead) for name, uid, is_lead in members])


def _team(row: Team, members: list[tuple[str, str, bool]]) -> TeamRow:
    leads = [(name, uid) for name, uid, is_lead in members if is_lead]
    names, uids = tuple(name for name, _ in leads), tuple(uid for _, uid in leads)
    return TeamRow(row.id, row.code, row.name, row.email, row.is_active, len(members), names, uids)
