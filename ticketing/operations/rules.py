"""What makes a scheduler late and what an administrator should be warned of; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

PATIENCE = timedelta(minutes=2)  # jobs wake every few seconds; two minutes without one is trouble, not a busy moment


def is_late(beat_at: datetime | None, at: datetime) -> bool:
    """Whether a job has been silent for longer than `PATIENCE`."""
    return beat_at is None or at - beat_at > PATIENCE


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


def warnings_of(signs: Signs, at: datetime) -> list[str]:
    """Sentences for an administrator, most urgent first."""
    return [*_late_jobs(signs, at), *_unsealed(signs, at), *_mail_trouble(signs, at), *_file_trouble(signs)]


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
