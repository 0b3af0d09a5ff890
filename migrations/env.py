"""Runs the migrations on the owner's database address; numbered files, one head, the same set on SQLite and PostgreSQL."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

from ticketing.core.database import Json, UtcDateTime

MIGRATING = 0x7265_6D69  # names the lock that lets one process migrate at a time
database = current_app.extensions["migrate"].db


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our own column types as plain SQLAlchemy ones, so that old migrations never import the program."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and item is Json:
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def compare_type(context_: Any, inspected: Any, described: Any, stored: Any, wanted: Any) -> bool | None:
    """JSON and the UTC type compare by what they are stored as."""
    if isinstance(wanted, UtcDateTime):
        return not isinstance(stored, sa.DateTime)
    if wanted is Json or isinstance(wanted, sa.JSON):
        return not isinstance(stored, sa.JSON)
    return None


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """Of several that start at once on an empty or old SQLite file one migrates and the others wait; PostgreSQL has its own lock."""
    path = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not path or path == ":memory:":
        yield
        return
    with Path(f"{path}.migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _owner() -> Iterator[sa.Engine]:
    """The program's own engine, or where the tables belong to another role one for that role."""
    url = current_app.config["MIGRATION_DATABASE_URL"]
    if url == current_app.config["SQLALCHEMY_DATABASE_URI"]:
        yield database.engine
        return
    engine = sa.create_engine(url, hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


def run() -> None:
    with _owner() as engine, engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=database.metadata, render_as_batch=True, compare_type=compare_type,
            render_item=render_item, transaction_per_migration=False,
        )
        with _alone(connection), context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            context.run_migrations()


run()
