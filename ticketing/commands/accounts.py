"""Adding staff from the machine itself: `flask accounts add`."""

from __future__ import annotations

import csv
import sys
from functools import partial
from typing import TextIO

import click
from flask.cli import AppGroup

from ticketing.accounts import service as accounts_service
from ticketing.cases.service import recuse_manager
from ticketing.core import clock
from ticketing.core.errors import DomainError
from ticketing.core.permissions import Role, Scope, machine

accounts = AppGroup("accounts", help="Staff accounts.")


@accounts.command("add")
@click.option("--email", required=True, metavar="E", help="Work e-mail address; they sign in with it.")
@click.option("--name", required=True, metavar="N", help="Name as colleagues and letters show it.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--team", "teams", multiple=True, metavar="T", help="Code of a team; may be given several times.")
@click.option("--scope", default=Scope.TEAMS.value, type=click.Choice([scope.value for scope in Scope]),
              help="Officers and managers: their teams' and units' cases (usual), or the whole hospital's.")
@click.option("--password-stdin", "is_given", is_flag=True, help="Read the password from standard input; else invite by mail.")
def accounts_add(email: str, name: str, role: str, teams: tuple[str, ...], scope: str, is_given: bool) -> None:
    """Add a staff account.  Exit 0: added; 1: refused, and why."""
    by, at = machine("accounts add"), clock.now()
    add = partial(accounts_service.add_staff, email, name, Role(role), team_codes=teams, scope=Scope(scope), by=by, at=at)
    welcome = partial(accounts_service.welcome_staff, email, name, Role(role), team_codes=teams, scope=Scope(scope), by=by, at=at)
    try:
        _ = add(password=sys.stdin.readline().rstrip("\r\n")) if is_given else welcome()
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{name} is added as {role}." + ("" if is_given else f" An invitation is on its way to {email}."))


@accounts.command("managers")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
def accounts_managers(file: TextIO) -> None:
    """Read who reports to whom: a CSV file with the columns email and manager_email.  Exit 0: all; 1: nothing was changed, and why."""
    lines = list(csv.DictReader(file))
    if not lines or {"email", "manager_email"} - set(lines[0]):
        raise click.ClickException("The file needs a heading line with email and manager_email.")
    by, at = machine("accounts managers"), clock.now()
    try:
        changed = accounts_service.set_managers(
            [(line["email"] or "", line["manager_email"] or "") for line in lines], recuse=partial(recuse_manager, by=by, at=at),
            by=by, at=at)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{len(lines)} lines read, {changed} changed.")
