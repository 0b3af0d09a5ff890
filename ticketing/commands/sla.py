"""Why this date, and do the timers agree with their events: `flask sla explain`, `flask sla recheck`."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

import ticketing.sla.queries as timers
from ticketing.cases import queries as cases
from ticketing.cases.queries.rebasing import Choice, preview
from ticketing.cases.service import begin_rebase, rebase_batch
from ticketing.core import clock
from ticketing.core.batch import until_empty
from ticketing.core.errors import DomainError
from ticketing.core.permissions import machine
from ticketing.sla.rules import Facts, as_text, ask

sla = AppGroup("sla", help="SLA targets: why this date, and do the timers agree with their events?")


@sla.command("explain", with_appcontext=False)
@click.option("--pack", "pack_code", required=True, metavar="CODE", help="A policy pack, such as england-nhs or us-cms.")
@click.option("--event", "events", multiple=True, required=True, metavar="KIND=ISO", help="What happened and when; may be given often.")
@click.option("--at", "at_text", metavar="ISO", help="The moment asked about; now unless told.")
@click.option("--site-zone", metavar="TZ", help="The site's IANA time zone; the pack's unless told.")
@click.option("--case-type", metavar="CODE", default="", help="The type of the case; the pack's default unless told.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def sla_explain(pack_code: str, events: tuple[str, ...], at_text: str | None, site_zone: str | None, case_type: str,
                format_: str) -> None:
    """Say when each target falls due and why, day by day.  Needs no case and no database."""
    try:
        answer = ask(pack_code, events, at_text=at_text, site_zone=site_zone, now=clock.now(), facts=Facts(case_type))
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
            click.echo(f"case {drift.case_id}, cycle {drift.cycle}, {drift.pack}, {drift.target} {drift.subject}: stored {drift.stored}; "
                       f"reckoned {drift.reckoned}")
    click.echo(f"{compared:,} timers compared, drift {drifts}.")
    if drifts:
        raise SystemExit(1)


@sla.command("why")
@click.argument("reference")
@click.argument("target")
@click.option("--pack", default="", help="The pack, where the case runs under two.")
@click.option("--occurrence", type=int, help="Which one, of a target that comes again; the latest unless told.")
def sla_why(reference: str, target: str, pack: str, occurrence: int | None) -> None:
    """Why a date of a case is what it is, day by day, with the pinned versions."""
    try:
        found = cases.explain_timer(reference, target, machine("command"), at=clock.now(), pack=pack, occurrence=occurrence)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    timer = found.timer
    click.echo(f"{found.reference}: {timer.title}, {timer.due}, {timer.left}")
    click.echo(f"{found.pack_name}, version {found.pack_version}; calendar {found.calendar} {found.calendar_version}; {found.clause}")
    if found.first_due:
        click.echo(f"Before it was moved: {found.first_due}")
    for said in found.said:
        click.echo(f"{said.at:%Y-%m-%d}  {said.what}: {said.detail}  {said.who}  {said.why}".rstrip())
    for line in timer.account:
        click.echo(f"{line.on}  {'+' if line.counted else ' '}  {line.why}")


@sla.command("rebase")
@click.option("--pack", default="", help="The policy pack to bring up to date.")
@click.option("--to", "pack_to", default="", help="Its version.")
@click.option("--calendar", default="", help="The calendar to bring up to date.")
@click.option("--calendar-to", default="", help="Its version.")
@click.option("--from", "pack_from", default="", help="Only cases under this version of the pack.")
@click.option("--site", default="", help="Only cases of this site.")
@click.option("--reason", default="", help="Why; asked for before anything moves.")
@click.option("--yes", is_flag=True, help="Do it.  Without this, only say what would move.")
def sla_rebase(pack: str, pack_to: str, calendar: str, calendar_to: str, pack_from: str, site: str, reason: str, yes: bool) -> None:
    """Bring open cases under another version of their pack or calendar.  Asked twice, it does nothing the second time."""
    choice = Choice(pack, pack_to, pack_from, calendar, calendar_to, "", site)
    try:
        choice.check()
        found = preview(choice, machine("command"), at=clock.now())
        click.echo(f"{found.total:,} open cases; over the first {found.reckoned:,}: " + (
            ", ".join(f"{number} {kind}" for kind, number in sorted(found.sums.items()) if number) or "nothing moves") + ".")
        if not yes or not found.total:
            return
        uid = begin_rebase(choice, (), reason, by=machine("command"), at=clock.now())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    whole = until_empty(lambda: rebase_batch(uid, at=clock.now()))
    click.echo(f"{whole.done:,} cases worked, {whole.failed:,} set aside.")
    if whole.failed:
        raise SystemExit(1)
