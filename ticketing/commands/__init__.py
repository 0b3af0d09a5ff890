"""The `flask` commands: thin, each hands its words to one verb and prints the answer."""

from __future__ import annotations

from flask import Flask

from ticketing.commands.accounts import accounts
from ticketing.commands.audit import audit, sealer
from ticketing.commands.cases import cases
from ticketing.commands.demo import demo
from ticketing.commands.escalation import escalation
from ticketing.commands.reports import reports
from ticketing.commands.schedule import sweep_once, worker
from ticketing.commands.sla import sla


def init_app(app: Flask) -> None:
    """Register every group."""
    app.cli.add_command(cases)
    app.cli.add_command(audit)
    app.cli.add_command(accounts)
    app.cli.add_command(sla)
    app.cli.add_command(reports)
    app.cli.add_command(escalation)
    app.cli.add_command(demo)
    app.cli.add_command(worker)
    app.cli.add_command(sealer)
    app.cli.add_command(sweep_once)
