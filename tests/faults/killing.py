"""The kill test's parts: due steps made by SQL, sweeping processes of which one after another is killed, and what must hold afterwards.

Sweepers are forked from a process that has the program loaded and warm: one that first had to load it for seconds would be killed
before it ever swept, and the test would show nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests.factories import make_case, make_hospital, make_staff
from tests.facts import ROOT
from ticketing.audit import queries as trail
from ticketing.audit.rules import Act
from ticketing.core.database import db
from ticketing.core.permissions import Permission, Role, machine
from ticketing.firings import service as firings
from ticketing.firings.models import Firing
from ticketing.firings.rules import Actions, Conditions, FiringState, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.outbox.models import OutboxMessage
from ticketing.packs.rules import EventKind

KEEPER = machine("keeper", Permission.MANAGE_RULES)
STEPS = 2  # due at once on each case, so that two sweepers want the same case
WITHDRAWN = 20  # every so manieth case has been withdrawn since, so that its steps are superseded
PATIENCE = 600  # seconds
NURSERY = """
import os, sys, time, traceback
from datetime import UTC, datetime
import sqlalchemy as sa
from config import Settings
from ticketing.app import create_app
from ticketing.core.database import atomic, db
from ticketing.escalation import service
from ticketing.escalation.jobs import sweep
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
app = create_app(Settings.for_tests(sys.argv[1], notices_per_hour=0))
whole = service.fire_batch
service.fire_batch = lambda *, at: whole(at=at, limit=int(sys.argv[2]))
class Warm(Exception):
    pass
@atomic
def warm(at):
    whole(at=at, limit=1)
    raise Warm
with app.app_context():
    try:
        warm(datetime(2030, 1, 1, tzinfo=UTC))
    except Warm:
        pass
    db.session.remove()
    db.engine.dispose()
{wrong}
def is_due_left(at):
    left = db.session.scalar(sa.select(Firing.id).where(Firing.state == FiringState.PLANNED, Firing.fire_at <= at).limit(1))
    db.session.remove()
    return left is not None
def work(at):
    with app.app_context():
        while sweep(at).total or is_due_left(at):
            time.sleep(0.02)
print("ready", flush=True)
for line in sys.stdin:
    verb, value = line.split()
    if verb == "end":
        print(os.waitstatus_to_exitcode(os.waitpid(int(value), 0)[1]), flush=True)
        continue
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    try:
        work(datetime.fromisoformat(value))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)
