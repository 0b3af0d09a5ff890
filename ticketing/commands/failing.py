"""How a command says that it could not run at all."""

from __future__ import annotations

import click


class CouldNotRun(click.ClickException):
    """Neither yes nor no: exit 2."""

    exit_code = 2
