"""What becomes of a message: its states, how long to wait after which trouble, and when to give up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any

from ticketing.audit.rules import clean, plain

HOURLY_CAP = 40  # messages to one address an hour; beyond it they wait, so that no storm or loop floods anybody
CAP_WAIT = timedelta(minutes=15)
DIGEST = "digest"  # the kind of a mail that gathers others
DIGEST_WAIT = timedelta(hours=1)  # at most one digest an hour ...
DIGEST_WAIT_FIRST = timedelta(minutes=5)  # ... unless something dated by law heads it
LEASE = timedelta(minutes=10)  # longer than a batch may take; after it another deliverer may take over
GIVE_UP_AFTER = timedelta(days=5)  # as mail servers do (RFC 5321, 4.5.4.1)
MOST_AMBIGUOUS = 3  # each may have arrived: copies are worse than asking a person
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
BACK_OFF_UNREACHABLE = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10))  # the server is at fault, not the message


class MessageState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # will be tried again
    DEAD = "dead"  # will not, unless a person says so
    WITHHELD = "withheld"  # may not go to this recipient (any more)
    GATHERED = "gathered"  # a line of a digest that has not left yet


class Outcome(StrEnum):
    """How one attempt ended, as far as we know."""

    STARTED = "started"
    ACCEPTED = "accepted"
    REFUSED = "refused"  # 5xx: this message will never be taken
    REFUSED_FOR_NOW = "refused_for_now"  # 4xx
    UNREACHABLE = "unreachable"  # the server never got as far as the message
    UNKNOWN = "unknown"  # the connection broke on the way: it may have arrived
    INTERRUPTED = "interrupted"  # we stopped before we could note the answer: it may have arrived
    UNWRITTEN = "unwritten"  # the text could not be made


AMBIGUOUS = frozenset({Outcome.UNKNOWN, Outcome.INTERRUPTED})
STATE_WORDS: dict[MessageState, str] = {
    MessageState.QUEUED: "Waiting to be sent",
    MessageState.SENDING: "Being sent",
    MessageState.SENT: "Delivered to the mail server",
    MessageState.FAILED: "Not delivered yet, will be tried again",
    MessageState.DEAD: "Not delivered, given up",
    MessageState.WITHHELD: "Held back",
    MessageState.GATHERED: "Goes into one mail with others",
}


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to queue.  `subject` must hold nothing personal; the text is made from `templates/emails/<template>` when it is sent.

    With a `url` it is a call to another system instead.  `is_first`: never kept waiting for less than law's sake; heads a digest.
    `dedup_key`: at most one message ever has it.  `compartment`: it is about a sealed part of the case, of which the list of
    messages tells its members alone.  `context` holds JSON values; moments and codes are written as text.
    """

    kind: str
    recipient_email: str
    recipient_name: str
    subject: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    dedup_key: str = ""
    case_reference: str | None = None
    staff_uid: str | None = None
    compartment: str | None = None
    not_before: datetime | None = None
    url: str | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A message's words, made for its recipient at the moment of sending."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What to do with a message after a failed attempt; `next_attempt_at` is None when it is given up."""

    state: MessageState
    next_attempt_at: datetime | None
    reason: str


def fate_of(outcome: Outcome, reason: str, *, attempts: int, ambiguous: int, waiting_since: datetime, at: datetime) -> Fate:
    """After the `attempts`-th attempt, of which `ambiguous` may have arrived, ended in `outcome`."""
    if outcome is Outcome.REFUSED:
        return Fate(MessageState.DEAD, None, f"Refused for good: {reason}")
    if ambiguous >= MOST_AMBIGUOUS:
        return Fate(MessageState.DEAD, None, f"Tried {ambiguous} times without a clear answer, so it may have arrived: {reason}")
    if at - waiting_since >= GIVE_UP_AFTER:
        return Fate(MessageState.DEAD, None, f"Given up after {GIVE_UP_AFTER.days} days: {reason}")
    waits = BACK_OFF_UNREACHABLE if outcome is Outcome.UNREACHABLE else BACK_OFF
    return Fate(MessageState.FAILED, at + waits[min(attempts, len(waits)) - 1], reason)


def over_budget(message: NewMessage, sent: int, budget: int) -> bool:
    """Whether a person who was sent `sent` notices within the hour gets this one as a line of a digest.

    What law dates has a budget of its own on top, so that no flood of reminders can keep it back.
    """
    return message.staff_uid is not None and message.url is None and sent >= budget * (2 if message.is_first else 1)


def one_line(text: str) -> str:
    """Fit for a header: no line breaks, no NUL, no longer than a mail program shows."""
    return " ".join(clean(text).split())[:200]


def storable(value: Any) -> Any:
    """`value` as JSON that both databases keep: moments as ISO text, codes by their value, no NUL."""
    if isinstance(value, Mapping):
        return {str(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return plain(value) if isinstance(value, str | date | Enum) else value
