"""Private values under lock: each stream has a data key of its own, itself wrapped by a key from the settings.

The salt of a value's commitment lies inside what is encrypted: destroying a stream's data key also takes the salts with it, in
every old copy of the database too, and a commitment without its salt says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE, SALT = 12, 32


class Locked(Exception):
    """A value or a key that cannot be opened: wrong key, or changed since."""


def wrap(data_key: bytes, stream: str, kid: int, wraps: Mapping[int, bytes], nonce: bytes) -> bytes:
    """The data key of `stream` under the key `kid` of the settings; `nonce` is fresh and random."""
    return _lock(wraps[kid], data_key, f"{stream}|{kid}", nonce)


def unwrap(wrapped: bytes, stream: str, kid: int, wraps: Mapping[int, bytes]) -> bytes:
    """Raises Locked."""
    if kid not in wraps:
        raise Locked
    return _unlock(wraps[kid], wrapped, f"{stream}|{kid}")


def seal_value(data_key: bytes, entry_uid: str, field: str, salt: bytes, value: str, nonce: bytes) -> bytes:
    """`nonce` is fresh and random."""
    return _lock(data_key, salt + value.encode(), f"{entry_uid}|{field}", nonce)


def open_value(data_key: bytes, entry_uid: str, field: str, sealed: bytes) -> tuple[bytes, str]:
    """(salt, value); raises Locked."""
    opened = _unlock(data_key, sealed, f"{entry_uid}|{field}")
    try:
        return opened[:SALT], opened[SALT:].decode()
    except UnicodeDecodeError as error:
        raise Locked from error


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _lock(key: bytes, plain: bytes, about: str, nonce: bytes) -> bytes:
    return nonce + _cipher(key).encrypt(nonce, plain, about.encode())


def _unlock(key: bytes, locked: bytes, about: str) -> bytes:
    try:
        return _cipher(key).decrypt(locked[:NONCE], locked[NONCE:], about.encode())
    except (InvalidTag, ValueError) as error:
        raise Locked from error
