"""Recording what the laws of a case count and no step of its own records: a decision, a review, a question of a regulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ticketing.audit.rules import Act
from ticketing.cases.models import Case
from ticketing.cases.queries.case import countables_now
from ticketing.cases.rules import Countable
from ticketing.cases.service._case import _check_in_cycle, _check_occurred, _clock, _follow, _lock_to_work, _note
from ticketing.core.database import atomic
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid
from ticketing.sla import service as sla


@dataclass(frozen=True, slots=True)
class Counted:
    """An event as the form of a case names it (`Countable.code`), and what its law wants to be said with it."""

    code: str
    words: str
    due_on: date | None = None
    days: int | None = None


@atomic
def record_counted(
    reference: str, said: Counted, *, seen: int, by: Actor, at: datetime, occurred_at: datetime | None = None,
) -> None:
    """Record an event of the laws the case runs under; Invalid unless one of them knows it and no step of its own records it.

    What answers a request is recorded in the cycle in which that was made: a reopening does not take the question back.
    """
    case = _lock_to_work(reference, seen, by=by)
    event = _found(case, said.code, at)
    data = _needed(event, said)
    _check_moment(case, event, occurred_at, at)
    subject = event.request.subject if event.request else new_uid() if event.begins_request else ""
    _note(case, Act.CASE_EVENT_RECORDED, by=by, at=at, occurred_at=occurred_at, why=said.words.strip(),
          facts={"event": event.sentence, "kind": event.kind.value, **({"subject": subject} if subject else {}), **data})
    cycle = event.request.cycle if event.request else case.cycle
    if cycle == case.cycle:
        _clock(case, event.kind, by=by, at=at, occurred_at=occurred_at, subject=subject, data=data)
        return
    sla.record(case.id, cycle, sla.NewEvent(event.kind, occurred_at, subject, data), by=by, at=at)
    _follow(case, sla.refresh(case.id, case.cycle, at=at), at=at, happened=(event.kind.value,))


def _found(case: Case, code: str, at: datetime) -> Countable:
    found = next((event for event in countables_now(case, at=at) if event.code == code), None)
    if found is None:
        raise Invalid("The law of this case does not count that now. Choose from the list.", field="event")
    return found


def _needed(event: Countable, said: Counted) -> dict[str, Any]:
    """What the law wants to be said with this event; Invalid where it is missing."""
    if event.needs == "date":
        if said.due_on is None:
            raise Invalid("Enter the day it names.", field="due_on")
        return {"due_on": said.due_on.isoformat()}
    if event.needs == "days":
        if said.days is None:
            raise Invalid("Enter the number of days it names.", field="days")
        return {"follow_up_days": said.days}
    if event.needs == "reason":
        if not said.words.strip():
            raise Invalid("Say why.", field="words")
        return {"reason": said.words.strip()}
    return {}


def _check_moment(case: Case, event: Countable, occurred_at: datetime | None, at: datetime) -> None:
    if event.request is None:
        _check_in_cycle(case, occurred_at, at, "This")
        return
    _check_occurred(case, occurred_at, at, "This")
    if (occurred_at or at) < event.request.asked_at:
        raise Invalid("The answer cannot have been given before it was asked for.", field="occurred_at")
