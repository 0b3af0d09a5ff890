"""Recording breaches at their instant: the sweep asks, a batch at a time, for the timers whose moment has passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ticketing.cases.models import Case, PastRecord
from ticketing.cases.service._case import _hours_of, _mirror, _note_breaches, _plan_facts
from ticketing.codes import queries as codes
from ticketing.core.batch import Tally
from ticketing.core.database import atomic, db
from ticketing.core.permissions import Actor
from ticketing.firings import service as firings
from ticketing.firings.models import Firing
from ticketing.sla import service as sla
from ticketing.sla.models import Timer
from ticketing.sla.rules import State


@atomic
def record_breaches(*, by: Actor, at: datetime, limit: int = 50) -> Tally:
    """Note each target missed by `at` on its case, dated when it was missed; costs what is due, not what is open."""
    due = db.session.execute(
        sa.select(Timer.case_id, Timer.cycle).where(Timer.state == State.RUNNING, Timer.met_at.is_(None), Timer.due_at <= at)
        .order_by(Timer.due_at).limit(limit)).all()
    tally = Tally()
    for case_id, cycle in sorted(set(due)):
        case = db.session.scalar(sa.select(Case).where(Case.id == case_id).with_for_update())
        if case is not None:
            tally.count("breached", _record(case, cycle, by=by, at=at))
            tally.done += 1
    return tally


@atomic
def replan(case_ids: Sequence[int], *, at: datetime) -> None:
    """Make the planned steps of these open cases what the rules in force ask for; nothing else of them changes.

    A case that an old system brought along stays silent until somebody here works on it.
    """
    brought = sa.select(PastRecord.id).where(PastRecord.case_id == Case.id)
    planned = sa.select(Firing.id).where(Firing.case_id == Case.id)
    silent = sa.and_(brought.exists(), ~planned.exists())
    for case_id in sorted(case_ids):
        case = db.session.scalar(sa.select(Case).where(Case.id == case_id, Case.is_open, ~silent).with_for_update())
        if case is not None:
            reckoned = sla.refresh(case.id, case.cycle, at=at)
            firings.plan(_plan_facts(case, codes.site_by_id(case.site_id), _hours_of(reckoned)), reckoned, at=at)


def _record(case: Case, cycle: int, *, by: Actor, at: datetime) -> int:
    reckoned = sla.refresh(case.id, cycle, at=at)
    if cycle == case.cycle:
        _mirror(case, reckoned)
    return _note_breaches(case, by=by, at=at)
