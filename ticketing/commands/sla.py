"""Why this date, and do the timers agree with their events: `flask sla explain`, `flask sla recheck`."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

import ticketing.sla.queries as timers
from ticketing.core import clock
from ticketing.core.errors import DomainError
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
            click.echo(f"case {drift.case_id}, cycle {drift.cycle}, {drift.target} {drift.subject}: stored {drift.stored}; "
                       f"reckoned {drift.reckoned}")
    click.echo(f"{compared:,} timers compared, drift {drifts}.")
    if drifts:
        raise SystemExit(1)
