"""A rule as a sentence people read: "When 80 % of the time to acknowledge is used, tell the handler and the team lead"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ticketing.firings.rules.ladder import PROMISES
from ticketing.firings.rules.words import Actions, Conditions, CycleKind, Flag, OffsetUnit, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.packs.rules import EventKind, TargetCode

TARGET_NOUNS: Mapping[TargetCode, str] = {
    TargetCode.ACKNOWLEDGE: "acknowledgement",
    TargetCode.RESPOND: "response",
    TargetCode.RESPOND_STAGE_1: "first-stage answer",
    TargetCode.PROGRESS: "progress report",
    TargetCode.SIX_MONTHS: "six-month limit",
    TargetCode.INTERIM_NOTICE: "interim notice",
    TargetCode.DECIDE: "decision",
    TargetCode.DECIDE_FURTHER: "decision after more time",
    TargetCode.RESPOND_EXPEDITED: "expedited response",
    TargetCode.REVIEW: "answer to a review",
    TargetCode.REGULATOR: "answer to a regulator",
    TargetCode.STATEMENT: "statement",
}
TIME_FOR: Mapping[TargetCode, str] = {
    TargetCode.ACKNOWLEDGE: "the time to acknowledge",
    TargetCode.RESPOND: "the time to respond",
    TargetCode.DECIDE: "the time to decide",
    TargetCode.SIX_MONTHS: "the six months",
}
EVENT_WORDS: Mapping[EventKind, str] = {
    EventKind.RECEIVED: "a concern is received",
    EventKind.ACKNOWLEDGED: "a concern is acknowledged",
    EventKind.PERIOD_AGREED: "a response date is agreed",
    EventKind.EXTENDED: "a response date is moved",
    EventKind.PROGRESS_SENT: "the complainant is told of progress",
    EventKind.INTERIM_SENT: "an interim notice is sent",
    EventKind.ANSWERED: "the response is sent",
    EventKind.SETTLED: "a concern is settled on the spot",
    EventKind.DECIDED: "a grievance is decided",
    EventKind.ENDED: "a case ends without a response",
    EventKind.HELD: "a case is put on hold",
    EventKind.RELEASED: "a hold ends",
    EventKind.REOPENED: "a case is reopened",
    EventKind.STATEMENT_ASKED: "a statement is asked for",
    EventKind.STATEMENT_GIVEN: "a statement is given",
    EventKind.STATEMENT_ENDED: "a request for a statement is withdrawn or handed back",
    EventKind.ESCALATED_STAGE: "a concern moves to the next stage",
    EventKind.REVIEW_ASKED: "a review is asked for",
    EventKind.REVIEW_ANSWERED: "a review is answered",
    EventKind.REGULATOR_ASKED: "a regulator asks for something",
    EventKind.REGULATOR_ANSWERED: "a regulator is answered",
}
SHORT: Mapping[Recipient, str] = {
    Recipient.HANDLER: "the handler",
    Recipient.DEPUTY: "the handler's deputy",
    Recipient.ON_DUTY: "whoever is on duty",
    Recipient.TEAM: "everybody in the team",
    Recipient.TEAM_LEADS: "the team lead",
    Recipient.UNIT_MANAGER: "the manager of the unit",
    Recipient.MANAGERS: "the managers",
    Recipient.STATEMENT_AUTHOR: "whoever was asked",
}
FLAGGED: Mapping[Flag, str] = {
    Flag.DANGER: "danger", Flag.SAFEGUARDING: "safeguarding", Flag.INPATIENT: "a patient in hospital", Flag.ANONYMOUS: "anonymity"}
PRIORITIES: Mapping[int, str] = {1: "raise the priority", 2: "make it urgent"}
GIVE: Mapping[str, str] = {"team": "give the case back to the team", "team_lead": "give the case to the team lead"}


def target_noun(code: str) -> str:
    """ "acknowledgement" for `acknowledge`; an unknown code as words."""
    return TARGET_NOUNS[TargetCode(code)] if code in set(TargetCode) else code.replace("_", " ")


def target_label(code: str) -> str:
    """The same, as it begins a line."""
    return target_noun(code).capitalize()


def describe(draft: RuleDraft, names: Mapping[str, str]) -> str:
    """The whole rule as one sentence.  `names` gives the name of `site:<id>`, `team:<id>` and `staff:<uid>`."""
    only = _sentence_of_conditions(draft.conditions, names)
    return f"{sentence_of_trigger(draft.trigger, draft.conditions.targets)}{only}, {sentence_of_actions(draft.actions, names)}."


def sentence_of_trigger(trigger: Trigger, targets: Sequence[TargetCode]) -> str:
    """ "When 80 % of the time to acknowledge is used"."""
    thing = _things(targets)
    if trigger.kind is TriggerKind.PERCENT:
        time = TIME_FOR.get(targets[0]) if len(targets) == 1 else None
        return f"When {trigger.number} % of {time or f'the time for {thing}'} is used"
    if trigger.kind is TriggerKind.BEFORE_DUE:
        return f"{_amount(trigger)} before {thing} is due"
    if trigger.kind is TriggerKind.AFTER_DUE:
        return f"{_amount(trigger)} after {thing} was due and is still missing"
    if trigger.kind is TriggerKind.BREACH:
        return f"When {thing} is breached"
    if trigger.kind is TriggerKind.EVENT:
        return f"When {EVENT_WORDS[trigger.event]}" if trigger.event else "When something happens"
    return f"When nothing has happened on a case for {_amount(trigger).lower()}"


def sentence_of_actions(actions: Actions, names: Mapping[str, str]) -> str:
    """ "tell the handler and the team lead, raise the priority"."""
    said = []
    people = [SHORT[item] for item in actions.notify] + [f"every {role.value}" for role in actions.roles]
    people += [names.get(f"staff:{uid}", "somebody who has left") for uid in actions.staff_uids] + list(actions.external)
    if people:
        said.append(f"tell {_and(people)}{_sentence_of_asking(actions.acknowledge_within)}")
    if actions.reassign:
        said.append(GIVE[actions.reassign.value])
    if actions.priority:
        said.append(PRIORITIES[actions.priority])
    if actions.asks_reason:
        said.append("ask for the reason")
    if actions.task:
        said.append(f"add the task “{actions.task}”")
    if actions.webhook:
        said.append(f"call {actions.webhook_host}")
    return _and(said)


def _sentence_of_asking(hours: int) -> str:
    if not hours:
        return ""
    return f", who must acknowledge it within {'a working hour' if hours == 1 else f'{hours} working hours'}"


def _things(targets: Sequence[TargetCode]) -> str:
    if not targets or set(targets) == set(TargetCode):
        return "any target"
    if tuple(targets) == PROMISES:
        return "a target"
    return _or([f"the {TARGET_NOUNS[target]}" for target in targets])


def _amount(trigger: Trigger) -> str:
    unit = trigger.unit or OffsetUnit.WORKING_DAYS
    word = unit.label.removesuffix("s") if trigger.number == 1 else unit.label
    return f"{NUMBERS.get(trigger.number, str(trigger.number))} {word}"


NUMBERS: Mapping[int, str] = {1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six", 7: "Seven", 8: "Eight", 9: "Nine", 10: "Ten"}


def _sentence_of_conditions(conditions: Conditions, names: Mapping[str, str]) -> str:
    said = []
    if conditions.case_types:
        said.append(f"on a case of the kind {_or([f'“{item.label}”' for item in conditions.case_types])}")
    if conditions.severities:
        said.append(f"of {_or([item.label.lower() for item in conditions.severities])} severity")
    if conditions.site_ids:
        said.append(f"at {_or([names.get(f'site:{item}', 'a former site') for item in conditions.site_ids])}")
    if conditions.team_ids:
        said.append(f"in {_or([names.get(f'team:{item}', 'a former team') for item in conditions.team_ids])}")
    if conditions.unit_ids:
        said.append(f"about {_or([names.get(f'unit:{item}', 'a former unit') for item in conditions.unit_ids])}")
    if conditions.packs:
        said.append(f"under {_or([names.get(f'pack:{item}', item) for item in conditions.packs])}")
    if conditions.cycle:
        said.append("on a reopened case" if conditions.cycle is CycleKind.REOPENED else "on a case that was not reopened")
    if conditions.min_age:
        said.append(f"once the case is {conditions.min_age} {'day' if conditions.min_age == 1 else 'days'} old")
    if conditions.wanted_flags:
        flagged = _or([FLAGGED[flag] for flag in Flag if flag in conditions.wanted_flags])
        said.append(f"where {flagged} is flagged")
    return "".join(f" {words}" for words in said)


def _and(words: Iterable[str]) -> str:
    return _joined(list(words), "and")


def _or(words: Iterable[str]) -> str:
    return _joined(list(words), "or")


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
