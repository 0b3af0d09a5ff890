"""WorkingCalendar: adds and measures working time by whole intervals, with prefix sums a year."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from ticketing.calendars.rules.zones import DAY, LAST_YEAR, SECOND, find_zone, instant_of, moment_of, offset_spans, ticks, year_bounds
from ticketing.core.errors import Invalid

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINAL_1970 = date(1970, 1, 1).toordinal()
SHUT_FOR_GOOD = 60          # years without one opening after which a calendar counts as never opening
YEARS_KEPT = 400
WEEKS_IN_REACH = 500 * 52

Edge = str | time
Hours = Mapping[str, Iterable[Sequence[Edge]]]
Windows = tuple[tuple[int, int], ...]


class _Year(NamedTuple):
    """One UTC year's openings and closings (microseconds since 1970) and the time worked before each."""

    opens: list[int]
    closes: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        return self.sums[-1]

    def worked_before(self, tick: int) -> int:
        at = bisect_right(self.opens, tick) - 1
        return self.sums[at] + min(tick, self.closes[at]) - self.opens[at] if at >= 0 else 0

    def when_worked(self, amount: int) -> int:
        """The first instant by which `amount` (over 0, at most the total) has been worked."""
        at = bisect_left(self.sums, amount) - 1
        return self.opens[at] + amount - self.sums[at]

    def opening_from(self, tick: int) -> int | None:
        """The first working instant at or after `tick`."""
        at = bisect_right(self.closes, tick)
        return max(tick, self.opens[at]) if at < len(self.opens) else None


