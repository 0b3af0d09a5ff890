"""The scheduler in the foreground and one sweep by hand: `flask worker`, `flask sweep`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from flask import current_app
from flask.cli import with_appcontext

from ticketing import schedule
from ticketing.core import clock
from ticketing.core.origin import at_a_given_moment
from ticketing.escalation.jobs import sweep


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
    with at_a_given_moment("command:sweep") if at_text else nullcontext():
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
