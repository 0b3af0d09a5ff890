"""The sweep: first what was missed is recorded at its instant, then every due step is carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from ticketing.core.batch import Tally, until_empty
from ticketing.escalation import queries, service


def sweep(at: datetime, *, is_stopping: Callable[[], bool] = lambda: False) -> Tally:
    """One sweep; when `is_stopping` says so the batch in hand is finished and no other is begun.

    Mostly nothing is due, and then it is one question to the database however many cases are open.
    """
    if not queries.is_anything_due(at):
        return Tally()
    tally = until_empty(partial(_unless, is_stopping, partial(service.record_breaches, at=at)))
    tally.add(until_empty(partial(_unless, is_stopping, partial(service.fire_batch, at=at))))
    for work_batch in (service.move_up, service.replan_batch):
        tally.add(until_empty(partial(_unless, is_stopping, partial(work_batch, at=at))))
    return tally


def _unless(is_stopping: Callable[[], bool], work_batch: Callable[[], Tally]) -> Tally:
    return Tally() if is_stopping() else work_batch()
