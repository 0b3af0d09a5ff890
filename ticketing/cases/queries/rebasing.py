"""Which open cases could be brought under other versions, what would move on each, and how far a rebase has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.calendars import queries as calendars
from ticketing.cases.models import Case, Rebase, RebaseItem
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.rules import Status
from ticketing.codes.models import Site
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.permissions import Actor
from ticketing.core.references import is_uid
from ticketing.packs import queries as packs
from ticketing.sla import queries as sla
from ticketing.sla.models import SlaPin
from ticketing.sla.queries import Revision
from ticketing.sla.rules import Reckoning, State, due_phrase

MOST = 20_000      # cases in one rebase
SHOWN = 100        # cases whose timers are shown one by one
RECKONED = 500     # cases over which moves are counted; beyond that the page says that it counted no further


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be brought under which version, and which open cases that concerns; an empty field narrows nothing."""

    pack: str = ""
    pack_to: str = ""
    pack_from: str = ""
    calendar: str = ""
    calendar_to: str = ""
    calendar_from: str = ""
    site: str = ""
    status: str = ""

    @property
    def revision(self) -> Revision:
        return Revision(self.pack, self.pack_to, self.calendar, self.calendar_to)

    @property
    def words(self) -> str:
        """ "england-nhs 2026.2-local.1, calendar england_wales local.2"."""
        parts = ([f"{self.pack} {self.pack_to}"] if self.pack else []) + (
            [f"calendar {self.calendar} {self.calendar_to}"] if self.calendar else [])
        return ", ".join(parts)

    def check(self) -> None:
        """Invalid unless something is to change and every version exists."""
        if not self.pack and not self.calendar:
            raise Invalid("Choose a policy pack or a calendar.", field="pack")
        if self.pack:
            packs.pack(self.pack, self.pack_to)
        if self.calendar:
            calendars.calendar(self.calendar, self.calendar_to, "UTC")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open case under another version; `pack_from` and `calendar_from` are empty where that part is as wanted."""

    case_id: int
    cycle: int
    reference: str
    status: Status
    site: str
    zone: str
    pack_from: str
    calendar_from: str


@dataclass(frozen=True, slots=True)
class TimerMove:
    """One timer before and after.  `kind` is moved, gained, lost (a breach), new, gone or other."""

    title: str
    pack: str
    before: str
    after: str
    kind: str


@dataclass(frozen=True, slots=True)
class CaseMoves:
    """One case and what would move on it."""

    case: Candidate
    moves: tuple[TimerMove, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rebase would do.  `rows` are the first cases; the sums are over the first `reckoned` of `total`."""

    rows: tuple[CaseMoves, ...]
    total: int
    reckoned: int
    sums: dict[str, int] = field(default_factory=dict)

    @property
    def is_partial(self) -> bool:
        return self.reckoned < self.total


@dataclass(frozen=True, slots=True)
class RebaseRow:
    """How far a rebase has come."""

    uid: str
    reason: str
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None
    total: int
    done: int
    changed: int
    words: str


def candidates(choice: Choice, actor: Actor) -> tuple[Candidate, ...]:
    """The open cases that `actor` may see and that run under another version of what is chosen, the longest waiting first."""
    on_pack = sa.and_(SlaPin.pack == choice.pack, SlaPin.pack_version != choice.pack_to,
                      *([SlaPin.pack_version == choice.pack_from] if choice.pack_from else []))
    on_calendar = sa.and_(SlaPin.calendar == choice.calendar, SlaPin.calendar_version != choice.calendar_to,
                          *([SlaPin.calendar_version == choice.calendar_from] if choice.calendar_from else []))
    rows = db.session.execute(
        sa.select(Case.id, Case.cycle, Case.reference, Case.status, Site.name, Site.zone, SlaPin.pack, SlaPin.pack_version, SlaPin.calendar,
                  SlaPin.calendar_version)
        .join(Site, Site.id == Case.site_id).join(SlaPin, sa.and_(SlaPin.case_id == Case.id, SlaPin.cycle == Case.cycle))
        .where(Case.is_open, visible_to(actor), sa.or_(on_pack, on_calendar), *_narrowed(choice)).order_by(Case.queue_at, Case.id))
    found: dict[int, Candidate] = {}
    for row in rows:
        known = found.get(row.id)
        is_pack = row.pack == choice.pack and row.pack_version != choice.pack_to
        is_calendar = row.calendar == choice.calendar and row.calendar_version != choice.calendar_to
        found[row.id] = Candidate(
            row.id, row.cycle, row.reference, row.status, row.name, row.zone,
            row.pack_version if is_pack else known.pack_from if known else "",
            row.calendar_version if is_calendar else known.calendar_from if known else "")
    return tuple(found.values())


