"""What somebody sends as a file, looked at before it is kept: its size, what it really is, what it would unpack to; pictures drawn anew."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from ticketing.core.errors import DomainError, Invalid

MOST_PIXELS = 40_000_000
MOST_UNPACKED = 50 * 1024 * 1024
MOST_PACKED_FILES = 2_000
MOST_RATIO = 200  # unpacked to packed; a text document stays under 50
LONGEST_NAME = 120
NO_LIBRARY = "Files cannot be taken just now: this server has no library that tells what a file is (libmagic). Send it without the files."
UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')

Rework = Callable[[str, bytes], bytes]


class Unavailable(DomainError):
    """This server cannot look at files."""

    status = 503


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of file that is taken: what people call it, what it is kept as, and what libmagic may say of it."""

    words: str
    media_type: str
    sniffed: frozenset[str]
    rework: Rework


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that may be kept."""

    name: str
    media_type: str
    data: bytes


def check(name: str, stream: BinaryIO, *, most_bytes: int) -> Checked:
    """Look at one file; raises Invalid with what is wrong with it, Unavailable where this server cannot tell."""
    known = clean_name(name)
    ending = known.rpartition(".")[2].casefold() if "." in known else ""
    kind = KINDS.get(ending)
    if kind is None:
        raise Invalid(f"“{known}” is a sort of file we cannot take. We take {SORTS}.", field="files")
    data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Invalid(f"“{known}” is too large: at most {most_bytes // 1024 // 1024} MB for each file.", field="files")
    if not data:
        raise Invalid(f"“{known}” is empty. Choose it again.", field="files")
    if sniff(data) not in kind.sniffed:
        raise Invalid(f"“{known}” is not {kind.words}, although its name says so. Save it anew and send that.", field="files")
    return Checked(known, kind.media_type, kind.rework(known, data))


def clean_name(name: str) -> str:
    """The last part of a name as it may be shown and offered again: no path, no control, no letter that turns the reading direction."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name.encode("utf-8", "ignore").decode()))[-1]
    plain = UNSAFE_IN_NAMES.sub("", last).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    short = f"{stem[:LONGEST_NAME - len(ending) - 1]}{dot}{ending}" if dot and len(ending) < 10 else plain[:LONGEST_NAME]
    return short or "file"


def sniff(data: bytes) -> str:
    """What libmagic makes of the content."""
    library = _library()
    if library is None:
        raise Unavailable(NO_LIBRARY, field="files")
    return str(library.from_buffer(data[:65536], mime=True))


def has_library() -> bool:
    return _library() is not None


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        import magic  # it looks for the system's libmagic as it is imported
    except ImportError:
        return None
    return magic


def _as_it_is(name: str, data: bytes) -> bytes:  # noqa: ARG001 - the signature
    return data


def _text(name: str, data: bytes) -> bytes:
    """Plain text stays as it is, if it is text."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        data.decode("cp1252", "replace")
    if b"\0" in data:
        raise Invalid(f"“{name}” is not plain text. Save it anew and send that.", field="files")
    return data


def _picture(name: str, data: bytes) -> bytes:
    """The picture drawn anew: whatever else was in the file, the place and the camera among it, is left behind."""
    too_many = f"“{name}” has too many pixels: at most {MOST_PIXELS // 1_000_000} million. Make it smaller."
    broken = Invalid(f"“{name}” cannot be read as a picture. Save it anew and send that.", field="files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise Invalid(too_many, field="files")
                return _drawn(picture)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Invalid(too_many, field="files") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):  # what Pillow raises for broken pictures
        raise broken from None


def _drawn(picture: Image.Image) -> bytes:
    kind = {"JPEG": "JPEG", "WEBP": "WEBP"}.get(picture.format or "", "PNG")
    upright = ImageOps.exif_transpose(picture)
    plain = upright.convert("RGB" if kind == "JPEG" or upright.mode not in {"RGBA", "LA", "P", "PA"} else "RGBA")
    out = io.BytesIO()
    plain.save(out, kind, **({"quality": 88} if kind != "PNG" else {}))
    return out.getvalue()


def _packed(name: str, data: bytes) -> bytes:
    """An office document is a zip: what it would unpack to is read from its list, and nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError, IndexError):
        raise Invalid(f"“{name}” is damaged. Save it anew and send that.", field="files") from None
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PACKED_FILES or unpacked > MOST_UNPACKED or unpacked > MOST_RATIO * len(data):
        raise Invalid(f"“{name}” unpacks to far more than it seems. Save it anew, or send it as PDF.", field="files")
    if any(_leads_away(part.filename) for part in parts):
        raise Invalid(f"“{name}” holds a file that would be written somewhere else. Send it as PDF.", field="files")
    if any(part.flag_bits & 1 for part in parts):
        raise Invalid(f"“{name}” is locked with a password. Take the password off, or send it as PDF.", field="files")
    if any(part.filename.casefold().endswith("vbaproject.bin") for part in parts):
        raise Invalid(f"“{name}” holds a program (macros). Send it as PDF.", field="files")
    return data


def _leads_away(path: str) -> bool:
    return path.startswith(("/", "\\")) or ":" in path or ".." in re.split(r"[/\\]", path)


def _office(words: str, media_type: str) -> Kind:
    return Kind(words, media_type, frozenset({media_type, "application/zip", "application/octet-stream"}), _packed)


_OOXML = "application/vnd.openxmlformats-officedocument"
_JPEG = Kind("a JPEG picture", "image/jpeg", frozenset({"image/jpeg"}), _picture)
KINDS: Mapping[str, Kind] = {
    "pdf": Kind("a PDF document", "application/pdf", frozenset({"application/pdf"}), _as_it_is),
    "jpg": _JPEG, "jpeg": _JPEG,
    "png": Kind("a PNG picture", "image/png", frozenset({"image/png"}), _picture),
    "webp": Kind("a WebP picture", "image/webp", frozenset({"image/webp"}), _picture),
    "txt": Kind("plain text", "text/plain", frozenset({"text/plain", "application/json", "text/csv"}), _text),
    "docx": _office("a Word document", f"{_OOXML}.wordprocessingml.document"),
    "xlsx": _office("an Excel sheet", f"{_OOXML}.spreadsheetml.sheet"),
    "odt": _office("an OpenDocument text", "application/vnd.oasis.opendocument.text"),
}
SORTS = "PDF, pictures (JPEG, PNG, WebP), plain text, Word, Excel and OpenDocument"
ACCEPT = ",".join(f".{ending}" for ending in KINDS)
