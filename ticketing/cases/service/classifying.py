"""What sort of case a concern is: the policy pack's table proposes it with its evidence, a person decides, and both are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit.rules import Act
from ticketing.cases.models import Case, Classification
from ticketing.cases.queries.classifying import law_of, newest
from ticketing.cases.rules import Status
from ticketing.cases.service._case import _follow, _lock_open, _note
from ticketing.cases.service.intake import _pin
from ticketing.codes import queries as codes
from ticketing.codes.rules import CaseType
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor
from ticketing.packs.rules import classify as decide
from ticketing.sla import service as sla

URGENT = 2  # the priority of a case that its law wants looked at straight away


@atomic
def classify(reference: str, answers: Mapping[str, bool | None], *, seen: int, by: Actor, at: datetime) -> str:
    """Answer the questions of the case's policy pack (None: nobody knows yet) and keep what its table makes of them.

    Returns the type of case it proposes, "" while it cannot decide.  Nothing else of the case changes but its priority, where the law
    wants it looked at straight away: triage decides.
    """
    case = _lock_open(reference, seen, by=by)
    if case.status not in (Status.RECEIVED, Status.TRIAGE):
        raise Conflict(f"Triage is over: the case is in {case.status.label.lower()}. Change what sort of case it is instead.")
    law = law_of(case)
    known = {question.code for question in law.questions}
    if not known:
        raise Conflict(f"The policy pack “{law.name}” asks nothing: choose the sort of case at triage.")
    if not answers.keys() <= known:
        raise Invalid("These are the questions of another policy pack. Open the page again and answer those of this one.")
    found = decide(law, answers)
    ruling = found.ruling.code if found.ruling else ""
    db.session.add(Classification(
        case_id=case.id, cycle=case.cycle, pack=law.code, pack_version=law.version, ruling=ruling, proposed=found.case_type,
        answers={code: answer for code, answer in answers.items() if answer is not None}, classified_at=at, classified_by_id=by.staff_id))
    if found.ruling and found.ruling.is_urgent:
        case.priority = max(case.priority, URGENT)
    _note(case, Act.CASE_CLASSIFIED, by=by, at=at, facts={
        "pack": law.code, "pack_version": law.version, "ruling": ruling, "proposed": _label(found.case_type),
        **{f"answer_{code}": answer for code, answer in answers.items()}})
    return found.case_type


@atomic
def change_type(reference: str, case_type: CaseType, why: str, *, seen: int, by: Actor, at: datetime) -> None:
    """After triage, make it another sort of case, for a reason: its clocks are reckoned anew from the same receipt."""
    case = _lock_open(reference, seen, by=by)
    if case.status in (Status.RECEIVED, Status.TRIAGE):
        raise Conflict("What sort of case it is belongs to triage: settle it there.")
    if case_type is case.case_type:
        raise Invalid(f"It is a {case_type.label.lower()} already.", field="case_type")
    if not why.strip():
        raise Invalid("Say why it is another sort of case.", field="why")
    known = {kind.code: kind.title for kind in law_of(case).case_types}
    if case_type.value not in known:
        raise Invalid(f"The policy pack has no such sort of case. It has: {', '.join(known.values())}.", field="case_type")
    before, case.case_type = case.case_type, case_type
    _settle(case, case_type, why, by=by, at=at)
    _note(case, Act.CASE_TYPE_CHANGED, by=by, at=at, why=why.strip(), change={"case_type": (before.value, case_type.value)})
    _follow(case, sla.repin(case.id, case.cycle, _pin(case, codes.site_by_id(case.site_id)), at=at), at=at)


def _check_and_settle(case: Case, case_type: CaseType, why: str, *, by: Actor, at: datetime) -> str:
    """What triage chose, held against the table's proposal: another choice needs its reason.  Returns the reason, "" if none was due."""
    row = newest(case)
    if row is None or not row.proposed or row.proposed == case_type.value:
        if row is not None:
            _settle(case, case_type, "", by=by, at=at)
        return ""
    if not why.strip():
        raise Invalid(f"The policy pack makes this a {_label(row.proposed).lower()}. Choose that, or say why it is something else.",
                      field="why_type")
    _settle(case, case_type, why, by=by, at=at)
    return why.strip()


def _settle(case: Case, case_type: CaseType, why: str, *, by: Actor, at: datetime) -> None:
    row = newest(case)
    if row is not None:
        db.session.execute(sa.update(Classification).where(Classification.id == row.id).values(
            decided=case_type, why=why.strip(), decided_at=at, decided_by_id=by.staff_id))


def _label(case_type: str) -> str:
    return CaseType(case_type).label if case_type in {kind.value for kind in CaseType} else case_type
