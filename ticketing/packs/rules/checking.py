"""What no single row of a pack can see: that its tables know each other's words and no rule contradicts another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ticketing.core.permissions import ActorKind
from ticketing.packs.rules.building import Built
from ticketing.packs.rules.pack import Extension, Pack, Target
from ticketing.packs.rules.rows import Lines, Problem
from ticketing.packs.rules.words import EventKind, ExtensionRule, LegalForce, OnReopening, Unit

Finding = tuple[str, int, str, str]           # table, number of the row, key, sentence
UNVERIFIED = "has a number that nobody has verified; leave the number out, or compare it with the source and set verified = true"
LONGEST = {Unit.MONTHS: 1200, Unit.HOURS: 24 * 3660, Unit.WORKING_HOURS: 24 * 3660}


def contradictions(built: Built, lines: Lines) -> list[Problem]:
    """Every contradiction in a pack whose rows could be read, with the line of the key to change."""
    pack = built.pack
    found = [*_of_pack(pack), *_of_targets(built), *_of_classifier(pack), *_of_retention(pack)]
    return [Problem(_place(pack, table, number), lines.of(table, number, key), f"{sentence}.") for table, number, key, sentence in found]


def _place(pack: Pack, table: str, number: int) -> str:
    rows: Mapping[str, Iterable[object]] = {"targets": pack.targets, "classifier": pack.classifier, "retention": pack.retention}
    return f"{table} {getattr(list(rows[table])[number - 1], 'code', number)}" if table in rows else "pack"


def _of_pack(pack: Pack) -> Iterator[Finding]:
    types = {kind.code for kind in pack.case_types}
    if pack.default_case_type not in types:
        yield "", 1, "default_case_type", f"default_case_type “{pack.default_case_type}” is not one of its case types"
    strange = {kind.written_counts_as for kind in pack.case_types} - {""} - types
    if strange:
        yield "", 1, "case_types", f"written_counts_as names unknown case types: {_list(strange)}"
    if pack.effective_to is not None and pack.effective_to < pack.effective_from:
        yield "", 1, "effective_to", "it ends before it begins; put effective_to after effective_from"


def _of_targets(built: Built) -> Iterator[Finding]:
    for number, target in enumerate(built.pack.targets, 1):
        found = (*_words_of(built.pack, target), *_counting_of(target), *_holding_of(target), *_extension_of(built.pack, target),
                 *_repeating_of(built, target))
        for key, sentence in found:
            yield "targets", number, key, sentence


def _words_of(pack: Pack, target: Target) -> Iterator[tuple[str, str]]:
    events, types = {event.code for event in pack.events}, {kind.code for kind in pack.case_types}
    others = {kind for starts in target.starts_for.values() for kind in starts}
    moved_by = target.extension.events if target.extension else ()
    updates = target.recurrence.updates if target.recurrence else ()
    used = {*target.starts, *others, *target.satisfied_by, *target.excused_by, *moved_by, *updates}
    if used - events:
        yield "starts", f"uses events the pack does not list: {_list(used - events)}. Add them to [[events]]"
    if target.case_types - types:
        yield "case_types", f"names unknown case types: {_list(target.case_types - types)}"
    if set(target.starts_for) - target.case_types:
        yield "starts_for", f"names case types it is not for: {_list(set(target.starts_for) - target.case_types)}"
    unknown = target.holdable - {reason.code for reason in pack.hold_reasons}
    if unknown:
        yield "holdable", f"names unknown hold reasons: {_list(unknown)}"
    if ActorKind.MACHINE in target.by:
        yield "by", "may not be satisfied by a machine"
    if not target.by:
        yield "by", "nobody may satisfy it; name at least one kind of person"
    if EventKind.ESCALATED_STAGE not in events and target.on_reopening is OnReopening.NEW_STAGE:
        yield "on_reopening", "speaks of a new stage, but the pack lists no event “escalated_stage”"


def _counting_of(target: Target) -> Iterator[tuple[str, str]]:
    if target.amount is None and not target.why_no_number:
        yield "amount", "has no amount, so it must say why_no_number"
    if target.amount is not None and target.why_no_number and not target.extension:
        yield "why_no_number", "has an amount, so it cannot say why it has none"
    if target.amount is not None and not target.verified:
        yield "amount", UNVERIFIED
    if target.amount is not None and target.amount <= 0:
        yield "amount", f"has the amount {target.amount}; it must be above 0"
    if target.amount is not None and target.amount > LONGEST.get(target.unit, 36600):
        yield "amount", f"has the amount {target.amount}; that is more than a hundred years or so"
    if target.amount is not None and target.unit is Unit.AGREED_DATE:
        yield "amount", "an agreed date has no amount, every other unit has one or says why not"


def _holding_of(target: Target) -> Iterator[tuple[str, str]]:
    if target.holdable and target.legal_force.is_statutory:
        yield "holdable", "is statutory, so nothing may hold it"
    elif target.holdable and target.legal_force is LegalForce.GUIDANCE:
        yield "holdable", "comes from guidance, so nothing may hold it; only a local target may be held"
    if target.holdable and target.unit in (Unit.MONTHS, Unit.AGREED_DATE):
        yield "holdable", f"counts {target.unit}, which cannot be held"


def _extension_of(pack: Pack, target: Target) -> Iterator[tuple[str, str]]:
    extension = target.extension
    if extension is None:
        return
    if not extension.events:
        yield "extension", "no event extends it; name at least one"
    if not target.unit.is_in_days:
        yield "extension", f"counts {target.unit}, which no event extends"
    if extension.notice and extension.notice not in {notice.code for notice in pack.notices}:
        yield "extension", f"the notice “{extension.notice}” of its extension is not one of the pack's notices"
    yield from _limit_of(extension)


def _limit_of(extension: Extension) -> Iterator[tuple[str, str]]:
    if (extension.at_most is None) != (extension.at_most_unit is None):
        yield "extension", "at_most and at_most_unit of an extension go together"
    if extension.at_most is not None and extension.at_most <= 0:
        yield "extension", f"the extension is at most {extension.at_most}; it must be above 0"
    if extension.at_most is not None and extension.rule is not ExtensionRule.NOTIFIED:
        yield "extension", "only an extension by the rule “notified” has an at_most"
    if extension.at_most_unit is not None and not (extension.at_most_unit.is_in_days and extension.at_most_unit is not Unit.AGREED_DATE):
        yield "extension", "an extension is counted in working days, calendar days or months"


def _repeating_of(built: Built, target: Target) -> Iterator[tuple[str, str]]:
    recurrence, after = target.recurrence, built.after.get(str(target.code))
    codes = {str(each.code): each for each in built.pack.targets}
    if recurrence is None:
        if not target.starts and not any(target.starts_for.values()):
            yield "starts", "nothing starts it; name at least one event"
        return
    if target.amount is None:
        yield "recurrence", "repeats, so it needs an amount"
    if target.extension or target.is_per_subject:
        yield "recurrence", "a repeating target has neither an extension nor a subject"
    if not recurrence.updates:
        yield "recurrence", "nothing counts as an update; name at least one event"
    if after is None and not target.starts:
        yield "recurrence", "begins with nothing: name events in starts, or a target in after"
    if after is not None and (after not in codes or codes[after].is_recurring or after == target.code):
        yield "recurrence", f"after “{after}” is not another target of the pack that happens once"
    if target.on_reopening in (OnReopening.RESUME, OnReopening.NEW_STAGE):
        yield "on_reopening", "a repeating target stays or restarts when a case is reopened"


def _of_classifier(pack: Pack) -> Iterator[Finding]:
    questions, types = {each.code for each in pack.questions}, {kind.code for kind in pack.case_types}
    earlier: list[tuple[str, Mapping[str, bool]]] = []
    for number, ruling in enumerate(pack.classifier, 1):
        if set(ruling.when) - questions:
            yield "classifier", number, "when", f"asks what [[questions]] does not list: {_list(set(ruling.when) - questions)}"
        if ruling.result not in types:
            yield "classifier", number, "result", f"the result “{ruling.result}” is not one of the pack's case types"
        for code, when in earlier:
            if when.items() <= ruling.when.items():
                yield "classifier", number, "when", f"can never decide: the row “{code}” before it takes all it would take"
                break
        earlier.append((ruling.code, ruling.when))


def _of_retention(pack: Pack) -> Iterator[Finding]:
    for number, rule in enumerate(pack.retention, 1):
        if rule.years is not None and not rule.verified:
            yield "retention", number, "years", UNVERIFIED
        if rule.years is not None and not 0 < rule.years <= 200:
            yield "retention", number, "years", f"{rule.years} years is no period to keep anything"


def _list(words: Iterable[object]) -> str:
    return ", ".join(sorted(str(word) for word in words))


