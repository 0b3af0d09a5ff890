"""Working calendars by code and version: public ones reckoned by the library, and versions kept in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ticketing.audit import queries as trail
from ticketing.audit.rules import EntryRow, summary
from ticketing.calendars.models import CalendarState, CalendarVersion
from ticketing.calendars.rules import (
    DEFAULT_HOURS,
    PUBLIC_CALENDARS,
    WorkingCalendar,
    named_calendar,
    public_holidays,
    table_version,
)
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound

WINDOW = (2015, 2040)  # the years whose holidays a version keeps; outside them the public calendar is asked
Days = Mapping[date, str]


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """One version of a calendar, whole.  `days` are public holidays, `closures` days on which this place alone is shut."""

    uid: str
    code: str
    version: str
    title: str
    base: str
    base_version: str
    zone: str
    hours: Mapping[str, tuple[tuple[str, str], ...]]
    days: Days
    closures: Days
    years: tuple[int, int]
    is_local: bool
    is_draft: bool
    reason: str
    revision: int
    published_at: datetime | None

    def holidays_in(self, year: int) -> Days:
        """The public holidays of a year: those written down, or outside the years written down those of the public calendar."""
        if self.years[0] <= year <= self.years[1]:
            return {on: name for on, name in self.days.items() if on.year == year}
        return public_holidays(self.base, year) if self.base else {}

    def working(self, zone: str = "") -> WorkingCalendar:
        """The calendar to reckon with, in its own zone or a site's."""
        by_year: dict[int, dict[date, str]] = {}
        for on, name in self.days.items():
            by_year.setdefault(on.year, {})[on] = name
        first, last = self.years

        def holidays(year: int) -> Iterable[date]:
            return by_year.get(year, {}) if first <= year <= last else self.holidays_in(year)

        return WorkingCalendar(zone or self.zone, self.hours, holidays, self.closures)


_PUBLISHED: dict[tuple[str, str], CalendarRow] = {}  # versions never change, so every process may keep what it has read
_WORKING: dict[tuple[str, str, str], WorkingCalendar] = {}


def calendar(code: str, version: str, zone: str) -> WorkingCalendar:
    """The calendar a case is pinned to, in its site's zone; shared, so that its years stay warm.  Invalid for an unknown code."""
    if code in PUBLIC_CALENDARS and version in ("", table_version()):
        return named_calendar(code, zone)
    known = _WORKING.get((code, version, zone))
    if known is None:
        row = _kept(code, version)
        if row is None and code in PUBLIC_CALENDARS:
            return named_calendar(code, zone)  # of an earlier library, never kept: as the library has it now
        if row is None:
            raise Invalid(f"There is no version “{version}” of the calendar {code}.")
        known = _WORKING[code, version, zone] = row.working(zone)
    return known


def in_force() -> Callable[[str], str]:
    """Asks once which versions the hospital published; the answer gives the version of a code for whatever is pinned now."""
    rows = db.session.execute(
        sa.select(CalendarVersion.code, CalendarVersion.version).where(
            CalendarVersion.state == CalendarState.PUBLISHED, CalendarVersion.is_shipped.is_(False))
        .order_by(CalendarVersion.published_at, CalendarVersion.id))
    newest = {row.code: row.version for row in rows}
    return lambda code: newest.get(code) or table_version()


def present(code: str, zone: str) -> WorkingCalendar:
    """The newest version of a calendar: for what is promised from now on, not for what is pinned."""
    return calendar(code, in_force()(code), zone)


def names() -> dict[str, str]:
    """Every calendar a site may keep, by code."""
    own = {row.code: row.title for row in newest()}
    return {**{code: public.title for code, public in PUBLIC_CALENDARS.items()}, **own}


def newest() -> tuple[CalendarRow, ...]:
    """Each calendar that can be pinned, in its newest version, by title."""
    found = {code: shipped(code) for code in PUBLIC_CALENDARS}
    for row in db.session.scalars(_published().where(CalendarVersion.is_shipped.is_(False))
                                  .order_by(CalendarVersion.published_at, CalendarVersion.id)):
        found[row.code] = row_of(row)
    return tuple(sorted(found.values(), key=lambda row: row.title))


