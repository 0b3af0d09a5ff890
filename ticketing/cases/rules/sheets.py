"""From the bytes of a CSV file to a heading and numbered rows; and back to a CSV of rejects that no spreadsheet program executes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ticketing.core.errors import Invalid
from ticketing.core.exports import neutral

Cell = str | datetime | date
LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # str.splitlines would also cut at form feeds and U+2028 inside a cell
LONGEST_CELL = 10_000_000
LINE_HEADING, REASON_HEADING = "Line in the file", "Why it was left out"
MORE_THAN_7_BIT = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is where it begins in the file, counted from 1."""

    line: int
    cells: tuple[Cell, ...]

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() if isinstance(cell, str) else True for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A heading and its rows.  `read_as` says in words how the file was read, and why so."""

    heading: tuple[str, ...]
    rows: tuple[Row, ...]
    read_as: str
    blank_rows: int = 0

    @property
    def is_rejects(self) -> bool:
        """Rows that an earlier import left out: their formula cells carry an apostrophe that is not theirs."""
        return REASON_HEADING in self.heading


def sheet_of(rows: Iterable[Row], read_as: str) -> Sheet:
    """The first row that says anything is the heading; Invalid if there is none."""
    given = list(rows)
    filled = [row for row in given if not row.is_blank]
    if not filled:
        raise Invalid("The file is empty. The first line must name the columns.")
    heading = tuple(text(cell).strip().lstrip("\ufeff") for cell in filled[0].cells)
    while heading and not heading[-1]:
        heading = heading[:-1]
    sheet = Sheet(heading, tuple(filled[1:]), read_as, len(given) - len(filled))
    return Sheet(heading, tuple(_restored(row) for row in sheet.rows), read_as, sheet.blank_rows) if sheet.is_rejects else sheet


def text(cell: Cell) -> str:
    """A cell as it is shown."""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    return cell if isinstance(cell, str) else cell.isoformat()


def read_csv(data: bytes, *, encoding: str, delimiter: str) -> Sheet:
    """A CSV file in a declared encoding, or in the one that its bytes allow (`auto`).

    Bytes that the encoding does not know stay behind as lone surrogates, so that the row and not the file is refused.
    Raises Invalid, naming the line, where the quotes do not match.
    """
    name, why = (encoding, "the mapping says so") if encoding != "auto" else _detect(data)
    decoded = data.decode("utf-8-sig" if name == "utf-8" else name, errors="replace" if name == "utf-16" else "surrogateescape")
    return sheet_of(_records(decoded, delimiter), f"read as {_shown(name)} ({why})")


def _shown(name: str) -> str:
    return {"utf-8": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16"}[name]


def _detect(data: bytes) -> tuple[str, str]:
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8", "it begins with the UTF-8 mark"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "it begins with the UTF-16 mark"
    lines = [line for line in data.split(b"\n") if MORE_THAN_7_BIT.search(line)]
    if not lines:
        return "utf-8", "plain letters only"
    whole = sum(_is_utf8(line) for line in lines)
    if whole:
        broken = len(lines) - whole
        return "utf-8", f"but {broken} of {len(lines)} lines with accents are not" if broken else "its accented letters are UTF-8"
    return "cp1252", "its accented letters are not UTF-8"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _records(decoded: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader((match[0] for match in LINES.finditer(decoded)), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield Row(line, tuple(cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise Invalid(_quote_fault(str(error), line)) from error


def _quote_fault(error: str, line: int) -> str:
    if "end of data" in error:
        return f"Line {line}: a quotation mark is opened and never closed. Close it, or remove it, and try again."
    if "field limit" in error:
        return f"Line {line}: a cell is longer than {LONGEST_CELL:,} characters. Shorten it, and check that its quotation marks are closed."
    return f"Line {line}: the quotation marks do not match. Write a quotation mark inside a cell twice (\"\") and try again."


def rejects_csv(sheet: Sheet, rejected: Iterable[tuple[Row, str]]) -> str:
    """The rejected rows as they came, each with its line and why; a cell that a spreadsheet would execute gets an apostrophe."""
    parts: list[str] = []
    writer = csv.writer(_Collector(parts))
    width = len(sheet.heading)
    own = [place for place, name in enumerate(sheet.heading) if name not in (LINE_HEADING, REASON_HEADING)]
    writer.writerow([*(neutral(sheet.heading[place]) for place in own), LINE_HEADING, REASON_HEADING])
    for row, why in rejected:
        cells = [*(text(cell) for cell in row.cells), *([""] * (width - len(row.cells)))]
        extra = [neutral(cell) for cell in cells[width:]]
        writer.writerow([*(neutral(cells[place]) for place in own), row.line, neutral(why), *extra])
    return "".join(parts)


class _Collector:
    """What csv.writer writes to."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts

    def write(self, part: str) -> int:
        self.parts.append(part)
        return len(part)


def _restored(row: Row) -> Row:
    return Row(row.line, tuple(_bare(cell) for cell in row.cells))


def _bare(cell: Cell) -> Cell:
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and neutral(cell[1:]) == cell else cell


def spread(numbers: Sequence[int], *, most: int = 6) -> str:
    """Line numbers in words: "3, 5–9 and 12 more"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:most]]
    left = sum(last - first + 1 for first, last in runs[most:])
    return ", ".join(shown) + (f" and {left:,} more" if left else "")
