"""Beats of the jobs, the alarm when one has stopped, and the trail's newest checkpoint for the auditor's mailbox."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import queries as trail
from ticketing.core.database import atomic, db, insert_once
from ticketing.core.permissions import Permission, Role
from ticketing.operations.models import Heartbeat
from ticketing.operations.rules import first_word, is_late
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage


@atomic
def beat(name: str, *, at: datetime, done: int = 0, failed: int = 0, took_ms: int = 0) -> None:
    """Note that the job `name` ran at `at` and what it did; an older moment never replaces a newer one."""
    told = {"at": at, "done": done, "failed": failed, "took_ms": took_ms}
    if not insert_once(Heartbeat, {"name": name, **told}, conflict=["name"]):
        db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == name, Heartbeat.at < at).values(**told, alarmed_at=None))


@atomic
def note_silence(name: str, *, at: datetime) -> None:
    """The watchdog found the job silent and woke it; where the clock was set back, beats count from now on."""
    beat(name, at=at)
    db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == name).values(silent_at=at, at=at))


@atomic
def raise_alarms(jobs: Collection[str], *, at: datetime) -> int:
    """Tell every administrator of the jobs that stopped beating, once for each time one stops; returns how many stopped.

    Any process may ask: the row is changed by the first, and the mail has a key of its own.
    """
    stopped = 0
    for row in db.session.scalars(sa.select(Heartbeat).where(Heartbeat.name.in_(jobs), Heartbeat.alarmed_at.is_(None)).with_for_update()):
        if is_late(row.at, at):
            row.alarmed_at = at
            stopped += 1
            _tell_administrators(row.name, row.at, at)
    return stopped


def _tell_administrators(name: str, beat_at: datetime, at: datetime) -> None:
    minutes = int((at - beat_at).total_seconds() // 60)
    for person in accounts.staff_who_may(Permission.MANAGE_STAFF):
        if person.role is Role.ADMINISTRATOR:
            outbox.queue(NewMessage(
                kind="alarm", recipient_email=person.email, recipient_name=person.name, subject=f"The job {name} has stopped",
                template="alarm", context={"first_name": first_word(person.name), "job": name, "minutes": minutes},
                dedup_key=f"alarm:{name}:{beat_at.isoformat()}:{person.uid}", staff_uid=person.uid, is_first=True), at=at)


@atomic
def mail_checkpoint(address: str, *, at: datetime) -> None:
    """Queue the newest checkpoint of the trail for the auditor's mailbox, once a day."""
    last = trail.seals()
    if last.sealed_at is None:
        return
    [(_, note)] = trail.notes_after(last.number - 1)
    outbox.queue(NewMessage(
        "checkpoint", address, "Auditor", "Checkpoint of the trail", "checkpoint.txt", {"note": note}, f"checkpoint:{at.date()}"), at=at)
