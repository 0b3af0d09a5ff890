"""The facts behind the figures: what the actor may see, in four statements however many cases there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import Team
from ticketing.cases.models import Case, Hold
from ticketing.cases.queries import visible_to
from ticketing.cases.rules import Status
from ticketing.codes.models import Site
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.permissions import Actor
from ticketing.firings.rules.reading import target_noun
from ticketing.packs.rules import EventKind, TargetCode
from ticketing.reports.rules import CaseFact, Facts, Overview, Period, TimerFact, overview
from ticketing.reports.rules.figures import RESPOND
from ticketing.sla.models import SlaEvent, SlaPin, Timer
from ticketing.sla.rules import State

NOT_LOGGED = (Status.DRAFT, Status.DISCARDED)
MARGIN = timedelta(days=2)  # a local day may begin or end so much before or after the same day elsewhere
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """To which site and team a report is narrowed; empty means all."""

    site: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The dates of one response: the first one agreed, and whether it was amended."""

    first_due_on: date | None
    is_amended: bool


def manager_overview(actor: Actor, period: Period, narrowing: Narrowing, *, at: datetime) -> Overview:
    """Every figure of the period, of the cases that `actor` may see."""
    span = _span(period)
    mine = [visible_to(actor), Case.status.not_in(NOT_LOGGED), *_narrowed(narrowing)]
    targets = {code.value: target_noun(code.value).capitalize() for code in TargetCode}
    return overview(_facts(mine, span, at), period, targets, at)


def _span(period: Period) -> tuple[datetime, datetime]:
    """Moments that surely hold the period at every site; the days themselves are told apart at each site."""
    begin = clock.midnight(period.starts_on, "UTC") - MARGIN
    return begin, clock.midnight(period.ends_on, "UTC") + MARGIN


def _narrowed(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowing.site:
        conditions.append(Case.site_id.in_(sa.select(Site.id).where(Site.code == narrowing.site)))
    if narrowing.team:
        conditions.append(Case.team_id.in_(sa.select(Team.id).where(Team.code == narrowing.team)))
    return conditions


def _facts(mine: Sequence[ColumnElement[bool]], span: tuple[datetime, datetime], at: datetime) -> Facts:
    answered = sa.select(Timer.case_id).join(Case, Case.id == Timer.case_id).where(
        *mine, Timer.target == RESPOND, sa.or_(Timer.due_at.between(*span), Timer.met_at.between(*span)))
    rows = _timer_rows(mine, span)
    agreed, held = _agreed(answered), _held(answered)
    known = [(row, _timer_fact(row, agreed, held, at)) for row in rows]
    counted = tuple(fact for row, fact in known
                    if not row.is_anonymous and row.status is not Status.TRANSFERRED and row.state != State.NOT_APPLICABLE)
    return Facts(_cases(mine, span), counted, tuple(fact for _, fact in known if fact.breached_at is not None))


def _cases(mine: Sequence[ColumnElement[bool]], span: tuple[datetime, datetime]) -> tuple[CaseFact, ...]:
    rows = db.session.execute(
        sa.select(Case.reference, Case.status, Case.is_open, Case.received_at, Site.zone).join(Site, Site.id == Case.site_id)
        .where(*mine, sa.or_(Case.is_open, Case.received_at.between(*span))).order_by(Case.received_at, Case.id))
    return tuple(CaseFact(*row) for row in rows)


def _timer_rows(mine: Sequence[ColumnElement[bool]], span: tuple[datetime, datetime]) -> Sequence[Any]:
    inside = sa.or_(*(column.between(*span) for column in (Timer.due_at, Timer.met_at, Timer.breached_at, Case.received_at)))
    return db.session.execute(
        sa.select(Timer.case_id, Timer.cycle, Case.reference, Case.status, Case.is_anonymous, Case.received_at, Site.zone, Timer.target,
                  Timer.pack, Timer.subject, Timer.occurrence,
                  Timer.state, Timer.started_at, Timer.due_at, Timer.met_at, Timer.breached_at, Timer.breach_reason)
        .join(Case, Case.id == Timer.case_id).join(Site, Site.id == Case.site_id).join(SlaPin, sa.and_(
            SlaPin.case_id == Timer.case_id, SlaPin.cycle == Timer.cycle, SlaPin.pack == Timer.pack, SlaPin.is_main))
        .where(*mine, inside).order_by(Case.received_at, Timer.id)).all()


def _agreed(answered: sa.Select[Any]) -> Mapping[Key, Agreed]:
    rows = db.session.execute(
        sa.select(SlaEvent.case_id, SlaEvent.cycle, SlaEvent.kind, SlaEvent.data)
        .where(SlaEvent.case_id.in_(answered), SlaEvent.is_void.is_(False),
               SlaEvent.kind.in_((EventKind.PERIOD_AGREED.value, EventKind.EXTENDED.value)))
        .order_by(SlaEvent.occurred_at, SlaEvent.id))
    found: dict[Key, Agreed] = {}
    for row in rows:
        key = row.case_id, row.cycle
        if key in found:
            found[key] = replace(found[key], is_amended=True)
        else:
            found[key] = Agreed(date.fromisoformat(row.data["due_on"]), row.kind == EventKind.EXTENDED.value)
    return found


def _held(answered: sa.Select[Any]) -> Mapping[int, list[tuple[datetime, datetime | None]]]:
    found: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for row in db.session.execute(sa.select(Hold.case_id, Hold.from_at, Hold.until_at).where(Hold.case_id.in_(answered))):
        found[row.case_id].append((row.from_at, row.until_at))
    return found


def _timer_fact(
    row: Any, agreed: Mapping[Key, Agreed], held: Mapping[int, list[tuple[datetime, datetime | None]]], at: datetime,
) -> TimerFact:
    """As stored, but for a target whose moment has passed since the last sweep: that one is missed."""
    is_missed = row.state == State.RUNNING and row.due_at is not None and row.due_at <= at
    dates = agreed.get((row.case_id, row.cycle)) if row.target == RESPOND else None
    return TimerFact(
        reference=row.reference, status=row.status, received_at=row.received_at, zone=row.zone, target=row.target,
        state=State.BREACHED if is_missed else row.state, started_at=row.started_at, due_at=row.due_at, met_at=row.met_at,
        breached_at=row.due_at if is_missed else row.breached_at, breach_reason=row.breach_reason or "",
        first_due_on=dates.first_due_on if dates else None, is_amended=dates.is_amended if dates else False,
        pack=row.pack, cycle=row.cycle, subject=row.subject, occurrence=row.occurrence,
        held_seconds=_overlap(held.get(row.case_id, ()), row.started_at, row.met_at))


def _overlap(holds: Sequence[tuple[datetime, datetime | None]], begin: datetime | None, end: datetime | None) -> float:
    if begin is None or end is None:
        return 0.0
    spans = ((max(begin, since), min(end, until or end)) for since, until in holds)
    return sum(max(0.0, (until - since).total_seconds()) for since, until in spans)
