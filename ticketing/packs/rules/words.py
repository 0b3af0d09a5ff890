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
    ESCALATED_STAGE = "escalated_stage"


class TargetCode(StrEnum):
    """What a target asks for."""

    ACKNOWLEDGE = "acknowledge"
    RESPOND = "respond"
    RESPOND_STAGE_1 = "respond_stage_1"
    PROGRESS = "progress"
    SIX_MONTHS = "six_months"
    INTERIM_NOTICE = "interim_notice"
    DECIDE = "decide"
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
    """How binding a target is; the first three come from outside the hospital."""

    STATUTE = "statute"
    REGULATION = "regulation"
    GUIDANCE = "guidance"
    CONTRACT = "contract"
    LOCAL = "local"

    @property
    def is_statutory(self) -> bool:
        return self in (LegalForce.STATUTE, LegalForce.REGULATION)


class OnReopening(StrEnum):
    """What a reopened case asks of a target: nothing new, or a new run from the reopening."""

    STAY = "stay"
    RESTART = "restart"


class ExtensionRule(StrEnum):
    """How an event moves a due day, if it came before that day had passed."""

    REPLACES = "replaces"            # the day named by the event is the due day
    LENGTHENS = "lengthens"          # only a later day, and only one the complainant agreed
    FOLLOW_UP = "follow_up"          # the day so many days after the event, if later
