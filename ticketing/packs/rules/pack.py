"""A policy pack as frozen data: targets, events, notices, case types and how they are told apart, outcomes, retention, outside bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules.words import Anchor, Count, EventKind, ExtensionRule, LegalForce, OnReopening, Period, Roll, TargetCode, Unit


@dataclass(frozen=True, slots=True)
class Extension:
    """Which events may move a due day, how, and by how much at most (`at_most` None: as far as the day named)."""

    events: tuple[EventKind, ...]
    rule: ExtensionRule
    sentence: str
    at_most: int | None = None
    at_most_unit: Unit | None = None
    counted_from: Period = Period.DUE
    notice: str = ""                    # the code of the notice that must be sent
    approver: str = ""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a target repeats: which events are an update, and what the next occurrence is counted from.

    `after` names the target whose missed due day begins the first occurrence, where it does not begin with an event.
    """

    anchor: Anchor
    updates: tuple[EventKind, ...]
    after: Target | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: what starts it, what satisfies it and from whom, how it is counted, and on whose authority.

    `amount` None means that law or guidance gives no number, or that nobody has compared it with the primary text (`verified` False);
    `why_no_number` says which.  `starts_for` holds other starts for single case types.  `by` never holds a machine.  `working_week` is
    the law's, whatever hours a site keeps.  `holdable` lists the hold reasons that stop its count; only local targets have any.
    """

    pack: str
    working_week: tuple[str, ...]
    code: TargetCode
    title: str
    case_types: frozenset[str]
    starts: tuple[EventKind, ...]
    starts_for: Mapping[str, tuple[EventKind, ...]] = field(hash=False)
    satisfied_by: tuple[EventKind, ...]
    by: frozenset[ActorKind]
    unit: Unit
    amount: int | None
    why_no_number: str
    count: Count
    roll: Roll
    holdable: frozenset[str]
    extension: Extension | None
    recurrence: Recurrence | None
    needs_days: bool
    excused_by: tuple[EventKind, ...]
    is_per_subject: bool
    is_for_known_people: bool
    on_reopening: OnReopening
    on_breach: str
    legal_force: LegalForce
    clause: str
    source: str
    effective_from: date
    verified: bool

    @property
    def is_recurring(self) -> bool:
        return self.recurrence is not None

    def starts_of(self, case_type: str) -> tuple[EventKind, ...]:
        """The events that start it on a case of this type."""
        return self.starts_for.get(case_type, self.starts)


@dataclass(frozen=True, slots=True)
class EventWord:
    """An event of this pack, a sentence on when it has happened, and what must be said with it (`needs`)."""

    code: EventKind
    sentence: str
    needs: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter or notice and the contents without which it may not be sent: code -> what it must say."""

    code: str
    title: str
    required: Mapping[str, str]
    conditional: Mapping[str, Mapping[str, str]]
    signed_by: str
    also_to: str
    legal_force: LegalForce
    source: str
    effective_from: date
    verified: bool


@dataclass(frozen=True, slots=True)
class CaseType:
    """A kind of case, whether it starts a clock at all, and what it counts as when made in writing ("": itself)."""

    code: str
    title: str
    has_clock: bool
    written_counts_as: str
    note: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something to find out at intake, answered yes or no, on which the classifier decides."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """A row of the classifier: where every answer in `when` is as said, the case is of the type `result`."""

    code: str
    when: Mapping[str, bool]
    result: str
    sentence: str
    is_urgent: bool
    evidence: str
    legal_force: LegalForce
    source: str
    effective_from: date
    verified: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome code; `level` is "case" or "point"."""

    code: str
    title: str
    level: str


@dataclass(frozen=True, slots=True)
class ExternalBody:
    """Where a complainant may go next, and until when."""

    code: str
    name: str
    window: str
    legal_force: LegalForce
    source: str
    effective_from: date
    verified: bool


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long the complainant has, as a sentence; the hospital keeps no timer on it."""

    code: str
    title: str
    sentence: str
    legal_force: LegalForce
    source: str
    effective_from: date
    verified: bool


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a kind of record is kept: `years` after `starts`, None where no number is known."""

    code: str
    title: str
    starts: str
    years: int | None
    sentence: str
    legal_force: LegalForce
    source: str
    effective_from: date
    verified: bool


@dataclass(frozen=True, slots=True)
class HoldReason:
    """A reason for which a case may be held."""

    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the procedure."""

    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One jurisdiction's policy, dated and versioned; immutable once a case is pinned to it.

    `effective_to` is the last day on which a case may come under it, None while it is in force.  `digest` names its content, whatever
    the layout and the comments of its file.
    """

    code: str
    version: str
    name: str
    note: str
    effective_from: date
    effective_to: date | None
    timezone: str
    holidays: str
    working_week: tuple[str, ...]
    default_case_type: str
    signer: str
    advocacy: str
    stages: tuple[Stage, ...]
    targets: tuple[Target, ...]
    events: tuple[EventWord, ...]
    notices: tuple[Notice, ...]
    case_types: tuple[CaseType, ...]
    questions: tuple[Question, ...]
    classifier: tuple[Ruling, ...]
    outcomes: tuple[Outcome, ...]
    hold_reasons: tuple[HoldReason, ...]
    external_bodies: tuple[ExternalBody, ...]
    time_limits: tuple[TimeLimit, ...]
    retention: tuple[Retention, ...]
    digest: str = field(repr=False)

    def target(self, code: str) -> Target:
        """The target with this code; Invalid if the pack has none."""
        for target in self.targets:
            if target.code == code:
                return target
        raise Invalid(f"The pack {self.code} has no target “{code}”. It has: {', '.join(each.code for each in self.targets)}.")

    def counted_as(self, case_type: str, *, is_oral: bool) -> str:
        """The case type whose targets apply: some kinds exist only while spoken, and count as another when written."""
        if is_oral:
            return case_type
        return next((kind.written_counts_as for kind in self.case_types if kind.code == case_type), "") or case_type

    def notice(self, code: str) -> Notice:
        """The notice with this code; Invalid if the pack has none."""
        for notice in self.notices:
            if notice.code == code:
                return notice
        raise Invalid(f"The pack {self.code} has no notice “{code}”. It has: {', '.join(each.code for each in self.notices)}.")

    def event(self, code: str) -> EventWord:
        """The event with this code; Invalid lists the pack's events."""
        for event in self.events:
            if event.code == code:
                return event
        raise Invalid(f"The pack {self.code} has no event “{code}”. Its events are: {', '.join(each.code for each in self.events)}.")
