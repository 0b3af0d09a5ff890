"""The officer's worklist: views, filters, keyset pages and honest counts, all through one visibility predicate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import Staff, Team
from ticketing.calendars import queries as calendars
from ticketing.cases.models import Case
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.rules import Status
from ticketing.codes.models import Site, Unit
from ticketing.codes.rules import CaseType, Channel, Code
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.paging import COUNT_CAP, PAGE_SIZE, Count, Page, decode_moment_key, encode_key
from ticketing.core.permissions import Actor
from ticketing.core.references import parse_reference
from ticketing.packs import queries as packs
from ticketing.packs.rules import Target
from ticketing.people.models import Person
from ticketing.people.rules import fold_name
from ticketing.sla.models import SlaPin
from ticketing.sla.rules import due_phrase, waiting_phrase

SHORT = 90
MOST_WORDS = 6


class WorklistView(Code):
    """The tabs of the worklist."""

    MINE = "mine", "My cases"
    TEAM = "team", "My team"
    UNASSIGNED = "unassigned", "Unassigned"
    DUE_TODAY = "due_today", "Due today"
    BREACHED = "breached", "Breached"
    WAITING = "waiting", "Waiting for a clinician"
    ALL_OPEN = "all_open", "All open"
    ENDED = "ended", "Ended"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty means everything."""

    site: str = ""
    team: str = ""
    case_type: str = ""
    status: str = ""
    words: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Filters()


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the worklist.  `due` reads "by the end of Wed 30 Dec 2026"; `timing` is breached, held, today, running or none."""

    reference: str
    status: Status
    case_type: CaseType
    channel: Channel
    complainant: str
    about: str
    unit: str
    site: str
    handler: str
    team: str
    received_at: datetime
    target: str
    target_code: str
    pack: str
    subject: str
    occurrence: int | None
    cycle: int
    due_at: datetime | None
    due: str
    left: str
    timing: str
    priority: int
    is_danger_now: bool
    open_statements: int
    zone: str
    version: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A tab with its count."""

    view: WorklistView
    count: Count


def worklist(
    actor: Actor, view: WorklistView, filters: Filters, *, at: datetime, after: str | None = None, before: str | None = None,
) -> Page[CaseRow]:
    """One page of cases, sorted by what is due next (ended ones by when they ended, latest first).

    `after` and `before` are keys of another page; where both are given, `after` counts.  Raises Invalid for a key that is none.
    """
    before = None if after else before
    query = _rows().where(visible_to(actor), _views(actor, at)[view], *_narrowed(filters))
    key = (Case.closed_at, Case.id) if view is WorklistView.ENDED else (Case.queue_at, Case.id)
    is_falling = view is WorklistView.ENDED
    found, has_more = _keyset(query, key, after, before, is_falling)
    rows = tuple(_row(row, at) for row in found)
    ends = [encode_key(getattr(row.Case, key[0].key), row.Case.id) for row in (found[:1] + found[-1:])]
    later = ends[-1] if rows and (has_more or before) else None
    earlier = ends[0] if rows and (after or (before and has_more)) else None
    return Page(rows, later, earlier)


def found(words: str, actor: Actor, *, at: datetime) -> tuple[CaseRow, ...]:
    """Cases of people of that name that this person may see: open ones first, then what is due next; at most a page."""
    rows = db.session.execute(
        _rows().where(visible_to(actor), _matches(words)).order_by(Case.is_open.desc(), Case.queue_at, Case.id).limit(PAGE_SIZE)).all()
    return tuple(_row(row, at) for row in rows)


def facets(actor: Actor, filters: Filters, *, at: datetime) -> tuple[Facet, ...]:
    """Every tab with its count, counted in one statement; exact to 500."""
    views = _views(actor, at)
    counts = [
        sa.select(sa.func.count()).select_from(
            sa.select(sa.literal(1)).select_from(Case).where(visible_to(actor), views[view], *_narrowed(filters))
            .limit(COUNT_CAP + 1).subquery()).scalar_subquery().label(view.value)
        for view in WorklistView]
    numbers = db.session.execute(sa.select(*counts)).one()
    return tuple(Facet(view, Count.of(number)) for view, number in zip(WorklistView, numbers, strict=True))


def _rows() -> Any:
    handler, complainant = aliased(Staff), aliased(Person)
    return (
        sa.select(Case, complainant.name.label("complainant"), Unit.name.label("unit"), Site.name.label("site"), Site.zone,
                  SlaPin.pack_version, SlaPin.calendar, SlaPin.calendar_version,
                  handler.name.label("handler"), Team.name.label("team"))
        .join(Site, Site.id == Case.site_id)
        .outerjoin(Unit, Unit.id == Case.unit_id)
        .outerjoin(complainant, complainant.id == Case.complainant_id)
        .outerjoin(handler, handler.id == Case.handler_id)
        .outerjoin(Team, Team.id == Case.team_id)
        .outerjoin(SlaPin, sa.and_(SlaPin.case_id == Case.id, SlaPin.cycle == Case.cycle, SlaPin.pack == Case.next_pack))
        .options(sa.orm.load_only(
            Case.reference, Case.status, Case.case_type, Case.channel, Case.is_anonymous, Case.narrative, Case.received_at,
            Case.next_target, Case.next_pack, Case.next_subject, Case.next_occurrence, Case.next_due_at, Case.cycle,
            Case.queue_at, Case.is_breached, Case.held_since, Case.priority, Case.is_danger_now,
            Case.open_statements, Case.pack, Case.version, Case.closed_at, Case.is_open)))


