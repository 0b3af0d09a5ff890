"""The verbs of the hospital's own calendar versions: drafted, changed, published once and for all, or thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.calendars import queries
from ticketing.calendars.models import CalendarState, CalendarVersion
from ticketing.calendars.queries import WINDOW, CalendarRow, row_of
from ticketing.calendars.rules import PUBLIC_CALENDARS, find_zone, table_version
from ticketing.calendars.rules.sheets import NAME_LENGTH, Change, applied, must_open, whole_week
from ticketing.core import clock
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission, machine
from ticketing.core.references import new_uid

CODE = re.compile(r"[a-z][a-z0-9_-]{1,38}")
YEARS = range(1990, 2101)
KEEPER = machine("calendars")


@atomic
def draft_version(code: str, base_version: str, *, by: Actor, at: datetime) -> str:
    """Begin a version from one that is in use; returns the draft's uid."""
    by.must(Permission.MANAGE_RULES)
    return _add_draft(queries.version(code, base_version), by=by, at=at)


@atomic
def new_calendar(code: str, title: str, base: str, zone: str, *, by: Actor, at: datetime) -> str:
    """Begin a calendar of the hospital's own from a public one; returns the draft's uid.  Raises Invalid or Conflict, naming the field."""
    by.must(Permission.MANAGE_RULES)
    if not CODE.fullmatch(code):
        raise Invalid("Use 2 to 39 small letters a to z, digits, _ and - for the code, such as ward_office.", field="code")
    if base not in PUBLIC_CALENDARS:
        raise Invalid("Choose public holidays from the list.", field="base")
    if code in PUBLIC_CALENDARS or db.session.scalar(sa.select(CalendarVersion.id).where(CalendarVersion.code == code).limit(1)):
        raise Conflict(f"The code {code} is already used. Choose another.", field="code")
    shipped = queries.shipped(base)
    return _add_draft(shipped, by=by, at=at, code=code, title=title, zone=find_zone(zone).key)


@atomic
def set_hours(
    uid: str, title: str, zone: str, hours: Mapping[str, Iterable[tuple[str, str]]], *, seen: int, by: Actor, at: datetime,
) -> None:
    """Opening hours of each weekday, with several windows, up to 24:00; Invalid for what no clock could run on."""
    row = _lock_draft(uid, seen, by=by)
    before = row_of(row)
    row.title, row.zone, row.hours = title, find_zone(zone).key, whole_week(hours)
    _must_open(row, at)
    if row_of(row) != before:
        _keep(row, "opening hours", by=by, at=at)


@atomic
def set_day(uid: str, on: date, name: str, *, is_public: bool, seen: int, by: Actor, at: datetime) -> None:
    """Close a day: as a public holiday, which laws count, or as a day on which this place alone is shut."""
    row = _lock_draft(uid, seen, by=by)
    if on.year not in YEARS:
        raise Invalid(f"Use a day between {YEARS[0]} and {YEARS[-1]}.", field="on")
    if not name.strip() or len(name) > NAME_LENGTH:
        raise Invalid(f"Say what closes the day, in {NAME_LENGTH} characters or fewer.", field="name")
    days, closures = dict(row.days), dict(row.closures)
    (days if is_public else closures)[on.isoformat()] = name.strip()
    (closures if is_public else days).pop(on.isoformat(), None)
    row.days, row.closures = days, closures
    row.first_year, row.last_year = min(row.first_year, on.year), max(row.last_year, on.year)
    _must_open(row, at)
    _keep(row, f"{on.isoformat()} closed", by=by, at=at)


@atomic
def open_day(uid: str, on: date, *, seen: int, by: Actor, at: datetime) -> None:
    """Take a closed day out again."""
    row = _lock_draft(uid, seen, by=by)
    iso = on.isoformat()
    if iso not in row.days and iso not in row.closures:
        raise Conflict("This day is not closed in the draft.")
    row.days = {day: name for day, name in row.days.items() if day != iso}
    row.closures = {day: name for day, name in row.closures.items() if day != iso}
    _keep(row, f"{iso} open", by=by, at=at)


@atomic
def accept_import(uid: str, accepted: Iterable[Change], *, is_public: bool, seen: int, by: Actor, at: datetime) -> int:
    """Put the reviewed changes of an import into a draft; returns how many there were."""
    row, chosen = _lock_draft(uid, seen, by=by), list(accepted)
    if not chosen:
        raise Invalid("Tick at least one day, or go back.")
    shown = row_of(row)
    days = {on.isoformat(): name for on, name in applied(shown.days if is_public else shown.closures, chosen).items()}
    if is_public:
        row.days = days
        row.first_year = min(row.first_year, *(change.on.year for change in chosen))
        row.last_year = max(row.last_year, *(change.on.year for change in chosen))
    else:
        row.closures = days
    _must_open(row, at)
    _keep(row, f"{len(chosen)} days imported", by=by, at=at)
    return len(chosen)


