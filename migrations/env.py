"""Runs the migrations on the owner's database address; numbered files, one head, the same set on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

from ticketing.core.database import Json, UtcDateTime

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


def run() -> None:
    engine = sa.create_engine(current_app.config["MIGRATION_DATABASE_URL"])
    if current_app.config["MIGRATION_DATABASE_URL"] == current_app.config["SQLALCHEMY_DATABASE_URI"]:
        engine = database.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=database.metadata, render_as_batch=True, compare_type=compare_type,
            render_item=render_item, transaction_per_migration=False,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
