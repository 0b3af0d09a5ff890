"""What cases brought in from an old system were, for the figures; a case hidden from the reader is not among them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ticketing.cases.models import Case, History, PastRecord
from ticketing.cases.queries.visibility import visible_to
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor
from ticketing.reports.rules import PastFact, definitions, resolution_times


def past_figures(source: str, by: Actor) -> dict[str, Any]:
    """Every figure that the source's mapping asks for, over the cases this reader may see.  NotFound names the sources there are."""
    history = db.session.scalar(sa.select(History).where(History.source == source))
    if history is None:
        known = db.session.scalars(sa.select(History.source).order_by(History.source)).all()
        raise NotFound(f"Nothing was brought in from “{source}”. There is: {', '.join(known) or 'nothing yet'}.")
    asked = history.figures["asked"]
    return {"source": source, "zone": history.zone, **resolution_times(past_facts(history.id, by), asked, history.zone),
            "definitions": definitions(asked)}


def past_facts(history_id: int, by: Actor) -> list[PastFact]:
    """The cases of one source in the order they came in: one statement."""
    found = db.session.execute(
        sa.select(Case.reference, PastRecord.opened_at, PastRecord.resolved_at, PastRecord.closed_at, PastRecord.due_at,
                  PastRecord.held_seconds, Case.cycle, PastRecord.said)
        .join(Case, Case.id == PastRecord.case_id).where(PastRecord.history_id == history_id, visible_to(by)).order_by(PastRecord.id))
    return [PastFact(*row) for row in found]
