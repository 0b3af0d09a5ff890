"""What the program's health looks like from the database."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from ticketing.audit.queries import seals
from ticketing.core import files, scanning
from ticketing.core.database import db
from ticketing.operations.models import Heartbeat
from ticketing.operations.rules import Signs
from ticketing.outbox.queries import backlog
from ticketing.outbox.rules import MessageState


def beats() -> dict[str, datetime]:
    """Each job with the moment it last ran."""
    return {row.name: row.at for row in db.session.execute(sa.select(Heartbeat.name, Heartbeat.at))}


def signs(jobs: frozenset[str], has_mail_server: bool, at: datetime) -> Signs:
    """Beats and backlog; `jobs` are those that should run."""
    waiting = backlog(at)
    stuck = waiting[MessageState.DEAD] + waiting[MessageState.WITHHELD]
    clamd = current_app.config["CLAMD_URL"]
    return Signs(beats(), jobs, waiting.due, waiting.oldest_due_at, stuck, has_mail_server, files.has_library(),
                 bool(clamd) and not scanning.is_there(clamd, seconds=1), seals().oldest_at)


def problem() -> str | None:
    """Why this process cannot serve, or None: the database is out of reach, or not at this program's migration."""
    try:
        stored = MigrationContext.configure(db.session.connection()).get_current_heads()
    except SQLAlchemyError as error:
        structlog.get_logger().error("readyz.database", error=type(error).__name__)
        return "The database cannot be reached."
    if set(stored) != set(_newest()):
        return "The database is behind this program: run `flask --app wsgi db upgrade`."
    return None


def _newest() -> tuple[str, ...]:
    """Read from the migration files, which do not change while the program runs."""
    heads: tuple[str, ...] | None = current_app.extensions.get("redress_heads")
    if heads is None:
        heads = tuple(ScriptDirectory(current_app.extensions["migrate"].directory).get_heads())
        current_app.extensions["redress_heads"] = heads
    return heads
