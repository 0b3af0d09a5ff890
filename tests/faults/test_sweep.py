"""The sweep under fault: several at once, killed in the middle, a clock that jumps.  Each step exactly once, none missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import make_case, make_hospital
from tests.facts import MONDAY, ROOT
from tests.probes import count_queries
from ticketing.audit import queries as trail
from ticketing.audit.rules import Act
from ticketing.core.database import db
from ticketing.escalation.jobs import sweep
from ticketing.escalation.service import sweeping as service
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.outbox.models import OutboxMessage

CASES = 40
MONTH_LATER = MONDAY + timedelta(days=30)
SWEEPER = """
import sys
from datetime import datetime
from config import Settings
from ticketing.app import create_app
from ticketing.escalation.jobs import sweep
from ticketing.escalation.service import sweeping as service
slow = service._act
def act(*args, **kwargs):
    print("acting", flush=True)
    return slow(*args, **kwargs)
service._act = act
app = create_app(Settings.for_tests(sys.argv[1]))
with app.app_context():
    tally = sweep(datetime.fromisoformat(sys.argv[2]))
print("done", tally.done, tally.failed, flush=True)
"""


@pytest.fixture
def hospital_with_cases(committing_app: Flask) -> Flask:
    hospital = make_hospital()
    for _ in range(CASES):
        make_case(hospital.officer)
    db.session.remove()
    return committing_app


def check_each_step_once(app: Flask, number: int = CASES) -> None:
    """Of every case: one step of the acknowledgement carried out, the lower ones given way, one mail a step and person, a whole trail."""
    with app.app_context():
        states = Counter(db.session.scalars(sa.select(Firing.state).where(Firing.timer_key.startswith("acknowledge/"))))
        assert states == {FiringState.FIRED: number, FiringState.SUPERSEDED: 4 * number}
        fired = {row.uid: row.told for row in db.session.scalars(sa.select(Firing).where(Firing.state == FiringState.FIRED))}
        keys = db.session.scalars(sa.select(OutboxMessage.dedup_key).where(OutboxMessage.kind == "escalation")).all()
        assert sorted(keys) == sorted(f"firing:{uid}:{person}" for uid, told in fired.items() for person in told)
        acts = sa.text("SELECT count(*) FROM audit_entry WHERE act = :act")
        assert db.session.scalar(acts, {"act": Act.CASE_ESCALATED.value}) == len(fired)
        assert db.session.scalar(acts, {"act": Act.CASE_BREACHED.value}) == number
        assert trail.verify().is_whole
        db.session.remove()


def test_four_sweeps_at_once_do_each_step_once(hospital_with_cases):
    failures: list[BaseException] = []
    ready = threading.Barrier(4)

    def work() -> None:
        try:
            ready.wait()
            with hospital_with_cases.app_context():
                sweep(MONTH_LATER)
        except BaseException as error:  # noqa: BLE001 - a thread must tell what broke it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    check_each_step_once(hospital_with_cases)


def start_sweep(app: Flask) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SWEEPER, app.config["DATABASE_URL"], MONTH_LATER.isoformat()], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("steps", [1, 7, 25])
def test_killed_in_the_middle_leaves_nothing_half_done_and_the_next_sweep_does_the_rest(hospital_with_cases, steps):
    with start_sweep(hospital_with_cases) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(steps)] == ["acting\n"] * steps
        process.send_signal(signal.SIGKILL)
    with hospital_with_cases.app_context():
        half = db.session.scalars(sa.select(Firing.uid).where(Firing.state == FiringState.FIRED)).all()
        keys = db.session.scalars(sa.select(OutboxMessage.dedup_key).where(OutboxMessage.kind == "escalation")).all()
        assert {key.split(":")[1] for key in keys} == set(half)
        assert len(half) < CASES
        db.session.remove()
        sweep(MONTH_LATER)
        db.session.remove()
    check_each_step_once(hospital_with_cases)


def test_two_processes_and_a_kill_do_each_step_once(hospital_with_cases):
    with start_sweep(hospital_with_cases) as first, start_sweep(hospital_with_cases) as second:
        assert first.stdout is not None
        first.stdout.readline()
        first.send_signal(signal.SIGKILL)
        out, _ = second.communicate(timeout=120)
    assert out.splitlines()[-1].startswith("done ")
    with hospital_with_cases.app_context():
        sweep(MONTH_LATER)
        db.session.remove()
    check_each_step_once(hospital_with_cases)


def test_a_clock_that_jumps_to_and_fro_changes_nothing(hospital_with_cases):
    with hospital_with_cases.app_context():
        for moment in (MONTH_LATER, MONDAY, MONTH_LATER + timedelta(minutes=1), MONDAY - timedelta(days=400), MONTH_LATER):
            sweep(moment)
        late = db.session.scalars(sa.select(Firing.is_late).where(Firing.state == FiringState.FIRED)).all()
        assert set(late) == {True}
        db.session.remove()
    check_each_step_once(hospital_with_cases)


def test_a_case_somebody_holds_is_passed_over_and_taken_by_the_next_sweep(hospital_with_cases):
    """PostgreSQL only: SQLite lets one verb write at a time, so nothing is ever passed over."""
    with hospital_with_cases.app_context():
        if db.engine.dialect.name == "sqlite":
            pytest.skip("SQLite has no row locks.")
        service.record_breaches(at=MONTH_LATER, limit=500)
        with db.engine.connect() as other, other.begin():
            other.execute(sa.text("SELECT id FROM cases ORDER BY id LIMIT 5 FOR UPDATE"))
            sweep(MONTH_LATER)
            fired = db.session.scalars(sa.select(Firing.case_id).where(Firing.state == FiringState.FIRED)).all()
            assert len(set(fired)) == CASES - 5
            db.session.remove()
        sweep(MONTH_LATER)
        db.session.remove()
    check_each_step_once(hospital_with_cases)


def test_a_terminated_worker_finishes_its_batch(hospital_with_cases, tmp_path: Path):
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"], cwd=ROOT, stdout=out, stderr=out,
            env={**os.environ, "DATABASE_URL": hospital_with_cases.config["DATABASE_URL"], "REDRESS_ENV": "development",
                 "SWEEP_SECONDS": "1", "SECRET_KEY": hospital_with_cases.config["SECRET_KEY"]})
    try:
        for _ in range(600):
            with hospital_with_cases.app_context():
                number = db.session.scalar(sa.select(sa.func.count()).where(Firing.state == FiringState.FIRED))
                db.session.remove()
            if number or worker.poll() is not None:
                break
            threading.Event().wait(0.05)
        worker.terminate()
        assert worker.wait(timeout=60) == 0, log.read_text()
    finally:
        worker.kill()
    with hospital_with_cases.app_context():
        uids = set(db.session.scalars(sa.select(Firing.uid).where(Firing.state == FiringState.FIRED)))
        keys = db.session.scalars(sa.select(OutboxMessage.dedup_key).where(OutboxMessage.kind == "escalation")).all()
        assert uids
        assert {key.split(":")[1] for key in keys} == uids
        assert trail.verify().is_whole
        db.session.remove()


def test_a_sweep_with_nothing_due_is_one_question(hospital_with_cases):
    sweep(MONTH_LATER)
    with count_queries() as sent:
        assert not sweep(MONTH_LATER).total
    assert len(sent) == 1
