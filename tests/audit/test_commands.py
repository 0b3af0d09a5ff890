"""`flask audit verify`: 0 whole, 1 tampered and where, 2 could not run."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.facts import TUESDAY
from ticketing.audit import service
from ticketing.audit.rules import Act
from ticketing.core.database import Model, db, is_postgresql
from ticketing.core.permissions import machine
from ticketing.core.references import new_reference


@pytest.fixture
def reference(app) -> str:
    known = new_reference(TUESDAY)
    for _ in range(3):
        service.record(service.case_stream(known), Act.CASE_TAKEN, by=machine("test"), at=TUESDAY)
    service.record(service.case_stream(new_reference(TUESDAY)), Act.CASE_TAKEN, by=machine("test"), at=TUESDAY)
    return known


def tamper(reference: str) -> None:
    connection = db.session.connection()
    off = "ALTER TABLE audit_entry DISABLE TRIGGER USER" if is_postgresql() else "DROP TRIGGER audit_entry_no_update"
    connection.exec_driver_sql(off)
    entry = Model.metadata.tables["audit_entry"]
    connection.execute(sa.update(entry).where(entry.c.stream == f"case:{reference}", entry.c.seq == 2).values(act="case.closed"))


def test_a_whole_trail_exits_0(run, reference):
    result = run.invoke(args=["audit", "verify"])
    assert result.exit_code == 0
    assert "4 entries in 2 streams" in result.output
    assert "whole" in result.output


def test_a_tampered_trail_exits_1_and_says_where(run, reference):
    tamper(reference)
    result = run.invoke(args=["audit", "verify", "--case", reference.lower().replace("-", " ")])
    assert result.exit_code == 1
    assert f"TAMPERED  case:{reference} entry 2: the columns differ from what was recorded (act)" in result.output


def test_only_the_case_asked_for_is_checked(run, reference):
    result = run.invoke(args=["audit", "verify", "--case", reference])
    assert (result.exit_code, "3 entries in 1 streams" in result.output) == (0, True)


@pytest.mark.parametrize("asked", ["nonsense", "26-0000-0000-00", ""])
def test_a_case_that_is_not_there_exits_2(run, reference, asked):
    result = run.invoke(args=["audit", "verify", "--case", asked])
    assert result.exit_code == 2
    assert "Error" in result.output


def test_another_key_exits_2(run, app, reference):
    app.config["SECRET_KEY"] = "another" * 8
    result = run.invoke(args=["audit", "verify"])
    assert (result.exit_code, "SECRET_KEY" in result.output) == (2, True)


def test_a_database_that_is_not_migrated_exits_2(run, reference):
    db.session.connection().exec_driver_sql("ALTER TABLE audit_entry RENAME TO elsewhere")
    result = run.invoke(args=["audit", "verify"])
    assert (result.exit_code, "database" in result.output) == (2, True)
