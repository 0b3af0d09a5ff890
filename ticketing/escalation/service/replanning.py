"""Planning the open cases anew when somebody asks for it: never by a changed rule itself, and never what has fired already."""

from __future__ import annotations

from datetime import datetime

from ticketing.audit import service as audit
from ticketing.cases import queries as cases
from ticketing.cases import service as casework
from ticketing.core.batch import Tally
from ticketing.core.database import atomic
from ticketing.core.permissions import machine
from ticketing.firings import service as firings

BY = machine("escalation")


@atomic
def replan_batch(*, at: datetime, limit: int = 100) -> Tally:
    """Plan the next `limit` open cases of the oldest order anew; the last batch says on the trail how many there were."""
    order = firings.claim_replanning(at=at)
    if order is None:
        return Tally()
    ids = cases.next_open_cases(order.last_case_id, limit)
    casework.replan(ids, at=at)
    firings.note_replanned(order.uid, ids, at=at)
    if not ids:
        audit.record(audit.ADMIN_STREAM, audit.Act.RULES_REPLANNED, by=BY, at=at, facts={
            "rule": order.rule_code, "cases": order.cases, "order": order.uid})
    return Tally(done=len(ids) or 1, outcomes={"replanned": len(ids)})
