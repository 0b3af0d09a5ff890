"""Exactly once: processes that sweep while one after another is killed, over an outage of thirty days and both clock changes.

The short form runs with every other test; the full one is `make faults`.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from tests.faults.killing import check, make_due, sweep_and_kill
from ticketing.core.database import db
from ticketing.firings.rules import FiringState

SPRING = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC) + timedelta(minutes=20 * step) for step in range(6)]  # 01:00 to 02:00 is skipped
AUTUMN = [datetime(2026, 10, 25, 0, 10, tzinfo=UTC) + timedelta(minutes=20 * step) for step in range(6)]  # an hour comes twice
MOMENTS = [*SPRING, *AUTUMN]
JUMPED = MOMENTS[-1] + timedelta(days=30)
CLOCKS = [SPRING[2], AUTUMN[2], JUMPED, SPRING[4], JUMPED]  # in the middle of each change, thirty days on, set back, on again


def processes() -> int:
    """Four on PostgreSQL; two on one SQLite file."""
    return 2 if db.engine.dialect.name == "sqlite" else 4


def test_every_step_exactly_once_though_sweepers_are_killed(committing_app):
    make_due(2_000, MOMENTS)
    killed = sweep_and_kill(committing_app, CLOCKS, processes=processes(), every=0.1, limit=50)
    assert killed >= 1
    assert check(committing_app, 2_000)[FiringState.FIRED] == 1_900


@pytest.mark.skipif("FAULTS" not in os.environ, reason="The full form takes minutes: make faults.")
def test_twenty_thousand_steps_and_a_kill_each_second(committing_app, capsys):
    make_due(20_000, MOMENTS)
    begun = perf_counter()
    killed = sweep_and_kill(committing_app, CLOCKS, processes=processes(), every=1.0, limit=500)
    took = perf_counter() - begun
    states = check(committing_app, 20_000)
    ended = ", ".join(f"{number:,} {state.value}" for state, number in states.items())
    with capsys.disabled():
        sys.stdout.write(f"\n{db.engine.dialect.name}: 20,000 steps, {processes()} processes, {killed} killed, {took:.0f} s: {ended}\n")
    assert killed >= 3
