"""Rebasing: bringing open cases under other versions of a pack or calendar, asked once with a reason and worked in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import Act
from ticketing.cases.models import Case, Rebase, RebaseItem
from ticketing.cases.queries.rebasing import MOST, Choice, candidates
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.service._case import _follow, _note
from ticketing.core.batch import Tally, each_apart
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.errors import Conflict, DomainError, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission, machine, without_glass
from ticketing.core.references import is_uid, new_uid
from ticketing.sla import service as sla
from ticketing.sla.queries import Revision

WORKER = machine("rebase")
NOTHING = "Nothing to change: the case ran under these versions already."
MOVED_ON = "Left alone: the case has ended or begun a new cycle since."


@atomic
def begin_rebase(choice: Choice, leave_out: Sequence[str], reason: str, *, by: Actor, at: datetime) -> str:
    """Write down which cases are to be brought under which versions; returns the uid.  `leave_out` are references.

    Nothing moves yet: `rebase_batch` does the work.  Raises Invalid for a version that does not exist or when no case is left.
    """
    _must_rebase(by)
    if not reason.strip():
        raise Invalid("Say why these cases are rebased.", field="reason")
    choice.check()
    found = [row for row in candidates(choice, by) if row.reference not in set(leave_out)]
    if not found:
        raise Invalid("No open case is left to rebase.")
    if len(found) > MOST:
        raise Invalid(f"{len(found):,} cases are too many for one rebase: narrow them to {MOST:,}, and do the rest after.")
    return _begin(reason, [RebaseItem(
        case_id=row.case_id, pack=choice.pack if row.pack_from else "", pack_from=row.pack_from,
        pack_to=choice.pack_to if row.pack_from else "", calendar=choice.calendar if row.calendar_from else "",
        calendar_from=row.calendar_from, calendar_to=choice.calendar_to if row.calendar_from else "") for row in found],
        choice.words, by=by, at=at)


@atomic
def undo_rebase(uid: str, reason: str, *, by: Actor, at: datetime) -> str:
    """Bring the cases of a finished rebase that this person may see back under the versions they had; returns the new rebase's uid."""
    _must_rebase(by)
    row = _rebase(uid)
    if row.finished_at is None:
        raise Conflict("This rebase is still being worked. Let it finish first.")
    if not reason.strip():
        raise Invalid("Say why it is taken back.", field="reason")
    moved = db.session.scalars(sa.select(RebaseItem).join(Case, Case.id == RebaseItem.case_id).where(
        RebaseItem.rebase_id == row.id, RebaseItem.note == "", visible_to(without_glass(by)))).all()
    if not moved:
        raise Conflict("This rebase changed nothing, so there is nothing to take back.")
    return _begin(reason, [RebaseItem(
        case_id=item.case_id, pack=item.pack, pack_from=item.pack_to, pack_to=item.pack_from, calendar=item.calendar,
        calendar_from=item.calendar_to, calendar_to=item.calendar_from) for item in moved], "back to the versions before", by=by, at=at)


@atomic
def rebase_batch(uid: str | None = None, *, at: datetime, limit: int = 25) -> Tally:
    """Work the next cases of one rebase, or of whichever waits; whoever stops in between, the rest stays to be done."""
    query = sa.select(RebaseItem).where(RebaseItem.done_at.is_(None)).order_by(RebaseItem.rebase_id, RebaseItem.id).limit(limit)
    if uid is not None:
        query = query.where(RebaseItem.rebase_id == _rebase(uid).id)
    items = db.session.scalars(query.with_for_update(skip_locked=True)).all()
    tally = each_apart(items, lambda item: _rebase_case(item, at=at), lambda item, error: _set_aside(item, error, at=at))
    for rebase_id in sorted({item.rebase_id for item in items}):
        _finish(rebase_id, at=at)
    return tally


def _begin(reason: str, items: Sequence[RebaseItem], words: str, *, by: Actor, at: datetime) -> str:
    row = Rebase(uid=new_uid(), reason=reason.strip(), asked_at=at, asked_by_id=by.staff_id)
    db.session.add(row)
    db.session.flush()
    insert_many(RebaseItem, [{
        "rebase_id": row.id, "case_id": item.case_id, "pack": item.pack, "pack_from": item.pack_from, "pack_to": item.pack_to,
        "calendar": item.calendar, "calendar_from": item.calendar_from, "calendar_to": item.calendar_to, "note": ""} for item in items])
    audit.record(audit.ADMIN_STREAM, Act.REBASE_ASKED, by=by, at=at, why=row.reason,
                 facts={"rebase": row.uid, "count": len(items), "target": words})
    return row.uid


def _rebase_case(item: RebaseItem, *, at: datetime) -> str:
    case = db.session.scalars(sa.select(Case).where(Case.id == item.case_id).with_for_update().execution_options(
        populate_existing=True)).one()
    row = db.session.get_one(Rebase, item.rebase_id)
    item.done_at = at
    if not case.is_open:
        item.note = MOVED_ON
        return "left_alone"
    done = sla.rebase(case.id, case.cycle, Revision(item.pack, item.pack_to, item.calendar, item.calendar_to), at=at)
    if not done.changes:
        item.note = NOTHING
        return "unchanged"
    by = accounts.actor_of(row.asked_by_id) if row.asked_by_id else WORKER
    before, after = next((pair for pair in done.changes if pair[0].pack == item.pack), done.changes[0])
    change = {name: (getattr(before, name), getattr(after, name)) for name in ("pack_version", "calendar_version")
              if getattr(before, name) != getattr(after, name)}
    _note(case, Act.CASE_REBASED, by=by, at=at, why=row.reason, change=change,
          facts={"pack": after.pack, "calendar": after.calendar, "rebase": row.uid})
    _follow(case, done.reckoned, at=at)
    return "rebased"


def _set_aside(item: RebaseItem, error: Exception, *, at: datetime) -> None:
    item.done_at = at
    item.note = error.message if isinstance(error, DomainError) else f"It could not be reckoned ({type(error).__name__})."


def _finish(rebase_id: int, *, at: datetime) -> None:
    waiting = db.session.scalar(sa.select(RebaseItem.id).where(RebaseItem.rebase_id == rebase_id, RebaseItem.done_at.is_(None)).limit(1))
    row = db.session.get_one(Rebase, rebase_id)
    if waiting is not None or row.finished_at is not None:
        return
    row.finished_at = at
    changed = db.session.scalar(sa.select(sa.func.count()).select_from(RebaseItem).where(
        RebaseItem.rebase_id == rebase_id, RebaseItem.note == "")) or 0
    audit.record(audit.ADMIN_STREAM, Act.REBASE_FINISHED, by=WORKER, at=at, facts={"rebase": row.uid, "count": changed})


def _rebase(uid: str) -> Rebase:
    row = db.session.scalar(sa.select(Rebase).where(Rebase.uid == uid)) if is_uid(uid) else None
    if row is None:
        raise NotFound("There is no such rebase. Go back to the list.")
    return row


def _must_rebase(by: Actor) -> None:
    if not by.is_machine:
        by.must(Permission.REBASE_CASES)
