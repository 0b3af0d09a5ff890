"""Tables that leave for a spreadsheet program: no cell is ever a formula, whoever wrote what stands in it."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Mn"})  # controls, marks without width, spaces: a program may skip them

Cell = str | int | float | bool | date | datetime | None


def neutral(cell: str) -> str:
    """A cell as text for any spreadsheet program: what could be read as a formula gets a leading apostrophe.

    Judged after NFKC, so that full-width signs count, and without what does not show: spaces, NUL and other controls, marks.
    """
    return f"'{cell}" if could_be_formula(cell) else cell


def could_be_formula(cell: str) -> bool:
    """Whether some program may compute it."""
    if cell[:1] in {"\t", "\r", "\n"}:
        return True
    seen = next((letter for letter in unicodedata.normalize("NFKC", cell) if unicodedata.category(letter) not in UNSEEN), "")
    return seen in FORMULA


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """RFC 4180, every cell quoted and neutral; numbers and dates as text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])
    return out.getvalue()


def sheet_bytes(rows: Iterable[Sequence[Cell]], title: str) -> bytes:
    """An XLSX file in which text is typed as text: a cell that begins with an equals sign stays the letters it is."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=_storable(value))
            if isinstance(value, str):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return neutral(_clean(cell))
    return cell.isoformat() if isinstance(cell, date | datetime) else str(cell)


def _storable(value: Cell) -> str | float | None:
    if isinstance(value, date | datetime):
        return value.isoformat()  # a sheet's own moments know no zone
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """Without what neither file can hold: controls other than tab and line ends, lone surrogates."""
    return "".join(letter for letter in text if letter in "\t\n\r" or unicodedata.category(letter) not in {"Cc", "Cs"})
