"""Times an import of 10,000 made-up rows into a new SQLite database, complaints with running timers among them, and a second run.

`python benchmarks/bench_import.py [--rows N] [--database-url URL] [--profile]`.  Exits 1 when it takes longer than a minute.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import pstats
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flask_migrate import upgrade

from config import Settings
from ticketing.app import create_app
from ticketing.cases import queries
from ticketing.commands.cases import carry_out

AT = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
GOAL = 60
MAPPING = """
source = "bench"
key = ["id"]
[constants]
site = "MAIN"
channel = "letter"
[columns]
narrative = "text"
complainant_name = "name"
complainant_phone = "phone"
[columns.received_at]
from = "received"
order = "day_month"
[columns.case_type]
from = "kind"
values = { "C" = "complaint_formal", "S" = "suggestion", "K" = "compliment" }
[sites.MAIN]
name = "Main site"
"""
WORDS = ("the", "ward", "nurse", "waited", "told", "letter", "family", "night", "call", "bell", "pain", "doctor", "answer", "nobody")


def write_rows(path: Path, number: int) -> None:
    draw = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "received", "kind", "name", "phone", "text"])
        for row in range(number):
            day = AT - timedelta(days=draw.randint(1, 200))
            words = " ".join(draw.choices(WORDS, k=draw.randint(10, 80)))
            writer.writerow([row, f"{day:%d/%m/%Y}", draw.choice("CCSK"), f"Person {row}", f"07700 9{row:05d}", words])


def run(folder: Path) -> tuple[float, int]:
    """Seconds, and how many cases were made."""
    begun = perf_counter()
    mapping = queries.mapping_from(folder / "mapping.toml", {})
    plan = queries.import_plan(folder / "rows.csv", mapping, queries.sheet_from(folder / "rows.csv", mapping), at=AT)
    written = carry_out(plan, now=lambda: AT, progress=lambda _number: None)
    return perf_counter() - begun, written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.csv", asked.rows)
        (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
        app = create_app(Settings.for_tests(asked.database_url or f"sqlite:///{folder / 'bench.sqlite3'}"))
        with app.app_context():
            upgrade()
            profile = cProfile.Profile()
            if asked.profile:
                profile.enable()
            seconds, written = run(folder)
            profile.disable()
            again, more = run(folder)
        if asked.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    print(f"{written:,} cases in {seconds:.1f} s ({written / seconds:,.0f} a second); again: {more} in {again:.1f} s; goal {GOAL} s")
    assert (written, more) == (asked.rows, 0)
    return 0 if seconds < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
