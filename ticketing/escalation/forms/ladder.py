"""The forms of the escalation pages: a rule as people fill it in, and the filters of the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import BooleanField

from ticketing.codes.rules import CaseType, Code, Severity
from ticketing.core.errors import Invalid
from ticketing.firings.rules import TARGET_NOUNS, Actions, Conditions, OffsetUnit, Reassign, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.firings.rules.reading import EVENT_WORDS, target_label
from ticketing.firings.rules.words import LONGEST_NAME, LONGEST_TASK
from ticketing.web.forms import ChoiceField, Form, LineField, ManyField, NumberField, PickField, TextField, VersionField

RUNGS = {"1": "1: a first reminder", "2": "2: a warning", "3": "3: an urgent warning", "4": "4: missed", "5": "5: long missed"}
KINDS = {
    TriggerKind.PERCENT.value: "When a share of the time is used",
    TriggerKind.BEFORE_DUE.value: "Some time before it is due",
    TriggerKind.BREACH.value: "When it is breached",
    TriggerKind.AFTER_DUE.value: "Some time after it was due, if it is still missing",
    TriggerKind.EVENT.value: "When something happens on the case",
    TriggerKind.NO_ACTIVITY.value: "When nothing happens on the case",
}
TARGETS = {target.value: target_label(target) for target in TARGET_NOUNS}
ALL_OF_THEM = "Tick none for all of them."


def _offered(kind: type[Code]) -> dict[str, str]:
    return {item.value: f"{item.label[:1].upper()}{item.label[1:]}" for item in kind}


class RuleForm(Form):
    """One rule: when it fires, for which cases, what it does."""

    seen = VersionField()
    name = LineField("Name", most=LONGEST_NAME, missing="Give the rule a name.", description="People read it in mails and on the trail.")
    level = PickField("Rung of the ladder", choices=RUNGS, missing="Choose a rung.",
                      description="When two steps of one target are due at once, the lower gives way to the higher.")
    kind = ChoiceField("When", choices=KINDS, missing="Choose when the rule fires.")
    number = NumberField("How much", is_required=False, most=9999,
                         description="Percent of the time, or how many working days or hours. Leave it empty where no amount is needed.")
    unit = PickField("Counted in", is_required=False, choices=_offered(OffsetUnit), description="For time before or after it is due.")
    event = PickField("What happens", is_required=False,
                      choices={"": "Not for this rule", **{kind.value: words.capitalize() for kind, words in EVENT_WORDS.items()}})
    targets = ManyField("For these targets", is_required=False, choices=TARGETS, description=ALL_OF_THEM)
    case_types = ManyField("For these kinds of case", is_required=False, choices=_offered(CaseType), description=ALL_OF_THEM)
    severities = ManyField("For these severities", is_required=False, choices=_offered(Severity), description=ALL_OF_THEM)
    sites = ManyField("At these sites", is_required=False, description=ALL_OF_THEM)
    teams = ManyField("In these teams", is_required=False, description=ALL_OF_THEM)
    only_danger = BooleanField("Only where somebody may be in danger")
    notify = ManyField("Tell", is_required=False, choices=_offered(Recipient),
                       description="Whoever is on leave is stood in for. Nobody named in the concern is told.")
    staff = TextField("Tell these people too", is_required=False, most=2000, description="Their work e-mail addresses, one on each line.")
    reassign = PickField("Give the case", is_required=False, choices={"": "To nobody else", **_offered(Reassign)})
    priority = PickField("Priority", is_required=False, choices={"": "As it is", "1": "Raise it", "2": "Make it urgent"})
    task = LineField("Add this task", is_required=False, most=LONGEST_TASK,
                     description="For the handler, or for the team while nobody has the case.")
    asks_reason = BooleanField("Ask why the target was breached", description="Adds a task to give the reason.")

    def offer(self, sites: Mapping[str, str], teams: Mapping[str, str]) -> None:
        """The sites and teams there are, by id; a form without their names cannot be checked."""
        self.sites.choices, self.teams.choices = dict(sites), dict(teams)

    def show(self, draft: RuleDraft, emails: Sequence[str]) -> None:
        """Fill in a rule as it is."""
        trigger, conditions, actions = draft.trigger, draft.conditions, draft.actions
        shown: dict[str, Any] = {
            "name": draft.name, "level": str(draft.level), "kind": trigger.kind.value, "number": trigger.number or None,
            "unit": trigger.unit.value if trigger.unit else OffsetUnit.WORKING_DAYS.value,
            "event": trigger.event.value if trigger.event else "", "targets": [item.value for item in conditions.targets],
            "case_types": [item.value for item in conditions.case_types], "severities": [item.value for item in conditions.severities],
            "sites": [str(item) for item in conditions.site_ids], "teams": [str(item) for item in conditions.team_ids],
            "only_danger": conditions.only_danger, "notify": [item.value for item in actions.notify], "staff": "\n".join(emails),
            "reassign": actions.reassign.value if actions.reassign else "", "priority": str(actions.priority or ""), "task": actions.task,
            "asks_reason": actions.asks_reason,
        }
        for name, value in shown.items():
            self[name].data = value

    @property
    def emails(self) -> list[str]:
        return [line.strip() for line in (self.staff.data or "").splitlines() if line.strip()]

    def draft(self, staff_uids: Sequence[str]) -> RuleDraft:
        """What was filled in; raises Invalid, naming the field, for what cannot be used together."""
        draft = RuleDraft(self.name.data or "", int(self.level.data), self._trigger(), self._conditions(), self._actions(staff_uids))
        draft.check()
        return draft

    def _trigger(self) -> Trigger:
        kind, number = self.kind.data, self.number.data
        if number is None and kind not in (TriggerKind.BREACH, TriggerKind.EVENT):
            raise Invalid("Enter how much: percent of the time, or how many working days or hours.", field="number")
        return Trigger.from_json({
            "kind": kind, "number": 0 if kind in (TriggerKind.BREACH, TriggerKind.EVENT) else number,
            "unit": self.unit.data if kind in (TriggerKind.BEFORE_DUE, TriggerKind.AFTER_DUE) else None,
            "event": self.event.data if kind == TriggerKind.EVENT else None})

    def _conditions(self) -> Conditions:
        return Conditions.from_json({
            "targets": self.targets.data, "case_types": self.case_types.data, "severities": self.severities.data,
            "site_ids": [int(item) for item in self.sites.data or ()], "team_ids": [int(item) for item in self.teams.data or ()],
            "only_danger": self.only_danger.data})

    def _actions(self, staff_uids: Sequence[str]) -> Actions:
        return Actions.from_json({
            "notify": self.notify.data, "staff_uids": list(staff_uids), "reassign": self.reassign.data or None,
            "priority": int(self.priority.data) if self.priority.data else None, "task": self.task.data,
            "asks_reason": self.asks_reason.data})


class FilterForm(Form):
    """What the list of steps is narrowed to; read from the address."""

    class Meta(Form.Meta):
        csrf = False

    target = PickField("Target", is_required=False, choices={"": "Every target", **TARGETS})
    rule = PickField("Rule", is_required=False)
    reference = LineField("Case", is_required=False, most=40)

    def offer(self, rules: Mapping[str, str]) -> None:
        """The rules there are, by code."""
        self.rule.choices = {"": "Every rule", **rules}
