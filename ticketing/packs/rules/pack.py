"""A policy pack as frozen data: targets, events, notices, case types, outcomes and outside bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules.words import Count, EventKind, ExtensionRule, LegalForce, OnReopening, Roll, TargetCode, Unit


@dataclass(frozen=True, slots=True)
class Extension:
    """Which events may move a due day, and how."""

    events: tuple[EventKind, ...]
    rule: ExtensionRule
    sentence: str


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: what starts it, what satisfies it and from whom, how it is counted, and on whose authority.

    `amount` None means that law or guidance gives no number; `why_no_number` says so to people.  `by` never holds a machine.
    `working_week` is the law's, whatever hours a site keeps.  `holdable` lists the hold reasons that stop its count; statutory
    targets have none.
    """

    pack: str
    working_week: tuple[str, ...]
    code: TargetCode
    title: str
    case_types: frozenset[str]
    starts: tuple[EventKind, ...]
    satisfied_by: tuple[EventKind, ...]
    by: frozenset[ActorKind]
    unit: Unit
    amount: int | None
    why_no_number: str
    count: Count
    roll: Roll
    holdable: frozenset[str]
    extension: Extension | None
    needs_days: bool
    excused_by: tuple[EventKind, ...]
    is_recurring: bool
    is_per_subject: bool
    is_for_known_people: bool
    on_reopening: OnReopening
    on_breach: str
    legal_force: LegalForce
    clause: str
    source: str
    effective_from: date
    verified: bool


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
    source: str


@dataclass(frozen=True, slots=True)
class HoldReason:
    """A reason for which a case may be held."""

    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One jurisdiction's policy, dated and versioned; immutable once a case is pinned to it."""

    code: str
    version: str
    name: str
    effective_from: date
    timezone: str
    holidays: str
    working_week: tuple[str, ...]
    default_case_type: str
    signer: str
    targets: tuple[Target, ...]
    events: tuple[EventWord, ...]
    notices: tuple[Notice, ...]
    case_types: tuple[CaseType, ...]
    outcomes: tuple[Outcome, ...]
    hold_reasons: tuple[HoldReason, ...]
    external_bodies: tuple[ExternalBody, ...]

    def target(self, code: str) -> Target:
        """The target with this code; Invalid if the pack has none."""
        for target in self.targets:
            if target.code == code:
                return target
        raise Invalid(f"The pack {self.code} has no target “{code}”. It has: {', '.join(each.code for each in self.targets)}.")

    def counted_as(self, case_type: str, *, is_oral: bool) -> str:
        """The case type whose targets apply: some kinds exist only while spoken, and count as another when written."""
        written = {kind.code: kind.written_counts_as for kind in self.case_types}
        return case_type if is_oral else written.get(case_type) or case_type

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
