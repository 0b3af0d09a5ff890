"""What makes a scheduler late and what an administrator should be warned of; pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

RECENT = timedelta(hours=24)
PATIENCE = timedelta(minutes=2)  # jobs wake every few seconds; two minutes without one is trouble, not a busy moment


def is_late(beat_at: datetime | None, at: datetime) -> bool:
    """Whether a job has been silent for longer than `PATIENCE`."""
    return beat_at is None or at - beat_at > PATIENCE


def first_word(name: str) -> str:
    """For the greeting of a mail."""
    return name.split()[0] if name.split() else "colleague"


def may_read_metrics(address: str | None, authorization: str, *, addresses: str, token: str) -> bool:
    """Whether a reader of /metrics may: from a listed address, or with the bearer token where one is set."""
    listed = {item.strip() for item in addresses.split(",") if item.strip()}
    given = authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else ""
    return address in listed or (bool(token) and hmac.compare_digest(given.encode(), token.encode()))


@dataclass(frozen=True, slots=True)
class Beat:
    """One job as last seen: when it ran, what it did, when the watchdog last had to wake it."""

    name: str
    at: datetime
    done: int
    failed: int
    took_ms: int
    silent_at: datetime | None
    alarmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the planned steps stand: how many are due, since when the oldest, how many were set aside or wait for somebody's answer."""

    due: int = 0
    oldest_due_at: datetime | None = None
    set_aside: int = 0
    unanswered: int = 0

    def lag(self, at: datetime) -> timedelta:
        """How long the oldest due step has waited."""
        return max(timedelta(), at - self.oldest_due_at) if self.oldest_due_at else timedelta()


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of the jobs and of the mail: when each job last ran, which should run, what waits."""

    beats: Mapping[str, datetime]
    jobs: frozenset[str]
    due: int = 0
    oldest_due_at: datetime | None = None
    stuck: int = 0
    has_mail_server: bool = True
    can_tell_files: bool = True
    is_scanner_silent: bool = False
    unsealed_at: datetime | None = None
    ladder: Ladder = Ladder()
    silences: Mapping[str, datetime] = field(default_factory=dict)


def warnings_of(signs: Signs, at: datetime) -> list[str]:
    """Sentences for an administrator, most urgent first."""
    return [*_late_jobs(signs, at), *_ladder_trouble(signs.ladder, at), *_silences(signs, at), *_unsealed(signs, at),
            *_mail_trouble(signs, at), *_file_trouble(signs)]


def _ladder_trouble(ladder: Ladder, at: datetime) -> Iterator[str]:
    if ladder.lag(at) > PATIENCE:
        minutes = int(ladder.lag(at).total_seconds() // 60)
        yield f"Escalation steps are late: {ladder.due} due, the oldest for {minutes} minutes."
    if ladder.set_aside:
        yield f"Escalation steps were set aside: {ladder.set_aside}. Open Escalations, Set aside."


def _silences(signs: Signs, at: datetime) -> Iterator[str]:
    for job, silent_at in sorted(signs.silences.items()):
        if timedelta() <= at - silent_at < RECENT:
            yield f"The job '{job}' had fallen silent and was woken: was the clock of this machine set back?"


def _unsealed(signs: Signs, at: datetime) -> Iterator[str]:
    if signs.unsealed_at is not None and is_late(signs.unsealed_at, at):
        yield "Entries of the trail wait to be sealed for longer than two minutes. Check `flask --app wsgi sealer`, then `audit verify`."


def _late_jobs(signs: Signs, at: datetime) -> Iterator[str]:
    for job in sorted(signs.jobs):
        beat_at = signs.beats.get(job)
        if beat_at is None:
            yield f"The job '{job}' has never run. Start `flask --app wsgi worker`."
        elif is_late(beat_at, at):
            minutes = int((at - beat_at).total_seconds() // 60)
            yield f"The job '{job}' last ran {minutes} minutes ago. Check that `flask --app wsgi worker` is running."


def _mail_trouble(signs: Signs, at: datetime) -> Iterator[str]:
    if signs.oldest_due_at is not None and is_late(signs.oldest_due_at, at):
        yield f"Mail is waiting: {signs.due} due in the outbox and not delivered."
    if signs.stuck:
        yield f"Mail needs a person's eye: {signs.stuck} could not be delivered. Open the delivery page."
    if not signs.has_mail_server:
        yield "No mail server is set: mail waits in the outbox. Set SMTP_URL."


def _file_trouble(signs: Signs) -> Iterator[str]:
    if not signs.can_tell_files:
        yield "Files cannot be taken: the system library libmagic is missing. On Debian: apt-get install libmagic1."
    if signs.is_scanner_silent:
        yield "The virus scanner does not answer: new files wait in quarantine. Check the daemon at CLAMD_URL."