class WorkingCalendar:
    """Opening hours in one zone, less holidays.

    `hours` maps mon...sun to wall-clock windows ("09:00", "17:00"), half open, as many a day as wanted, in any order; the last may
    end at "24:00".  `holidays` closes whole local dates: dates, or a function from a year to its dates.  `closures` are days on
    which this place alone is shut: they close its hours, but no law knows them (`with_week`).  Only wall minutes that exist count: a
    window inside a skipped hour is empty, one inside a repeated hour counts twice.  Answers are in UTC.
    """

    __slots__ = ("_dates", "_days", "_holidays", "_local_weeks", "_public", "_weeks", "_windows", "_years", "timezone")

    def __init__(self, timezone: str, hours: Hours, holidays: Iterable[date] | Callable[[int], Iterable[date]] = (),
                 closures: Mapping[date, str] | None = None) -> None:
        self.timezone = find_zone(timezone).key
        self._windows = read_hours(hours)
        self._public = holidays if callable(holidays) else _by_year(holidays)
        self._holidays = _with_closures(self._public, closures) if closures else self._public
        self._local_weeks: dict[tuple[str, ...], WorkingCalendar] = {}
        self._years: dict[int, _Year] = {}
        self._weeks: dict[tuple[str, ...], WorkingCalendar] = {}
        self._dates: dict[int, list[date]] = {}
        self._days: dict[int, frozenset[date]] = {}

    @property
    def ever_opens(self) -> bool:
        """False when no weekday has a window."""
        return any(self._windows)

    def add(self, start: datetime, amount: timedelta) -> datetime | None:
        """The moment at which `amount` of working time has passed since `start`; None if the calendar never opens.

        A moment exactly at a close stays there; adding zero outside hours gives the next opening.
        """
        wanted, tick = _amount(amount), ticks(start)
        if not self.ever_opens:
            return None
        if wanted == 0:
            return self.next_opening(start)
        self._refuse_beyond_reach(wanted)
        year = moment_of(tick).year
        wanted += self._year(year).worked_before(tick)
        empty = 0
        while wanted > (total := self._year(year).total):
            wanted, year, empty = wanted - total, year + 1, 0 if total else empty + 1
            if empty > SHUT_FOR_GOOD:
                return None
        return moment_of(self._year(year).when_worked(wanted))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Working time in [start, end); zero if the end is not after the start."""
        first, last = ticks(start), ticks(end)
        if last <= first or not self.ever_opens:
            return timedelta()
        begin, finish = moment_of(first).year, moment_of(last).year
        worked = self._year(finish).worked_before(last) - self._year(begin).worked_before(first)
        return timedelta(microseconds=worked + sum(self._year(year).total for year in range(begin, finish)))

    def add_working_days(self, start: datetime, days: int) -> datetime | None:
        """The same wall time `days` working dates after the first working instant at or after `start`.

        A skipped wall time moves to the first instant after, a doubled one is its first; outside hours the next opening is taken.
        None if the calendar never opens.
        """
        if isinstance(days, bool) or not isinstance(days, int) or days < 0:
            raise Invalid(f"“{days}” is not a number of working days. Use a whole number, 0 or more.")
        begin = self.next_opening(start)
        if begin is None or days == 0:
            return begin
        wall = begin.astimezone(find_zone(self.timezone)).replace(tzinfo=None, fold=0)
        on = self.working_date_after(wall.date(), days)
        return self.next_opening(instant_of(datetime.combine(on, wall.time()), self.timezone)) if on else None

    def next_opening(self, moment: datetime) -> datetime | None:
        """The first working instant at or after `moment`; None if the calendar never opens."""
        tick = ticks(moment)
        if not self.ever_opens:
            return None
        first = moment_of(tick).year
        for year in range(first, min(first + SHUT_FOR_GOOD, LAST_YEAR) + 1):
            found = self._year(year).opening_from(tick)
            if found is not None:
                return moment_of(found)
        return None

    def is_open(self, moment: datetime) -> bool:
        """Whether `moment` is working time."""
        return self.next_opening(moment) == moment.astimezone(UTC)

    def is_holiday(self, on: date) -> bool:
        """Whether a holiday closes this local date."""
        return on in self.holidays_of(on.year)

    def holiday_name(self, on: date) -> str | None:
        """What closes this local date, as the table of holidays calls it; None if no holiday does."""
        if not self.is_holiday(on):
            return None
        named = self._holidays(on.year)
        return named.get(on, "Holiday") if isinstance(named, Mapping) else "Holiday"

    def is_working_date(self, on: date) -> bool:
        """Whether this local date has hours and no holiday."""
        return bool(self._windows[on.weekday()]) and not self.is_holiday(on)

    def working_date_after(self, on: date, days: int) -> date | None:
        """The date `days` working dates after `on` (`on` itself is day 0); None if there is none."""
        if not self.ever_opens:
            return None
        year, empty = on.year, 0
        position = bisect_right(self._dates_of(year), on) + days - 1
        while position >= (total := len(self._dates_of(year))):
            position, year, empty = position - total, year + 1, 0 if total else empty + 1
            if empty > SHUT_FOR_GOOD:
                return None
        return self._dates_of(year)[position] if days else on

    def working_dates_between(self, after: date, until: date) -> int:
        """How many working dates lie in (after, until]; negative when `until` comes first."""
        if until < after:
            return -self.working_dates_between(until, after)
        before = bisect_right(self._dates_of(after.year), after)
        inside = bisect_right(self._dates_of(until.year), until)
        return inside - before + sum(len(self._dates_of(year)) for year in range(after.year, until.year))

    def with_week(self, week: tuple[str, ...]) -> WorkingCalendar:
        """The same holidays and zone with whole days open on `week`: the working days of a law, whatever the site's hours."""
        if week not in self._weeks:
            self._weeks[week] = WorkingCalendar(self.timezone, dict.fromkeys(week, (("00:00", "24:00"),)), self._public)
        return self._weeks[week]

    def with_local_week(self, week: tuple[str, ...]) -> WorkingCalendar:
        """The same, less the days on which this place alone is shut: for promises of its own, which no law counts."""
        if self._holidays is self._public:
            return self.with_week(week)
        if week not in self._local_weeks:
            self._local_weeks[week] = WorkingCalendar(self.timezone, dict.fromkeys(week, (("00:00", "24:00"),)), self._holidays)
        return self._local_weeks[week]

    def holidays_of(self, year: int) -> frozenset[date]:
        """The local dates of a year that a holiday closes."""
        if year not in self._days:
            self._days[year] = frozenset(_plain_date(day) for day in self._holidays(year))
        return self._days[year]

    def _refuse_beyond_reach(self, wanted: int) -> None:
        weekly = sum(closing - opening for windows in self._windows for opening, closing in windows)
        if wanted > weekly * WEEKS_IN_REACH:
            raise Invalid("That much working time lies too far away to reckon with: more than five hundred years of these hours.")

    def _dates_of(self, year: int) -> list[date]:
        found = self._dates.get(year)
        if found is None:
            year_bounds(year)
            days = (date.fromordinal(day) for day in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()))
            found = self._dates[year] = [day for day in days if self.is_working_date(day)]
        return found

    def _year(self, year: int) -> _Year:
        found = self._years.get(year)
        if found is None:
            if len(self._years) >= YEARS_KEPT:
                self._years.clear()
            found = self._years[year] = self._reckon_year(year)
        return found

    def _reckon_year(self, year: int) -> _Year:
        begin, end = year_bounds(year)
        pieces = sorted(piece for span in offset_spans(self.timezone, year) for piece in self._pieces(*span))
        clipped = [(max(a, begin), min(b, end)) for a, b in pieces if a < end and b > begin]
        sums = [0]
        for opening, closing in clipped:
            sums.append(sums[-1] + closing - opening)
        return _Year([a for a, _ in clipped], [b for _, b in clipped], sums)

    def _pieces(self, begin: int, end: int, offset: int) -> Iterable[tuple[int, int]]:
        """The open intervals while the zone keeps one offset: wall windows, cut to the wall times that the span shows."""
        for number in range((begin + offset) // DAY, (end + offset - 1) // DAY + 1):
            on = date.fromordinal(ORDINAL_1970 + number)
            windows = self._windows[on.weekday()]
            if not windows or on in self.holidays_of(on.year):
                continue
            midnight = number * DAY - offset
            for opening, closing in windows:
                a, b = max(midnight + opening, begin), min(midnight + closing, end)
                if a < b:
                    yield a, b


def read_hours(hours: Hours) -> tuple[Windows, ...]:
    """The windows of Monday to Sunday, in microseconds after midnight, sorted and joined; Invalid names the day and the window."""
    if not isinstance(hours, Mapping):
        raise Invalid("Working hours must map days (mon to sun) to windows such as 09:00 to 17:00.")
    week: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for name, windows in hours.items():
        week[_weekday(name)].extend(_window(name, window) for window in windows or ())
    return tuple(_joined(windows) for windows in week)


def _weekday(name: str) -> int:
    key = str(name).strip().lower()
    for names in (WEEKDAYS, WEEKDAY_NAMES):
        if key in names:
            return names.index(key)
    raise Invalid(f"“{name}” is not a day of the week. Use mon, tue, wed, thu, fri, sat or sun.")


def _window(day: str, window: Sequence[Edge]) -> tuple[int, int]:
    if isinstance(window, str) or len(window) != 2:
        raise Invalid(f"A window on {day} must have a start and an end, for example 09:00 and 17:00.")
    opening, closing = _edge(day, window[0]), _edge(day, window[1])
    if closing <= opening:
        raise Invalid(f"A window on {day} ends at {window[1]}, not after it begins at {window[0]}. Split a night at 24:00.")
    return opening, closing


def _edge(day: str, edge: Edge) -> int:
    text = edge.isoformat() if isinstance(edge, time) else str(edge).strip()
    if text in ("24:00", "24:00:00"):
        return DAY
    hour, _, rest = text.partition(":")
    try:
        clock = time.fromisoformat(f"{hour.zfill(2)}:{rest}")
    except ValueError:
        raise Invalid(f"“{edge}” on {day} is not a time of day. Use hours and minutes such as 09:00, at most 24:00.") from None
    if clock.tzinfo is not None:
        raise Invalid(f"“{edge}” on {day} must not carry an offset; the calendar's zone gives it.")
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * SECOND + clock.microsecond


def _joined(windows: list[tuple[int, int]]) -> Windows:
    joined: list[tuple[int, int]] = []
    for opening, closing in sorted(windows):
        if joined and opening <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], closing)
        else:
            joined.append((opening, closing))
    return tuple(joined)


