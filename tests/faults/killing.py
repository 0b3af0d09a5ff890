"""The kill test's parts: many due steps made by SQL, sweeping processes, one killed after another, and what must hold afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
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
SWEEPER = """
import sys
from datetime import datetime, timedelta
from config import Settings
from ticketing.app import create_app
from ticketing.escalation import service
app = create_app(Settings.for_tests(sys.argv[1], notices_per_hour=0))
at = datetime.fromisoformat(sys.argv[2])
print("ready", flush=True)
with app.app_context():
    quiet = 0
    while quiet < 3:
        tally = service.fire_batch(at=at, limit=int(sys.argv[3]))
        quiet = 0 if tally.total else quiet + 1
        if tally.total:
            print("did", tally.total, flush=True)
print("done", flush=True)
"""


def make_due(number: int, moments: list[datetime]) -> None:
    """`number` due steps, each of another case, spread over `moments`; a twentieth of the cases has been withdrawn since."""
    hospital = make_hospital()
    for place in range(10):
        make_staff(Role.OFFICER, f"Officer Number{place}", team_codes=["CENTRAL"])
    draft = RuleDraft("Tell the team", 1, Trigger(TriggerKind.EVENT, event=EventKind.RECEIVED), Conditions(), Actions((Recipient.HANDLER,)))
    code = firings.create_rule(draft, by=KEEPER, at=moments[0])
    make_case(hospital.officer, at=moments[0], received_at=moments[0])
    version = db.session.scalar(sa.text(
        "SELECT v.id FROM rule_versions AS v JOIN escalation_rules AS r ON r.id = v.rule_id WHERE r.code = :code"), {"code": code})
    db.session.remove()
    with db.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM firings"))
        row = dict(connection.execute(sa.text("SELECT * FROM cases ORDER BY id LIMIT 1")).mappings().one())
        staff = list(connection.scalars(sa.text("SELECT id FROM staff WHERE name LIKE 'Officer Number%' ORDER BY id")))
        first = row["id"]
        cases = [{**row, "id": first + place, "reference": f"K-{place}", "source_key": None, "handler_id": staff[place % len(staff)],
                  "status": "withdrawn" if place % 20 == 0 else row["status"], "is_open": place % 20 != 0}
                 for place in range(1, number + 1)]
        columns = list(row)
        connection.execute(sa.text(
            f"INSERT INTO cases ({', '.join(columns)}) VALUES ({', '.join(':' + name for name in columns)})"), cases)
        steps: list[dict[str, Any]] = [{
            "uid": f"{place:032x}", "case_id": first + place, "cycle": 1, "timer_key": "event/received", "rule_version_id": version,
            "step": 1, "occurrence": 1, "fire_at": moments[place % len(moments)], "due_at": moments[place % len(moments)],
            "state": FiringState.PLANNED, "is_late": False, "cause": "", "note": "", "told": []} for place in range(1, number + 1)]
        connection.execute(sa.insert(Firing.__table__), steps)


def start(url: str, at: datetime, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SWEEPER, url, at.isoformat(), str(limit)], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})


def sweep_and_kill(app: Flask, at: datetime, *, processes: int, every: float, kills: int, limit: int) -> int:
    """Keep `processes` sweeping, kill the oldest every so often and start another, then let them finish; returns how many were killed."""
    running, killed = [start(app.config["DATABASE_URL"], at, limit) for _ in range(processes)], 0
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    while killed < kills and _is_work_left(app):
        time.sleep(every)
        victim = running.pop(0)
        is_alive = victim.poll() is None
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        killed += is_alive
        running.append(start(app.config["DATABASE_URL"], at, limit))
    for process in running:
        process.communicate(timeout=600)
    return killed


def _is_work_left(app: Flask) -> bool:
    with app.app_context():
        left = db.session.scalar(sa.select(Firing.id).where(Firing.state == FiringState.PLANNED).limit(1)) is not None
        db.session.remove()
    return left


def check(app: Flask, number: int) -> Counter[FiringState]:
    """Every step ended once, none is missing, none doubled; trail and outbox agree with it; the trail is whole."""
    with app.app_context():
        states = Counter(db.session.scalars(sa.select(Firing.state)))
        assert sum(states.values()) == number, "none missing, none doubled"
        assert states[FiringState.PLANNED] == 0
        assert states[FiringState.FAILED] == 0
        assert states[FiringState.SUPERSEDED] == number // 20
        fired = {row.uid: row.told for row in db.session.execute(
            sa.select(Firing.uid, Firing.told).where(Firing.state == FiringState.FIRED))}
        keys = db.session.scalars(sa.select(OutboxMessage.dedup_key).where(OutboxMessage.kind == "escalation")).all()
        assert sorted(keys) == sorted(f"firing:{uid}:{person}" for uid, told in fired.items() for person in told)
        of_act = sa.text("SELECT stream, count(*) AS number FROM audit_entry WHERE act = :act GROUP BY stream")
        bodies = db.session.execute(of_act, {"act": Act.CASE_ESCALATED.value})
        told_of = {row.stream: row.number for row in bodies}
        assert len(told_of) == len(fired)
        assert set(told_of.values()) <= {1}, "one entry a step"
        assert trail.verify().is_whole
        db.session.remove()
    return states
