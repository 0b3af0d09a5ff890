"""Try a policy on what really happened: `flask escalation simulate`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from ticketing.core import clock
from ticketing.core.errors import DomainError
from ticketing.core.permissions import Permission, machine
from ticketing.escalation.jobs import run
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.queries.simulations import SimulationRow, simulation
from ticketing.escalation.rules.drafting import ClosedDays, Draft, RuleChange, TargetChange
from ticketing.escalation.service import simulating as service
from ticketing.firings import queries as ladder
from ticketing.packs import queries as packs
from ticketing.packs.rules import TargetCode, Unit

escalation = AppGroup("escalation", help="The ladder: try another policy on what really happened.")
BY = machine("command line", Permission.MANAGE_RULES)


@escalation.command("simulate")
@click.option("--name", default="From the command line", show_default=True)
@click.option("--months", default=24, show_default=True, type=click.IntRange(1, 60), help="Cases received in the last so many months.")
@click.option("--target", "targets", multiple=True, metavar="PACK/TARGET=N", help="Another number, e.g. england-nhs/acknowledge=2.")
@click.option("--pack-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A whole drafted policy pack (TOML).")
@click.option("--close-on", multiple=True, type=click.DateTime(["%Y-%m-%d"]), help="A day on which the calendar would be closed.")
@click.option("--calendar", default="england_wales", show_default=True, help="Which calendar --close-on is about.")
@click.option("--without-rule", "off", multiple=True, metavar="CODE", help="A rule that would be switched off.")
@click.option("--processes", default=min(os.cpu_count() or 1, 4), show_default=True, type=click.IntRange(1, 32))
def simulate(name: str, months: int, targets: tuple[str, ...], pack_file: Path | None, close_on: tuple[Any, ...], calendar: str,
             off: tuple[str, ...], processes: int) -> None:
    """Play a draft on the cases of the last months, and print what would have come out otherwise.  It is kept like any other."""
    at = clock.now()
    with _told():
        draft = Draft(
            targets=tuple(_target(text, at.date()) for text in targets), pack_text=pack_file.read_text("utf-8") if pack_file else "",
            closed=ClosedDays(calendar, tuple(day.date() for day in close_on), is_public=True) if close_on else None,
            rules=tuple(RuleChange(ladder.rule(code).code, None) for code in off))
        zone = current_app.config["SITE_ZONE"]
        last_on = clock.day_of(at, zone)
        wanted = Range(last_on - timedelta(days=months * 365 // 12), last_on, zone)
        uid = service.ask(name, draft, wanted, by=BY, at=at)
        row = simulation(uid)
        with click.progressbar(length=row.whole, label=f"{row.whole:,} cases") as bar:
            run(uid, at, zone=zone, seconds=_seconds, processes=processes, progress=lambda done, _whole: bar.update(done - bar.pos))
    _print(simulation(uid))


def _seconds() -> float:
    return clock.now().timestamp()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(error.message) from error


def _target(text: str, on: date) -> TargetChange:
    """ "england-nhs/acknowledge=2": counted as the pack counts it now."""
    try:
        (pack, code), amount = text.split("=")[0].split("/"), int(text.split("=")[1])
        target = TargetCode(code)
    except (ValueError, IndexError):
        raise click.ClickException(f"{text!r} is not a target. Write it like england-nhs/acknowledge=2.") from None
    unit = packs.in_force(pack, on).target(target).unit
    return TargetChange(pack, target, amount, Unit.WORKING_DAYS if unit is Unit.AGREED_DATE else unit)


def _print(row: SimulationRow) -> None:
    found = row.figures
    click.echo(f"{found.cases:,} cases played in {row.seconds:.1f} seconds.")
    for pair in (found.missed, found.fired, found.told):
        click.echo(f"{pair.label}: {pair.before:,} today, {pair.after:,} under the draft ({pair.more:+,}).")
    for target in found.targets:
        click.echo(f"  {target.label}: missed {target.missed.before:,} today, {target.missed.after:,} under the draft.")
    click.echo(f"Met that would be missed: {found.to_missed:,}. Missed that would be met: {found.to_met:,}. Otherwise: {found.other:,}.")
    if row.note:
        raise click.ClickException(row.note)

