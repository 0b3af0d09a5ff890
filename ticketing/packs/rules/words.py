"""The words packs are written in: events, targets, units and ways of counting."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """Everything that starts, moves, holds, satisfies or ends a target; one vocabulary for the whole program."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    PERIOD_AGREED = "period_agreed"          # data: due_on; is_agreed False when set by the organisation and only notified
    EXTENDED = "extended"                    # data: due_on; is_agreed True when the complainant agreed
    PROGRESS_SENT = "progress_sent"
    INTERIM_SENT = "interim_sent"            # data: follow_up_days
    ANSWERED = "answered"
    SETTLED = "settled"
    DECIDED = "decided"
    ENDED = "ended"                          # data: reason
    HELD = "held"                            # data: reason
    RELEASED = "released"                    # data: reason, or none to release every hold
    REOPENED = "reopened"
    STATEMENT_ASKED = "statement_asked"      # subject: the request
    STATEMENT_GIVEN = "statement_given"      # subject: the request
    STATEMENT_ENDED = "statement_ended"      # subject: the request; data: reason (withdrawn or declined); excuses it, never satisfies it
    ESCALATED_STAGE = "escalated_stage"      # the case moved to the next stage of the procedure, or began there
    REVIEW_ASKED = "review_asked"
    REVIEW_ANSWERED = "review_answered"
    REGULATOR_ASKED = "regulator_asked"      # subject: the request
    REGULATOR_ANSWERED = "regulator_answered"  # subject: the request


class TargetCode(StrEnum):
    """What a target asks for."""

    ACKNOWLEDGE = "acknowledge"
    RESPOND = "respond"
    RESPOND_STAGE_1 = "respond_stage_1"
    PROGRESS = "progress"
    SIX_MONTHS = "six_months"
    INTERIM_NOTICE = "interim_notice"
    DECIDE = "decide"
    DECIDE_FURTHER = "decide_further"
    RESPOND_EXPEDITED = "respond_expedited"
    REVIEW = "review"
    REGULATOR = "regulator"
    STATEMENT = "statement"


class Unit(StrEnum):
    """What a target's amount counts.  Day units fall due at the end of a local day."""

    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    MONTHS = "months"
    AGREED_DATE = "agreed_date"
    WORKING_HOURS = "working_hours"
    HOURS = "hours"

    @property
    def is_in_days(self) -> bool:
        return self not in (Unit.WORKING_HOURS, Unit.HOURS)

    @property
    def is_working(self) -> bool:
        return self in (Unit.WORKING_DAYS, Unit.WORKING_HOURS)


class Count(StrEnum):
    """Whether the day of the event is day 0 ("after") or day 1 ("beginning on")."""

    EXCLUDE_START = "exclude_start"
    INCLUDE_START = "include_start"


class Roll(StrEnum):
    """What happens when the last day is not a working day."""

    NONE = "none"
    NEXT_WORKING_DAY = "next_working_day"


class LegalForce(StrEnum):
    """How binding a rule is: law (acts and the regulations made under them), guidance of an outside body, or the hospital's own."""

    STATUTE = "statute"
    GUIDANCE = "guidance"
    LOCAL = "local"

    @property
    def is_statutory(self) -> bool:
        return self is LegalForce.STATUTE


class OnReopening(StrEnum):
    """What a reopened case asks of a target."""

    STAY = "stay"              # nothing new
    RESTART = "restart"        # the whole period again, from the reopening
    RESUME = "resume"          # what was left of the period, from the reopening
    NEW_STAGE = "new_stage"    # the reopening begins the stage, unless an earlier cycle was in it already


class ExtensionRule(StrEnum):
    """How an event moves a due day, if it came before that day had passed."""

    REPLACES = "replaces"            # the day named by the event is the due day
    LENGTHENS = "lengthens"          # only a later day, and only one the complainant agreed
    NOTIFIED = "notified"            # only a later day, of which the complainant was told; without a day, as far as the law allows
    FOLLOW_UP = "follow_up"          # the day so many days after the event, if later


class Anchor(StrEnum):
    """What the next occurrence of a repeating target is counted from."""

    LAST_UPDATE = "last_update"      # from the update; a missed one stays open until it comes, late
    GRID = "grid"                    # from the day the one before it fell due, whenever the update came
    BREACH = "breach"                # from the update, or from the day a missed one fell due


class Period(StrEnum):
    """What the most an extension may add is counted from."""

    DUE = "due"                      # beyond the day first due
    START = "start"                  # in all, from the start of the period
