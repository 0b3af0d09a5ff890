"""Figures on the command line: `flask reports resolution-times`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click
from flask.cli import AppGroup

from ticketing.commands.failing import CouldNotRun
from ticketing.core.errors import DomainError
from ticketing.core.permissions import machine
from ticketing.reports import queries

reports = AppGroup("reports", help="Figures, with their definitions.")


@reports.command("resolution-times")
@click.option("--source", required=True, metavar="NAME", help="The source that a history mapping names.")
@click.option("--format", "format_", type=click.Choice(["json", "text"]), default="json", show_default=True)
def resolution_times(source: str, format_: str) -> None:
    """The figures of cases brought in from an old system, as its mapping asks for them, each with its definition."""
    try:
        found = queries.past_figures(source, machine("command"))
    except DomainError as error:
        raise CouldNotRun(error.message) from error
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if format_ == "json" else "\n".join(_lines(found)))


def _lines(found: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """One figure a line, by its full name."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{where}{name}.")
        else:
            yield f"{where}{name}: {value}"
