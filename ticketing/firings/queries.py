"""Reading rules and firings as frozen rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.firings.models import EscalationRule, Firing, Replanning, RuleVersion
from ticketing.firings.rules import Actions, Conditions, FiringState, RuleDraft, Trigger

DUE_COLUMNS: tuple[Any, ...] = (
    Firing.id, Firing.uid, Firing.case_id, Firing.cycle, Firing.timer_key, Firing.occurrence, Firing.fire_at, Firing.due_at,
    Firing.rule_version_id, Firing.told, Firing.moved_up,
)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a rule; in force from `effective_at` until `retired_at`."""

    id: int
    version: int
    draft: RuleDraft
    effective_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with its newest version; `planned` is how many steps wait under it."""

    code: str
    name: str
    is_active: bool
    newest: VersionRow
    planned: int = 0


@dataclass(frozen=True, slots=True)
class DueRow:
    """A claimed step with everything that deciding and acting needs."""

    id: int
    uid: str
    case_id: int
    cycle: int
    timer_key: str
    occurrence: int
    fire_at: datetime
    due_at: datetime
    level: int
    rule_code: str
    rule_name: str
    is_rule_active: bool
    trigger: Trigger
    actions: Actions
    version: int = 1
    told: tuple[str, ...] = ()
    moved_up: int = 0

    @property
    def target(self) -> str:
        """The target's code; empty for rules without a timer."""
        return self.timer_key.split("/")[0] if self.timer_key.count("/") == 2 else ""

    @property
    def subject(self) -> str:
        return self.timer_key.split("/")[1] if self.timer_key.count("/") == 2 else ""

    @property
    def pack(self) -> str:
        """The pack of the target; empty for rules without a timer."""
        return self.timer_key.partition("@")[2]

    @property
    def timer_occurrence(self) -> int:
        return int(self.timer_key.split("/")[2].partition("@")[0]) if self.timer_key.count("/") == 2 else 0


def due_rows(query: sa.Select[Any]) -> tuple[DueRow, ...]:
    """The rows of a query over `DUE_COLUMNS`, each with the version of the rule that planned it."""
    found = db.session.execute(query).all()
    versions = {row.id: row for row in db.session.scalars(
        sa.select(RuleVersion).where(RuleVersion.id.in_({row.rule_version_id for row in found})))} if found else {}
    words = {key: (Trigger.from_json(row.trigger), Actions.from_json(row.actions)) for key, row in versions.items()}
    return tuple(_due_row(row, versions[row.rule_version_id], *words[row.rule_version_id]) for row in found)


def _due_row(row: Any, version: RuleVersion, trigger: Trigger, actions: Actions) -> DueRow:
    return DueRow(
        row.id, row.uid, row.case_id, row.cycle, row.timer_key, row.occurrence, row.fire_at, row.due_at, version.level, version.rule.code,
        version.rule.name, version.rule.is_active, trigger, actions, version.version, tuple(row.told), row.moved_up)


@dataclass(frozen=True, slots=True)
class ReplanningRow:
    """An order to plan open cases anew, and how far it has come."""

    uid: str
    rule_code: str
    last_case_id: int
    cases: int


def stale(code: str) -> int:
    """How many steps wait under versions of a rule that are not its newest."""
    newest = sa.select(sa.func.max(RuleVersion.version)).join(RuleVersion.rule).where(EscalationRule.code == code).scalar_subquery()
    return db.session.scalar(
        sa.select(sa.func.count()).select_from(Firing).join(RuleVersion, RuleVersion.id == Firing.rule_version_id).join(RuleVersion.rule)
        .where(EscalationRule.code == code, Firing.state == FiringState.PLANNED, RuleVersion.version < newest)) or 0


def replanning(code: str) -> ReplanningRow | None:
    """The order for a rule that is not done yet."""
    row = db.session.scalar(sa.select(Replanning).where(Replanning.rule_code == code, Replanning.finished_at.is_(None)).limit(1))
    return None if row is None else ReplanningRow(row.uid, row.rule_code, row.last_case_id, row.cases)


def rules() -> tuple[RuleRow, ...]:
    """Every rule with its newest version, those in force first, from the lowest rung up."""
    newest = sa.select(RuleVersion.rule_id, sa.func.max(RuleVersion.version).label("version")).group_by(RuleVersion.rule_id).subquery()
    query = sa.select(RuleVersion).join(newest, sa.and_(newest.c.rule_id == RuleVersion.rule_id, newest.c.version == RuleVersion.version))
    planned = _planned_by_rule()
    found = [_rule_row(row.rule, row, planned.get(row.rule_id, 0)) for row in db.session.scalars(query)]
    return tuple(sorted(found, key=lambda row: (not row.is_active, row.newest.draft.level, row.name)))


def rule(code: str) -> RuleRow:
    """The rule with this code; raises NotFound."""
    query = (sa.select(RuleVersion).join(RuleVersion.rule).where(EscalationRule.code == code)
             .order_by(RuleVersion.version.desc()).limit(1))
    row = db.session.scalar(query)
    if row is None:
        raise NotFound("There is no such rule. Go back to the list of rules.")
    return _rule_row(row.rule, row, _planned_by_rule().get(row.rule_id, 0))


def versions(code: str) -> tuple[VersionRow, ...]:
    """Every version of a rule, newest first."""
    query = sa.select(RuleVersion).join(RuleVersion.rule).where(EscalationRule.code == code).order_by(RuleVersion.version.desc())
    return tuple(_version_row(row) for row in db.session.scalars(query))


def _planned_by_rule() -> dict[int, int]:
    query = (sa.select(RuleVersion.rule_id, sa.func.count()).join(Firing, Firing.rule_version_id == RuleVersion.id)
             .where(Firing.state == FiringState.PLANNED).group_by(RuleVersion.rule_id))
    return {row[0]: row[1] for row in db.session.execute(query)}


def _rule_row(rule: EscalationRule, version: RuleVersion, planned: int) -> RuleRow:
    return RuleRow(rule.code, rule.name, rule.is_active, _version_row(version), planned)


def _version_row(row: RuleVersion) -> VersionRow:
    draft = RuleDraft(
        row.rule.name, row.level, Trigger.from_json(row.trigger), Conditions.from_json(row.conditions), Actions.from_json(row.actions))
    return VersionRow(row.id, row.version, draft, row.effective_at, row.retired_at)
