"""What leaves for a spreadsheet program is text there too, whoever wrote it and with whatever signs."""

from __future__ import annotations

import ast
import csv
import io

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.architecture.source import modules
from tests.facts import MONDAY
from ticketing.core.exports import could_be_formula, csv_text, neutral, sheet_bytes

FORMULAS = (
    "=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u200b=1", "\ufeff=1", "\x00=1", "＝1+1",
    "＋1", "－1", "＠A",
    "﹦1", "⁼1", "=HYPERLINK(\"http://x\",\"y\")", "|cmd", "%0A=1", "\u2060\u202e=1", "\x1f=1", "₌1",
)


@pytest.mark.parametrize("cell", FORMULAS, ids=ascii)
def test_what_could_be_computed_is_made_text(cell):
    assert neutral(cell) == f"'{cell}"
    ((said,),) = csv.reader(io.StringIO(csv_text([[cell]]), newline=""))
    assert not could_be_formula(said)


@pytest.mark.parametrize("cell", ["Mrs Khan", "", "nine hours", "26-7KQ4-M2XR-9C", "O'Neill", "a=b", "5 %", "e-mail"])
def test_what_is_plain_stays_as_it_is(cell):
    assert neutral(cell) == cell


def test_a_csv_is_quoted_whole_and_reads_back():
    rows = [["Name", "Said"], ["Zoë, \"Zed\"", "two\nlines"], [None, 7], [MONDAY, True]]
    text = csv_text(rows)
    assert text.startswith('"Name","Said"\r\n')
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["Name", "Said"], ['Zoë, "Zed"', "two\nlines"], ["", "7"], [MONDAY.isoformat(), "True"]]


@pytest.mark.parametrize("cell", FORMULAS, ids=ascii)
def test_a_cell_of_a_workbook_is_typed_as_text(cell):
    book = openpyxl.load_workbook(io.BytesIO(sheet_bytes([["Heading"], [cell]], "Cases")))
    found = book.active["A2"]
    assert found.data_type != "f"
    assert found.value is None or isinstance(found.value, str)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_no_text_at_all_leaves_as_a_formula(cell):
    assert not could_be_formula(neutral(cell))
    ((said,),) = list(csv.reader(io.StringIO(csv_text([[cell]]), newline=""))) or [("",)]
    assert not could_be_formula(said)


def test_every_table_that_leaves_goes_through_the_one_place():
    makers = {"csv.writer", "csv.DictWriter", "Workbook", "openpyxl.Workbook"}
    writers = {module.name for module in modules() for node in ast.walk(module.tree)
               if isinstance(node, ast.Call) and ast.unparse(node.func) in makers}
    assert writers <= {"ticketing.core.exports", "ticketing.cases.rules.sheets"}  # the second calls `neutral` for each cell
