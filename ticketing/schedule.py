"""Every job, its rhythm and its function, in one table; APScheduler is wired here and nowhere else.

A job only wakes a verb that asks the database what is due, so any number of machines may run the same table: the database is the
arbiter, not the scheduler.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask, current_app

from ticketing.accounts.jobs import tidy
from ticketing.audit.jobs import seal
from ticketing.audit.queries import seal_keys
from ticketing.calendars.service import keep_shipped
from ticketing.cases.jobs import forget, scan
from ticketing.cases.service import rebase_batch
from ticketing.core import clock, once, webhooks
from ticketing.core.batch import Tally
from ticketing.core.origin import come_from
from ticketing.core.outbound import hosts_of
from ticketing.escalation.jobs import play_simulations, sweep
from ticketing.escalation.queries import why_withhold
from ticketing.operations import service as operations
from ticketing.outbox.jobs import deliver, render_mail
from ticketing.outbox.queries import MessageRow

log = structlog.get_logger()
PATIENCE = 3  # a job that has not run for this many of its rhythms is woken, whatever the wall clock says
SLACK = 5.0  # seconds by which the wall clock may lag behind the monotonic one between two looks
LONGEST_LOOK = 5.0  # seconds between two looks of the watchdog

Stopping = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """`every` names the setting with its rhythm in seconds; `work` is told whether it should stop after the batch in hand."""

    name: str
    every: str
    work: Callable[[Stopping], Tally]


def _sweep(is_stopping: Stopping) -> Tally:
    return sweep(clock.now(), is_stopping=is_stopping)


def _deliver(is_stopping: Stopping) -> Tally:
    """Each mail is judged and written when it is sent, not when it was queued."""
    if is_stopping():
        return Tally()
    config, at = current_app.config, clock.now()
    return deliver(
        at, smtp_url=config["SMTP_URL"], mail_from=config["MAIL_FROM"], may_release=partial(why_withhold, at=at), render=render_mail,
        call=_call)


def _call(message: MessageRow, at: datetime) -> str:
    """Only systems on the installation's list are called, each call signed."""
    config = current_app.config
    call = webhooks.Call(message.uid, message.url or "", message.context, at)
    return webhooks.send(
        call, secret=config["WEBHOOK_SECRET"], hosts=hosts_of(config["WEBHOOK_HOSTS"]), private_hosts=hosts_of(config["PRIVATE_HOSTS"]),
        ca_file=config["OUTBOUND_CA_FILE"])


def _simulate(is_stopping: Stopping) -> Tally:
    """On two processors at most: the web and the sweep come first."""
    return play_simulations(clock.now(), zone=current_app.config["SITE_ZONE"], seconds=time.monotonic, is_stopping=is_stopping,
                            processes=min(os.cpu_count() or 1, 2))


def _rebase(is_stopping: Stopping) -> Tally:
    """Cases that somebody asked to bring under other versions, a batch at a time."""
    whole = Tally()
    while not is_stopping():
        tally = rebase_batch(at=clock.now())
        whole.add(tally)
        if not tally.total:
            break
    return whole


def _keep(is_stopping: Stopping) -> Tally:
    """The public holidays as this library has them, for the cases pinned to them."""
    return Tally() if is_stopping() else Tally(done=keep_shipped(at=clock.now()))


def _tidy(is_stopping: Stopping) -> Tally:
    """What accounts no longer need, and which forms were sent long ago."""
    if is_stopping():
        return Tally()
    tally = tidy(clock.now())
    tally.add(Tally(done=once.forget(at=clock.now())))
    if address := current_app.config["AUDIT_MAILBOX"]:
        operations.mail_checkpoint(address, at=clock.now())
    return tally


def _scan(is_stopping: Stopping) -> Tally:
    return Tally() if is_stopping() else scan(clock.now())


def _watch_over(is_stopping: Stopping) -> Tally:
    """An alarm leaves from whichever process is still alive: it delivers the mail itself."""
    jobs: frozenset[str] = current_app.extensions.get("jobs", frozenset())
    stopped = operations.raise_alarms(jobs - {"watch"}, at=clock.now())
    return _deliver(is_stopping) if stopped else Tally()


def _forget(is_stopping: Stopping) -> Tally:
    return Tally() if is_stopping() else forget(clock.now())


WATCH = Job("watch", "WATCH_SECONDS", _watch_over)
def _seal(is_stopping: Stopping) -> Tally:
    return seal(clock.now(), Path(current_app.config["AUDIT_CHECKPOINTS"]), is_stopping=is_stopping)


SEALING = Job("seal", "SEAL_SECONDS", _seal)
JOBS = (
    Job("sweep", "SWEEP_SECONDS", _sweep),
    Job("deliver", "DELIVER_SECONDS", _deliver),
    Job("rebase", "SWEEP_SECONDS", _rebase),
    Job("keep", "TIDY_SECONDS", _keep),
    WATCH,
    Job("tidy", "TIDY_SECONDS", _tidy),
    Job("simulate", "SIMULATE_SECONDS", _simulate),
    Job("scan", "TIDY_SECONDS", _scan),
    Job("forget", "TIDY_SECONDS", _forget),
    SEALING,
)


