"""APScheduler only wakes: each job runs in its rhythm, in an app context, once a process, and a silent scheduler is woken again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask, current_app

from tests.facts import ROOT
from ticketing import schedule
from ticketing.core import clock
from ticketing.core.batch import Tally
from ticketing.operations import queries as operations
from ticketing.schedule import JOBS, Job, Rota

SOON = 20.0  # seconds within which a woken job must have run, on a busy machine


class Count:
    """A job that notes each of its turns."""

    def __init__(self, fails: int = 0) -> None:
        self.turns, self.fails = 0, fails
        self.names: list[str] = []
        self.happened = threading.Condition()

    def work(self, is_stopping: schedule.Stopping) -> Tally:
        with self.happened:
            self.turns += 1
            self.names.append(current_app.name)
            self.happened.notify_all()
        if self.turns <= self.fails:
            raise RuntimeError("the database is away")
        return Tally(done=1)

    def reaches(self, turns: int) -> bool:
        with self.happened:
            return self.happened.wait_for(lambda: self.turns >= turns, timeout=SOON)


@pytest.fixture
def rota_of(new_app: Callable[..., Flask]) -> Iterator[Callable[..., Rota]]:
    made: list[Rota] = []

    def make(*jobs: Job, seconds: int = 1) -> Rota:
        rota = Rota(new_app(sweep_seconds=seconds, deliver_seconds=seconds), jobs)
        made.append(rota)
        rota.start()
        return rota

    yield make
    for rota in made:
        rota.ask_to_stop()
        rota.wait()


def test_every_job_is_woken_at_once_and_again(rota_of):
    first, second = Count(), Count()
    rota = rota_of(Job("one", "SWEEP_SECONDS", first.work), Job("two", "DELIVER_SECONDS", second.work))
    assert first.reaches(2)
    assert second.reaches(2)
    assert set(first.names) == {"ticketing"}
    settings = [(job.coalesce, job.max_instances, job.misfire_grace_time, str(job.trigger.timezone)) for job in rota.scheduler.get_jobs()]
    assert settings == [(True, 1, None, "UTC")] * 2


def test_a_job_that_fails_is_tried_again_and_leaves_no_beat(rota_of):
    count = Count(fails=1)
    rota = rota_of(Job("one", "SWEEP_SECONDS", count.work))
    assert count.reaches(3)
    with rota.app.app_context():
        assert "one" in operations.beats()


def test_a_scheduler_that_fell_silent_is_woken_by_the_watchdog(rota_of):
    """A clock set back by an hour leaves APScheduler waiting for that hour; the watchdog counts monotonic time."""
    count = Count()
    rota = rota_of(Job("one", "SWEEP_SECONDS", count.work))
    assert count.reaches(1)
    rota.scheduler.modify_job("one", next_run_time=clock.now() + timedelta(hours=1))
    turns = count.turns
    assert count.reaches(turns + 2)


def test_when_asked_to_stop_the_turn_in_hand_is_finished_and_no_other_begun(rota_of):
    begun, may_end = threading.Event(), threading.Event()
    ended: list[bool] = []

    def slow(is_stopping: schedule.Stopping) -> Tally:
        begun.set()
        may_end.wait(SOON)
        ended.append(is_stopping())
        return Tally()

    rota = rota_of(Job("one", "SWEEP_SECONDS", slow))
    assert begun.wait(SOON)
    rota.ask_to_stop()
    may_end.set()
    rota.wait()
    assert ended == [True]


def test_the_program_knows_which_jobs_must_be_seen_running(app):
    assert app.extensions["jobs"] == {job.name for job in JOBS} >= {"sweep", "deliver"}


@pytest.mark.parametrize(("changes", "command", "starts"), [
    ({}, "", False),
    ({"SCHEDULER_IN_WEB": "1"}, "", True),
    ({"SCHEDULER_IN_WEB": "1", "DEBUG": "1"}, "", False),
    ({"SCHEDULER_IN_WEB": "1", "DEBUG": "1", "WERKZEUG_RUN_MAIN": "true"}, "", True),
    ({"SCHEDULER_IN_WEB": "1"}, "routes", False),
])
def test_the_web_process_starts_the_jobs_once_and_no_other_command_does(new_app, changes, command, starts):
    url = new_app().config["DATABASE_URL"]
    environ = {**os.environ, "DATABASE_URL": url, "REDRESS_ENV": "development", **changes}
    told = "import wsgi, sys; sys.stdout.write(str('rota' in wsgi.app.extensions))"
    if command:
        told = ("import sys; sys.argv = ['flask', '--app', 'wsgi', 'routes']; import atexit; "
                "atexit.register(lambda: sys.__stdout__.write(str('rota' in sys.modules['wsgi'].app.extensions))); "
                "from flask.cli import main; main()")
    out = subprocess.run([sys.executable, "-c", told], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert out.stdout.endswith(str(starts)), out.stderr
