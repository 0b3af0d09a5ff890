"""Reads packs from their data files and refuses a file that contradicts itself, naming the place."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ticketing.calendars.rules import find_zone, public_calendar
from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules.pack import CaseType, EventWord, Extension, ExternalBody, HoldReason, Notice, Outcome, Pack, Target
from ticketing.packs.rules.words import Count, EventKind, ExtensionRule, LegalForce, OnReopening, Roll, TargetCode, Unit

FOLDER = Path(__file__).resolve().parents[1] / "data"
PEOPLE = frozenset(ActorKind) - {ActorKind.MACHINE, ActorKind.COMPLAINANT, ActorKind.AUDITOR}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEEDS = ("", "date", "days", "reason", "subject")

Word = TypeVar("Word", bound=StrEnum)
Thing = TypeVar("Thing")
MISSING: Any = object()


@lru_cache(maxsize=1)
def codes() -> tuple[str, ...]:
    """The codes of the packs shipped with the program, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if "@" not in path.stem))


@lru_cache(maxsize=64)
def load(code: str, version: str = "") -> Pack:
    """The pack with this code, in its present version or the one a case is pinned to; Invalid lists the known codes.

    The present version is `code.toml`; an older one stays beside it as `code@version.toml` for the cases pinned to it.
    """
    if code not in codes():
        raise Invalid(f"There is no policy pack called “{code}”. Known: {', '.join(codes())}.")
    pack = _read(code)
    if version not in ("", pack.version):
        if f"{code}@{version}" not in {path.stem for path in FOLDER.glob("*@*.toml")}:
            raise Invalid(f"Version “{version}” of the policy pack {code} is not here; the present version is {pack.version}.")
        pack = _read(f"{code}@{version}")
    if pack.code != code or version not in ("", pack.version):
        raise Invalid(f"The policy pack file for {code} says it is {pack.code} {pack.version}.")
    return pack


def _read(stem: str) -> Pack:
    return pack_from(tomllib.loads((FOLDER / f"{stem}.toml").read_text(encoding="utf-8")))


def pack_from(data: Mapping[str, Any]) -> Pack:
    """A pack from the tables of its data file; Invalid says which table, which key and what is wrong."""
    top = Row("pack", data)
    code, week = top.text("code"), top.words("working_week", WEEKDAYS)
    pack = Pack(
        code=code,
        version=top.text("version"),
        name=top.text("name"),
        effective_from=top.day("effective_from"),
        timezone=find_zone(top.text("timezone")).key,
        holidays=public_calendar(top.text("holidays")).code,
        working_week=week,
        default_case_type=top.text("default_case_type"),
        signer=top.text("signer"),
        targets=top.rows("targets", lambda row: _target(code, week, row)),
        events=top.rows("events", _event),
        notices=top.rows("notices", _notice),
        case_types=top.rows("case_types", _case_type),
        outcomes=top.rows("outcomes", lambda row: Outcome(row.text("code"), row.text("title"), row.one_of("level", ("case", "point")))),
        hold_reasons=top.rows("hold_reasons", lambda row: HoldReason(row.text("code"), row.text("title"))),
        external_bodies=top.rows("external_bodies", _external_body),
    )
    top.nothing_else()
    _check(pack)
    return pack


def _target(pack: str, week: tuple[str, ...], row: Row) -> Target:
    return Target(
        pack=pack,
        working_week=week,
        code=row.word("code", TargetCode),
        title=row.text("title"),
        case_types=frozenset(row.texts("case_types")),
        starts=row.kinds("starts", EventKind),
        satisfied_by=row.kinds("satisfied_by", EventKind),
        by=frozenset(row.kinds("by", ActorKind)) if "by" in row.data else PEOPLE,
        unit=row.word("unit", Unit),
        amount=row.number("amount"),
        why_no_number=row.text("why_no_number", ""),
        count=row.word("count", Count, Count.EXCLUDE_START),
        roll=row.word("roll", Roll, Roll.NONE),
        holdable=frozenset(row.texts("holdable", ())),
        extension=_extension(Row(f"{row.place} extension", row.data["extension"])) if "extension" in row.data else None,
        needs_days=row.yes("needs_days", False),
        excused_by=row.kinds("excused_by", EventKind, ()),
        is_recurring=row.yes("is_recurring", False),
        is_per_subject=row.yes("is_per_subject", False),
        is_for_known_people=row.yes("is_for_known_people"),
        on_reopening=row.word("on_reopening", OnReopening),
        on_breach=row.text("on_breach"),
        legal_force=row.word("legal_force", LegalForce),
        clause=row.text("clause"),
        source=row.text("source"),
        effective_from=row.day("effective_from"),
        verified=row.yes("verified"),
    )


def _extension(row: Row) -> Extension:
    extension = Extension(row.kinds("events", EventKind), row.word("rule", ExtensionRule), row.text("sentence"))
    row.nothing_else()
    return extension


def _event(row: Row) -> EventWord:
    return EventWord(row.word("code", EventKind), row.text("sentence"), row.one_of("needs", NEEDS, ""))


def _notice(row: Row) -> Notice:
    return Notice(
        code=row.text("code"),
        title=row.text("title"),
        required=row.sentences("required"),
        conditional={when: Row(f"{row.place}, when {when}", {"items": items}).sentences("items")
                     for when, items in row.take("conditional", {}).items()},
        signed_by=row.text("signed_by", ""),
        legal_force=row.word("legal_force", LegalForce),
        source=row.text("source"),
        effective_from=row.day("effective_from"),
        verified=row.yes("verified"),
    )


def _case_type(row: Row) -> CaseType:
    return CaseType(row.text("code"), row.text("title"), row.yes("has_clock"), row.text("written_counts_as", ""), row.text("note", ""))


