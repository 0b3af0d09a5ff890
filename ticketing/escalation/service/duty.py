"""The verbs of the rota: put somebody on duty, take them off."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import new_uid
from ticketing.escalation.models import DutyShift
from ticketing.escalation.rules.duty import Shift


@atomic
def add_shift(team_id: int, shift: Shift, *, by: Actor, at: datetime) -> str:
    """Put a member of a team on duty each week; returns the shift's uid.  Raises Invalid and Conflict."""
    by.must(Permission.MANAGE_RULES)
    shift.check()
    team, person = accounts.team_by_id(team_id), accounts.staff_by_id(shift.staff_id)
    if team_id not in person.team_ids:
        raise Invalid(f"{person.name} is not in {team.name}. Choose somebody of the team.", field="who")
    same = sa.select(DutyShift.id).where(
        DutyShift.team_id == team_id, DutyShift.staff_id == shift.staff_id, DutyShift.weekday == shift.weekday,
        DutyShift.starts == shift.starts)
    if db.session.scalar(same) is not None:
        raise Conflict(f"{person.name} has a shift that begins then already.", field="starts")
    uid = new_uid()
    db.session.add(DutyShift(
        uid=uid, team_id=team_id, staff_id=shift.staff_id, weekday=shift.weekday, starts=shift.starts, ends=shift.ends))
    audit.record(audit.ADMIN_STREAM, audit.Act.ROTA_CHANGED, by=by, at=at, facts={
        "team": team.code, "staff": person.uid, "weekday": shift.weekday, "starts": shift.starts, "ends": shift.ends, "is_added": True})
    return uid


@atomic
def remove_shift(uid: str, *, by: Actor, at: datetime) -> None:
    """Take a shift off the rota; raises NotFound."""
    by.must(Permission.MANAGE_RULES)
    row = db.session.scalar(sa.select(DutyShift).where(DutyShift.uid == uid))
    if row is None:
        raise NotFound("This shift is not on the rota any more.")
    db.session.delete(row)
    audit.record(audit.ADMIN_STREAM, audit.Act.ROTA_CHANGED, by=by, at=at, facts={
        "team": accounts.team_by_id(row.team_id).code, "staff": accounts.staff_by_id(row.staff_id).uid, "weekday": row.weekday,
        "starts": row.starts, "ends": row.ends, "is_added": False})
