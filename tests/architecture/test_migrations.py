"""Migrations are numbered, have one head, go up, down and up again, and leave exactly the tables the models describe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade

from config import Settings
from tests.databases import Databases
from tests.facts import ROOT
from ticketing.app import create_app
from ticketing.core.database import Model, UtcDateTime, db

FOLDER = ROOT / "migrations"
FILES = sorted((FOLDER / "versions").glob("*.py"))


@pytest.fixture
def migrated(database_server: Databases) -> Iterator[Flask]:
    """A program on a database that nothing but the migrations has made."""
    url = database_server.empty("migrations")
    app = create_app(Settings.for_tests(url))
    with app.app_context():
        upgrade(directory=str(FOLDER))
        yield app
        db.session.remove()
        db.engine.dispose()
    database_server.drop(url)


def chain() -> list[str]:
    script = ScriptDirectory(str(FOLDER))
    return [revision.revision for revision in script.walk_revisions()][::-1]


def described() -> dict[str, list[str]]:
    """What stands in the database: each table's columns, indexes, keys and checks, as text."""
    inspector = sa.inspect(db.engine)
    found = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        parts = [f"{column['name']} {column['type']} {column['nullable']}" for column in inspector.get_columns(table)]
        parts += [f"{index['name']} {index['column_names']} {index['unique']}" for index in inspector.get_indexes(table)]
        parts += [f"{key['name']} {key['constrained_columns']} {key['referred_table']}" for key in inspector.get_foreign_keys(table)]
        parts += [f"{check['name']} {check['sqltext']}" for check in inspector.get_check_constraints(table)]
        found[table] = sorted(parts)
    return found


def triggers() -> list[str]:
    """Names of every trigger and function of ours: what keeps the trail append-only."""
    if db.engine.dialect.name == "sqlite":
        statement = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        statement = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION ALL " \
                    "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'"
    with db.engine.connect() as connection:
        return sorted(connection.execute(sa.text(statement)).scalars())


def test_they_are_numbered_in_one_line():
    numbers = [re.match(r"(\d{4})_[a-z_]+$", path.stem) for path in FILES]
    assert all(numbers), [path.name for path in FILES]
    assert [int(number[1]) for number in numbers if number] == list(range(1, len(FILES) + 1))
    assert chain() == sorted(chain())
    assert len(ScriptDirectory(str(FOLDER)).get_heads()) == 1


def test_up_down_and_up_again_is_clean(migrated):
    before, watched = described(), triggers()
    downgrade(directory=str(FOLDER), revision="base")
    db.engine.dispose()
    assert not described(), "downgrade leaves tables behind"
    assert not triggers(), "downgrade leaves triggers behind"
    upgrade(directory=str(FOLDER))
    assert described() == before
    assert triggers() == watched


def _compare_type(context, inspected, metadata, stored, wanted):
    if isinstance(wanted, UtcDateTime):
        return not isinstance(stored, sa.DateTime)
    if isinstance(wanted, sa.JSON):
        return not isinstance(stored, sa.JSON)
    return None


def test_autogenerate_finds_no_difference(migrated):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _compare_type, "target_metadata": Model.metadata})
        assert not compare_metadata(context, Model.metadata)


def checks_of_models() -> Iterator[tuple[str, str]]:
    for table in Model.metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                yield table.name, str(constraint.name)


def test_the_database_has_the_checks_of_the_models(migrated):
    inspector = sa.inspect(db.engine)
    stored = {(table, str(check["name"])) for table in inspector.get_table_names() for check in inspector.get_check_constraints(table)}
    assert stored == set(checks_of_models())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_migration_never_imports_the_program(path):
    text = path.read_text(encoding="utf-8")
    assert "from ticketing" not in text
    assert "import ticketing" not in text
