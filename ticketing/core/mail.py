"""Handing one message to an SMTP server: the transport, and nothing about whom or why."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it leaves; `message_id` is stable over retries."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str | None = None
    written_at: datetime | None = None


class Trouble(StrEnum):
    """Why a message was not taken, as far as it matters for trying again."""

    REFUSED = "refused"  # 5xx for this message: trying again cannot help
    REFUSED_FOR_NOW = "refused_for_now"  # 4xx
    UNREACHABLE = "unreachable"  # no message was offered: the server is down, or does not accept us
    UNKNOWN = "unknown"  # the connection broke on the way: the message may have arrived


class Undeliverable(Exception):
    """The server did not take the message, or we cannot know."""

    def __init__(self, reason: str, trouble: Trouble) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trouble = trouble


def compose(mail: Mail) -> EmailMessage:
    """As RFC 5322, marked as automatic so that no machine answers it (RFC 3834).  Raises ValueError for an address that is none."""
    if mail.recipient.split() != [mail.recipient]:
        raise ValueError("an address holds no spaces")
    message = EmailMessage()
    message["Message-ID"] = mail.message_id
    message["From"] = mail.sender
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = mail.subject
    if mail.written_at is not None:
        message["Date"] = mail.written_at
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


def send(mail: Mail, smtp_url: str) -> str:
    """Deliver over `smtp_url` (as the README says; smtps://... for TLS from the start, ?starttls=1); returns the server's answer.

    Raises Undeliverable with a reason a person can read.
    """
    message = _compose(mail)
    server = _reach(smtp_url)
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _refused(code, reason) from error
    except smtplib.SMTPSenderRefused as error:  # our own address is not accepted: the settings are at fault, not the message
        raise Undeliverable(f"{error.smtp_code} {_readable(error.smtp_error)}", Trouble.UNREACHABLE) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Undeliverable("The mail server cannot take this address or this text.", Trouble.REFUSED) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Undeliverable(f"The connection broke while sending ({type(error).__name__}).", Trouble.UNKNOWN) from error
    finally:
        _hang_up(server)
    return "accepted"


def _compose(mail: Mail) -> EmailMessage:
    try:
        return compose(mail)
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable("The address or the subject cannot be written in a message.", Trouble.REFUSED) from error


def _reach(smtp_url: str) -> smtplib.SMTP:
    """Whatever goes wrong before a message is offered, a wrong password included, is not the message's fault."""
    try:
        return _connect(smtp_url)
    except smtplib.SMTPResponseException as error:
        reason = f"The mail server does not accept us: {error.smtp_code} {_readable(error.smtp_error)}"
        raise Undeliverable(reason, Trouble.UNREACHABLE) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Undeliverable(f"The mail server could not be reached ({type(error).__name__}).", Trouble.UNREACHABLE) from error


def _refused(code: int, reason: bytes | str) -> Undeliverable:
    return Undeliverable(f"{code} {_readable(reason)}", Trouble.REFUSED if code >= 500 else Trouble.REFUSED_FOR_NOW)


def _hang_up(server: smtplib.SMTP) -> None:
    """What goes wrong after the answer no longer matters."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _connect(smtp_url: str) -> smtplib.SMTP:
    parts = urlsplit(smtp_url)
    host, port = parts.hostname or "localhost", parts.port
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port or 25, timeout=TIMEOUT_SECONDS)
    try:
        if "starttls=1" in parts.query:
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def _readable(reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return " ".join(text.split())[:300]
