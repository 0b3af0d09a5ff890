"""What a zone's wall clock shows: its offsets through a year, and the instant at which a wall time first exists."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ticketing.core.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND
FIRST_YEAR, LAST_YEAR = 3, 9996

# A span of instants with one offset: from, to (microseconds since 1970, half open), offset (microseconds).
Span = tuple[int, int, int]


@lru_cache(maxsize=512)
def find_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name; Invalid if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError, AttributeError):
        raise Invalid(f"There is no time zone called “{name}”. Use an IANA name such as Europe/London.") from None


def ticks(moment: datetime) -> int:
    """Microseconds from 1970 to an aware moment; Invalid if the moment does not say its zone."""
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise Invalid(f"The moment “{moment}” does not say its time zone. Give it an offset, for example +00:00.")
    return (moment - EPOCH) // MICROSECOND


def moment_of(tick: int) -> datetime:
    """The UTC moment so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=tick)


@lru_cache(maxsize=4096)
def year_bounds(year: int) -> tuple[int, int]:
    """Where a UTC year begins and ends; Invalid outside the years a clock can be reckoned in."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid(f"The year {year} is too far away to reckon with. Use dates between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return ticks(datetime(year, 1, 1, tzinfo=UTC)), ticks(datetime(year + 1, 1, 1, tzinfo=UTC))


@lru_cache(maxsize=4096)
def offset_spans(zone: str, year: int) -> tuple[Span, ...]:
    """The zone's offsets over a UTC year and two days either side, in order.

    zoneinfo does not list its changes, so the offset is asked twice a day and each change is narrowed to its second.
    """
    tz, (begin, end) = find_zone(zone), year_bounds(year)
    tick, stop, step = begin - 2 * DAY, end + 2 * DAY, DAY // 2
    spans, start, offset = [], tick, _offset(tz, tick)
    while tick < stop:
        after = _offset(tz, tick + step)
        if after != offset:
            change = _change(tz, tick, tick + step, offset)
            spans.append((start, change, offset))
            start, offset = change, after
        tick += step
    spans.append((start, stop, offset))
    return tuple(spans)


def _offset(tz: ZoneInfo, tick: int) -> int:
    offset = moment_of(tick).astimezone(tz).utcoffset()
    return (offset or timedelta()) // MICROSECOND


def _change(tz: ZoneInfo, before: int, after: int, offset: int) -> int:
    while after - before > SECOND:
        middle = (before + after) // 2 // SECOND * SECOND
        if _offset(tz, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def instant_of(wall: datetime, zone: str) -> datetime:
    """The UTC instant at which `zone` first shows `wall` (naive); where it never does, the first instant after."""
    tz = find_zone(zone)
    instant = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None, fold=0) == wall.replace(fold=0):
        return instant
    # In a gap fold=1 reads with the later offset and so lands before the change, fold=0 after it.
    before = ticks(wall.replace(tzinfo=tz, fold=1).astimezone(UTC))
    return moment_of(_change(tz, before // SECOND * SECOND, -(-ticks(instant) // SECOND) * SECOND, _offset(tz, before)))


def first_instant_of(day: date, zone: str) -> datetime:
    """The UTC instant at which `day` begins in `zone`; where its midnight is skipped, the first instant after."""
    return instant_of(datetime.combine(day, time()), zone)
