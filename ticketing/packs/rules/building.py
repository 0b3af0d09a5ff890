"""Builds a pack from the tables of its file, noting every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from ticketing.calendars.rules import find_zone, public_calendar
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules.comparing import digest_of
from ticketing.packs.rules.pack import (
    CaseType,
    EventWord,
    Extension,
    ExternalBody,
    HoldReason,
    Notice,
    Outcome,
    Pack,
    Question,
    Recurrence,
    Retention,
    Ruling,
    Stage,
    Target,
    TimeLimit,
)
from ticketing.packs.rules.rows import Lines, Problem, Row
from ticketing.packs.rules.words import Anchor, Count, EventKind, ExtensionRule, LegalForce, OnReopening, Period, Roll, TargetCode, Unit

PEOPLE = frozenset(ActorKind) - {ActorKind.MACHINE, ActorKind.COMPLAINANT, ActorKind.AUDITOR}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEEDS = ("", "date", "days", "reason", "subject")


class Built(NamedTuple):
    """A pack as far as it could be read, and the recurrences that name another target, by the code of their own."""

    pack: Pack
    after: Mapping[str, str]


def build(data: Any, lines: Lines, problems: list[Problem]) -> Built:
    """The pack; worth using only if no problem was noted."""
    top = Row("pack", data, problems, lines)
    code, week = top.text("code"), top.words("working_week", WEEKDAYS)
    after: dict[str, str] = {}
    pack = Pack(
        code=code,
        version=top.text("version"),
        name=top.text("name"),
        note=top.text("note", ""),
        effective_from=top.day("effective_from"),
        effective_to=top.day("effective_to", None),
        timezone=top.found("timezone", lambda name: find_zone(name).key),
        holidays=top.found("holidays", lambda name: public_calendar(name).code),
        working_week=week,
        default_case_type=top.text("default_case_type"),
        signer=top.text("signer"),
        advocacy=top.text("advocacy", ""),
        stages=top.rows("stages", _coded(Stage), is_needed=False),
        targets=top.rows("targets", partial(_target, code, week, after)),
        events=top.rows("events", _event),
        notices=top.rows("notices", _notice),
        case_types=top.rows("case_types", _case_type),
        questions=top.rows("questions", lambda row: Question(row.text("code"), row.text("sentence")), is_needed=False),
        classifier=top.rows("classifier", _ruling, is_needed=False),
        outcomes=top.rows("outcomes", lambda row: Outcome(row.text("code"), row.text("title"), row.one_of("level", ("case", "point")))),
        hold_reasons=top.rows("hold_reasons", _coded(HoldReason)),
        external_bodies=top.rows("external_bodies", _external_body),
        time_limits=top.rows("time_limits", _time_limit, is_needed=False),
        retention=top.rows("retention", _retention, is_needed=False),
        digest=digest_of(top.data),
    )
    top.nothing_else()
    return Built(pack, after)


def joined(built: Built) -> Pack:
    """The pack with its recurrences tied to the targets they follow."""
    if not built.after:
        return built.pack
    by_code = {str(target.code): target for target in built.pack.targets}

    def tied(target: Target) -> Target:
        first = by_code.get(built.after.get(str(target.code), ""))
        return replace(target, recurrence=replace(target.recurrence, after=first)) if first and target.recurrence else target

    return replace(built.pack, targets=tuple(tied(target) for target in built.pack.targets))


def _coded(kind: Callable[[str, str], Any]) -> Callable[[Row], Any]:
    return lambda row: kind(row.text("code"), row.text("title"))


def _target(pack: str, week: tuple[str, ...], after: dict[str, str], row: Row) -> Target:
    starts = row.kinds("starts", EventKind)
    return Target(
        pack=pack,
        working_week=week,
        code=row.word("code", TargetCode),
        title=row.text("title"),
        case_types=frozenset(row.texts("case_types")),
        starts=starts,
        starts_for=_starts_for(row),
        satisfied_by=row.kinds("satisfied_by", EventKind),
        by=frozenset(row.kinds("by", ActorKind)) if "by" in row.data else PEOPLE,
        unit=row.word("unit", Unit),
        amount=row.number_of("amount"),
        why_no_number=row.text("why_no_number", ""),
        count=row.word("count", Count, Count.EXCLUDE_START),
        roll=row.word("roll", Roll, Roll.NONE),
        holdable=frozenset(row.texts("holdable", ())),
        extension=_extension(row.inner("extension")),
        recurrence=_recurrence(row.inner("recurrence"), row.text("code"), starts, after),
        needs_days=row.yes("needs_days", False),
        excused_by=row.kinds("excused_by", EventKind, ()),
        is_per_subject=row.yes("is_per_subject", False),
        is_for_known_people=row.yes("is_for_known_people"),
        on_reopening=row.word("on_reopening", OnReopening),
        on_breach=row.text("on_breach"),
        clause=row.text("clause"),
        **_authority(row),
    )


def _starts_for(row: Row) -> Mapping[str, tuple[EventKind, ...]]:
    inner = row.inner("starts_for")
    return {kind: inner.kinds(kind, EventKind) for kind in inner.data} if inner else {}


def _extension(row: Row | None) -> Extension | None:
    if row is None:
        return None
    found = Extension(
        events=row.kinds("events", EventKind),
        rule=row.word("rule", ExtensionRule),
        sentence=row.text("sentence"),
        at_most=row.number_of("at_most"),
        at_most_unit=row.word("at_most_unit", Unit) if "at_most_unit" in row.data else None,
        counted_from=row.word("counted_from", Period, Period.DUE),
        notice=row.text("notice", ""),
        approver=row.text("approver", ""),
    )
    row.nothing_else()
    return found


def _recurrence(row: Row | None, code: str, starts: tuple[EventKind, ...], after: dict[str, str]) -> Recurrence | None:
    if row is None:
        return None
    found = Recurrence(row.word("anchor", Anchor), row.kinds("updates", EventKind, tuple(starts)))
    if "after" in row.data:
        after[code] = row.text("after")
    row.nothing_else()
    return found


def _authority(row: Row) -> dict[str, Any]:
    """What every rule carries: how binding it is, where it stands, since when, and whether somebody has compared it with that."""
    return {"legal_force": row.word("legal_force", LegalForce), "source": row.text("source"),
            "effective_from": row.day("effective_from"), "verified": row.yes("verified")}


def _event(row: Row) -> EventWord:
    return EventWord(row.word("code", EventKind), row.text("sentence"), row.one_of("needs", NEEDS, ""))


def _notice(row: Row) -> Notice:
    given = row.inner("conditional")
    conditional = {when: given.sentences(when) for when in given.data} if given else {}
    return Notice(code=row.text("code"), title=row.text("title"), required=row.sentences("required"), conditional=conditional,
                  signed_by=row.text("signed_by", ""), also_to=row.text("also_to", ""), **_authority(row))


def _case_type(row: Row) -> CaseType:
    return CaseType(row.text("code"), row.text("title"), row.yes("has_clock"), row.text("written_counts_as", ""), row.text("note", ""))


def _ruling(row: Row) -> Ruling:
    return Ruling(code=row.text("code"), when=row.answers("when"), result=row.text("result"), sentence=row.text("sentence"),
                  is_urgent=row.yes("is_urgent", False), evidence=row.text("evidence"), **_authority(row))


def _external_body(row: Row) -> ExternalBody:
    return ExternalBody(row.text("code"), row.text("name"), row.text("window"), **_authority(row))


def _time_limit(row: Row) -> TimeLimit:
    return TimeLimit(row.text("code"), row.text("title"), row.text("sentence"), **_authority(row))


def _retention(row: Row) -> Retention:
    return Retention(row.text("code"), row.text("title"), row.text("starts"), row.number_of("years"), row.text("sentence"),
                     **_authority(row))
