"""Checkpoints as signed notes (C2SP tlog-checkpoint and signed-note): what the tree was at one moment, in a few lines of text.

    redress/<log>            which trail
    1234                     how many entries are sealed
    <root, base64>
    sealed 2026-03-03T09:30:00+00:00

    — redress/<log> <key id and Ed25519 signature, base64>
"""

from __future__ import annotations

import base64
import hashlib
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SEALED = "sealed "
DASH = "\u2014 "


class BadNote(ValueError):
    """A text that is no checkpoint, or a key that is none."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key that signs checkpoints, as only the sealer holds it."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise BadNote("A sealing key is 32 random bytes in base64: make one with `flask --app wsgi audit new-seal-key`.")

    @classmethod
    def parse(cls, text: str) -> SealKey:
        """From one line of base64."""
        return cls(_bytes(text.strip()))

    @property
    def public(self) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(text)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under the name it signs for; written as `name+key id+key`."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        name, _, rest = text.strip().partition("+")  # base64 has a + of its own
        key_id, _, rest = rest.partition("+")
        key = _bytes(rest)
        known = cls(name, key[1:])
        if not name or key[:1] != ED25519 or len(key) != 33 or known.key_id.hex() != key_id:
            raise BadNote(f"{text.strip()[:80]!r} is not a key of the trail.")
        return known

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def accepts(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one note says."""

    log_id: str
    size: int
    root: bytes
    sealed_at: datetime
    signatures: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return log_name(self.log_id)

    @property
    def text(self) -> str:
        moment = self.sealed_at.astimezone(UTC).isoformat()
        return f"{self.name}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{SEALED}{moment}\n"

    def signed(self, keys: Iterable[SealKey]) -> str:
        """The whole note."""
        lines = []
        for key in keys:
            signature = Verifier(self.name, key.public).key_id + key.sign(self.text.encode())
            lines.append(f"{DASH}{self.name} {base64.b64encode(signature).decode()}\n")
        return f"{self.text}\n{''.join(lines)}"

    def is_signed_by(self, verifiers: Iterable[Verifier]) -> bool:
        """Whether one of these keys signed it, and none of them is put under it falsely."""
        found = [known.accepts(self.text.encode(), self.signatures[known.key_id])
                 for known in verifiers if known.name == self.name and known.key_id in self.signatures]
        return bool(found) and all(found)


def log_name(log_id: str) -> str:
    return f"redress/{log_id}"


def read_note(note: str) -> Checkpoint:
    """The checkpoint in a note; raises BadNote unless the text is byte for byte what a sealer writes.  Signatures are not judged here."""
    text, _, rest = note.partition("\n\n")
    lines = text.split("\n")
    if len(lines) != 4 or not lines[0].startswith("redress/") or not lines[3].startswith(SEALED):
        raise BadNote("This is not a checkpoint of the trail.")
    try:
        found = Checkpoint(lines[0].removeprefix("redress/"), int(lines[1]), _bytes(lines[2]),
                           datetime.fromisoformat(lines[3].removeprefix(SEALED)), _signatures(lines[0], rest))
        is_same = found.sealed_at.tzinfo is not None and found.text == text + "\n" and len(found.root) == 32 and found.size >= 0
    except (ValueError, OverflowError) as error:
        raise BadNote("This is not a checkpoint of the trail.") from error
    if not is_same:
        raise BadNote("This is not a checkpoint as the sealer writes one.")
    return found


def _signatures(name: str, rest: str) -> dict[bytes, bytes]:
    found = {}
    lines = rest.split("\n")
    if lines.pop() or not lines:
        raise BadNote("The signatures of this checkpoint cannot be read.")
    for line in lines:
        prefix = f"{DASH}{name} "
        signed = _bytes(line.removeprefix(prefix)) if line.startswith(prefix) else b""
        if len(signed) != 68:
            raise BadNote("A signature of this checkpoint cannot be read.")
        found[signed[:4]] = signed[4:]
    return found


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise BadNote(f"{text[:12]!r}... is not base64.") from error
    if base64.b64encode(data).decode() != text:
        raise BadNote(f"{text[:12]!r}... is not written as base64 is.")
    return data
