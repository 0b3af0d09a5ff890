"""From the rows of a sheet to the fields of concerns: all are checked before any is kept, and each fault names its line and column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.cases.rules.dates import NOON, DateReader, date_reader
from ticketing.cases.rules.laws import type_fault
from ticketing.cases.rules.mapping import FIELDS, NO, ON_IMPORT, YES, Column, DateOrder, ImportMapping, Kind, find_code, fold
from ticketing.cases.rules.sheets import Cell, Row, Sheet, spread, text
from ticketing.core.errors import Invalid
from ticketing.packs.rules import Pack, law_on, load

LONGEST_KEY = 180
LONGEST_LINE, LONGEST_TEXT = 200, 20_000
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DELIMITERS = {"\t": "a tab", ";": "“;”", "|": "“|”", "¬": "“¬”", ",": "“,”"}


@dataclass(frozen=True, slots=True)
class Places:
    """What the hospital knows by code: sites with their zone, units with their site, teams; and the policy packs of the sites."""

    sites: Mapping[str, str]
    units: Mapping[str, str]
    teams: frozenset[str]
    packs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be taken, and what to do about it; `column` is "" where it is about the whole row."""

    column: str
    sentence: str

    def __str__(self) -> str:
        return f"column “{self.column}”: {self.sentence}" if self.column else self.sentence


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A row ready to become a concern: field by field, by the names of the mapping, in the types the concern wants."""

    line: int
    source_key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be taken, with all that is wrong with it."""

    row: Row
    problems: tuple[Problem, ...]

    @property
    def why(self) -> str:
        return " ".join(str(problem) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole sheet, looked at."""

    good: tuple[GoodRow, ...]
    bad: tuple[BadRow, ...]

    @property
    def total(self) -> int:
        return len(self.good) + len(self.bad)

    def faults(self) -> tuple[tuple[Problem, str, int], ...]:
        """Each different problem once, with the lines it is on in words and their number; the most frequent first."""
        lines: dict[Problem, list[int]] = {}
        for item in self.bad:
            for problem in item.problems:
                lines.setdefault(problem, []).append(item.row.line)
        ordered = sorted(lines.items(), key=lambda pair: (-len(pair[1]), pair[1][0]))
        return tuple((problem, spread(numbers), len(numbers)) for problem, numbers in ordered)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One import as the trail names it: digests of the file's name and content (either may be personal), and its counts."""

    source: str
    name_digest: str
    content_digest: str
    rows: int
    rejected: int
    known: int


def check_sheet(sheet: Sheet, mapping: ImportMapping, places: Places, *, at: datetime) -> Checked:
    """Every row of a sheet, as a concern's fields or with what is wrong with it.

    Raises Invalid where the mapping does not fit the sheet at all: a column it names is missing, or a place it gives is not known.
    """
    checker = _Checker(sheet, mapping, places, at)
    good: list[GoodRow] = []
    bad: list[BadRow] = []
    for row in sheet.rows:
        found = checker.row(row)
        if isinstance(found, GoodRow):
            good.append(found)
        else:
            bad.append(BadRow(row, found))
    return Checked(tuple(good), tuple(bad))


def _heading(sheet: Sheet, mapping: ImportMapping) -> dict[str, int]:
    """Where each column stands; Invalid names the columns that are missing or there twice."""
    places: dict[str, int] = {}
    twice: set[str] = set()
    for place, name in enumerate(sheet.heading):
        twice |= {fold(name)} & set(places)
        places.setdefault(fold(name), place)
    missing = [name for name in mapping.wanted_columns if fold(name) not in places]
    doubled = [name for name in mapping.wanted_columns if fold(name) in twice]
    if missing:
        raise Invalid(_missing_columns(sheet, mapping, missing))
    if doubled:
        raise Invalid(f"The file has the column {_quoted(doubled)} twice, so it is not clear which one is meant. Rename one of them.")
    return places


def _missing_columns(sheet: Sheet, mapping: ImportMapping, missing: Sequence[str]) -> str:
    found = f"The file has no column {_quoted(missing)}. It has: {_quoted(sheet.heading[:40])}."
    whole = sheet.heading[0] if len(sheet.heading) == 1 else ""
    others = [words for mark, words in DELIMITERS.items() if mark != mapping.delimiter and mark in whole]
    if others:
        return f"{found} If its cells are parted by {others[0]}, write so in the mapping under [file] delimiter."
    return f"{found} Correct the name in the mapping, or in the first line of the file."


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


class _Checker:
    """Holds what stays the same from row to row."""

    def __init__(self, sheet: Sheet, mapping: ImportMapping, places: Places, at: datetime) -> None:
        self.mapping, self.places, self.at = mapping, places, at
        self.heading = _heading(sheet, mapping)
        self.width = len(sheet.heading)
        self.keys: dict[str, int] = {}
        self.readers: dict[str, DateReader] = {
            column.field: date_reader(column, sheet.rows, self.heading) for column in mapping.columns if column.is_dated}
        self._check_places()

    def _check_places(self) -> None:
        """Places that the mapping itself names must be there, or the import cannot run."""
        given: dict[str, set[str]] = {"site": set(), "unit": set(), "team": set()}
        for name, value in self.mapping.constants.items():
            if name in given:
                given[name].add(value)
        for column in self.mapping.columns:
            if column.field in given:
                given[column.field] |= {*(column.values or {}).values(), *filter(None, (column.blank, column.otherwise))}
        known: dict[str, Any] = {"site": self.places.sites, "unit": self.places.units, "team": self.places.teams}
        for name, codes in given.items():
            if lacking := sorted(codes - set(known[name])):
                raise Invalid(
                    f"The mapping names the {name} {_quoted(lacking)}, which this hospital does not have. "
                    f"It has: {', '.join(sorted(known[name])) or 'none yet'}. Correct the mapping, add it first, or say --set {name}=CODE.")

    def row(self, row: Row) -> GoodRow | tuple[Problem, ...]:
        if problem := self._shape(row):
            return (problem,)
        problems: list[Problem] = []
        key = self._key(row, problems)
        fields = self._constants(problems)
        for column in sorted(self.mapping.columns, key=lambda column: column.field != "site"):  # dates need the site's zone
            try:
                value = self._value(column, row, fields)
            except Invalid as error:
                problems.append(Problem(" + ".join(column.sources), error.message))
            else:
                fields[column.field] = value
        if not problems:
            problems += self._whole(fields)
        return tuple(problems) or GoodRow(row.line, key, fields)

    def _shape(self, row: Row) -> Problem | None:
        cells = len(row.cells)
        while cells > self.width and row.cells[cells - 1] == "":
            cells -= 1
        if cells != self.width:
            return Problem("", f"The row has {cells} cells where the heading has {self.width}. Check its commas and quotation marks.")
        return None

    def _key(self, row: Row, problems: list[Problem]) -> str:
        columns = " + ".join(self.mapping.key)
        parts = [text(self._cell(row, name)).strip() for name in self.mapping.key]
        if not any(parts):
            problems.append(Problem(columns, "It is empty, so this row could not be told from others. Give it a value of its own."))
            return ""
        if any(UNSTORABLE.search(part) for part in parts):
            problems.append(Problem(columns, _unreadable(parts)))
            return ""
        key = source_key(self.mapping.source, parts)
        first = self.keys.setdefault(key, row.line)
        if first != row.line:
            problems.append(Problem(columns, f"It is the same as on line {first}. Give each row its own, or take one of them out."))
        return key

    def _cell(self, row: Row, name: str) -> Cell:
        return row.cells[self.heading[fold(name)]]

    def _constants(self, problems: list[Problem]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name in sorted(self.mapping.constants, key=lambda name: name != "site"):
            value = self.mapping.constants[name]
            try:
                fields[name] = self._constant(name, value, fields)
            except Invalid as error:
                problems.append(Problem("", f"{name}: {error.message}"))
        return fields

    def _constant(self, name: str, value: str, fields: Mapping[str, Any]) -> Any:
        if value == ON_IMPORT and name == "received_at":
            return self.at
        if FIELDS[name] in (Kind.MOMENT, Kind.DAY):
            reader = DateReader(Column(name, ()), (), {})
            return self._dated(reader, FIELDS[name], value, DateOrder.ISO, fields)
        return (value,) if FIELDS[name] is Kind.POINTS else self._typed(name, value)

    def _value(self, column: Column, row: Row, fields: Mapping[str, Any]) -> Any:
        if column.is_dated:
            return self._date(column, row, fields)
        cells = [self._text(self._cell(row, name)) for name in column.sources]
        if column.kind is Kind.POINTS:
            return tuple(self._typed(column.field, cell) for cell in cells if cell)
        said = column.joined_by.join(cell for cell in cells if cell)
        return self._typed(column.field, _translated(column, said))

    def _text(self, cell: Cell) -> str:
        said = text(cell)
        if UNSTORABLE.search(said):
            raise Invalid(_unreadable([said]))
        said = said.replace("\r\n", "\n").replace("\r", "\n").strip()
        return "" if fold(said) in self.mapping.blank_words else said

    def _date(self, column: Column, row: Row, fields: Mapping[str, Any]) -> datetime | date | None:
        reader = self.readers[column.field]
        verdict = reader.verdict(row)
        if verdict.fault:
            raise Invalid(verdict.fault)
        cell = self._cell(row, column.sources[0])
        if isinstance(cell, str) and not self._text(cell):
            if column.blank is None and column.field == "received_at":
                raise Invalid("It is empty. Write the day the concern was received.")
            return self._constant(column.field, column.blank, fields) if column.blank else None
        return self._dated(reader, column.kind, cell, verdict.order, fields)

    def _dated(self, reader: DateReader, kind: Kind, cell: Cell, order: DateOrder, fields: Mapping[str, Any]) -> datetime | date:
        if kind is Kind.DAY:
            return reader.day(cell, order)
        zone = self.mapping.zone or self.places.sites.get(fields.get("site", ""), "UTC")
        moment = reader.moment(cell, order, zone)
        local = self.at.astimezone(ZoneInfo(zone))
        is_bare_today = moment > self.at and moment.astimezone(ZoneInfo(zone)) == datetime.combine(local.date(), NOON, ZoneInfo(zone))
        return self.at if is_bare_today else moment

    def _typed(self, name: str, said: str) -> Any:
        kind = FIELDS[name]
        if kind is Kind.CODE:
            return _code(name, said)
        if kind is Kind.FLAG:
            return _flag(said)
        if kind is Kind.PLACE:
            return self._place(name, said)
        most = LONGEST_LINE if kind is Kind.LINE else LONGEST_TEXT
        if len(said) > most:
            raise Invalid(f"It has {len(said):,} characters; at most {most:,} can be kept. Shorten it.")
        if name == "narrative" and not said:
            raise Invalid("It is empty: there is no concern in this row. Take the row out, or write what was said.")
        return " ".join(said.split()) if kind is Kind.LINE else said

    def _place(self, name: str, said: str) -> str | None:
        if not said and name != "site":
            return None
        known: Any = {"site": self.places.sites, "unit": self.places.units, "team": self.places.teams}[name]
        if said.upper() in known:
            return said.upper()
        raise Invalid(f"“{said[:40]}” is no {name} of this hospital. Write one of its codes, or give it a line in the mapping's table.")

    def _whole(self, fields: Mapping[str, Any]) -> Iterable[Problem]:
        """What the fields of a row say of each other."""
        received, team = fields["received_at"], fields.get("team_received_at")
        if received > self.at:
            yield Problem(self._source("received_at"), f"{_day(received)} is in the future. Correct the date.")
        if team and not received <= team <= self.at:
            yield Problem(self._source("team_received_at"), "The team cannot have it before the organisation did, nor in the future.")
        pack = self.places.packs.get(fields["site"])
        fault = type_fault(self._law(pack, fields["site"], received), fields["case_type"]) if pack else ""
        if fault:
            yield Problem(self._source("case_type"), fault)
        unit = fields.get("unit")
        if unit and self.places.units[unit] != fields["site"]:
            yield Problem(self._source("unit"), f"{unit} is not on the site {fields['site']}. Correct one of them.")
        if not fields.get("is_anonymous") and not fields.get("complainant_name"):
            yield Problem(self._source("complainant_name"), "It is empty. Write the complainant's name, or map is_anonymous.")

    def _law(self, pack: str, site: str, received: datetime) -> Pack:
        return load(law_on(pack, received.astimezone(ZoneInfo(self.places.sites[site])).date()))

    def _source(self, name: str) -> str:
        return next((" + ".join(column.sources) for column in self.mapping.columns if column.field == name), "")


def source_key(source: str, parts: Sequence[str]) -> str:
    """What tells a row of a source from all others for good; a long one is kept as its digest."""
    joined = "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)
    if len(source) + len(joined) > LONGEST_KEY:
        joined = hashlib.sha256(joined.encode()).hexdigest()
    return f"{source}:{joined}"


def _translated(column: Column, said: str) -> str:
    if not said:
        return column.blank if column.blank is not None else ""
    if column.values is None:
        return f"{column.prefix}{said}"
    found = column.values.get(fold(said), column.otherwise)
    if found is None:
        raise Invalid(f"“{said[:40]}” is not in the mapping's table for it. Correct the cell, or add the value to the table.")
    return found


def _code(name: str, said: str) -> Any:
    found = find_code(name, said)
    if found is None:
        raise Invalid(f"“{said[:40]}” is not on the list. Write one of its codes, or add a table of values to the mapping." if said
                      else "It is empty. Write a value, or say in the mapping what an empty cell stands for (blank).")
    return found


def _flag(said: str) -> bool:
    if said.casefold() in YES | NO:
        return said.casefold() in YES
    raise Invalid(f"“{said[:40]}” is neither yes nor no. Write yes or no." if said else
                  "It is empty. Write yes or no, or say in the mapping what an empty cell stands for (blank).")


def _unreadable(parts: Iterable[str]) -> str:
    if any("\x00" in part for part in parts):
        return "It holds a NUL character, which cannot be kept. Remove it."
    return "Some of its letters cannot be read in the encoding of the file. Save the file as UTF-8, or correct the row."


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d/%m/%Y}"
