"""Proving the trail: `flask audit verify`."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

import ticketing.audit.queries as trail
from ticketing.audit.rules import Verdict, case_stream
from ticketing.commands.failing import CouldNotRun
from ticketing.core.references import parse_reference

audit = AppGroup("audit", help="The trail: is it whole?")


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
