"""Every pack against its own vectors, worked by hand: weekends, holidays, month ends, clock changes, stages, agreed dates, holds."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ticketing.packs.rules import codes
from ticketing.packs.rules.reading import FOLDER
from ticketing.sla.rules import Facts, ask

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WITHOUT_NUMBERS = {"wales-2026": 8, "iso-10002": 8}      # they prove that what nobody knows is shown as such


def vectors_of(code: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((FOLDER / code / "vectors.toml").read_text(encoding="utf-8"))["vectors"]
    return found


def vectors() -> list[Any]:
    return [pytest.param(code, vector, id=f"{code}: {vector['name']}") for code in codes() for vector in vectors_of(code)]


def named(targets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By code, subject and cycle; of a recurring target the last occurrence, and each under its number."""
    found = {}
    for target in targets:
        cycle = f"#{target['cycle']}" if target["cycle"] > 1 else ""
        name = target["target"] + (f"/{target['subject']}" if target["subject"] else "") + cycle
        found[name] = found[f"{name}@{target['occurrence']}"] = target
    return found


def last_day(moment: str | None, zone: ZoneInfo) -> Any:
    return (datetime.fromisoformat(moment) - timedelta(seconds=1)).astimezone(zone).date() if moment else False


@pytest.mark.parametrize(("pack", "vector"), vectors())
def test_the_pack_answers_as_worked_by_hand(pack, vector):
    facts = Facts(vector.get("case_type", ""), vector.get("is_anonymous", False), vector.get("is_oral", True))
    answer = ask(pack, vector["events"], at_text=vector["at"], site_zone=vector.get("zone"), now=LONG_AGO, facts=facts)
    check(answer, vector)


def check(answer: dict[str, Any], vector: dict[str, Any]) -> None:
    zone, found = ZoneInfo(answer["site_zone"]), named(answer["targets"])
    for name, expected in vector["expect"].items():
        target = found[name]
        assert (name, target["state"], last_day(target["due_at"], zone)) == (name, expected["state"], expected["last_day"])
        for key in ("due_at", "met_at", "agreed_on"):
            assert target[key] == expected.get(key, target[key])
        assert expected.get("first_last_day", last_day(target["first_due_at"], zone)) == last_day(target["first_due_at"], zone)
        assert expected.get("says", "") in target["why"]
        assert target["due_at"] or target["why"]
    assert not set(vector.get("absent", [])) & set(found)


@pytest.mark.parametrize("code", codes())
def test_each_pack_has_at_least_a_dozen_vectors(code):
    assert len(vectors_of(code)) >= WITHOUT_NUMBERS.get(code, 12)


@pytest.mark.parametrize("code", codes())
def test_the_command_answers_as_worked_by_hand(app, code):
    vector = next(each for each in vectors_of(code) if "is_oral" not in each and "is_anonymous" not in each)
    options = [part for event in vector["events"] for part in ("--event", event)]
    told = app.test_cli_runner().invoke(args=["sla", "explain", "--pack", code, *options, "--at", vector["at"], "--case-type",
                                              vector.get("case_type", ""), "--format", "json"])
    assert told.exit_code == 0, told.output
    check(json.loads(told.stdout), vector)
