"""Exactly once: processes that sweep while one after another is killed, after an outage of thirty days over both clock changes.

The short form runs with every other test; the full one (20,000 steps, a kill each second) is marked `full` and behind `make faults`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from tests.faults.killing import check, make_due, sweep_and_kill
from ticketing.core.database import db
from ticketing.firings.rules import FiringState

SPRING = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC) + timedelta(minutes=20 * step) for step in range(6)]  # 01:00 UTC is skipped in London
AUTUMN = [datetime(2026, 10, 25, 0, 10, tzinfo=UTC) + timedelta(minutes=20 * step) for step in range(6)]  # the hour that comes twice


def processes() -> int:
    """Four on PostgreSQL; two on one SQLite file, which one writes at a time."""
    return 2 if db.engine.dialect.name == "sqlite" else 4


@pytest.mark.parametrize("moments", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_p13_to_p15_every_step_exactly_once_though_sweepers_are_killed(committing_app, moments):
    make_due(600, moments)
    sweep_and_kill(committing_app, moments[-1] + timedelta(days=30), processes=2, every=0.4, kills=2, limit=40)
    states = check(committing_app, 600)
    assert states[FiringState.FIRED] == 570


@pytest.mark.full
@pytest.mark.parametrize("moments", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_twenty_thousand_steps_and_a_kill_each_second(committing_app, moments, capsys):
    make_due(20_000, moments)
    begun = perf_counter()
    killed = sweep_and_kill(
        committing_app, moments[-1] + timedelta(days=30), processes=processes(), every=1.0, kills=1000, limit=200)
    took = perf_counter() - begun
    states = check(committing_app, 20_000)
    with capsys.disabled():
        print(f"\n20,000 steps, {processes()} processes, {killed} killed, {took:.0f} s: {dict(states)}")  # noqa: T201 - the figures are what it is for
    assert killed >= 1
