"""Old systems brought in: three real logs with their figures, once each whatever happens, and bad rows that lose nothing."""

import csv
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.factories import make_case, make_hospital
from tests.facts import ROOT, shared
from tests.probes import contents
from ticketing.audit import queries as trail
from ticketing.audit.models import AuditEntry
from ticketing.cases import queries, service
from ticketing.cases.models import Case, Hold, PastRecord
from ticketing.cases.rules import NoteKind, Past, Status, held_seconds, read_csv, read_history_mapping, read_past
from ticketing.commands.cases import carry_out_history
from ticketing.core.database import db
from ticketing.core.errors import Invalid
from ticketing.core.permissions import machine
from ticketing.escalation.jobs import sweep
from ticketing.firings import service as firings
from ticketing.firings.models import EscalationRule, Firing
from ticketing.outbox.models import OutboxMessage
from ticketing.reports.queries import past_figures
from ticketing.reports.rules import PastFact, resolution_times
from ticketing.sla.models import SlaEvent, Timer
from ticketing.sla.queries import drifts

MAPPINGS = ROOT / "docs" / "imports"
LOGS = {"boston311_2015": "requests.csv.gz", "servicenow_incidents": "incidents.csv.gz", "volvo_bpi2013": "vinst.csv.gz"}
NOT_FIGURES = {"definition", "oddities", "utc_offsets_in_events", "cases_rows_out_of_time_order_in_file",
               "status_closed_without_close_date", "rule"}
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
READER = machine("command")
PLAIN = """
source = "diary"
key = "no"
zone = "Europe/London"
dates = "%Y-%m-%d %H:%M"
[site]
code = "MAIN"
name = "Main"
[moments]
opened = "in"
acknowledged = "ack"
resolved = "out"
closed = "shut"
due = "due"
"""
LOG = PLAIN.split("[moments]")[0] + """
[moments]
[log]
moment = "when"
state = "state"
opens = true
meanings = { "Wait*" = "held", "Done" = "closed" }
[each]
state = "state"
"""
HEAD = "no,in,ack,out,shut,due\n"


def looked_at(text: str, mapping: str = PLAIN) -> Past:
    return read_past(read_csv(text.encode(), encoding="utf-8", delimiter=","), read_history_mapping(mapping), at=NOW)


def reasons(text: str, mapping: str = PLAIN) -> dict[int, str]:
    return {row.line: why for row, why in looked_at(text, mapping).bad}


def bring_in(tmp_path: Path, text: str, mapping: str = PLAIN) -> int:
    file, how = tmp_path / "old.csv", tmp_path / "how.toml"
    file.write_text(text)
    how.write_text(mapping)
    return bring_in_file(file, how)


def bring_in_file(file: Path, how: Path) -> int:
    read = queries.history_mapping_from(how)
    plan = queries.history_plan(file, read, queries.sheet_from(file, read), at=NOW)
    return carry_out_history(plan, now=lambda: NOW, progress=lambda _number: None)


