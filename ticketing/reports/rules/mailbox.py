"""How the demo's mailbox names what it keeps: the newest name sorts last, and a name is an address on the page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

NAME = re.compile(r"\d{8}T\d{12}-[0-9a-z]{1,64}\.eml")


def file_name(at: datetime, message_id: str) -> str:
    """`20261124T091500000000-0f3a...eml`; the same mail at the same moment has the same name."""
    plain = "".join(letter for letter in message_id.lower().split("@")[0] if letter.isascii() and letter.isalnum())
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S%f}-{plain[:64] or 'x'}.eml"


def is_file_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def moment_in(name: str) -> datetime:
    """When the mail came, from the name of its file."""
    return datetime.strptime(name[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