def _views(actor: Actor, at: datetime) -> dict[WorklistView, ColumnElement[bool]]:
    """Which cases belong in each tab."""
    return {
        WorklistView.MINE: sa.and_(Case.is_open, Case.handler_id.is_not(None), Case.handler_id == actor.staff_id),
        WorklistView.TEAM: sa.and_(Case.is_open, Case.team_id.in_(actor.team_ids)),
        WorklistView.UNASSIGNED: sa.and_(Case.is_open, Case.handler_id.is_(None), Case.status != Status.DRAFT),
        WorklistView.DUE_TODAY: sa.and_(Case.is_open, Case.is_breached.is_(False), Case.queue_at > at, _ends_today(at)),
        WorklistView.BREACHED: sa.and_(Case.is_open, sa.or_(Case.is_breached, Case.queue_at <= at)),
        WorklistView.WAITING: sa.and_(Case.is_open, Case.open_statements > 0),
        WorklistView.ALL_OPEN: Case.is_open.is_(True),
        WorklistView.ENDED: Case.is_open.is_(False),
    }


def _ends_today(at: datetime) -> ColumnElement[bool]:
    """What is due by the midnight that ends today where the case's site is."""
    zones = db.session.scalars(sa.select(Site.zone).distinct().order_by(Site.zone)).all()
    return sa.or_(sa.false(), *(
        sa.and_(Case.site_id.in_(sa.select(Site.id).where(Site.zone == zone)), Case.queue_at <= _end_of_day(at, zone)) for zone in zones))


def _end_of_day(at: datetime, zone: str) -> datetime:
    return clock.midnight(clock.day_of(at, zone) + timedelta(days=1), zone)


def _narrowed(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.site:
        conditions.append(Case.site_id.in_(sa.select(Site.id).where(Site.code == filters.site)))
    if filters.team:
        conditions.append(Case.team_id.in_(sa.select(Team.id).where(Team.code == filters.team)))
    if filters.case_type:
        conditions.append(Case.case_type == CaseType.of(filters.case_type))
    if filters.status:
        conditions.append(Case.status == Status.of(filters.status))
    if filters.words:
        conditions.append(_matches(filters.words))
    return conditions


def _matches(words: str) -> ColumnElement[bool]:
    """A reference, or a name as it is folded for matching."""
    reference = parse_reference(words)
    if reference:
        return Case.reference == reference
    people = sa.select(Person.id)
    for word in fold_name(words).split()[:MOST_WORDS] or ["\uffff"]:
        people = people.where(Person.match_name.contains(word, autoescape=True))
    return sa.or_(Case.complainant_id.in_(people), Case.patient_id.in_(people))


def _keyset(
    query: Any, key: tuple[Any, Any], after: str | None, before: str | None, is_falling: bool,
) -> tuple[list[sa.Row[Any]], bool]:
    backwards = bool(before)
    falls = is_falling != backwards
    mark = after or before
    if mark:
        query = query.where(_beyond(key, mark, falls))
    order = [column.desc() if falls else column.asc() for column in key]
    found = list(db.session.execute(query.order_by(*order).limit(PAGE_SIZE + 1)).all())
    has_more = len(found) > PAGE_SIZE
    found = found[:PAGE_SIZE]
    return (found[::-1] if backwards else found), has_more


def _beyond(key: tuple[Any, Any], mark: str, falls: bool) -> ColumnElement[bool]:
    moment, number = decode_moment_key(mark)
    first, second = key
    if falls:
        return sa.or_(first < moment, sa.and_(first == moment, second < number))
    return sa.or_(first > moment, sa.and_(first == moment, second > number))


def _row(row: sa.Row[Any], at: datetime) -> CaseRow:
    case: Case = row.Case
    target = _target(row)
    return CaseRow(
        reference=case.reference, status=case.status, case_type=case.case_type, channel=case.channel,
        complainant="Anonymous" if case.is_anonymous else row.complainant or "Not known",
        about=first_words(case.narrative), unit=row.unit or "", site=row.site,
        handler=row.handler or "", team=row.team or "", received_at=case.received_at,
        target=target.title if target else "", target_code=case.next_target or "", pack=case.next_pack or "",
        subject=case.next_subject or "", occurrence=case.next_occurrence, cycle=case.cycle,
        due_at=case.next_due_at, due=due_phrase(case.next_due_at, target.unit, row.zone) if target and case.next_due_at else "",
        left=_left(row, target, at),
        timing=_timing(case, row.zone, at),
        priority=case.priority, is_danger_now=case.is_danger_now, open_statements=case.open_statements, zone=row.zone, version=case.version)


def first_words(text: str) -> str:
    """As much of a text as a line of a list holds."""
    plain = " ".join(text.split())
    return plain if len(plain) <= SHORT else plain[:SHORT].rsplit(" ", 1)[0] + "…"


def _target(row: sa.Row[Any]) -> Target | None:
    """What is due next, as the version of the pack says it that the case is pinned to."""
    case: Case = row.Case
    if case.next_target is None or case.next_pack is None or row.pack_version is None:
        return None
    return packs.pack(case.next_pack, row.pack_version).target(case.next_target)


def _left(row: sa.Row[Any], target: Target | None, at: datetime) -> str:
    due_at: datetime | None = row.Case.next_due_at
    if due_at is None or target is None:
        return ""
    return waiting_phrase(due_at, target, calendars.calendar(row.calendar, row.calendar_version, row.zone), row.zone, at=at)


def _timing(case: Case, zone: str, at: datetime) -> str:
    if case.next_due_at is not None and case.is_open:
        if case.next_due_at <= at:
            return "breached"
        if case.next_due_at <= _end_of_day(at, zone):
            return "today"
    if case.held_since is not None:
        return "held"
    return "running" if case.next_due_at is not None else "none"
