"""The account of a target: one line for each day, whether it counted and why, for whoever asks "why this date?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ticketing.packs.rules import Count, EventKind, Unit
from ticketing.sla.rules.counting import DAY, DayCount, HeldDays

LINES = 800                # no target in use comes near; an account that would be longer is cut there
OPENINGS = {
    EventKind.RECEIVED: "The day of receipt", EventKind.ACKNOWLEDGED: "The day of the acknowledgement",
    EventKind.REOPENED: "The day of the reopening", EventKind.STATEMENT_ASKED: "The day of the request",
    EventKind.PROGRESS_SENT: "The day of the last update", EventKind.PERIOD_AGREED: "The day the period was agreed",
    EventKind.EXTENDED: "The day the new date was told", EventKind.INTERIM_SENT: "The day of the interim notice",
    EventKind.ESCALATED_STAGE: "The day this stage began", EventKind.REVIEW_ASKED: "The day the review was asked for",
    EventKind.REGULATOR_ASKED: "The day of the request",
}

BEGINNINGS = {
    EventKind.RECEIVED: "when the concern is received", EventKind.ACKNOWLEDGED: "with the acknowledgement",
    EventKind.REOPENED: "with the reopening", EventKind.STATEMENT_ASKED: "when a statement is asked for",
    EventKind.ESCALATED_STAGE: "when the case moves to the next stage", EventKind.DECIDED: "with the decision",
    EventKind.EXTENDED: "when more time is needed", EventKind.REVIEW_ASKED: "when a review is asked for",
    EventKind.REGULATOR_ASKED: "when a regulator asks",
}


def beginning_of(kind: EventKind) -> str:
    """What has to happen before a target begins, in words."""
    return BEGINNINGS.get(kind, f"with “{kind.replace('_', ' ')}”")


def opening_of(begun_by: EventKind | str) -> str:
    """What the first day of an account is called."""
    if isinstance(begun_by, EventKind):
        return OPENINGS.get(begun_by, begun_by.replace("_", " ").capitalize())
    return begun_by


@dataclass(frozen=True, slots=True)
class DayLine:
    """One local day in the account of a target: whether it counted, and why."""

    on: date
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    """What the account of one target is told from; `remarks` are sentences for single days."""

    count: DayCount
    last: date
    opening: str
    idle_holds: tuple[HeldDays, ...]      # holds that this target does not stop for
    remarks: tuple[tuple[date, str], ...]

    def lines(self) -> tuple[DayLine, ...]:
        """One line for each day from the start to the last, in order."""
        last = min(self.last, self.count.start + LINES * DAY)
        days = _days(self.count.start, last)
        if self.count.target.unit is Unit.AGREED_DATE:          # nothing is counted between: the days on which something was said
            told = {self.count.start, self.last, *(day for day, _ in self.remarks)}
            days = [day for day in days if day in told]
        return tuple(self._line(day) for day in days)

    def _line(self, on: date) -> DayLine:
        is_counted, why = self._reason(on)
        said = [why, *(remark for day, remark in self.remarks if day == on)]
        return DayLine(on, is_counted, ". ".join(said))

    def _reason(self, on: date) -> tuple[bool, str]:
        target, number = self.count.target, self.count.used(on)
        if target.amount is None and target.unit is not Unit.AGREED_DATE:
            return False, f"{self.opening}; how many days are to be counted is not known"
        if target.unit is Unit.AGREED_DATE and on == self.count.start:
            return False, self.opening if on != self.last else f"{self.opening}; the law gives no number of days to count"
        if on == self.count.start and target.count is Count.EXCLUDE_START:
            return False, f"{self.opening}; counting begins the day after"
        if target.unit is Unit.AGREED_DATE:
            return False, "The last day of the agreed period" if on == self.last else "Inside the agreed period"
        closed = self._closed(on)
        if closed:
            return False, closed
        if target.amount is not None and target.unit is not Unit.MONTHS and number > (self.count.amount or 0):
            return False, "Inside the longer period promised" if target.extension else "Not a working day: the end rolls on to the next"
        return True, self._counted(on, number)

    def _counted(self, on: date, number: int) -> str:
        target = self.count.target
        if target.unit is Unit.MONTHS:
            words = f"Day {number} of {self.count.amount} months"
            words += f" beginning on the day: {self.opening.lower()}" if number == 1 and target.count is Count.INCLUDE_START else ""
        else:
            words = f"{'Working day' if target.unit is Unit.WORKING_DAYS else 'Day'} {number} of {target.amount}"
        if any(first <= on and (released is None or on < released) for first, released, _ in self.idle_holds):
            words += "; the case is held, but this period does not stop for that"
        return words

    def _closed(self, on: date) -> str | None:
        held = self.count.hold_on(on)
        if held is not None:
            return f"Held: {held.replace('_', ' ') or 'no reason given'}"
        if self.count.target.unit is not Unit.WORKING_DAYS or self.count.week.is_working_date(on):
            return None
        return self.count.week.holiday_name(on) or f"{on:%A}"


def _days(first: date, last: date) -> Sequence[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]
