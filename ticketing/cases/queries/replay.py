"""Cases held against what their trail adds up to: no state without an entry, and none that differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from ticketing.audit.rules import Fault, FaultKind, Plain, case_stream
from ticketing.cases.models import Case
from ticketing.core.database import db


def states_unlike_trail(state: Mapping[str, Mapping[str, Plain]]) -> Iterator[Fault]:
    """A fault for each case whose status was changed past the program, or that the trail does not know, or that is gone."""
    left = {stream for stream in state if stream.startswith(case_stream(""))}
    for row in db.session.execute(sa.select(Case.reference, Case.status).order_by(Case.id), execution_options={"yield_per": 1000}):
        stream = case_stream(row.reference)
        left.discard(stream)
        told = state.get(stream, {}).get("status")
        if told is None:
            yield Fault(FaultKind.STATE, stream, None, f"the case stands at {row.status.value}, and no entry says how it came there")
        elif told != row.status.value:
            yield Fault(FaultKind.STATE, stream, None, f"the case stands at {row.status.value}, but its trail ends at {told}")
    for stream in sorted(left):
        if "status" in state[stream]:
            yield Fault(FaultKind.STATE, stream, None, "the trail tells of this case, but the case itself is gone")
