"""What makes a scheduler late and what an administrator should be warned of; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

PATIENCE = timedelta(minutes=2)  # jobs wake every few seconds; two minutes without one is trouble, not a busy moment


def is_late(beat_at: datetime | None, at: datetime) -> bool:
    """Whether a job has been silent for longer than `PATIENCE`."""
    return beat_at is None or at - beat_at > PATIENCE


def warnings_of(beats: Mapping[str, datetime], jobs: frozenset[str], waiting: int, has_mail_server: bool, at: datetime) -> list[str]:
    """Sentences for an administrator; `waiting` is how many messages are due and not yet delivered."""
    found = []
    for job in sorted(jobs):
        beat_at = beats.get(job)
        if beat_at is None:
            found.append(f"The job '{job}' has never run. Start `flask --app wsgi worker`.")
        elif is_late(beat_at, at):
            minutes = int((at - beat_at).total_seconds() // 60)
            found.append(f"The job '{job}' last ran {minutes} minutes ago. Check that `flask --app wsgi worker` is running.")
    if waiting:
        found.append(f"{waiting} message{'' if waiting == 1 else 's'} due in the outbox not yet delivered.")
    if not has_mail_server:
        found.append("No mail server is set: mail waits in the outbox. Set SMTP_URL.")
    return found
