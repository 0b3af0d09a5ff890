"""Whether a due step still stands, which steps give way, and the words of the mail; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ticketing.firings.rules import Trigger, TriggerKind, goes_on, sentence_of_trigger, target_noun
from ticketing.people.rules import TITLES

LATE = timedelta(minutes=5)  # the sweep wakes every few seconds: a step this old waited for a program that was not running
SOON = timedelta(days=7)
LIVE = frozenset({"running", "breached"})
WHY_STOPPED: Mapping[str, str] = {
    "met": "The target was met.", "held": "The case is on hold.", "waiting": "The target has no date.",
    "not_applicable": "The target no longer applies.",
}


class Shown(StrEnum):
    """The tabs of the page of escalations."""

    FIRED = "fired"
    PLANNED = "planned"
    FAILED = "failed"
    UNDELIVERED = "undelivered"


TAB_LABELS: Mapping[Shown, str] = {
    Shown.FIRED: "Carried out", Shown.PLANNED: "Next seven days", Shown.FAILED: "Set aside", Shown.UNDELIVERED: "Not delivered",
}


@dataclass(frozen=True, slots=True)
class TimerFacts:
    """A timer as stored, read under the case's lock."""

    state: str
    due_at: datetime | None
    met_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What decides whether a claimed step still stands."""

    id: int
    case_id: int
    cycle: int
    timer_key: str
    level: int
    due_at: datetime
    has_timer: bool
    rule_name: str
    is_rule_active: bool


def why_not(
    step: StepFacts, *, is_open: bool, cycle: int, is_held: bool, timer: TimerFacts | None, is_silent: bool = False,
    ended_at: datetime | None = None, asks_due: bool = True,
) -> str:
    """Why a claimed step does not stand any more, as a sentence; empty if it does.  `asks_due`: also if its due moment moved."""
    if not step.is_rule_active:
        return "The rule was switched off."
    if is_silent or (not is_open and not step.has_timer):
        return "The case ended."
    if step.cycle != cycle:
        return "The case was reopened."
    if not step.has_timer:
        return "The case is on hold." if is_held and step.timer_key == "silence" else ""
    if timer is None:
        return "The case ended." if not is_open else "The target no longer runs."
    if timer.state not in LIVE:
        return WHY_STOPPED.get(timer.state, "The target no longer runs.")
    if timer.met_at is not None:
        return "It was met late."
    if not goes_on(timer.state, timer.due_at, is_open=is_open, ended_at=ended_at):
        return "The case ended."
    return "" if not asks_due or timer.due_at == step.due_at else "The due date moved."


def giving_way(steps: Iterable[StepFacts]) -> dict[int, StepFacts]:
    """For each step that gives way, the higher one of the same timer that is due too."""
    timers: dict[tuple[int, int, str], list[StepFacts]] = defaultdict(list)
    for step in steps:
        if step.has_timer:
            timers[step.case_id, step.cycle, step.timer_key].append(step)
    lost: dict[int, StepFacts] = {}
    for together in timers.values():
        top = max(together, key=lambda step: step.level)
        lost.update({step.id: top for step in together if step.level < top.level})
    return lost


def is_late(fire_at: datetime, at: datetime) -> bool:
    return at - fire_at > LATE


def headline(trigger: Trigger, target: str, due: str) -> str:
    """What has happened, in one or two sentences with nothing personal: "The acknowledgement was breached. It was due by ..."."""
    thing = f"The {target_noun(target)}"
    if trigger.kind is TriggerKind.PERCENT:
        return f"{trigger.number} % of the time for the {target_noun(target)} is used. It is due {due}."
    if trigger.kind is TriggerKind.BEFORE_DUE:
        return f"{thing} is due {due}."
    if trigger.kind is TriggerKind.BREACH:
        return f"{thing} was breached. It was due {due}."
    if trigger.kind is TriggerKind.AFTER_DUE:
        return f"{thing} is still missing. It was due {due}."
    if trigger.kind is TriggerKind.NO_ACTIVITY:
        return f"Nothing has happened on this case for {trigger.number} {'working day' if trigger.number == 1 else 'working days'}."
    return f"{sentence_of_trigger(trigger, ()).removeprefix('When ').capitalize()}."


def subject_line(reference: str, trigger: Trigger, target: str) -> str:
    """For the mail's subject: the case's reference and the target, nothing personal."""
    if trigger.kind is TriggerKind.BREACH:
        return f"{reference}: {target_noun(target)} breached"
    if trigger.kind is TriggerKind.AFTER_DUE:
        return f"{reference}: {target_noun(target)} still missing"
    if trigger.kind is TriggerKind.NO_ACTIVITY:
        return f"{reference}: nothing has happened for a while"
    return f"{reference}: {target_noun(target)} due soon" if target else f"{reference}: please look at this case"


def reason_task(target: str) -> str:
    return f"Say why the {target_noun(target)} target was breached"


def first_name(name: str) -> str:
    """For the greeting: "Samuel" of "Dr Samuel Achterberg"."""
    words = [word for word in name.split() if word.casefold().rstrip(".") not in TITLES]
    return words[0] if words else "colleague"

