"""The keys this process was given, and the data keys of streams as they can be opened with them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

from flask import current_app

from ticketing.audit.rules import Keys, keys_of
from ticketing.audit.rules.notes import SealKey, Verifier, log_name
from ticketing.audit.rules.vault import Locked, unwrap


def log_keys() -> Keys:
    """From AUDIT_KEYS, or where that is empty from SECRET_KEY."""
    return keys_of(current_app.config["AUDIT_KEYS"], current_app.config["SECRET_KEY"])


def open_key(stream: str, kid: int | None, wrapped: bytes | None, wraps: Mapping[int, bytes]) -> bytes | None:
    """The data key of a stream, or None where there is none that these keys can open."""
    if kid is None or wrapped is None:
        return None
    try:
        return unwrap(wrapped, stream, kid, wraps)
    except Locked:
        return None


def verifiers(signing: Iterable[SealKey]) -> tuple[Verifier, ...]:
    """The public keys that belong to these, under this log's name."""
    name = log_name(log_keys().log_id)
    return tuple(Verifier(name, key.public) for key in signing)


def seal_keys() -> tuple[SealKey, ...]:
    """What this process signs checkpoints with: the lines of AUDIT_SEAL_KEY_FILE; outside production one made from SECRET_KEY.

    Empty where this process is not the sealer.  While a key is changed the file holds the old and the new one, and both sign.
    """
    config = current_app.config
    if config["AUDIT_SEAL_KEY_FILE"]:
        try:
            lines = Path(config["AUDIT_SEAL_KEY_FILE"]).read_text(encoding="ascii").splitlines()
        except PermissionError:  # the key is the sealer's, and this process is not the sealer
            return ()
        return tuple(SealKey.parse(line) for line in lines if line.strip() and not line.startswith("#"))
    if config["REDRESS_ENV"] == "production":
        return ()
    return (SealKey(hmac.digest(config["SECRET_KEY"].encode(), b"redress/audit/seal/v1", "sha256")),)