def differences(wanted: Any, found: Any, where: str = "") -> Iterator[str]:
    """Every place at which a published figure is not the one we have."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if name not in NOT_FIGURES:
                missing = not isinstance(found, dict) or name not in found
                yield from [f"{where}/{name} is missing"] if missing else differences(value, found[name], f"{where}/{name}")
    elif wanted != found:
        yield f"{where}: {wanted} and not {found}"


def facts(past: Past) -> list[PastFact]:
    return [PastFact(case.source_key, case.opened_at, case.resolved_at, case.closed_at, case.due_at, held_seconds(case),
                     1 + sum(step.name == "reopened" for step in case.steps), case.said) for case in past.cases]


@pytest.fixture
def hospital(app: Flask):
    return make_hospital()


@pytest.mark.parametrize("source", LOGS)
def test_every_figure_of_the_log_is_reproduced(source):
    """The whole file through the reader and the figures, without the database: what the database keeps is tested below."""
    folder = shared("data", source)
    file = next(folder.glob("*.csv.gz"))
    mapping = queries.history_mapping_from(MAPPINGS / f"{source}.toml")
    past = read_past(queries.sheet_from(file, mapping), mapping, at=NOW)
    assert not past.bad
    found = json.loads(json.dumps(resolution_times(facts(past), mapping.figures, mapping.zone)))
    wanted = json.loads((folder / "truth.json").read_text())
    assert list(differences(wanted, found)) == []


def test_a_log_comes_in_through_the_same_rules_and_nothing_escalates(hospital, tmp_path):
    text = ("no,when,state\n1,2025-01-06 09:00,New\n1,2025-01-07 09:00,Wait for them\n1,2025-01-08 12:00,Work\n1,2025-01-10 10:00,Done\n"
            "1,2025-01-13 10:00,Work\n1,2025-01-14 16:00,Done\n2,2025-02-03 10:00,New\n")
    assert bring_in(tmp_path, text, LOG) == 2
    again, still = db.session.scalars(select(Case).order_by(Case.received_at)).all()
    assert (again.status, again.cycle, again.is_open, again.closed_at) == (Status.CLOSED, 2, False, datetime(2025, 1, 14, 16, tzinfo=UTC))
    assert (still.status, still.is_open, still.is_breached) == (Status.RECEIVED, True, True)
    assert [(row.from_at.day, row.until_at.day) for row in db.session.scalars(select(Hold))] == [(7, 8)]
    kinds = [row.kind for row in db.session.scalars(select(SlaEvent).where(SlaEvent.case_id == again.id).order_by(SlaEvent.id))]
    assert kinds == ["received", "held", "released", "answered", "ended", "reopened", "answered", "ended"]
    assert db.session.scalar(select(func.count(Timer.id))) > 0
    assert db.session.scalar(select(func.count(Firing.id))) == 0
    assert db.session.scalar(select(func.count(OutboxMessage.id))) == 0
    assert sum(len(found) for _, found in drifts(at=NOW)) == 0
    assert trail.verify().is_whole
    acts = [row.act for row in db.session.scalars(
        select(AuditEntry).where(AuditEntry.stream == f"case:{again.reference}").order_by(AuditEntry.seq))]
    assert [act.removeprefix("case.") for act in acts if act != "case.breached"] == [
        "imported", "held", "released", "closed", "reopened", "closed"]
    assert past_figures("diary", READER)["n_closed"] == 1


def test_what_was_brought_in_stays_silent_though_rules_are_planned_anew_until_somebody_works_on_it(hospital, tmp_path):
    mine = make_case(hospital.officer)
    assert bring_in(tmp_path, f"{HEAD}1,2025-02-03 10:00,,,,\n") == 1
    brought = db.session.scalars(select(Case.reference).where(Case.reference != mine)).one()
    code = db.session.scalars(select(EscalationRule.code).where(EscalationRule.is_active)).first()
    firings.ask_replanning(code, by=hospital.manager, at=NOW)
    sweep(NOW)
    told = select(func.count(Firing.id)).join(Case, Case.id == Firing.case_id)
    assert db.session.scalar(told.where(Case.reference == brought)) == 0
    assert db.session.scalar(told.where(Case.reference == mine)) > 0
    assert db.session.scalar(select(func.count(OutboxMessage.id)).where(OutboxMessage.case_reference == brought)) == 0
    service.take(brought, by=hospital.officer, at=NOW)
    service.add_note(brought, NoteKind.CONTACT, "Rang them", by=hospital.officer, at=NOW)
    assert db.session.scalar(told.where(Case.reference == brought)) > 0


def part_of(source: str, folder: Path, cases: int) -> Path:
    """The first so many cases of a log, as a file of its own."""
    mapping = queries.history_mapping_from(MAPPINGS / f"{source}.toml")
    with gzip.open(next(shared("data", source).glob("*.csv.gz")), "rt", encoding="utf-8-sig", newline="") as text:
        rows, seen = csv.DictReader(text), []
        kept = folder / f"{source}.csv"
        with kept.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, rows.fieldnames)
            writer.writeheader()
            for row in rows:
                if row[mapping.key] not in seen:
                    seen.append(row[mapping.key])
                if len(seen) > cases:
                    break
                writer.writerow(row)
    return kept


@pytest.mark.parametrize("source", LOGS)
def test_the_database_keeps_what_the_figures_need(source, app, tmp_path):
    """The same figures from the tables as from the file; brought in again, nothing is written."""
    file, how = part_of(source, tmp_path, 60), MAPPINGS / f"{source}.toml"
    assert bring_in_file(file, how) == 60
    mapping = queries.history_mapping_from(how)
    wanted = resolution_times(facts(read_past(queries.sheet_from(file, mapping), mapping, at=NOW)), mapping.figures, mapping.zone)
    found = past_figures(source, READER)
    assert {name: found[name] for name in wanted} == wanted
    assert sum(len(drift) for _, drift in drifts(at=NOW)) == 0
    assert trail.verify().is_whole
    before = contents()
    assert bring_in_file(file, how) == 0
    assert contents() == before


@pytest.mark.parametrize(("row", "words"), [
    ("1,yesterday,,,,", "column “in”: “yesterday” is not a moment as the mapping says. Write it as 2026-03-02 09:30."),
    ("1,2025-03-30 01:30,,,,", "column “in”: “2025-03-30 01:30” never was: the clocks of Europe/London went forward"),
    ("1,2027-01-01 09:00,,,,", "column “in”: “2027-01-01 09:00” is in the future"),
    ("1,,,,,", "column “in”: it is empty"),
    (",2025-01-01 09:00,,,,", "column “no”: it is empty"),
    ("1,2025-01-01 09:00,,,,,more", "It has 7 cells where the heading has 6"),
])
def test_a_bad_row_says_where_and_what_to_do_and_the_others_come_in(row, words):
    past = looked_at(f"{HEAD}{row}\n2,2025-01-06 09:00,,,,\n")
    assert [case.source_key for case in past.cases] == ["diary:2"]
    assert [line.line for line, _ in past.bad] == [2]
    assert past.bad[0][1].startswith(words)


def test_a_case_with_one_bad_row_is_left_out_with_all_its_rows():
    found = reasons("no,when,state\n1,2025-01-06 09:00,New\n1,soon,Done\n2,2025-01-06 09:00,New\n", LOG)
    assert list(found) == [2, 3]
    assert found[2] == "Line 3 of the same case cannot be taken. Correct that line."


def test_a_case_closed_before_it_opened_is_kept_as_told_and_reckoned_as_at_the_opening():
    case = looked_at(f"{HEAD}1,2025-01-06 09:00,,,2025-01-03 09:00,\n").cases[0]
    assert case.closed_at < case.opened_at
    assert [(step.name, step.at, step.after) for step in case.steps] == [("closed", case.opened_at, Status.CLOSED)]


@pytest.mark.parametrize("mapping", [
    PLAIN.replace('source = "diary"', ""), PLAIN.replace("Europe/London", "Europe/Nowhere"), PLAIN.replace("opened", "begun"),
    PLAIN + "[case]\nchannel = 'pigeon'", LOG.replace('"held"', '"waits"'), PLAIN.replace("[site]", "[place]"), "source ="])
def test_a_wrong_mapping_is_refused_in_words(mapping):
    with pytest.raises(Invalid) as refused:
        read_history_mapping(mapping)
    assert refused.value.message


def test_the_command_keeps_rejects_and_goes_on_when_they_are_corrected(app, tmp_path):
    file, how = tmp_path / "old.csv", tmp_path / "how.toml"
    how.write_text(PLAIN)
    file.write_text(f"{HEAD}1,2025-01-06 09:00,2025-01-07 10:00,2025-01-20 09:00,2025-01-21 09:00,2025-02-01 12:00\n2,soon,,,,\n")
    words = ["cases", "import-history", str(file), "--mapping", str(how)]
    result = app.test_cli_runner().invoke(args=words)
    assert result.exit_code == 1, result.output
    assert "1 case (0 already there), 1 row rejected. 1 written." in result.output
    rejects = tmp_path / "old.csv.rejects.csv"
    assert "column “in”: “soon”" in rejects.read_text(encoding="utf-8-sig")
    rejects.write_text(rejects.read_text(encoding="utf-8-sig").replace("soon", "2025-01-08 09:00", 1))
    again = app.test_cli_runner().invoke(args=[*words[:2], str(rejects), *words[3:]])
    assert again.exit_code == 0, again.output
    told = app.test_cli_runner().invoke(args=["reports", "resolution-times", "--source", "diary", "--format", "json"])
    figures = json.loads(told.output)
    assert (figures["n_cases"], figures["n_closed"], figures["resolution_calendar_hours"]["median_linear"]) == (2, 1, 360.0)
    assert figures["definitions"]["times"]["population"]
    missing = app.test_cli_runner().invoke(args=["reports", "resolution-times", "--source", "other"])
    assert missing.exit_code == 2
    assert "There is: diary." in missing.output


def test_an_import_stopped_between_batches_goes_on_and_gives_each_once(hospital, tmp_path, monkeypatch):
    text = HEAD + "".join(f"{number},2025-01-06 09:00,,,2025-01-0{7 + number % 3} 09:00,\n" for number in range(25))
    monkeypatch.setitem(carry_out_history.__globals__, "IMPORT_BATCH", 10)
    file, how = tmp_path / "old.csv", tmp_path / "how.toml"
    file.write_text(text)
    how.write_text(PLAIN)
    read = queries.history_mapping_from(how)
    plan = queries.history_plan(file, read, queries.sheet_from(file, read), at=NOW)

    def stop(_number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out_history(plan, now=lambda: NOW, progress=stop)
    assert db.session.scalar(select(func.count(PastRecord.id))) == 10
    assert bring_in_file(file, how) == 15
    assert carry_out_history(plan, now=lambda: NOW, progress=lambda _number: None) == 0  # what was planned before knows nothing of it
    assert db.session.scalar(select(func.count(Case.id))) == db.session.scalar(select(func.count(PastRecord.id))) == 25
    assert trail.verify().is_whole


def test_a_reader_counts_only_the_cases_they_may_see(hospital, tmp_path):
    bring_in(tmp_path, f"{HEAD}1,2025-01-06 09:00,,,2025-01-07 09:00,\n2,2025-01-06 09:00,,,2025-01-08 09:00,\n")
    hidden = db.session.scalars(select(Case).order_by(Case.id)).first()
    hidden_from = hospital.manager
    before = past_figures("diary", hidden_from)["n_cases"]
    service.make_confidential(hidden.reference, [], "Asked for", by=hospital.officer, at=NOW)
    assert past_figures("diary", hidden_from)["n_cases"] == before - 1
    assert past_figures("diary", READER)["n_cases"] == 2


@pytest.mark.skipif("REDRESS_WHOLE_HISTORY" not in os.environ, reason="takes minutes: make history")
@pytest.mark.parametrize("source", LOGS)
def test_the_whole_log_comes_in_and_its_figures_come_out(source, app, record_property):
    file, how = next(shared("data", source).glob("*.csv.gz")), MAPPINGS / f"{source}.toml"
    began = time.perf_counter()
    number = bring_in_file(file, how)
    took = time.perf_counter() - began
    record_property("seconds", took)
    sys.stderr.write(f"{source}: {number:,} cases in {took:.0f} s\n")
    found = json.loads(json.dumps(past_figures(source, READER)))
    wanted = json.loads((file.parent / "truth.json").read_text())
    assert list(differences(wanted, found)) == []
    assert db.session.scalar(select(func.count(Firing.id))) == 0
    assert took * 100_000 / number < 300
