"""Health and readiness as a load balancer sees them."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from tests.facts import TUESDAY
from ticketing.core.database import db
from ticketing.operations import queries, service


def test_the_process_answers_without_asking_the_database(new_app):
    app = new_app(migration_database_url="sqlite:////nowhere/at/all.sqlite3", database_url="sqlite:////nowhere/at/all.sqlite3")
    assert app.test_client().get("/healthz").json == {"status": "ok"}


def test_an_unreachable_database_is_not_ready(new_app):
    app = new_app(database_url="sqlite:////nowhere/at/all.sqlite3")
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")


def test_a_database_behind_its_migrations_is_not_ready(committing_app):
    with db.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sa.text("DELETE FROM alembic_version"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0000')"))
    answer = committing_app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json["problem"]


def test_a_silent_job_and_a_missing_mail_server_are_warnings_only(app, client, set_clock):
    app.extensions["jobs"] = frozenset({"sweep", "deliver", "tidy"})
    service.beat("sweep", at=TUESDAY - timedelta(minutes=10))
    service.beat("deliver", at=TUESDAY - timedelta(seconds=10))
    set_clock(TUESDAY)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["warnings"] == [
        "The job 'sweep' last ran 10 minutes ago. Check that `flask --app wsgi worker` is running.",
        "The job 'tidy' has never run. Start `flask --app wsgi worker`.",
        "No mail server is set: mail waits in the outbox. Set SMTP_URL.",
    ]


def test_the_newest_beat_stays(app):
    service.beat("sweep", at=TUESDAY)
    service.beat("sweep", at=TUESDAY - timedelta(minutes=1))
    assert queries.beats() == {"sweep": TUESDAY}
