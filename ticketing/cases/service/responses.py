"""The written response: drafted in versions, reviewed by another, signed by a third, sent with proof."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.audit.rules import Act
from ticketing.cases.models import Case, ResponseVersion
from ticketing.cases.rules import Action, Status
from ticketing.cases.service._case import _check_occurred, _is_barred, _latest_response, _lock, _lock_open, _note
from ticketing.cases.service.lifecycle import apply_transition
from ticketing.codes.rules import ContactMethod
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, Permission


@atomic
def draft_response(reference: str, text: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Save the next version of the response; earlier versions stay."""
    case = _lock_open(reference, seen, by=by)
    if case.status is not Status.RESPONSE_DRAFTING:
        raise Conflict("The response can be changed only while it is being drafted. Return it for changes first.")
    _add_version(case, text, by=by, at=at)


@atomic
def sign_and_send(
    reference: str, method: ContactMethod, *, seen: int, by: Actor, at: datetime, occurred_at: datetime | None = None,
) -> None:
    """Sign the reviewed response and record that it was sent, how and when (the responsible person or a delegate; reg 14(2))."""
    by.must(Permission.SIGN_RESPONSES)
    case = _lock(reference, seen, by=by)
    response = _latest_response(case)
    if response is None or response.reviewed_at is None:
        raise Conflict("The response has not passed quality review.")
    _check_occurred(case, occurred_at, at, "The dispatch")
    if occurred_at is not None and occurred_at < response.reviewed_at:
        raise Invalid("It cannot have been sent before it passed review.", field="occurred_at")
    response.signed_at, response.signatory_id, response.sent_at, response.sent_by = at, by.staff_id, occurred_at or at, method
    _note(case, Act.CASE_RESPONSE_SIGNED, by=by, at=at, facts={"version": response.number, "method": method.value})
    apply_transition(reference, Action.SIGN_AND_SEND, seen=None, by=by, at=at, occurred_at=occurred_at)


@atomic
def confirm_outcome(
    reference: str, text: str, method: ContactMethod, *, seen: int, by: Actor, at: datetime, occurred_at: datetime | None = None,
) -> None:
    """Early resolution: confirm in writing what was settled."""
    case = _lock_open(reference, seen, by=by)
    if case.status is not Status.EARLY_RESOLUTION:
        raise Conflict("Only a case in early resolution is confirmed this way.")
    _check_occurred(case, occurred_at, at, "The dispatch")
    response = _add_version(case, text, by=by, at=at)
    response.sent_at, response.sent_by = occurred_at or at, method
    db.session.flush()
    apply_transition(reference, Action.CONFIRM_OUTCOME, seen=None, by=by, at=at, occurred_at=occurred_at)


def _add_version(case: Case, text: str, *, by: Actor, at: datetime) -> ResponseVersion:
    if not text.strip():
        raise Invalid("Write the response.", field="text")
    if by.staff_id is not None and _is_barred(case, by.staff_id):
        raise Conflict("Somebody named in the concern, or the manager of somebody who is, cannot write the response.")
    number = 1 + (db.session.scalar(sa.select(sa.func.max(ResponseVersion.number)).where(
        ResponseVersion.case_id == case.id, ResponseVersion.cycle == case.cycle)) or 0)
    response = ResponseVersion(case_id=case.id, cycle=case.cycle, number=number, text=text, drafted_at=at, drafter_id=by.staff_id)
    db.session.add(response)
    _note(case, Act.CASE_RESPONSE_DRAFTED, by=by, at=at, facts={"version": number}, private={"text": text})
    return response