@dataclass(slots=True)
class Rota:
    """The jobs of one process: woken by APScheduler, and by a watchdog on the monotonic clock where that fell silent.

    APScheduler waits for wall-clock moments, so a clock set back by an hour would keep it silent for that hour.
    """

    app: Flask
    jobs: tuple[Job, ...] = JOBS
    scheduler: Any = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _woken: dict[str, float] = field(default_factory=dict, init=False)
    _seen: tuple[datetime, float] = field(init=False)
    _busy: set[str] = field(default_factory=set, init=False)

    def start(self) -> None:
        """Wake every job now and then in its rhythm."""
        self._seen = clock.now(), time.monotonic()
        pool = {"default": ThreadPoolExecutor(len(self.jobs))}
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self.scheduler = BackgroundScheduler(timezone="UTC", executors=pool, job_defaults=defaults, daemon=True)
        for job in self.jobs:
            self._woken[job.name] = time.monotonic()
            trigger = IntervalTrigger(seconds=self._rhythm(job), timezone="UTC")
            self.scheduler.add_job(partial(self._wake, job), trigger, id=job.name, next_run_time=clock.now())
        self.scheduler.start()
        threading.Thread(target=self._watch, name="redress-watchdog", daemon=True).start()

    def ask_to_stop(self) -> None:
        """Begin nothing new; safe in a signal handler."""
        self._stop.set()

    def wait(self) -> None:
        """Block until asked to stop, then until the batches in hand are done."""
        while not self._stop.wait(3600):
            continue
        if self.scheduler.running:
            self.scheduler.shutdown(wait=True)

    def overslept(self) -> list[str]:
        """Jobs that neither run nor were woken for `PATIENCE` of their rhythms of monotonic time."""
        present = time.monotonic()
        return [job.name for job in self.jobs
                if job.name not in self._busy and present - self._woken[job.name] > PATIENCE * self._rhythm(job)]

    def _rhythm(self, job: Job) -> int:
        return max(1, int(self.app.config[job.every]))

    def _watch(self) -> None:
        look = min(LONGEST_LOOK, *(self._rhythm(job) for job in self.jobs))
        while not self._stop.wait(look):
            if self._went_back():
                log.warning("schedule.clock_set_back")
            for name in self.overslept():
                log.warning("schedule.silent", job=name)
                self._rearm(name)

    def _went_back(self) -> bool:
        """Whether the wall clock fell behind the monotonic one since the last look: APScheduler would wait for it to catch up."""
        wall, steady = clock.now(), time.monotonic()
        seen, self._seen = self._seen, (wall, steady)
        behind = (steady - seen[1]) - (wall - seen[0]).total_seconds()
        if behind > SLACK:
            for job in self.jobs:  # silent from this moment on: woken at once, not after their patience
                self._woken[job.name] = steady - (PATIENCE + 1) * self._rhythm(job)
        return behind > SLACK

    def _rearm(self, name: str) -> None:
        self._woken[name] = time.monotonic()
        self.scheduler.modify_job(name, next_run_time=clock.now())
        try:
            with self.app.app_context():
                operations.note_silence(name, at=clock.now())
        except Exception as error:  # noqa: BLE001 - the watchdog must outlive a database that is away
            log.error("schedule.failed", job=name, error=type(error).__name__)

    def _wake(self, job: Job) -> None:
        if self._stop.is_set():
            return
        self._busy.add(job.name)
        try:
            come_from(f"job:{job.name}")
            with self.app.app_context():
                begun = time.monotonic()
                tally = job.work(self._stop.is_set)
                operations.beat(
                    job.name, at=clock.now(), done=tally.done, failed=tally.failed, took_ms=int((time.monotonic() - begun) * 1000))
                if tally.total:
                    log.info("schedule.worked", job=job.name, done=tally.done, failed=tally.failed, **tally.outcomes)
        except Exception as error:  # noqa: BLE001 - tried again at its next turn; the missing beat is seen at /readyz
            log.error("schedule.failed", job=job.name, error=type(error).__name__)
        finally:
            self._woken[job.name] = time.monotonic()
            self._busy.discard(job.name)


def init_app(app: Flask) -> None:
    """Tell the program which jobs must be seen running."""
    app.extensions["jobs"] = frozenset(job.name for job in JOBS)


def start_in_web(app: Flask) -> Rota | None:
    """Start the jobs inside the one web process, once: not for other commands, and not in a reloader's parent.

    Where workers run them, each web process still watches that the workers are alive.
    """
    if not _serves(app):
        return None
    rota = Rota(app, jobs_of(app)) if app.config["SCHEDULER_IN_WEB"] else Rota(app, (WATCH,))
    rota.start()
    app.extensions["rota" if app.config["SCHEDULER_IN_WEB"] else "watch"] = rota
    return rota


def jobs_of(app: Flask) -> tuple[Job, ...]:
    """The jobs this process can do: only who holds a sealing key seals."""
    with app.app_context():
        return tuple(job for job in JOBS if job is not SEALING or seal_keys())


def run_sealer(app: Flask) -> None:
    """Seal in the foreground, as a process of its own."""
    _run(Rota(app, (SEALING,)))


def run_worker(app: Flask) -> None:
    """Run the jobs in the foreground until SIGTERM or SIGINT; the batch in hand is finished first."""
    _run(Rota(app, jobs_of(app)))


def _run(rota: Rota) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: rota.ask_to_stop())
    rota.start()
    log.info("worker.started", jobs=[job.name for job in rota.jobs])
    rota.wait()
    log.info("worker.stopped")


def _serves(app: Flask) -> bool:
    command = click.get_current_context(silent=True)
    if command is not None and command.info_name != "run":
        return False
    return not app.config["DEBUG"] or os.environ.get("WERKZEUG_RUN_MAIN") == "true"
