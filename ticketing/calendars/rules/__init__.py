"""Working time in one place: the calendar that adds and measures it, and the public holidays that close it."""

from ticketing.calendars.rules.public import (
    DEFAULT_HOURS,
    PUBLIC_CALENDARS,
    PublicCalendar,
    named_calendar,
    public_calendar,
    public_holidays,
    table_version,
)
from ticketing.calendars.rules.working import Hours, WorkingCalendar
from ticketing.calendars.rules.zones import find_zone, first_instant_of, instant_of

__all__ = [
    "DEFAULT_HOURS",
    "PUBLIC_CALENDARS",
    "Hours",
    "PublicCalendar",
    "WorkingCalendar",
    "find_zone",
    "first_instant_of",
    "instant_of",
    "named_calendar",
    "public_calendar",
    "public_holidays",
    "table_version",
]
