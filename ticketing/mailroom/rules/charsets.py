"""Bytes of a mail as text, whatever character set they claim: a wrong or unknown claim costs a letter, never the mail."""

from __future__ import annotations

import codecs
import re

ALIASES = {"uft-8": "utf-8", "utf8mb4": "utf-8", "unicode-1-1-utf-7": "utf-7", "cp-850": "cp850", "ks_c_5601-1987": "cp949",
           "euc-kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932", "iso-8859-1": "cp1252",
           "latin1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8", "iso-2022-jp": "iso2022_jp_ext"}
SHIFTED = re.compile(rb"\x1b(?:\$[@B]|\(J)")
WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def decode(data: bytes, claimed: str = "") -> tuple[str, bool]:
    """`data` as text, and whether every letter of it is certain.

    The claim is tried first, then UTF-8, then Windows-1252 with unknown letters replaced.
    """
    for charset in _candidates(data, claimed):
        try:
            return tidy(data.decode(charset)), charset == _known(claimed) or not claimed
        except (UnicodeError, ValueError):
            continue
    return tidy(data.decode(_known(claimed) or "cp1252", "replace")), False


def tidy(text: str) -> str:
    """Line ends as one sort; no control, no half of a letter (PostgreSQL takes neither)."""
    return CONTROLS.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")).replace("\f", "\n")


def header(value: str, *, longest: int = 300) -> str:
    """A header's words on one line: encoded words read (RFC 2047), raw 8-bit letters guessed, line breaks gone, clipped."""
    raw = value.encode("ascii", "surrogateescape") if _is_bytes(value) else value.encode("utf-8", "surrogateescape")
    text, _ = decode(raw, "iso-2022-jp" if SHIFTED.search(raw) else "")
    joined = re.sub(r"(\?=)\s+(?==\?)", r"\1", text)
    plain = " ".join(CONTROLS.sub(" ", _words(joined)).split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def _words(text: str) -> str:
    """Neighbouring words of one charset are joined as bytes first: some programs split a letter between two of them."""
    pieces: list[tuple[str, bytes]] = []
    result: list[str] = []
    end = 0

    def flush() -> None:
        result.extend(decode(data, charset)[0] for charset, data in pieces)
        pieces.clear()

    for match in WORD.finditer(text):
        if match.start() > end:
            flush()
            result.append(text[end:match.start()])
        charset, data = match[1].partition("*")[0].lower(), _unwrapped(match[2], match[3])
        if pieces and pieces[-1][0] == charset and charset != "iso-2022-jp":
            pieces[-1] = (charset, pieces[-1][1] + data)
        else:
            pieces.append((charset, data))
        end = match.end()
    flush()
    return "".join([*result, text[end:]])


def _unwrapped(way: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if way in "bB":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return codecs.decode(letters + b"=" * (-len(letters) % 4), "base64")
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), data.replace(b"_", b" "))


def _candidates(data: bytes, claimed: str) -> list[str]:
    found = [_known(claimed)]
    if SHIFTED.search(data):
        found.insert(0 if not claimed else 1, "iso2022_jp_ext")
    return [charset for charset in [*found, "utf-8"] if charset]


def _known(claimed: str) -> str:
    """The codec for a claimed name; empty if there is none that turns bytes into text."""
    name = claimed.strip().strip("\"'").lower()
    try:
        info = codecs.lookup(ALIASES.get(name, name)) if name else None
    except (LookupError, ValueError):
        return ""
    return info.name if info is not None and getattr(info, "_is_text_encoding", True) else ""


def _is_bytes(value: str) -> bool:
    return all(ord(letter) < 128 or 0xDC80 <= ord(letter) <= 0xDCFF for letter in value)