def _external_body(row: Row) -> ExternalBody:
    return ExternalBody(row.text("code"), row.text("name"), row.text("window"), row.text("source"))


def _check(pack: Pack) -> None:
    """What no single row can see: that the words of one table are known to the others."""
    events = {event.code for event in pack.events}
    types = {kind.code for kind in pack.case_types}
    reasons = {reason.code for reason in pack.hold_reasons}
    _must(pack, pack.default_case_type in types, f"default_case_type “{pack.default_case_type}” is not one of its case types")
    counted_as = {kind.written_counts_as for kind in pack.case_types} - {""}
    _must(pack, counted_as <= types, f"written_counts_as names unknown case types: {_list(counted_as - types)}")
    for target in pack.targets:
        place = f"target {target.code}"
        moved_by = target.extension.events if target.extension else ()
        used = {*target.starts, *target.satisfied_by, *target.excused_by, *moved_by}
        _must(pack, used <= events, f"{place} uses events the pack does not list: {_list(used - events)}")
        _must(pack, target.case_types <= types, f"{place} names unknown case types: {_list(target.case_types - types)}")
        _must(pack, target.holdable <= reasons, f"{place} names unknown hold reasons: {_list(target.holdable - reasons)}")
        _must(pack, ActorKind.MACHINE not in target.by, f"{place} may not be satisfied by a machine")
        _check_counting(pack, target, place)


def _check_counting(pack: Pack, target: Target, place: str) -> None:
    is_open = target.amount is None
    _must(pack, not is_open or bool(target.why_no_number), f"{place} has no amount, so it must say why_no_number")
    _must(pack, target.amount is None or target.amount > 0, f"{place} has the amount {target.amount}; it must be above 0")
    _must(pack, is_open == (target.unit is Unit.AGREED_DATE), f"{place}: an agreed date has no amount, every other unit has one")
    _must(pack, not (target.holdable and target.legal_force.is_statutory), f"{place} is statutory, so nothing may hold it")
    fixed = target.unit in (Unit.MONTHS, Unit.AGREED_DATE)
    _must(pack, not (target.holdable and fixed), f"{place} counts {target.unit}, which cannot be held")


def _must(pack: Pack, is_right: bool, sentence: str) -> None:
    if not is_right:
        raise Invalid(f"The policy pack {pack.code} cannot be used: {sentence}.")


def _list(words: set[Any] | frozenset[Any]) -> str:
    return ", ".join(sorted(str(word) for word in words))


class Row:
    """One table of a pack file, read key by key, so that every complaint names its place."""

    def __init__(self, place: str, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise Invalid(f"Policy pack, {place}: a table was expected, not “{data}”.")
        self.place, self.data = place, data
        self.seen: set[str] = set()

    def wrong(self, key: str, sentence: str) -> Invalid:
        return Invalid(f"Policy pack, {self.place}: “{key}” {sentence}.")

    def take(self, key: str, default: Any = MISSING) -> Any:
        self.seen.add(key)
        if key in self.data:
            return self.data[key]
        if default is MISSING:
            raise self.wrong(key, "is missing")
        return default

    def text(self, key: str, default: Any = MISSING) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or (not value.strip() and default is MISSING):
            raise self.wrong(key, "must be text")
        return value

    def texts(self, key: str, default: Any = MISSING) -> tuple[str, ...]:
        value = self.take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, "must be a list of words")
        return tuple(value)

    def one_of(self, key: str, allowed: tuple[str, ...], default: Any = MISSING) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(key, f"is “{value}”; it must be one of {', '.join(filter(None, allowed))}")
        return value

    def words(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        values = self.texts(key)
        unknown = [value for value in values if value not in allowed]
        if unknown or not values:
            raise self.wrong(key, f"must be a list of {', '.join(allowed)}")
        return values

    def word(self, key: str, kind: type[Word], default: Any = MISSING) -> Word:
        return self._as(key, kind, self.take(key, default))

    def kinds(self, key: str, kind: type[Word], default: Any = MISSING) -> tuple[Word, ...]:
        return tuple(self._as(key, kind, value) for value in self.texts(key, default))

    def number(self, key: str) -> int | None:
        value = self.take(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.wrong(key, "must be a whole number")
        return value

    def yes(self, key: str, default: Any = MISSING) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def day(self, key: str) -> date:
        value = self.take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.wrong(key, "must be a date, written year-month-day without quotes")
        return value

    def sentences(self, key: str) -> Mapping[str, str]:
        value = self.take(key)
        if not isinstance(value, Mapping) or not all(isinstance(each, str) and each.strip() for each in value.values()):
            raise self.wrong(key, "must map each content to a sentence")
        return dict(value)

    def rows(self, key: str, read: Callable[[Row], Thing]) -> tuple[Thing, ...]:
        values = self.take(key)
        if not isinstance(values, list) or not values:
            raise self.wrong(key, "must be a list of tables, at least one")
        found: list[Thing] = []
        known: set[str] = set()
        for number, value in enumerate(values, 1):
            row = Row(f"{key} {value.get('code', number)}" if isinstance(value, Mapping) else f"{key} {number}", value)
            found.append(read(row))
            code = row.text("code")
            if code in known and key != "outcomes":
                raise row.wrong("code", "is given twice")
            known.add(code)
            row.seen.add("extension")
            row.nothing_else()
        return tuple(found)

    def nothing_else(self) -> None:
        unknown = set(self.data) - self.seen
        if unknown:
            raise self.wrong(sorted(unknown)[0], "is not a key of this table")

    def _as(self, key: str, kind: type[Word], value: Any) -> Word:
        try:
            return kind(value)
        except ValueError:
            raise self.wrong(key, f"is “{value}”; it must be one of {', '.join(kind)}") from None
