"""The one visibility predicate: compiled into every list, count, search, notice and link; and the one for questions put to people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Staff
from ticketing.cases.models import Case, CaseCompartment, CaseReader, CaseSubject, StatementRequest
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.database import among, db
from ticketing.core.permissions import Actor, Compartment, Permission, Role, Scope

NO_CASE = "There is no such case. Check the reference and try again."
NO_QUESTION = "There is no such question for you."

Column = sa.orm.InstrumentedAttribute[int] | sa.orm.InstrumentedAttribute[int | None]


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Which cases `actor` may see.  A machine works for the hospital and sees all.

    Nobody sees a case in which they, or somebody who reports to them directly, are named: no scope, list or broken glass helps.
    """
    if actor.is_machine:
        return sa.true()
    if not actor.may(Permission.VIEW_CASES):
        return sa.false()
    reached = _reached_by(actor)
    if actor.opened:
        reached = sa.or_(reached, Case.id.in_(actor.opened))
    return sa.and_(not_in_conflict(actor.staff_id), reached)


def not_in_conflict(staff_id: int | None) -> ColumnElement[bool]:
    """Cases in which neither this member of staff nor anybody who reports to them directly is named."""
    theirs = sa.select(Staff.id).where(sa.or_(Staff.id == staff_id, Staff.manager_id == staff_id))
    return Case.id.not_in(sa.select(CaseSubject.case_id).where(CaseSubject.staff_id.in_(theirs)))


def open_to(actor: Actor, compartment: sa.orm.InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Which parts of a case `actor` may see: those in no compartment, and those in one that they are a member of."""
    if actor.is_machine:
        return sa.true()
    if not actor.compartments:
        return compartment.is_(None)
    return sa.or_(compartment.is_(None), compartment.in_(actor.compartments))


def may_read(reference: str, actor: Actor) -> bool:
    """Whether the case, or a mail about it, may be shown to this person now."""
    return db.session.scalar(sa.select(Case.id).where(Case.reference == reference, visible_to(actor))) is not None


def visible_among(case_ids: Iterable[int], actor: Actor) -> frozenset[int]:
    """Those of the cases that `actor` may see, in one statement."""
    return frozenset(db.session.scalars(sa.select(Case.id).where(among(Case.id, case_ids), visible_to(actor))))


def barred_from(case_ids: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """For each case the ids of those who must stay out of it: who is named, and who they report to directly."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = db.session.execute(
        sa.select(CaseSubject.case_id, Staff.id, Staff.manager_id).join(Staff, Staff.id == CaseSubject.staff_id)
        .where(among(CaseSubject.case_id, case_ids)))
    for case_id, staff_id, manager_id in rows:
        found[case_id] |= {staff_id} if manager_id is None else {staff_id, manager_id}
    return {case_id: frozenset(ids) for case_id, ids in found.items()}


def readers_of(case_id: int) -> tuple[int, ...]:
    """Ids of those on the list of a confidential case, in the order in which they were put there."""
    return tuple(db.session.scalars(sa.select(CaseReader.staff_id).where(CaseReader.case_id == case_id).order_by(CaseReader.id)))


def escalation_chain(case_id: int, staff_id: int) -> tuple[accounts.StaffRow, ...]:
    """Who hears of a case in place of `staff_id`: those above them in the line, from the next manager up, who may see it."""
    return tuple(row for row in accounts.managers_above(staff_id) if row.is_active and visible_among([case_id], row.actor))


def put_to(actor: Actor, *, at: datetime) -> ColumnElement[bool]:
    """Which statement requests (joined to their cases) `actor` may read and answer.

    Those put to them, also where they are named in the concern, and those put to a colleague they stand in for today; nothing where
    somebody who reports to them is named.
    """
    if actor.staff_id is None or not actor.may(Permission.ANSWER_STATEMENTS):
        return sa.false()
    covered = sa.and_(not_in_conflict(actor.staff_id), belongs_to_absent(StatementRequest.staff_id, actor.staff_id, at=at))
    own = sa.and_(StatementRequest.staff_id == actor.staff_id, sa.or_(is_named(actor.staff_id), not_in_conflict(actor.staff_id)))
    return sa.or_(own, covered)


def is_named(staff_id: int | None) -> ColumnElement[bool]:
    """Cases in which this member of staff is named themself."""
    return Case.id.in_(sa.select(CaseSubject.case_id).where(CaseSubject.staff_id == staff_id))


def belongs_to_absent(owner: Column, staff_id: int, *, at: datetime) -> ColumnElement[bool]:
    """Rows (joined to their cases) whose `owner` is away today, by the day of the case's site, and has `staff_id` as stand-in."""
    sites: dict[date, list[int]] = defaultdict(list)
    for site in codes.sites(is_active=None):
        sites[clock.day_of(at, site.zone)].append(site.id)
    covered = {day: accounts.covered_by(staff_id, day) for day in sites}
    return sa.or_(sa.false(), *(
        sa.and_(owner.in_(covered[day]), Case.site_id.in_(ids)) for day, ids in sites.items() if covered[day]))


def _reached_by(actor: Actor) -> ColumnElement[bool]:
    """What somebody's role and scope reach, before any conflict of interest is looked at."""
    if actor.role is Role.AUDITOR:
        return sa.true()
    if actor.role not in (Role.OFFICER, Role.MANAGER):
        return sa.false()
    listed = Case.id.in_(sa.select(CaseReader.case_id).where(CaseReader.staff_id == actor.staff_id))
    unlisted = sa.or_(Case.is_confidential.is_(False), listed)
    return unlisted if actor.scope is Scope.HOSPITAL else sa.and_(_in_scope(actor, listed), unlisted)


def _in_scope(actor: Actor, listed: ColumnElement[bool]) -> ColumnElement[bool]:
    """Their teams' cases, those they have or that an absent colleague has, those they wrote down and nobody has yet, those of their
    units (an officer: while nobody has them), those that hold something in a compartment of theirs, and those that list them.
    """
    parts = [Case.handler_id == actor.staff_id, sa.and_(Case.recorded_by_id == actor.staff_id, Case.handler_id.is_(None))]
    if actor.covers:
        parts.append(Case.handler_id.in_(actor.covers))
    if actor.team_ids:
        parts.append(Case.team_id.in_(actor.team_ids))
    if actor.unit_ids:
        inside = Case.unit_id.in_(actor.unit_ids)
        parts.append(inside if actor.role is Role.MANAGER else sa.and_(inside, Case.handler_id.is_(None)))
    if actor.compartments:
        parts.append(Case.id.in_(_holding(actor.compartments)))
    return sa.or_(*parts, sa.and_(Case.is_confidential, listed))


def _holding(compartments: Iterable[Compartment]) -> sa.Select[int]:
    return sa.select(CaseCompartment.case_id).where(CaseCompartment.compartment.in_(set(compartments)))
