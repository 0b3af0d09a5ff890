"""Dates of a spreadsheet, read as the mapping says and never guessed row by row: a group that contradicts itself is refused whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ticketing.cases.rules.mapping import Column, DateOrder, fold
from ticketing.cases.rules.sheets import Cell, Row, text
from ticketing.core.errors import Invalid

CLOCK = r"(?:[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]+)?)?)?"
NUMBERS = re.compile(r"(?P<first>[0-9]{1,2})(?P<mark>[/.\-])(?P<second_number>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})" + CLOCK)
ISO = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})" + CLOCK + r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?")
EARLIEST, LATEST = 1900, 2200
NOON = time(12)
Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the dates of one group of rows are to be read, or the sentence that says why they cannot be."""

    order: DateOrder
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads one dated column of a sheet; `places` are the positions of the group's columns in a row."""

    column: Column
    places: tuple[int, ...]
    verdicts: Mapping[Group, Verdict]

    def verdict(self, row: Row) -> Verdict:
        return self.verdicts[_group(row, self.places)]

    def moment(self, cell: Cell, order: DateOrder, zone: str) -> datetime:
        """The moment a cell names, in UTC; a bare date means noon there.  Invalid says what is wrong and what to write."""
        day, clock = _parts(cell, order)
        if isinstance(clock, datetime):
            return clock
        local = datetime.combine(day, clock or NOON, ZoneInfo(zone))
        if local.astimezone(UTC).astimezone(local.tzinfo).time() != local.time():
            raise Invalid(f"“{text(cell)}” never was: the clocks of {zone} went forward over it. Write the right time.")
        return local.astimezone(UTC)

    def day(self, cell: Cell, order: DateOrder) -> date:
        return _parts(cell, order)[0]


def date_reader(column: Column, rows: Sequence[Row], heading: Mapping[str, int]) -> DateReader:
    """Look at all rows first: what order each group declares, and whether its own dates contradict that."""
    source = heading[fold(column.sources[0])]
    places = tuple(heading[fold(name)] for name in column.group_by)
    groups: dict[Group, list[Row]] = {}
    for row in rows:
        groups.setdefault(_group(row, places), []).append(row)
    verdicts = {group: _judge(column, group, _named(column, members[0], places), members, source) for group, members in groups.items()}
    return DateReader(column, places, verdicts)


def _group(row: Row, places: tuple[int, ...]) -> Group:
    return tuple(fold(text(row.cells[place])) if place < len(row.cells) else "" for place in places)


def _judge(column: Column, group: Group, name: str, rows: Sequence[Row], source: int) -> Verdict:
    declared = column.groups.get(group, column.order) or DateOrder.UNKNOWN
    if declared is DateOrder.ISO:
        return Verdict(declared)
    seen = list(_evidence(rows, source))
    sure = {order: [row.line for row, found in seen if found is order] for order in (DateOrder.DAY_MONTH, DateOrder.MONTH_DAY)}
    day_first, month_first = sure[DateOrder.DAY_MONTH], sure[DateOrder.MONTH_DAY]
    if day_first and month_first:
        return Verdict(declared, (
            f"{name} contradicts itself: {len(day_first):,} dates can only be day/month/year (line {day_first[0]}) and "
            f"{len(month_first):,} only month/day/year (line {month_first[0]}), so the others cannot be told. All {len(rows):,} rows are "
            "left out. Ask where the file comes from which order is right, correct the dates or split the group in the mapping."))
    if declared is DateOrder.UNKNOWN:
        return _told_by_itself(name, len(rows), day_first, month_first)
    against = month_first if declared is DateOrder.DAY_MONTH else day_first
    if against:
        return Verdict(declared, (
            f"{name} is declared {declared.words}, but {len(against):,} dates cannot be read so (line {against[0]}). "
            f"All {len(rows):,} rows are left out. Correct the order in the mapping, or the dates."))
    return Verdict(declared)


def _told_by_itself(name: str, rows: int, day_first: Sequence[int], month_first: Sequence[int]) -> Verdict:
    if day_first:
        return Verdict(DateOrder.DAY_MONTH)
    if month_first:
        return Verdict(DateOrder.MONTH_DAY)
    return Verdict(DateOrder.UNKNOWN, (
        f"{name}: no date shows whether day or month comes first, and the mapping does not say. All {rows:,} rows are left out. "
        "Write the order in the mapping."))


def _named(column: Column, row: Row, places: tuple[int, ...]) -> str:
    """What to call the group of a row."""
    if not places:
        return f"The column “{column.sources[0]}”"
    said = [" ".join(text(row.cells[place]).split()) if place < len(row.cells) else "" for place in places]
    return "The group " + ", ".join(f"{name} “{value or '(empty)'}”" for name, value in zip(column.group_by, said, strict=True))


def _evidence(rows: Iterable[Row], source: int) -> Iterable[tuple[Row, DateOrder]]:
    """Rows whose date is a real one in one order only."""
    for row in rows:
        cell = row.cells[source] if source < len(row.cells) else ""
        match = NUMBERS.fullmatch(cell.strip()) if isinstance(cell, str) else None
        if match:
            first, second, year = int(match["first"]), int(match["second_number"]), int(match["year"])
            is_day_first, is_month_first = _is_day(year, second, first), _is_day(year, first, second)
            if is_day_first != is_month_first:
                yield row, DateOrder.DAY_MONTH if is_day_first else DateOrder.MONTH_DAY


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _parts(cell: Cell, order: DateOrder) -> tuple[date, time | datetime | None]:
    """The day, and the time of day, or the very moment where the cell names its zone."""
    if isinstance(cell, datetime):
        return cell.date(), cell.time() if cell.time() != time(0) else None
    if isinstance(cell, date):
        return cell, None
    match = (ISO if order is DateOrder.ISO else NUMBERS).fullmatch(" ".join(cell.split()))
    if match is None:
        raise Invalid(f"“{cell.strip()[:40]}” is not a date as the mapping says: write it as {_example(order)}.")
    day = _day(match, order, cell)
    if match["hour"] is None:
        return day, None
    try:
        clock = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
        offset = match.groupdict().get("zone")
        return day, datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(UTC) if offset else clock
    except ValueError:
        raise Invalid(f"“{cell.strip()[:40]}” has no real time of day: write it as 09:30.") from None


def _day(match: re.Match[str], order: DateOrder, cell: str) -> date:
    year = int(match["year"])
    if order is DateOrder.ISO:
        month, day = int(match["month"]), int(match["day"])
    else:
        first, second = int(match["first"]), int(match["second_number"])
        day, month = (first, second) if order is DateOrder.DAY_MONTH else (second, first)
    if not _is_day(year, month, day):
        raise Invalid(f"“{cell.strip()[:40]}” is no real day, read as {order.words}. Correct the date.")
    if not EARLIEST <= year <= LATEST:
        raise Invalid(f"“{cell.strip()[:40]}”: the year must be between {EARLIEST} and {LATEST}. Correct the date.")
    return date(year, month, day)


def _example(order: DateOrder) -> str:
    return {DateOrder.DAY_MONTH: "27/03/2026", DateOrder.MONTH_DAY: "03/27/2026"}.get(order, "2026-03-27")
