"""Times the trail within one run: its share of whole verbs, four writers against one, and verification against reading the rows.

`python benchmarks/bench_trail.py [--entries N] [--cases N]`: SQLite in a new folder, then a PostgreSQL of its own (PG_BIN).
Exits 1 when a goal is missed: 35 % of the verbs' time, 20,000 entries verified a second, writers that do not wait for each other.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time, sleep

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from flask import Flask

from config import Settings
from tests.databases import Cluster
from tests.factories import Hospital, concern, make_hospital, version_of
from tests.facts import MONDAY, ROOT, TUESDAY
from ticketing.app import create_app
from ticketing.audit import queries, service
from ticketing.audit.rules import Act, NewEntry
from ticketing.audit.service import recording
from ticketing.cases import service as cases
from ticketing.cases.rules import Action, NoteKind
from ticketing.cases.service import Triage
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Finding, HoldReason, Severity
from ticketing.core.database import Model, db
from ticketing.core.permissions import machine

KEEPER = machine("keeper")
SHARE, RATE, GAIN, WAITING = 0.35, 20_000, 1.4, 0.10
BATCH, LENGTH, WRITERS = 1_000, 12, 4
WRITER = """
import sys
from time import perf_counter
from benchmarks.bench_trail import make_case, note_often
from config import Settings
from ticketing.accounts import queries as accounts
from ticketing.app import create_app
app = create_app(Settings.for_tests(sys.argv[1]))
with app.app_context():
    officer = accounts.staff_by_uid(sys.argv[2]).actor
    reference = make_case(officer)
    print("ready", flush=True)
    sys.stdin.readline()
    print(note_often(reference, officer, int(sys.argv[3])), flush=True)
"""


class Watch:
    """Seconds spent in the trail while a verb runs, by the clock on the wall and by the processor's."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    def around(self, act: Callable[..., object]) -> Callable[..., object]:
        def timed(*args: object, **kwargs: object) -> object:
            wall, processor = perf_counter(), process_time()
            try:
                return act(*args, **kwargs)
            finally:
                self.wall, self.processor = self.wall + perf_counter() - wall, self.processor + process_time() - processor
        return timed


@contextmanager
def watched() -> Iterator[Watch]:
    """The trail's two pieces of work: telling what was done, and writing it just before the commit."""
    watch, kept = Watch(), (recording.told, recording._append)
    recording.told, recording._append = watch.around(kept[0]), watch.around(kept[1])  # type: ignore[assignment]
    try:
        yield watch
    finally:
        recording.told, recording._append = kept


def a_life(hospital: Hospital) -> Iterator[tuple[str, Callable[[], object]]]:
    """The verbs of one case from receipt to closure, each by whoever does it."""
    officer, manager, second = hospital.officer, hospital.manager, hospital.second_officer
    made: list[str] = []

    def seen() -> int:
        return version_of(made[0])

    def move(action: Action, by: object) -> Callable[[], object]:
        return lambda: cases.apply_transition(made[0], action, seen=None, by=by, at=TUESDAY)  # type: ignore[arg-type]

    yield "receive", lambda: made.append(cases.receive(concern(), by=officer, at=MONDAY))
    yield "take", lambda: cases.take(made[0], by=officer, at=MONDAY)
    yield "triage", lambda: cases.triage(made[0], Triage(
        CaseType.COMPLAINT_FORMAL, Severity.MODERATE, ConsentStatus.RECEIVED, "england-nhs"), seen=seen(), by=officer, at=TUESDAY)
    yield "acknowledge", lambda: cases.acknowledge(made[0], ContactMethod.PHONE, True, "Rang her", seen=None, by=officer, at=TUESDAY)
    yield "scope", lambda: cases.scope(made[0], (TUESDAY + timedelta(days=40)).date(), "On the phone", seen=seen(), by=officer, at=TUESDAY)
    yield "investigate", move(Action.INVESTIGATE, officer)
    yield "hold", lambda: cases.hold(made[0], HoldReason.AWAITING_CONSENT, "Waiting", seen=seen(), by=officer, at=TUESDAY)
    yield "release", lambda: cases.release(made[0], "Here", seen=seen(), by=officer, at=TUESDAY)
    yield "note", lambda: cases.add_note(made[0], NoteKind.NOTE, "Spoke to the ward", by=officer, at=TUESDAY)
    for position in (1, 2):
        yield "finding", lambda position=position: cases.record_finding(  # type: ignore[misc]
            made[0], position, Finding.UPHELD, "The log shows it.", "We changed the rota.", by=officer, at=TUESDAY)
    yield "begin response", move(Action.DRAFT_RESPONSE, officer)
    yield "draft response", lambda: cases.draft_response(made[0], "Dear Mrs Khan, we are sorry.", seen=seen(), by=officer, at=TUESDAY)
    yield "submit", move(Action.SUBMIT_FOR_REVIEW, officer)
    yield "review", move(Action.PASS_REVIEW, second)
    yield "sign and send", lambda: cases.sign_and_send(made[0], ContactMethod.LETTER, seen=seen(), by=manager, at=TUESDAY)
    yield "close", lambda: cases.close(made[0], "Done", seen=seen(), by=officer, at=TUESDAY)


