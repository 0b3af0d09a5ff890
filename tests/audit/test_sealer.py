"""`flask sealer`: a process of its own that seals what others record, and ends cleanly when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.facts import ROOT
from ticketing.audit import jobs, queries, service
from ticketing.audit.queries import Evidence
from ticketing.audit.rules import Act
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.permissions import machine

PATIENCE = 90  # seconds: a busy machine takes its time to start a process


@pytest.fixture
def begin(committing_app: Flask, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `flask sealer` on the test's database; whatever still runs after the test is killed."""
    config, begun = committing_app.config, []

    def start(*words: str, **told: str) -> subprocess.Popen[str]:
        environ = {
            "PATH": os.environ["PATH"], "REDRESS_ENV": "development", "DATABASE_URL": config["DATABASE_URL"],
            "SECRET_KEY": config["SECRET_KEY"], "AUDIT_CHECKPOINTS": str(tmp_path / "notes"), "SEAL_SECONDS": "1", **told,
        }
        begun.append(subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "sealer", *words], cwd=ROOT, env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def wait_until(is_done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(PATIENCE * 10):
        if is_done():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def take(number: int) -> None:
    service.record(service.case_stream("one"), Act.CASE_TAKEN, by=machine("test"), at=clock.now(), facts={"number": number})


def sealed_of_case() -> bool:
    db.session.rollback()
    return queries.seals().waiting == 0 and queries.seals().size > 0


def test_the_sealer_seals_round_after_round_and_ends_cleanly_when_told(begin, tmp_path):
    take(1)
    process = begin()
    wait_until(sealed_of_case, process)
    size = queries.seals().size
    take(2)
    wait_until(lambda: sealed_of_case() and queries.seals().size > size, process)
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert "worker.stopped" in told
    notes, known = jobs.read_folder(tmp_path / "notes")
    db.session.rollback()
    verdict = queries.verify(evidence=Evidence(notes, known))
    assert (verdict.faults, verdict.waiting, verdict.sealed) == ([], 0, verdict.entries)
    assert verdict.notes >= 2


def test_one_round_on_request(begin):
    take(1)
    process = begin("--once")
    told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert '"sealed": 2' in told
    assert sealed_of_case()


def test_without_a_key_it_says_what_is_missing(run, app):
    app.config["REDRESS_ENV"] = "production"
    result = run.invoke(args=["sealer"])
    assert (result.exit_code, "AUDIT_SEAL_KEY_FILE" in result.output) == (2, True)
