"""What the sweep needs to know of the cases whose steps are due: one statement for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.calendars import queries as calendars
from ticketing.calendars.rules import WorkingCalendar
from ticketing.cases.models import Case
from ticketing.cases.queries.visibility import barred_from, visible_to
from ticketing.cases.rules import SILENT, Status
from ticketing.codes.models import Site
from ticketing.core.database import among, db
from ticketing.core.permissions import Actor

COLUMNS: tuple[Any, ...] = (
    Case.id, Case.reference, Case.status, Case.is_open, Case.cycle, Case.case_type, Case.severity, Case.handler_id, Case.team_id,
    Case.site_id, Case.is_danger_now, Case.held_since, Case.priority, Case.pack, Case.last_activity_at, Case.unit_id, Case.closed_at,
    Case.is_safeguarding, Case.is_inpatient, Case.is_anonymous, Case.received_at, Case.is_confidential,
)


@dataclass(frozen=True, slots=True)
class FiringContext:
    """A case as an escalation step looks at it, under lock.  `subject_ids`: who is named, and their direct managers."""

    case_id: int
    reference: str
    status: Status
    is_open: bool
    cycle: int
    case_type: str
    severity: str | None
    handler_id: int | None
    team_id: int | None
    site_id: int
    subject_ids: frozenset[int]
    is_danger_now: bool
    held_since: datetime | None
    priority: int
    pack: str
    zone: str
    hours: WorkingCalendar
    last_activity_at: datetime
    unit_id: int | None = None
    closed_at: datetime | None = None
    flags: frozenset[str] = frozenset()
    received_at: datetime | None = None
    is_confidential: bool = False

    @property
    def is_silent(self) -> bool:
        """Nothing of it escalates any more."""
        return self.status in SILENT


def firing_context(case_ids: Iterable[int]) -> Mapping[int, FiringContext]:
    """The cases by id, locked in id order."""
    return _contexts(case_ids, _wanted(case_ids).with_for_update(of=Case))


def case_contexts(case_ids: Iterable[int]) -> Mapping[int, FiringContext]:
    """The same, only looked at: for a forecast."""
    return _contexts(case_ids, _wanted(case_ids))


def open_case_ids(actor: Actor, limit: int) -> tuple[int, ...]:
    """The newest open cases that `actor` may see."""
    return tuple(db.session.scalars(sa.select(Case.id).where(Case.is_open, visible_to(actor)).order_by(Case.id.desc()).limit(limit)))


def next_open_cases(after: int, limit: int) -> tuple[int, ...]:
    """The open cases beyond an id, in its order: for work through all of them, batch by batch."""
    return tuple(db.session.scalars(sa.select(Case.id).where(Case.is_open, Case.id > after).order_by(Case.id).limit(limit)))


def count_open_cases() -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(Case.is_open)) or 0


def _wanted(case_ids: Iterable[int]) -> sa.Select[Any]:
    query: Any = sa.select(*COLUMNS, Site.zone, Site.calendar).join(Site, Site.id == Case.site_id)
    return query.where(among(Case.id, case_ids)).order_by(Case.id)  # type: ignore[no-any-return]


def _contexts(case_ids: Iterable[int], query: sa.Select[Any]) -> Mapping[int, FiringContext]:
    wanted = sorted(set(case_ids))
    rows = db.session.execute(query).all()
    barred = barred_from(wanted)
    newest = calendars.in_force()
    hours = {place: calendars.calendar(place[0], newest(place[0]), place[1]) for place in {(row.calendar, row.zone) for row in rows}}
    return {row.id: _context(row, row.zone, hours[row.calendar, row.zone], barred.get(row.id, frozenset())) for row in rows}


def _context(case: Any, zone: str, hours: WorkingCalendar, subjects: frozenset[int]) -> FiringContext:
    return FiringContext(
        case.id, case.reference, case.status, case.is_open, case.cycle, case.case_type.value,
        case.severity.value if case.severity else None,
        case.handler_id, case.team_id, case.site_id, subjects, case.is_danger_now, case.held_since, case.priority, case.pack, zone,
        hours, case.last_activity_at, case.unit_id, case.closed_at,
        frozenset(name for name, is_set in (
            ("danger", case.is_danger_now), ("safeguarding", case.is_safeguarding), ("inpatient", case.is_inpatient),
            ("anonymous", case.is_anonymous)) if is_set), case.received_at, case.is_confidential)
