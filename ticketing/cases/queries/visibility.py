"""The one visibility predicate: compiled into every list, count, search, notice and link."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.cases.models import Case, CaseSubject, StatementRequest
from ticketing.cases.rules import StatementState
from ticketing.core.permissions import Actor, Permission


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


def askable_by(staff_ids: frozenset[int]) -> ColumnElement[bool]:
    """Statement requests put to any of these people (themselves, and those they stand in for) and not withdrawn."""
    return sa.and_(StatementRequest.staff_id.in_(staff_ids), StatementRequest.state != StatementState.WITHDRAWN)
