"""The forms of the escalation pages: a rule as people fill it in, and the filters of the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import BooleanField

from ticketing.codes.rules import CaseType, Code, Severity
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Role
from ticketing.escalation.rules.duty import WEEKDAYS, Shift
from ticketing.firings.rules import (
    TARGET_NOUNS,
    Actions,
    Conditions,
    CycleKind,
    Flag,
    OffsetUnit,
    Reassign,
    Recipient,
    RuleDraft,
    Trigger,
    TriggerKind,
)
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
    packs = ManyField("Under these policies", is_required=False, description=ALL_OF_THEM)
    units = ManyField("About these units", is_required=False, description=ALL_OF_THEM)
    flags = ManyField("Where one of these is flagged", is_required=False, choices=_offered(Flag), description=ALL_OF_THEM)
    cycle = PickField("Which time round", is_required=False, choices={"": "Every time", **_offered(CycleKind)})
    min_age = NumberField("Only cases at least this many days old", is_required=False, most=3650)
    notify = ManyField("Tell", is_required=False, choices=_offered(Recipient),
                       description="Whoever is on leave is stood in for. Nobody named in the concern is told.")
    staff = TextField("Tell these people too", is_required=False, most=2000, description="Their work e-mail addresses, one on each line.")
    roles = ManyField("Tell everybody of a role", is_required=False, choices={
        Role.MANAGER.value: "Managers", Role.AUDITOR.value: "Auditors"})
    external = TextField("Tell these addresses outside", is_required=False, most=2000,
                         description="One on each line. They get the reference and what is due, nothing about a person.")
    acknowledge_within = NumberField(
        "Working hours to acknowledge it", is_required=False, most=80,
        description="If nobody who was told acknowledges it by then, it goes to the next level. Leave it empty if nobody need.")
    webhook = LineField("Call this address", is_required=False, most=500,
                        description="Begins with https:// and is on the list of systems that may be called (WEBHOOK_HOSTS).")
    reassign = PickField("Give the case", is_required=False, choices={"": "To nobody else", **_offered(Reassign)})
    priority = PickField("Priority", is_required=False, choices={"": "As it is", "1": "Raise it", "2": "Make it urgent"})
    task = LineField("Add this task", is_required=False, most=LONGEST_TASK,
                     description="For the handler, or for the team while nobody has the case.")
    asks_reason = BooleanField("Ask why the target was breached", description="Adds a task to give the reason.")

    def offer(
        self, sites: Mapping[str, str], teams: Mapping[str, str], units: Mapping[str, str], packs: Mapping[str, str],
    ) -> None:
        """The sites, teams and units there are, by id, and policies by code; a form without their names cannot be checked."""
        self.sites.choices, self.teams.choices = dict(sites), dict(teams)
        self.units.choices, self.packs.choices = dict(units), dict(packs)

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
            "asks_reason": actions.asks_reason, "packs": list(conditions.packs), "units": [str(item) for item in conditions.unit_ids],
            "flags": [item.value for item in conditions.flags], "cycle": conditions.cycle.value if conditions.cycle else "",
            "min_age": conditions.min_age or None, "roles": [item.value for item in actions.roles],
            "external": "\n".join(actions.external), "acknowledge_within": actions.acknowledge_within or None, "webhook": actions.webhook,
        }
        for name, value in shown.items():
            self[name].data = value

    @property
    def emails(self) -> list[str]:
        return _lines(self.staff.data)

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
            "only_danger": self.only_danger.data, "packs": self.packs.data, "unit_ids": [int(item) for item in self.units.data or ()],
            "flags": self.flags.data, "cycle": self.cycle.data or None, "min_age": self.min_age.data or 0})

    def _actions(self, staff_uids: Sequence[str]) -> Actions:
        return Actions.from_json({
            "notify": self.notify.data, "staff_uids": list(staff_uids), "reassign": self.reassign.data or None,
            "priority": int(self.priority.data) if self.priority.data else None, "task": self.task.data,
            "asks_reason": self.asks_reason.data, "roles": self.roles.data, "external": _lines(self.external.data),
            "webhook": self.webhook.data, "acknowledge_within": self.acknowledge_within.data or 0})


class ShiftForm(Form):
    """One person's hours on one weekday."""

    who = PickField("Who", missing="Choose who is on duty.")
    weekday = PickField("Day", choices={str(number): day for number, day in enumerate(WEEKDAYS)}, missing="Choose a day.")
    starts = LineField("From", most=5, missing="Enter when it begins, like 09:00.")
    ends = LineField("Until", most=5, missing="Enter when it ends, like 17:00.", description="Before it begins means on the next day.")

    def offer(self, members: Mapping[str, Mapping[str, str]]) -> None:
        self.who.choices = {team: dict(people) for team, people in members.items() if people}

    def team_and_shift(self) -> tuple[int, Shift]:
        team_id, _, staff_id = self.who.data.partition(":")
        return int(team_id), Shift(int(staff_id), int(self.weekday.data), self.starts.data or "", self.ends.data or "")


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


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
