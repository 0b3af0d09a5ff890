"""Filling the gaps of a case after its intake, and saying whether one has a conflict of interest in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ticketing.accounts import queries as accounts
from ticketing.audit.rules import Act
from ticketing.cases.models import Assignment, Case, Declaration
from ticketing.cases.rules import CAN_BE_UNKNOWN
from ticketing.cases.service._case import _declare_none, _declared, _is_named, _lock_open, _note, _staff
from ticketing.codes.rules import ConsentStatus, Relationship
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, Permission
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage
from ticketing.people import service as people
from ticketing.people.rules import PersonDetails


@dataclass(frozen=True, slots=True)
class Answers:
    """What intake left open, as it is known now; None or "" leaves it as it is.  `not_known`: asked, and nobody knows."""

    received_by_uid: str | None = None
    received_by: str = ""
    relationship: Relationship = Relationship.UNKNOWN
    patient_name: str = ""
    happened_on: date | None = None
    outcome_sought: str = ""
    not_known: frozenset[str] = frozenset()


@atomic
def complete(reference: str, found: Answers, *, seen: int, by: Actor, at: datetime) -> None:
    """Write down what was still to ask; what is known already is not written over."""
    case = _lock_open(reference, seen, by=by)
    if found.happened_on and found.happened_on > case.received_at.date():
        raise Invalid("It cannot have happened after it was received.", field="happened_on")
    filled = [*_receiver(case, found), *_people(case, found, by=by, at=at), *_words(case, found)]
    asked = (found.not_known & CAN_BE_UNKNOWN) - set(case.not_known)
    if not filled and not asked:
        raise Invalid("Answer at least one of these, or say that nobody knows.")
    case.not_known = sorted({*case.not_known, *asked} - set(filled))
    private = {"outcome_sought": found.outcome_sought} if "outcome_sought" in filled else {}
    _note(case, Act.CASE_AMENDED, by=by, at=at, private=private,
          facts={"fields": ", ".join([*filled, *(f"{name} not known" for name in sorted(asked))]).replace("_", " ")})


@atomic
def declare_no_conflict(reference: str, *, by: Actor, at: datetime) -> None:
    """Whoever was given a case says that they have no conflict of interest in it."""
    case = _lock_open(reference, None, by=by)
    if by.staff_id is not None and _declared(case, by.staff_id) is False:
        return
    _declare_none(case, by=by, at=at)
    _note(case, Act.CASE_NO_CONFLICT_DECLARED, by=by, at=at)


@atomic
def declare_conflict(reference: str, words: str, *, by: Actor, at: datetime) -> None:
    """A conflict of interest: whoever declares it cannot have the case, gives it back if they had it, and a manager is told."""
    case = _lock_open(reference, None, by=by)
    if not words.strip():
        raise Invalid("Say in a few words what the conflict is.", field="why")
    if by.staff_id is None or _declared(case, by.staff_id):
        raise Conflict("You have declared a conflict of interest in this case already.")
    db.session.add(Declaration(case_id=case.id, staff_id=by.staff_id, has_conflict=True, words=words, declared_at=at))
    if case.handler_id == by.staff_id:
        case.handler_id = None
        db.session.add(Assignment(case_id=case.id, team_id=case.team_id, assigned_at=at, assigned_by_id=by.staff_id))
    _note(case, Act.CASE_CONFLICT_DECLARED, by=by, at=at, private={"text": words})
    _tell_managers(case, by=by, at=at)


def _receiver(case: Case, found: Answers) -> list[str]:
    if case.received_by_id or case.received_by or not (found.received_by_uid or found.received_by):
        return []
    case.received_by_id = _staff(found.received_by_uid, "received_by").id if found.received_by_uid else None
    case.received_by = "" if found.received_by_uid else found.received_by
    return ["received_by"]


def _people(case: Case, found: Answers, *, by: Actor, at: datetime) -> list[str]:
    filled = []
    if case.relationship_to_patient is Relationship.UNKNOWN and found.relationship is not Relationship.UNKNOWN:
        case.relationship_to_patient = found.relationship
        filled.append("relationship")
    if case.patient_id is None and case.relationship_to_patient is Relationship.SELF:
        case.patient_id = case.complainant_id
        if case.consent_status is ConsentStatus.UNKNOWN:
            case.consent_status = ConsentStatus.NOT_NEEDED
        filled.append("patient")
    elif case.patient_id is None and found.patient_name:
        case.patient_id = people.record_people([PersonDetails(name=found.patient_name)], by=by, at=at)[0]
        filled.append("patient")
    return filled


def _words(case: Case, found: Answers) -> list[str]:
    filled = []
    if case.happened_on is None and found.happened_on:
        case.happened_on = found.happened_on
        filled.append("happened_on")
    if not case.outcome_sought and found.outcome_sought:
        case.outcome_sought = found.outcome_sought
        filled.append("outcome_sought")
    return filled


def _tell_managers(case: Case, *, by: Actor, at: datetime) -> None:
    """The managers of the case's team, else all; not those named in the concern, nor who declares."""
    managers = [row for row in accounts.staff_who_may(Permission.SIGN_RESPONSES) if row.id != by.staff_id and not _is_named(case, row.id)]
    near = [row for row in managers if case.team_id in row.actor.team_ids]
    for row in near or managers:
        outbox.queue(NewMessage(
            kind="conflict_declared", recipient_email=row.email, recipient_name=row.name,
            subject=f"Case {case.reference}: a conflict of interest was declared", template="conflict_declared",
            context={"reference": case.reference}, dedup_key=f"conflict:{case.reference}:{by.uid}:{row.uid}",
            case_reference=case.reference, staff_uid=row.uid), at=at)
