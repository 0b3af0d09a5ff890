"""The mapping of an import: which column of a spreadsheet fills which field of a concern, read from TOML and checked whole."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from ticketing.codes.rules import CaseType, Channel, Code, Relationship
from ticketing.core.errors import Invalid

SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
SITE_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}")
ON_IMPORT = "import"  # as a received date: the moment of the import, said on purpose
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})


class DateOrder(StrEnum):
    """How the dates of a column, or of one group of its rows, are written.  UNKNOWN: the group itself must show one order only."""

    DAY_MONTH = "day_month"
    MONTH_DAY = "month_day"
    ISO = "iso"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return {"day_month": "day/month/year", "month_day": "month/day/year", "iso": "year-month-day", "unknown": "not known"}[self.value]


class Kind(StrEnum):
    """What a field holds."""

    CODE = "code"
    PLACE = "place"
    MOMENT = "moment"
    DAY = "day"
    FLAG = "flag"
    LINE = "line"
    TEXT = "text"
    POINTS = "points"


CODES: Mapping[str, type[Code]] = {"case_type": CaseType, "channel": Channel, "relationship": Relationship}
PERSON = {
    "name": Kind.LINE, "preferred_name": Kind.LINE, "date_of_birth": Kind.DAY, "record_number": Kind.LINE, "email": Kind.LINE,
    "phone": Kind.LINE, "address": Kind.TEXT, "language": Kind.LINE, "safe_contact": Kind.TEXT,
}
FLAGS = ("is_anonymous", "has_agreed_to_email", "is_danger_now", "is_safeguarding", "is_inpatient", "escalates_late")
FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(CODES, Kind.CODE),
    **dict.fromkeys(("site", "unit", "team"), Kind.PLACE),
    "received_at": Kind.MOMENT, "team_received_at": Kind.MOMENT, "happened_on": Kind.DAY,
    "received_by": Kind.LINE, "narrative": Kind.TEXT, "outcome_sought": Kind.TEXT, "points": Kind.POINTS,
    **dict.fromkeys(FLAGS, Kind.FLAG),
    **{f"{who}_{name}": kind for who in ("complainant", "patient") for name, kind in PERSON.items()},
}
NEEDED = ("case_type", "channel", "site", "received_at", "narrative")
FILE_KEYS = {"encoding": "auto", "delimiter": ",", "sheet": ""}
ENCODINGS = ("auto", "utf-8", "cp1252", "utf-16")


@dataclass(frozen=True, slots=True)
class Column:
    """How one field is filled from one or more columns of the sheet.

    `values` is a table from what the cell says to what the field gets; `blank` stands for an empty cell and `otherwise` for a value
    the table does not hold.  For dates `order` holds for every row but those of `groups`, named by what `group_by` says in them.
    """

    field: str
    sources: tuple[str, ...]
    joined_by: str = " "
    prefix: str = ""
    values: Mapping[str, str] | None = None
    blank: str | None = None
    otherwise: str | None = None
    order: DateOrder | None = None
    group_by: tuple[str, ...] = ()
    groups: Mapping[tuple[str, ...], DateOrder] = made(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return FIELDS[self.field]

    @property
    def is_dated(self) -> bool:
        return self.kind in (Kind.MOMENT, Kind.DAY)


@dataclass(frozen=True, slots=True)
class NewSite:
    """A site the import adds if the hospital has none of this code."""

    code: str
    name: str
    zone: str = "Europe/London"
    pack: str = "england-nhs"
    calendar: str = "england_wales"


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A whole mapping.  `key` names the columns that together tell one row from all others, for good; `zone` None: the site's."""

    source: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    constants: Mapping[str, str]
    sites: tuple[NewSite, ...] = ()
    zone: str | None = None
    encoding: str = "auto"
    delimiter: str = ","
    sheet: str = ""
    blank_words: frozenset[str] = frozenset()

    @property
    def wanted_columns(self) -> tuple[str, ...]:
        """Every column of the sheet that the mapping names, once."""
        named = [*self.key, *(name for column in self.columns for name in (*column.sources, *column.group_by))]
        return tuple(dict.fromkeys(named))


def fold(text: str) -> str:
    """A cell or heading as it is compared: outer and repeated spaces, no-break spaces and capitals do not count."""
    return " ".join(text.split()).casefold()


