"""The tree, its checkpoints and the notes kept outside, held against the entries; each fault named with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ticketing.audit.rules.chain import parse_body
from ticketing.audit.rules.checking import Fault, FaultKind, Verdict
from ticketing.audit.rules.notes import BadNote, Checkpoint, Verifier, read_note
from ticketing.audit.rules.tree import Frontier, leaf_hash

TREE = "the tree"
SKEW = timedelta(seconds=5)  # clocks of two machines
MERGE_DELAY = timedelta(seconds=120)  # an entry still unsealed after that rings a bell, so none can honestly be older
GIVEN = b'"given":true'


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint as the database holds it."""

    number: int
    size: int
    root: bytes
    note: str
    sealed_at: datetime


class LeafRow(NamedTuple):
    """A leaf and, if it is still there, the entry it stands for."""

    idx: int
    leaf: bytes
    stream: str | None
    seq: int | None
    hash: bytes | None
    recorded_at: datetime | None
    body: bytes | None


class TreeWalk:
    """Follows the leaves in their order through one checkpoint after the other; call `end` after the last leaf."""

    def __init__(
        self, log_id: str, checkpoints: Sequence[CheckpointRow], notes: Iterable[str], verifiers: Sequence[Verifier], verdict: Verdict,
    ) -> None:
        self.log_id, self.checkpoints, self.verifiers, self.verdict = log_id, checkpoints, verifiers, verdict
        self.wanted = {row.size for row in checkpoints} | set(_sizes(notes))
        self.tree = Frontier()
        self.roots: dict[int, bytes] = {0: self.tree.root}
        self.next = self.place = 0
        verdict.checkpoints = len(checkpoints)
        verdict.sealed_at = checkpoints[-1].sealed_at if checkpoints else None
        self._check_checkpoints()

    def step(self, leaf: LeafRow) -> None:
        """Check one leaf against its entry, and grow the tree by it."""
        if leaf.idx != self.next:
            self._fault(FaultKind.LEAF, leaf, f"leaf {self.next} of the tree is missing: leaf {leaf.idx} follows")
        self.next = leaf.idx + 1
        if leaf.hash is None:
            self._fault(FaultKind.LEAF, leaf, f"leaf {leaf.idx} of the tree is sealed, but its entry is gone")
        elif leaf_hash(leaf.hash) != leaf.leaf:
            self._fault(FaultKind.LEAF, leaf, f"it is not the entry that was sealed (leaf {leaf.idx})")
        self._check_window(leaf)
        self.tree.append(leaf.leaf)
        if self.tree.size in self.wanted:
            self.roots[self.tree.size] = self.tree.root
        self.verdict.sealed += 1

    def end(self) -> None:
        """Every checkpoint must be the tree as it was at its size."""
        for row in self.checkpoints:
            if row.size > self.tree.size:
                self._found(FaultKind.CHECKPOINT, f"checkpoint {row.number} seals {row.size} entries; the tree has only {self.tree.size}")
            elif self.roots.get(row.size) != row.root:
                self._found(FaultKind.CHECKPOINT, f"checkpoint {row.number} does not fit the tree: sealed entries were changed or moved")
        if self.tree.size > (self.checkpoints[-1].size if self.checkpoints else 0):
            self._found(FaultKind.CHECKPOINT, f"the tree has {self.tree.size} leaves, more than any checkpoint in the database signs")

    def _check_checkpoints(self) -> None:
        before: CheckpointRow | None = None
        for place, row in enumerate(self.checkpoints, start=1):
            if row.number != place and (before is None or row.number != before.number + 1):
                self._found(FaultKind.CHECKPOINT, f"the checkpoint before number {row.number} is missing")
            if before and (row.size < before.size or row.sealed_at < before.sealed_at):
                self._found(FaultKind.CHECKPOINT, f"checkpoint {row.number} is smaller or earlier than the one before it")
            self._check_note(row)
            before = row

    def _check_note(self, row: CheckpointRow) -> None:
        try:
            note = read_note(row.note)
        except BadNote:
            self._found(FaultKind.CHECKPOINT, f"the note of checkpoint {row.number} was changed: it cannot be read")
            return
        if (note.log_id, note.size, note.root, note.sealed_at) != (self.log_id, row.size, row.root, row.sealed_at):
            self._found(FaultKind.CHECKPOINT, f"the note of checkpoint {row.number} says something else than its row")
        if self.verifiers and not note.is_signed_by(self.verifiers):
            self._found(FaultKind.CHECKPOINT, f"checkpoint {row.number} is not signed by a key of the sealer")

    def _check_window(self, leaf: LeafRow) -> None:
        """An entry was recorded after the checkpoint before its own, and before its own was signed."""
        if leaf.recorded_at is None:
            return
        since, until = self._window(leaf.idx)
        is_early = since is not None and leaf.recorded_at < since - MERGE_DELAY
        is_late = until is not None and leaf.recorded_at > until + SKEW
        if not is_early and not is_late:
            return
        if leaf.body and GIVEN in leaf.body and (parse_body(leaf.body) or {}).get("given") is True:
            return  # it says of itself that somebody named its moment; the verdict counts those
        what = f"dated before the checkpoint of {since} though sealed after it" if is_early else f"dated after it was sealed at {until}"
        self._fault(FaultKind.WINDOW, leaf, f"it is {what}: its moment is false")

    def _window(self, idx: int) -> tuple[datetime | None, datetime | None]:
        place = self.place
        while place < len(self.checkpoints) and self.checkpoints[place].size <= idx:
            place += 1
        self.place = place
        since = self.checkpoints[place - 1].sealed_at if place and place <= len(self.checkpoints) else None
        return since, self.checkpoints[place].sealed_at if place < len(self.checkpoints) else None

    def _fault(self, kind: FaultKind, leaf: LeafRow, what: str) -> None:
        self.verdict.found(Fault(kind, leaf.stream or TREE, leaf.seq, what))

    def _found(self, kind: FaultKind, what: str) -> None:
        self.verdict.found(Fault(kind, TREE, None, what))


def _sizes(notes: Iterable[str]) -> Iterator[int]:
    for note in notes:
        with suppress(BadNote):
            yield read_note(note).size


def check_notes(
    notes: Mapping[str, str], checkpoints: Sequence[CheckpointRow], roots: Mapping[int, bytes], verifiers: Sequence[Verifier],
    verdict: Verdict,
) -> None:
    """Each note kept outside must be signed, and be the tree as it was at that size; the database may not hold less than they say."""
    held = {row.note for row in checkpoints}
    for name, text in sorted(notes.items()):
        verdict.notes += 1
        for what in _faults_of_note(text, held, roots, verifiers):
            verdict.found(Fault(FaultKind.EXPORT, f"the note {name}", None, what))


def _faults_of_note(text: str, held: set[str], roots: Mapping[int, bytes], verifiers: Sequence[Verifier]) -> list[str]:
    try:
        note: Checkpoint = read_note(text)
    except BadNote as error:
        return [f"it cannot be read. {error}"]
    if not note.is_signed_by(verifiers):
        return ["it is not signed by a key of the sealer"]
    found = []
    root = roots.get(note.size)
    if root is None:
        found.append(f"at {note.sealed_at} it sealed {note.size} entries, more than the database holds: entries were deleted, or the "
                     "whole database was set back to an earlier copy")
    elif root != note.root:
        found.append(f"the first {note.size} entries are not those it sealed at {note.sealed_at}: "
                     "sealed entries were changed, moved or replaced")
    if text not in held:
        found.append("the database no longer holds this checkpoint")
    return found
