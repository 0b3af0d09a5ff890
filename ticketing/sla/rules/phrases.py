"""How people read due moments and time left: plain words, in the site's zone, in the target's own unit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ticketing.calendars.rules import WorkingCalendar, find_zone
from ticketing.packs.rules import Target, Unit
from ticketing.sla.rules.counting import week_of

if TYPE_CHECKING:
    from ticketing.sla.rules.reckoned import Reckoning

PHRASES: Mapping[str, str] = {
    "waiting": "no date yet",
    "running": "running",
    "held": "held",
    "met": "met",
    "breached": "breached",
    "not_applicable": "does not apply",
}
UNITS: Mapping[Unit, str] = {
    Unit.WORKING_DAYS: "working day",
    Unit.CALENDAR_DAYS: "day",
    Unit.MONTHS: "day",
    Unit.AGREED_DATE: "day",
}


def day_phrase(moment: datetime, zone: str) -> str:
    """ "Wed 30 Dec 2026" at the site."""
    local = moment.astimezone(find_zone(zone))
    return f"{local:%a} {local.day} {local:%b %Y}"


def moment_phrase(moment: datetime, zone: str) -> str:
    """ "Wed 30 Dec 2026, 14:30" at the site."""
    return f"{day_phrase(moment, zone)}, {moment.astimezone(find_zone(zone)):%H:%M}"


def due_phrase(due_at: datetime | None, unit: Unit, zone: str) -> str:
    """ "by the end of Wed 30 Dec 2026" for units of days, "by Wed 30 Dec 2026, 14:30" for hours."""
    if due_at is None:
        return PHRASES["waiting"]
    if unit.is_in_days:
        return f"by the end of {day_phrase(due_at - timedelta(microseconds=1), zone)}"
    return f"by {moment_phrase(due_at, zone)}"


def left_phrase(reckoning: Reckoning, zone: str) -> str:
    """How much is left or by how much it was missed, in the target's own unit: "2 working days left", "held since Mon 4 Jan 2027"."""
    state = str(reckoning.state)
    if state == "held" and reckoning.held_since:
        return f"held since {day_phrase(reckoning.held_since, zone)}"
    if state == "met" and reckoning.met_at:
        return f"met on {day_phrase(reckoning.met_at, zone)}"
    if state == "breached":
        return _missed(reckoning, zone)
    if state == "running" and reckoning.left is not None:
        return "due today" if reckoning.left == 0 else f"{amount_phrase(reckoning.left, reckoning.unit)} left"
    if state == "waiting" and not reckoning.rule.verified:
        return "number not verified"
    return PHRASES[state]


def _missed(reckoning: Reckoning, zone: str) -> str:
    left, due_at = reckoning.left, reckoning.due_at
    if left and due_at:
        words = amount_phrase(-left, reckoning.unit)
        return f"breached, met {words} after" if reckoning.met_at else f"breached {words} ago"
    return f"breached at the end of {day_phrase(due_at - timedelta(microseconds=1), zone)}" if due_at else PHRASES["breached"]


def waiting_phrase(due_at: datetime, rule: Target, calendar: WorkingCalendar, zone: str, *, at: datetime) -> str:
    """The same for a row of a list, where only the due moment is at hand: "2 working days left", "due today", "breached 3 days ago"."""
    left = _left(due_at, rule, calendar, zone, at)
    if at >= due_at:
        return f"breached {amount_phrase(-left, rule.unit)} ago" if left else "breached just now"
    return f"{amount_phrase(left, rule.unit)} left" if left else "due today"


def _left(due_at: datetime, rule: Target, calendar: WorkingCalendar, zone: str, at: datetime) -> int | timedelta:
    """In the target's own unit; negative once it is late.  For months and agreed dates in calendar days."""
    if not rule.unit.is_in_days:
        if not rule.unit.is_working:
            return due_at - at
        return calendar.between(at, due_at) if at < due_at else -calendar.between(due_at, at)
    place = find_zone(zone)
    due_on, today = (due_at - timedelta(microseconds=1)).astimezone(place).date(), at.astimezone(place).date()
    if rule.unit.is_working:
        return week_of(rule, calendar).working_dates_between(today, due_on)
    return (due_on - today).days


def amount_phrase(amount: int | timedelta, unit: Unit) -> str:
    """ "1 working day", "3 days", "2 hours 5 minutes"."""
    if isinstance(amount, timedelta):
        hours, minutes = divmod(amount // timedelta(minutes=1), 60)
        said = [_plural(hours, "hour")] if hours else []
        said += [_plural(minutes, "minute")] if minutes or not hours else []
        return " ".join(said) + (" of working time" if unit is Unit.WORKING_HOURS else "")
    return _plural(amount, UNITS.get(unit, "day"))


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
