"""docs/security.md tells the truth: each test it names exists, each requirement has a state, and what is open says what is missing."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import pytest

from tests.facts import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| L[123] \| (.+?) \| (met|not applicable|open) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
THREATS = 20


@lru_cache(maxsize=256)
def names_in(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_named_test_exists(path, name):
    assert (ROOT / path).is_file(), path
    assert name in names_in(path), f"{path} has no {name}"


def test_every_requirement_has_a_state_and_its_proof_or_reason():
    rows = ROW.findall(PAGE)
    assert len(rows) == 82 + 40
    assert max(Counter(row[0] for row in rows).values()) == 1
    for requirement, _, state, proof in rows:
        assert state != "met" or NAMED.search(proof), f"{requirement} is met by no test"
        assert len(proof) > 20, requirement


def test_the_count_at_the_head_is_the_count():
    states = Counter(row[2] for row in ROW.findall(PAGE))
    assert f"Now: {states['met']} met, {states['not applicable']} not applicable, {states['open']} open." in PAGE


def test_every_threat_is_there():
    part = PAGE[PAGE.index("## Threats"):PAGE.index("## Files")]
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", part, re.MULTILINE)] == list(range(1, THREATS + 1))
