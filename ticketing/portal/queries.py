"""What somebody who has just brought a concern may read again: its reference and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ticketing.cases.models import Case
from ticketing.cases.queries import explain_for_complainant, timers_of
from ticketing.cases.queries.explaining import Explanation
from ticketing.codes import queries as codes
from ticketing.codes.rules import CaseType
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.sla.rules import State

STEPS = {
    "acknowledge": "We tell you that we have your complaint and offer to talk it through with you, {due}.",
    "respond": "We send you our answer in writing, {due}.",
    "six_months": "You have our full answer in writing, {due} at the latest.",
    "interim_notice": "If it takes longer, we write to you and say by when you will have an answer, {due}.",
    "decide": "You have our decision in writing, {due} at the latest.",
    "respond_stage_1": "We try to put it right, {due}.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next and by when; `target` and `pack` lead to why."""

    words: str
    target: str
    pack: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of one concern.  `steps` say what comes next and by when, as its timers stand."""

    reference: str
    received_at: datetime
    zone: str
    is_anonymous: bool
    needs_answer: bool
    steps: tuple[Step, ...]


def receipt(reference: str, *, at: datetime) -> Receipt:
    """The receipt for a reference that this very visitor was given; NotFound if there is no such case."""
    case = db.session.scalar(sa.select(Case).where(Case.reference == reference))
    if case is None:
        raise NotFound("There is no such receipt.")
    zone = codes.site_by_id(case.site_id).zone
    running = [item for item in timers_of(case.id, zone, at=at) if item.due_at and item.state is State.RUNNING]
    running.sort(key=lambda item: item.due_at or at)
    return Receipt(
        case.reference, case.received_at, zone, case.is_anonymous, case.case_type not in (CaseType.COMPLIMENT, CaseType.SUGGESTION),
        tuple(Step(STEPS[item.target].format(due=item.due), item.target, item.pack) for item in running if item.target in STEPS))


def why(reference: str, target: str, pack: str, *, at: datetime) -> Explanation:
    """Why a step of the receipt has its date, without the names of staff; NotFound if there is no such case or step."""
    case_id = db.session.scalar(sa.select(Case.id).where(Case.reference == reference))
    if case_id is None or target not in STEPS:
        raise NotFound("There is no such date on your receipt.")
    return explain_for_complainant(case_id, target, pack, at=at)
