"""The ladder every hospital starts with: five steps for a target, two more for a statement.  Hospitals change it as data."""

from __future__ import annotations

from collections.abc import Mapping

from ticketing.firings.rules.words import Actions, Conditions, OffsetUnit, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.packs.rules import TargetCode

PROMISES = tuple(target for target in TargetCode if target is not TargetCode.STATEMENT)
TO_COMPLAINANTS = Conditions(targets=PROMISES)
FOR_STATEMENTS = Conditions(targets=(TargetCode.STATEMENT,))
HANDLER, LEADS, MANAGERS, AUTHOR = Recipient.HANDLER, Recipient.TEAM_LEADS, Recipient.MANAGERS, Recipient.STATEMENT_AUTHOR
DAYS = OffsetUnit.WORKING_DAYS

DEFAULT_RULES: Mapping[str, RuleDraft] = {
    "half-time": RuleDraft(
        "Half the time is used", 1, Trigger(TriggerKind.PERCENT, 50), TO_COMPLAINANTS, Actions(notify=(HANDLER,))),
    "four-fifths": RuleDraft(
        "Four fifths of the time is used", 2, Trigger(TriggerKind.PERCENT, 80), TO_COMPLAINANTS, Actions(notify=(HANDLER, LEADS))),
    "day-before": RuleDraft(
        "One working day before it is due", 3, Trigger(TriggerKind.BEFORE_DUE, 1, DAYS), TO_COMPLAINANTS,
        Actions(notify=(HANDLER, LEADS, MANAGERS))),
    "breach": RuleDraft(
        "The target is breached", 4, Trigger(TriggerKind.BREACH), TO_COMPLAINANTS, Actions(notify=(LEADS, MANAGERS), asks_reason=True)),
    "five-days-after": RuleDraft(
        "Five working days after it was due", 5, Trigger(TriggerKind.AFTER_DUE, 5, DAYS), TO_COMPLAINANTS,
        Actions(notify=(MANAGERS,), priority=1)),
    "statement-four-fifths": RuleDraft(
        "A statement is nearly due", 2, Trigger(TriggerKind.PERCENT, 80), FOR_STATEMENTS, Actions(notify=(HANDLER, AUTHOR))),
    "statement-breach": RuleDraft(
        "A request for a statement is breached", 4, Trigger(TriggerKind.BREACH), FOR_STATEMENTS, Actions(notify=(HANDLER, AUTHOR))),
}
