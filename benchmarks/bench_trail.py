"""Times the trail within one run: its share of a verb's time, a batch of an import, and verification against merely reading the rows.

`python benchmarks/bench_trail.py [--entries N] [--database-url URL]`: SQLite in a new folder unless an empty database is named.
Exits 1 when verification is slower than 20,000 entries a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from config import Settings
from ticketing.app import create_app
from ticketing.audit import queries, service
from ticketing.audit.rules import Act, NewEntry
from ticketing.core.database import Model, atomic, db
from ticketing.core.permissions import Role, staff_actor
from ticketing.operations.service import beat

AT = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
HANA = staff_actor(uid="u-hana", name="Hana Novak", role=Role.OFFICER, staff_id=1)
GOAL = 20_000
PAIRS, BATCH, LENGTH = 200, 1_000, 12


@atomic
def verb_alone(number: int) -> None:
    beat("bench", at=AT + timedelta(seconds=number))


@atomic
def verb_with_entry(number: int) -> None:
    beat("bench", at=AT + timedelta(seconds=number))
    service.record(
        service.case_stream("bench"), Act.CASE_STATUS_MOVED, by=HANA, at=AT, why="Ready", change={"status": ("triage", "scoping")},
    )


def seconds(act: Callable[[], object]) -> float:
    begun = perf_counter()
    act()
    return perf_counter() - begun


def verbs() -> tuple[float, float]:
    """Median seconds without and with the entry, taken in turns so that noise falls on both."""
    pairs = [
        (seconds(partial(verb_alone, number)), seconds(partial(verb_with_entry, number + 1))) for number in range(0, PAIRS * 2, 2)
    ]
    return median(first for first, _ in pairs), median(second for _, second in pairs)


def fill(entries: int) -> float:
    """An import's way: thousands of new streams, each with a life of its own after."""
    begun = perf_counter()
    for start in range(0, entries, BATCH):
        batch = [
            NewEntry(service.case_stream(f"{number // LENGTH}"), Act.CASE_NOTE_ADDED, why="Phoned her", facts={"row": number})
            for number in range(start, min(start + BATCH, entries))
        ]
        service.record_many(batch, by=HANA, at=AT)
    return perf_counter() - begun


def read_all() -> None:
    for name in ("audit_entry", "audit_private"):
        for _ in db.session.connection().execute(sa.select(Model.metadata.tables[name]), execution_options={"yield_per": 500}):
            pass


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=60_000)
    options.add_argument("--database-url", default="")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings.for_tests(asked.database_url or f"sqlite:///{os.path.join(folder, 'bench.sqlite3')}"))
        with app.app_context():
            return measure(asked.entries)


def measure(entries: int) -> int:
    Model.metadata.create_all(db.engine)
    dialect = db.engine.dialect.name
    alone, recorded = verbs()
    print(f"{dialect}: a verb {alone * 1e3:.2f} ms, with its entry {recorded * 1e3:.2f} ms: the trail is {1 - alone / recorded:.0%} of it")
    filled = fill(entries)
    print(f"{dialect}: {entries:,} entries in batches of {BATCH:,}: {entries / filled:,.0f} a second")
    db.session.rollback()
    read = min(seconds(read_all) for _ in range(3))
    checked = min(seconds(verify) for _ in range(3))
    rate = queries.entry_count() / checked
    print(f"{dialect}: verify {rate:,.0f} entries a second (goal {GOAL:,}), {checked / read:.1f} times as long as reading the rows")
    return 0 if rate >= GOAL else 1


def verify() -> None:
    verdict = queries.verify()
    assert verdict.is_whole, verdict.faults[:3]


if __name__ == "__main__":
    sys.exit(main())
