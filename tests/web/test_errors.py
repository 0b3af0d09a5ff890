"""When the database is out of reach every page says so kindly, and the process still answers that it lives."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
import structlog
from flask.testing import FlaskClient
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from config import Settings
from ticketing.app import create_app
from ticketing.core.database import db, is_race
from ticketing.web.guards import public


@pytest.fixture
def cut_off() -> FlaskClient:
    """A visitor of a program whose database nobody answers for."""
    app = create_app(Settings.for_tests("postgresql+psycopg://nobody@127.0.0.1:9/nothing"))
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def test_a_page_that_needs_the_database_says_when_to_come_back(cut_off):
    with cut_off.session_transaction() as session:
        session["session"] = "t" * 43
    answer = cut_off.post("/sign-in", data={"email": "hana@hospital.example", "password": "seven green kettles sing"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "Nothing was lost" in answer.text
    assert "OperationalError" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_the_public_form_keeps_no_half_concern_and_says_so(cut_off):
    assert cut_off.get("/concerns/new").status_code in (200, 503)
    assert cut_off.get("/cases/").status_code in (303, 503)


def test_the_process_lives_and_is_not_ready(cut_off):
    assert cut_off.get("/healthz").status_code == 200
    assert cut_off.get("/readyz").status_code == 503


def test_every_page_says_so_to_whoever_holds_a_session_whatever_else_is_wrong_with_what_they_ask(cut_off):
    with cut_off.session_transaction() as session:
        session["token"] = "t" * 43
    addresses = [re.sub(r"<[^>]+>", "1", rule.rule) for rule in cut_off.application.url_map.iter_rules() if "GET" in (rule.methods or ())]
    receipts = {"/concerns/received", "/concerns/received/why/1"}
    for address in [*addresses, "/nothing/here", "/sign-out", "/cases/%00"]:
        answer = cut_off.get(address)
        if address in receipts:  # without a receipt there is nothing to look up: they lead to the form, which says it
            assert (answer.status_code, answer.location) == (303, "/concerns/new"), address
        elif address != "/healthz":  # the process lives
            assert answer.status_code == 503, address
            assert answer.headers["Retry-After"] == "30", address
    with cut_off.session_transaction() as session:
        session["received"] = "26-AAAA-AAAA-AA"
    for address in receipts:
        answer = cut_off.get(address)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "30"), address
    assert cut_off.post("/nothing/here").status_code == 503
    assert cut_off.post("/sign-in", data={"email": "x" * 3_000_000}).status_code in (413, 503)


@pytest.mark.parametrize("error", [
    NoConnectionFree("QueuePool limit reached"), InterfaceError("SELECT 1", None, Exception("connection already closed")),
    OperationalError("SELECT 1", None, Exception("disk full")),
])
def test_a_database_that_is_too_busy_or_hangs_up_is_out_of_reach(client, app, monkeypatch, error):
    def hang_up():
        raise error

    monkeypatch.setitem(app.view_functions, "accounts.forgotten_sent", public(hang_up))
    answer = client.get("/forgotten/sent")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


class NotUnique(Exception):
    """What a driver raises where another constraint than a unique one is broken."""

    sqlstate = "23514"


def test_only_a_taken_value_reads_as_a_race(app):
    beat = sa.text("INSERT INTO heartbeats (name, at) VALUES ('sweep', '2026-11-24 09:00:00+00:00')")
    db.session.execute(beat)
    with pytest.raises(sa.exc.IntegrityError) as raced:
        db.session.execute(beat)
    db.session.rollback()
    with pytest.raises(sa.exc.IntegrityError) as broken:
        db.session.execute(sa.text("INSERT INTO heartbeats (name, at) VALUES ('sweep', NULL)"))
    db.session.rollback()
    assert is_race(raced.value)
    assert not is_race(broken.value)
    assert not is_race(sa.exc.IntegrityError("INSERT", {}, NotUnique()))


def test_a_broken_constraint_is_a_logged_defect_with_a_page_that_tells_nothing_of_it(app, client):
    def break_it():
        db.session.execute(sa.text("INSERT INTO heartbeats (name, at) VALUES ('canary-7781', NULL)"))

    public(break_it)
    app.view_functions["accounts.sign_in"], kept = break_it, app.view_functions["accounts.sign_in"]
    try:
        with structlog.testing.capture_logs() as logged:
            page = client.send("/sign-in", status=500)
    finally:
        app.view_functions["accounts.sign_in"] = kept
    assert "Something broke on our side" in page.text
    assert not any(word in page.html for word in ("canary", "heartbeats", "IntegrityError", "NULL"))
    assert any(event.get("event") == "defect" for event in logged)
