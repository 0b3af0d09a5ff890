"""The rota of each team; and simulations: what was tried, how far it has come, what came of it, what its shadow would have done."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model


class SimulationState(StrEnum):
    """`stopped` by somebody before it was finished; a failed one says why in its progress."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class Simulation(Model):
    """A draft played on the cases received from `first_on` to `last_on`, against the policy of the day it was asked for."""

    __tablename__ = "simulations"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str]
    draft: Mapped[dict[str, Any]]
    against: Mapped[dict[str, Any]]  # the rules and pack versions it was compared with
    first_on: Mapped[date]
    last_on: Mapped[date]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[SimulationState] = mapped_column(default=SimulationState.RUNNING)
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    shadow_since: Mapped[datetime | None]
    shadow_until: Mapped[datetime | None]


class SimulationProgress(Model):
    """How far a simulation, or its shadow, has come: the last case and the sums so far; any worker may go on from here."""

    __tablename__ = "simulation_progress"
    __audited__ = False  # derived from cases; the simulation itself is audited

    simulation_id: Mapped[int] = mapped_column(ForeignKey("simulations.id"), primary_key=True)
    last_case_id: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    whole: Mapped[int] = mapped_column(default=0)
    sums: Mapped[dict[str, Any]]
    milliseconds: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(default="")
    shadowed_at: Mapped[datetime | None]  # up to when the shadow has followed


class SimulationCase(Model):
    """A target of a case that ends otherwise under the draft: met that was missed, or missed that was met."""

    __tablename__ = "simulation_cases"
    __audited__ = False  # derived from cases; read only through the case's own visibility
    __table_args__ = (Index("ix_simulation_cases_simulation_id", "simulation_id", "is_shadow", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    simulation_id: Mapped[int] = mapped_column(ForeignKey("simulations.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    is_shadow: Mapped[bool] = mapped_column(default=False)
    cycle: Mapped[int]
    pack: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(32), default="")
    occurrence: Mapped[int] = mapped_column(default=1)
    state_before: Mapped[str] = mapped_column(String(20))
    state_after: Mapped[str] = mapped_column(String(20))
    due_before: Mapped[datetime | None]
    due_after: Mapped[datetime | None]
    met_at: Mapped[datetime | None]


class ShadowFiring(Model):
    """A step the draft would have taken on a real case since its shadow began: recorded, never acted upon."""

    __tablename__ = "shadow_firings"
    __audited__ = False  # nothing was done
    __table_args__ = (
        Index("ix_shadow_firings_simulation_id_fired_at", "simulation_id", "fired_at", "id"),
        Index("ix_shadow_firings_planned", "simulation_id", "fire_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    simulation_id: Mapped[int] = mapped_column(ForeignKey("simulations.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    cycle: Mapped[int]
    timer_key: Mapped[str] = mapped_column(String(120))
    rule: Mapped[str]
    level: Mapped[int]
    fire_at: Mapped[datetime]
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]  # None while it is only planned
    told: Mapped[list[str]] = mapped_column(default=list)


class DutyShift(Model):
    """One person's hours for a team each week, as "09:00"; `ends` at or before `starts` is on the next day."""

    __tablename__ = "duty_shifts"
    __table_args__ = (Index("ix_duty_shifts_team_id", "team_id", "weekday"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    weekday: Mapped[int]  # Monday is 0
    starts: Mapped[str] = mapped_column(String(5))
    ends: Mapped[str] = mapped_column(String(5))
