"""Data from before packs had versions of their own survives the upgrade: pins are main ones, timers and planned steps know their pack."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from tests.facts import ROOT

OLD = (
    "CREATE TABLE staff (id INTEGER PRIMARY KEY)",
    "CREATE TABLE cases (id INTEGER PRIMARY KEY, pack VARCHAR(40), next_target VARCHAR(40))",
    "CREATE TABLE sla_pins (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, cycle INTEGER NOT NULL, pack VARCHAR(40) NOT NULL, "
    "pack_version VARCHAR(20) NOT NULL, CONSTRAINT uq_sla_pins_case_id_cycle UNIQUE (case_id, cycle))",
    "CREATE TABLE timers (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, cycle INTEGER NOT NULL, target VARCHAR(40) NOT NULL, "
    "subject VARCHAR(32) NOT NULL, occurrence INTEGER NOT NULL, CONSTRAINT uq_timers_case_id_cycle_target_subject_occurrence "
    "UNIQUE (case_id, cycle, target, subject, occurrence))",
    "CREATE TABLE firings (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, cycle INTEGER NOT NULL, timer_key VARCHAR(120) NOT NULL)",
    "INSERT INTO cases VALUES (1, 'england-nhs', 'acknowledge'), (2, 'us-cms', NULL)",
    "INSERT INTO sla_pins VALUES (1, 1, 1, 'england-nhs', '2026.1'), (2, 2, 1, 'us-cms', '2026.1')",
    "INSERT INTO timers VALUES (1, 1, 1, 'acknowledge', '', 1), (2, 2, 1, 'respond', '', 1)",
    "INSERT INTO firings VALUES (1, 1, 1, 'acknowledge//1'), (2, 2, 1, 'silence'), (3, 2, 1, 'respond//1'), (4, 1, 1, 'event/reopened')",
)


def migration():
    path = next(path for path in Path(ROOT / "migrations" / "versions").glob("*_policy.py"))
    spec = importlib.util.spec_from_file_location("policy_migration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_old_pins_timers_and_planned_steps_get_their_pack_and_lose_it_again():
    module = migration()
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in OLD:
            connection.execute(sa.text(statement))
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        with Operations.context(context):
            module.upgrade()
            assert connection.execute(sa.text("SELECT pack, is_main FROM sla_pins ORDER BY id")).all() == [
                ("england-nhs", 1), ("us-cms", 1)]
            assert connection.execute(sa.text("SELECT pack FROM timers ORDER BY id")).scalars().all() == ["england-nhs", "us-cms"]
            assert connection.execute(sa.text("SELECT timer_key FROM firings ORDER BY id")).scalars().all() == [
                "acknowledge//1@england-nhs", "silence", "respond//1@us-cms", "event/reopened"]
            assert connection.execute(sa.text("SELECT next_pack FROM cases ORDER BY id")).scalars().all() == ["england-nhs", None]
            connection.execute(sa.text("INSERT INTO sla_pins VALUES (3, 1, 1, 'england-dp', '2026.1', 0)"))
            connection.execute(sa.text("INSERT INTO timers (id, case_id, cycle, target, subject, occurrence, pack) VALUES "
                                       "(3, 1, 1, 'acknowledge', '', 1, 'england-dp')"))
            connection.execute(sa.text("INSERT INTO firings VALUES (5, 1, 1, 'acknowledge//1@england-dp')"))
            module.downgrade()
            assert connection.execute(sa.text("SELECT timer_key FROM firings ORDER BY id")).scalars().all() == [
                "acknowledge//1", "silence", "respond//1", "event/reopened"]
            assert connection.execute(sa.text("SELECT target FROM timers ORDER BY id")).scalars().all() == ["acknowledge", "respond"]
            assert connection.execute(sa.text("SELECT pack FROM sla_pins ORDER BY id")).scalars().all() == ["england-nhs", "us-cms"]
    engine.dispose()
