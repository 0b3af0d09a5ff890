"""Times the reckoning within one run: `reckon` of one target over 20 events, warm, without the account, must take under 200 µs.

Also `reckon_all` of an ordinary case, and what the accounts cost that are built only when asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ticketing.calendars.rules import named_calendar
from ticketing.packs.rules import load
from ticketing.sla.rules import numbered, parse_event, reckon, reckon_all
from ticketing.sla.rules.explaining import parse_moment

ZONE = "Europe/London"
STORY = ("received=2026-10-01T10:00", "acknowledged=2026-10-02", "period_agreed=2026-10-02@2026-11-20", "held=2026-10-05@awaiting_consent",
         "released=2026-10-08", "progress_sent=2026-10-12", "statement_asked=2026-10-13@one", "statement_asked=2026-10-13@two")
TWENTY = (
    *STORY, "held=2026-10-14@awaiting_complainant", "released=2026-10-20", "progress_sent=2026-10-21", "statement_given=2026-10-22@one",
    "held=2026-10-23@awaiting_consent", "released=2026-10-26", "statement_given=2026-10-27@two", "progress_sent=2026-11-02",
    "extended=2026-11-10@2026-12-04", "held=2026-11-11@awaiting_consent", "released=2026-11-13", "progress_sent=2026-11-16")
LIMIT = 0.0002
ROUNDS, REPEATS = 200, 5


def best_of(work: Callable[[], object]) -> float:
    """The quickest of several rounds, in seconds a call."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = perf_counter()
        for _ in range(ROUNDS):
            work()
        best = min(best, (perf_counter() - begun) / ROUNDS)
    return best


def main() -> int:
    pack, calendar = load("england-nhs"), named_calendar("england_wales")
    few, twenty = (numbered([parse_event(text, ZONE) for text in story]) for story in (STORY, TWENTY))
    at = parse_moment("2026-11-24T09:00", ZONE, "at")
    worst = 0.0
    for code in ("acknowledge", "respond", "six_months", "progress"):
        target = pack.target(code)
        took = best_of(lambda target=target: reckon(target, twenty, calendar, at=at, zone=ZONE))  # type: ignore[misc]
        worst = max(worst, took)
        print(f"reckon {code} over {len(twenty)} events: {took * 1e6:.1f} µs, {took / LIMIT:.3f} of the limit")
    reckoned = reckon_all(pack, few, calendar, at=at, zone=ZONE)
    whole = best_of(lambda: reckon_all(pack, few, calendar, at=at, zone=ZONE))
    print(f"reckon_all, {len(reckoned)} targets: {whole * 1e6:.1f} µs a case, {whole / worst:.2f} of the slowest single target")
    begun = perf_counter()
    lines = sum(len(each.account) for each in reckoned)
    print(f"the accounts, {lines} lines: {(perf_counter() - begun) / whole:.2f} of reckoning the case without them")
    return 1 if worst >= LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
