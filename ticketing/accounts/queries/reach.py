"""Reading how far somebody sees right now, broken glass, and searches that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import GlassOpening, SavedSearch, Staff
from ticketing.accounts.queries.leave import covered_by
from ticketing.accounts.queries.staff import StaffRow
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.paging import PAGE_SIZE
from ticketing.core.permissions import Actor, Permission, Scope, at_the_moment
from ticketing.core.references import is_uid


@dataclass(frozen=True, slots=True)
class GlassRow:
    """One opening: who read which case in an emergency, why, and until when.  `ended_at` is when it ended by hand."""

    uid: str
    case_id: int
    staff: str
    role: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None

    @property
    def over_at(self) -> datetime:
        return self.ended_at or self.ends_at


def is_open_glass(at: datetime) -> ColumnElement[bool]:
    return sa.and_(GlassOpening.ended_at.is_(None), GlassOpening.ends_at > at)


def actor_now(staff: StaffRow, *, at: datetime, has_glass: bool = True) -> Actor:
    """Who acts when `staff` do something at `at`: with the cases of those they stand in for today, and what they opened in an emergency.

    `has_glass` False spares the question where it is known that nothing is open.
    """
    actor = staff.actor
    is_narrow = actor.scope is Scope.TEAMS and actor.may(Permission.WORK_CASES)
    covers = covered_by(staff.id, clock.day_of(at, current_app.config["SITE_ZONE"])) if is_narrow else frozenset[int]()
    opened = frozenset(db.session.scalars(
        sa.select(GlassOpening.case_id).where(GlassOpening.staff_id == staff.id, is_open_glass(at)))) if has_glass else frozenset[int]()
    return at_the_moment(actor, covers=covers, opened=opened)


def glass_openings(where: ColumnElement[bool] | None = None, *, limit: int = PAGE_SIZE) -> tuple[GlassRow, ...]:
    """Openings, the latest first."""
    query = sa.select(
        GlassOpening.uid, GlassOpening.case_id, Staff.name, Staff.role, GlassOpening.reason, GlassOpening.opened_at, GlassOpening.ends_at,
        GlassOpening.ended_at).join(Staff, Staff.id == GlassOpening.staff_id)
    if where is not None:
        query = query.where(where)
    found = db.session.execute(query.order_by(GlassOpening.opened_at.desc(), GlassOpening.id.desc()).limit(limit))
    return tuple(GlassRow(row.uid, row.case_id, row.name, row.role.value, *row[4:]) for row in found)


def search_words(uid: str, actor: Actor, *, at: datetime) -> str:
    """What this person searched for under this id; "" once it is too old, or where somebody else did."""
    if not is_uid(uid):
        return ""
    return db.session.scalar(sa.select(SavedSearch.words).where(
        SavedSearch.uid == uid, SavedSearch.staff_id == actor.staff_id, SavedSearch.expires_at > at)) or ""
