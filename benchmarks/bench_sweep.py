"""Measures the sweep on PostgreSQL, as ratios within one run: nothing due among a million timers, ten thousand due, one worker and two.

`python benchmarks/bench_sweep.py [--open N] [--due N]`.  Needs PostgreSQL's binaries (PG_BIN); makes its own server and removes it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from config import Settings
from tests.databases import Cluster
from tests.factories import make_case, make_hospital, make_staff
from tests.facts import MONDAY, ROOT
from tests.probes import count_queries
from ticketing.app import create_app
from ticketing.core.database import db
from ticketing.core.permissions import Permission, Role, machine
from ticketing.escalation.jobs import sweep
from ticketing.firings import service as firings
from ticketing.firings.rules import Actions, Conditions, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.packs.rules import EventKind

GOAL = 2_000 / 30_000  # of bare SQL, so that a slow machine is no excuse and a fast one no merit
NOW = MONDAY + timedelta(days=1)
KEEPER = machine("keeper", Permission.MANAGE_RULES)
STEADY = """
import sys
from datetime import datetime
from time import perf_counter
from config import Settings
from ticketing.app import create_app
from ticketing.escalation.jobs import sweep
app = create_app(Settings.for_tests(sys.argv[1]))
with app.app_context():
    print("ready", flush=True)
    sys.stdin.readline()
    begun = perf_counter()
    tally = sweep(datetime.fromisoformat(sys.argv[2]))
    print(tally.outcomes.get("fired", 0) + tally.outcomes.get("fired_late", 0), perf_counter() - begun, flush=True)
