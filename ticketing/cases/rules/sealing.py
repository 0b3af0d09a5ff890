"""How sealed points are numbered, and how names are masked for those who need not know whom a concern is about; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ticketing.core.permissions import Compartment

APART = 1_000  # points; no case has so many, so each compartment counts by itself
SHORTEST = 3  # letters of a name that is masked by itself: "Li" would take half the words of a text with it
FIRST: dict[Compartment, int] = {compartment: number * APART for number, compartment in enumerate(Compartment, start=1)}


def first_position(compartment: Compartment | None) -> int:
    """The number before the first point of this compartment."""
    return FIRST[compartment] if compartment else 0


def number_within(position: int) -> int:
    """A point's number as people read it: the second sealed one is 2, not 2002."""
    return position % APART


def mask_names(text: str, names: Iterable[tuple[str, str]]) -> str:
    """`text` with each (name, what to write instead) masked: the whole name first, then each word of it.

    Telephone numbers and addresses are given as names too.  Words are told apart whatever their case; a possessive keeps its "'s".
    """
    known = [(name.strip(), instead) for name, instead in names if name.strip()]
    words = [(word, instead) for name, instead in known for word in re.split(r"[\s,]+", name)
             if len(word) >= SHORTEST and word[0].isupper()]
    for name, instead in sorted({*known, *words}, key=lambda pair: -len(pair[0])):
        text = re.sub(rf"(?<!\w)(?:(?:Mrs?|Ms|Miss|Dr|Prof)\.?\s+)?{re.escape(name)}(?!\w)", instead, text, flags=re.IGNORECASE)
    return text
