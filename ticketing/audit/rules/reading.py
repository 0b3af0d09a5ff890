"""An entry as a sentence people read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from ticketing.audit.rules.acts import SENTENCES, Act
from ticketing.audit.rules.chain import Plain
from ticketing.audit.rules.entries import EntryRow

OPTIONAL = re.compile(r"\[([^\]]*)\]")
VALUE = re.compile(r"\{(\w+)\}")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
UNKNOWN = "Something was recorded"


def summary(row: EntryRow) -> str:
    """One sentence, such as "Status moved from triage to acknowledged by Hana Novak"."""
    sentence = SENTENCES[Act(row.act)] if row.act in SENTENCES else UNKNOWN
    values = _values(row)
    words = _fill(OPTIONAL.sub(lambda part: _fill_if_whole(part[1], values), sentence), values)
    return words if "{actor}" in sentence or not row.actor_name else f"{words} by {row.actor_name}"


def _fill_if_whole(part: str, values: dict[str, str]) -> str:
    return _fill(part, values) if all(values.get(name) for name in VALUE.findall(part)) else ""


def _fill(text: str, values: dict[str, str]) -> str:
    return VALUE.sub(lambda name: values.get(name[1]) or "…", text)


def _values(row: EntryRow) -> dict[str, str]:
    values = {name: _words(value) for name, value in row.facts.items()}
    for name, (old, new) in row.change.items():
        values[f"{name}_from"], values[f"{name}_to"] = _words(old), _words(new)
    values["fields"] = ", ".join(name.replace("_", " ") for name in row.change)
    return {**values, **row.private, "actor": row.actor_name or "someone"}


def _words(value: Plain) -> str:
    """Codes read as words: `awaiting_signoff` as "awaiting signoff"; days and moments as people write them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    text = str(value)
    if DAY.fullmatch(text):
        return _day(date.fromisoformat(text))
    if MOMENT.fullmatch(text):
        moment = datetime.fromisoformat(text).astimezone(UTC)
        return f"{_day(moment)}, {moment:%H:%M} UTC"
    return text.replace("_", " ")


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
