"""Is the trail whole?  Pure checks of stored rows against the chain, each fault named with its exact place."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ticketing.audit.rules.acts import Act
from ticketing.audit.rules.chain import ACTOR_NAME, Keys, Plain, commitment, entry_hash, genesis, mac, microseconds, parse_body, written

KEPT_FAULTS = 200


class FaultKind(StrEnum):
    """What can be wrong with a stored trail."""

    BODY = "body"
    COLUMNS = "columns"
    SEQUENCE = "sequence"
    LINK = "link"
    HASH = "hash"
    MAC = "mac"
    KEY = "key"
    HEAD = "head"
    VALUE = "value"
    STATE = "state"
    LEAF = "leaf"
    CHECKPOINT = "checkpoint"
    EXPORT = "export"
    WINDOW = "window"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong, and where: `seq` is None where a whole stream is meant."""

    kind: FaultKind
    stream: str
    seq: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.stream}{'' if self.seq is None else f' entry {self.seq}'}: {self.what}"


class StoredEntry(NamedTuple):
    """An entry exactly as the database holds it."""

    uid: str
    stream: str
    seq: int
    prev: bytes
    hash: bytes
    body: bytes
    kid: int
    mac: bytes
    act: str
    actor_uid: str
    about: str | None
    recorded_at: datetime


class StoredValue(NamedTuple):
    """A private value as the database holds it, unlocked; `value` is None where it is there but cannot be opened."""

    entry_uid: str
    field: str
    salt: bytes
    value: str | None


