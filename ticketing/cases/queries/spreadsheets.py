"""Reading a spreadsheet and its mapping from their files: CSV or XLSX, told apart by the bytes; what is broken is refused in words."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ticketing.cases.rules import Cell, HistoryMapping, ImportMapping, Row, Sheet, read_csv, read_history_mapping, read_mapping
from ticketing.cases.rules import sheet_of as sheet_of_rows
from ticketing.core.errors import Invalid

LARGEST_FILE = 200_000_000  # bytes, packed or not
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
GZIP = b"\x1f\x8b"


def mapping_from(path: Path, given: Mapping[str, str]) -> ImportMapping:
    """The mapping in a file, with `given` constants put over its own.  Raises Invalid with every fault, one a line."""
    return read_mapping(_text_of(path), given)


def history_mapping_from(path: Path) -> HistoryMapping:
    """The mapping of an old system in a file.  Raises Invalid with every fault, one a line."""
    return read_history_mapping(_text_of(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The mapping {path} cannot be read: {error}.") from error


def sheet_from(path: Path, mapping: ImportMapping | HistoryMapping) -> Sheet:
    """The rows of a CSV (packed with gzip or not) or XLSX file, told apart by its bytes and not its name.  Raises Invalid."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"The file is larger than {LARGEST_FILE // 1_000_000} MB. Split it and import the parts one after the other.")
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"The file {path} cannot be read: {error}.") from error
    if data.startswith(GZIP):
        data = _unpacked(data)
    if data.startswith(OLD_EXCEL):
        raise Invalid("This is an old Excel file (.xls) or a locked one. Save it as .xlsx or as CSV, without a password, and try again.")
    if data.startswith(b"PK\x03\x04"):
        return _workbook(data, mapping.sheet)
    return read_csv(data, encoding=mapping.encoding, delimiter=mapping.delimiter)


def _unpacked(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            found = packed.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid("The packed file is damaged. Unpack it, or pack it again, and retry.") from error
    if len(found) > LARGEST_FILE:
        raise Invalid(f"Unpacked, the file is larger than {LARGEST_FILE // 1_000_000} MB. Split it and import the parts.")
    return found


def _workbook(data: bytes, name: str) -> Sheet:
    from openpyxl import load_workbook  # a third of a second, which no other command should pay

    _refuse_bomb(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        if name and name not in book.sheetnames:
            raise Invalid(f"The workbook has no sheet “{name}”. It has: {', '.join(book.sheetnames)}. Correct [file] sheet in the mapping.")
        page: Any = book[name] if name else book.worksheets[0]
        return sheet_of_rows(_rows(page), f"read as the sheet “{page.title}” of a workbook")
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"The workbook cannot be read ({type(error).__name__}). Open it, save it again as .xlsx and retry.") from error


def _refuse_bomb(data: bytes) -> None:
    try:
        unpacked = sum(item.file_size for item in zipfile.ZipFile(io.BytesIO(data)).infolist())
    except zipfile.BadZipFile as error:
        raise Invalid("The workbook is damaged. Open it, save it again as .xlsx or CSV, and retry.") from error
    if unpacked > LARGEST_FILE:
        raise Invalid(f"Unpacked, the workbook is larger than {LARGEST_FILE // 1_000_000} MB. Split it and import the parts.")


def _rows(page: Any) -> Iterator[Row]:
    width = 0
    for line, values in enumerate(page.iter_rows(values_only=True), start=1):
        cells = _without_end([_cell(value) for value in values])
        width = width or len(cells)
        yield Row(line, tuple(cells + [""] * (width - len(cells))))


def _without_end(cells: list[Cell]) -> list[Cell]:
    while cells and cells[-1] == "":
        cells.pop()
    return cells


def _cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
