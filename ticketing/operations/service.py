"""Beats of the jobs, and the trail's newest checkpoint for the auditor's mailbox."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.audit import queries as trail
from ticketing.core.database import atomic, db, insert_once
from ticketing.operations.models import Heartbeat
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage


@atomic
def beat(name: str, *, at: datetime) -> None:
    """Note that the job `name` ran at `at`; an older moment never replaces a newer one."""
    if not insert_once(Heartbeat, {"name": name, "at": at}, conflict=["name"]):
        db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == name, Heartbeat.at < at).values(at=at))


@atomic
def mail_checkpoint(address: str, *, at: datetime) -> None:
    """Queue the newest checkpoint of the trail for the auditor's mailbox, once a day."""
    last = trail.seals()
    if last.sealed_at is None:
        return
    [(_, note)] = trail.notes_after(last.number - 1)
    outbox.queue(NewMessage(
        "checkpoint", address, "Auditor", "Checkpoint of the trail", "checkpoint.txt", {"note": note}, f"checkpoint:{at.date()}"), at=at)
