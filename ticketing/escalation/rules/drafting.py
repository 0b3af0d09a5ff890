"""What a simulation tries: another pack, a target with another number, closed days, another rule, somebody who stands in; plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ticketing.core.errors import Invalid
from ticketing.firings.rules import Actions, Conditions, RuleDraft, Trigger
from ticketing.packs.rules import Pack, TargetCode, Unit, read_pack

MOST_DAYS = 60
LONGEST = {
    Unit.WORKING_DAYS: 400, Unit.CALENDAR_DAYS: 600, Unit.MONTHS: 60, Unit.WORKING_HOURS: 4000, Unit.HOURS: 20_000}


@dataclass(frozen=True, slots=True)
class TargetChange:
    """One target of one pack with another number, counted in `unit`."""

    pack: str
    target: TargetCode
    amount: int
    unit: Unit

    def check(self) -> None:
        """Raises Invalid, naming the form's field."""
        most = LONGEST.get(self.unit)
        if most is None:
            raise Invalid("A target with a number cannot be counted in agreed dates. Choose days, months or hours.", field="unit")
        if not 1 <= self.amount <= most:
            raise Invalid(f"Enter a whole number from 1 to {most}.", field="amount")


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule as it would be: `code` names the one it takes the place of, empty for a new one; `draft` None switches it off."""

    code: str
    draft: RuleDraft | None


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """Days on which a calendar would be closed; `is_public` if the law would count them as holidays too."""

    calendar: str
    days: tuple[date, ...]
    is_public: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that would be otherwise; what is left out stays as it is today."""

    targets: tuple[TargetChange, ...] = ()
    pack_text: str = ""
    calendar_uid: str = ""         # a drafted version of a calendar, in place of the versions of the same code
    closed: ClosedDays | None = None
    rules: tuple[RuleChange, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)  # who is told: whom instead (uids)

    @property
    def is_empty(self) -> bool:
        return not (self.targets or self.pack_text.strip() or self.calendar_uid or self.closed or self.rules or self.stand_ins)

    def check(self) -> None:
        """Raises Invalid with a sentence and the form's field for what cannot be tried."""
        if self.is_empty:
            raise Invalid("Change at least one thing: a target, the policy, closed days, a rule or who stands in.", field="name")
        for change in self.targets:
            change.check()
        for rule in self.rules:
            if rule.draft is not None:
                rule.draft.check()
        if self.pack_text.strip():
            read_pack_text(self.pack_text)
        if self.closed and not 1 <= len(self.closed.days) <= MOST_DAYS:
            raise Invalid(f"Give from 1 to {MOST_DAYS} days, one on each line.", field="days")
        for away, instead in self.stand_ins.items():
            if away == instead:
                raise Invalid("Choose two different people.", field="instead")

    def to_json(self) -> dict[str, Any]:
        return {
            "targets": [{"pack": item.pack, "target": item.target.value, "amount": item.amount, "unit": item.unit.value}
                        for item in self.targets],
            "pack_text": self.pack_text, "calendar_uid": self.calendar_uid,
            "closed": {"calendar": self.closed.calendar, "days": [day.isoformat() for day in self.closed.days],
                       "is_public": self.closed.is_public} if self.closed else None,
            "rules": [{"code": item.code, "draft": _rule_to_json(item.draft) if item.draft else None} for item in self.rules],
            "stand_ins": dict(self.stand_ins),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Draft:
        closed = data.get("closed")
        return cls(
            tuple(TargetChange(item["pack"], TargetCode(item["target"]), int(item["amount"]), Unit(item["unit"]))
                  for item in data.get("targets", ())),
            str(data.get("pack_text") or ""), str(data.get("calendar_uid") or ""),
            ClosedDays(closed["calendar"], tuple(date.fromisoformat(day) for day in closed["days"]), bool(closed["is_public"]))
            if closed else None,
            tuple(RuleChange(item["code"], _rule_from_json(item["draft"]) if item["draft"] else None) for item in data.get("rules", ())),
            dict(data.get("stand_ins", {})))


def read_pack_text(text: str) -> Pack:
    """The pack in a TOML text; Invalid says what is wrong in it."""
    try:
        return read_pack(text, "the draft")
    except Invalid as error:
        raise Invalid(error.message, field="pack_text") from None


def with_changes(pack: Pack, changes: tuple[TargetChange, ...]) -> Pack:
    """The pack with these targets counted otherwise; one that had no number gets its first."""
    mine = {change.target: change for change in changes if change.pack == pack.code}
    if not mine:
        return pack
    return replace(pack, targets=tuple(
        replace(target, amount=mine[target.code].amount, unit=mine[target.code].unit, why_no_number="")
        if target.code in mine else target for target in pack.targets))


def _rule_to_json(draft: RuleDraft) -> dict[str, Any]:
    return {"name": draft.name, "level": draft.level, "trigger": draft.trigger.to_json(), "conditions": draft.conditions.to_json(),
            "actions": draft.actions.to_json()}


def _rule_from_json(data: Mapping[str, Any]) -> RuleDraft:
    return RuleDraft(data["name"], data["level"], Trigger.from_json(data["trigger"]), Conditions.from_json(data["conditions"]),
                     Actions.from_json(data["actions"]))
