"""The demo's mail server keeps what it is given; its commands keep away from real patients."""

import socket
from pathlib import Path

import pytest

from tests.factories import make_site
from tests.facts import MONDAY
from ticketing.core.mail import Mail, send
from ticketing.demo.jobs import is_free, keep_at_once, start_catch_all
from ticketing.reports.queries import caught

LETTER = Mail("<abc@larkmoor.example>", "us@larkmoor.example", "nadia@larkmoor.example", "Due soon", "Zażółć ✓", written_at=MONDAY)


def test_whatever_is_sent_to_whomever_is_kept(tmp_path: Path):
    url = start_catch_all(tmp_path)
    assert send(LETTER, url) == "accepted"
    mail, = caught(tmp_path).rows
    assert (mail.recipient, mail.subject, mail.text) == ("nadia@larkmoor.example", "Due soon", "Zażółć ✓")


@pytest.mark.parametrize("command", ["seed", "serve"])
def test_the_demo_is_never_made_beside_real_patients(run, app, command):
    app.config["REDRESS_ENV"] = "production"
    answer = run.invoke(args=["demo", command])
    assert answer.exit_code == 1
    assert "never beside real patients" in answer.output


def test_nothing_is_served_before_it_is_made(run, app):
    app.config["REDRESS_ENV"] = "demo"
    answer = run.invoke(args=["demo", "serve"])
    assert answer.exit_code == 1
    assert "demo seed" in answer.output


def test_show_names_the_five_sign_ins_and_the_address(run, app):
    answer = run.invoke(args=["demo", "show", "--port", "5011"])
    assert "http://127.0.0.1:5011" in answer.output
    for role in ("officer", "clinician", "manager", "administrator", "auditor"):
        assert f"{role}@larkmoor.example" in answer.output


def test_a_database_in_use_is_left_alone(run, app, tmp_path, monkeypatch):
    make_site()
    monkeypatch.setattr(app, "instance_path", str(tmp_path))
    keep_at_once(tmp_path / "mailbox")(LETTER)
    app.config["REDRESS_ENV"] = "demo"
    answer = run.invoke(args=["demo", "seed"])
    assert answer.exit_code == 1
    assert "in use already" in answer.output
    assert len(caught(tmp_path / "mailbox").rows) == 1


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
