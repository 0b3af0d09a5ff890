"""The database itself refuses to rewrite the trail, and the migration makes the same tables and triggers as the models."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.facts import TUESDAY
from ticketing.audit import queries, service
from ticketing.audit.models import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS
from ticketing.audit.rules import Act, FaultKind
from ticketing.audit.rules.notes import SealKey
from ticketing.core.database import atomic, db, is_postgresql, savepoint
from ticketing.core.permissions import machine

KEY = SealKey(bytes(range(32)))
REFUSALS = ("append-only", "only moves forward", "must name an entry")


@pytest.fixture
def trail(app):
    for number in range(3):
        service.record("case:one", Act.CASE_TAKEN, by=machine("test"), at=TUESDAY, facts={"number": number})
    return app


@atomic
def forge(statement: str) -> None:
    db.session.connection().exec_driver_sql(statement)


def refused(statement: str) -> str:
    with pytest.raises(sa.exc.DBAPIError) as caught, savepoint():
        db.session.connection().exec_driver_sql(statement)
    return str(caught.value.orig)


@pytest.mark.parametrize("statement", [
    "UPDATE audit_entry SET act = 'case.closed' WHERE seq = 2",
    "UPDATE audit_entry SET body = body",
    "DELETE FROM audit_entry WHERE seq = 3",
    "DELETE FROM audit_entry",
    "UPDATE audit_stream SET seq = 2",
    "UPDATE audit_stream SET seq = 4",
    "UPDATE audit_stream SET hash = prev FROM audit_entry WHERE audit_entry.seq = 3",
    "UPDATE audit_stream SET stream = 'case:two', seq = 4",
    "DELETE FROM audit_stream",
    "INSERT INTO audit_stream (stream, seq, hash) SELECT 'case:two', 7, hash FROM audit_stream",
    "UPDATE audit_private SET value = 'Somebody else'",
    "UPDATE audit_private SET salt = salt",
])
def test_the_database_refuses_to_rewrite_the_trail(trail, statement):
    reason = refused(statement)
    assert any(refusal in reason for refusal in REFUSALS), reason
    assert queries.verify().is_whole


@pytest.mark.parametrize("statement", [
    "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = 2",
    "INSERT OR REPLACE INTO audit_entry (uid, stream, seq, prev, hash, body, kid, mac, act, actor_uid, recorded_at)"
    " SELECT 'x', stream, seq, prev, x'00', body, kid, mac, act, actor_uid, recorded_at FROM audit_entry WHERE seq = 2",
    "INSERT OR REPLACE INTO audit_entry (uid, stream, seq, prev, hash, body, kid, mac, act, actor_uid, recorded_at)"
    " SELECT uid, 'case:x', 9, prev, x'00', body, kid, mac, act, actor_uid, recorded_at FROM audit_entry WHERE seq = 2",
    "UPDATE OR REPLACE audit_entry SET seq = 1 WHERE seq = 2",
    "INSERT OR REPLACE INTO audit_stream SELECT stream, 0, hash FROM audit_stream",
    "INSERT OR REPLACE INTO audit_private SELECT entry_uid, field, salt, 'Somebody else', sealed FROM audit_private",
])
def test_sqlite_refuses_to_replace_even_for_a_plain_shell(trail, statement):
    if is_postgresql():
        pytest.skip("PostgreSQL has no REPLACE")
    db.session.connection().exec_driver_sql("PRAGMA recursive_triggers=OFF")  # as an outside shell has it
    try:
        assert "append-only" in refused(statement)
    finally:
        db.session.connection().exec_driver_sql("PRAGMA recursive_triggers=ON")


@pytest.mark.parametrize("statement", [
    "TRUNCATE audit_entry", "TRUNCATE audit_stream", "TRUNCATE audit_private",
    "INSERT INTO audit_stream (stream, seq, hash) VALUES ('case:one', 0, '\\x00') ON CONFLICT (stream) DO UPDATE SET seq = 0",
    "INSERT INTO audit_private SELECT * FROM audit_private ON CONFLICT (entry_uid, field) DO UPDATE SET value = 'Somebody else'",
])
def test_postgresql_refuses_to_truncate_or_upsert(trail, statement):
    if not is_postgresql():
        pytest.skip("SQLite has no TRUNCATE, and its upsert is an update")
    assert any(refusal in refused(statement) for refusal in REFUSALS)


@pytest.mark.parametrize("statement", ["DELETE FROM audit_entry", "UPDATE audit_stream SET seq = 1", "UPDATE audit_private SET value = ''"])
def test_postgresql_refuses_a_replica_role_too(trail, statement):
    if not is_postgresql():
        pytest.skip("SQLite has no replicas")
    db.session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
    assert any(refusal in refused(statement) for refusal in REFUSALS)


def test_private_values_may_be_deleted_but_that_is_seen_without_an_entry(trail):
    db.session.connection().exec_driver_sql("DELETE FROM audit_private")
    assert [(fault.kind, fault.seq) for fault in queries.verify().faults] == [(FaultKind.VALUE, seq) for seq in (1, 2, 3)]


@pytest.mark.parametrize("statement", [
    "UPDATE audit_leaf SET entry_id = 99", "DELETE FROM audit_leaf", "UPDATE audit_checkpoint SET size = 1", "DELETE FROM audit_checkpoint",
    "UPDATE audit_queue SET entry_id = 99",
])
def test_the_database_refuses_to_change_the_tree_its_checkpoints_and_what_waits(trail, statement):
    service.seal([KEY], at=TUESDAY, limit=2)
    assert "append-only" in refused(statement)


@pytest.mark.parametrize("statement", [
    "INSERT OR REPLACE INTO audit_leaf SELECT idx, 99, leaf FROM audit_leaf",
    "INSERT OR REPLACE INTO audit_checkpoint SELECT number, 99, root, peaks, note, sealed_at FROM audit_checkpoint",
])
def test_sqlite_refuses_to_replace_what_is_sealed(trail, statement):
    if is_postgresql():
        pytest.skip("PostgreSQL has no REPLACE")
    service.seal([KEY], at=TUESDAY)
    assert "append-only" in refused(statement)


@pytest.mark.parametrize("table", ["audit_leaf", "audit_checkpoint", "audit_queue", "audit_key"])
def test_postgresql_refuses_to_truncate_what_is_sealed(trail, table):
    if not is_postgresql():
        pytest.skip("SQLite has no TRUNCATE")
    assert "append-only" in refused(f"TRUNCATE {table}")


def test_what_is_written_past_the_program_waits_for_the_sealer_too(trail):
    forge("INSERT INTO audit_entry (uid, stream, seq, prev, hash, body, kid, mac, act, actor_uid, recorded_at)"
        " SELECT 'forged', stream, 4, hash, mac, body, kid, mac, act, actor_uid, recorded_at FROM audit_entry WHERE seq = 3")
    tally = service.seal([KEY], at=TUESDAY)
    assert (tally.done, tally.outcomes) == (3, {"refused_hash": 1})
    assert queries.seals().waiting == 1


def test_the_migration_makes_the_triggers_of_the_models(app):
    """The app's database was migrated; the models say what it must hold."""
    connection = db.session.connection()
    if is_postgresql():
        rows = connection.exec_driver_sql("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'audit%%'")
        wanted = {text.split()[2] for texts in POSTGRESQL_TRIGGERS.values() for text in texts if text.startswith("CREATE TRIGGER")}
        assert {tuple(row) for row in rows} == {(name, "A") for name in wanted}
        functions = connection.exec_driver_sql("SELECT prosrc FROM pg_proc WHERE proname LIKE 'audit%%'").scalars()
        texts = {text.split("$$")[1] for texts in POSTGRESQL_TRIGGERS.values() for text in texts if "$$" in text}
        assert set(functions) == texts
    else:
        made = set(connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'").scalars())
        assert made == {text for texts in SQLITE_TRIGGERS.values() for text in texts}


def test_tables_made_from_the_models_have_the_triggers_too():
    from ticketing.core.database import Model

    engine = sa.create_engine("sqlite://")
    tables = [Model.metadata.tables[name] for name in SQLITE_TRIGGERS]
    Model.metadata.create_all(engine, tables=tables)
    with engine.connect() as connection:
        made = set(connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger'").scalars())
    engine.dispose()
    assert made == {text for texts in SQLITE_TRIGGERS.values() for text in texts}
