"""What the minimum data set asks of a case and nobody has told or settled yet (rules of practice §10.4): a list, never a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ticketing.codes.rules import ConsentStatus, Relationship


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded of a case.  `not_known`: gaps that were asked about, and the answer was that nobody knows."""

    has_receiver: bool
    relationship: Relationship
    has_patient: bool
    is_anonymous: bool
    has_date: bool
    has_points: bool
    has_outcome_sought: bool
    is_risk_answered: bool
    consent_status: ConsentStatus
    is_pack_confirmed: bool
    has_handler: bool
    has_declaration: bool
    not_known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing to ask or settle, and the step of the case page that does."""

    code: str
    words: str
    step: str
    is_filled: Callable[[Known], bool]


CAN_BE_UNKNOWN = frozenset({"received_by", "patient", "happened_on", "outcome_sought"})
GAPS: tuple[Gap, ...] = (
    Gap("received_by", "Who here received it first", "complete", lambda case: case.has_receiver),
    Gap("relationship", "Who the person is to the patient", "complete",
        lambda case: case.is_anonymous or case.relationship is not Relationship.UNKNOWN),
    Gap("patient", "Who the patient is", "complete", lambda case: case.has_patient or case.is_anonymous),
    Gap("happened_on", "When it happened", "complete", lambda case: case.has_date),
    Gap("points", "The points of complaint, one by one", "point", lambda case: case.has_points),
    Gap("outcome_sought", "What would put it right for them", "complete", lambda case: case.has_outcome_sought),
    Gap("risk", "Whether anyone is in danger, and whether the patient is in hospital now", "triage", lambda case: case.is_risk_answered),
    Gap("consent", "How consent stands", "triage",
        lambda case: case.is_anonymous or case.consent_status is not ConsentStatus.UNKNOWN),
    Gap("pack", "Which policy pack applies", "triage", lambda case: case.is_pack_confirmed),
    Gap("handler", "Who has the case", "assign", lambda case: case.has_handler),
    Gap("declaration", "Whether whoever has it has a conflict of interest", "no_conflict",
        lambda case: not case.has_handler or case.has_declaration),
)


def gaps_of(case: Known) -> tuple[Gap, ...]:
    """What is still to ask or settle, in the order of the data set; what nobody knows is no gap any more."""
    return tuple(gap for gap in GAPS if not gap.is_filled(case) and gap.code not in case.not_known)
