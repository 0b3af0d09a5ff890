"""What the manager tried: a simulation that has finished, and its draft in shadow since."""

from __future__ import annotations

from datetime import datetime, timedelta

from ticketing.core import clock
from ticketing.core.permissions import Actor
from ticketing.demo.rules.hospital import PACK, ZONE
from ticketing.escalation.jobs import play_simulations
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.rules.drafting import Draft, RuleChange, TargetChange
from ticketing.escalation.service import simulating
from ticketing.firings.rules import DEFAULT_RULES, Actions, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.packs.rules import TargetCode, Unit

NAME = "Acknowledge within 2 working days, warn at 70 %"
HALF = DEFAULT_RULES["half-time"]
DRAFT = Draft(
    targets=(TargetChange(PACK, TargetCode.ACKNOWLEDGE, 2, Unit.WORKING_DAYS),),
    rules=(RuleChange("half-time", RuleDraft(
        "Seven tenths of the time are used", 1, Trigger(TriggerKind.PERCENT, 70), HALF.conditions,
        Actions(notify=(Recipient.HANDLER, Recipient.TEAM_LEADS)))),))


def _try_out(by: Actor, at: datetime) -> None:
    """A draft played on everything so far, then put in shadow."""
    last_on = clock.day_of(at, ZONE)
    uid = simulating.ask(NAME, DRAFT, Range(last_on - timedelta(days=730), last_on, ZONE), by=by, at=at)
    _play(at)
    simulating.begin_shadow(uid, by=by, at=at)
    _play(at)


def _play(at: datetime) -> None:
    """Whatever was asked for and whatever runs in shadow, up to this moment."""
    play_simulations(at, zone=ZONE, seconds=lambda: 0.0)
