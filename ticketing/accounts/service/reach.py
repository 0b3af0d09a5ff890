"""How far somebody sees: their scope, the manager above them, the compartments they are a member of; and glass broken and mended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import GlassOpening, Staff
from ticketing.accounts.service.rows import _lock_staff, _must_manage
from ticketing.audit import service as audit
from ticketing.audit.rules import ADMIN_STREAM, Act, staff_stream
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, Compartment, Role, Scope
from ticketing.core.references import new_uid

MOST_LEVELS = 12
SEALED_FOR = frozenset({Role.OFFICER, Role.MANAGER})


@dataclass(frozen=True, slots=True)
class Reach:
    """How far somebody sees.  `manager_uid` None: nobody stands above them."""

    scope: Scope = Scope.TEAMS
    manager_uid: str | None = None
    compartments: Collection[Compartment] = ()


@atomic
def set_reach(uid: str, reach: Reach, *, recuse: Callable[[int], int] | None = None, by: Actor, at: datetime) -> int:
    """Say how far somebody sees, which holds from their next click.

    A new manager of somebody named in cases must let go of these: `recuse` (given the manager's staff id) does that; returns how many.
    """
    _must_manage(by)
    staff = _lock_staff(uid)
    manager = _manager(staff, reach.manager_uid)
    if reach.compartments and staff.role not in SEALED_FOR:
        raise Invalid("Only officers and managers can be members of a compartment.", field="compartments")
    wanted = {"scope": reach.scope, "manager_id": manager.id if manager else None, "compartments": rules.as_text(reach.compartments)}
    change = {name: (getattr(staff, name), value) for name, value in wanted.items() if getattr(staff, name) != value}
    for name, (_, value) in change.items():
        setattr(staff, name, value)
    db.session.flush()
    if change:
        stream = staff_stream(staff.uid)
        audit.record(stream, Act.STAFF_REACH_SET, by=by, at=at, change=change)
        audit.record(ADMIN_STREAM, Act.STAFF_REACH_SET, by=by, at=at, about=stream)
    return recuse(manager.id) if recuse is not None and manager is not None and "manager_id" in change else 0


@atomic
def set_managers(lines: Collection[tuple[str, str]], *, recuse: Callable[[int], int] | None = None, by: Actor, at: datetime) -> int:
    """Managers for many at once, as (address, address of the manager or ""); all or none.  Returns how many changed."""
    changed = 0
    for email, manager_email in lines:
        staff, manager = _by_email(email), _by_email(manager_email) if manager_email.strip() else None
        if staff.manager_id == (manager.id if manager else None):
            continue
        reach = Reach(staff.scope, manager.uid if manager else None, rules.compartments_in(staff.compartments))
        set_reach(staff.uid, reach, recuse=recuse, by=by, at=at)
        changed += 1
    return changed


@atomic
def open_glass(case_id: int, reason: str, *, lasts: timedelta, by: Actor, at: datetime) -> str:
    """Part of a verb of cases, which records it: this person may read that case until the time is over.  Returns the opening's uid."""
    uid = new_uid()
    db.session.add(GlassOpening(
        uid=uid, staff_id=by.staff_id or 0, case_id=case_id, reason=reason, opened_at=at, ends_at=at + lasts))
    return uid


@atomic
def end_glass(uid: str, *, by: Actor, at: datetime) -> int | None:
    """Part of a verb of cases, which records it: the opening ends by hand.  Returns the case's id, None if it had ended."""
    row = db.session.scalar(sa.select(GlassOpening).where(GlassOpening.uid == uid, GlassOpening.staff_id == by.staff_id).with_for_update())
    if row is None or row.ended_at is not None or row.ends_at <= at:
        return None
    row.ended_at = at
    return row.case_id


def _by_email(email: str) -> Staff:
    found = db.session.scalar(sa.select(Staff).where(Staff.email == rules.fold_email(email)).with_for_update(of=Staff))
    if found is None:
        raise Invalid(f"Nobody has the address {email.strip()}. Correct the file and run it again: nothing was changed.")
    return found


def _manager(staff: Staff, uid: str | None) -> Staff | None:
    if uid is None:
        return None
    manager = db.session.scalar(sa.select(Staff).where(Staff.uid == uid, Staff.is_active))
    if manager is None:
        raise Invalid("Choose their manager from the list.", field="manager_uid")
    above, level = manager, 0
    while above.id != staff.id and above.manager_id is not None and level < MOST_LEVELS:
        above, level = db.session.get_one(Staff, above.manager_id), level + 1
    if above.id == staff.id:
        raise Conflict(f"{manager.name} reports to {staff.name}, so they cannot be their manager.", field="manager_uid")
    return manager
