"""The trail as its reader sees it, on pages and as a file: nothing about a case, or a part of one, that is hidden from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ticketing.accounts.models import Staff
from ticketing.audit import queries as trail
from ticketing.audit.models import AuditEntry
from ticketing.audit.rules import READS, EntryRow, case_stream, sealed_stream, summary
from ticketing.cases.models import Case
from ticketing.cases.queries import may_read, visible_to, without_sealed_names
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import Invalid
from ticketing.core.exports import Cell
from ticketing.core.paging import INCOMPLETE, PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import Actor
from ticketing.core.references import parse_reference

SEALED = "sealed:"
CHUNK = 500
MOST_ENTRIES = 20_000  # in one file; whoever needs more narrows the days
HEADINGS = ("Recorded (UTC)", "Happened (UTC)", "What", "Reason", "By", "Role", "Case", "Through", "Deed", "Chain", "Number", "Entry")


class Reading(StrEnum):
    """Whether entries of mere reading are shown among the deeds; they are many times as many."""

    HIDDEN = ""
    SHOWN = "shown"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which entries are asked for; empty means all but reading.  Both days are the site's and belong to the stretch."""

    reference: str = ""
    actor_uid: str = ""
    act: str = ""
    first_on: date | None = None
    last_on: date | None = None
    reading: Reading = Reading.HIDDEN


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One entry as a sentence.  `reference` is the case it is about, "" for what is about no case."""

    sentence: str
    why: str
    actor: str
    role: str
    recorded_at: datetime
    occurred_at: datetime
    is_late: bool
    reference: str
    stream: str
    seq: int


def trail_page(actor: Actor, wanted: TrailFilter, zone: str, *, after: str | None = None) -> Page[TrailRow]:
    """A page of the trail, newest first; `zone` says where days begin and end."""
    found = trail.entries_where(_conditions(actor, wanted, zone), before=_entry_key(after), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    more = encode_key(shown[-1][0]) if len(found) > PAGE_SIZE else None
    rows = without_sealed_names((row for _, row in shown), actor)
    return Page(tuple(_trail_row(row) for row in rows), next=more)


def trail_cells(actor: Actor, wanted: TrailFilter, zone: str) -> tuple[tuple[Cell, ...], ...]:
    """The same entries as lines of a file, newest first, at most MOST_ENTRIES; the first line names the columns."""
    return (HEADINGS, *(_cells(row) for row in _entries(_conditions(actor, wanted, zone), actor)))


def exported_stream(actor: Actor, wanted: TrailFilter) -> str:
    """What such a file is about, for the entry that tells of it: one case, or the trail."""
    reference = parse_reference(wanted.reference) if wanted.reference else None
    return case_stream(reference) if reference and may_read(reference, actor) else "trail"


def actors() -> tuple[tuple[str, str], ...]:
    """(uid, name) of everybody with an account, and of the machines that wrote to the trail."""
    staff = [(row.uid, row.name) for row in db.session.execute(sa.select(Staff.uid, Staff.name).order_by(Staff.name, Staff.id))]
    machines = db.session.scalars(
        sa.select(AuditEntry.actor_uid).where(AuditEntry.actor_uid.startswith("job:")).distinct().order_by(AuditEntry.actor_uid))
    return (*staff, *((uid, f"{uid.removeprefix('job:')} (the program)") for uid in machines))


def _conditions(actor: Actor, wanted: TrailFilter, zone: str) -> list[ColumnElement[bool]]:
    conditions = [_visible_entry(actor), *_of_days(wanted, zone)]
    if wanted.reference:
        stream = case_stream(parse_reference(wanted.reference) or "-")  # what cannot be a reference finds nothing
        conditions.append(sa.or_(AuditEntry.stream == stream, AuditEntry.about == stream))
    if wanted.actor_uid:
        conditions.append(AuditEntry.actor_uid == wanted.actor_uid)
    if wanted.act:
        conditions.append(AuditEntry.act == wanted.act)
    elif wanted.reading is not Reading.SHOWN:
        is_reading = AuditEntry.act.in_(READS)
        conditions.append(is_reading if wanted.reading is Reading.ALONE else ~is_reading)
    return conditions


def _of_days(wanted: TrailFilter, zone: str) -> Iterator[ColumnElement[bool]]:
    if wanted.first_on:
        yield AuditEntry.recorded_at >= clock.midnight(wanted.first_on, zone)
    if wanted.last_on:
        yield AuditEntry.recorded_at < clock.midnight(wanted.last_on + timedelta(days=1), zone)


def _entries(conditions: list[ColumnElement[bool]], actor: Actor) -> Iterator[EntryRow]:
    """Stretch by stretch, so that no statement holds thousands of values."""
    before, count = None, 0
    while count < MOST_ENTRIES:
        found = trail.entries_where(conditions, before=before, limit=min(CHUNK, MOST_ENTRIES - count))
        yield from without_sealed_names((row for _, row in found), actor)
        if len(found) < CHUNK:
            return
        before, count = found[-1][0], count + len(found)


def _visible_entry(actor: Actor) -> ColumnElement[bool]:
    """Neither on the stream of a hidden case or of a compartment of others, nor about one."""
    return sa.and_(_visible_stream(actor, AuditEntry.stream), sa.or_(AuditEntry.about.is_(None), _visible_stream(actor, AuditEntry.about)))


def _visible_stream(actor: Actor, stream: sa.orm.InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Looked up entry by entry, by the case's reference: a page of the trail asks for few of them."""
    plain = sa.and_(~stream.startswith(case_stream("")), ~stream.startswith(SEALED))
    parts = [plain, _seen(actor, stream, case_stream(""))]
    for compartment in sorted(actor.compartments):
        parts.append(_seen(actor, stream, sealed_stream("", compartment)))
    return sa.or_(*parts)


def _seen(actor: Actor, stream: sa.orm.InstrumentedAttribute[Any], prefix: str) -> ColumnElement[bool]:
    return sa.and_(
        stream.startswith(prefix), sa.exists().where(Case.reference == sa.func.substr(stream, len(prefix) + 1), visible_to(actor)))


def _trail_row(row: EntryRow) -> TrailRow:
    return TrailRow(
        sentence=summary(row), why=row.why, actor=row.actor_name, role=row.role or "", recorded_at=row.recorded_at,
        occurred_at=row.occurred_at, is_late=row.recorded_at - row.occurred_at > timedelta(minutes=1), reference=_case_of(row),
        stream=row.stream.split(":", 1)[0], seq=row.seq)


def _cells(row: EntryRow) -> tuple[Cell, ...]:
    return (row.recorded_at, row.occurred_at, summary(row), row.why, row.actor_name, row.role or row.kind, _case_of(row), row.via,
            row.act, row.stream, row.seq, row.uid)


def _case_of(row: EntryRow) -> str:
    streams = (row.stream, row.about or "")
    return next((stream.rpartition(":")[2] for stream in streams if stream.startswith((case_stream(""), SEALED))), "")


def _entry_key(key: str | None) -> int | None:
    if key is None:
        return None
    values = decode_key(key)
    if len(values) != 1 or not isinstance(values[0], int):
        raise Invalid(INCOMPLETE)
    return values[0]
