"""The one visibility predicate: compiled into every list, count, search, notice and link; and the one for questions put to people."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts import queries as accounts
from ticketing.cases.models import Case, CaseSubject, StatementRequest
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.permissions import Actor, Permission

NO_CASE = "There is no such case. Check the reference and try again."
NO_QUESTION = "There is no such question for you."


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Which cases `actor` may see.  Staff named in a concern never see its case; a machine works for the hospital and sees all."""
    if actor.is_machine:
        return sa.true()
    if not actor.may(Permission.VIEW_CASES):
        return sa.false()
    return not_named(actor.staff_id)


def not_named(staff_id: int | None) -> ColumnElement[bool]:
    """Cases in which this member of staff is not named."""
    return ~sa.exists().where(CaseSubject.case_id == Case.id, CaseSubject.staff_id == staff_id)


def put_to(actor: Actor, *, at: datetime) -> ColumnElement[bool]:
    """Which statement requests (joined to their cases) `actor` may read and answer.

    Those put to them, also where they are named in the concern, and those put to a colleague they stand in for today, unless named.
    """
    if actor.staff_id is None or not actor.may(Permission.ANSWER_STATEMENTS):
        return sa.false()
    covered = sa.and_(not_named(actor.staff_id), belongs_to_absent(StatementRequest.staff_id, actor.staff_id, at=at))
    return sa.or_(StatementRequest.staff_id == actor.staff_id, covered)


def belongs_to_absent(owner: sa.orm.InstrumentedAttribute[int] | sa.orm.InstrumentedAttribute[int | None], staff_id: int, *, at: datetime,
                      ) -> ColumnElement[bool]:
    """Rows (joined to their cases) whose `owner` is away today, by the day of the case's site, and has `staff_id` as stand-in."""
    sites: dict[date, list[int]] = defaultdict(list)
    for site in codes.sites(is_active=None):
        sites[clock.day_of(at, site.zone)].append(site.id)
    covered = {day: accounts.covered_by(staff_id, day) for day in sites}
    return sa.or_(sa.false(), *(
        sa.and_(owner.in_(covered[day]), Case.site_id.in_(ids)) for day, ids in sites.items() if covered[day]))
