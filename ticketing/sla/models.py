"""Typed SLA events, the pins that fix which law and calendar a case runs under, and timers: a cache of `reckon`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model
from ticketing.core.permissions import ActorKind


class SlaPin(Model):
    """Pack version, calendar version and zone that one cycle of a case is reckoned under; publishing new ones moves nothing.

    A case runs under its main pack, and under more where more than one law applies (a complaint about care and about its data).
    """

    __tablename__ = "sla_pins"
    __table_args__ = (UniqueConstraint("case_id", "cycle", "pack"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    cycle: Mapped[int]
    pack: Mapped[str] = mapped_column(String(40))
    pack_version: Mapped[str] = mapped_column(String(40))
    calendar: Mapped[str] = mapped_column(String(40))
    calendar_version: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(64))
    case_type: Mapped[str] = mapped_column(String(40))
    is_anonymous: Mapped[bool]
    is_oral: Mapped[bool]
    is_main: Mapped[bool] = mapped_column(default=True)


class SlaEvent(Model):
    """Something that happened to a case and that a target may depend on: `occurred_at` in the world, `recorded_at` here."""

    __tablename__ = "sla_events"
    __table_args__ = (Index("ix_sla_events_case_id_cycle", "case_id", "cycle"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    cycle: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(32), default="")
    actor_kind: Mapped[ActorKind]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_void: Mapped[bool] = mapped_column(default=False)  # a receipt moment that was corrected: kept, no longer reckoned


class Timer(Model):
    """One SLA target of one pack running on one cycle (and subject) of one case.  A cache of sla.rules.reckon; `sla recheck` proves it."""

    __tablename__ = "timers"
    __audited__ = False  # derived from the events, which are audited
    __table_args__ = (
        UniqueConstraint("case_id", "cycle", "pack", "target", "subject", "occurrence", name="uq_timers_once"),
        Index("ix_timers_next_breach", "due_at", sqlite_where=text("state = 'running' AND met_at IS NULL"),
              postgresql_where=text("state = 'running' AND met_at IS NULL")),
        Index("ix_timers_running", "due_at", sqlite_where=text("state IN ('running', 'breached') AND met_at IS NULL"),
              postgresql_where=text("state IN ('running', 'breached') AND met_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    cycle: Mapped[int]
    pack: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(32), default="")
    occurrence: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    met_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    breach_noted_at: Mapped[datetime | None]  # the missed moment that the case's trail already tells of
    held_since: Mapped[datetime | None]
    breach_reason: Mapped[str | None] = mapped_column(String(40))
    reckoned_at: Mapped[datetime]
