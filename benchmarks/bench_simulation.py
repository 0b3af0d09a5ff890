"""Times a simulation over 24 months of made-up history: 100,000 cases must replay in under 60 seconds on two cores.

`python benchmarks/bench_simulation.py [--cases N] [--processes N] [--database-url URL]`.  The history is made by plain SQL in a
database of its own (SQLite in a temporary folder unless told); the replay reads it as the program does.  Exits 1 if it takes too long.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from flask_migrate import upgrade

from config import Settings
from ticketing.accounts import service as accounts
from ticketing.app import create_app
from ticketing.calendars.rules import table_version
from ticketing.cases.models import Assignment, Case
from ticketing.codes import service as codes
from ticketing.core.database import db
from ticketing.core.permissions import Permission, Role, machine
from ticketing.escalation.jobs import run
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.queries.simulations import simulation
from ticketing.escalation.rules.drafting import Draft, TargetChange
from ticketing.escalation.service import simulating as service
from ticketing.firings import service as firings
from ticketing.packs.rules import TargetCode, Unit, load
from ticketing.sla.models import SlaEvent, SlaPin

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
BEGIN = AT - timedelta(days=730)
GOAL = 60.0
BY = machine("bench", Permission.MANAGE_RULES)
CHUNK = 5_000
DRAFT = Draft(targets=(TargetChange("england-nhs", TargetCode.ACKNOWLEDGE, 2, Unit.WORKING_DAYS),))


def found_hospital() -> tuple[int, int, list[int]]:
    """A site, a team of ten with a lead and a manager, and the shipped ladder; returns their ids."""
    site = codes.add_site("MAIN", "Main site", zone="Europe/London", pack="england-nhs", calendar="england_wales", by=BY, at=BEGIN)
    team = accounts.add_team("CENTRAL", "Central", by=BY, at=BEGIN)
    uids = [accounts.add_staff(f"p{n}@hospital.example", f"Person {n}", Role.MANAGER if n == 0 else Role.OFFICER, team_codes=["CENTRAL"],
                               password=None, by=BY, at=BEGIN) for n in range(11)]
    accounts.set_leads("CENTRAL", [uids[1]], by=BY, at=BEGIN)
    firings.install_default_rules(by=BY, at=BEGIN)
    from ticketing.accounts import queries
    return site, team, [queries.staff_by_uid(uid).id for uid in uids]


def make_history(number: int, site: int, team: int, staff: list[int]) -> int:
    """Cases with their pins, events and hand-overs, straight into the tables; returns how many events there are."""
    draw, version, events_made = random.Random(7), load("england-nhs").version, 0
    pinned = {"pack": "england-nhs", "pack_version": version, "calendar": "england_wales", "calendar_version": table_version(),
              "zone": "Europe/London", "case_type": "complaint_formal", "is_anonymous": False, "is_oral": False, "is_main": True}
    defaults = _defaults(site, team)
    for start in range(1, number + 1, CHUNK):
        rows: dict[type, list[dict[str, object]]] = {Case: [], SlaPin: [], SlaEvent: [], Assignment: []}
        for case_id in range(start, min(start + CHUNK, number + 1)):
            received = BEGIN + timedelta(minutes=draw.randrange(720 * 24 * 60))
            handler = draw.choice(staff[1:])
            events = list(_events(draw, received))
            is_open = events[-1][0] != "ended"
            rows[Case].append({**defaults, "id": case_id, "reference": f"B-{case_id:07d}", "received_at": received,
                               "team_received_at": received, "logged_at": received, "last_activity_at": received, "handler_id": handler,
                               "status": "investigation" if is_open else "closed", "is_open": is_open})
            rows[SlaPin].append({**pinned, "case_id": case_id, "cycle": 1})
            rows[Assignment].append({"case_id": case_id, "staff_id": handler, "team_id": team, "note": "",
                                     "assigned_at": received + timedelta(hours=1)})
            rows[SlaEvent] += [{
                "case_id": case_id, "cycle": 1, "kind": kind, "subject": data.pop("subject", ""), "actor_kind": "officer",
                "occurred_at": at, "recorded_at": at, "data": data, "is_void": False} for kind, at, data in events]
        with db.engine.begin() as connection:
            for kind, values in rows.items():
                connection.execute(sa.insert(kind.__table__), values)
        events_made += len(rows[SlaEvent])
    return events_made


def _events(draw: random.Random, received: datetime):
    """One ordinary course: acknowledged, a date agreed, a statement, progress, an answer, the end; now and then late or held."""
    def after(days: float) -> datetime:
        return received + timedelta(days=days)

    acknowledged = draw.choice([0.2, 0.5, 1, 1, 2, 2, 3, 6])
    answered = draw.choice([20, 25, 30, 34, 38, 39, 45])
    story = [("received", 0.0, {}), ("acknowledged", acknowledged, {}),
             ("period_agreed", acknowledged + 1, {"due_on": after(40).date().isoformat(), "is_agreed": True})]
    if draw.random() < 0.3:
        subject = f"{draw.getrandbits(64):016x}"
        given = draw.choice([12.0, 16.0, 24.0])
        story += [("statement_asked", 9.0, {"subject": subject}), ("statement_given", given, {"subject": subject})]
    if draw.random() < 0.1:
        story += [("held", 10.0, {"reason": "awaiting_consent"}), ("released", 15.0, {"reason": "awaiting_consent"})]
    story += [("progress_sent", 18.0, {}), ("answered", float(answered), {}), ("ended", answered + 0.01, {"reason": "closed"})]
    return [(kind, after(days), data) for kind, days, data in sorted(story, key=lambda item: item[1]) if after(days) <= AT]


def _defaults(site: int, team: int) -> dict[str, object]:
    """A value for each column that must have one."""
    words = {"case_type": "complaint_formal", "channel": "letter", "pack": "england-nhs", "narrative": "-", "queue_at": AT,
             "relationship_to_patient": "patient", "consent_status": "not_needed", "severity": "moderate"}
    found: dict[str, object] = {}
    for column in Case.__table__.columns:
        if column.nullable or column.primary_key:
            continue
        default = column.default.arg if column.default is not None and not callable(column.default.arg) else None
        kind = column.type.python_type
        found[column.name] = default if default is not None else False if kind is bool else 0 if kind is int else ""
    return {**found, **words, "site_id": site, "team_id": team, "is_anonymous": True, "cycle": 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--database-url", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = asked.database_url or f"sqlite:///{folder}/bench.sqlite3"
        app = create_app(Settings.for_tests(url))
        with app.app_context():
            upgrade()
            begun = perf_counter()
            events = make_history(asked.cases, *found_hospital())
            print(f"{asked.cases:,} cases with {events:,} events made in {perf_counter() - begun:.1f} s ({db.engine.dialect.name})")
            uid = service.ask("Bench", DRAFT, Range(BEGIN.date(), AT.date(), "Europe/London"), by=BY, at=AT)
            begun, worked = perf_counter(), process_time()
            run(uid, AT, zone="Europe/London", seconds=perf_counter, processes=asked.processes, progress=_tell)
            took = perf_counter() - begun
            row = simulation(uid)
            print(json.dumps({"state": row.state.value, "missed": [row.figures.missed.before, row.figures.missed.after],
                              "messages": [row.figures.told.before, row.figures.told.after], "to_missed": row.figures.to_missed}))
            share = took / GOAL * 100_000 / asked.cases
            print(f"{asked.cases:,} cases in {took:.1f} s with {asked.processes} processes ({process_time() - worked:.1f} s of it in this "
                  f"one): {asked.cases / took:,.0f} cases a second, {share:.2f} of the time allowed")
    return 1 if share >= 1 or row.state.value != "finished" else 0


def _tell(done: int, whole: int) -> None:
    if done % 10_000 < 250:
        print(f"  {done:,} of {whole:,}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
