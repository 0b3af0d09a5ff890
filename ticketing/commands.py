"""The `flask` commands: thin, each hands its words to one verb and prints the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

import ticketing.audit.queries as trail
import ticketing.sla.queries as timers
from ticketing import schedule
from ticketing.accounts import service as accounts_service
from ticketing.audit.rules import Verdict, case_stream
from ticketing.cases import queries as importing
from ticketing.cases import service as cases_service
from ticketing.cases.rules import rejects_csv
from ticketing.core import clock
from ticketing.core.errors import Conflict, DomainError
from ticketing.core.permissions import Permission, Role, machine
from ticketing.core.references import parse_reference
from ticketing.demo import jobs as demo_jobs
from ticketing.demo import queries as demo_queries
from ticketing.demo import service as demo_service
from ticketing.demo.rules.hospital import PASSWORD
from ticketing.escalation.jobs import sweep
from ticketing.sla.rules import as_text, ask

cases = AppGroup("cases", help="Cases: bring them in from spreadsheets.")
audit = AppGroup("audit", help="The trail: is it whole?")
accounts = AppGroup("accounts", help="Staff accounts.")
sla = AppGroup("sla", help="SLA targets: why this date, and do the timers agree with their events?")

demo = AppGroup("demo", help="The demo hospital: invented people, real clockwork.")


class CouldNotRun(click.ClickException):
    """Neither yes nor no: exit 2."""

    exit_code = 2


def init_app(app: Flask) -> None:
    """Register every group."""
    app.cli.add_command(cases)
    app.cli.add_command(audit)
    app.cli.add_command(accounts)
    app.cli.add_command(sla)
    app.cli.add_command(demo)
    app.cli.add_command(worker)
    app.cli.add_command(sweep_once)


FAULTS_SHOWN = 40
IMPORT_BATCH = 500
IMPORTER = machine("import", Permission.RECORD_CONCERNS)


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
        click.echo(f"Left out: see {_keep_rejects(plan)}")
    with tqdm(total=len(plan.fresh), unit=" rows", disable=None, file=sys.stderr) as bar:
        written = carry_out(plan, at=clock.now(), progress=bar.update)
    click.echo(_import_line(plan, written))
    return 0


def carry_out(plan: importing.ImportPlan, *, at: datetime, progress: Callable[[int], object]) -> int:
    """Write what is not there yet; returns how many cases were made.  Stopped in the middle, it goes on when run again."""
    fresh, written = plan.fresh, 0
    if not fresh:
        return 0
    cases_service.begin_import(plan.manifest, plan.missing_sites, by=IMPORTER, at=at)
    for start in range(0, len(fresh), IMPORT_BATCH):
        batch = fresh[start:start + IMPORT_BATCH]
        written += cases_service.import_batch(plan.mapping.source, batch, by=IMPORTER, at=at)
        progress(len(batch))
    cases_service.finish_import(plan.manifest, written, by=IMPORTER, at=at)
    return written


def _keep_rejects(plan: importing.ImportPlan) -> Path:
    """Write the rows left out beside the file, or in the working folder where nothing may be written there; returns where.

    Raises Conflict if neither can be written.
    """
    name = f"{plan.file.name}.rejects.csv"
    words = rejects_csv(plan.sheet, [(item.row, item.why) for item in plan.checked.bad])
    data = b"\xef\xbb\xbf" + words.encode("utf-8", errors="surrogateescape")  # bytes that could not be read go out as they came
    for path in (plan.file.with_name(name), Path.cwd() / name):
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


@audit.command("verify")
@click.option("--case", "reference", metavar="REF", help="Only the trail of this case.")
def audit_verify(reference: str | None) -> None:
    """Check the trail.  Exit 0: whole; 1: tampered, and where; 2: could not run."""
    stream = _stream_of(reference)
    try:
        with tqdm(total=trail.entry_count(stream), unit=" entries", disable=None, file=sys.stderr) as bar:
            verdict = trail.verify(stream, progress=bar.update)
    except SQLAlchemyError as error:
        raise CouldNotRun(f"The database did not answer ({type(error).__name__}). Is it running and migrated?") from error
    _report(verdict, reference)


def _stream_of(reference: str | None) -> str | None:
    if reference is None:
        return None
    known = parse_reference(reference)
    if known is None:
        raise CouldNotRun(f"{reference!r} is not a case reference. One looks like 26-7KQ4-M2XR-9C.")
    return case_stream(known)


def _report(verdict: Verdict, reference: str | None) -> None:
    if reference and not (verdict.entries or verdict.fault_count):
        raise CouldNotRun(f"The trail holds no case {reference}.")
    if verdict.is_foreign:
        raise CouldNotRun("Every entry was written under another SECRET_KEY. Run this with the key of this installation.")
    click.echo(f"{verdict.entries:,} entries in {verdict.streams:,} streams, {verdict.values:,} private values, {verdict.erased:,} erased.")
    if verdict.is_whole:
        click.echo("The trail is whole.")
        return
    for fault in verdict.faults:
        click.echo(f"TAMPERED  {fault}")
    if verdict.fault_count > len(verdict.faults):
        click.echo(f"... and {verdict.fault_count - len(verdict.faults):,} more.")
    raise SystemExit(1)


@sla.command("explain", with_appcontext=False)
@click.option("--pack", "pack_code", required=True, metavar="CODE", help="A policy pack, such as england-nhs or us-cms.")
@click.option("--event", "events", multiple=True, required=True, metavar="KIND=ISO", help="What happened and when; may be given often.")
@click.option("--at", "at_text", metavar="ISO", help="The moment asked about; now unless told.")
@click.option("--site-zone", metavar="TZ", help="The site's IANA time zone; the pack's unless told.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def sla_explain(pack_code: str, events: tuple[str, ...], at_text: str | None, site_zone: str | None, format_: str) -> None:
    """Say when each target falls due and why, day by day.  Needs no case and no database."""
    try:
        answer = ask(pack_code, events, at_text=at_text, site_zone=site_zone, now=clock.now())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(json.dumps(answer, indent=2) if format_ == "json" else as_text(answer))


@sla.command("recheck")
def sla_recheck() -> None:
    """Recompute every timer from its events.  Prints any drift; 0 is the only passing answer, else exit 1."""
    compared, drifts = 0, 0
    for number, found in timers.drifts(at=clock.now()):
        compared += number
        drifts += len(found)
        for drift in found:
            click.echo(f"case {drift.case_id}, cycle {drift.cycle}, {drift.target} {drift.subject}: stored {drift.stored}; "
                       f"reckoned {drift.reckoned}")
    click.echo(f"{compared:,} timers compared, drift {drifts}.")
    if drifts:
        raise SystemExit(1)


@accounts.command("add")
@click.option("--email", required=True, metavar="E", help="Work e-mail address; they sign in with it.")
@click.option("--name", required=True, metavar="N", help="Name as colleagues and letters show it.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--team", "teams", multiple=True, metavar="T", help="Code of a team; may be given several times.")
@click.option("--password-stdin", "is_given", is_flag=True, help="Read the password from standard input; else invite by mail.")
def accounts_add(email: str, name: str, role: str, teams: tuple[str, ...], is_given: bool) -> None:
    """Add a staff account.  Exit 0: added; 1: refused, and why."""
    by, at = machine("accounts add"), clock.now()
    add = partial(accounts_service.add_staff, email, name, Role(role), team_codes=teams, by=by, at=at)
    welcome = partial(accounts_service.welcome_staff, email, name, Role(role), team_codes=teams, by=by, at=at)
    try:
        _ = add(password=sys.stdin.readline().rstrip("\r\n")) if is_given else welcome()
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{name} is added as {role}." + ("" if is_given else f" An invitation is on its way to {email}."))


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run the sweep and the outbox in the foreground.  SIGTERM finishes the batch in hand."""
    schedule.run_worker(current_app._get_current_object())  # type: ignore[attr-defined]


