"""Fixed moments and places that tests share, so that no test asks the time or reaches out."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# One ordinary working week in London, no holiday in it, clocks on UTC.
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
THURSDAY = MONDAY + timedelta(days=3)
FRIDAY = MONDAY + timedelta(days=4)
SATURDAY = MONDAY + timedelta(days=5)
SUNDAY = MONDAY + timedelta(days=6)
NEXT_MONDAY = MONDAY + timedelta(days=7)


def is_strict() -> bool:
    """With CI=true nothing may be missing; elsewhere a missing part is a stated skip."""
    return os.environ.get("CI", "").lower() == "true"


def missing(sentence: str) -> None:
    """Fail under CI=true, skip elsewhere; the sentence says what is missing and how to get it."""
    if is_strict():
        pytest.fail(f"{sentence} CI=true does not allow that.", pytrace=False)
    pytest.skip(sentence)


def shared(*parts: str) -> Path:
    """A file or folder under ../shared; fails or skips where it is not here."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        missing(f"{path} is missing.")
    return path
