"""The shelf of packs shipped with the program, and the reader that refuses a pack which cannot be used, naming each place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from ticketing.core.errors import Invalid
from ticketing.packs.rules.building import build, joined
from ticketing.packs.rules.checking import contradictions
from ticketing.packs.rules.pack import Pack
from ticketing.packs.rules.rows import Lines, Problem

FOLDER = Path(__file__).resolve().parents[1] / "data"
REPLACED_BY = {"wales-2011": "wales-2026"}  # a law that ended, and the one that took its place
SHOWN = 5          # problems in the sentence of a refusal; `problems_of` lists them all


@lru_cache(maxsize=1)
def shipped() -> tuple[tuple[str, str], ...]:
    """(code, version) of every pack file shipped with the program, in order of code and then age, the newest version last."""
    found = [(path.parent.name, path.stem) for path in FOLDER.glob("*/*.toml") if path.stem != "vectors"]
    return tuple(sorted(found, key=lambda each: (each[0], age_of(each[1]))))


def codes() -> tuple[str, ...]:
    """The codes of the packs shipped with the program, in order."""
    return tuple(dict.fromkeys(code for code, _ in shipped()))


def versions(code: str) -> tuple[str, ...]:
    """The shipped versions of a pack, oldest first; Invalid lists the known codes."""
    if code not in codes():
        raise Invalid(f"There is no policy pack called “{code}”. Known: {', '.join(codes())}.")
    return tuple(version for known, version in shipped() if known == code)


def age_of(version: str) -> tuple[tuple[int, str], ...]:
    """What puts versions in order: "2026.10" comes after "2026.9"."""
    return tuple((int(part), "") if part.isascii() and part.isdigit() else (0, part) for part in version.split("."))


def pack(code: str, version: str | None = None) -> Pack:
    """The shipped pack with this code, in its newest version or the one a case is pinned to; Invalid lists what is known."""
    return load(code, version or "")


@lru_cache(maxsize=256)
def load(code: str, version: str = "") -> Pack:
    """The same; version "" means the newest.  A file never changes once it is shipped: a new rule is a new version beside it."""
    known = versions(code)
    wanted = version or known[-1]
    if wanted not in known:
        raise Invalid(f"Version “{version}” of the policy pack {code} is not here; the present version is {known[-1]}.")
    found = read_pack(text_of(code, wanted), f"{code}/{wanted}.toml")
    if (found.code, found.version) != (code, wanted):
        raise Invalid(f"The policy pack file for {code} {wanted} says it is {found.code} {found.version}.")
    return found


def law_on(code: str, on: date) -> str:
    """The code of the pack for a concern received on this day: where one law took another's place, the one of the two that applies."""
    later = REPLACED_BY.get(code)
    if later and has_ended(code, on):
        return later
    earlier = next((old for old, new in REPLACED_BY.items() if new == code), "")
    has_begun = any(load(code, version).effective_from <= on for version in versions(code))
    return earlier if earlier and not has_begun and not has_ended(earlier, on) else code


def has_ended(code: str, on: date) -> bool:
    """Whether no concern received on this day comes under the pack any more; what came before stays under it."""
    last = load(code).effective_to
    return last is not None and last < on


def text_of(code: str, version: str) -> str:
    """The file of a shipped pack as it is written, to begin a new version from."""
    if (code, version) not in shipped():
        raise Invalid(f"Version “{version}” of the policy pack {code} is not here.")
    return (FOLDER / code / f"{version}.toml").read_text(encoding="utf-8")


def read_pack(text: str, source: str) -> Pack:
    """A pack from the text of its file.  `source` names the file in the sentence of a refusal, which tells the first few problems."""
    found, problems = _read(text)
    if found is None or problems:
        more = f" And {len(problems) - SHOWN} more." if len(problems) > SHOWN else ""
        told = " ".join(f"{problem}" for problem in problems[:SHOWN])
        raise Invalid(f"The policy pack {source} cannot be used: {told}{more}")
    return found


def problems_of(text: str) -> tuple[Problem, ...]:
    """Everything wrong with the text of a pack file, in order of its lines; empty if it can be used."""
    return tuple(sorted(_read(text)[1], key=lambda problem: problem.line or 0))


def pack_from(data: Mapping[str, Any]) -> Pack:
    """A pack from the tables of its file; Invalid says which table, which key and what is wrong."""
    found, problems = _checked(data, Lines(""))
    if found is None or problems:
        raise Invalid("The policy pack cannot be used: " + " ".join(str(problem) for problem in problems[:SHOWN]))
    return found


def _read(text: str) -> tuple[Pack | None, list[Problem]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_unreadable(str(error))]
    except (RecursionError, ValueError):
        return None, [_unreadable("a value in it is nested too deep or too long")]
    return _checked(data, Lines(text))


def _unreadable(error: str) -> Problem:
    words, _, place = error.partition("(at line ")
    line = place.split(",")[0]
    return Problem("file", int(line) if line.isdigit() else None,
                   f"this is not TOML: {words.strip().lower().rstrip('.') or 'it cannot be read'}. Mend the line and try again.")


def _checked(data: Mapping[str, Any], lines: Lines) -> tuple[Pack | None, list[Problem]]:
    problems: list[Problem] = []
    built = build(data, lines, problems)
    problems = list(dict.fromkeys(problems)) or contradictions(built, lines)
    return (None if problems else joined(built)), problems