@atomic
def discard_draft(uid: str, *, by: Actor, at: datetime) -> None:
    """Throw a draft away; the trail keeps that it was here."""
    row = _lock_draft(uid, None, by=by)
    _record(row, audit.Act.CALENDAR_DISCARDED, by=by, at=at)
    db.session.delete(row)


@atomic
def publish(uid: str, reason: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Put a draft in force for whatever is pinned from now on; it never changes again, and no open case moves."""
    row = _lock_draft(uid, seen, by=by)
    if not reason.strip():
        raise Invalid("Say why this version is published.", field="reason")
    _must_open(row, at)
    row.reason, row.published_at, row.changed_at, row.published_by_id = reason.strip(), at, at, by.staff_id
    row.state = CalendarState.PUBLISHED
    queries.forget(row.code, row.version)
    _record(row, audit.Act.CALENDAR_PUBLISHED, by=by, at=at, why=reason.strip())


@atomic
def keep_shipped(*, at: datetime) -> int:
    """Keep the public holidays as this version of the library has them, for the cases pinned to it; returns how many calendars were new.

    A later library may know other days: a case pinned today is then still reckoned with those of today.
    """
    known = set(db.session.scalars(sa.select(CalendarVersion.code).where(CalendarVersion.version == table_version())))
    missing = [code for code in PUBLIC_CALENDARS if code not in known]
    for code in missing:
        row = _row_from(queries.shipped(code), at)
        row.version, row.is_shipped, row.state, row.published_at = table_version(), True, CalendarState.PUBLISHED, at
        db.session.add(row)
        _record(row, audit.Act.CALENDAR_KEPT, by=KEEPER, at=at)
    return len(missing)


def _add_draft(base: CalendarRow, *, by: Actor, at: datetime, code: str = "", title: str = "", zone: str = "") -> str:
    row = _row_from(base, at)
    row.code, row.title, row.zone = code or base.code, title or base.title, zone or base.zone
    row.base_version = base.version
    number = db.session.scalar(sa.select(sa.func.count()).select_from(CalendarVersion).where(
        CalendarVersion.code == row.code, CalendarVersion.is_shipped.is_(False))) or 0
    row.version = f"local.{number + 1}"
    while db.session.scalar(sa.select(CalendarVersion.id).where(CalendarVersion.code == row.code, CalendarVersion.version == row.version)):
        number += 1
        row.version = f"local.{number + 1}"
    db.session.add(row)
    _record(row, audit.Act.CALENDAR_DRAFTED, by=by, at=at, base=base.version)
    return row.uid


def _row_from(base: CalendarRow, at: datetime) -> CalendarVersion:
    return CalendarVersion(
        uid=new_uid(), code=base.code, version="", title=base.title, base=base.base, base_version="", zone=base.zone,
        hours={weekday: [list(pair) for pair in windows] for weekday, windows in base.hours.items()},
        days={on.isoformat(): name for on, name in base.days.items()},
        closures={on.isoformat(): name for on, name in base.closures.items()}, first_year=base.years[0] or WINDOW[0],
        last_year=base.years[1] or WINDOW[1], is_shipped=False, state=CalendarState.DRAFT, reason="", revision=1, created_at=at,
        changed_at=at)


def _lock_draft(uid: str, seen: int | None, *, by: Actor) -> CalendarVersion:
    by.must(Permission.MANAGE_RULES)
    row = db.session.scalar(sa.select(CalendarVersion).where(CalendarVersion.uid == uid).with_for_update().execution_options(
        populate_existing=True))
    if row is None or row.state is not CalendarState.DRAFT:
        raise NotFound("This draft is not here any more: it was published or thrown away.")
    if seen is not None and row.revision != seen:
        raise Conflict("Somebody changed this draft after you opened it. What you typed is kept: look at the draft, then save again.")
    return row


def _must_open(row: CalendarVersion, at: datetime) -> None:
    must_open(row_of(row).working(), clock.day_of(at, row.zone))


def _keep(row: CalendarVersion, what: str, *, by: Actor, at: datetime) -> None:
    row.revision += 1
    row.changed_at = at
    _record(row, audit.Act.CALENDAR_DRAFT_SAVED, by=by, at=at, what=what)


def _record(row: CalendarVersion, act: audit.Act, *, by: Actor, at: datetime, why: str = "", **facts: Any) -> None:
    audit.record(
        audit.ADMIN_STREAM, act, by=by, at=at, why=why, about=queries.stream_of(row.code),
        facts={"calendar": row.code, "version": row.version, **facts})
