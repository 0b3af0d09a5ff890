"""The mapping of an old system's file: which columns tell when a past case was opened, held, answered, reopened and closed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ticketing.cases.rules.mapping import NewSite
from ticketing.codes.rules import CaseType, Channel, HoldReason
from ticketing.core.errors import Invalid

ISO = "iso"
MOMENTS = ("opened", "acknowledged", "assigned", "resolved", "closed", "due")
MEANINGS = ("open", "held", "resolved", "closed")
TABLES = {"source", "key", "zone", "dates", "file", "case", "site", "moments", "log", "keep", "keep_first", "each", "figures"}


@dataclass(frozen=True, slots=True)
class Log:
    """A file that has one row an event: its moment, the columns that say the state, and what the states mean; others mean `open`.

    `opens`: the first event opens the case where no column does.
    """

    moment: str
    state: tuple[str, ...]
    meanings: Mapping[str, str]
    opens: bool = False

    def meaning(self, state: str) -> str:
        """By the whole state, or by the longest beginning of it that is listed with a star."""
        stars = [name for name in self.meanings if name.endswith("*") and state.startswith(name[:-1])]
        return self.meanings.get(state) or (self.meanings[max(stars, key=len)] if stars else "open")


@dataclass(frozen=True, slots=True)
class HistoryMapping:
    """A whole mapping.  `dates` is a strptime form or "iso"; `decided_by`: of several rows of a case, the highest number there speaks.

    `keep` names what is kept of the speaking row, `keep_first` of the earliest, `each` of every row of the case, in order.
    `figures` is what `reports resolution-times` is asked for; the reports room reads it.
    """

    source: str
    key: str
    zone: str
    site: NewSite
    moments: Mapping[str, str]
    dates: str = ISO
    case_type: CaseType = CaseType.COMPLAINT_FORMAL
    channel: Channel = Channel.OTHER
    narrative: str = "Brought in from an earlier system."
    hold_reason: HoldReason = HoldReason.AWAITING_COMPLAINANT
    decided_by: str = ""
    log: Log | None = None
    keep: Mapping[str, str] = field(default_factory=dict)
    keep_first: Mapping[str, str] = field(default_factory=dict)
    each: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    figures: tuple[Mapping[str, Any], ...] = ()
    encoding: str = "auto"
    delimiter: str = ","
    sheet: str = ""
    blank_words: frozenset[str] = frozenset()

    @property
    def wanted_columns(self) -> tuple[str, ...]:
        """Every column that the mapping names, once."""
        logged = (self.log.moment, *self.log.state) if self.log else ()
        each = tuple(name for names in self.each.values() for name in names)
        named = (self.key, self.decided_by, *self.moments.values(), *logged, *each, *self.keep.values(), *self.keep_first.values())
        return tuple(dict.fromkeys(name for name in named if name))


def read_history_mapping(text: str) -> HistoryMapping:
    """The mapping in a TOML text.  Raises Invalid with every fault, one a line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"The mapping is not TOML: {error}.") from error
    faults = [*_shape_faults(data), *_moment_faults(data), *_code_faults(data)]
    if faults:
        raise Invalid("\n".join(faults))
    case, log, file = data.get("case", {}), data.get("log"), data.get("file", {})
    return HistoryMapping(
        source=data["source"], key=data["key"], zone=data["zone"], site=NewSite(**{"zone": data["zone"], **data["site"]}),
        moments=data.get("moments", {}), dates=data.get("dates", ISO), case_type=CaseType(case.get("case_type", "complaint_formal")),
        channel=Channel(case.get("channel", "other")), narrative=case.get("narrative", "Brought in from an earlier system."),
        hold_reason=HoldReason(case.get("hold_reason", "awaiting_complainant")), decided_by=case.get("decided_by", ""),
        log=Log(log["moment"], _names(log["state"]), log.get("meanings", {}), log.get("opens", False)) if log else None,
        keep=data.get("keep", {}), keep_first=data.get("keep_first", {}),
        each={name: _names(columns) for name, columns in data.get("each", {}).items()}, figures=tuple(data.get("figures", ())),
        encoding=file.get("encoding", "auto"), delimiter=file.get("delimiter", ","), sheet=file.get("sheet", ""),
        blank_words=frozenset(file.get("blank_words", ())))


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _shape_faults(data: Mapping[str, Any]) -> list[str]:
    faults = [f"[{name}] is not known. A history mapping has: {', '.join(sorted(TABLES))}." for name in data if name not in TABLES]
    faults += [f"{name} is missing: write {name} = \"...\" at the top." for name in ("source", "key", "zone")
               if not isinstance(data.get(name), str) or not data[name].strip()]
    faults += [f"[{name}] must be a table." for name in ("file", "case", "moments", "log", "keep", "keep_first", "each")
               if not isinstance(data.get(name, {}), dict)]
    site = data.get("site")
    if not isinstance(site, dict) or not {"code", "name"} <= set(site) <= {"code", "name", "zone", "pack", "calendar"}:
        faults.append("[site] needs code and name, and may have zone, pack and calendar.")
    try:
        ZoneInfo(str(data.get("zone", "UTC")))
    except (ZoneInfoNotFoundError, ValueError):
        faults.append(f"zone: “{data['zone']}” is not a time zone. Write one such as Europe/London.")
    return faults


def _moment_faults(data: Mapping[str, Any]) -> list[str]:
    moments, log = data.get("moments", {}), data.get("log")
    if not isinstance(moments, dict) or not isinstance(log or {}, dict):
        return []
    faults = [f"[moments] {name} is not known. It may be: {', '.join(MOMENTS)}." for name in moments if name not in MOMENTS]
    if log and not {"moment", "state"} <= set(log):
        faults.append("[log] needs moment and state.")
    if "opened" not in moments and not (log and log.get("opens")):
        faults.append("[moments] opened is missing: name the column that says when a case was opened, or write opens = true in [log].")
    faults += [f"[log] “{state}” means {meaning!r}, which is not one of: {', '.join(MEANINGS)}."
               for state, meaning in (log or {}).get("meanings", {}).items() if meaning not in MEANINGS]
    return faults


def _code_faults(data: Mapping[str, Any]) -> list[str]:
    case = data.get("case", {})
    if not isinstance(case, dict):
        return []
    kinds = {"case_type": CaseType, "channel": Channel, "hold_reason": HoldReason}
    return [f"[case] {name}: “{case[name]}” is not one of: {', '.join(each.value for each in kind)}."
            for name, kind in kinds.items() if name in case and case[name] not in {each.value for each in kind}]
