"""Moving a receipt moment back or forth: one person asks and says why, a second decides, the old moment is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ticketing.audit.rules import Act
from ticketing.cases.models import Case, ReceiptCorrection
from ticketing.cases.rules import CorrectionState
from ticketing.cases.service._case import _follow, _lock_hung, _lock_open, _note
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid
from ticketing.sla import service as sla

OLDEST = timedelta(days=100 * 366)


@atomic
def ask_receipt_correction(reference: str, new_at: datetime, reason: str, *, by: Actor, at: datetime) -> str:
    """Ask for another receipt moment; returns the correction's uid.  Nothing moves until a second person agrees."""
    case = _lock_open(reference, None, by=by)
    _must_be_movable(case, new_at)
    if not at - OLDEST < new_at <= at:
        raise Invalid("It was received before now, and within the last hundred years.", field="new_at")
    if not reason.strip():
        raise Invalid("Say why the date is wrong and how you know.", field="reason")
    if new_at == case.received_at:
        raise Invalid("That is the date already recorded.", field="new_at")
    if db.session.scalar(sa.select(ReceiptCorrection.id).where(
            ReceiptCorrection.case_id == case.id, ReceiptCorrection.state == CorrectionState.ASKED)):
        raise Conflict("A correction is already waiting for a second person.")
    correction = ReceiptCorrection(
        uid=new_uid(), case_id=case.id, old_at=case.received_at, new_at=new_at, reason=reason, asked_at=at, asked_by_id=by.staff_id or 0)
    db.session.add(correction)
    _note(case, Act.CASE_RECEIPT_CORRECTION_ASKED, by=by, at=at, why=reason, change=_moved(correction))
    return correction.uid


@atomic
def decide_receipt_correction(uid: str, is_approved: bool, why: str, *, by: Actor, at: datetime) -> None:
    """A second person approves or refuses; approval reckons every timer again from the new moment."""
    correction, case = _lock_hung(ReceiptCorrection, uid, "There is no such correction.", by=by)
    if correction.state is not CorrectionState.ASKED:
        raise Conflict(f"This correction was already decided: {correction.state.label.lower()}.")
    if correction.asked_by_id == by.staff_id:
        raise Conflict("A second person decides: somebody other than who asked.")
    correction.decided_at, correction.decided_by_id = at, by.staff_id
    correction.state = CorrectionState.APPROVED if is_approved else CorrectionState.REFUSED
    act = Act.CASE_RECEIPT_CORRECTED if is_approved else Act.CASE_RECEIPT_CORRECTION_REFUSED
    if is_approved:
        _must_be_movable(case, correction.new_at)
        case.received_at = correction.new_at
        case.team_received_at = max(case.team_received_at, correction.new_at)
    _note(case, act, by=by, at=at, occurred_at=correction.new_at if is_approved else None, why=why, change=_moved(correction))
    if is_approved:
        _follow(case, sla.move_receipt(case.id, case.cycle, correction.new_at, by=by, at=at), at=at)


def _must_be_movable(case: Case, new_at: datetime) -> None:
    """Asked both when a correction is asked for and when it is decided: the case may have moved on between."""
    if case.cycle > 1:
        raise Conflict("The receipt of a reopened case can no longer be moved.")
    if case.acknowledged_at is not None and new_at > case.acknowledged_at:
        raise Invalid("It cannot have been received after it was acknowledged.", field="new_at")


def _moved(correction: ReceiptCorrection) -> dict[str, tuple[str, str]]:
    return {"received": (correction.old_at.isoformat(), correction.new_at.isoformat())}
