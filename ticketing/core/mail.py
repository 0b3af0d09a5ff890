"""Handing one message to an SMTP server: the transport, and nothing about whom or why."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
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


class Undeliverable(Exception):
    """The server did not take the message.  `is_final` when trying again cannot help (5xx)."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


def compose(mail: Mail) -> EmailMessage:
    """As RFC 5322, marked as automatic so that no machine answers it (RFC 3834)."""
    message = EmailMessage()
    message["Message-ID"] = mail.message_id
    message["From"] = mail.sender
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


def send(mail: Mail, smtp_url: str) -> str:
    """Deliver over `smtp_url` (smtp://user:pass@host:port, smtps://... for TLS from the start, ?starttls=1); returns the server's answer.

    Raises Undeliverable with a reason a person can read.
    """
    try:
        with _connect(smtp_url) as server:
            refused = server.send_message(compose(mail))
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise Undeliverable(f"{code} {_readable(reason)}", is_final=code >= 500) from error
    except smtplib.SMTPResponseException as error:
        raise Undeliverable(f"{error.smtp_code} {_readable(error.smtp_error)}", is_final=error.smtp_code >= 500) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Undeliverable(f"The mail server could not be reached ({type(error).__name__}).", is_final=False) from error
    return "accepted" if not refused else "partly accepted"


def _connect(smtp_url: str) -> smtplib.SMTP:
    parts = urlsplit(smtp_url)
    host, port = parts.hostname or "localhost", parts.port
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port or 25, timeout=TIMEOUT_SECONDS)
    if "starttls=1" in parts.query:
        server.starttls(context=ssl.create_default_context())
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _readable(reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return " ".join(text.split())[:300]
