"""The sealer's rounds: seal what waits, then bring every note that is not there yet to the folder outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from ticketing.audit import queries, service
from ticketing.audit.rules.notes import BadNote, Verifier
from ticketing.core.batch import Tally, until_empty
from ticketing.core.permissions import machine

BY = machine("sealer")
KEYS_FILE = "keys.txt"


def seal(at: datetime, folder: Path, *, is_stopping: Callable[[], bool] = lambda: False) -> Tally:
    """One round; nothing at all where this process holds no sealing key."""
    signing = queries.seal_keys()
    if not signing or is_stopping():
        return Tally()
    for key in queries.verifiers(signing):
        service.name_seal_key(str(key), by=BY, at=at)
        _note_key(folder, str(key))
    tally = until_empty(lambda: Tally() if is_stopping() else service.seal(signing, at=at))
    export(folder)
    return tally


def export(folder: Path) -> int:
    """Write each checkpoint's note that the folder lacks, under a name of its own that is never written twice; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    last = max((_number(path.name) for path in folder.glob("*.note")), default=0)
    count = 0
    while notes := queries.notes_after(last):
        for number, note in notes:
            count += _write_once(folder / f"{number:09d}.note", note)
            last = number
    return count


def read_folder(folder: Path) -> tuple[Mapping[str, str], tuple[Verifier, ...]]:
    """(the notes by file name, the keys) of a folder that `export` filled; raises BadNote for a line that is no key."""
    notes = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.note")}
    path = folder / KEYS_FILE
    return notes, read_keys(path) if path.exists() else ()


def read_keys(path: Path) -> tuple[Verifier, ...]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(Verifier.parse(line) for line in lines if line.strip() and not line.startswith("#"))


def _note_key(folder: Path, verifier: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEYS_FILE
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if verifier not in known:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{verifier}\n")


def _number(name: str) -> int:
    text = name.removesuffix(".note")
    return int(text) if text.isascii() and text.isdigit() else 0


def _write_once(path: Path, text: str) -> int:
    """Whole or not at all, and on the disk when this returns."""
    if path.exists():
        return 0
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return 1


__all__ = ["BY", "BadNote", "export", "read_folder", "read_keys", "seal"]
