"""Proving the trail and looking after its keys: `flask audit verify`, `bundle`, keys, grants; and the sealer's own process."""

from __future__ import annotations

import json
import re
import secrets
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

import ticketing.audit.queries as trail
from ticketing.audit import jobs, service
from ticketing.audit.models import GRANTS
from ticketing.audit.queries import Evidence
from ticketing.audit.rules import Verdict, case_stream
from ticketing.audit.rules.notes import BadNote
from ticketing.cases.queries.replay import states_unlike_trail
from ticketing.commands.failing import CouldNotRun
from ticketing.core import clock
from ticketing.core.errors import DomainError
from ticketing.core.permissions import machine
from ticketing.core.references import parse_reference

audit = AppGroup("audit", help="The trail: is it whole?  One case with its proofs; the keys.")
BY = machine("keeper-of-keys")
RECEIPT = re.compile(r"(.+)/(\d+):([0-9a-f]{32})")
A_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@audit.command("verify")
@click.option("--case", "reference", metavar="REF", help="Only the trail of this case.")
@click.option("--checkpoints", "folder", type=A_FOLDER, help="The exported checkpoints; else the folder of the settings.")
@click.option("--keys", "keys", type=A_FILE, help="The sealer's public keys; else keys.txt beside the checkpoints.")
@click.option("--receipts", "log", type=A_FILE, help="A log of the web program with the receipts of what it recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def audit_verify(reference: str | None, folder: Path | None, keys: Path | None, log: Path | None, as_json: bool) -> None:
    """Check the trail.  Exit 0: whole; 1: tampered, and where; 2: could not run."""
    stream = _stream_of(reference)
    try:
        evidence = _evidence(folder, keys, log)
        with tqdm(total=trail.entry_count(stream), unit=" entries", disable=None, file=sys.stderr) as bar:
            verdict = trail.verify(stream, progress=bar.update, evidence=evidence)
        if stream is None:
            for fault in states_unlike_trail(verdict.state):
                verdict.found(fault)
    except SQLAlchemyError as error:
        raise CouldNotRun(f"The database did not answer ({type(error).__name__}). Is it running and migrated?") from error
    except (BadNote, OSError, UnicodeError, ValueError) as error:
        raise CouldNotRun(f"What the trail is to be checked against cannot be read: {error}") from error
    _report(verdict, reference, as_json)


@audit.command("bundle")
@click.argument("reference")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it; else to the screen.")
def audit_bundle(reference: str, out: Path | None) -> None:
    """One case's chronology with the proofs that it is sealed.  docs/verify_bundle.py checks it without this program."""
    stream = _stream_of(reference)
    assert stream is not None  # noqa: S101 - the argument is required
    try:
        text = json.dumps(trail.bundle(stream), ensure_ascii=False, indent=1)
        service.record_export(stream, "bundle", by=BY, at=clock.now())
    except DomainError as error:
        raise CouldNotRun(error.message) from error
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        click.echo(text)


@audit.command("new-key")
@click.option("--after-secret", is_flag=True, help="This installation's trail was begun under SECRET_KEY: keep that as key 1.")
def audit_new_key(after_secret: bool) -> None:
    """Print a value for AUDIT_KEYS with a fresh key added; the old ones stay."""
    parts = [part.strip() for part in current_app.config["AUDIT_KEYS"].split(",") if part.strip()]
    if not parts and after_secret:
        parts = [f"1:{current_app.config['SECRET_KEY'].encode().hex()}"]
    newest = max((int(part.partition(":")[0]) for part in parts), default=0)
    click.echo(",".join([*parts, f"{newest + 1}:{secrets.token_hex(32)}"]))


@audit.command("new-seal-key")
def audit_new_seal_key() -> None:
    """Print a key for AUDIT_SEAL_KEY_FILE; only the sealer's user may read that file."""
    click.echo(b64encode(secrets.token_bytes(32)).decode())


@audit.command("rotate-keys")
def audit_rotate_keys() -> None:
    """Wrap every data key under the newest of AUDIT_KEYS, and encrypt values from before there was encryption."""
    try:
        wrapped = _until_none(lambda: service.rotate_keys(by=BY, at=clock.now()))
        locked = _until_none(lambda: service.lock_values(by=BY, at=clock.now()))
    except DomainError as error:
        raise CouldNotRun(error.message) from error
    click.echo(f"{wrapped:,} data keys wrapped anew, {locked:,} values of before encrypted.")


@audit.command("grants")
@click.option("--app", "app_role", required=True, help="The role of the web program and the workers.")
@click.option("--sealer", "sealer_role", required=True, help="The role of the sealer.")
def audit_grants(app_role: str, sealer_role: str) -> None:
    """PostgreSQL: as the owner (MIGRATION_DATABASE_URL), give both roles what they need and no right to change the trail."""
    url = current_app.config["MIGRATION_DATABASE_URL"]
    if not url.startswith("postgresql"):
        raise CouldNotRun("Only PostgreSQL has roles. On SQLite the file belongs to one user.")
    engine = sa.create_engine(url, hide_parameters=True, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            quote = engine.dialect.identifier_preparer.quote_identifier
            _refuse_owners(connection, app_role, sealer_role)
            names = {"app": quote(app_role), "sealer": quote(sealer_role), "database": quote(str(engine.url.database))}
            for statement in GRANTS:
                connection.exec_driver_sql(statement.format_map(names))
    except SQLAlchemyError as error:
        raise CouldNotRun(f"The owner could not grant ({type(error).__name__}). Do both roles exist, and is it migrated?") from error
    finally:
        engine.dispose()
    click.echo(f"{app_role} may record, {sealer_role} may seal; neither owns or can change the trail.")


def _refuse_owners(connection: sa.Connection, *roles: str) -> None:
    """Whoever owns a table, is a superuser or may become its owner steps past every grant."""
    for role in roles:
        if connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None:
            raise CouldNotRun(f"There is no role {role!r} in this PostgreSQL. Make it first: CREATE ROLE ... LOGIN.")
        query = "SELECT bool_or(pg_has_role(:role, tableowner, 'MEMBER')) FROM pg_tables WHERE tablename LIKE 'audit~_%' ESCAPE '~'"
        if connection.scalar(sa.text(query), {"role": role}):
            raise CouldNotRun(f"The role {role!r} owns the trail, or may act as its owner: no grant can bind it. Use another role.")


@click.command("sealer")
@click.option("--once", is_flag=True, help="One round, then stop.")
@with_appcontext
def sealer(once: bool) -> None:
    """Seal the trail every few seconds, under a user of its own who alone can read AUDIT_SEAL_KEY_FILE.  Ctrl-C stops it."""
    from ticketing import schedule

    if not trail.seal_keys():
        raise CouldNotRun("No sealing key: set AUDIT_SEAL_KEY_FILE. Make one with `flask --app wsgi audit new-seal-key`.")
    if once:
        tally = jobs.seal(clock.now(), Path(current_app.config["AUDIT_CHECKPOINTS"]))
        click.echo(json.dumps({"sealed": tally.done, **tally.outcomes}))
        return
    schedule.run_sealer(current_app._get_current_object())  # type: ignore[attr-defined]


def _until_none(work: Callable[[], int]) -> int:
    count = 0
    while done := work():
        count += done
    return count


def _stream_of(reference: str | None) -> str | None:
    if reference is None:
        return None
    known = parse_reference(reference)
    if known is None:
        raise CouldNotRun(f"{reference!r} is not a case reference. One looks like 26-7KQ4-M2XR-9C.")
    return case_stream(known)


def _evidence(folder: Path | None, keys: Path | None, log: Path | None) -> Evidence:
    place = folder or Path(current_app.config["AUDIT_CHECKPOINTS"])
    notes, known = jobs.read_folder(place) if place.is_dir() else ({}, ())
    receipts = tuple(_receipts(log)) if log else ()
    return Evidence(notes, jobs.read_keys(keys) if keys else known, receipts)


def _receipts(log: Path) -> Iterator[tuple[str, int, str]]:
    """(stream, number, beginning of the hash) of every receipt in a log of JSON lines; other lines are passed over."""
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if "trail.receipt" not in line:
                continue
            try:
                heads = json.loads(line).get("heads", ())
            except ValueError:
                continue
            for head in heads:
                if match := RECEIPT.fullmatch(str(head)):
                    yield match[1], int(match[2]), match[3]


def _report(verdict: Verdict, reference: str | None, as_json: bool) -> None:
    if reference and not (verdict.entries or verdict.fault_count):
        raise CouldNotRun(f"The trail holds no case {reference}.")
    if verdict.is_foreign:
        raise CouldNotRun("Every entry was written under other keys. Run this with the AUDIT_KEYS and SECRET_KEY of this installation.")
    click.echo(json.dumps(_outcome(verdict), indent=1) if as_json else "\n".join(_lines(verdict, reference)))
    if not verdict.is_whole:
        raise SystemExit(1)


def _outcome(verdict: Verdict) -> dict[str, object]:
    counts = ("streams", "entries", "values", "erased", "given", "sealed", "waiting", "checkpoints", "notes", "receipts")
    return {
        "whole": verdict.is_whole, **{name: getattr(verdict, name) for name in counts},
        "sealed_at": verdict.sealed_at.isoformat() if verdict.sealed_at else None, "fault_count": verdict.fault_count,
        "faults": [{"kind": fault.kind.value, "stream": fault.stream, "seq": fault.seq, "what": fault.what} for fault in verdict.faults],
    }


def _lines(verdict: Verdict, reference: str | None) -> Iterator[str]:
    yield f"{verdict.entries:,} entries in {verdict.streams:,} streams, {verdict.values:,} private values, {verdict.erased:,} erased."
    if not reference:
        last = f"the last {verdict.sealed_at:%Y-%m-%d %H:%M:%S} UTC" if verdict.sealed_at else "none yet"
        yield (f"{verdict.sealed:,} sealed, {verdict.waiting:,} waiting; {verdict.checkpoints:,} checkpoints ({last}), "
               f"{verdict.notes:,} kept outside, {verdict.receipts:,} receipts.")
        if verdict.given:
            yield f"{verdict.given:,} entries say that somebody named their moment (a demo, a sweep told its time); the clock did not."
        if not verdict.notes:
            yield "No checkpoint outside the database was given: whoever holds the database and the keys could have rewritten all of it."
    if verdict.is_whole:
        yield "The trail is whole."
        return
    for fault in verdict.faults:
        yield f"TAMPERED  {fault}"
    if verdict.fault_count > len(verdict.faults):
        yield f"... and {verdict.fault_count - len(verdict.faults):,} more."
