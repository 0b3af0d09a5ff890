"""Files on disk behind three calls, put, open and delete: each under a random name of our own, never under one that somebody gave it.

An object store is another class with the same calls.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flask import current_app

from ticketing.core.errors import DomainError, NotFound
from ticketing.core.references import is_uid, new_uid

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoRoom(DomainError):
    """The disk is full."""

    status = 507


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk."""

    root: Path

    def put(self, data: bytes) -> str:
        """Keep these bytes; returns the key to open them by.  Raises NoRoom, having left nothing behind."""
        key = new_uid()
        path = self._path(key)
        part = path.with_suffix(".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(part, data)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in FULL:
                raise NoRoom("There is no room left for files just now, so nothing of this was saved. Send it again without the files, "
                             "or tell your administrator.", field="files") from error
            raise
        return key

    def open(self, key: str) -> BinaryIO:
        """The bytes kept under `key`; NotFound if they are not there."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("This file is not there any more.") from None

    def delete(self, key: str) -> None:
        """Forget the bytes; deleting twice is deleting."""
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Every key there is, for the check of files against rows."""
        return (path.name for path in sorted(self.root.glob("??/*")) if is_uid(path.name))

    def _path(self, key: str) -> Path:
        if not is_uid(key):
            raise NotFound("This file is not there any more.")
        return self.root / key[:2] / key


def store() -> Folder:
    """Where this program keeps its files."""
    return Folder(Path(current_app.config["FILES_FOLDER"]))


def _write(path: Path, data: bytes) -> None:
    """On the disk before the row that names it is committed."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