def _amount(amount: timedelta) -> int:
    if not isinstance(amount, timedelta):
        raise Invalid(f"“{amount}” is not an amount of time.")
    if amount < timedelta():
        raise Invalid("An amount of working time cannot be negative.")
    return amount // timedelta(microseconds=1)


def _with_closures(holidays: Callable[[int], Iterable[date]], closures: Mapping[date, str]) -> Callable[[int], Iterable[date]]:
    own = _by_year(closures)

    def both(year: int) -> Mapping[date, str]:
        public = holidays(year)
        names = public if isinstance(public, Mapping) else {}
        return {**own(year), **{_plain_date(day): str(names.get(day, "Holiday")) for day in public}}

    return both


def _by_year(holidays: Iterable[date]) -> Callable[[int], Mapping[date, str]]:
    years: dict[int, dict[date, str]] = {}
    names = holidays if isinstance(holidays, Mapping) else {}
    for day in holidays:
        plain = _plain_date(day)
        years.setdefault(plain.year, {})[plain] = str(names.get(day, "Holiday"))
    return lambda year: years.get(year, {})


def _plain_date(day: date | str) -> date:
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except (TypeError, ValueError):
        raise Invalid(f"“{day}” is not a date. Write holidays as year-month-day, for example 2026-12-25.") from None