"""


def fill(number: int) -> None:
    """Cases as copies of one, each with a running timer and a planned firing far ahead, made by SQL."""
    with db.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))  # no page waits for these
        columns = [
            row[0] for row in connection.execute(sa.text(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'cases' ORDER BY ordinal_position"))]
        others = [name for name in columns if name not in ("id", "reference", "source_key")]
        listed = ", ".join(others)
        connection.execute(sa.text(
            f"INSERT INTO cases (reference, {listed}) SELECT 'B-' || n, {listed} FROM cases, generate_series(1, :number) AS n"
            " WHERE cases.id = (SELECT min(id) FROM cases)"), {"number": number})
        timers = [row[0] for row in connection.execute(sa.text(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'timers' ORDER BY ordinal_position"))]
        same = [name for name in timers if name not in ("id", "case_id", "due_at", "state")]
        connection.execute(sa.text(
            f"INSERT INTO timers (case_id, due_at, state, {', '.join(same)})"
            f" SELECT cases.id, TIMESTAMPTZ '2030-01-01', 'running', {', '.join('t.' + name for name in same)} FROM cases, timers AS t"
            " WHERE cases.reference LIKE 'B-%' AND t.id = (SELECT min(id) FROM timers)"
            " AND NOT EXISTS (SELECT 1 FROM timers AS x WHERE x.case_id = cases.id)"))
        connection.execute(sa.text(
            "INSERT INTO firings (uid, case_id, cycle, timer_key, rule_version_id, step, occurrence, fire_at, due_at, state, is_late,"
            " cause, note, told) SELECT md5('far' || cases.id), cases.id, 1, 'respond//1@england-nhs', v.id, 1, 1,"
            " TIMESTAMPTZ '2030-01-01', TIMESTAMPTZ '2030-01-01', 'planned', false, '', '', '[]'"
            " FROM cases, (SELECT min(id) AS id FROM rule_versions) AS v"
            " WHERE cases.reference LIKE 'B-%' ON CONFLICT DO NOTHING"))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("cases", "timers", "firings"):
            connection.execute(sa.text(f"ANALYZE {table}"))


def make_due(number: int, version_id: int, round_: int) -> None:
    """`number` steps due now that only tell the handler, each of another case, whose trail has begun."""
    with db.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text(
            "INSERT INTO firings (uid, case_id, cycle, timer_key, rule_version_id, step, occurrence, fire_at, due_at, state, is_late,"
            " cause, note, told) SELECT md5('due' || :round || '-' || id), id, 1, 'event/received', :version, 1, :round, :at, :at,"
            " 'planned', false, '', '', '[]' FROM cases WHERE reference LIKE 'B-%' ORDER BY id LIMIT :number"),
            {"number": number, "version": version_id, "round": round_, "at": NOW})


def seconds(act: object, repeats: int = 15) -> float:
    best = float("inf")
    for _ in range(repeats):
        begun = perf_counter()
        act()  # type: ignore[operator]
        best = min(best, perf_counter() - begun)
    return best


def statements_of(act: object) -> list[str]:
    with count_queries() as seen:
        act()  # type: ignore[operator]
    return seen.sent


def workers(url: str, number: int, at: datetime) -> tuple[int, float]:
    """Fired by `number` processes started together, and how long the slower took."""
    started = [subprocess.Popen(
        [sys.executable, "-c", STEADY, url, at.isoformat()], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}) for _ in range(number)]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    begun = perf_counter()
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    done = [process.communicate()[0].split() for process in started]
    return sum(int(fired) for fired, _ in done), perf_counter() - begun if number > 1 else max(float(took) for _, took in done)


def bare(number: int) -> float:
    """The same rows written by hand: what the database alone takes for them."""
    with db.engine.begin() as connection:
        connection.execute(sa.text("CREATE TEMP TABLE bare_mail AS SELECT * FROM outbox_message WITH NO DATA"))
        connection.execute(sa.text("CREATE TEMP TABLE bare_trail AS SELECT * FROM audit_entry WITH NO DATA"))
        begun = perf_counter()
        connection.execute(sa.text("INSERT INTO bare_mail SELECT * FROM outbox_message LIMIT :number"), {"number": number})
        connection.execute(sa.text("INSERT INTO bare_trail SELECT * FROM audit_entry ORDER BY id DESC LIMIT :number"), {"number": number})
        some = "SELECT id FROM firings WHERE state = 'fired' LIMIT :number"
        connection.execute(sa.text(f"UPDATE firings SET note = note WHERE id IN ({some})"), {"number": number})
        return perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=10_000)
    asked = parser.parse_args()
    cluster = Cluster.start()
    try:
        return measure(cluster, asked.open, asked.due)
    finally:
        cluster.close()


def measure(cluster: Cluster, number: int, due: int) -> int:
    url = cluster.copy("bench")
    app = create_app(Settings.for_tests(url))
    failures: list[str] = []
    with app.app_context():
        hospital = make_hospital()
        for place in range(30):
            make_staff(Role.OFFICER, f"Officer Number{place}", team_codes=["CENTRAL"])
        draft = RuleDraft(
            "Tell the handler", 1, Trigger(TriggerKind.EVENT, event=EventKind.RECEIVED), Conditions(), Actions((Recipient.HANDLER,)))
        code = firings.create_rule(draft, by=KEEPER, at=MONDAY)
        make_case(hospital.officer)
        before = statements_of(lambda: make_case(hospital.officer))
        with db.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM firings"))
        fill(1_000)
        few, sent_few = seconds(lambda: sweep(NOW)), statements_of(lambda: sweep(NOW))
        fill_more = number - 1_000
        print(f"making {number:,} open cases by SQL ...", flush=True)
        with db.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("UPDATE cases SET reference = 'A-' || id WHERE reference LIKE 'B-%'"))
        fill(fill_more)
        many, sent_many = seconds(lambda: sweep(NOW)), statements_of(lambda: sweep(NOW))
        probes = [text for text in sent_many if text.lstrip().upper().startswith("SELECT")]
        if len(probes) > 1:
            failures.append("an empty sweep asks more than once")
        print(f"nothing due, {number:,} open  {many * 1e3:8.2f} ms   {many / few:5.2f} times that of 1,000 ({few * 1e3:.2f} ms), "
              f"{len(probes)} selects (and with 1,000: {len(sent_few)} statements against {len(sent_many)})")
        if many > 0.005:
            failures.append("an empty sweep takes more than 5 ms")
        with db.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text(
                "UPDATE cases SET handler_id = s.id FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM staff"
                " WHERE name LIKE 'Officer Number%') AS s WHERE cases.reference LIKE 'B-%' AND cases.id % 30 = s.n AND cases.id IN"
                " (SELECT id FROM cases WHERE reference LIKE 'B-%' ORDER BY id LIMIT :number)"), {"number": due})
        version_id = db.session.scalar(sa.text(
            "SELECT v.id FROM rule_versions AS v JOIN escalation_rules AS r ON r.id = v.rule_id WHERE r.code = :code"), {"code": code})
        db.session.remove()
        rates = {}
        for round_, many_workers in enumerate((1, 1, 2), start=1):  # the first begins each case's trail, so it is not measured
            make_due(due, version_id, round_)
            fired, took = workers(url, many_workers, NOW + timedelta(hours=3 * round_))
            rates[round_] = fired / took
            assert fired == due, f"{fired} of {due} fired"
        alone, together, base = rates[2], rates[3], due / bare(due)
        print(f"{due:,} due, one worker     {alone:8,.0f} a second   {alone / base:5.3f} of what bare SQL does here ({base:,.0f}); "
              f"the goal is {GOAL:.3f}: 2,000 where bare SQL does 30,000")
        print(f"{due:,} due, two workers    {together:8,.0f} a second   {together / alone:5.2f} times one worker")
        print(f"  (the first 10,000, whose trails begin here, {rates[1]:,.0f} a second)")
        if alone < 2000 and alone / base < GOAL:
            failures.append("one worker does fewer than 2,000 a second, also by the measure of this machine")
        if together / alone < 1.6:
            failures.append("two workers give less than 1.6 times one")
        planned = [text for text in before if "firings" in text or "rule_versions" in text or "escalation_rules" in text]
        print(f"planning at intake          {len(planned):8} statements (the goal is at most 4) of {len(before)}")
        if len(planned) > 4:
            failures.append("planning at intake takes more than 4 statements")
        db.session.remove()
        db.engine.dispose()
    print("missed: " + "; ".join(failures) if failures else "all within the goals")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
