"""Adding staff, changing what they are and do, and letting them go with their work handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import Staff, Team, TeamMember
from ticketing.accounts.service.passwords import _new_hash, invite, use_up_tokens
from ticketing.accounts.service.rows import _lock_staff, _must_manage, _team_ids
from ticketing.accounts.service.signing_in import end_sessions
from ticketing.audit import service as audit
from ticketing.audit.rules import ADMIN_STREAM, Act, Scalar, staff_stream
from ticketing.codes import queries as codes
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Actor, Role, Scope
from ticketing.core.references import new_uid


@atomic
def add_staff(
    email: str, name: str, role: Role, *, job_title: str = "", unit_code: str | None = None, team_codes: Iterable[str] = (),
    password: str | None = None, scope: Scope = Scope.TEAMS, by: Actor, at: datetime,
) -> str:
    """A new account; returns its uid.  Without a password its owner cannot sign in until invited.

    Raises Invalid for a name, address or password that will not do, Conflict if the address has an account already.
    """
    _must_manage(by)
    staff = Staff(
        uid=new_uid(), email=rules.clean_email(email), name=rules.clean_name(name), job_title=_job_title(job_title), role=role,
        unit_id=_unit_id(unit_code), scope=scope, created_at=at,
    )
    _refuse_taken(staff.email)
    staff.password_hash = _new_hash(password, staff) if password is not None else None
    staff.memberships = [TeamMember(team_id=team_id) for team_id in _team_ids(team_codes).values()]
    db.session.add(staff)
    db.session.flush()
    private = {"name": staff.name, "email": staff.email, "job_title": staff.job_title}
    facts: dict[str, Scalar] = {"role": role, "scope": scope}
    audit.record(staff_stream(staff.uid), Act.STAFF_ADDED, by=by, at=at, facts=facts, private=private, is_new=True)
    audit.record(ADMIN_STREAM, Act.STAFF_ADDED, by=by, at=at, facts={"role": role}, about=staff_stream(staff.uid))
    return staff.uid


@atomic
def welcome_staff(
    email: str, name: str, role: Role, *, job_title: str = "", unit_code: str | None = None, team_codes: Iterable[str] = (),
    scope: Scope = Scope.TEAMS, by: Actor, at: datetime,
) -> str:
    """`add_staff` and its invitation in one; returns the uid."""
    uid = add_staff(email, name, role, job_title=job_title, unit_code=unit_code, team_codes=team_codes, scope=scope, by=by, at=at)
    invite(uid, by=by, at=at)
    return uid


@atomic
def change_staff(
    uid: str, *, name: str, email: str, role: Role, job_title: str = "", unit_code: str | None = None,
    team_codes: Iterable[str] | None = None, by: Actor, at: datetime,
) -> None:
    """Correct an account or give it another role or teams (None: as before), which holds from its owner's next click.

    With another role its owner is signed out everywhere: what was opened as one role is never gone on with as another.
    Raises as `add_staff`.
    """
    _must_manage(by)
    staff = _lock_staff(uid)
    if role is not staff.role:
        _keep_an_administrator(staff, by, "change their role")
    wanted = {
        "name": rules.clean_name(name), "email": rules.clean_email(email), "job_title": _job_title(job_title),
        "role": role, "unit_id": _unit_id(unit_code),
    }
    if wanted["email"] != staff.email:
        _refuse_taken(rules.clean_email(email))
    if team_codes is not None:
        set_teams(uid, team_codes, by=by, at=at)
    change = {field: (getattr(staff, field), value) for field, value in wanted.items() if getattr(staff, field) != value}
    if not change:
        return
    for field, (_, value) in change.items():
        setattr(staff, field, value)
    if "role" in change:
        end_sessions(staff.id, at=at)
    db.session.flush()
    private = {field: str(value) for field, (_, value) in change.items() if field in {"name", "email", "job_title"}}
    plain = {field: values for field, values in change.items() if field not in private}
    _record(staff, Act.STAFF_CHANGED, change=plain, private=private, by=by, at=at)


@atomic
def set_teams(uid: str, team_codes: Iterable[str], *, by: Actor, at: datetime) -> None:
    """Put somebody in exactly these teams; whoever led one of them still does."""
    _must_manage(by)
    staff = _lock_staff(uid)
    wanted = set(_team_ids(team_codes).values())
    if wanted == {item.team_id for item in staff.memberships}:
        return
    before = _team_names(staff)
    kept = [item for item in staff.memberships if item.team_id in wanted]
    held = {item.team_id for item in kept}
    staff.memberships = [*kept, *(TeamMember(team_id=team_id) for team_id in sorted(wanted - held))]
    db.session.flush()
    _record(staff, Act.STAFF_CHANGED, change={"teams": (before, _team_names(staff))}, by=by, at=at)


@atomic
def deactivate(uid: str, *, hand_over: Callable[[int], int] | None = None, by: Actor, at: datetime) -> int:
    """Close an account: every session ends at once and open cases go where `hand_over` (given the staff id) takes them.

    Returns how many cases were handed over.  Nobody closes their own account or the last administrator's.
    """
    _must_manage(by)
    staff = _lock_staff(uid)
    if staff.id == by.staff_id:
        raise Conflict("You cannot close your own account. Ask another administrator to do it.")
    if not staff.is_active:
        return 0
    _keep_an_administrator(staff, by, "close their account")
    staff.is_active = False
    end_sessions(staff.id, at=at)
    use_up_tokens(staff.id, at=at)
    db.session.flush()
    count = hand_over(staff.id) if hand_over is not None else 0
    _record(staff, Act.STAFF_DEACTIVATED, facts={"count": count}, by=by, at=at)
    return count


@atomic
def reactivate(uid: str, *, by: Actor, at: datetime) -> None:
    """Open a closed account again.  Its old password is gone: its owner needs a new invitation."""
    _must_manage(by)
    staff = _lock_staff(uid)
    if staff.is_active:
        return
    staff.is_active, staff.password_hash = True, None
    db.session.flush()
    _record(staff, Act.STAFF_CHANGED, change={"is_active": (False, True)}, by=by, at=at)


def _record(
    staff: Staff, act: Act, *, change: Mapping[str, tuple[Scalar, Scalar]] | None = None, facts: Mapping[str, Scalar] | None = None,
    private: Mapping[str, str] | None = None, by: Actor, at: datetime,
) -> None:
    """On the account's own stream in full, and on the administrators' in outline."""
    stream = staff_stream(staff.uid)
    audit.record(stream, act, by=by, at=at, change=change, facts=facts, private=private)
    audit.record(ADMIN_STREAM, act, by=by, at=at, about=stream)


def _refuse_taken(email: str) -> None:
    if db.session.scalar(sa.select(sa.func.count()).select_from(Staff).where(Staff.email == email)):
        raise Conflict("There is already an account with this e-mail address. Look for it under Staff, closed accounts too.", field="email")


def _keep_an_administrator(staff: Staff, by: Actor, what: str) -> None:
    """All administrators are locked, in one order, so that two cannot remove each other at the same moment."""
    if staff.role is not Role.ADMINISTRATOR:
        return
    if staff.id == by.staff_id:
        raise Conflict("You cannot give away your own administrator role. Ask another administrator to do it.", field="role")
    query = sa.select(Staff.id).where(Staff.role == Role.ADMINISTRATOR, Staff.is_active).order_by(Staff.id).with_for_update()
    if not set(db.session.scalars(query)) - {staff.id}:
        raise Conflict(f"{staff.name} is the last administrator. Make somebody else one before you {what}.", field="role")


def _team_names(staff: Staff) -> str:
    ids = [item.team_id for item in staff.memberships]
    return ", ".join(db.session.scalars(sa.select(Team.code).where(Team.id.in_(ids)).order_by(Team.code)))


def _unit_id(code: str | None) -> int | None:
    return codes.unit_by_code(code).id if code else None


def _job_title(text: str) -> str:
    return rules.clean_name(text, field="job_title", what="job title") if text.strip() else ""
