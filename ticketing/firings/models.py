"""Escalation rules as dated versions, and their planned firings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.core.database import Model
from ticketing.firings.rules import Cause, FiringState


class EscalationRule(Model):
    """A rule people know by its name; what it does is in its versions."""

    __tablename__ = "escalation_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)


class RuleVersion(Model):
    """What a rule does from `effective_at` on; immutable, so that a firing can always be explained."""

    __tablename__ = "rule_versions"
    __table_args__ = (UniqueConstraint("rule_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("escalation_rules.id"))
    version: Mapped[int]
    level: Mapped[int]  # the ladder's rung: a lower one gives way to a higher one that is due too
    trigger: Mapped[dict[str, Any]]
    conditions: Mapped[dict[str, Any]]
    actions: Mapped[dict[str, Any]]
    effective_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]

    rule: Mapped[EscalationRule] = relationship(lazy="joined", innerjoin=True)


class Firing(Model):
    """One step of one rule for one timer of one cycle, planned for `fire_at`; fires once, whatever sweeps."""

    __tablename__ = "firings"
    __audited__ = False  # the plan is derived; what a firing does is audited on the case
    __table_args__ = (
        UniqueConstraint("case_id", "cycle", "timer_key", "rule_version_id", "step", "occurrence", name="uq_firings_once"),
        Index("ix_firings_planned", "rule_version_id", sqlite_where=text("state = 'planned'"), postgresql_where=text("state = 'planned'")),
        Index("ix_firings_failed", "fired_at", "id", sqlite_where=text("state = 'failed'"), postgresql_where=text("state = 'failed'")),
        Index("ix_firings_due", "fire_at", "id", sqlite_where=text("state = 'planned'"), postgresql_where=text("state = 'planned'")),
        Index("ix_firings_case_id", "case_id"),
        Index("ix_firings_fired_at", "fired_at", "id"),
        Index("ix_firings_unanswered", "answer_by_at", sqlite_where=text("answer_by_at IS NOT NULL"),
              postgresql_where=text("answer_by_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    cycle: Mapped[int]
    timer_key: Mapped[str] = mapped_column(String(120))  # target/subject/occurrence@pack; one word for rules without a timer
    rule_version_id: Mapped[int] = mapped_column(ForeignKey("rule_versions.id"))
    step: Mapped[int] = mapped_column(default=1)
    occurrence: Mapped[int] = mapped_column(default=1)
    fire_at: Mapped[datetime]
    due_at: Mapped[datetime]  # what `fire_at` was reckoned from: the timer's due moment, or the moment of a silence or an event
    state: Mapped[FiringState] = mapped_column(default=FiringState.PLANNED)
    fired_at: Mapped[datetime | None]
    is_late: Mapped[bool] = mapped_column(default=False)
    cause: Mapped[Cause] = mapped_column(default=Cause.NONE)  # why it was superseded
    note: Mapped[str] = mapped_column(default="")  # what it did, gave way to, or failed of, in a sentence
    told: Mapped[list[str]] = mapped_column(default=list)  # staff by uid, others by address; the outbox proves that it reached them
    answer_by_at: Mapped[datetime | None]  # somebody told must acknowledge it by then, else it moves up; None once nobody need
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(32))  # staff uid
    moved_up: Mapped[int] = mapped_column(default=0)  # how many levels it rose because nobody acknowledged it

    rule_version: Mapped[RuleVersion] = relationship(lazy="joined", innerjoin=True)


class Replanning(Model):
    """Somebody's order to plan the open cases anew under the rules in force; worked through in batches, by case id."""

    __tablename__ = "replannings"
    __audited__ = False  # asking for it and finishing it are on the trail; this is only how far it has come

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    rule_code: Mapped[str] = mapped_column(String(40))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(32))  # staff uid
    last_case_id: Mapped[int] = mapped_column(default=0)
    cases: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