def read_mapping(text: str, given: Mapping[str, str] | None = None) -> ImportMapping:
    """The mapping in a TOML text, with `given` constants put over its own.  Raises Invalid with every fault, one a line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"The mapping is not TOML: {error}.") from error
    return _Reader(data, given or {}).mapping()


class _Reader:
    """Reads the tables of a mapping and collects what is wrong with them."""

    def __init__(self, data: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self.data = data
        self.given = given
        self.faults: list[str] = []

    def mapping(self) -> ImportMapping:
        self._only(self.data, {"source", "key", "zone", "blank_words", "file", "constants", "columns", "sites"}, "the mapping")
        columns = tuple(self._column(name, row) for name, row in self._table(self.data, "columns").items() if self._is_field(name))
        columns = tuple(column for column in columns if column.field not in self.given)
        constants = self._constants({column.field for column in columns})
        self._check_needed({column.field for column in columns} | set(constants), constants)
        file = self._file()
        found = ImportMapping(
            source=self._source(), key=self._names(self.data.get("key"), "key"), columns=columns, constants=constants,
            sites=tuple(self._site(code, row) for code, row in self._table(self.data, "sites").items()), zone=self._zone(), **file,
            blank_words=frozenset(fold(str(word)) for word in self._names(self.data.get("blank_words", []), "blank_words", may_lack=True)))
        if self.faults:
            raise Invalid("\n".join(self.faults))
        return found

    def _fault(self, sentence: str) -> None:
        self.faults.append(sentence)

    def _only(self, row: Mapping[str, Any], known: set[str], where: str) -> None:
        for name in row:
            if name not in known:
                self._fault(f"{where} has an unknown key “{name}”. Known: {', '.join(sorted(known))}.")

    def _table(self, row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        found = row.get(name, {})
        if isinstance(found, dict):
            return found
        self._fault(f"[{name}] must be a table.")
        return {}

    def _source(self) -> str:
        source = self.data.get("source", "")
        if not isinstance(source, str) or not SOURCE.fullmatch(source):
            self._fault("source: give the file's origin a short name of small letters, digits and hyphens, such as “ward-diary”.")
            return ""
        return source

    def _zone(self) -> str | None:
        zone = self.data.get("zone")
        if zone is not None and zone not in available_timezones():
            self._fault(f"zone: {zone!r} is not a time zone. Write one such as “Europe/London”, or leave it out to use the site's.")
        return zone

    def _names(self, value: Any, where: str, *, may_lack: bool = False) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not (names or may_lack):
            self._fault(f"{where}: name one column, or a list of columns.")
            return ()
        return tuple(names)

    def _file(self) -> dict[str, str]:
        row = self._table(self.data, "file")
        self._only(row, set(FILE_KEYS), "[file]")
        file = {name: str(row.get(name, usual)) for name, usual in FILE_KEYS.items()}
        if file["encoding"] not in ENCODINGS:
            self._fault(f"[file] encoding: choose from {', '.join(ENCODINGS)}.")
        if len(file["delimiter"]) != 1 or file["delimiter"] in "\r\n\"":
            self._fault("[file] delimiter: write the one character that stands between cells, such as \",\" or \";\" or \"\\t\".")
        return file

    def _is_field(self, name: str) -> bool:
        if name not in FIELDS:
            self._fault(f"“{name}” is not a field of a concern. Fields: {', '.join(FIELDS)}.")
        return name in FIELDS

    def _constants(self, taken: set[str]) -> dict[str, str]:
        own = {name: _plain(value) for name, value in self._table(self.data, "constants").items()}
        for name in own:
            if name in taken and name not in self.given:
                self._fault(f"{name} is given as a constant and as a column. Keep one.")
        constants = {**own, **self.given}
        for name, value in constants.items():
            if self._is_field(name):
                self._check_value(name, value, f"constant {name}")
        return {name: value for name, value in constants.items() if name in FIELDS}

    def _check_needed(self, fields: set[str], constants: Mapping[str, str]) -> None:
        for name in NEEDED:
            if name not in fields:
                self._fault(f"{name} is needed: map a column to it under [columns.{name}], or give it under [constants].")
        if "complainant_name" not in fields and constants.get("is_anonymous", "").casefold() not in YES and "is_anonymous" not in fields:
            self._fault("Say who complained: map complainant_name, or set is_anonymous = true under [constants].")

    def _check_value(self, name: str, value: str, where: str) -> None:
        """A value written in the mapping itself must be one the field can hold."""
        kind = FIELDS[name]
        if kind is Kind.CODE and find_code(name, value) is None:
            self._fault(f"{where}: “{value}” is not on the list. Choose from {', '.join(member.value for member in CODES[name])}.")
        elif kind is Kind.FLAG and value.casefold() not in YES | NO:
            self._fault(f"{where}: write true or false.")
        elif kind is Kind.PLACE and not SITE_CODE.fullmatch(value):
            self._fault(f"{where}: “{value}” is not a code. Codes are capital letters, digits and hyphens, such as WARD-7.")
        elif kind in (Kind.MOMENT, Kind.DAY) and not is_iso_like(value) and (name, value) != ("received_at", ON_IMPORT):
            self._fault(f"{where}: write the date as 2026-03-02, a moment as 2026-03-02T09:30, or “{ON_IMPORT}” for received_at.")

    def _column(self, name: str, row: Any) -> Column:
        row = {"from": row} if isinstance(row, str | list) else row
        where = f"[columns.{name}]"
        if not isinstance(row, dict):
            self._fault(f"{where}: name the column, or write a table.")
            return Column(name, ())
        dated = FIELDS[name] in (Kind.MOMENT, Kind.DAY)
        known = {"from", "join", "prefix", "values", "blank", "otherwise"} | ({"order", "group_by", "groups"} if dated else set())
        self._only(row, known, where)
        values = self._values(name, row, where)
        for word in ("blank", "otherwise"):
            if word in row:
                self._check_value(name, _plain(row[word]), f"{where} {word}")
        order, group_by, groups = self._orders(row, where) if dated else (None, (), {})
        return Column(
            name, self._names(row.get("from"), f"{where} from"), str(row.get("join", " ")), str(row.get("prefix", "")), values,
            _plain(row["blank"]) if "blank" in row else None, _plain(row["otherwise"]) if "otherwise" in row else None,
            order, group_by, groups)

    def _values(self, name: str, row: Mapping[str, Any], where: str) -> Mapping[str, str] | None:
        if "values" not in row:
            return None
        table: dict[str, str] = {}
        for cell, value in self._table(row, "values").items():
            self._check_value(name, _plain(value), f"{where} value for “{cell}”")
            if fold(cell) in table:
                self._fault(f"{where}: “{cell}” is in the table twice (spaces and capitals do not count).")
            table[fold(cell)] = _plain(value)
        return table

    def _orders(self, row: Mapping[str, Any], where: str) -> tuple[DateOrder | None, tuple[str, ...], dict[tuple[str, ...], DateOrder]]:
        order = self._order(row.get("order"), f"{where} order")
        group_by = self._names(row.get("group_by", []), f"{where} group_by", may_lack=True)
        groups: dict[tuple[str, ...], DateOrder] = {}
        declared = row.get("groups", [])
        if not isinstance(declared, list):
            self._fault(f"{where} groups: write each as [[columns.….groups]].")
            declared = []
        for group in declared:
            is_table = isinstance(group, dict)
            names = self._names(group.get("is") if is_table else None, f"{where} groups: is")
            if len(names) != len(group_by):
                self._fault(f"{where} groups: “is” names one value for each column of group_by.")
            found = self._order(group.get("order") if is_table else None, f"{where} groups order")
            if found:
                groups[tuple(fold(name) for name in names)] = found
        return order, group_by, groups

    def _order(self, value: Any, where: str) -> DateOrder | None:
        if value in list(DateOrder):
            return DateOrder(value)
        self._fault(f"{where}: say how these dates are written: {', '.join(DateOrder)}. It is never guessed row by row.")
        return None

    def _site(self, code: str, row: Any) -> NewSite:
        if not SITE_CODE.fullmatch(code) or not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"].strip():
            self._fault(f"[sites.{code}]: write the code in capital letters, digits and hyphens, and give the site a name.")
            return NewSite(code, code)
        self._only(row, {"name", "zone", "pack", "calendar"}, f"[sites.{code}]")
        return NewSite(code, **{name: str(value) for name, value in row.items() if name in ("name", "zone", "pack", "calendar")})


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def is_iso_like(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?", text))


def find_code(name: str, text: str) -> Code | None:
    """The member of a code list by its code or its label."""
    wanted = fold(text)
    members: Sequence[Code] = tuple(CODES[name])
    return next((member for member in members if wanted in (member.value, fold(member.label))), None)
