"""Logs: each line is JSON, and none holds a name, an address, what somebody wrote, or the secret in a path."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from tests.factories import PASSWORD, make_staff
from ticketing.core.database import db
from ticketing.web.logs import Lines, frames_of

CANARIES = ("zyxcanary", "Zyxcanary", "zyxtoken", PASSWORD)
INJECTED = 'zyxcanary\r\n{"event": "forged"}\x1b[31m\u2028'


@pytest.fixture
def noisy(new_app, capsys):
    """The program as it really runs: INFO, and a defect is a page of 500."""
    app = new_app(redress_env="development", log_level="INFO", debug=False)
    with app.app_context():
        make_staff(name="Zyxcanary Novak", email="zyxcanary@hospital.example")
    capsys.readouterr()
    yield app
    logging.getLogger().handlers.clear()
    structlog.reset_defaults()


def lines_of(capsys) -> list[dict]:
    printed = capsys.readouterr().err
    for canary in CANARIES:
        assert canary not in printed
    lines = [json.loads(line) for line in printed.splitlines()]
    assert lines
    assert all(line["event"] != "forged" for line in lines)
    return lines


def test_no_line_holds_who_or_what(noisy, capsys):
    visitor = noisy.test_client()
    for path in ("/password/zyxtoken", "/nothing/zyxcanary", f"/cases/find?reference={INJECTED}", "/sign-in?next=/zyxcanary",
                 "/concerns/new?zyxcanary=1", "/sign-in/%0d%0azyxcanary"):
        visitor.get(path, headers={"User-Agent": INJECTED.replace("\r\n", " "), "Referer": "http://zyxcanary/"})
    visitor.post("/sign-in", data={"email": INJECTED, "password": PASSWORD})
    visitor.post("/forgotten", data={"email": "zyxcanary@hospital.example"})
    visitor.post("/sign-in", data={"email": "zyxcanary@hospital.example", "password": PASSWORD})
    visitor.get("/account")
    visitor.post("/sign-out")
    lines = lines_of(capsys)
    assert {line["endpoint"] for line in lines if line["event"] == "request"} >= {"accounts.password", "accounts.sign_in", None}
    known = {"event", "endpoint", "method", "status", "ms", "request", "level", "timestamp", "heads"}  # heads: the trail's receipts
    assert all(set(line) <= known for line in lines)


def test_a_defect_is_logged_by_where_it_is_and_shown_as_a_number_to_ask_about(noisy, capsys):
    def broken():
        name = "zyxcanary"
        try:
            db.session.execute(db.text("SELECT nothing FROM staff WHERE name = :name"), {"name": name})
        except Exception as error:
            raise ValueError(f"nothing of {name} can be stored") from error
        raise ValueError(name)

    noisy.view_functions["accounts.forgotten_sent"] = broken
    broken.__guard__ = "public"
    answer = noisy.test_client().get("/forgotten/sent")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    for word in ("zyxcanary", "ValueError", "Traceback", "sqlalchemy", "SELECT", ".py"):
        assert word not in answer.text, word
    (line,) = [line for line in lines_of(capsys) if line["event"] == "defect"]
    assert line["error"] == "ValueError"
    assert line["request"] == answer.headers["X-Request-Id"]
    assert any("test_logs.py" in frame and "broken" in frame for frame in line["exception"])


def test_the_error_of_a_database_names_no_value(noisy):
    with noisy.app_context(), pytest.raises(Exception) as caught:  # noqa: PT011 - each database has its own
        db.session.execute(db.text("INSERT INTO staff (name) VALUES (:name)"), {"name": "zyxcanary"})
    assert "zyxcanary" not in str(caught.value).split("DETAIL")[0]
    assert frames_of(caught.value)[-1] == type(caught.value).__name__


def test_a_log_that_cannot_be_written_takes_no_page_down(noisy, monkeypatch):
    class Full:
        def write(self, text=""):
            raise OSError(28, "No space left on device")

        flush = write

    monkeypatch.setattr("sys.stderr", Full())
    assert noisy.test_client().get("/sign-in").status_code == 200


@pytest.mark.parametrize(("name", "level", "words", "values", "kept"), [
    ("gunicorn.error", logging.WARNING, "Invalid request from ip=10.1.1.1: 'GET /password/zyxtoken'", (), "Invalid request from ip"),
    ("gunicorn.error", logging.INFO, "Listening at: %s (%s)", ("http://x", 1), "Listening at: http://x (1)"),
    ("apscheduler", logging.ERROR, 'Job "%s" raised\nan error', ("zyxcanary",), 'Job "%s" raised an error'),
])
def test_what_libraries_log_is_a_json_line_without_the_values(name, level, words, values, kept):
    line = json.loads(Lines().format(logging.LogRecord(name, level, __file__, 1, words, values, None)))
    assert line["words"] == kept
    assert line["level"] == logging.getLevelName(level).lower()
