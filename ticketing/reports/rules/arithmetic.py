"""Shares, medians and percentiles, each by one stated rule."""

from __future__ import annotations

import math
from collections.abc import Sequence


def median(values: Sequence[float]) -> float | None:
    """The middle value, or the mean of the two middle ones; None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    half = len(ranked) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def percentile(values: Sequence[float], percent: int) -> float | None:
    """By nearest rank: the smallest value that at least `percent` of a hundred do not exceed, so always a real case; None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    rank = -(-percent * len(ranked) // 100)  # rounded up
    return ranked[max(rank, 1) - 1]


def rounded(value: float, places: int) -> float:
    """To so many decimal places, halves away from nought, as published figures are; places below 0 round to tens and hundreds."""
    scale = 10.0 ** places
    return math.copysign(math.floor(abs(value) * scale + .5) / scale, value)


def share(part: int, whole: int) -> int | None:
    """Whole percent, halves up; never 100 unless all, never 0 unless none.  None where there is nothing to divide by."""
    if not whole:
        return None
    percent = (200 * part + whole) // (2 * whole)
    if percent == 100 and part < whole:
        return 99
    return 1 if percent == 0 and part else percent
