"""Public-holiday calendars by code: a small table, the dates reckoned by the `holidays` library a year at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from ticketing.calendars.rules.working import Hours, WorkingCalendar
from ticketing.core.errors import Invalid

TABLE_VERSION = "2026.1"
DEFAULT_HOURS: Hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "17:00"),))
BANK_HOLIDAYS = "Banking and Financial Dealings Act 1971, Schedule 1"


@dataclass(frozen=True, slots=True)
class PublicCalendar:
    """A set of public holidays under one law.  `country` and `region` are the library's codes."""

    code: str
    title: str
    country: str
    region: str | None
    timezone: str
    source: str


ANNIVERSARY = "Holidays Act 2003, section 44, with the anniversary day of the region"
AUCKLAND, CHATHAM = "Pacific/Auckland", "Pacific/Chatham"
# Regions for which the library knows no anniversary day of their own are left out: their calendar is made by a reviewed import.
NEW_ZEALAND = (
    ("auckland", "Auckland", "AUK", AUCKLAND), ("canterbury", "Canterbury", "CAN", AUCKLAND),
    ("chatham_islands", "Chatham Islands", "CIT", CHATHAM), ("hawkes_bay", "Hawke's Bay", "HKB", AUCKLAND),
    ("marlborough", "Marlborough", "MBH", AUCKLAND), ("nelson", "Nelson", "NSN", AUCKLAND), ("northland", "Northland", "NTL", AUCKLAND),
    ("otago", "Otago", "OTA", AUCKLAND), ("south_canterbury", "South Canterbury", "South Canterbury", AUCKLAND),
    ("southland", "Southland", "STL", AUCKLAND), ("taranaki", "Taranaki", "TKI", AUCKLAND),
    ("wellington", "Wellington", "WGN", AUCKLAND), ("west_coast", "West Coast", "WTC", AUCKLAND),
)

PUBLIC_CALENDARS: Mapping[str, PublicCalendar] = {
    row.code: row
    for row in (
        # SI 2009/309: a working day is not a Saturday, a Sunday, Christmas Day, Good Friday or a bank holiday in England.
        PublicCalendar("england_wales", "England and Wales", "GB", "ENG", "Europe/London", BANK_HOLIDAYS),
        PublicCalendar("scotland", "Scotland", "GB", "SCT", "Europe/London", BANK_HOLIDAYS),
        PublicCalendar("northern_ireland", "Northern Ireland", "GB", "NIR", "Europe/London", BANK_HOLIDAYS),
        PublicCalendar("ireland", "Ireland", "IE", None, "Europe/Dublin", "Organisation of Working Time Act 1997, Second Schedule"),
        PublicCalendar("us_federal", "United States, federal", "US", None, "America/New_York", "5 U.S.C. 6103"),
        PublicCalendar("new_zealand", "New Zealand, national", "NZ", None, "Pacific/Auckland", "Holidays Act 2003, section 44"),
        PublicCalendar("new_south_wales", "New South Wales", "AU", "NSW", "Australia/Sydney", "Public Holidays Act 2010 (NSW)"),
        PublicCalendar("queensland", "Queensland", "AU", "QLD", "Australia/Brisbane", "Holidays Act 1983 (Qld)"),
        PublicCalendar("victoria", "Victoria", "AU", "VIC", "Australia/Melbourne", "Public Holidays Act 1993 (Vic)"),
        *(PublicCalendar(f"new_zealand_{code}", f"New Zealand, {title}", "NZ", region, zone, ANNIVERSARY)
          for code, title, region, zone in NEW_ZEALAND),
        # For an organisation under no scheme of law: weekends close it, and the days its own calendar names.
        PublicCalendar("none", "No public holidays", "", None, "Etc/UTC", "Local policy"),
    )
}


def public_calendar(code: str) -> PublicCalendar:
    """The public-holiday calendar with this code; Invalid lists the known ones."""
    try:
        return PUBLIC_CALENDARS[code]
    except (KeyError, TypeError):
        raise Invalid(f"There is no holiday calendar called “{code}”. Known: {', '.join(sorted(PUBLIC_CALENDARS))}.") from None


@lru_cache(maxsize=4096)
def public_holidays(code: str, year: int) -> Mapping[date, str]:
    """The public holidays of one year and their names, substitute days included."""
    from holidays import country_holidays  # the library takes a tenth of a second to load: only when a date is asked for

    row = public_calendar(code)
    if not row.country:
        return {}
    found = country_holidays(row.country, subdiv=row.region, years=year)
    return {day: name for day, name in sorted(found.items()) if day.year == year}


@lru_cache(maxsize=256)
def named_calendar(code: str, timezone: str | None = None) -> WorkingCalendar:
    """The public calendar with Monday to Friday, 09:00 to 17:00, in its own zone or the one given; shared, so its years stay warm."""
    row = public_calendar(code)
    return WorkingCalendar(timezone or row.timezone, DEFAULT_HOURS, lambda year: public_holidays(code, year))


def table_version() -> str:
    """Pins the holidays an answer was reckoned with: this table and the library beneath it."""
    from holidays.version import __version__

    return f"{TABLE_VERSION}+holidays-{__version__}"
