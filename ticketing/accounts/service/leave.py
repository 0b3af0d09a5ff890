"""Leave and the deputy who gets what would have come."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import Leave, Staff
from ticketing.accounts.service.rows import _lock_staff, _must_be_or_manage
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, Scalar, staff_stream
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor

LONGEST_LEAVE = timedelta(days=730)


@atomic
def set_leave(staff_uid: str, starts_on: date, ends_on: date, deputy_uid: str | None, *, by: Actor, at: datetime) -> int:
    """Away on both days and all between; returns the leave's id.

    Own leave, or anybody's for administrators.  Raises Invalid for days that make no sense or a deputy who may not do the work,
    Conflict where it would overlap other leave.
    """
    staff = _lock_staff(staff_uid)
    _must_be_or_manage(staff, by)
    _check_days(starts_on, ends_on)
    deputy_id = _deputy_id(staff, deputy_uid)
    overlap = sa.select(Leave.starts_on, Leave.ends_on).where(
        Leave.staff_id == staff.id, Leave.starts_on <= ends_on, Leave.ends_on >= starts_on,
    )
    if db.session.execute(overlap.limit(1)).first() is not None:
        raise Conflict("There is already leave on some of these days. End it first, or choose other days.", field="starts_on")
    leave = Leave(staff_id=staff.id, starts_on=starts_on, ends_on=ends_on, deputy_id=deputy_id)
    db.session.add(leave)
    db.session.flush()
    facts = {"starts": starts_on, "ends": ends_on, "deputy": deputy_uid}
    audit.record(staff_stream(staff.uid), Act.STAFF_LEAVE_SET, by=by, at=at, facts=facts)
    return leave.id


@atomic
def end_leave(leave_id: int, *, today: date, by: Actor, at: datetime) -> None:
    """Back from today on: running leave ends yesterday, leave still to come is called off.  `today` is the day at the hospital."""
    leave = db.session.get(Leave, leave_id, with_for_update={"of": Leave})
    if leave is None:
        raise NotFound("This leave is not on the list any more.")
    staff = db.session.get_one(Staff, leave.staff_id)
    _must_be_or_manage(staff, by)
    if leave.ends_on < today:
        return
    facts: dict[str, Scalar] = {"starts": leave.starts_on, "ends": min(leave.ends_on, today - timedelta(days=1)), "is_ended": True}
    if leave.starts_on >= today:
        db.session.delete(leave)
    else:
        leave.ends_on = today - timedelta(days=1)
    db.session.flush()
    audit.record(staff_stream(staff.uid), Act.STAFF_LEAVE_SET, by=by, at=at, facts=facts)


def _check_days(starts_on: date, ends_on: date) -> None:
    if not (1990 <= starts_on.year <= 2200 and 1990 <= ends_on.year <= 2200):
        raise Invalid("Enter days in this century.", field="starts_on")
    if ends_on < starts_on:
        raise Invalid("The last day is before the first. Change one of them.", field="ends_on")
    if ends_on - starts_on > LONGEST_LEAVE:
        raise Invalid("Leave can be at most two years. For longer, close the account and hand the work over.", field="ends_on")


def _deputy_id(staff: Staff, deputy_uid: str | None) -> int | None:
    if not deputy_uid:
        return None
    deputy = db.session.scalar(sa.select(Staff).where(Staff.uid == deputy_uid, Staff.is_active))
    if deputy is None:
        raise Invalid("Choose a deputy from the list.", field="deputy_uid")
    if deputy.id == staff.id:
        raise Invalid("Nobody can be their own deputy. Choose somebody else.", field="deputy_uid")
    if not rules.may_stand_in(staff.role, deputy.role):
        raise Invalid(f"{deputy.name} may not do all that {staff.name} does. Choose somebody with the same role.", field="deputy_uid")
    return deputy.id
