"""A target in plain words: what starts it, what satisfies it, how long there is, and on whose authority."""

from __future__ import annotations

from dataclasses import dataclass

from ticketing.packs.rules.pack import Pack, Target
from ticketing.packs.rules.words import Count, EventKind, LegalForce, Roll, Unit

UNITS = {
    Unit.WORKING_DAYS: ("working day", "working days"), Unit.CALENDAR_DAYS: ("day", "days"), Unit.MONTHS: ("month", "months"),
    Unit.WORKING_HOURS: ("working hour", "working hours"), Unit.HOURS: ("hour round the clock", "hours round the clock"),
}
FORCES = {
    "statute": "Law", "regulation": "Regulation", "guidance": "Guidance", "contract": "Contract", "local": "Our own rule",
}


@dataclass(frozen=True, slots=True)
class TargetWords:
    """One target as people read it."""

    code: str
    title: str
    begins: str
    satisfied_by: str
    time: str
    is_used: bool
    moves: str
    holds: str
    on_breach: str
    force: str
    clause: str
    source: str
    is_verified: bool
    case_types: str


def in_words(pack: Pack) -> tuple[TargetWords, ...]:
    """Every target of a pack, in its order."""
    titles = {kind.code: kind.title for kind in pack.case_types}
    reasons = {reason.code: reason.title for reason in pack.hold_reasons}
    return tuple(_told(pack, target, titles, reasons) for target in pack.targets)


def _told(pack: Pack, target: Target, titles: dict[str, str], reasons: dict[str, str]) -> TargetWords:
    after = target.recurrence.after if target.recurrence else None
    begins = f"when the time to {after.code.replace('_', ' ')} has run out" if after else _either(pack, target.starts)
    return TargetWords(
        target.code.value, target.title, begins, _either(pack, target.satisfied_by), amount_words(target),
        target.amount is not None or target.unit is Unit.AGREED_DATE, target.extension.sentence if target.extension else "",
        ", ".join(sorted(reasons.get(code, code) for code in target.holdable)), target.on_breach, force_words(target.legal_force),
        target.clause, target.source, target.verified, ", ".join(sorted(titles.get(code, code) for code in target.case_types)))


def amount_words(target: Target) -> str:
    """ "3 working days, counted from the day after"; for a number that nobody has verified, that there is none."""
    if target.unit is Unit.AGREED_DATE:
        return "By the date agreed or told"
    if target.amount is None:
        return "No number is given" if target.verified else "Unverified: not used"
    words = f"{target.amount} {UNITS[target.unit][0 if target.amount == 1 else 1]}"
    if target.unit.is_in_days:
        words += ", beginning on the day itself" if target.count is Count.INCLUDE_START else ", counted from the day after"
    if target.roll is Roll.NEXT_WORKING_DAY:
        words += "; if the last day is not a working day, the next one"
    return words + ("; again after each update" if target.is_recurring else "")


def force_words(force: LegalForce) -> str:
    """How binding it is, in a word."""
    return FORCES.get(force.value, force.value.capitalize())


def _either(pack: Pack, kinds: tuple[EventKind, ...]) -> str:
    known = {event.code: event.sentence for event in pack.events}
    return "; or: ".join(known.get(kind, kind.replace("_", " ")).rstrip(".") for kind in kinds) or "does not begin by itself"
