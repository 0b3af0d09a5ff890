"""The words a rule is written in: when it fires, for which cases, and what it does; read from and written to plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from ticketing.codes.rules import CaseType, Code, Severity
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Role
from ticketing.packs.rules import EventKind, TargetCode

Word = TypeVar("Word", bound=StrEnum)

MOST = {"percent": 99, "working_days": 60, "working_hours": 240, "acknowledge": 80, "age": 3650}
LONGEST_NAME = 80
LONGEST_TASK = 160
LONGEST_LIST = 20  # addresses outside; more belong into a mailing list of their own
HTTPS = re.compile(r"https://(?P<host>[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)(:8?443)?(/[^\s@]*)?")
ADDRESS = re.compile(r"[^@\s<>\"',;:]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
HIGHEST_LEVEL = 9


class FiringState(StrEnum):
    """Every state but `planned` is final."""

    PLANNED = "planned"
    FIRED = "fired"
    SUPERSEDED = "superseded"  # Cause says why
    FAILED = "failed"


class Cause(StrEnum):
    """Why a step was superseded.  After `gave_way` and `past` it is spent; after `stopped` it may be planned again."""

    NONE = ""
    STOPPED = "stopped"  # its timer was met, moved, held or ended, or its rule changed
    GAVE_WAY = "gave_way"  # a higher step of the same timer was due too
    PAST = "past"  # its moment had passed when it would have been planned


class TriggerKind(Code):
    """What makes the moment of a step."""

    PERCENT = "percent", "A share of the time is used"
    BEFORE_DUE = "before_due", "Before it is due"
    BREACH = "breach", "It is breached"
    AFTER_DUE = "after_due", "After it was due"
    EVENT = "event", "Something happens on the case"
    NO_ACTIVITY = "no_activity", "Nothing happens on the case"

    @property
    def has_timer(self) -> bool:
        return self not in (TriggerKind.EVENT, TriggerKind.NO_ACTIVITY)


class OffsetUnit(Code):
    """What an offset is counted in: always in the case's own calendar."""

    WORKING_DAYS = "working_days", "working days"
    WORKING_HOURS = "working_hours", "working hours"


class Recipient(Code):
    """Whom a step tells, by their part in the case."""

    HANDLER = "handler", "the handler (the team while nobody has it)"
    DEPUTY = "deputy", "the handler's deputy"
    ON_DUTY = "on_duty", "whoever is on duty for the team"
    TEAM = "team", "everybody in the team"
    TEAM_LEADS = "team_leads", "the team lead"
    UNIT_MANAGER = "unit_manager", "the manager of the unit"
    MANAGERS = "managers", "the managers"
    STATEMENT_AUTHOR = "statement_author", "whoever was asked for the statement"


class Flag(Code):
    """What is flagged on a case."""

    DANGER = "danger", "somebody may be in danger"
    SAFEGUARDING = "safeguarding", "safeguarding"
    INPATIENT = "inpatient", "the patient is in hospital now"
    ANONYMOUS = "anonymous", "the concern is anonymous"


class CycleKind(Code):
    """Which cycle of a case."""

    FIRST = "first", "the first time round"
    REOPENED = "reopened", "reopened cases"


class Reassign(Code):
    """To whom a step gives the case."""

    TEAM = "team", "back to the team's queue"
    TEAM_LEAD = "team_lead", "to the team lead"


@dataclass(frozen=True, slots=True)
class Trigger:
    """`number`: percent of the time, or how many of `unit`; of working days for silence.  `event` only for events."""

    kind: TriggerKind
    number: int = 0
    unit: OffsetUnit | None = None
    event: EventKind | None = None

    def check(self) -> None:
        """Raises Invalid, naming the form's field."""
        if self.kind is TriggerKind.PERCENT:
            _within(self.number, MOST["percent"], "percent of the time")
        elif self.kind in (TriggerKind.BEFORE_DUE, TriggerKind.AFTER_DUE):
            if self.unit is None:
                raise Invalid("Choose working days or working hours.", field="unit")
            _within(self.number, MOST[self.unit.value], self.unit.label)
        elif self.kind is TriggerKind.NO_ACTIVITY:
            _within(self.number, MOST["working_days"], "working days without activity")
        elif self.kind is TriggerKind.EVENT and self.event is None:
            raise Invalid("Choose what has to happen.", field="event")

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "number": self.number, "unit": self.unit.value if self.unit else None,
                "event": self.event.value if self.event else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trigger:
        unit, event = data.get("unit"), data.get("event")
        return cls(_word(TriggerKind, data.get("kind"), "trigger"), _number(data.get("number", 0)),
                   _word(OffsetUnit, unit, "unit") if unit else None, _word(EventKind, event, "event") if event else None)


