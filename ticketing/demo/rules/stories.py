"""What people told the demo hospital, as read from its data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ticketing.codes.rules import CaseType, Finding, Severity


@dataclass(frozen=True, slots=True)
class Telling:
    """One way in which a story was told.  `patient` is who the patient is to the teller (`self`, `mother`, `son`, ...)."""

    patient: str
    text: str
    age: int = 0
    gender: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found about one point."""

    finding: Finding
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Story:
    """A concern that takes the whole way, with everything that is said and written on it."""

    key: str
    unit: str
    severity: Severity
    tellings: tuple[Telling, ...]
    sought: str
    points: tuple[str, ...]
    answers: tuple[Answer, ...]
    question: str
    records: str
    statement: str
    letter: str
    call: str
    has_died: bool = False
    names_staff: bool = False
    is_safeguarding: bool = False
    is_anonymous: bool = False
    language: str = ""
    needs_interpreter: bool = False
    format_needs: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class ShortStory:
    """Something settled with a telephone call: a PALS concern, an enquiry, thanks, a suggestion."""

    case_type: CaseType
    unit: str
    tellings: tuple[Telling, ...]
    settled: str


@dataclass(frozen=True, slots=True)
class Library:
    """Every story there is."""

    stories: tuple[Story, ...]
    shorts: tuple[ShortStory, ...]

    def of_type(self, case_type: CaseType) -> tuple[ShortStory, ...]:
        return tuple(short for short in self.shorts if short.case_type is case_type)


def read_library(data: Mapping[str, Any]) -> Library:
    """From the parsed data file; a KeyError or Invalid names what is wrong with it."""
    return Library(tuple(_story(item) for item in data["story"]), tuple(_short(item) for item in data["short"]))


def _story(item: Mapping[str, Any]) -> Story:
    return Story(
        key=item["key"], unit=item["unit"], severity=Severity.of(item["severity"]), tellings=_tellings(item), sought=item["sought"],
        points=tuple(item["points"]), answers=tuple(Answer(Finding.of(row[0]), row[1], row[2]) for row in item["findings"]),
        question=item["question"], records=item["records"], statement=item["answer"], letter=item["letter"], call=item["call"],
        has_died=item.get("died", False), names_staff=item.get("names_staff", False), is_safeguarding=item.get("safeguarding", False),
        is_anonymous=item.get("anonymous", False), language=item.get("language", ""),
        needs_interpreter=item.get("needs_interpreter", False), format_needs=item.get("format_needs", ""), channel=item.get("channel", ""))


def _short(item: Mapping[str, Any]) -> ShortStory:
    return ShortStory(CaseType.of(item["type"]), item["unit"], _tellings(item), item["settled"])


def _tellings(item: Mapping[str, Any]) -> tuple[Telling, ...]:
    return tuple(Telling(*row) for row in item["tellings"])