def versions(code: str) -> tuple[CalendarRow, ...]:
    """Every version of a calendar, the latest first; NotFound for an unknown code."""
    kept = [row_of(row) for row in db.session.scalars(
        _published().where(CalendarVersion.code == code).order_by(CalendarVersion.published_at.desc(), CalendarVersion.id.desc()))]
    own = [row for row in kept if row.is_local]
    library = [row for row in kept if not row.is_local and row.version != table_version()]
    present_one = [shipped(code)] if code in PUBLIC_CALENDARS else []
    if not (own or present_one):
        raise NotFound("There is no such calendar. Go back to the list.")
    return (*own, *present_one, *library)


def version(code: str, number: str) -> CalendarRow:
    """One version; NotFound if there is none."""
    row = shipped(code) if code in PUBLIC_CALENDARS and number == table_version() else _kept(code, number)
    if row is None:
        raise NotFound("There is no such version of this calendar. Go back to the list.")
    return row


def version_or_public(code: str, number: str) -> CalendarRow:
    """One version for its name; of an earlier library that was never kept, the public calendar as it is now."""
    try:
        return version(code, number)
    except NotFound:
        return shipped(code)


def drafts() -> tuple[CalendarRow, ...]:
    """Versions still being written, the latest changed first."""
    query = sa.select(CalendarVersion).where(CalendarVersion.state == CalendarState.DRAFT)
    return tuple(row_of(row) for row in db.session.scalars(query.order_by(CalendarVersion.changed_at.desc(), CalendarVersion.id)))


def draft(uid: str) -> CalendarRow:
    """One draft; NotFound once it is published or thrown away."""
    row = db.session.scalar(sa.select(CalendarVersion).where(CalendarVersion.uid == uid, CalendarVersion.state == CalendarState.DRAFT))
    if row is None:
        raise NotFound("This draft is not here any more: it was published or thrown away.")
    return row_of(row)


def history(code: str) -> Sequence[tuple[EntryRow, str]]:
    """What was done to the versions of a calendar, and by whom, newest first."""
    return [(entry, summary(entry)) for entry in trail.entries_about(stream_of(code))]


def stream_of(code: str) -> str:
    """How the trail names a calendar."""
    return f"calendar:{code}"


def forget(code: str, number: str) -> None:
    """Drop what is kept of a version: for the verb that publishes it."""
    _PUBLISHED.pop((code, number), None)
    for key in [key for key in _WORKING if key[:2] == (code, number)]:
        del _WORKING[key]


@lru_cache(maxsize=64)
def shipped(code: str) -> CalendarRow:
    """A public calendar as the library has it now, as a version."""
    public = PUBLIC_CALENDARS[code]
    days = {on: name for year in range(WINDOW[0], WINDOW[1] + 1) for on, name in public_holidays(code, year).items()}
    return CalendarRow(
        "", code, table_version(), public.title, code, "", public.timezone, _windows(DEFAULT_HOURS), days, {}, WINDOW, False, False,
        "", 0, None)


def row_of(row: CalendarVersion) -> CalendarRow:
    """A stored version as the pages and the reckoning read it."""
    return CalendarRow(
        row.uid, row.code, row.version, row.title, row.base, row.base_version, row.zone, _windows(row.hours), _days(row.days),
        _days(row.closures), (row.first_year, row.last_year), not row.is_shipped, row.state is CalendarState.DRAFT, row.reason,
        row.revision, row.published_at)


def _published() -> sa.Select[Any]:
    return sa.select(CalendarVersion).where(CalendarVersion.state == CalendarState.PUBLISHED)


def _kept(code: str, number: str) -> CalendarRow | None:
    known = _PUBLISHED.get((code, number))
    if known is None:
        row = db.session.scalar(_published().where(CalendarVersion.code == code, CalendarVersion.version == number))
        if row is not None:
            known = _PUBLISHED[code, number] = row_of(row)
    return known


def _windows(hours: Mapping[str, Any]) -> Mapping[str, tuple[tuple[str, str], ...]]:
    return {weekday: tuple((str(opening), str(closing)) for opening, closing in windows) for weekday, windows in hours.items()}


def _days(stored: Mapping[str, str]) -> Days:
    return {date.fromisoformat(on): name for on, name in sorted(stored.items())}
