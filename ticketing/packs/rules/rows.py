"""Row: one table of a pack file, read key by key; whatever is wrong is noted with its place and line, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from ticketing.core.errors import Invalid

Word = TypeVar("Word", bound=StrEnum)
Thing = TypeVar("Thing")
MISSING: Any = object()
LONG_AGO = date(1900, 1, 1)
HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"]+)\s*\]\]?")
KEY = re.compile(r"\s*([\w\-]+)((?:\.[\w\-\"]+)*)\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a pack file: where (table and key), in which line (None if unknown), and what to do."""

    where: str
    line: int | None
    sentence: str

    def __str__(self) -> str:
        return f"{f'line {self.line}, ' if self.line else ''}{self.where}: {self.sentence}"


class Lines:
    """Where each table and key of a TOML text stands; the library that reads TOML does not say."""

    def __init__(self, text: str) -> None:
        self._known: dict[tuple[str, int, str], int] = {}
        table, numbers = "", dict[str, int]()
        for line, written in enumerate(text.splitlines(), 1):
            header, key = HEADER.match(written), KEY.match(written)
            if header and "=" not in written.partition("#")[0]:
                table = header[2]
                numbers[table] = numbers.get(table, 0) + 1
                self._known.setdefault((table, numbers[table], ""), line)
                first = table.split(".")[0]                      # [notices.required] belongs to the last [[notices]]
                if first != table:
                    self._known.setdefault((first, numbers.get(first, 1), table.split(".")[1]), line)
            elif key:
                self._known.setdefault((table, numbers.get(table, 1), key[1]), line)

    def of(self, table: str, number: int, key: str = "") -> int | None:
        """The line of a key, else of its table's header; None if it is written in some other way."""
        return self._known.get((table, number, key)) or self._known.get((table, number, ""))


class Row:
    """A table with its name; every accessor notes what is wrong and hands back something harmless."""

    def __init__(self, place: str, data: Any, problems: list[Problem], lines: Lines, table: str = "", number: int = 1) -> None:
        self.place, self.table, self.number = place, table, number
        self.problems, self.lines = problems, lines
        self.seen: set[str] = set()
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.wrong("", f"a table was expected, not “{data}”")

    def wrong(self, key: str, sentence: str) -> None:
        """Note what is wrong with a key, or with the table ("")."""
        line = self.lines.of(self.table, self.number, key)
        self.problems.append(Problem(self.place, line, f"“{key}” {sentence}." if key else f"{sentence}."))

    def take(self, key: str, default: Any = MISSING) -> Any:
        self.seen.add(key)
        if key in self.data:
            return self.data[key]
        if default is MISSING:
            self.wrong(key, "is missing")
        return default

    def text(self, key: str, default: Any = MISSING) -> str:
        value = self.take(key, default)
        if value is MISSING:
            return ""
        if not isinstance(value, str) or (not value.strip() and default is MISSING):
            self.wrong(key, "must be text")
            return ""
        return value

    def texts(self, key: str, default: Any = MISSING) -> tuple[str, ...]:
        value = self.take(key, default)
        if value is MISSING:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            self.wrong(key, "must be a list of words")
            return ()
        return tuple(value)

    def one_of(self, key: str, allowed: tuple[str, ...], default: Any = MISSING) -> str:
        value = self.text(key, default)
        if value not in allowed and (key in self.data or default is not MISSING):
            self.wrong(key, f"is “{value}”; it must be one of {', '.join(filter(None, allowed))}")
        return value

    def words(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        values = self.texts(key)
        if key in self.data and (not values or any(value not in allowed for value in values)):
            self.wrong(key, f"must be a list of {', '.join(allowed)}")
        return values

    def word(self, key: str, kind: type[Word], default: Any = MISSING) -> Word:
        value = self.take(key, default)
        return next(iter(kind)) if value is MISSING else self._as(key, kind, value)

    def kinds(self, key: str, kind: type[Word], default: Any = MISSING) -> tuple[Word, ...]:
        return tuple(self._as(key, kind, value) for value in self.texts(key, default))

    def number_of(self, key: str) -> int | None:
        value = self.take(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            self.wrong(key, "must be a whole number")
            return None
        return value

    def yes(self, key: str, default: Any = MISSING) -> bool:
        value = self.take(key, default)
        if value is not MISSING and not isinstance(value, bool):
            self.wrong(key, "must be true or false")
        return value is True

    def day(self, key: str, default: Any = MISSING) -> Any:
        value = self.take(key, default)
        if value is MISSING:
            return LONG_AGO
        if value is not default and (not isinstance(value, date) or isinstance(value, datetime)):
            self.wrong(key, "must be a date, written year-month-day without quotes")
            return LONG_AGO
        return value

    def sentences(self, key: str) -> Mapping[str, str]:
        value = self.take(key)
        if value is MISSING:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(each, str) and each.strip() for each in value.values()):
            self.wrong(key, "must map each content to a sentence")
            return {}
        return dict(value)

    def answers(self, key: str) -> Mapping[str, bool]:
        value = self.take(key)
        if not isinstance(value, Mapping) or not all(isinstance(each, bool) for each in value.values()):
            self.wrong(key, "must map each question to true or false") if value is not MISSING else None
            return {}
        return dict(value)

    def inner(self, key: str) -> Row | None:
        """The table under a key; None if there is none."""
        value = self.take(key, None)
        if value is None:
            return None
        return Row(f"{self.place}, {key}", value, self.problems, self.lines, self.table, self.number)

    def found(self, key: str, find: Callable[[str], Any]) -> str:
        """A code that another list must know; its sentence is passed on."""
        value = self.text(key)
        try:
            return str(find(value)) if value else value
        except Invalid as unknown:
            self.wrong(key, f"cannot be used: {unknown.message.rstrip('.')}")
            return value

    def rows(self, key: str, read: Callable[[Row], Thing], *, is_needed: bool = True) -> tuple[Thing, ...]:
        values = self.take(key, MISSING if is_needed else [])
        if values is MISSING:
            return ()
        if not isinstance(values, list) or (is_needed and not values):
            self.wrong(key, "must be a list of tables, at least one")
            return ()
        things, known = [], set[str]()
        for number, value in enumerate(values, 1):
            name = value.get("code", number) if isinstance(value, Mapping) else number
            row = Row(f"{key} {name}", value, self.problems, self.lines, key, number)
            things.append(read(row))
            code = f"{row.text('code')}/{row.data.get('level', '')}"
            if code in known:
                row.wrong("code", "is given twice")
            known.add(code)
            row.nothing_else()
        return tuple(things)

    def nothing_else(self) -> None:
        for key in sorted(set(self.data) - self.seen):
            self.wrong(key, "is not a key of this table")

    def _as(self, key: str, kind: type[Word], value: Any) -> Word:
        try:
            return kind(value)
        except ValueError:
            self.wrong(key, f"is “{value}”; it must be one of {', '.join(kind)}")
            return next(iter(kind))
