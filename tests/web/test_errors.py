"""When the database is out of reach every page says so kindly, and the process still answers that it lives."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from config import Settings
from ticketing.app import create_app


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