@dataclass(slots=True)
class Verdict:
    """The outcome of a verification; `fault_count` counts all faults, `faults` keeps the first 200.

    `given`: entries that say of themselves that their moment was named by somebody and not taken from the clock.
    `state`: what the changes of each stream add up to, field by field, to be held against the rows they speak of.
    """

    streams: int = 0
    entries: int = 0
    values: int = 0
    erased: int = 0
    foreign: int = 0
    given: int = 0
    sealed: int = 0
    waiting: int = 0
    checkpoints: int = 0
    notes: int = 0
    receipts: int = 0
    sealed_at: datetime | None = None
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)
    state: dict[str, dict[str, Plain]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return not self.fault_count

    @property
    def is_foreign(self) -> bool:
        """Every entry was written under another secret, so nothing can be said about tampering."""
        return 0 < self.foreign == self.entries

    def found(self, fault: Fault) -> None:
        self.fault_count += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(fault)


class Walk:
    """Follows entries in the order of stream and number and adds what it finds to a verdict; call `end` after the last."""

    def __init__(self, keys: Keys, verdict: Verdict) -> None:
        self.keys, self.verdict = keys, verdict
        self.stream = ""
        self.seq = 0
        self.hash = b""
        self.gone: list[tuple[int, str]] = []

    def step(self, entry: StoredEntry, values: Sequence[StoredValue]) -> None:
        """Check one entry and its private values, and move on to it."""
        if not self.seq or entry.stream != self.stream:
            self.end()
            self.stream, self.seq, self.hash = entry.stream, 0, genesis(self.keys.log_id, entry.stream)
            self.verdict.streams += 1
        self.verdict.entries += 1
        body = self._check_body(entry)
        self._check_chain(entry)
        self._check_values(entry, body, values)
        self._replay(entry, body)
        self.seq, self.hash = entry.seq, entry.hash

    def end(self) -> None:
        """The stream is over: what is gone and was never said to be erased was taken."""
        for seq, name in self.gone:
            self.verdict.found(Fault(
                FaultKind.VALUE, self.stream, seq, f"the private value {name!r} is gone, and no entry says that it was erased"))
        self.gone = []

    def _replay(self, entry: StoredEntry, body: Mapping[str, Any]) -> None:
        if body.get("given"):
            self.verdict.given += 1
        if entry.act == Act.VALUES_ERASED.value:
            self._excuse(body.get("facts"))
        changes = body.get("change")
        if changes and isinstance(changes, dict):
            state = self.verdict.state.setdefault(entry.stream, {})
            state.update({name: pair[1] for name, pair in changes.items() if isinstance(pair, list) and len(pair) == 2})

    def _excuse(self, facts: Any) -> None:
        """An erasure names how far it reaches; staff names stay unless it says that everything went."""
        up_to = facts.get("up_to") if isinstance(facts, dict) else None
        if isinstance(up_to, int):
            with_names = facts.get("with_names") is True
            left = [item for item in self.gone if item[0] > up_to or (item[1] == ACTOR_NAME and not with_names)]
            self.verdict.erased += len(self.gone) - len(left)
            self.gone = left

    def _fault(self, kind: FaultKind, entry: StoredEntry, what: str) -> None:
        self.verdict.found(Fault(kind, entry.stream, entry.seq, what))

    def _check_body(self, entry: StoredEntry) -> dict[str, Any]:
        body = parse_body(entry.body)
        if body is None or not _is_canonical(entry.body, body):
            self._fault(FaultKind.BODY, entry, "the stored text is not as it was written")
            return body or {}
        get = body.get
        if (get("id") != entry.uid or get("stream") != entry.stream or get("seq") != entry.seq or get("act") != entry.act
                or get("actor") != entry.actor_uid or get("about") != entry.about or get("ts") != microseconds(entry.recorded_at)):
            self._fault(FaultKind.COLUMNS, entry, f"the columns differ from what was recorded ({', '.join(_differing(entry, body))})")
        if body.get("log") != self.keys.log_id:
            self.verdict.foreign += 1
            self._fault(FaultKind.KEY, entry, "it was written under other keys or in another installation")
        return body

    def _check_chain(self, entry: StoredEntry) -> None:
        if entry.seq != self.seq + 1:
            self._fault(FaultKind.SEQUENCE, entry, _gap(self.seq, entry.seq))
        if entry.prev != self.hash:
            self._fault(FaultKind.LINK, entry, "it does not follow from the entry before it")
        if entry.hash != entry_hash(entry.prev, entry.body):
            self._fault(FaultKind.HASH, entry, "its text was changed after it was written (hash)")
        key = self.keys.macs.get(entry.kid)
        if key is None or not hmac.compare_digest(entry.mac, mac(key, entry.hash)):
            self._fault(FaultKind.MAC, entry, "it was not written by this program, or changed since (MAC)")

    def _check_values(self, entry: StoredEntry, body: Mapping[str, Any], values: Sequence[StoredValue]) -> None:
        commitments = body.get("priv")
        commitments = commitments if isinstance(commitments, dict) else {}
        for item in values:
            promised = commitments.get(item.field)
            if promised is None:
                self._fault(FaultKind.VALUE, entry, f"the private value {item.field!r} was added afterwards")
            elif item.value is None:
                self._fault(FaultKind.VALUE, entry, f"the private value {item.field!r} cannot be opened: it or its key was altered")
            elif promised != _recommit(item):
                self._fault(FaultKind.VALUE, entry, f"the private value {item.field!r} was altered")
        self.verdict.values += len(values)  # a field has one value: the database's key
        if gone := commitments.keys() - {item.field for item in values}:
            self.gone += [(entry.seq, name) for name in sorted(gone)]


def checks_alone(body: bytes, prev: bytes, hash_: bytes, kid: int, mac_: bytes, keys: Keys) -> str:
    """What is wrong with one entry by itself: "", "hash" or "mac"."""
    if hash_ != entry_hash(prev, body):
        return "hash"
    key = keys.macs.get(kid)
    return "" if key is not None and hmac.compare_digest(mac_, mac(key, hash_)) else "mac"


def check_head(stream: str, seq: int, hash_: bytes, last: bytes | None, keys: Keys) -> Fault | None:
    """A stream's head against the entry it names (`last`: that entry's hash, None if it is not there)."""
    if last == hash_ or (seq == 0 and hash_ == genesis(keys.log_id, stream)):
        return None
    if last is None:
        return Fault(FaultKind.HEAD, stream, seq, "the last entry is missing: the end of the stream was deleted or its head altered")
    return Fault(FaultKind.HEAD, stream, seq, "the head of the stream was altered")


def _differing(entry: StoredEntry, body: Mapping[str, Any]) -> list[str]:
    expected = {
        "id": entry.uid, "stream": entry.stream, "seq": entry.seq, "act": entry.act, "actor": entry.actor_uid, "about": entry.about,
        "ts": microseconds(entry.recorded_at),
    }
    return [name for name, value in expected.items() if body.get(name) != value]


def _is_canonical(stored: bytes, body: dict[str, Any]) -> bool:
    try:
        return written(body) == stored
    except ValueError:
        return False


def _recommit(item: StoredValue) -> str | None:
    try:
        return commitment(item.salt, item.entry_uid, item.field, item.value or "")
    except ValueError:
        return None


def _gap(before: int, found: int) -> str:
    if found <= before:
        return f"the number {found} comes after {before}: an entry was inserted or moved"
    missing = str(before + 1) if found == before + 2 else f"{before + 1} to {found - 1}"
    return f"entry {missing} before it is missing"
