"""Three roles on PostgreSQL: the owner migrates and grants, the program records, the sealer seals, and neither can change the trail."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from config import Settings
from tests.databases import Databases, choose
from tests.factories import drive, make_case, make_hospital
from ticketing.app import create_app
from ticketing.audit import jobs, queries
from ticketing.audit.models import TRAIL_TABLES
from ticketing.audit.queries import Evidence
from ticketing.cases.rules import Status
from ticketing.core.database import db

TABLES = TRAIL_TABLES.split(", ")
ONLY_POSTGRESQL = pytest.mark.skipif(choose() != "postgresql", reason="SQLite has no roles: the file belongs to one user")


@dataclass(frozen=True)
class Roles:
    """The addresses of one database as its owner, as the program and as the sealer; their names; and a folder for the sealer."""

    owner: str
    program: str
    sealer: str
    names: dict[str, str]
    folder: Path

    def app(self, url: str, **changes: str) -> Flask:
        return create_app(Settings.for_tests(url, migration_database_url=self.owner, **changes))

    def sealing_app(self) -> Flask:
        return self.app(self.sealer, audit_seal_key_file=str(self.folder / "seal.key"), audit_checkpoints=str(self.folder / "notes"))


@pytest.fixture(scope="module")
def roles(database_server: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    """A database that its owner migrated and granted, as docs/audit.md says, and in which the program has already worked."""
    url = sa.make_url(database_server.empty("roles"))
    names = {name: f"{name}_{os.getpid()}" for name in ("owner", "program", "sealer")}
    postgres = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with postgres.connect() as connection:
        for role in names.values():
            connection.exec_driver_sql(f'CREATE ROLE "{role}" LOGIN')
        connection.exec_driver_sql(f'ALTER DATABASE "{url.database}" OWNER TO "{names["owner"]}"')
    as_role = {name: url.set(username=role).render_as_string(hide_password=False) for name, role in names.items()}
    known = Roles(as_role["owner"], as_role["program"], as_role["sealer"], names, tmp_path_factory.mktemp("sealer"))
    (known.folder / "seal.key").write_text(base64.b64encode(b"s" * 32).decode())
    app = known.app(known.program)
    for args in (["db", "upgrade"], ["audit", "grants", "--app", names["program"], "--sealer", names["sealer"]]):
        result = app.test_cli_runner().invoke(args=args)
        assert result.exit_code == 0, result.output
    yield known
    with app.app_context():
        db.engine.dispose()
    postgres.dispose()
    database_server.drop(url.render_as_string(hide_password=False))
    _drop(database_server, names)


def _drop(server: Databases, names: dict[str, str]) -> None:
    engine = sa.create_engine(server.empty("after"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for role in names.values():
            connection.exec_driver_sql(f'DROP ROLE "{role}"')
    engine.dispose()


def told(url: str, query: str) -> list[str]:
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.exec_driver_sql(query).scalars())
    finally:
        engine.dispose()


def refusal(url: str, statement: str) -> str:
    """What the database answers; "" where it did as it was told (and is rolled back)."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    except sa.exc.DBAPIError as error:
        return str(error.orig)
    finally:
        engine.dispose()
    return ""


def is_denied(url: str, statement: str) -> bool:
    return any(words in refusal(url, statement) for words in ("permission denied", "must be owner", "must be superuser"))


@ONLY_POSTGRESQL
def test_the_tables_belong_to_the_owner_although_the_program_asked_for_the_upgrade(roles):
    assert set(told(roles.program, "SELECT tableowner FROM pg_tables WHERE schemaname = 'public'")) == {roles.names["owner"]}


