"""Times the working calendar within one run, warm: ten years must take under a millisecond, and no longer than ten days by much."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ticketing.calendars.rules import DEFAULT_HOURS, WorkingCalendar, named_calendar, public_holidays

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LIMIT = 0.001
ROUNDS, REPEATS = 200, 5


def seconds(act: Callable[[], object]) -> float:
    """The best mean of one call over several rounds."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = perf_counter()
        for _ in range(ROUNDS):
            act()
        best = min(best, (perf_counter() - begun) / ROUNDS)
    return best


def cold() -> float:
    """One new calendar asked for ten years, once."""
    days = {day for year in range(2026, 2037) for day in public_holidays("england_wales", year)}
    begun = perf_counter()
    WorkingCalendar("Europe/London", DEFAULT_HOURS, days).add(START, ten_years())
    return perf_counter() - begun


def ten_years() -> timedelta:
    return named_calendar("england_wales").between(START, datetime(2036, 1, 4, 17, tzinfo=UTC))


def main() -> int:
    calendar = named_calendar("england_wales")
    budget = ten_years()
    end = datetime(2036, 1, 4, 17, tzinfo=UTC)
    timings = {
        "add ten years": seconds(lambda: calendar.add(START, budget)),
        "add ten days": seconds(lambda: calendar.add(START, timedelta(hours=80))),
        "between, ten years": seconds(lambda: calendar.between(START, end)),
        "between, ten days": seconds(lambda: calendar.between(START, START + timedelta(days=10))),
        "add 2,520 working days": seconds(lambda: calendar.add_working_days(START, 2520)),
        "add 10 working days": seconds(lambda: calendar.add_working_days(START, 10)),
    }
    print(f"Europe/London, Monday to Friday 09:00 to 17:00, England's bank holidays; {budget} of working time in ten years")
    for name, took in timings.items():
        print(f"  {name:<24} {took * 1e6:9.1f} µs   {took / LIMIT:7.4f} of the limit")
    print(f"  ten years : ten days     {timings['add ten years'] / timings['add ten days']:9.1f} times")
    first = cold()
    print(f"  ten years, cold          {first * 1e6:9.1f} µs   {first / timings['add ten years']:7.0f} times warm")
    slow = [name for name, took in timings.items() if took >= LIMIT]
    print("too slow: " + ", ".join(slow) if slow else "all under 1 ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
