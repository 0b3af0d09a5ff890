"""The demo's mailbox: every mail that was sent, as it was sent, from the folder in which the catch-all keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from ticketing.core.paging import Page
from ticketing.reports.rules import is_file_name, moment_in

PAGE = 20


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail in full.  `name` is its file's."""

    name: str
    came_at: datetime
    sender: str
    recipient: str
    subject: str
    text: str
    message_id: str


def caught(
    folder: Path, *, to: str = "", after: str | None = None, may_show: Callable[[str], bool] = lambda _: True,
) -> Page[CaughtMail]:
    """A page of mails, newest first; `to` narrows to recipients whose address holds these letters, `may_show` judges a Message-ID."""
    names = sorted((path.name for path in folder.glob("*.eml") if is_file_name(path.name)), reverse=True) if folder.is_dir() else []
    if after is not None and is_file_name(after):
        names = [name for name in names if name < after]
    found: list[CaughtMail] = []
    for name in names:
        mail = _read(folder / name)
        if to.casefold() in mail.recipient.casefold() and may_show(mail.message_id):
            found.append(mail)
        if len(found) > PAGE:
            break
    return Page(tuple(found[:PAGE]), next=found[PAGE - 1].name if len(found) > PAGE else None)




def _read(path: Path) -> CaughtMail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what the default policy makes
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    return CaughtMail(
        path.name, moment_in(path.name), str(message["From"]), str(message["To"]), str(message["Subject"]), str(text).strip(),
        str(message["Message-ID"] or "").strip())