@ONLY_POSTGRESQL
def test_the_program_records_the_sealer_seals_and_the_whole_verifies(roles):
    app = roles.app(roles.program)
    with app.app_context():
        hospital = make_hospital()
        reference = make_case(hospital.officer)
        drive(reference, Status.CLOSED, hospital)
        recorded = queries.entry_count(f"case:{reference}")
        db.session.remove()
    sealing = roles.sealing_app()
    result = sealing.test_cli_runner().invoke(args=["sealer", "--once"])
    assert result.exit_code == 0, result.output
    with app.app_context():
        notes, known = jobs.read_folder(roles.folder / "notes")
        verdict = queries.verify(evidence=Evidence(notes, known))
        db.session.remove()
        db.engine.dispose()
    with sealing.app_context():
        db.engine.dispose()
    assert recorded > 8
    assert {fault.kind.value for fault in verdict.faults} <= {"window"}, "the moments of factories are not the clock's"
    assert (verdict.waiting, verdict.sealed) == (0, verdict.entries)


@ONLY_POSTGRESQL
@pytest.mark.parametrize("role", ["program", "sealer"])
@pytest.mark.parametrize("statement", [
    *(f"{verb} {table}" for table in TABLES for verb in ("TRUNCATE", "DROP TABLE")),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES),
    *(f"DELETE FROM {table}" for table in ("audit_stream", "audit_entry", "audit_leaf", "audit_checkpoint")),
    "UPDATE audit_entry SET act = act", "UPDATE audit_private SET value = value", "UPDATE audit_leaf SET leaf = leaf",
    "UPDATE audit_checkpoint SET note = note", "UPDATE audit_queue SET entry_id = entry_id", "UPDATE audit_stream SET stream = stream",
    "DROP TRIGGER audit_entry_no_update ON audit_entry",
    "CREATE TRIGGER swallow BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
    "CREATE OR REPLACE FUNCTION audit_forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE TEMPORARY TABLE audit_entry (LIKE public.audit_entry)",
    "CREATE TABLE public.mine (id int)", "CREATE SCHEMA mine", "SET session_replication_role = replica",
    "CREATE RULE swallow AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "ALTER TABLE audit_entry OWNER TO CURRENT_USER",
    "UPDATE alembic_version SET version_num = '0001'",
])
def test_neither_role_can_change_the_trail(roles, role, statement):
    assert is_denied(getattr(roles, role), statement), refusal(getattr(roles, role), statement) or "it was done"


@ONLY_POSTGRESQL
@pytest.mark.parametrize("statement", [
    "INSERT INTO audit_leaf VALUES (0, 1, '')", "INSERT INTO audit_checkpoint VALUES (99, 0, '', '', '', now())",
    "DELETE FROM audit_queue",
])
def test_the_program_cannot_seal(roles, statement):
    assert is_denied(roles.program, statement)


@ONLY_POSTGRESQL
def test_the_sealer_sees_nothing_but_the_trail_and_its_own_sign_of_life(roles):
    tables = told(roles.owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    readable = {table for table in tables if not is_denied(roles.sealer, f"SELECT 1 FROM {table} LIMIT 1")}
    assert readable == {*TABLES, "alembic_version", "heartbeats"}
    assert is_denied(roles.sealer, "DELETE FROM audit_private")
    assert is_denied(roles.sealer, "DELETE FROM audit_key")
    assert is_denied(roles.sealer, "DELETE FROM heartbeats")


@ONLY_POSTGRESQL
def test_a_role_that_is_the_owners_is_not_granted_anything(roles):
    app = roles.app(roles.program)
    result = app.test_cli_runner().invoke(args=["audit", "grants", "--app", roles.names["owner"], "--sealer", roles.names["sealer"]])
    assert result.exit_code == 2
    assert "owns the trail" in result.output


@ONLY_POSTGRESQL
def test_a_role_that_is_not_there_is_named(roles):
    result = roles.app(roles.program).test_cli_runner().invoke(args=["audit", "grants", "--app", "nobody-here", "--sealer", "nor-here"])
    assert result.exit_code == 2
    assert "nobody-here" in result.output


def test_sqlite_has_no_roles_to_grant_to(run):
    if choose() == "postgresql":
        pytest.skip("here it has")
    result = run.invoke(args=["audit", "grants", "--app", "a", "--sealer", "b"])
    assert (result.exit_code, "Only PostgreSQL has roles" in result.output) == (2, True)
