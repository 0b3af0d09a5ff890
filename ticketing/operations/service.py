"""Beats of the jobs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ticketing.core.database import atomic, db, insert_once
from ticketing.operations.models import Heartbeat


@atomic
def beat(name: str, *, at: datetime) -> None:
    """Note that the job `name` ran at `at`; an older moment never replaces a newer one."""
    if not insert_once(Heartbeat, {"name": name, "at": at}, conflict=["name"]):
        db.session.execute(sa.update(Heartbeat).where(Heartbeat.name == name, Heartbeat.at < at).values(at=at))
