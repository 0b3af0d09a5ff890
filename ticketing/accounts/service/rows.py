"""Rows of accounts taken under lock, and the questions every verb here asks of its actor."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ticketing.accounts.models import Staff, Team
from ticketing.accounts.queries import NOBODY
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Permission


def _lock_staff(uid: str) -> Staff:
    """The account, locked until the verb ends; raises NotFound."""
    row = db.session.scalar(sa.select(Staff).where(Staff.uid == uid).with_for_update(of=Staff))
    if row is None:
        raise NotFound(NOBODY)
    return row


def _lock_team(code: str) -> Team:
    row = db.session.scalar(sa.select(Team).where(Team.code == code).with_for_update(of=Team))
    if row is None:
        raise NotFound("This team is not on the list any more. Go back to Teams.")
    return row


def _team_ids(codes: Iterable[str]) -> dict[str, int]:
    """Ids of teams in use by code; raises NotFound for the first code that is none."""
    wanted = list(dict.fromkeys(codes))
    found = {row.code: row.id for row in db.session.execute(sa.select(Team.code, Team.id).where(Team.code.in_(wanted), Team.is_active))}
    for code in wanted:
        if code not in found:
            raise NotFound(f"There is no team with the code {code}. Check it under Teams.", field="team_codes")
    return found


def _must_manage(by: Actor) -> None:
    """Administrators and the program itself (commands, the demo)."""
    if not by.is_machine:
        by.must(Permission.MANAGE_STAFF)


def _must_be_or_manage(staff: Staff, by: Actor) -> None:
    """The person themself, or whoever may manage staff."""
    if by.staff_id != staff.id:
        _must_manage(by)
