"""Bringing cases in from spreadsheets: `flask cases import`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from ticketing.cases import queries as importing
from ticketing.cases import service as cases_service
from ticketing.cases.rules import Row, Sheet, rejects_csv
from ticketing.commands.failing import CouldNotRun
from ticketing.core import clock
from ticketing.core.errors import Conflict, DomainError
from ticketing.core.permissions import Permission, machine
from ticketing.core.storage import store

cases = AppGroup("cases", help="Cases: bring them in from spreadsheets, check their files.")

FAULTS_SHOWN = 40
IMPORT_BATCH = 500
IMPORTER = machine("import", Permission.RECORD_CONCERNS)


@cases.command("files")
@click.option("--mend", is_flag=True, help="Delete files that no case names; rows whose file is gone are only named.")
def cases_files(mend: bool) -> None:
    """Check the files on disk against the attachments of cases.  Exit 0: they agree; 1: they do not, and where."""
    found = importing.mismatch(store().keys())
    for key in found.without_row:
        click.echo(f"file without a case: {key}{' (deleted)' if mend else ''}")
        if mend:
            store().delete(key)
    for uid in found.without_file:
        click.echo(f"attachment whose file is gone: {uid}")
    if found.is_whole:
        click.echo("Files and attachments agree.")
    sys.exit(0 if found.is_whole else 1)


@cases.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", "mapping_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="M.toml",
              help="Which column fills which field; see docs/imports.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Look at every row and say what would happen; write nothing.")
@click.option("--skip-bad", "skips_bad", is_flag=True, help="Leave bad rows out: they go to FILE.rejects.csv, each with its reason.")
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="Give every row this value, whatever the mapping says.")
def cases_import(file: Path, mapping_file: Path, is_dry: bool, skips_bad: bool, given: tuple[str, ...]) -> None:
    """Make cases of the rows of a CSV or XLSX file.

    All rows are looked at first; nothing is written unless all are good, or --skip-bad leaves the bad ones out.  Run again, it goes on
    where it was stopped: a row that is a case already is not written twice.

    Exit 0: all rows are good, or the bad ones were left out as asked; 1: refused, with the reasons; 2: could not run (the mapping, the
    file or the database), and why.
    """
    try:
        plan = _looked_at(file, mapping_file, _given(given))
        code = _report_import(plan, is_dry=is_dry, skips_bad=skips_bad)
    except DomainError as error:
        raise CouldNotRun(error.message) from error
    except SQLAlchemyError as error:
        raise CouldNotRun(
            f"The database did not answer ({type(error).__name__}). Is it running and migrated? Run again: it goes on where it stopped."
        ) from error
    raise SystemExit(code)


@cases.command("import-history")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", "mapping_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="M.toml",
              help="Which column tells what of a past case; see docs/imports.")
def cases_import_history(file: Path, mapping_file: Path) -> None:
    """Bring in the past cases of an old system, with when each thing happened; their timers are reckoned and nothing escalates.

    Rows that cannot be taken go to FILE.rejects.csv, each with its line and why; the others come in.  Stopped, it goes on when run
    again; run twice, it writes nothing the second time.

    Exit 0: all came in, or were there; 1: some rows were left out; 2: could not run (the mapping, the file or the database), and why.
    """
    try:
        mapping = importing.history_mapping_from(mapping_file)
        plan = importing.history_plan(file, mapping, importing.sheet_from(file, mapping), at=clock.now())
        with tqdm(total=len(plan.fresh), unit=" cases", disable=None, file=sys.stderr) as bar:
            written = carry_out_history(plan, now=clock.now, progress=bar.update)
        past = plan.past
        if past.bad:
            click.echo(f"Left out: see {_keep_rejects(file, plan.sheet, list(past.bad))}")
    except DomainError as error:
        raise CouldNotRun(error.message) from error
    except SQLAlchemyError as error:
        raise CouldNotRun(
            f"The database did not answer ({type(error).__name__}). Is it running and migrated? Run again: it goes on where it stopped."
        ) from error
    click.echo(f"{past.rows:,} rows read: {_counted(len(past.cases), 'case')} ({len(plan.known):,} already there), "
               f"{_counted(len(past.bad), 'row')} rejected. {written:,} written.")
    raise SystemExit(1 if past.bad else 0)


def carry_out_history(plan: importing.HistoryPlan, *, now: Callable[[], datetime], progress: Callable[[int], object]) -> int:
    """Write the past cases that are none yet; returns how many.  Stopped in the middle, it goes on when run again."""
    fresh, written = plan.fresh, 0
    if not fresh:
        return 0
    history = cases_service.begin_history(plan.mapping, plan.manifest, by=IMPORTER, at=now())
    for start in range(0, len(fresh), IMPORT_BATCH):
        batch = fresh[start:start + IMPORT_BATCH]
        written += cases_service.import_past(history, plan.mapping, batch, by=IMPORTER, at=now())
        progress(len(batch))
    cases_service.finish_import(plan.manifest, written, by=IMPORTER, at=now())
    return written


def _given(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CouldNotRun(f"--set {wrong[0]}: write a field and its value, such as --set site=MAIN.")
    return dict(pair.split("=", 1) for pair in pairs)


def _looked_at(file: Path, mapping_file: Path, given: dict[str, str]) -> importing.ImportPlan:
    mapping = importing.mapping_from(mapping_file, given)
    plan = importing.import_plan(file, mapping, importing.sheet_from(file, mapping), at=clock.now())
    blanks = f", {plan.sheet.blank_rows:,} empty lines passed over" if plan.sheet.blank_rows else ""
    click.echo(f"{file.name}: {plan.checked.total:,} rows, {plan.sheet.read_as}{blanks}.")
    for site in plan.missing_sites:
        click.echo(f"The mapping adds the site {site.code}, “{site.name}” ({site.pack}, {site.zone}).")
    return plan


def _report_import(plan: importing.ImportPlan, *, is_dry: bool, skips_bad: bool) -> int:
    """Say what is wrong, write what may be written, say what was; returns the exit code."""
    rejected = len(plan.checked.bad)
    _show_faults(plan)
    if rejected and not skips_bad:
        click.echo(_import_line(plan, 0))
        click.echo(f"Nothing was written. Correct the {_counted(rejected, 'row')}, or leave them out with --skip-bad.")
        return 1
    if is_dry:
        click.echo(_import_line(plan, 0))
        click.echo(f"Dry run: nothing was written. Without --dry-run {_counted(len(plan.fresh), 'case')} would be made.")
        return 0
    if rejected:
        click.echo(f"Left out: see {_keep_rejects(plan.file, plan.sheet, [(item.row, item.why) for item in plan.checked.bad])}")
    with tqdm(total=len(plan.fresh), unit=" rows", disable=None, file=sys.stderr) as bar:
        written = carry_out(plan, now=clock.now, progress=bar.update)
    click.echo(_import_line(plan, written))
    return 0


def carry_out(plan: importing.ImportPlan, *, now: Callable[[], datetime], progress: Callable[[int], object]) -> int:
    """Write what is not there yet; returns how many cases were made.  Stopped in the middle, it goes on when run again.

    Each batch has its own moment from `now`: the trail is sealed meanwhile, and what is dated long before it is sealed is taken for false.
    """
    fresh, written = plan.fresh, 0
    if not fresh:
        return 0
    cases_service.begin_import(plan.manifest, plan.missing_sites, by=IMPORTER, at=now())
    for start in range(0, len(fresh), IMPORT_BATCH):
        batch = fresh[start:start + IMPORT_BATCH]
        written += cases_service.import_batch(plan.mapping.source, batch, by=IMPORTER, at=now())
        progress(len(batch))
    cases_service.finish_import(plan.manifest, written, by=IMPORTER, at=now())
    return written


def _keep_rejects(file: Path, sheet: Sheet, rejected: list[tuple[Row, str]]) -> Path:
    """Write the rows left out beside the file, or in the working folder where nothing may be written there; returns where.

    Raises Conflict if neither can be written.
    """
    name = f"{file.name}.rejects.csv"
    words = rejects_csv(sheet, rejected)
    data = b"\xef\xbb\xbf" + words.encode("utf-8", errors="surrogateescape")  # bytes that could not be read go out as they came
    for path in (file.with_name(name), Path.cwd() / name):
        unfinished = path.with_name(f"{name}.part")
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        except OSError:
            continue
        return path
    raise Conflict(f"{name} cannot be written, neither beside the file nor in this folder. Make room or allow it, then try again.")


def _show_faults(plan: importing.ImportPlan) -> None:
    faults = plan.checked.faults()
    for problem, lines, number in faults[:FAULTS_SHOWN]:
        where = f"line {lines}" if number == 1 else f"lines {lines} ({number:,} rows)"
        click.echo(f"  {where}: {problem}")
    if len(faults) > FAULTS_SHOWN:
        click.echo(f"  ... and {len(faults) - FAULTS_SHOWN:,} more sorts of fault. With --skip-bad each row is listed with its reason.")


def _import_line(plan: importing.ImportPlan, written: int) -> str:
    checked = plan.checked
    return (f"{checked.total:,} read: {len(checked.good):,} good ({len(plan.known):,} already there), {len(checked.bad):,} rejected. "
            f"{written:,} written.")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
