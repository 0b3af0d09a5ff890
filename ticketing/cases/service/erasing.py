"""Destroying what a case holds of people: one person asks on a legal ground, a second decides; figures, clocks and chains stay whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import Act, case_stream, sealed_stream
from ticketing.cases.models import Attachment, Case, Erasure
from ticketing.cases.rules import AttachmentState
from ticketing.cases.rules.erasing import OF_A_CASE, ErasureGround, ErasureState
from ticketing.cases.service._case import _lock_hung, _lock_to_work, _note
from ticketing.core.batch import Tally
from ticketing.core.database import Model, atomic, db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Actor, Compartment, Permission, machine
from ticketing.core.references import new_uid
from ticketing.outbox import service as outbox
from ticketing.people import service as people

BY = machine("erasure")


@atomic
def ask_erasure(reference: str, ground: ErasureGround, why: str, *, by: Actor, at: datetime) -> str:
    """Ask that what an ended case holds of people be destroyed; returns the erasure's uid.  Nothing goes until a second person agrees."""
    case = _lock_to_work(reference, None, by=by)
    _must_be_erasable(case)
    if not why.strip():
        raise Invalid("Say what it rests on: the request and its date, or the rule.", field="why")
    if db.session.scalar(sa.select(Erasure.id).where(Erasure.case_id == case.id, Erasure.state == ErasureState.ASKED)):
        raise Conflict("An erasure is already waiting for a second person.")
    erasure = Erasure(uid=new_uid(), case_id=case.id, ground=ground, why=why.strip(), asked_at=at, asked_by_id=by.staff_id or 0)
    db.session.add(erasure)
    _note(case, Act.CASE_ERASURE_ASKED, by=by, at=at, facts={"ground": ground.value, "erasure": erasure.uid})
    return erasure.uid


@atomic
def decide_erasure(uid: str, is_approved: bool, why: str, *, by: Actor, at: datetime) -> None:
    """A second person approves, which destroys at once and for good, or refuses.

    Where the request is the person's own: UK GDPR article 17, whose paragraph 3 lists what speaks against it.
    """
    by.must(Permission.SIGN_RESPONSES)
    erasure, case = _lock_hung(Erasure, uid, "There is no such erasure.", by=by)
    if erasure.state is not ErasureState.ASKED:
        raise Conflict(f"This erasure was already decided: {erasure.state.label.lower()}.")
    if erasure.asked_by_id == by.staff_id:
        raise Conflict("A second person decides: somebody other than who asked.")
    if not why.strip():
        raise Invalid("Say what you looked at.", field="why")
    erasure.decided_at, erasure.decided_by_id, erasure.decided_why = at, by.staff_id, why.strip()
    if not is_approved:
        erasure.state = ErasureState.REFUSED
        _note(case, Act.CASE_ERASURE_REFUSED, by=by, at=at, facts={"erasure": uid})
        return
    _must_be_erasable(case)
    erasure.state = ErasureState.APPROVED
    _erase(case, erasure, by=by, at=at)
    _note(case, Act.CASE_ERASED, by=by, at=at, facts={"erasure": uid, "ground": erasure.ground.value, "count": erasure.value_count})


@atomic
def place_legal_hold(reference: str, why: str, *, by: Actor, at: datetime) -> None:
    """Nothing of the case is erased while a claim, inquest or inquiry may need it."""
    _set_hold(reference, True, why, by=by, at=at)


@atomic
def lift_legal_hold(reference: str, why: str, *, by: Actor, at: datetime) -> None:
    """The reason to keep everything is over."""
    _set_hold(reference, False, why, by=by, at=at)


@atomic
def forget_files(delete: Callable[[str], None], *, at: datetime, limit: int = 20) -> Tally:
    """Remove from the store the files of cases that were erased; what a crash left over is removed at the next turn."""
    tally = Tally()
    waiting = sa.select(Erasure).where(Erasure.has_files_left).order_by(Erasure.id).limit(limit).with_for_update(skip_locked=True)
    for erasure in db.session.scalars(waiting):
        case = db.session.scalars(sa.select(Case).where(Case.id == erasure.case_id).with_for_update()).one()
        for key in erasure.files_left:
            delete(key)
        _note(case, Act.CASE_FILES_FORGOTTEN, by=BY, at=at, facts={"count": len(erasure.files_left)})
        erasure.files_left, erasure.has_files_left = [], False
        tally.done += 1
    return tally


def _set_hold(reference: str, is_held: bool, why: str, *, by: Actor, at: datetime) -> None:
    by.must(Permission.SIGN_RESPONSES)
    case = _lock_to_work(reference, None, by=by)
    if not why.strip():
        raise Invalid("Say why.", field="why")
    if case.has_legal_hold is is_held:
        raise Conflict("There is a legal hold on this case already." if is_held else "There is no legal hold on this case.")
    case.has_legal_hold = is_held
    _note(case, Act.CASE_LEGAL_HOLD_PLACED if is_held else Act.CASE_LEGAL_HOLD_LIFTED, by=by, at=at, why=why)


def _must_be_erasable(case: Case) -> None:
    """Asked when an erasure is asked for and again when it is decided."""
    if case.erased_at is not None:
        raise Conflict("What this case held of people is erased already.")
    if case.is_open:
        raise Conflict("This case is still worked on. It can be erased once it has ended.")
    if case.has_legal_hold:
        raise Conflict("There is a legal hold on this case: nothing of it may be erased until a manager lifts it.")


def _erase(case: Case, erasure: Erasure, *, by: Actor, at: datetime) -> None:
    """Rows first, then the trail's values, so that the chain's last word is that they went."""
    for table, blanks in OF_A_CASE.items():
        rows = Model.metadata.tables[table]
        owner = rows.c.id if table == "cases" else rows.c.case_id
        db.session.execute(sa.update(rows).where(owner == case.id).values(**blanks))
    files = db.session.scalars(sa.select(Attachment).where(Attachment.case_id == case.id, Attachment.stored_as.is_not(None))).all()
    erasure.files_left = [row.stored_as for row in files if row.stored_as]
    erasure.has_files_left = bool(files)
    for row in files:
        row.state, row.stored_as = AttachmentState.DELETED, None
    outbox.forget_case(case.reference, at=at)
    basis = erasure.ground.value
    alone = [person_id for person_id in {case.complainant_id, case.patient_id} if person_id and not _has_other_cases(person_id, case.id)]
    erasure.person_count = len(alone)
    erasure.value_count = sum(
        people.erase_person(person_id, basis, by=by, at=at, asked_by_uid=erasure.uid) for person_id in alone)
    streams = [case_stream(case.reference), *(sealed_stream(case.reference, compartment) for compartment in Compartment)]
    erasure.value_count += sum(
        audit.erase_values(stream, basis, by=by, at=at, asked_by_uid=erasure.uid) for stream in streams)
    case.erased_at = at


def _has_other_cases(person_id: int, case_id: int) -> bool:
    """Somebody with another case that is not erased stays known for that one."""
    others = sa.select(Case.id).where(
        sa.or_(Case.complainant_id == person_id, Case.patient_id == person_id), Case.id != case_id, Case.erased_at.is_(None))
    return db.session.scalar(others.limit(1)) is not None
