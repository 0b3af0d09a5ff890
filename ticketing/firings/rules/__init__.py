"""Escalation rules as people write them, the shipped ladder, and the pure planning of firings; no database here."""

from ticketing.firings.rules.ladder import DEFAULT_RULES
from ticketing.firings.rules.planning import (
    Changes,
    Insert,
    Move,
    PlanFacts,
    Step,
    Stored,
    Supersede,
    VersionFacts,
    compare,
    goes_on,
    key_of,
    matches,
    moment_of,
    timer_key,
    wanted,
)
from ticketing.firings.rules.reading import TARGET_NOUNS, describe, sentence_of_actions, sentence_of_trigger, target_noun
from ticketing.firings.rules.words import (
    Actions,
    Cause,
    Conditions,
    CycleKind,
    FiringState,
    Flag,
    OffsetUnit,
    Reassign,
    Recipient,
    RuleDraft,
    Trigger,
    TriggerKind,
)

__all__ = [
    "DEFAULT_RULES", "TARGET_NOUNS",
    "Actions", "Cause", "Changes", "Conditions", "CycleKind", "FiringState", "Flag", "Insert", "Move", "OffsetUnit", "PlanFacts",
    "Reassign", "Recipient", "RuleDraft", "Step", "Stored", "Supersede", "Trigger", "TriggerKind", "VersionFacts",
    "compare", "describe", "goes_on", "key_of", "matches", "moment_of", "sentence_of_actions", "sentence_of_trigger", "target_noun",
    "timer_key", "wanted",
]
