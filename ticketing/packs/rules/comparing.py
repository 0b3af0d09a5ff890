"""Packs as plain data: their digest, and what changed between two versions of one, rule by rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from ticketing.packs.rules.pack import Pack, Recurrence

Difference = tuple[str, str, str]         # where, what it was, what it becomes; "" stands for nothing


def plain(thing: Any) -> Any:
    """A pack, or any part of one, as plain data for JSON: text, numbers, lists and mappings; days as year-month-day."""
    if isinstance(thing, Recurrence):
        return {"anchor": thing.anchor.value, "updates": plain(thing.updates), "after": thing.after.code.value if thing.after else None}
    if is_dataclass(thing) and not isinstance(thing, type):
        return {each.name: plain(getattr(thing, each.name)) for each in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, Enum):
        return thing.value
    if isinstance(thing, date):
        return thing.isoformat()
    if isinstance(thing, frozenset | set):
        return sorted(plain(each) for each in thing)
    if isinstance(thing, list | tuple):
        return [plain(each) for each in thing]
    return thing


def digest_of(data: Mapping[str, Any]) -> str:
    """The SHA-256 (hex) of the tables of a pack file; layout, order of keys and comments do not change it."""
    text = json.dumps(plain(data), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def differences(old: Pack, new: Pack) -> list[Difference]:
    """What changed from one pack to the other: (where, was, becomes), in the order of the tables; no entry for what is equal."""
    was, becomes = plain(old), plain(new)
    for pack in (was, becomes):
        pack.pop("digest")
        for target in pack["targets"]:
            target.pop("pack")
            target.pop("working_week")
    return list(_compared("", was, becomes))


def _compared(where: str, was: Any, becomes: Any) -> Iterator[Difference]:
    if was == becomes:
        return
    if isinstance(was, Mapping) and isinstance(becomes, Mapping):
        for key in {**was, **becomes}:
            yield from _compared(f"{where}, {key}" if where else key, was.get(key), becomes.get(key))
    elif _is_table(was) and _is_table(becomes):
        before, after = _named(was), _named(becomes)
        for name in {**before, **after}:
            yield from _compared(f"{where} {name}", before.get(name), after.get(name))
    else:
        yield where, _said(was), _said(becomes)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) and "code" in row for row in value)


def _named(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Rows by their code; outcomes of two levels may share one."""
    return {f"{row['code']} ({row['level']})" if "level" in row else str(row["code"]): row for row in rows}


def _said(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return str(value.get("title") or value.get("sentence") or value.get("name") or _pairs(value))
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    return str(value)


def _pairs(value: Mapping[str, Any]) -> str:
    return "; ".join(f"{key}: {_said(each)}" for key, each in value.items() if _said(each))
