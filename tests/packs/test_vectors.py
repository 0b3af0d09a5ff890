"""The packs against vectors worked by hand: weekends, holidays, month ends, clock changes, agreed dates, reopenings and holds."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ticketing.sla.rules import Facts, ask

FOLDER = Path(__file__).parent / "vectors"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def vectors() -> list[Any]:
    return [
        pytest.param(path.stem, vector, id=f"{path.stem}: {vector['name']}")
        for path in sorted(FOLDER.glob("*.toml"))
        for vector in tomllib.loads(path.read_text(encoding="utf-8"))["vectors"]
    ]


def named(target: dict[str, Any]) -> str:
    cycle = f"#{target['cycle']}" if target["cycle"] > 1 else ""
    return target["target"] + (f"/{target['subject']}" if target["subject"] else "") + cycle


@pytest.mark.parametrize(("pack", "vector"), vectors())
def test_the_pack_answers_as_worked_by_hand(pack, vector):
    facts = Facts(vector.get("case_type", ""), vector.get("is_anonymous", False), vector.get("is_oral", True))
    answer = ask(pack, vector["events"], at_text=vector["at"], site_zone=vector.get("zone"), now=LONG_AGO, facts=facts)
    found = {named(target): target for target in answer["targets"]}            # of a recurring target, the last occurrence
    zone = ZoneInfo(answer["site_zone"])
    for name, expected in vector["expect"].items():
        target = found[name]
        due_at = target["due_at"] and datetime.fromisoformat(target["due_at"])
        last_day = (due_at - timedelta(seconds=1)).astimezone(zone).date() if due_at else False
        assert (name, target["state"], last_day) == (name, expected["state"], expected["last_day"])
        assert target["due_at"] == expected.get("due_at", target["due_at"])
        assert target["met_at"] == expected.get("met_at", target["met_at"])
        assert due_at or target["why"]
    assert not set(vector.get("absent", [])) & set(found)


def test_each_pack_has_at_least_a_dozen_vectors():
    for path in FOLDER.glob("*.toml"):
        assert len(tomllib.loads(path.read_text(encoding="utf-8"))["vectors"]) >= 12
