"""Calendars as people write them: opening hours in words, lists of holidays from a file, and what an import would change."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ticketing.calendars.rules.working import WEEKDAYS, WorkingCalendar, read_hours
from ticketing.core.errors import Invalid

WINDOW = re.compile(r"(\d{1,2})[:.](\d{2})\s*(?:-|–|to)\s*(\d{1,2})[:.](\d{2})")
DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4})")
LONGEST_LOOK = 400      # days within which a calendar must open at least once
MOST_DAYS = 5_000
NAME_LENGTH = 120

Days = Mapping[date, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One day that an import would add, remove or rename."""

    on: date
    kind: str
    was: str
    becomes: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.on.isoformat()}"


def windows_of(text: str) -> tuple[tuple[str, str], ...]:
    """Opening hours of one weekday from "09:00-12:30, 13:30-17:00"; nothing typed means closed.  Invalid says what cannot be read."""
    pieces = [piece.strip() for piece in re.split(r"[,;\n]", text) if piece.strip()]
    if [piece.lower() for piece in pieces] == ["closed"]:
        return ()
    found = []
    for piece in pieces:
        match = WINDOW.fullmatch(piece)
        if match is None:
            raise Invalid(f"“{piece}” is not an opening time. Write for example 09:00-12:30, 13:30-17:00.")
        found.append((f"{int(match[1]):02}:{match[2]}", f"{int(match[3]):02}:{match[4]}"))
    read_hours({"mon": found})
    return tuple(sorted(found))


def windows_text(windows: Iterable[tuple[str, str]]) -> str:
    """The same, back in words; "" for a closed day."""
    return ", ".join(f"{opening}-{closing}" for opening, closing in windows)


def must_open(calendar: WorkingCalendar, on: date) -> None:
    """Invalid unless there is working time within 400 days of a day: a clock on it would never run out."""
    if not any(calendar.is_working_date(on + timedelta(days=number)) for number in range(LONGEST_LOOK)):
        raise Invalid(f"This calendar has no working time in the {LONGEST_LOOK} days from {on:%d %B %Y}, so no clock on it would ever run "
                      "out. Enter opening hours for at least one weekday, or take out closing days.")


def read_days(text: str) -> dict[date, str]:
    """Days and their names from an ICS file, a CSV file or lines of text; Invalid names the first line that cannot be read.

    A time of day or a zone in the file is left out: a holiday is a local date, whatever clock wrote the file.
    """
    found = _from_ics(text) if "BEGIN:VCALENDAR" in text.upper() else _from_lines(text)
    if not found:
        raise Invalid("No day was found in it. Paste lines such as 2026-12-28, Boxing Day (substitute), or an ICS or CSV file.")
    if len(found) > MOST_DAYS:
        raise Invalid(f"That is too many days for one import: use {MOST_DAYS:,} or fewer.")
    return dict(sorted(found.items()))


def changes(known: Days, imported: Days) -> tuple[Change, ...]:
    """What the import would add, remove or rename, by day.  Only the years that the import speaks of are compared."""
    years = {on.year for on in imported}
    added = [Change(on, "add", "", name) for on, name in imported.items() if on not in known]
    renamed = [Change(on, "rename", known[on], name) for on, name in imported.items() if on in known and known[on] != name]
    removed = [Change(on, "remove", name, "") for on, name in known.items() if on.year in years and on not in imported]
    return tuple(sorted((*added, *renamed, *removed), key=lambda change: (change.on, change.kind)))


def applied(known: Days, accepted: Iterable[Change]) -> dict[date, str]:
    """The days with what was accepted."""
    days = dict(known)
    for change in accepted:
        if change.kind == "remove":
            days.pop(change.on, None)
        else:
            days[change.on] = change.becomes
    return dict(sorted(days.items()))


def _from_ics(text: str) -> dict[date, str]:
    """Whole-day events; one of several days closes each of them (DTEND is the day after the last)."""
    found: dict[date, str] = {}
    for event in re.split(r"BEGIN:VEVENT", re.sub(r"\r?\n[ \t]", "", text), flags=re.IGNORECASE)[1:]:
        begins, ends = (re.search(rf"(?im)^{name}[^:\n]*:(\d{{4}})(\d\d)(\d\d)", event) for name in ("DTSTART", "DTEND"))
        summary = re.search(r"(?im)^SUMMARY[^:\n]*:(.*)$", event)
        if begins is None:
            continue
        first = _date(begins[1], begins[2], begins[3])
        last = _date(ends[1], ends[2], ends[3]) - timedelta(days=1) if ends else first
        name = _name(re.sub(r"\\([,;\\])", r"\1", summary[1]) if summary else "")
        for number in range(min(max((last - first).days, 0), 60) + 1):
            found[first + timedelta(days=number)] = name
    return found


def _from_lines(text: str) -> dict[date, str]:
    found: dict[date, str] = {}
    for number, cells in enumerate(csv.reader(text.splitlines()), 1):
        line = ", ".join(cell.strip() for cell in cells)
        if not line.strip(" ,"):
            continue
        match = DAY.search(line)
        if match is None:
            if number == 1:
                continue  # the names of the columns
            raise Invalid(f"Line {number}, “{line[:60]}”, holds no day. Write days as 2026-12-28 or 28/12/2026.")
        on = _date(*match.groups()[:3]) if match[1] else _date(match[6], match[5], match[4])
        found[on] = _name(f"{line[:match.start()]} {line[match.end():]}")
    return found


def _date(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Invalid(f"“{year}-{month}-{day}” is not a day of the calendar.") from None


def _name(text: str) -> str:
    plain = " ".join(text.strip(" ,;\t\"").split())[:NAME_LENGTH]
    return plain.strip(" ,;") or "Holiday"


def whole_week(windows: Mapping[str, Iterable[tuple[str, str]]]) -> dict[str, list[list[str]]]:
    """Opening hours as they are stored; Invalid for overlapping or impossible windows."""
    week = {weekday: [list(pair) for pair in windows.get(weekday, ())] for weekday in WEEKDAYS}
    read_hours({weekday: [(pair[0], pair[1]) for pair in pairs] for weekday, pairs in week.items()})
    return week
