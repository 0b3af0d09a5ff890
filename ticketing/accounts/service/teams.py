"""Teams: added, renamed, led by somebody, taken out of use; never deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import Staff, Team, TeamMember
from ticketing.accounts.service.rows import _lock_team, _must_manage
from ticketing.audit import service as audit
from ticketing.audit.rules import ADMIN_STREAM, Act
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor


@atomic
def add_team(code: str, name: str, email: str = "", *, by: Actor, at: datetime) -> int:
    """A new team; returns its id.  Raises Conflict if its code or name is taken."""
    _must_manage(by)
    team = Team(code=rules.clean_team_code(code), name=rules.clean_name(name), email=_email(email))
    _refuse_taken(Team.code == team.code, f"The code {team.code} is already used. Choose another.", "code")
    _refuse_taken(Team.name == team.name, "There is already a team with this name. Choose another.", "name")
    db.session.add(team)
    db.session.flush()
    audit.record(ADMIN_STREAM, Act.TEAM_CHANGED, by=by, at=at, change={"team": (None, team.code)}, private={"name": team.name})
    return team.id


@atomic
def change_team(
    code: str, *, name: str, email: str = "", is_active: bool = True, leads: Iterable[str] | None = None, by: Actor, at: datetime,
) -> None:
    """Rename a team, give it a mailbox or other leads (uids; None: as before), or take it out of use."""
    _must_manage(by)
    team = _lock_team(code)
    wanted = {"name": rules.clean_name(name), "email": _email(email), "is_active": is_active}
    if leads is not None:
        set_leads(code, leads, by=by, at=at)
    change = {field: (getattr(team, field), value) for field, value in wanted.items() if getattr(team, field) != value}
    if not change:
        return
    if "name" in change:
        _refuse_taken(Team.name == wanted["name"], "There is already a team with this name. Choose another.", "name")
    for field, (_, value) in change.items():
        setattr(team, field, value)
    db.session.flush()
    private = {field: str(value or "") for field, (_, value) in change.items() if field in {"name", "email"}}
    plain = {field: values for field, values in change.items() if field == "is_active"}
    audit.record(ADMIN_STREAM, Act.TEAM_CHANGED, by=by, at=at, facts={"team": team.code}, change=plain, private=private)


@atomic
def set_leads(code: str, staff_uids: Iterable[str], *, by: Actor, at: datetime) -> None:
    """Who leads a team: any of its members, and nobody else.  Raises Invalid for a person who is not in it."""
    _must_manage(by)
    team = _lock_team(code)
    wanted = set(staff_uids)
    query = sa.select(TeamMember, Staff.uid).join(Staff, Staff.id == TeamMember.staff_id).where(TeamMember.team_id == team.id)
    members = {uid: member for member, uid in db.session.execute(query)}
    if wanted - set(members):
        raise Invalid("Only members of the team can lead it. Put them in the team first.", field="leads")
    before = {uid for uid, member in members.items() if member.is_lead}
    if before == wanted:
        return
    for uid, member in members.items():
        member.is_lead = uid in wanted
    db.session.flush()
    change = {"leads": (", ".join(sorted(before)), ", ".join(sorted(wanted)))}
    audit.record(ADMIN_STREAM, Act.TEAM_CHANGED, by=by, at=at, facts={"team": team.code}, change=change)


def _refuse_taken(condition: sa.ColumnElement[bool], sentence: str, field: str) -> None:
    if db.session.scalar(sa.select(sa.func.count()).select_from(Team).where(condition)):
        raise Conflict(sentence, field=field)


def _email(text: str) -> str | None:
    return rules.clean_email(text) if text.strip() else None
