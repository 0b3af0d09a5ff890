"""Where the sealer stands: the last checkpoint, what waits, and the notes that are to leave the machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit.models import AuditCheckpoint, AuditEntry, AuditQueue
from ticketing.core.database import db


@dataclass(frozen=True, slots=True)
class Seals:
    """The last checkpoint (0 and None before the first), and how many entries wait, the oldest since when."""

    number: int
    size: int
    root: str
    sealed_at: datetime | None
    waiting: int
    oldest_at: datetime | None


def seals() -> Seals:
    last = db.session.execute(
        sa.select(AuditCheckpoint.number, AuditCheckpoint.size, AuditCheckpoint.root, AuditCheckpoint.sealed_at)
        .order_by(AuditCheckpoint.number.desc()).limit(1)).one_or_none()
    waiting = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(AuditEntry.recorded_at))
        .select_from(AuditQueue).join(AuditEntry, AuditEntry.id == AuditQueue.entry_id)).one()
    if last is None:
        return Seals(0, 0, "", None, waiting[0], waiting[1])
    return Seals(last.number, last.size, last.root.hex(), last.sealed_at, waiting[0], waiting[1])


def notes_after(number: int, *, limit: int = 500) -> tuple[tuple[int, str], ...]:
    """(number, note) of the checkpoints after this one, oldest first."""
    rows = db.session.execute(
        sa.select(AuditCheckpoint.number, AuditCheckpoint.note).where(AuditCheckpoint.number > number)
        .order_by(AuditCheckpoint.number).limit(limit))
    return tuple((row.number, row.note) for row in rows)
