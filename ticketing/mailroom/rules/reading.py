"""One mail read from its bytes, within limits of depth, parts and length; what cannot be read is said as a flaw, never raised."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import collapse_rfc2231_value, getaddresses

from ticketing.mailroom.rules import charsets

DEEPEST = 25
MOST_PARTS = 200
MOST_ADDRESSES = 50
LONGEST_TEXT = 200_000
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
MESSAGE_ID = re.compile(r"<([^<>\s]{1,250})>")
ADDRESS = re.compile(r"[^\s@<>\"',;:()\[\]\\]{1,64}@[^\s@<>\"',;:()\[\]\\]{1,255}")


@dataclass(frozen=True, slots=True)
class Party:
    """An address as the mail gives it; nothing proves that it is true."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One part that is no text to read: a file, a picture, a calendar entry, a mail within the mail."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; `flaws` are sentences for a person to read.

    `raw_page` is its HTML as it came, never to be shown before it is cleaned.  `sender` is None unless exactly one address wrote it.
    """


    digest: str
    message_id: str
    sender: Party | None
    recipients: tuple[str, ...]
    subject: str
    references: tuple[str, ...]
    text: str
    raw_page: str
    enclosures: tuple[Enclosure, ...]
    headers: tuple[tuple[str, str], ...]
    flaws: tuple[str, ...]

    def header(self, name: str) -> str:
        """The first header of that name, on one line; empty if there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")


class _Reader:
    """Gathers the parts of one mail."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.pages: list[str] = []
        self.enclosures: list[Enclosure] = []
        self.flaws: dict[str, None] = {}

    def take(self, part: Message) -> None:
        name, kind = _name(part), part.get_content_type()
        data = self._data(part)
        if kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
            text, is_certain = charsets.decode(data, _charset(part))
            if not is_certain:
                self.flaws["Its letters may not all be right: it names a character set that it does not keep to."] = None
            (self.texts if kind == "text/plain" else self.pages).append(text)
        elif data or name:
            self.enclosures.append(Enclosure(_last(name) or _unnamed(kind), kind, data))

    def _data(self, part: Message) -> bytes:
        if part.get_content_type() == "message/rfc822" or part.is_multipart():
            inner = part.get_payload()
            return b"\n".join(_bytes(one) for one in inner if isinstance(one, Message)) if isinstance(inner, list) else b""
        before = len(part.defects)
        try:
            data = part.get_payload(decode=True)
        except (ValueError, LookupError, AssertionError):
            data = str(part.get_payload()).encode("utf-8", "surrogateescape")
            before = -1
        if len(part.defects) > before:
            self.flaws["A part of it is coded wrongly; what could be read of it is shown."] = None
        return data if isinstance(data, bytes) else b""


def digest(raw: bytes) -> str:
    """What tells two mails apart that claim the same identity: SHA-256 of the bytes, line ends as one sort."""
    return hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest()


def read(raw: bytes) -> Letter:
    """The mail in `raw`; whatever is wrong with it is among its `flaws`."""
    reader = _Reader()
    try:
        message = message_from_bytes(raw)
    except (RecursionError, ValueError, LookupError, TypeError):
        message = Message()
        reader.flaws["It is built so that it cannot be read by machine. The original is kept."] = None
    for part in _parts(message, reader.flaws):
        reader.take(part)
    senders, headers = _parties(message, "From"), _headers(message)
    reader.flaws.update(dict.fromkeys(_flaws_of(message, senders)))
    text, page = "\n".join(reader.texts).strip(), "\n".join(reader.pages)
    if max(len(text), len(page)) > LONGEST_TEXT:
        reader.flaws["It is very long; its beginning is shown. The original is kept whole."] = None
    return Letter(
        digest(raw), _message_id(headers), senders[0] if len(senders) == 1 else None,
        tuple(party.email for name in ("To", "Cc", "Delivered-To") for party in _parties(message, name))[:MOST_ADDRESSES],
        charsets.header(_value(message, "Subject")), _references(headers), text[:LONGEST_TEXT], page[:LONGEST_TEXT],
        tuple(reader.enclosures), headers, tuple(reader.flaws))


def _parts(message: Message, flaws: dict[str, None]) -> Iterator[Message]:
    """Every part that is a leaf or a mail within the mail, in order; a walk of its own, as depth is the sender's choice."""
    waiting, seen = [(message, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_PARTS:
            flaws["It has more parts within parts than any mail needs; the rest was not opened. The original is kept."] = None
            return
        inner = part.get_payload() if part.is_multipart() else None
        if isinstance(inner, list) and part.get_content_maintype() != "message":
            waiting += [(one, depth + 1) for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield part


def _bytes(part: Message) -> bytes:
    try:
        return part.as_bytes()
    except (UnicodeError, ValueError, LookupError, KeyError, RecursionError, AttributeError):
        return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _name(part: Message) -> str:
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        try:
            value = part.get_param(parameter, None, header)
            found = collapse_rfc2231_value(value, "replace") if value else ""
        except (ValueError, LookupError, TypeError):
            found = ""
        if found:
            return charsets.header(str(found))
    return ""


def _last(name: str) -> str:
    """The last part of what may be a path; `core.files` makes it fit to be kept."""
    return re.split(r"[/\\]", name)[-1].strip()


def _unnamed(kind: str) -> str:
    return {"message/rfc822": "message.eml", "text/calendar": "invitation.ics", "application/ms-tnef": "winmail.dat",
            "message/delivery-status": "delivery-status.txt"}.get(kind, "part." + re.sub(r"[^a-z0-9]", "", kind.partition("/")[2])[:8])


def _charset(part: Message) -> str:
    try:
        value = part.get_param("charset", "")
        return str(collapse_rfc2231_value(value, "replace")) if value else ""
    except (ValueError, LookupError, TypeError):
        return ""


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    return tuple((key.lower(), charsets.header(str(value), longest=5_000)) for key, value in message.raw_items())[:MOST_PARTS]


def _value(message: Message, name: str) -> str:
    return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _parties(message: Message, name: str) -> tuple[Party, ...]:
    values = [str(value)[:20_000] for key, value in message.raw_items() if key.lower() == name.lower()]
    lines = [" ".join(value.encode("utf-8", "replace").decode().split()) for value in values]
    try:
        pairs = getaddresses(lines)
    except (RecursionError, ValueError, IndexError):  # comments within comments: no address anybody meant
        return ()
    found = dict.fromkeys((charsets.header(shown), email.strip()) for shown, email in pairs if len(email) <= LONGEST_ADDRESS
                          and ADDRESS.fullmatch(email.strip()))
    return tuple(Party(shown, email) for shown, email in found)


def _message_id(headers: tuple[tuple[str, str], ...]) -> str:
    value = next((value for key, value in headers if key == "message-id"), "")
    match = MESSAGE_ID.search(value)
    return match[1] if match else ""


def _references(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    values = " ".join(value for key, value in headers if key in ("in-reply-to", "references"))
    return tuple(dict.fromkeys(MESSAGE_ID.findall(values)))[:MOST_ADDRESSES]


def _flaws_of(message: Message, senders: tuple[Party, ...]) -> Iterator[str]:
    names = [key.lower() for key, _ in message.raw_items()]
    if not names:
        yield "It has no headers, so that it is not a mail as mail programs write it."
    elif not senders:
        yield "It names no sender that could be answered."
    if len(senders) > 1 or names.count("from") > 1:
        yield "It names more than one sender, so that none of them is believed."
    if len(_value(message, "Subject")) > 1_000:
        yield "Its subject is longer than any subject; its beginning is shown."