@click.command("sweep")
@click.option("--at", "at_text", metavar="ISO", help="The moment to sweep at (without an offset: at the site); now unless told.")
@with_appcontext
def sweep_once(at_text: str | None) -> None:
    """One sweep: record what was missed, carry out what is due, print counts as JSON."""
    tally = sweep(_moment(at_text))
    counts = {"breached": 0, "fired": 0, "fired_late": 0, "superseded": 0, **tally.outcomes, "failed": tally.failed}
    click.echo(json.dumps(counts, sort_keys=True))


def _moment(text: str | None) -> datetime:
    if text is None:
        return clock.now()
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.ClickException(f"{text!r} is not a moment. Write it like 2026-12-30T09:00:00+00:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(current_app.config["SITE_ZONE"]))


@demo.command("seed")
def demo_seed() -> None:
    """Make the demo hospital in an empty database.  Does nothing where it is already; refuses anywhere else."""
    _refuse_outside_demo()
    if demo_queries.is_here():
        click.echo(f"The demo hospital is here, with {demo_queries.case_count()} cases.")
        return
    click.echo("Making the demo hospital: four months of cases, played through the same verbs that people use.")
    if demo_queries.is_empty():
        demo_jobs.empty_mailbox(_mailbox())
    with tqdm(total=None, unit=" steps", disable=None, file=sys.stderr) as bar:
        def show(done: int, whole: int) -> None:
            bar.total = whole
            bar.update(done - bar.n)
        try:
            count = demo_service.seed(
                mail_from=current_app.config["MAIL_FROM"], transport=demo_jobs.keep_at_once(_mailbox()), progress=show, at=clock.now())
        except DomainError as error:
            raise click.ClickException(error.message) from error
    click.echo(f"The demo hospital is ready: {count} cases.")


@demo.command("show")
@click.option("--port", type=int, help="Where it is served, if not at PUBLIC_URL.")
def demo_show(port: int | None) -> None:
    """Print the address, the five sign-ins and what to click first."""
    address = f"http://127.0.0.1:{port}" if port else current_app.config["PUBLIC_URL"]
    click.echo(f"\n  {current_app.config['ORGANISATION']} is at {address}\n")
    for person in demo_queries.sign_ins():
        click.echo(f"  {person.role:<14} {person.email:<32} {person.name}")
    click.echo(f"\n  The password is the same for all five:  {PASSWORD}\n")
    for number, words in enumerate(FIRST_CLICKS, start=1):
        click.echo(f"  {number}. {words}")
    click.echo("")


@demo.command("serve")
@click.option("--port", type=int, default=5000, show_default=True, envvar="PORT")
@click.pass_context
def demo_serve(context: click.Context, port: int) -> None:
    """Serve the demo with its scheduler and a mail server that keeps every message.  Ctrl-C stops it."""
    _refuse_outside_demo()
    if not demo_queries.is_here():
        raise click.ClickException("The demo hospital is not here yet. Run `flask --app wsgi demo seed` first.")
    if not demo_jobs.is_free(port):
        raise click.ClickException(f"Something else is listening on port {port}. Choose another: make demo PORT={port + 1}")
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    reference = demo_service.top_up(at=clock.now())
    context.invoke(demo_show, port=port)
    click.echo(f"  In about a minute an escalation fires on case {reference}: watch Escalations, or the mailbox.\n")

    def start() -> None:
        app.config["SMTP_URL"] = app.config["SMTP_URL"] or demo_jobs.start_catch_all(_mailbox())
        schedule.Rota(app).start()

    demo_jobs.serve(app, port, start)


FIRST_CLICKS = (
    "Sign in as officer and open the first case of My cases: points, timers, and why each date is what it is.",
    "Sign in as clinician, on a phone if you like: Questions for me.",
    "Sign in as manager: Reports, then Escalations, then Delivery and its mailbox.",
)


def _mailbox() -> Path:
    return Path(current_app.instance_path) / "mailbox"


def _refuse_outside_demo() -> None:
    if current_app.config["REDRESS_ENV"] not in ("demo", "development"):
        raise click.ClickException("This only runs where REDRESS_ENV is demo or development, never beside real patients.")
