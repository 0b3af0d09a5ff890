"""The classifier: a decision table that says, with its evidence, what kind of case a concern is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ticketing.packs.rules.pack import Pack, Question, Ruling


@dataclass(frozen=True, slots=True)
class Classification:
    """The row that decides (None: none does, or an answer before it is missing) and what has still to be asked."""

    ruling: Ruling | None
    to_ask: tuple[Question, ...]

    @property
    def case_type(self) -> str:
        """The case type decided on; empty while undecided."""
        return self.ruling.result if self.ruling else ""


def classify(pack: Pack, answers: Mapping[str, bool | None]) -> Classification:
    """The first row of the pack's table that the answers meet.

    A row that could still come true once an unanswered question is answered stops the search: its questions are handed back.
    """
    known = {code: answer for code, answer in answers.items() if answer is not None}
    for ruling in pack.classifier:
        if any(known.get(code, wanted) != wanted for code, wanted in ruling.when.items()):
            continue
        missing = [code for code in ruling.when if code not in known]
        if missing:
            return Classification(None, tuple(each for each in pack.questions if each.code in missing))
        return Classification(ruling, ())
    return Classification(None, ())