@dataclass(frozen=True, slots=True)
class Conditions:
    """For which cases a rule holds; an empty list leaves nothing out.

    Of `flags` any one is enough.  `min_age` counts calendar days since receipt, at the step's own moment.
    """

    targets: tuple[TargetCode, ...] = ()
    case_types: tuple[CaseType, ...] = ()
    severities: tuple[Severity, ...] = ()
    site_ids: tuple[int, ...] = ()
    team_ids: tuple[int, ...] = ()
    only_danger: bool = False
    packs: tuple[str, ...] = ()
    unit_ids: tuple[int, ...] = ()
    flags: tuple[Flag, ...] = ()
    cycle: CycleKind | None = None
    min_age: int = 0

    @property
    def wanted_flags(self) -> frozenset[Flag]:
        return frozenset(self.flags) | ({Flag.DANGER} if self.only_danger else frozenset())

    def check(self) -> None:
        """Raises Invalid, naming the form's field."""
        if not 0 <= self.min_age <= MOST["age"]:
            raise Invalid(f"Enter the age as a whole number of days, at most {MOST['age']:,}.", field="min_age")

    def to_json(self) -> dict[str, Any]:
        return {
            "targets": [item.value for item in self.targets], "case_types": [item.value for item in self.case_types],
            "severities": [item.value for item in self.severities], "site_ids": list(self.site_ids), "team_ids": list(self.team_ids),
            "only_danger": self.only_danger, **_given(
                packs=list(self.packs), unit_ids=list(self.unit_ids), flags=[item.value for item in self.flags],
                cycle=self.cycle.value if self.cycle else None, min_age=self.min_age),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Conditions:
        cycle = data.get("cycle")
        return cls(
            _words(TargetCode, data, "targets"), _words(CaseType, data, "case_types"), _words(Severity, data, "severities"),
            tuple(_number(item) for item in _list(data, "site_ids")), tuple(_number(item) for item in _list(data, "team_ids")),
            bool(data.get("only_danger")), tuple(str(item) for item in _list(data, "packs")),
            tuple(_number(item) for item in _list(data, "unit_ids")), _words(Flag, data, "flags"),
            _word(CycleKind, cycle, "cycle") if cycle else None, _number(data.get("min_age") or 0),
        )


@dataclass(frozen=True, slots=True)
class Actions:
    """What a step does.  `staff_uids`, `roles` and `external` (addresses outside) are told besides the parts in the case.

    `priority` 1 raised, 2 urgent, None as it is.  `task` is added for the handler or the team; `asks_reason` adds the task to say why
    the target was missed.  `acknowledge_within` working hours somebody who was told must say so, else it moves up a level (0: need not).
    """

    notify: tuple[Recipient, ...] = ()
    staff_uids: tuple[str, ...] = ()
    reassign: Reassign | None = None
    priority: int | None = None
    task: str = ""
    asks_reason: bool = False
    roles: tuple[Role, ...] = ()
    external: tuple[str, ...] = ()
    webhook: str = ""
    acknowledge_within: int = 0

    @property
    def webhook_host(self) -> str:
        found = HTTPS.fullmatch(self.webhook)
        return found["host"] if found else self.webhook

    @property
    def tells_staff(self) -> bool:
        return bool(self.notify or self.staff_uids or self.roles)

    @property
    def tells_somebody(self) -> bool:
        return self.tells_staff or bool(self.external)

    def check(self, trigger: Trigger, conditions: Conditions) -> None:
        """Raises Invalid, naming the form's field."""
        if not (self.tells_somebody or self.reassign or self.priority or self.task or self.asks_reason or self.webhook):
            raise Invalid(
                "Choose at least one thing to do: tell somebody, give the case on, raise its priority or add a task.", field="notify")
        if len(self.task) > LONGEST_TASK:
            raise Invalid(f"The task is too long: use {LONGEST_TASK} characters or fewer.", field="task")
        if self.priority not in (None, 1, 2):
            raise Invalid("Choose the priority from the list.", field="priority")
        if self.asks_reason and trigger.kind not in (TriggerKind.BREACH, TriggerKind.AFTER_DUE):
            raise Invalid("A reason can only be asked for once a target was breached.", field="asks_reason")
        if Recipient.STATEMENT_AUTHOR in self.notify and conditions.targets != (TargetCode.STATEMENT,):
            raise Invalid("Only a rule for statements alone can tell whoever was asked for the statement.", field="notify")
        self._check_outside()

    def _check_outside(self) -> None:
        wrong = [address for address in self.external if not ADDRESS.fullmatch(address) or len(address) > 254]
        if wrong:
            raise Invalid(f"“{wrong[0]}” is not an e-mail address. Write one on each line.", field="external")
        if len(self.external) > LONGEST_LIST:
            raise Invalid(f"At most {LONGEST_LIST} addresses outside can be told.", field="external")
        if self.webhook and not _is_https(self.webhook):
            raise Invalid("Enter a web address that begins with https:// and names no user, or leave it empty.", field="webhook")
        if not 0 <= self.acknowledge_within <= MOST["acknowledge"]:
            raise Invalid(f"Enter a whole number of working hours, at most {MOST['acknowledge']}.", field="acknowledge_within")
        if self.acknowledge_within and not self.tells_staff:
            raise Invalid("Nobody here is told, so nobody can acknowledge it. Tell somebody, or leave this empty.",
                          field="acknowledge_within")

    def to_json(self) -> dict[str, Any]:
        return {
            "notify": [item.value for item in self.notify], "staff_uids": list(self.staff_uids),
            "reassign": self.reassign.value if self.reassign else None, "priority": self.priority, "task": self.task,
            "asks_reason": self.asks_reason, **_given(
                roles=[item.value for item in self.roles], external=list(self.external), webhook=self.webhook,
                acknowledge_within=self.acknowledge_within),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Actions:
        reassign, priority = data.get("reassign"), data.get("priority")
        return cls(
            _words(Recipient, data, "notify"), tuple(str(item) for item in _list(data, "staff_uids")),
            _word(Reassign, reassign, "reassign") if reassign else None, None if priority is None else _number(priority),
            str(data.get("task") or ""), bool(data.get("asks_reason")), _words(Role, data, "roles"),
            tuple(str(item) for item in _list(data, "external")), str(data.get("webhook") or ""),
            _number(data.get("acknowledge_within") or 0),
        )


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as somebody wants it; `level` is its rung of the ladder, 1 the lowest."""

    name: str
    level: int
    trigger: Trigger
    conditions: Conditions
    actions: Actions

    def check(self) -> None:
        """Raises Invalid with a sentence and the form's field for what cannot be used."""
        if not self.name.strip():
            raise Invalid("Give the rule a name.", field="name")
        if len(self.name) > LONGEST_NAME:
            raise Invalid(f"The name is too long: use {LONGEST_NAME} characters or fewer.", field="name")
        if not 1 <= self.level <= HIGHEST_LEVEL:
            raise Invalid(f"Choose a rung from 1 to {HIGHEST_LEVEL}.", field="level")
        self.trigger.check()
        self.conditions.check()
        self.actions.check(self.trigger, self.conditions)


def _given(**values: Any) -> dict[str, Any]:
    """Only what says something, so that a version written before these words existed reads the same."""
    return {name: value for name, value in values.items() if value}


def _is_https(address: str) -> bool:
    return len(address) <= 500 and HTTPS.fullmatch(address) is not None


def _within(number: int, most: int, what: str) -> None:
    if not 1 <= number <= most:
        raise Invalid(f"Enter a whole number of {what}, from 1 to {most}.", field="number")


def _word(kind: type[Word], value: Any, field: str) -> Word:
    try:
        return kind(value)
    except ValueError:
        raise Invalid(f"“{value}” cannot be used as {field} of a rule. Choose from the list.", field=field) from None


def _words(kind: type[Word], data: Mapping[str, Any], field: str) -> tuple[Word, ...]:
    given = [_word(kind, value, field) for value in _list(data, field)]
    return tuple(word for word in kind if word in given)  # each once, in the order of the list


def _list(data: Mapping[str, Any], field: str) -> list[Any]:
    value = data.get(field) or []
    if not isinstance(value, list | tuple):
        raise Invalid(f"“{field}” of a rule must be a list.", field=field)
    return list(value)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"“{value}” is not a whole number.", field="number")
    return value
