"""Statement requests: named points put to a clinician, answered by them, each with its own timer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, case_stream, sealed_stream
from ticketing.cases.models import Case, StatementRequest
from ticketing.cases.queries.visibility import NO_QUESTION, put_to
from ticketing.cases.rules import StatementState
from ticketing.cases.service._case import (
    _clock,
    _is_barred,
    _is_named,
    _lock_hung,
    _lock_open,
    _must_be_open,
    _must_not_be_barred,
    _note,
    _point,
    _seal,
    _staff,
    _zone,
)
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import GRANTS, Actor, Compartment, Permission
from ticketing.core.references import is_uid, new_uid
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage
from ticketing.packs.rules import EventKind

ANSWERERS = frozenset(role for role, granted in GRANTS.items() if Permission.ANSWER_STATEMENTS in granted)


@atomic
def ask_statement(
    reference: str, staff_uid: str, points: tuple[int, ...], questions: str, records: str, minutes: int, *, by: Actor, at: datetime,
    is_identified: bool = False, compartment: Compartment | None = None,
) -> str:
    """Put points and questions to a member of staff, by mail and on their page; returns the request's uid.

    `is_identified`: they need to know whom it is about, else the names are masked.  A sealed request runs no timer and is not waited
    for: a timer would tell of it.
    """
    case = _lock_open(reference, None, by=by)
    _seal(case, compartment, by=by)
    staff = _staff(staff_uid)
    if not _is_named(case, staff.id):
        _must_not_be_barred(case, staff, "be asked about it")
    if staff.role not in ANSWERERS:
        raise Invalid(f"{staff.name} does not answer statements. Choose a clinician.", field="staff")
    if not questions.strip():
        raise Invalid("Write what you want them to answer.", field="questions")
    if not 1 <= minutes <= 600:
        raise Invalid("Estimate between 1 and 600 minutes.", field="minutes")
    request = StatementRequest(
        uid=new_uid(), case_id=case.id, cycle=case.cycle, staff_id=staff.id, asked_by_id=by.staff_id, questions=questions,
        records=records, minutes=minutes, asked_at=at, is_identified=is_identified, compartment=compartment,
        points=[_point(case, position, by=by) for position in sorted(set(points))])
    if any(point.compartment not in (None, compartment) for point in request.points):
        raise Invalid("A sealed point can only be put to somebody by a request in the same compartment.", field="points")
    db.session.add(request)
    case.open_statements += compartment is None
    _note(case, Act.CASE_STATEMENT_ASKED, by=by, at=at, facts={"request": request.uid, "staff_uid": staff.uid, "minutes": minutes},
          private={"to": staff.name, "questions": questions}, compartment=compartment)
    _tell_clock(request, case, EventKind.STATEMENT_ASKED, by=by, at=at)
    _tell(staff, case, request, at)
    return request.uid


@atomic
def save_statement_draft(uid: str, text: str, *, by: Actor, at: datetime) -> None:
    """Keep what was typed so far; nobody else reads it."""
    request, case = _lock_request(uid, by=by, at=at)
    request.draft = text
    stream = case_stream(case.reference) if request.compartment is None else sealed_stream(case.reference, request.compartment)
    audit.record(stream, Act.CASE_STATEMENT_DRAFTED, by=by, at=at, facts={"request": uid})


@atomic
def give_statement(uid: str, text: str, *, by: Actor, at: datetime) -> None:
    """Answer; the officer who asked is told."""
    request, case = _lock_request(uid, by=by, at=at)
    if not text.strip():
        raise Invalid("Write your answer.", field="text")
    request.answer, request.draft, request.answered_at = text, "", at
    _end_request(request, case, StatementState.GIVEN)
    _note(case, Act.CASE_STATEMENT_GIVEN, by=by, at=at, facts={"request": uid}, private={"answer": text}, compartment=request.compartment)
    _tell_clock(request, case, EventKind.STATEMENT_GIVEN, by=by, at=at)
    _tell_asker(request, case, "statement_given", at)


@atomic
def decline_statement(uid: str, why: str, *, by: Actor, at: datetime) -> None:
    """Not for me: the officer must ask somebody else."""
    request, case = _lock_request(uid, by=by, at=at)
    if not why.strip():
        raise Invalid("Say why, and who should be asked instead if you know.", field="why")
    request.answer, request.answered_at = why, at
    _end_request(request, case, StatementState.DECLINED)
    _note(case, Act.CASE_STATEMENT_DECLINED, by=by, at=at, why=why, facts={"request": uid}, compartment=request.compartment)
    _tell_clock(request, case, EventKind.STATEMENT_ENDED, by=by, at=at, reason="handed back")
    _tell_asker(request, case, "statement_declined", at)


@atomic
def withdraw_statement(uid: str, why: str, *, by: Actor, at: datetime) -> None:
    """No longer needed."""
    request, case = _lock_hung(StatementRequest, uid, "There is no such statement request.", by=by)
    _must_be_open(case)
    _must_wait(request)
    _withdraw(request, case, why, by=by, at=at)
    _tell_clock(request, case, EventKind.STATEMENT_ENDED, by=by, at=at, reason="withdrawn")


def _withdraw_open(case: Case, why: str, *, by: Actor, at: datetime) -> None:
    """Every request of a case that is still out; what ends the case's cycle has ended their timers."""
    for request in db.session.scalars(sa.select(StatementRequest).where(
            StatementRequest.case_id == case.id, StatementRequest.state == StatementState.OPEN)).all():
        _withdraw(request, case, why, by=by, at=at)


