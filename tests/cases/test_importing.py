"""Spreadsheets become cases: the real ones of two NHS publications, made-up ones, and ones made to hurt."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask
from openpyxl import Workbook
from sqlalchemy import func, select

from tests.factories import make_hospital
from tests.facts import MONDAY, ROOT, TUESDAY, shared
from tests.probes import assert_all_or_nothing, contents, count_queries
from ticketing.audit import queries as trail
from ticketing.audit.models import AuditEntry
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.rules import Checked, GoodRow, ImportMapping, Places, Row, Sheet, check_sheet, read_csv, read_mapping, rejects_csv
from ticketing.codes.rules import CaseType
from ticketing.commands.cases import IMPORT_BATCH, IMPORTER
from ticketing.core.database import db
from ticketing.core.errors import Invalid
from ticketing.firings.models import Firing
from ticketing.people.models import Person
from ticketing.sla import queries as sla
from ticketing.sla.models import Timer
from ticketing.sla.rules import State

MAPPINGS = ROOT / "docs" / "imports"
PLACES = Places({"MAIN": "Europe/London", "EAST": "Europe/London"}, {"WARD-7": "MAIN", "WARD-9": "EAST"}, frozenset({"CENTRAL"}))
PLAIN = """
source = "diary"
key = ["ref"]
[constants]
site = "MAIN"
channel = "letter"
case_type = "complaint_formal"
is_anonymous = true
[columns]
narrative = "text"
[columns.received_at]
from = "received"
order = "day_month"
"""


def mapping(text: str = PLAIN, **given: str) -> ImportMapping:
    return read_mapping(text, given)


def sheet(text: str | bytes, *, encoding: str = "auto", delimiter: str = ",") -> Sheet:
    return read_csv(text if isinstance(text, bytes) else text.encode(), encoding=encoding, delimiter=delimiter)


def checked(text: str | bytes, how: str = PLAIN, *, at: datetime = TUESDAY) -> Checked:
    made = mapping(how)
    return check_sheet(sheet(text, delimiter=made.delimiter), made, PLACES, at=at)


def faults(text: str | bytes, how: str = PLAIN) -> dict[int, str]:
    return {item.row.line: item.why for item in checked(text, how).bad}


def fields(text: str | bytes, how: str = PLAIN) -> list[dict]:
    found = checked(text, how)
    assert not found.bad, [item.why for item in found.bad]
    return [dict(row.fields) for row in found.good]


# --- the mapping ---


@pytest.mark.parametrize(("change", "sentence"), [
    (("source = \"diary\"", "source = \"Ward Diary!\""), "source: give the file's origin a short name"),
    (("key = [\"ref\"]", "key = []"), "key: name one column"),
    (("case_type = \"complaint_formal\"", "case_type = \"moan\""), "“moan” is not on the list"),
    (("narrative = \"text\"", "story = \"text\""), "“story” is not a field of a concern"),
    (("order = \"day_month\"", ""), "say how these dates are written"),
    (("order = \"day_month\"", "order = \"guess\""), "It is never guessed row by row"),
    (("is_anonymous = true", ""), "Say who complained"),
    (("[columns]", "[file]\ndelimiter = \";;\"\n[columns]"), "the one character that stands between cells"),
    (("source = \"diary\"", "source = \"diary\"\nzone = \"Mars/Olympus\""), "is not a time zone"),
    (("source = \"diary\"", "source = \"diary\"\nspeed = 9"), "unknown key “speed”"),
    (("site = \"MAIN\"", ""), "site is needed"),
    (("[columns]", "[columns]\ncase_type = \"kind\""), "given as a constant and as a column"),
    (("source = \"diary\"", "source = "), "The mapping is not TOML"),
])
def test_a_mapping_that_cannot_be_used_says_where_and_what(change, sentence):
    assert change[0] in PLAIN
    with pytest.raises(Invalid, match=re.escape(sentence)):
        mapping(PLAIN.replace(*change))


def test_all_faults_of_a_mapping_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        mapping("source = \"\"\nkey = 3\n")
    assert len(refused.value.message.splitlines()) >= 7


def test_a_mapping_that_does_not_fit_the_file_names_the_columns():
    with pytest.raises(Invalid, match=r"no column “text”\. It has: “ref”, “received”, “words”"):
        checked("ref,received,words\nA,01/03/2026,x\n")
    with pytest.raises(Invalid, match="parted by “;”, write so in the mapping"):
        checked("ref;received;text\nA;01/03/2026;x\n")
    with pytest.raises(Invalid, match=r"the site “WEST”, which this hospital does not have\. It has: EAST, MAIN"):
        checked("ref,received,text\n", PLAIN.replace("\"MAIN\"", "\"WEST\""))
    with pytest.raises(Invalid, match="has the column “text” twice"):
        checked("ref,received,text,text\nA,01/03/2026,x,y\n")


def test_a_constant_given_by_hand_replaces_the_mapping_s_column():
    made = mapping(received_at="2026-02-03")
    found = check_sheet(sheet("ref,text\nA,x\n"), made, PLACES, at=TUESDAY)
    assert found.good[0].fields["received_at"] == datetime(2026, 2, 3, 12, tzinfo=UTC)


# --- rows ---


def test_a_row_s_faults_name_line_column_and_what_to_do():
    found = faults("ref,received,text\nA,31/02/2026,x\nA,01/03/2026,y\n,01/03/2026,z\nD,01/03/2026,\nE,04/03/2026,w\n")
    assert found == {
        2: "column “received”: “31/02/2026” is no real day, read as day/month/year. Correct the date.",
        3: "column “ref”: It is the same as on line 2. Give each row its own, or take one of them out.",
        4: "column “ref”: It is empty, so this row could not be told from others. Give it a value of its own.",
        5: "column “text”: It is empty: there is no concern in this row. Take the row out, or write what was said.",
        6: "column “received”: 04/03/2026 is in the future. Correct the date.",
    }


def test_a_line_is_where_the_row_begins_though_cells_hold_line_ends():
    found = faults("ref,received,text\r\nA,01/03/2026,\"one\r\ntwo\r\nthree\"\r\nB,99/03/2026,x\r\n")
    assert list(found) == [5]
    assert fields("ref,received,text\r\nA,01/03/2026,\"one\r\ntwo\"\r\n")[0]["narrative"] == "one\ntwo"


def test_no_break_spaces_and_capitals_do_not_hide_a_heading_or_a_value():
    how = PLAIN.replace("case_type = \"complaint_formal\"\n", "").replace(
        "[columns]", "[columns.case_type]\nfrom = \"The Kind\"\nblank = \"suggestion\"\n"
        "values = { \"PTS - Bad\" = \"complaint_formal\" }\n[columns]")
    found = fields("ref,received,the\u00a0 kind,text\nA,01/03/2026,PTS\u00a0 -  bad,x\nB,01/03/2026,\u00a0,y\n", how)
    assert [row["case_type"] for row in found] == [CaseType.COMPLAINT_FORMAL, CaseType.SUGGESTION]


def test_codes_of_places_must_be_known_and_belong_together():
    how = PLAIN.replace("[columns]", "[columns]\nunit = \"ward\"\nteam = \"team\"")
    found = faults("ref,received,text,ward,team\nA,01/03/2026,x,WARD-8,\nB,01/03/2026,x,WARD-9,\nC,01/03/2026,x,ward-7,NORTH\n", how)
    assert "“WARD-8” is no unit" in found[2]
    assert "WARD-9 is not on the site MAIN" in found[3]
    assert "“NORTH” is no team" in found[4]


def test_people_are_named_or_said_to_be_anonymous():
    how = PLAIN.replace("is_anonymous = true\n", "").replace(
        "[columns]", "[columns]\ncomplainant_name = \"who\"\nis_anonymous = { from = \"anon\", blank = false }\n"
        "patient_date_of_birth = { from = \"born\", order = \"iso\" }")
    text = "ref,received,text,who,anon,born\nA,01/03/2026,x,Amina  Khan,,1950-04-01\nB,01/03/2026,x,,yes,\nC,01/03/2026,x,,no,\n"
    found = checked(text, how)
    assert [(row.fields["complainant_name"], row.fields["is_anonymous"]) for row in found.good] == [("Amina Khan", False), ("", True)]
    assert found.good[0].fields["patient_date_of_birth"] == date(1950, 4, 1)
    assert "Write the complainant's name, or map is_anonymous" in found.bad[0].why


# --- dates ---


def dated(*dates: str, order: str = "day_month") -> Checked:
    rows = "".join(f"C{number},{text},x\n" for number, text in enumerate(dates))
    return checked(f"ref,received,text\n{rows}", PLAIN.replace("\"day_month\"", f"\"{order}\""))


@pytest.mark.parametrize(("order", "text", "moment"), [
    ("day_month", "03/04/2024", datetime(2024, 4, 3, 11, tzinfo=UTC)),  # a bare date is noon, here in summer time
    ("day_month", "3.4.2024", datetime(2024, 4, 3, 11, tzinfo=UTC)),
    ("month_day", "03/04/2024", datetime(2024, 3, 4, 12, tzinfo=UTC)),
    ("day_month", "03/04/2024 09:15", datetime(2024, 4, 3, 8, 15, tzinfo=UTC)),
    ("iso", "2024-04-03", datetime(2024, 4, 3, 11, tzinfo=UTC)),
    ("iso", "2024-04-03T09:15:30Z", datetime(2024, 4, 3, 9, 15, 30, tzinfo=UTC)),
    ("iso", "2024-10-27T01:30:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),  # twice on that day: the first
])
def test_a_date_is_read_as_the_mapping_says(order, text, moment):
    assert dated(text, order=order).good[0].fields["received_at"] == moment


@pytest.mark.parametrize(("order", "text"), [
    ("day_month", "2024-04-03"), ("day_month", "45385"), ("day_month", "3-Apr-24"), ("day_month", "00/00/0000"),
    ("day_month", "31/12/9999"), ("day_month", "03/04/24"), ("iso", "03/04/2024"), ("iso", "2024-02-30"),
    ("iso", "2024-03-31T01:30:00"), ("iso", "2024-04-03T25:00"),
    ("day_month", "01/01/1899"), ("iso", "２０２４-04-03"),
])
def test_a_date_that_cannot_be_read_so_is_refused(order, text):
    assert len(dated(text, order=order).bad) == 1


def test_a_group_that_contradicts_itself_is_left_out_whole_and_the_rest_is_taken():
    how = PLAIN.replace("order = \"day_month\"", "group_by = \"service\"\norder = \"day_month\"\n"
                        "[[columns.received_at.groups]]\nis = \"Clinic\"\norder = \"month_day\"")
    rows = ["A,Ward,03/04/2024", "B,Ward,13/04/2024", "C,Car,03/04/2024", "D,Car,13/04/2024", "E,Car,04/13/2024", "F,CLINIC,03/04/2024",
            "G,Clinic,04/13/2024", "H,Desk,04/13/2024", "I,Desk,01/02/2024"]
    found = checked("ref,service,received,text\n" + "".join(f"{row},x\n" for row in rows), how)
    assert {row.source_key[-1]: row.fields["received_at"].strftime("%d %b") for row in found.good} == {
        "A": "03 Apr", "B": "13 Apr", "F": "04 Mar", "G": "13 Apr"}
    why = {item.row.cells[0]: item.why for item in found.bad}
    assert set(why) == {"C", "D", "E", "H", "I"}
    assert "The group service “Car” contradicts itself: 1 dates can only be day/month/year (line 5) and 1 only month/day/year" in why["C"]
    assert why["H"] == why["I"]
    assert "service “Desk” is declared day/month/year, but 1 dates cannot be read so (line 9)" in why["I"]


def test_an_unknown_order_must_show_itself_in_its_group():
    assert [row.fields["received_at"].day for row in dated("03/04/2024", "13/04/2024", order="unknown").good] == [3, 13]
    assert [row.fields["received_at"].month for row in dated("03/04/2024", "04/13/2024", order="unknown").good] == [3, 4]
    assert not dated("03/04/2024", "04/13/2024", "13/04/2024", order="unknown").good
    assert not dated("03/04/2024", "05/06/2024", order="unknown").good


def test_a_bare_date_of_today_is_not_in_the_future():
    assert dated("03/03/2026").good[0].fields["received_at"] == TUESDAY


# --- files ---


def test_encodings_are_declared_or_told_by_their_bytes_with_the_reason():
    text = "ref,received,text\nA,01/03/2026,“café” – rude\n"
    for data, told in (
        (text.encode(), "UTF-8 (its accented letters are UTF-8)"), (text.encode("utf-8-sig"), "UTF-8 (it begins with the UTF-8 mark)"),
        (text.encode("cp1252"), "Windows-1252 (its accented letters are not UTF-8)"), (text.encode("utf-16"), "UTF-16"),
    ):
        found = sheet(data)
        assert told in found.read_as
        assert found.heading == ("ref", "received", "text")
        assert found.rows[0].cells[2] == "“café” – rude"


def test_a_row_in_another_encoding_is_refused_and_the_others_are_kept():
    row = "A,01/03/2026,café\n"
    found = checked(("ref,received,text\n" + row).encode() + row.replace("A", "B").encode("cp1252"))
    assert [good.line for good in found.good] == [2]
    assert "cannot be read in the encoding of the file" in found.bad[0].why


def test_a_file_of_rejects_is_a_spreadsheet_that_runs_nothing_and_comes_in_again():
    text = "ref,received,text\nA,99/03/2026,=HYPERLINK(\"http://x\")\nB,99/03/2026,-3\nC,99/03/2026,'quoted'\n"
    found = checked(text.replace("=HYPERLINK(\"http://x\")", "\"=HYPERLINK(\"\"http://x\"\")\""))
    words = rejects_csv(sheet(text.replace("=HYPERLINK(\"http://x\")", "\"=HYPERLINK(\"\"http://x\"\")\"")),
                        [(item.row, item.why) for item in found.bad])
    rows = list(csv.reader(words.splitlines()))
    assert rows[0] == ["ref", "received", "text", "Line in the file", "Why it was left out"]
    assert [row[2] for row in rows[1:]] == ["'=HYPERLINK(\"http://x\")", "'-3", "'quoted'"]
    assert [row[3] for row in rows[1:]] == ["2", "3", "4"]
    again = fields(words.replace("99/03", "01/03"))
    assert [row["narrative"] for row in again] == ["=HYPERLINK(\"http://x\")", "-3", "'quoted'"]


def test_cells_that_a_spreadsheet_would_run_are_made_text():
    given = json.loads(shared("data", "hostile", "csv_formula_strings.json").read_text(encoding="utf-8"))
    for text in [*given["upstream"], *given["own"]]:
        row = Row(2, (text,))
        cell = next(iter(list(csv.reader(rejects_csv(Sheet(("a",), (row,), ""), [(row, "why")]).splitlines(keepends=True)))[1:]))[0]
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")), text


# --- the verbs ---


def good_rows(*refs: str) -> list[GoodRow]:
    return list(checked("ref,received,text\n" + "".join(f"{ref},01/03/2026,It was {ref}\n" for ref in refs)).good)


@pytest.fixture
def hospital(app: Flask):
    return make_hospital()


def test_a_batch_is_written_once_whoever_runs_it_again(hospital):
    rows = good_rows("A", "B", "C")
    assert service.import_batch("diary", rows[:2], by=IMPORTER, at=TUESDAY) == 2
    assert service.import_batch("diary", rows, by=IMPORTER, at=TUESDAY) == 1
    assert sorted(db.session.scalars(select(Case.narrative))) == ["It was A", "It was B", "It was C"]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "case.imported")).first()
    assert json.loads(entry.body)["facts"]["source"] == "diary"
    assert trail.verify().is_whole


def test_a_batch_is_whole_or_nothing(hospital):
    rows = good_rows("A", "B")
    assert_all_or_nothing(lambda: service.import_batch("diary", rows, by=IMPORTER, at=TUESDAY))


def test_a_batch_asks_the_same_questions_however_many_rows(hospital):
    with count_queries() as few:
        service.import_batch("diary", good_rows("A"), by=IMPORTER, at=TUESDAY)
    with count_queries() as many:
        service.import_batch("diary", good_rows(*(f"B{number}" for number in range(60))), by=IMPORTER, at=TUESDAY)
    asked = [sum(statement.startswith("SELECT") for statement in counted.sent) for counted in (few, many)]
    assert asked[1] <= asked[0]


def test_an_old_import_tells_nobody_late(hospital):
    service.import_batch("diary", good_rows("A"), by=IMPORTER, at=datetime(2026, 7, 1, 9, tzinfo=UTC))
    due = select(func.count()).select_from(Firing).where(Firing.fire_at <= datetime(2026, 7, 1, 9, tzinfo=UTC), Firing.state == "planned")
    assert db.session.scalar(due) == 0


# --- the command ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.toml").write_text(PLAIN, encoding="utf-8")
    return tmp_path


def put(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def bring_in(run, file: Path, *words: str, mapping_file: Path | None = None):
    return run.invoke(args=["cases", "import", str(file), "--mapping", str(mapping_file or file.parent / "m.toml"), *words])


def case_count() -> int:
    return db.session.scalar(select(func.count()).select_from(Case))


def test_nothing_is_written_unless_all_rows_are_good(run, hospital, folder):
    file = put(folder, "ref,received,text\nA,01/03/2026,x\nB,31/02/2026,y\n")
    before = contents()
    answer = bring_in(run, file)
    assert answer.exit_code == 1
    assert "line 3: column “received”: “31/02/2026” is no real day" in answer.output
    assert "2 read: 1 good (0 already there), 1 rejected. 0 written." in answer.output
    assert contents() == before
    assert not list(folder.glob("*.rejects.csv"))


def test_skip_bad_takes_the_good_and_keeps_the_bad_beside_the_file(run, hospital, folder):
    file = put(folder, "ref,received,text\nA,01/03/2026,x\nB,31/02/2026,=1+1\n")
    answer = bring_in(run, file, "--skip-bad")
    assert answer.exit_code == 0, answer.output
    assert "2 read: 1 good (0 already there), 1 rejected. 1 written." in answer.output
    kept = list(csv.DictReader((folder / "rows.csv.rejects.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["ref"], row["text"], row["Line in the file"]) for row in kept] == [("B", "'=1+1", "3")]
    assert "no real day" in kept[0]["Why it was left out"]


def test_a_dry_run_writes_nothing_at_all(run, hospital, folder):
    before = contents()
    answer = bring_in(run, put(folder, "ref,received,text\nA,01/03/2026,x\nB,,y\n"), "--dry-run", "--skip-bad")
    assert (answer.exit_code, contents()) == (0, before)
    assert "1 case would be made" in answer.output
    assert not list(folder.glob("*.rejects.csv"))
    assert bring_in(run, folder / "rows.csv", "--dry-run").exit_code == 1


def test_a_second_run_writes_nothing(run, hospital, folder):
    file = put(folder, "ref,received,text\nA,01/03/2026,x\nB,02/03/2026,y\n")
    assert "2 written" in bring_in(run, file).output
    before = contents()
    answer = bring_in(run, file)
    assert (answer.exit_code, contents()) == (0, before)
    assert "2 good (2 already there), 0 rejected. 0 written." in answer.output


def test_the_trail_says_that_an_import_began_and_how_it_ended(run, hospital, folder):
    bring_in(run, put(folder, "ref,received,text\nA,01/03/2026,x\nB,,y\n", "Mrs Khan.csv"), "--skip-bad")
    entries = {entry.act: entry for entry in db.session.scalars(select(AuditEntry).where(AuditEntry.stream == "import"))}
    assert set(entries) == {"import.started", "import.finished"}
    told = json.loads(entries["import.finished"].body)["facts"]
    assert {name: told[name] for name in ("source", "rows", "rejected", "known", "count")} == {
        "source": "diary", "rows": 2, "rejected": 1, "known": 0, "count": 1}
    assert "Khan" not in entries["import.finished"].body.decode()


def test_what_cannot_run_says_so_and_exits_2(run, hospital, folder):
    good = put(folder, "ref,received,text\nA,01/03/2026,x\n")
    bad_mapping = put(folder, "source = 1", "bad.toml")
    for file, how, sentence in (
        (good, bad_mapping, "source: give the file's origin"), (put(folder, "", "empty.csv"), None, "The file is empty"),
        (put(folder, "a,b\n1,2\n", "other.csv"), None, "The file has no column “ref”"),
        (put(folder, b"\xd0\xcf\x11\xe0old", "old.xls"), None, "old Excel file"),
        (put(folder, b"PK\x03\x04broken", "broken.xlsx"), None, "The workbook is damaged"),
        (folder / "nowhere.csv", None, "does not exist"),
    ):
        answer = bring_in(run, file, mapping_file=how or folder / "m.toml")
        assert answer.exit_code == 2, answer.output
        assert sentence in answer.output
    assert case_count() == 0
    assert "field and its value" in bring_in(run, good, "--set", "site").output


def test_a_workbook_comes_in_like_a_csv(run, hospital, folder):
    book = Workbook()
    page = book.active
    page.append(["ref", "received", "text", "note"])
    page.append([1, date(2026, 3, 1), "typed date", None])
    page.append([2.0, "28/02/2026", "written date", "=1+1"])
    page.append([None, None, None, None])
    page.append([3, "30/02/2026", "no such day", "=1+1"])
    book.save(folder / "rows.xlsx")
    answer = bring_in(run, folder / "rows.xlsx", "--skip-bad")
    assert answer.exit_code == 0, answer.output
    assert "read as the sheet “Sheet” of a workbook, 1 empty lines passed over" in answer.output
    assert "line 5: column “received”" in answer.output
    assert dict(db.session.execute(select(Case.source_key, Case.received_at)).all()) == {
        "diary:1": datetime(2026, 3, 1, 12, tzinfo=UTC), "diary:2": datetime(2026, 2, 28, 12, tzinfo=UTC)}


# --- hostile files ---


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    subprocess.run([sys.executable, str(shared("data", "hostile", "make_hostile.py")), str(folder)], check=True, capture_output=True)
    return folder


VERDICTS = {  # what becomes of each file under the plain mapping: exit code, cases, and a word of the answer
    "csv_utf8_bom.csv": (0, 1, "1 written"), "csv_utf16le.csv": (0, 1, "UTF-16"), "csv_cp1252.csv": (0, 1, "Windows-1252"),
    "csv_mixed_bytes.csv": (0, 1, "cannot be read in the encoding"), "csv_nul.csv": (0, 1, ""),
    "csv_unclosed.csv": (2, 0, "Line 2: a quotation mark is opened and never closed"), "csv_cr_only.csv": (0, 1, "1 written"),
    "csv_semicolon_decimal_comma.csv": (2, 0, "parted by “;”"), "csv_not_sign.csv": (2, 0, "has no column"),
    "csv_ragged.csv": (0, 0, "The row has 2 cells where the heading has 4"), "csv_dup_header.csv": (2, 0, "has no column “received”"),
    "csv_formula.csv": (0, 6, "6 written"), "csv_huge_cell.csv": (0, 0, "1,000,000 characters; at most 20,000"),
    "csv_ambiguous_dates.csv": (2, 0, "has no column “text”"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_hostile_file_gets_a_sentence_and_never_a_traceback(run, hospital, folder, hostile, name):
    code, cases, word = VERDICTS[name]
    answer = bring_in(run, put(folder, (hostile / name).read_bytes(), name), "--skip-bad")
    assert answer.exit_code == code, answer.output
    assert word in answer.output
    assert "Traceback" not in answer.output
    assert case_count() == cases


def test_hostile_dates_are_read_as_the_mapping_says_or_refused(hostile):
    text = (hostile / "csv_ambiguous_dates.csv").read_bytes().replace(b"ref,received", b"ref,received,text").replace(b"\n", b",x\n")
    text = text.replace(b"ref,received,text,x", b"ref,received,text")
    kept = {}
    for order in ("day_month", "iso"):
        found = checked(text, PLAIN.replace("\"day_month\"", f"\"{order}\""))
        kept[order] = {row.source_key.removeprefix("diary:"): row.fields["received_at"].strftime("%Y-%m-%d") for row in found.good}
    assert kept == {"day_month": {}, "iso": {"C3": "2024-04-03", "C12": "2024-10-27"}}  # C1 and C2 contradict each other


def test_every_other_hostile_file_is_refused_in_words(run, hospital, folder, hostile):
    for path in sorted(hostile.iterdir()):
        if path.name not in VERDICTS:
            answer = bring_in(run, path, "--skip-bad", "--dry-run", mapping_file=folder / "m.toml")
            assert (answer.exit_code, "Error: " in answer.output) == (2, True), f"{path.name}: {answer.output}"
    assert case_count() == 0


def test_hostile_words_come_in_as_they_are(run, hospital, folder):
    strings = [text for text in json.loads(shared("data", "hostile", "blns.json").read_text(encoding="utf-8")) if text.strip()]
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ref", "received", "text"])
        writer.writerows([number, "01/03/2026", text] for number, text in enumerate(strings))
    answer = bring_in(run, folder / "rows.csv", "--skip-bad")
    assert answer.exit_code == 0, answer.output
    told = Counter(db.session.scalars(select(Case.narrative)))
    expected = Counter(text.replace("\r\n", "\n").replace("\r", "\n").strip() for text in strings if "\x00" not in text)
    assert told == expected - (expected - told)
    assert sum((expected - told).values()) == int(re.search(r"([0-9,]+) rejected", answer.output)[1])


# --- the real files ---


def real(run, name: str, file: str, folder: Path, *words: str):
    path = put(folder, shared("data", name, file).read_bytes(), file)
    truth = json.loads(shared("data", name, "truth.json").read_text(encoding="utf-8"))
    return path, truth, words


def test_the_nhs_survey_comes_in_but_for_the_group_that_contradicts_itself(run, app, folder, set_clock):
    set_clock(datetime(2022, 10, 3, 9, 30, tzinfo=UTC))
    path, truth, _ = real(run, "nhs_fft_pxtextmining", "fft_comments.csv", folder)
    answer = bring_in(run, path, "--skip-bad", mapping_file=MAPPINGS / "nhs_fft.toml")
    assert answer.exit_code == 0, answer.output
    orders = truth["date_order_by_trust_and_service"]
    torn = sum(number for group, number in orders.items() if "See and Convey" in group)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(keepends=True)))
    empty = [row for row in rows if not row["FFT answer"].strip()]
    assert len(empty) == truth["empty"]
    outside = sum(row["Service type 1"] != "See and Convey" for row in empty)
    assert (torn, case_count()) == (1125, truth["rows"] - torn - outside)
    made = case_count()
    assert f"{truth['rows']:,} read: {made:,} good (0 already there), {torn + outside:,} rejected. {made:,} written." in answer.output
    rejects = list(csv.DictReader((folder / "fft_comments.csv.rejects.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert len(rejects) + case_count() == truth["rows"]
    assert {row["Comment ID"] for row in rejects} >= {row["Comment ID"] for row in rows if row["Service type 1"] == "See and Convey"}

    complaints = sum(
        row["Comment sentiment"] in ("4", "5") and row["Service type 1"] != "See and Convey" for row in rows)
    kinds = Counter(db.session.scalars(select(Case.case_type)))
    assert kinds[CaseType.COMPLAINT_FORMAL] == complaints
    timers = Counter(tuple(row) for row in db.session.execute(select(Timer.target, Timer.state)))
    assert timers["six_months", State.RUNNING] + timers["six_months", State.BREACHED] == complaints
    assert timers["six_months", State.RUNNING] > 200
    months = Counter(moment.strftime("%Y-%m") for moment in db.session.scalars(select(Case.received_at)))
    assert min(months) == "2021-04"
    assert max(months) == "2022-09"
    assert [found for _, found in sla.drifts(at=datetime(2022, 10, 3, 9, 30, tzinfo=UTC)) if found] == []

    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    again = bring_in(run, path, "--skip-bad", mapping_file=MAPPINGS / "nhs_fft.toml")
    assert "0 written" in again.output
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_dirty_rows_of_the_nhs_feedback_are_left_out_and_the_critical_become_complaints(run, app, folder, set_clock):
    set_clock(MONDAY)
    path, truth, _ = real(run, "nhs_feedback_phase1", "feedback.csv", folder)
    refused = bring_in(run, path, mapping_file=MAPPINGS / "nhs_feedback_phase1.toml")
    assert (refused.exit_code, case_count()) == (1, 0)
    answer = bring_in(run, path, "--skip-bad", mapping_file=MAPPINGS / "nhs_feedback_phase1.toml")
    dirty = truth["criticality_not_a_number_minus5_to_5"]
    assert case_count() == truth["rows"] - dirty
    assert f"{dirty} rejected" in answer.output
    kinds = Counter(db.session.scalars(select(Case.case_type)))
    assert kinds[CaseType.COMPLAINT_FORMAL] == truth["critical_minus2_or_worse"]
    assert db.session.scalar(select(func.count()).select_from(Timer).where(
        Timer.target == "acknowledge", Timer.state == State.RUNNING)) == truth["critical_minus2_or_worse"]
    assert db.session.scalar(select(func.count()).select_from(Person)) == truth["rows"] - dirty


# --- killed in the middle ---


def test_an_import_killed_in_the_middle_goes_on_and_each_row_is_there_once(committing_app, folder):
    make_hospital()
    rows = "".join(f"R{number},01/03/2026,It was {number}\n" for number in range(4_000))
    file = put(folder, f"ref,received,text\n{rows}")
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "cases", "import", str(file), "--mapping", str(folder / "m.toml")]
    environment = {**os.environ, "DATABASE_URL": committing_app.config["DATABASE_URL"], "SECRET_KEY": str(committing_app.secret_key)}
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while first.poll() is None and not count_now():
            time.sleep(0.02)
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    there = count_now()
    assert 0 < there < 4_000, "it was not stopped in the middle"
    assert there % IMPORT_BATCH == 0
    second = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert f"({there:,} already there), 0 rejected. {4_000 - there:,} written." in second.stdout
    db.session.rollback()
    assert case_count() == 4_000
    assert db.session.scalar(select(func.count(Case.source_key.distinct()))) == 4_000
    assert trail.verify().is_whole


def count_now() -> int:
    db.session.rollback()
    return case_count()


def test_what_is_known_is_asked_in_few_statements(hospital):
    service.import_batch("diary", good_rows("A", "B"), by=IMPORTER, at=TUESDAY)
    with count_queries() as asked:
        known = queries.known_source_keys([f"diary:{letter}" for letter in "ABCDE"])
    assert (known, len(asked)) == ({"diary:A", "diary:B"}, 1)