def preview(choice: Choice, actor: Actor, *, at: datetime) -> Preview:
    """Every case a rebase would concern, and what would move on each; counted over the first few hundred."""
    found = candidates(choice, actor)
    counted = found[:RECKONED]
    pairs = sla.previews([(row.case_id, row.cycle) for row in counted], choice.revision, at=at)
    moves = {row.case_id: tuple(_moves(pairs[row.case_id], row.zone)) for row in counted}
    sums: dict[str, int] = {}
    for each in moves.values():
        for move in each:
            sums[move.kind] = sums.get(move.kind, 0) + 1
    sums["still"] = sum(not each for each in moves.values())
    return Preview(tuple(CaseMoves(row, moves[row.case_id]) for row in counted[:SHOWN]), len(found), len(counted), sums)


def rebases(actor: Actor, *, limit: int = 50) -> tuple[RebaseRow, ...]:
    """The latest rebases, newest first; counted are the cases that `actor` may see."""
    return _rows(sa.select(Rebase).order_by(Rebase.asked_at.desc(), Rebase.id.desc()).limit(limit), actor)


def rebase(uid: str, actor: Actor) -> RebaseRow:
    """One rebase, counted over the cases that `actor` may see; NotFound if there is none."""
    found = _rows(sa.select(Rebase).where(Rebase.uid == uid), actor) if is_uid(uid) else ()
    if not found:
        raise NotFound("There is no such rebase. Go back to the list.")
    return found[0]


def rebased_cases(uid: str, actor: Actor, *, limit: int = 200) -> Sequence[Any]:
    """The cases of a rebase that `actor` may see: reference, versions before and after, when done, note."""
    return db.session.execute(
        sa.select(Case.reference, RebaseItem.pack, RebaseItem.pack_from, RebaseItem.pack_to, RebaseItem.calendar, RebaseItem.calendar_from,
                  RebaseItem.calendar_to, RebaseItem.done_at, RebaseItem.note)
        .join(Case, Case.id == RebaseItem.case_id).join(Rebase, Rebase.id == RebaseItem.rebase_id)
        .where(Rebase.uid == uid, visible_to(actor)).order_by(RebaseItem.id).limit(limit)).all()


def _rows(query: sa.Select[Any], actor: Actor) -> tuple[RebaseRow, ...]:
    rows = db.session.scalars(query).all()
    names = accounts.names_by_id({row.asked_by_id for row in rows if row.asked_by_id})
    seen, is_done = visible_to(actor), RebaseItem.done_at.is_not(None)
    counts = {item.rebase_id: item for item in db.session.execute(
        sa.select(RebaseItem.rebase_id, _number(seen, "total"), _number(sa.and_(seen, is_done), "done"),
                  _number(sa.and_(seen, is_done, RebaseItem.note == ""), "changed"),
                  sa.func.min(RebaseItem.pack).label("pack"), sa.func.min(RebaseItem.pack_to).label("pack_to"),
                  sa.func.min(RebaseItem.calendar).label("calendar"), sa.func.min(RebaseItem.calendar_to).label("calendar_to"))
        .join(Case, Case.id == RebaseItem.case_id)
        .where(RebaseItem.rebase_id.in_([row.id for row in rows])).group_by(RebaseItem.rebase_id))}
    return tuple(_row(row, counts[row.id], names) for row in rows)


def _number(which: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
    return sa.func.sum(sa.case((which, 1), else_=0)).label(name)


def _row(row: Rebase, count: Any, names: Any) -> RebaseRow:
    words = Choice(count.pack, count.pack_to, "", count.calendar, count.calendar_to).words
    return RebaseRow(row.uid, row.reason, row.asked_at, names.get(row.asked_by_id, "The command line"), row.finished_at, int(count.total),
                     int(count.done), int(count.changed), words)


def _narrowed(choice: Choice) -> list[sa.ColumnElement[bool]]:
    narrowed: list[sa.ColumnElement[bool]] = []
    if choice.site:
        narrowed.append(Site.code == choice.site)
    if choice.status:
        narrowed.append(Case.status == Status.of(choice.status))
    return narrowed


def _moves(pairs: Sequence[tuple[Reckoning, Reckoning | None]], zone: str) -> list[TimerMove]:
    """The timers that would not be as they are."""
    return [TimerMove(before.rule.title, before.pack, _words(before, zone), _words(after, zone) if after else "gone", _kind(before, after))
            for before, after in pairs if _differ(before, after)]


def _differ(before: Reckoning, after: Reckoning | None) -> bool:
    if after is None:
        return before.state is not State.NOT_APPLICABLE
    return (before.state, before.due_at, before.met_at) != (after.state, after.due_at, after.met_at)


def _kind(before: Reckoning, after: Reckoning | None) -> str:
    if after is None or after.state is State.NOT_APPLICABLE:
        return "gone"
    if before.state is State.NOT_APPLICABLE:
        return "gained" if after.breached_at else "new"
    if bool(before.breached_at) != bool(after.breached_at):
        return "gained" if after.breached_at else "lost"
    return "moved" if before.due_at != after.due_at else "other"


def _words(item: Reckoning, zone: str) -> str:
    if item.state is State.NOT_APPLICABLE:
        return "does not apply"
    state = "met late" if item.breached_at and item.met_at else item.state.value.replace("_", " ")
    return f"{due_phrase(item.due_at, item.unit, zone)}, {state}" if item.due_at else state