"""


@dataclass(slots=True)
class Nursery:
    """Sweepers, each a process of its own."""

    process: subprocess.Popen[str]
    running: list[int] = field(default_factory=list)
    killed: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(20))

    def start(self, at: datetime) -> None:
        self.running.append(self._ask(f"start {at.isoformat()}"))

    def kill_one(self) -> None:
        """Any of them: were it always the oldest, none would live longer than another on a slow machine, and none might end a batch."""
        victim = self.running.pop(self.chance.randrange(len(self.running)))
        os.kill(victim, signal.SIGKILL)
        ended = self._ask(f"end {victim}")
        assert ended in {0, -signal.SIGKILL}, "a sweeper failed by itself"
        self.killed += ended == -signal.SIGKILL

    def let_finish(self) -> None:
        while self.running:
            assert self._ask(f"end {self.running.pop(0)}") == 0, "a sweeper failed by itself"

    def _ask(self, question: str) -> int:
        assert self.process.stdin
        assert self.process.stdout
        print(question, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@contextmanager
def nursery(app: Flask, limit: int, wrong: str = "") -> Iterator[Nursery]:
    """Where sweepers come from, who claim `limit` steps at a time; `wrong` is Python by which they are broken on purpose."""
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY.replace("{wrong}", wrong), app.config["DATABASE_URL"], str(limit)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    home = Nursery(process)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield home
    finally:
        for pid in home.running:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def make_due(number: int, moments: Sequence[datetime]) -> None:
    """`number` due steps, `STEPS` of each case, spread over `moments`; some cases have been withdrawn since."""
    hospital = make_hospital()
    for place in range(10):
        make_staff(Role.OFFICER, f"Officer Number{place}", team_codes=["CENTRAL"])
    versions = [_rule(f"Tell the handler {place}", moments[0]) for place in range(STEPS)]
    make_case(hospital.officer, at=moments[0], received_at=moments[0])
    db.session.remove()
    with db.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM firings"))
        connection.execute(sa.text("UPDATE timers SET state = 'met'"))
        row = dict(connection.execute(sa.text("SELECT * FROM cases ORDER BY id LIMIT 1")).mappings().one())
        staff = list(connection.scalars(sa.text("SELECT id FROM staff WHERE name LIKE 'Officer Number%' ORDER BY id")))
        first, cases = row["id"], range(1, number // STEPS + 1)
        columns = list(row)
        connection.execute(sa.text(
            f"INSERT INTO cases ({', '.join(columns)}) VALUES ({', '.join(':' + name for name in columns)})"), [
            {**row, "id": first + place, "reference": f"K-{place}", "source_key": None, "handler_id": staff[place % len(staff)],
             "status": "withdrawn" if place % WITHDRAWN == 0 else row["status"], "is_open": place % WITHDRAWN != 0} for place in cases])
        steps: list[dict[str, Any]] = [{
            "uid": f"{place:024x}{step:08x}", "case_id": first + place, "cycle": 1, "timer_key": "event/received",
            "rule_version_id": version, "step": 1, "occurrence": 1, "fire_at": moments[(place * 7 + step * 5) % len(moments)],
            "due_at": moments[0], "state": FiringState.PLANNED, "is_late": False, "cause": "", "note": "", "told": []}
            for place in cases for step, version in enumerate(versions)]
        connection.execute(sa.insert(Firing.__table__), steps)  # type: ignore[arg-type]


def _rule(name: str, at: datetime) -> int:
    """A rule that only tells the handler; the id of its version."""
    draft = RuleDraft(name, 1, Trigger(TriggerKind.EVENT, event=EventKind.RECEIVED), Conditions(), Actions((Recipient.HANDLER,)))
    code = firings.create_rule(draft, by=KEEPER, at=at)
    return int(db.session.scalar(sa.text(
        "SELECT v.id FROM rule_versions AS v JOIN escalation_rules AS r ON r.id = v.rule_id WHERE r.code = :code"), {"code": code}))


def sweep_and_kill(app: Flask, clocks: Sequence[datetime], *, processes: int, every: float, limit: int, wrong: str = "") -> int:
    """Keep `processes` sweeping while work is left, kill one after another and start others; returns how many were killed.

    The first is killed after `every` seconds and each later one after a little longer, up to a second: on a quiet machine some
    must die before all is done, on a busy one some must live to end a batch.

    `clocks` are what one sweeper after another takes for the present; the last of them is what the rest go by.
    """
    with nursery(app, limit, wrong) as home:
        started = count()
        give_up = time.monotonic() + PATIENCE
        for _ in range(processes):
            home.start(clocks[min(next(started), len(clocks) - 1)])
        while _is_work_left(app):
            time.sleep(every)
            every = max(every, min(1.0, every * 1.25))
            home.kill_one()
            home.start(clocks[min(next(started), len(clocks) - 1)])
            assert time.monotonic() < give_up, "the sweepers do not come to an end"
        home.let_finish()
        return home.killed


def _is_work_left(app: Flask) -> bool:
    with app.app_context():
        left = db.session.scalar(sa.select(Firing.id).where(Firing.state == FiringState.PLANNED).limit(1)) is not None
        db.session.remove()
    return left


def check(app: Flask, number: int) -> Counter[FiringState]:
    """Every step ended once, none is missing, none doubled; trail and outbox agree with it; the trail is whole."""
    with app.app_context():
        states = Counter(db.session.scalars(sa.select(Firing.state)))
        gone = (number // STEPS // WITHDRAWN) * STEPS
        assert states == {FiringState.FIRED: number - gone, FiringState.SUPERSEDED: gone}
        fired = {row.uid: row.told for row in db.session.execute(
            sa.select(Firing.uid, Firing.told).where(Firing.state == FiringState.FIRED))}
        assert all(fired.values()), "each told somebody"
        keys = db.session.scalars(sa.select(OutboxMessage.dedup_key).where(OutboxMessage.kind == "escalation")).all()
        assert sorted(keys) == sorted(f"firing:{uid}:{person}" for uid, told in fired.items() for person in told)
        bodies = db.session.scalars(sa.text("SELECT body FROM audit_entry WHERE act = :act"), {"act": Act.CASE_ESCALATED.value})
        assert Counter(json.loads(bytes(body))["facts"]["firing"] for body in bodies) == Counter(list(fired)), "one entry a step"
        assert trail.verify().is_whole
        db.session.remove()
    return states
