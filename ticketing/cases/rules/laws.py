"""What a policy pack means for a case: the types of concern it knows, and the events it counts that no step of a case records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ticketing.codes.rules import CaseType
from ticketing.packs.rules import EventKind, EventWord, Pack, Target

# Events that a step of their own records: the moves of a case, its holds, its dates, its statements.
HAS_A_STEP = frozenset({
    EventKind.RECEIVED, EventKind.ACKNOWLEDGED, EventKind.PERIOD_AGREED, EventKind.EXTENDED, EventKind.PROGRESS_SENT,
    EventKind.INTERIM_SENT, EventKind.ANSWERED, EventKind.SETTLED, EventKind.ENDED, EventKind.HELD, EventKind.RELEASED,
    EventKind.REOPENED, EventKind.STATEMENT_ASKED, EventKind.STATEMENT_GIVEN, EventKind.STATEMENT_ENDED, EventKind.ESCALATED_STAGE,
})


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked for that is not answered yet (a review, a regulator's question), with the events that answer it."""

    subject: str
    cycle: int
    asked_at: datetime
    answered_by: frozenset[EventKind]


@dataclass(frozen=True, slots=True)
class Countable:
    """An event that can be recorded now: in the words of the law, with what must be said (`needs`), of which request it is the answer."""

    kind: EventKind
    sentence: str
    needs: str
    request: Request | None = None

    @property
    def code(self) -> str:
        """What names it in a form."""
        return f"{self.kind.value}:{self.request.subject}" if self.request else self.kind.value

    @property
    def begins_request(self) -> bool:
        """Whether it asks for something that has to be answered."""
        return self.needs == "subject" and self.request is None


def countables(packs: Sequence[Pack], requests: Sequence[Request], *, is_open: bool) -> tuple[Countable, ...]:
    """What can be recorded on a case under these packs, the main one first; of a case that has ended, only requests and their answers.

    An event that two packs know counts for both, and is told in the words of each.
    """
    found: list[Countable] = []
    for kind in dict.fromkeys(word.code for pack in packs for word in pack.events if word.code not in HAS_A_STEP):
        words = [word for pack in packs for word in pack.events if word.code is kind]
        found.extend(_ways(kind, words, requests, _answers(packs)))
    return tuple(each for each in found if is_open or each.needs == "subject")


def answering(target: Target) -> frozenset[EventKind]:
    """The events without a step that answer a request of this target."""
    return frozenset(target.satisfied_by) - HAS_A_STEP if target.is_per_subject else frozenset()


def types_of(pack: Pack) -> dict[str, str]:
    """The types of concern a pack knows, as {code: label}, in its order."""
    return {kind.code: CaseType(kind.code).label for kind in pack.case_types}


def type_fault(pack: Pack, case_type: CaseType) -> str:
    """Why a concern of this type cannot come in under the pack of its site, and what to choose instead; empty if it can."""
    known = types_of(pack)
    if case_type.value in known:
        return ""
    usual = known[pack.default_case_type]
    others = ", ".join(label for label in known.values() if label != usual)
    return (f"The policy pack of this site, “{pack.name}”, has no “{case_type.label}”. "
            f"The usual type there is “{usual}”; it also has: {others}.")


def _answers(packs: Iterable[Pack]) -> frozenset[EventKind]:
    return frozenset[EventKind]().union(*(answering(target) for pack in packs for target in pack.targets))


def _ways(kind: EventKind, words: Sequence[EventWord], requests: Sequence[Request], answers: frozenset[EventKind]) -> list[Countable]:
    sentence = " ".join(dict.fromkeys(word.sentence for word in words))
    needs = next((word.needs for word in words if word.needs), "")
    if needs == "subject" and kind in answers:
        return [Countable(kind, sentence, needs, request) for request in requests if kind in request.answered_by]
    return [Countable(kind, sentence, needs)]
