"""Delivering what is due: claim, judge, write, send outside any transaction, note the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from flask import current_app
from jinja2 import TemplateNotFound

from ticketing.core import mail
from ticketing.core.batch import Tally, until_empty
from ticketing.core.mail import Mail, Trouble, Undeliverable
from ticketing.outbox import queries, service
from ticketing.outbox.queries import MessageRow
from ticketing.outbox.rules import BACK_OFF_UNREACHABLE, DIGEST, Content, Outcome

Transport = Callable[[Mail], str]
MayRelease = Callable[[MessageRow], str | None]
Render = Callable[[MessageRow], Content]
Call = Callable[[MessageRow, datetime], str]
Send = Callable[[MessageRow, Content, datetime], str]

OUTCOMES = {
    Trouble.REFUSED: Outcome.REFUSED,
    Trouble.REFUSED_FOR_NOW: Outcome.REFUSED_FOR_NOW,
    Trouble.UNREACHABLE: Outcome.UNREACHABLE,
    Trouble.UNKNOWN: Outcome.UNKNOWN,
}
NOT_DELIVERED = {"failed", "dead", "unreachable"}
log = structlog.get_logger()


def deliver(at: datetime, *, smtp_url: str, mail_from: str, may_release: MayRelease, render: Render, call: Call | None = None) -> Tally:
    """Deliver everything due at `at`; without an address of a mail server, mail waits.

    `may_release` says why a message may not go (None: it may); `render` makes its words for its recipient, now; `call` calls another
    system and returns its answer.
    """
    transport = partial(mail.send, smtp_url=smtp_url) if smtp_url else None
    if transport is not None:
        service.gather(at=at)
    return until_empty(
        lambda: deliver_batch(at=at, mail_from=mail_from, transport=transport, may_release=may_release, render=render, call=call))


def deliver_batch(
    *, at: datetime, mail_from: str, transport: Transport | None, may_release: MayRelease, render: Render, call: Call | None = None,
    limit: int = 20,
) -> Tally:
    """Claim up to `limit` messages and try each once; an unreachable mail server ends the batch and the rest go back."""
    tally = Tally()
    claimed = service.claim(at=at, limit=limit, with_mail=transport is not None, with_calls=call is not None)
    for position, message in enumerate(claimed):
        send = partial(_send_mail, mail_from=mail_from, transport=transport) if message.url is None else partial(_call, call=call)
        outcome = _deliver(message, at=at, send=send, may_release=may_release, render=render)
        tally.count(outcome)
        tally.failed += outcome in NOT_DELIVERED
        tally.done += outcome not in NOT_DELIVERED
        if outcome == Outcome.UNREACHABLE and message.url is None:
            service.put_back(claimed[position + 1 :], wait=BACK_OFF_UNREACHABLE[0], at=at)
            break
    return tally


def render_mail(message: MessageRow) -> Content:
    """The words of `templates/emails/<template>.txt`, and of its `.html` beside it if there is one."""
    values = {
        "message": message, "lines": queries.gathered(message.uid) if message.kind == DIGEST else (),
        "organisation": current_app.config["ORGANISATION"], "public_url": current_app.config["PUBLIC_URL"],
        **message.context,
    }
    text = current_app.jinja_env.get_template(f"emails/{message.template}.txt").render(values).strip() + "\n"
    try:
        page = current_app.jinja_env.get_template(f"emails/{message.template}.html")
    except TemplateNotFound:
        return Content(message.subject, text)
    return Content(message.subject, text, page.render(values))


def _deliver(message: MessageRow, *, at: datetime, send: Send, may_release: MayRelease, render: Render) -> str:
    """One message, once; the outcome's word."""
    try:
        reason = may_release(message) or (None if message.kind != DIGEST else _why_no_digest(message, may_release, at=at))
        content = Content("", "") if reason or message.url else render(message)
    except Exception as error:  # noqa: BLE001 - one message that cannot be written must not keep the others from leaving
        log.error("outbox.unwritten", kind=message.kind, message=message.uid, error=type(error).__name__)
        why = f"Its text could not be written ({type(error).__name__})."
        return service.note_failed(message, None, Outcome.UNWRITTEN, why, at=at).value
    if reason:
        service.withhold(message, reason, at=at)
        return "withheld"
    return _send(message, content, at=at, send=send)


def _why_no_digest(digest: MessageRow, may_release: MayRelease, *, at: datetime) -> str | None:
    """Each line of a digest is judged like a mail of its own; a digest of which no line may go does not go."""
    lines = queries.gathered(digest.uid)
    reasons = [may_release(line) for line in lines]
    for line, reason in zip(lines, reasons, strict=True):
        if reason:
            service.withhold(line, reason, at=at)
    return None if None in reasons else "None of what it tells of may be told any more."


def _send(message: MessageRow, content: Content, *, at: datetime, send: Send) -> str:
    attempt_id = service.begin_attempt(message, at=at)
    if attempt_id is None:
        return "late"
    try:
        answer = send(message, content, at)
    except Undeliverable as error:
        outcome = OUTCOMES[error.trouble]
        log.warning("outbox.not_delivered", kind=message.kind, message=message.uid, outcome=outcome.value)
        state = service.note_failed(message, attempt_id, outcome, error.reason, at=at)
        return outcome.value if outcome is Outcome.UNREACHABLE else state.value
    return "sent" if service.note_sent(message, attempt_id, answer, at=at) else "late"


def _send_mail(message: MessageRow, content: Content, at: datetime, *, mail_from: str, transport: Transport | None) -> str:
    if transport is None:
        raise Undeliverable("No mail server is set.", Trouble.UNREACHABLE)
    return transport(
        Mail(message.message_id, mail_from, message.recipient_email, content.subject, content.text, content.html, written_at=at))


def _call(message: MessageRow, content: Content, at: datetime, *, call: Call | None) -> str:  # noqa: ARG001 - as a mail is sent
    if call is None:
        raise Undeliverable("Nothing can be called from here.", Trouble.UNREACHABLE)
    return call(message, at)