def _withdraw(request: StatementRequest, case: Case, why: str, *, by: Actor, at: datetime) -> None:
    _end_request(request, case, StatementState.WITHDRAWN)
    _note(case, Act.CASE_STATEMENT_WITHDRAWN, by=by, at=at, why=why, facts={"request": request.uid}, compartment=request.compartment)


def _tell_clock(request: StatementRequest, case: Case, kind: EventKind, *, by: Actor, at: datetime, reason: str = "") -> None:
    if request.compartment is None:
        _clock(case, kind, by=by, at=at, subject=request.uid, data={"reason": reason} if reason else None)


def _lock_request(uid: str, *, by: Actor, at: datetime) -> tuple[StatementRequest, Case]:
    """An open request put to this actor, or to somebody they stand in for today; and its case, locked first."""
    by.must(Permission.ANSWER_STATEMENTS)
    found = db.session.scalar(
        sa.select(StatementRequest).join(Case, Case.id == StatementRequest.case_id)
        .where(StatementRequest.uid == uid, put_to(by, at=at))) if is_uid(uid) else None
    if found is None:
        raise NotFound(NO_QUESTION)
    case = db.session.scalars(
        sa.select(Case).where(Case.id == found.case_id).with_for_update().execution_options(populate_existing=True)).one()
    db.session.refresh(found)
    _must_wait(found)
    return found, case


def _must_wait(request: StatementRequest) -> None:
    if request.state is not StatementState.OPEN:
        raise Conflict(f"This request has ended: {request.state.label.lower()}.")


def _end_request(request: StatementRequest, case: Case, state: StatementState) -> None:
    request.state = state
    if request.compartment is None:
        case.open_statements = max(0, case.open_statements - 1)


def _tell(staff: accounts.StaffRow, case: Case, request: StatementRequest, at: datetime) -> None:
    """By mail to them, or to whoever stands in for them today and is not named in the concern."""
    reader = accounts.stand_in_for(staff.id, clock.day_of(at, _zone(case)))
    reader = staff if _is_barred(case, reader.id) else reader
    outbox.queue(NewMessage(
        kind="statement_asked", recipient_email=reader.email, recipient_name=reader.name, subject="Questions for you about a concern",
        template="statement_asked", context={"uid": request.uid, "minutes": request.minutes},
        dedup_key=f"statement:{request.uid}:{reader.uid}", case_reference=case.reference, staff_uid=reader.uid,
        compartment=request.compartment), at=at)


def _tell_asker(request: StatementRequest, case: Case, kind: str, at: datetime) -> None:
    asker_id = (case.handler_id if request.compartment is None else None) or request.asked_by_id
    if asker_id is None:
        return
    asker = accounts.stand_in_for(asker_id, clock.day_of(at, _zone(case)))
    outbox.queue(NewMessage(
        kind=kind, recipient_email=asker.email, recipient_name=asker.name, subject=f"Case {case.reference}: a statement was answered",
        template=kind, context={"reference": case.reference}, dedup_key=f"{kind}:{request.uid}",
        case_reference=case.reference, staff_uid=asker.uid, compartment=request.compartment), at=at)