def shares(hospital: Hospital, number: int) -> float:
    """The trail's share of the processor time of all verbs of `number` cases, printed verb by verb."""
    for _, verb in a_life(hospital):  # the first life warms what is asked once
        verb()
    spent: dict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(number):
        for name, verb in a_life(hospital):
            with watched() as watch:
                wall, processor = perf_counter(), process_time()
                verb()
                spent[name].update({"wall": perf_counter() - wall, "processor": process_time() - processor,  # type: ignore[dict-item]
                                    "trail wall": watch.wall, "trail processor": watch.processor})
    total: Counter[str] = sum(spent.values(), Counter())
    for name, one in spent.items():
        print(f"  {name:16} {one['wall'] / number * 1e3:7.2f} ms, the trail {one['trail wall'] / one['wall']:5.0%} of it "
              f"({one['trail processor'] / one['processor']:.0%} of the processor's time)")
    share = total["trail wall"] / total["wall"]
    print(f"  whole life       {total['wall'] / number * 1e3:7.2f} ms, the trail {share:5.0%} of it (goal {SHARE:.0%}; "
          f"{total['trail processor'] / total['processor']:.0%} of the processor's time)")
    return share


def note_often(reference: str, officer: object, number: int) -> float:
    """Seconds for that many notes on one case, each a verb of its own."""
    begun = perf_counter()
    for _ in range(number):
        cases.add_note(reference, NoteKind.NOTE, "Spoke to the ward", by=officer, at=TUESDAY)  # type: ignore[arg-type]
    return perf_counter() - begun


def writers(url: str, officer_uid: str, number: int, notes: int) -> tuple[float, float]:
    """Notes a second by `number` processes on a case each, and the share of looks at which one of them waited for a lock."""
    started = [subprocess.Popen(
        [sys.executable, "-c", WRITER, url, officer_uid, str(notes)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}) for _ in range(number)]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    begun = perf_counter()
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    waiting, looks = 0, 0
    asks = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while any(process.poll() is None for process in started):
            waiting, looks = waiting + int(connection.execute(asks).scalar_one() > 0), looks + 1
            sleep(0.005)
    for process in started:
        process.communicate()
    return number * notes / (perf_counter() - begun), waiting / max(looks, 1)


def fill(entries: int, at: datetime) -> float:
    """An import's way: thousands of new streams, each with a life of its own after."""
    begun = perf_counter()
    for start in range(0, entries, BATCH):
        service.record_many([
            NewEntry(service.case_stream(f"bench-{number // LENGTH}"), Act.CASE_NOTE_ADDED, why="Phoned her", facts={"row": number})
            for number in range(start, min(start + BATCH, entries))], by=KEEPER, at=at)
    return perf_counter() - begun


def read_all() -> None:
    for name in ("audit_entry", "audit_private"):
        for _ in db.session.connection().execute(sa.select(Model.metadata.tables[name]), execution_options={"yield_per": 500}):
            pass


def seconds(act: Callable[[], object]) -> tuple[float, float]:
    wall, processor = perf_counter(), process_time()
    act()
    return perf_counter() - wall, process_time() - processor


def verify() -> None:
    verdict = queries.verify()
    assert verdict.is_whole, verdict.faults[:3]


def verification(entries: int) -> float:
    """Entries verified a second, best of three."""
    filled = fill(entries, TUESDAY)
    print(f"  {entries:,} entries in batches of {BATCH:,}: {entries / filled:,.0f} a second")
    db.session.rollback()
    read = min(seconds(read_all)[0] for _ in range(3))
    checked, processor = min(seconds(verify) for _ in range(3))
    number = queries.entry_count()
    print(f"  verify {number / checked:,.0f} entries a second ({number / processor:,.0f} of the processor's time; goal {RATE:,}), "
          f"{checked / read:.1f} times as long as reading the rows")
    return number / checked


def measure(app: Flask, url: str, entries: int, lives: int) -> list[str]:
    missed = []
    with app.app_context():
        print(db.engine.dialect.name)
        hospital = make_hospital()
        if shares(hospital, lives) > SHARE:
            missed.append("the trail takes more than its share")
        if db.engine.dialect.name == "postgresql":
            alone, _ = writers(url, hospital.officer.uid, 1, 40 * lives)
            together, waiting = writers(url, hospital.officer.uid, WRITERS, 40 * lives)
            print(f"  one writer {alone:,.0f} notes a second, {WRITERS} writers {together:,.0f}: {together / alone:.2f} times (goal {GAIN} "
                  f"on two cores); somebody waited for a lock at {waiting:.0%} of the looks (goal under {WAITING:.0%})")
            if together / alone < GAIN or waiting > WAITING:
                missed.append("writers wait for each other")
        if verification(entries) < RATE:
            missed.append("verification is slower than its goal")
        db.session.remove()
        db.engine.dispose()
    return missed


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=60_000)
    options.add_argument("--cases", type=int, default=20)
    asked = options.parse_args()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{os.path.join(folder, 'bench.sqlite3')}"
        app = create_app(Settings.for_tests(url))
        with app.app_context():
            Model.metadata.create_all(db.engine)
        missed += measure(app, url, asked.entries, asked.cases)
    cluster = Cluster.start()
    try:
        url = cluster.copy("bench")
        missed += measure(create_app(Settings.for_tests(url)), url, asked.entries, asked.cases)
    finally:
        cluster.close()
    print("missed: " + "; ".join(missed) if missed else "all within the goals")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
