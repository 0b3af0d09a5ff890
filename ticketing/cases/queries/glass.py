"""Reading emergency openings: what somebody has open now, and every use for those who look after the trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import GlassOpening
from ticketing.cases.models import Case
from ticketing.cases.queries.visibility import visible_to
from ticketing.core.database import db
from ticketing.core.permissions import Actor, without_glass

MOST = 200


@dataclass(frozen=True, slots=True)
class GlassUse:
    """One opening with its case's reference."""

    reference: str
    row: accounts.GlassRow


def open_glass(actor: Actor, *, at: datetime) -> tuple[GlassUse, ...]:
    """What this person reads behind broken glass now; asks nothing where there is none."""
    if not actor.opened:
        return ()
    return _with_references(GlassOpening.staff_id == actor.staff_id, accounts.is_open_glass(at), visible_to(actor))


def own_glass(actor: Actor) -> tuple[GlassUse, ...]:
    """Everything this person ever opened, the latest first."""
    return _with_references(GlassOpening.staff_id == actor.staff_id)


def glass_uses(actor: Actor) -> tuple[GlassUse, ...]:
    """Every opening of a case that this person sees, the latest first."""
    return _with_references(visible_to(without_glass(actor)))


def _with_references(*where: sa.ColumnElement[bool]) -> tuple[GlassUse, ...]:
    wanted = sa.select(GlassOpening.id).join(Case, Case.id == GlassOpening.case_id).where(*where)
    rows = accounts.glass_openings(GlassOpening.id.in_(wanted), limit=MOST)
    references = {row.id: row.reference for row in db.session.execute(
        sa.select(Case.id, Case.reference).where(Case.id.in_({row.case_id for row in rows})))} if rows else {}
    return tuple(GlassUse(references[row.case_id], row) for row in rows)
