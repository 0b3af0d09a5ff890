"""Reading leave, and who stands in for whom on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ticketing.accounts import rules
from ticketing.accounts.models import Leave, Staff
from ticketing.accounts.queries.staff import StaffRow, staff_by_id
from ticketing.core.database import db

Deputy = aliased(Staff)


@dataclass(frozen=True, slots=True)
class LeaveRow:
    """Away on both days and all between."""

    id: int
    staff_id: int
    starts_on: date
    ends_on: date
    deputy_id: int | None
    deputy_name: str | None


def on_leave(staff_id: int, day: date) -> LeaveRow | None:
    """The leave that covers `day`, if any."""
    found = _leave().where(Leave.staff_id == staff_id, Leave.starts_on <= day, Leave.ends_on >= day)
    row = db.session.execute(found.order_by(Leave.starts_on, Leave.id).limit(1)).first()
    return None if row is None else _leave_row(row)


def leave_of(staff_id: int, day: date) -> tuple[LeaveRow, ...]:
    """Leave that runs on `day` or is still to come, soonest first."""
    found = _leave().where(Leave.staff_id == staff_id, Leave.ends_on >= day).order_by(Leave.starts_on, Leave.id)
    return tuple(_leave_row(row) for row in db.session.execute(found))


def away_on(day: date) -> Mapping[int, LeaveRow]:
    """Everybody who is away on `day`, by their id."""
    found = _leave().where(Leave.starts_on <= day, Leave.ends_on >= day).order_by(Leave.starts_on.desc(), Leave.id.desc())
    return {row.staff_id: row for row in (_leave_row(item) for item in db.session.execute(found))}


def stand_in_for(staff_id: int, day: date) -> StaffRow:
    """Who gets what would come to `staff_id` on `day`: see rules.stand_in.  A deputy who has left counts as nobody."""

    def deputy_of(person: int) -> int | None:
        if person != staff_id and not db.session.scalar(sa.select(Staff.is_active).where(Staff.id == person)):
            return None
        leave = on_leave(person, day)
        return person if leave is None else leave.deputy_id

    return staff_by_id(rules.stand_in(staff_id, deputy_of))


def covered_by(staff_id: int, day: date) -> frozenset[int]:
    """Everybody for whom `staff_id` stands in on `day`: `stand_in_for` read backwards, with two statements however many are away."""
    away = away_on(day)
    if not away:
        return frozenset()
    deputies = {leave.deputy_id for leave in away.values() if leave.deputy_id is not None}
    active = set(db.session.scalars(sa.select(Staff.id).where(Staff.id.in_(deputies), Staff.is_active)))

    def stands_in_for(absent: int) -> int:
        def deputy_of(person: int) -> int | None:
            if person != absent and person not in active:
                return None
            return away[person].deputy_id if person in away else person

        return rules.stand_in(absent, deputy_of)

    return frozenset(absent for absent in away if absent != staff_id and stands_in_for(absent) == staff_id)


def _leave() -> sa.Select[Any]:
    columns: tuple[sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any], ...] = (
        Leave.id, Leave.staff_id, Leave.starts_on, Leave.ends_on, Leave.deputy_id, Deputy.name.label("deputy_name"),
    )
    return sa.select(*columns).outerjoin(Deputy, Deputy.id == Leave.deputy_id)


def _leave_row(row: Any) -> LeaveRow:
    return LeaveRow(row.id, row.staff_id, row.starts_on, row.ends_on, row.deputy_id, row.deputy_name)
