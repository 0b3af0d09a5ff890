"""ClamAV by its own protocol: a file is sent to the daemon in pieces, and the daemon's word is read; nothing is run or written."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

import structlog
from flask import current_app

from ticketing.core.errors import DomainError

PIECE = 64 * 1024
LONGEST_ANSWER = 4096
Judge = Callable[[bytes], tuple[bool | None, str]]  # whether it is clean (None: the scanner gave no word), and what was found
log = structlog.get_logger()


class Unscanned(DomainError):
    """The scanner did not answer, or not with a verdict."""

    status = 503


class Verdict(StrEnum):
    """What the scanner said."""

    CLEAN = "clean"
    FOUND = "found"


def scan(data: bytes, url: str, *, seconds: float) -> tuple[Verdict, str]:
    """The verdict of the daemon at `url` (tcp://host:port or unix:///path), and the name of what it found.  Raises Unscanned."""
    try:
        with _connect(url, seconds) as line:
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), PIECE):
                piece = data[start:start + PIECE]
                line.sendall(struct.pack("!I", len(piece)) + piece)
            line.sendall(struct.pack("!I", 0))
            said = _answer(line)
    except OSError as error:
        raise Unscanned(f"The virus scanner cannot be reached ({type(error).__name__}).") from error
    return _read(said)


def scanner() -> Judge:
    """How files are judged here: by the daemon where one is set; without one every file that was looked at is taken."""
    url, seconds = current_app.config["CLAMD_URL"], current_app.config["CLAMD_SECONDS"]
    return (lambda data: _judged(data, url, seconds)) if url else (lambda data: (True, ""))  # noqa: ARG005


def _judged(data: bytes, url: str, seconds: int) -> tuple[bool | None, str]:
    try:
        verdict, name = scan(data, url, seconds=seconds)
    except Unscanned as error:
        log.warning("scanner.silent", error=type(error.__cause__ or error).__name__)
        return None, ""
    return verdict is Verdict.CLEAN, name


def is_there(url: str, *, seconds: float) -> bool:
    """Whether the daemon answers."""
    try:
        with _connect(url, seconds) as line:
            line.sendall(b"zPING\0")
            return _answer(line) == "PONG"
    except OSError:
        return False


def _connect(url: str, seconds: float) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(seconds)
        try:
            line.connect(parts.path)
        except OSError:
            line.close()
            raise
        return line
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 3310), timeout=seconds)


def _answer(line: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\0") and len(said) < LONGEST_ANSWER:
        more = line.recv(1024)
        if not more:
            break
        said += more
    return said.rstrip(b"\0\n").decode("ascii", "replace")


def _read(said: str) -> tuple[Verdict, str]:
    words = said.removeprefix("stream: ")
    if words == "OK":
        return Verdict.CLEAN, ""
    if words.endswith(" FOUND"):
        return Verdict.FOUND, words.removesuffix(" FOUND")[:100]
    raise Unscanned("The virus scanner gave no verdict on this file.")
