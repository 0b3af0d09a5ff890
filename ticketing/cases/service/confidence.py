"""Who alone may see a case: the list of a confidential one, and the glass that somebody breaks in an emergency."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts import service as accounts_service
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, case_stream
from ticketing.cases.models import Case, CaseReader, Task
from ticketing.cases.queries.visibility import NO_CASE, may_read, not_in_conflict, readers_of, visible_among
from ticketing.cases.service._case import _lock_to_work, _must_not_be_barred, _note, _staff, _zone
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import GRANTS, Actor, Permission, without_glass
from ticketing.core.references import parse_reference
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage

GLASS_LASTS = timedelta(minutes=60)
SHORTEST_REASON = 20  # characters: more than "urgent"
MOST_OPEN = 3  # cases behind broken glass at a time, for one person


@atomic
def make_confidential(reference: str, staff_uids: Collection[str], why: str, *, by: Actor, at: datetime) -> None:
    """From now on only these people see the case, besides whoever has it, who decides this, and the auditors; again: another list."""
    case = _lock_to_work(reference, None, by=by)
    if not why.strip():
        raise Invalid("Say why only these people may see it.", field="why")
    listed = [_fit_to_read(case, uid) for uid in dict.fromkeys(staff_uids)]
    wanted = {row.id for row in listed} | {person for person in (by.staff_id, case.handler_id) if person is not None}
    before = set(readers_of(case.id))
    if case.is_confidential and wanted == before:
        return
    case.is_confidential = True
    db.session.execute(sa.delete(CaseReader).where(CaseReader.case_id == case.id, CaseReader.staff_id.not_in(wanted)))
    db.session.add_all(CaseReader(case_id=case.id, staff_id=person) for person in sorted(wanted - before))
    _take_tasks_from_others(case, wanted, by)
    names = accounts.names_by_id(wanted)
    _note(case, Act.CASE_READERS_SET, by=by, at=at, why=why, facts={"state": "Confidential", "number": len(wanted)},
          private={"readers": ", ".join(sorted(names.values()))})


@atomic
def lift_confidence(reference: str, why: str, *, by: Actor, at: datetime) -> None:
    """Everybody within whose sight the case lies sees it again."""
    case = _lock_to_work(reference, None, by=by)
    if not case.is_confidential:
        raise Conflict("This case is not confidential.")
    if not why.strip():
        raise Invalid("Say why it need not be confidential any more.", field="why")
    case.is_confidential = False
    db.session.execute(sa.delete(CaseReader).where(CaseReader.case_id == case.id))
    _note(case, Act.CASE_READERS_SET, by=by, at=at, why=why, facts={"state": "No longer confidential"})


@atomic
def break_glass(reference: str, reason: str, *, by: Actor, at: datetime) -> str:
    """Open one case in an emergency, for an hour, to read; managers and auditors are told at once.  Returns the case's reference.

    Never opens a case to somebody named in it or to their manager, nor what is sealed.
    """
    by.must(Permission.BREAK_GLASS)
    if len(reason.strip()) < SHORTEST_REASON:
        raise Invalid(f"Say in at least {SHORTEST_REASON} characters what the emergency is: others will read it.", field="reason")
    known = parse_reference(reference)
    case = db.session.scalar(sa.select(Case).where(Case.reference == known, not_in_conflict(by.staff_id))) if known else None
    if case is None or by.staff_id is None:
        raise NotFound(NO_CASE, field="reference")
    if may_read(case.reference, without_glass(by)):
        raise Conflict("You see this case anyway: open it from the worklist.", field="reference")
    if case.id in by.opened:
        return case.reference
    if len(by.opened) >= MOST_OPEN:
        raise Conflict(f"You have {MOST_OPEN} cases open this way. End one of them first.")
    uid = accounts_service.open_glass(case.id, reason.strip(), lasts=GLASS_LASTS, by=by, at=at)
    audit.record(case_stream(case.reference), Act.GLASS_BROKEN, by=by, at=at, why=reason.strip(),
                 facts={"opening": uid, "until": (at + GLASS_LASTS).isoformat()})
    _ring(case, uid, by=by, at=at)
    return case.reference


@atomic
def mend_glass(uid: str, *, by: Actor, at: datetime) -> None:
    """End one's own emergency reading before its time; nothing happens where it is over already."""
    by.must(Permission.BREAK_GLASS)
    case_id = accounts_service.end_glass(uid, by=by, at=at)
    if case_id is not None:
        reference = db.session.scalars(sa.select(Case.reference).where(Case.id == case_id)).one()
        audit.record(case_stream(reference), Act.GLASS_ENDED, by=by, at=at, facts={"opening": uid})


def _fit_to_read(case: Case, staff_uid: str) -> accounts.StaffRow:
    staff = _staff(staff_uid, "readers")
    if Permission.WORK_CASES not in GRANTS[staff.role]:
        raise Invalid(f"{staff.name} does not work on cases. Choose officers and managers.", field="readers")
    _must_not_be_barred(case, staff, "be on its list")
    return staff


def _take_tasks_from_others(case: Case, listed: set[int], by: Actor) -> None:
    """Open tasks of people who see the case no longer go to whoever has it, else to whoever decides this."""
    for task in db.session.scalars(sa.select(Task).where(
            Task.case_id == case.id, Task.done_at.is_(None), Task.assignee_id.is_not(None), Task.assignee_id.not_in(listed))):
        task.assignee_id = case.handler_id or by.staff_id


def _ring(case: Case, opening: str, *, by: Actor, at: datetime) -> None:
    """The bell: everybody who reads the trail and may see this case gets a mail now."""
    for row in accounts.staff_who_may(Permission.VIEW_TRAIL):
        if row.id != by.staff_id and visible_among([case.id], row.actor):
            outbox.queue(NewMessage(
                kind="break_glass", recipient_email=row.email, recipient_name=row.name,
                subject=f"{case.reference}: opened in an emergency", template="break_glass",
                context={"reference": case.reference, "who": by.name, "until": f"{clock.local(at + GLASS_LASTS, _zone(case)):%H:%M}"},
                dedup_key=f"glass:{opening}:{row.uid}", case_reference=case.reference, staff_uid=row.uid), at=at)
