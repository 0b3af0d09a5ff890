"""When each job last ran, so that a silent scheduler is seen."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model


class Heartbeat(Model):
    """The last beat of one job, on whichever machine ran it."""

    __tablename__ = "heartbeats"
    __audited__: ClassVar[bool] = False

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    took_ms: Mapped[int] = mapped_column(default=0)
    silent_at: Mapped[datetime | None]  # when the watchdog last found it silent and woke it: the clock was set back, or it hung
    alarmed_at: Mapped[datetime | None]  # when the alarm about its silence went out; None once it beats again
