"""Changes to the text of a pack that keep the rest of it as it was written, comments and all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

TABLE = re.compile(r"^\s*\[", re.MULTILINE)


def stamped(text: str, version: str, effective_from: date | None = None) -> str:
    """The text with another version, and another day from which it is in force, in its head."""
    start = TABLE.search(text)
    cut = start.start() if start else len(text)
    head = _set(text[:cut], "version", f'"{version}"')
    if effective_from is not None:
        head = _set(head, "effective_from", effective_from.isoformat())
    return head + text[cut:]


def with_amounts(text: str, amounts: Mapping[str, int]) -> str:
    """The text with other numbers for these targets, by code; targets it does not hold are left alone."""
    pieces = re.split(r"(?m)^(?=\s*\[\[targets\]\])", text)
    return "".join(_with_amount(piece, amounts) for piece in pieces)


def _with_amount(piece: str, amounts: Mapping[str, int]) -> str:
    code = re.search(r'(?m)^\s*code\s*=\s*"([^"]*)"', piece)
    if not piece.lstrip().startswith("[[targets]]") or code is None or code[1] not in amounts:
        return piece
    head, sub, rest = _own_keys(piece)
    return _set(head, "amount", str(amounts[code[1]])) + sub + rest


def _own_keys(piece: str) -> tuple[str, str, str]:
    """The keys of the table itself; tables within it and whatever follows come after."""
    later = TABLE.search(piece, piece.index("[[targets]]") + len("[[targets]]"))
    return (piece, "", "") if later is None else (piece[:later.start()], piece[later.start():], "")


def _set(head: str, key: str, value: str) -> str:
    """The value in the line of this key, else in a new line at the end of the head."""
    line = re.compile(rf"(?m)^([ \t]*{key}[ \t]*=[ \t]*)([^#\n]*?)([ \t]*(?:#.*)?)$")
    if line.search(head):
        return line.sub(lambda found: f"{found[1]}{value}{found[3]}", head, count=1)
    return head.rstrip("\n") + f"\n{key} = {value}\n" + "\n" * (len(head) - len(head.rstrip("\n")) - 1)
