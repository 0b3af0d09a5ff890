"""The form of a simulation: what would be otherwise, and on which months it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from wtforms import BooleanField

from ticketing.core.errors import Invalid
from ticketing.escalation.forms.ladder import KINDS, RUNGS
from ticketing.escalation.rules.drafting import ClosedDays, Draft, RuleChange, TargetChange
from ticketing.firings.rules import Actions, Conditions, OffsetUnit, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.packs.rules import TargetCode, Unit
from ticketing.web.forms import Form, LineField, ManyField, NumberField, PickField, TextField

MONTHS = {"24": "The last 24 months", "12": "The last 12 months", "6": "The last 6 months", "3": "The last 3 months"}
AS_IT_IS = {"": "As it is"}
UNITS = {Unit.WORKING_DAYS.value: "working days", Unit.CALENDAR_DAYS.value: "calendar days", Unit.MONTHS.value: "months",
         Unit.WORKING_HOURS.value: "working hours", Unit.HOURS.value: "hours round the clock"}
TIMED = {kind: words for kind, words in KINDS.items() if TriggerKind(kind).has_timer}
NEW, OFF = "new", "off"


class SimulationForm(Form):
    """Everything may stay as it is but one thing."""

    name = LineField("Name", most=80, missing="Give the simulation a name.", description="For example: acknowledge within 2 working days.")
    months = PickField("Played on cases received in", choices=MONTHS)
    target = PickField("Target", is_required=False)
    amount = NumberField("New number", is_required=False, least=1, most=9999)
    unit = PickField("Counted in", is_required=False, choices=UNITS)
    pack_draft = PickField("A drafted policy", is_required=False, description="Drafts are written under Policies.")
    pack_text = TextField("Or a policy file", is_required=False, most=200_000, description="The whole text of a policy pack (TOML).")
    calendar_draft = PickField("A drafted calendar", is_required=False)
    calendar = PickField("Close days in the calendar", is_required=False)
    days = TextField("Days", is_required=False, most=2000, description="One on each line, such as 27/12/2026 or 2026-12-27.")
    is_public = BooleanField("The law counts them as public holidays",
                             description="Leave it empty where only this place is shut: then statutory targets do not move.")
    rule = PickField("Rule", is_required=False)
    change = PickField("What changes", is_required=False, choices={"": "When it fires, or whom it tells", OFF: "It is switched off"})
    kind = PickField("When it fires", is_required=False, choices={**AS_IT_IS, **TIMED})
    number = NumberField("How much", is_required=False, most=9999, description="Percent of the time, or how many working days or hours.")
    offset = PickField("Counted in", is_required=False, choices={item.value: item.label for item in OffsetUnit})
    level = PickField("Rung of the ladder", is_required=False, choices={**AS_IT_IS, **RUNGS})
    notify = ManyField("Whom it tells", is_required=False, choices={item.value: item.label for item in Recipient},
                       description="Tick none to leave it as it is.")
    away = PickField("What would come to", is_required=False)
    instead = PickField("Goes to", is_required=False)

    def offer(self, targets: Mapping[str, str], packs: Mapping[str, str], calendars: Mapping[str, str], drafts: Mapping[str, str],
              rules: Mapping[str, str], staff: Mapping[str, str]) -> None:
        """What there is to choose from; a form without it cannot be checked."""
        self.target.choices, self.pack_draft.choices = {**AS_IT_IS, **targets}, {"": "None", **packs}
        self.calendar.choices, self.calendar_draft.choices = {**AS_IT_IS, **calendars}, {"": "None", **drafts}
        self.rule.choices = {**AS_IT_IS, NEW: "A new rule", **rules}
        self.away.choices = self.instead.choices = {"": "Nobody", **staff}

    def draft(self, pack_text: str, rules: Mapping[str, RuleDraft]) -> Draft:
        """What was filled in; raises Invalid, naming the field.  `pack_text` is that of the chosen draft, `rules` those in force."""
        draft = Draft(
            targets=self._targets(), pack_text=pack_text or self.pack_text.data or "", calendar_uid=self.calendar_draft.data or "",
            closed=self._closed(), rules=self._rules(rules), stand_ins=self._stand_ins())
        draft.check()
        return draft

    def _targets(self) -> tuple[TargetChange, ...]:
        if not self.target.data:
            return ()
        if self.amount.data is None:
            raise Invalid("Enter the new number for this target.", field="amount")
        pack, code = self.target.data.split("/")
        return (TargetChange(pack, TargetCode(code), self.amount.data, Unit(self.unit.data)),)

    def _closed(self) -> ClosedDays | None:
        if not self.calendar.data:
            return None
        days = tuple(_day(line.strip()) for line in (self.days.data or "").splitlines() if line.strip())
        return ClosedDays(self.calendar.data, days, bool(self.is_public.data))

    def _rules(self, rules: Mapping[str, RuleDraft]) -> tuple[RuleChange, ...]:
        code = self.rule.data
        if not code:
            return ()
        if code != NEW and self.change.data == OFF:
            return (RuleChange(code, None),)
        if code == NEW:
            return (RuleChange("", self._new_rule()),)
        was = rules[code]
        return (RuleChange(code, replace(was, level=int(self.level.data or was.level), trigger=self._trigger() or was.trigger,
                                         actions=self._told(was.actions))),)

    def _new_rule(self) -> RuleDraft:
        trigger = self._trigger()
        if trigger is None:
            raise Invalid("Choose when the new rule fires.", field="kind")
        if not self.notify.data:
            raise Invalid("Choose whom the new rule tells.", field="notify")
        return RuleDraft(self.name.data or "", int(self.level.data or 2), trigger, Conditions(), self._told(Actions()))

    def _trigger(self) -> Trigger | None:
        kind = self.kind.data
        if not kind:
            return None
        if self.number.data is None and kind != TriggerKind.BREACH:
            raise Invalid("Enter how much: percent of the time, or how many working days or hours.", field="number")
        return Trigger.from_json({
            "kind": kind, "number": 0 if kind == TriggerKind.BREACH else self.number.data,
            "unit": self.offset.data if kind in (TriggerKind.BEFORE_DUE, TriggerKind.AFTER_DUE) else None})

    def _told(self, actions: Actions) -> Actions:
        return replace(actions, notify=tuple(role for role in Recipient if role.value in self.notify.data)) if self.notify.data else actions

    def _stand_ins(self) -> Mapping[str, str]:
        if not (self.away.data or self.instead.data):
            return {}
        if not (self.away.data and self.instead.data):
            raise Invalid("Choose both: whose messages, and to whom they go.", field="instead" if self.away.data else "away")
        return {self.away.data: self.instead.data}


def _day(text: str) -> date:
    try:
        if "/" in text:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day))
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text[:20]}” is not a day. Write it like 27/12/2026.", field="days") from None
