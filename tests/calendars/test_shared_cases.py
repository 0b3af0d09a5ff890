"""The 384 cases with answers, from nine other systems and a minute-by-minute oracle."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.facts import SHARED, missing
from ticketing.calendars.rules import WorkingCalendar
from ticketing.sla.rules import run_clock

FOLDER = SHARED / "cases"


def cases(name: str) -> list[Any]:
    path = FOLDER / name
    if not path.exists():
        return [pytest.param(None, id=f"{name}-missing")]
    return [pytest.param(case, id=case["id"]) for case in json.loads(path.read_text())]


def needed(case: dict[str, Any] | None) -> dict[str, Any]:
    if case is None:
        missing(f"{FOLDER} is missing, so the cases with answers cannot be tried.")
    assert case is not None
    return case


def calendar_of(case: dict[str, Any]) -> WorkingCalendar:
    return WorkingCalendar(case["tz"], case["hours"], case["holidays"])


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@pytest.mark.parametrize("case", cases("sla_cases.json"))
def test_the_calendar_gives_the_answer_of_the_case(case):
    case = needed(case)
    calendar, start = calendar_of(case), datetime.fromisoformat(case["start"])
    if case["op"] == "between":
        worked = calendar.between(start, datetime.fromisoformat(case["end"]))
        assert worked // timedelta(minutes=1) in (case["expected"], case.get("alt_expected"))
        if "expected_seconds" in case:
            assert worked == timedelta(seconds=case["expected_seconds"])
        return
    if case["op"] == "add":
        found = calendar.add(start, timedelta(minutes=case["minutes"]))
    else:
        found = calendar.add_working_days(start, case["days"])
    assert found in (moment(case["expected"]), moment(case.get("alt_expected")) or moment(case["expected"]))


@pytest.mark.parametrize("case", cases("sla_pause_cases.json"))
def test_the_clock_gives_the_answer_of_the_case(case):
    case = needed(case)
    events = [(datetime.fromisoformat(event["at"]), event["event"]) for event in case["events"]]
    clock = run_clock(calendar_of(case), budget=timedelta(minutes=case["target_minutes"]), events=events)
    assert clock.due_at == moment(case["expected_due"])
    if case["expected_elapsed_minutes"] is not None:
        assert clock.elapsed // timedelta(minutes=1) == case["expected_elapsed_minutes"]


def test_all_384_cases_are_here():
    needed({} if FOLDER.exists() else None)
    assert len(cases("sla_cases.json")) + len(cases("sla_pause_cases.json")) == 384
