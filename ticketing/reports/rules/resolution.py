"""The figures of cases brought in from an old system: each kind of figure is one function with one definition, asked for by name.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.core.errors import Invalid
from ticketing.reports.rules.catalogue import Metric
from ticketing.reports.rules.spans import FRIDAY, OPENS, SHUTS, business_seconds, part, spread, working_days

DAYS, WORKING_DAYS = (3, 5, 10, 20, 25, 30, 40, 60), (3, 10, 20, 25, 40)
DAY, HOUR = 86_400, 3600
Asked = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PastFact:
    """A case as its old system told of it; moments are aware, `said` what was kept of its rows."""

    reference: str
    opened_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    held_seconds: int
    cycles: int
    said: Mapping[str, Any]

    def ended(self, until: str) -> datetime | None:
        return self.resolved_at if until == "resolved" else self.closed_at


Rows = Sequence[PastFact]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of figure: its definition, and what makes it."""

    metric: Metric
    make: Callable[[Rows, Asked, ZoneInfo], Any]


def resolution_times(rows: Rows, asked: Sequence[Asked], zone: str) -> dict[str, Any]:
    """Every figure that is asked for, by its name; one without a name stands at the top.  Raises Invalid for what cannot be asked."""
    local = ZoneInfo(zone)
    found: dict[str, Any] = {}
    for each in asked or ({"kind": "times", "name": ""},):
        kind = KINDS.get(str(each.get("kind")))
        if kind is None:
            raise Invalid(f"[[figures]] kind {each.get('kind')!r} is not known. It may be: {', '.join(KINDS)}.")
        try:
            value = kind.make(_only(rows, each), each, local)
        except KeyError as error:
            raise Invalid(f"[[figures]] “{each.get('name', '')}” ({each['kind']}) needs {error.args[0]}.") from error
        found |= {each["name"]: value} if each.get("name") else value
    return found


def definitions(asked: Sequence[Asked]) -> dict[str, dict[str, str]]:
    """What each figure that is asked for means, by its kind."""
    kinds = dict.fromkeys(str(each["kind"]) for each in asked or ({"kind": "times"},))
    return {kind: {"name": one.name, "definition": one.definition, "population": one.population, "date_basis": one.date_basis,
                   "remark": one.remark} for kind, one in ((kind, KINDS[kind].metric) for kind in kinds)}


def _only(rows: Rows, asked: Asked) -> Rows:
    """The rows of which any condition holds; all where there is none."""
    wanted = asked.get("any")
    return rows if wanted is None else [row for row in rows if any(_holds(row, each) for each in wanted)]


def _holds(row: PastFact, condition: Mapping[str, Any]) -> bool:
    value = str(row.said.get(condition["of"], ""))
    return value in condition.get("is", ()) or ("contains" in condition and condition["contains"] in value)


def _times(rows: Rows, asked: Asked, zone: ZoneInfo) -> dict[str, Any]:
    until = asked.get("until", "closed")
    cases = [(_local(row.opened_at, zone), _local_or_none(row.ended(until), zone)) for row in rows]
    done = [(begin, end) for begin, end in cases if end is not None and end >= begin]
    seconds = [(end - begin).total_seconds() for begin, end in done]
    minutes = [business_seconds(begin, end) / 60 for begin, end in done]
    days = [working_days(begin, end) for begin, end in done]
    open_ones = sum(end is None for _, end in cases)
    found: dict[str, Any] = {
        "n_cases": len(cases), "n_closed": len(cases) - open_ones, "n_open": open_ones,
        "negative_duration": len(cases) - open_ones - len(done),
        "resolution_calendar_hours": spread([each / HOUR for each in seconds]),
        "resolution_business_minutes_mon_fri_9_17": spread(minutes),
        "resolution_business_seconds_total": round(sum(each * 60 for each in minutes)), "resolution_working_days": spread(days)}
    found |= {f"within_days_{most}": part(sum(each <= most * DAY for each in seconds), len(done)) for most in asked.get("days", DAYS)}
    found |= {f"within_working_days_{most}": part(sum(each <= most for each in days), len(done))
              for most in asked.get("working_days", WORKING_DAYS)}
    if asked.get("holidays"):
        shut = frozenset(date.fromisoformat(str(day)) for day in asked["holidays"])
        found["resolution_business_minutes_with_holidays"] = spread([business_seconds(begin, end, shut) / 60 for begin, end in done])
        found["holidays_used"] = sorted(day.isoformat() for day in shut)
    if asked.get("elapsed_as"):
        found[asked["elapsed_as"]] = spread(_elapsed_hours(rows, until, zone))
    return found | _by_month(cases)


def _elapsed_hours(rows: Rows, until: str, zone: ZoneInfo) -> list[float]:
    """Hours that truly passed, the hour of a clock change told apart, of the cases whose end the local clock puts after the opening."""
    pairs = ((row.opened_at, row.ended(until)) for row in rows)
    return [(end - begin).total_seconds() / HOUR for begin, end in pairs if end is not None and _local(end, zone) >= _local(begin, zone)]


def _by_month(cases: Sequence[tuple[datetime, datetime | None]]) -> dict[str, Any]:
    ends = [end for _, end in cases if end is not None]
    opened, closed = Counter(_month(begin) for begin, _ in cases), Counter(map(_month, ends))
    return {"opened_by_month": dict(sorted(opened.items())), "closed_by_month": dict(sorted(closed.items())),
            "opened_by_weekday_mon0": {str(day): number for day, number in sorted(Counter(begin.weekday() for begin, _ in cases).items())},
            "backlog_at_month_end": _backlog(cases, ends)}


def _backlog(cases: Sequence[tuple[datetime, datetime | None]], ends: Sequence[datetime]) -> dict[str, int]:
    """Cases opened before the first of the next month and not closed before it, for every month from the first to the last."""
    if not cases:
        return {}
    found, begins = {}, [begin for begin, _ in cases]
    year, month = min(begins).year, min(begins).month
    last = max([*begins, *ends])
    while (year, month) <= (last.year, last.month):
        name, (year, month) = f"{year}-{month:02d}", (year + 1, 1) if month == 12 else (year, month + 1)
        cut = datetime(year, month, 1)  # noqa: DTZ001 - the local clock, as every moment here
        found[name] = sum(begin < cut and (end is None or end >= cut) for begin, end in cases)
    return found


def _count(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, int]:
    return dict(Counter(_words(rows, asked["by"])).most_common())


def _top(rows: Rows, asked: Asked, _zone: ZoneInfo) -> list[list[Any]]:
    return [list(pair) for pair in Counter(_words(rows, asked["by"])).most_common(asked["most"])]


def _number(rows: Rows, asked: Asked, _zone: ZoneInfo) -> int:
    tests: dict[str, Callable[[PastFact], bool]] = {
        "all": lambda _row: True, "due": lambda row: row.due_at is not None, "reopened": lambda row: row.cycles > 1,
        "said": lambda row: _holds(row, asked)}
    if asked["which"] == "rows":
        return sum(len(row.said[asked["by"]]) for row in rows)
    if asked["which"] == "again":
        return sum(_is_again(row.said[asked["by"]], asked["first"], asked["then"]) for row in rows)
    return sum(map(tests[asked["which"]], rows))


def _is_again(states: Sequence[str], first: str, then: str) -> bool:
    """Whether a state that begins with `then` comes after one that begins with `first`."""
    begun = next((place for place, state in enumerate(states) if state.startswith(first)), None)
    return begun is not None and any(state.startswith(then) for state in states[begun + 1:])


def _on_time(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, Any]:
    due = [row for row in rows if row.due_at is not None and row.closed_at is not None]
    if "by" not in asked:
        return part(sum(map(_is_on_time, due)), len(due))
    groups: dict[str, list[PastFact]] = {}
    for row in due:
        groups.setdefault(str(row.said[asked["by"]]), []).append(row)
    return {name: part(sum(map(_is_on_time, group)), len(group)) for name, group in sorted(groups.items())
            if len(group) >= asked.get("least", 1)}


def _agreement(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, Any]:
    due = [row for row in rows if row.due_at is not None and row.closed_at is not None]
    return part(sum((row.said[asked["by"]] == asked["is"]) is _is_on_time(row) for row in due), len(due))


def _is_on_time(row: PastFact) -> bool:
    return row.due_at is not None and row.closed_at is not None and row.closed_at <= row.due_at


def _due_outside(rows: Rows, _asked: Asked, zone: ZoneInfo) -> int:
    due = [_local(row.due_at, zone) for row in rows if row.due_at is not None]
    return sum(each.weekday() > FRIDAY or not OPENS <= each.time() < SHUTS for each in due)


def _share(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, Any]:
    values = [str(row.said[asked["by"]]) for row in rows]
    if "above" in asked:
        return part(sum(value.isdecimal() and int(value) > asked["above"] for value in values), len(rows))
    return part(sum(value == asked["is"] for value in values), len(rows))


def _spread(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, Any]:
    if asked["of"] == "held_hours":
        return spread([row.held_seconds / HOUR for row in rows])
    if asked["of"] == "changes":
        return spread([sum(one != other for one, other in _pairs(row.said[asked["by"]])) for row in rows])
    return spread([int(value) for value in (str(row.said[asked["by"]]) for row in rows) if value.isdecimal()])


def _changes(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, int]:
    moves = Counter(f"{one} > {other}" for row in rows for one, other in _pairs(row.said[asked["by"]]) if one != other)
    return dict(moves.most_common())


def _highest(rows: Rows, asked: Asked, _zone: ZoneInfo) -> dict[str, int]:
    return dict(sorted(Counter(max(row.said[asked["by"]]) for row in rows).items()))


def _groups(rows: Rows, asked: Asked, zone: ZoneInfo) -> dict[str, Any]:
    """Each group with its hours to an answer and its share of a flag."""
    names = sorted({str(row.said[asked["by"]]) for row in rows})
    found: dict[str, Any] = {}
    for name in names:
        group = [row for row in rows if str(row.said[asked["by"]]) == name]
        hours = _times(group, {"until": asked.get("until", "resolved")}, zone)["resolution_calendar_hours"]
        flagged = _share(group, {"by": asked["flag"], "is": asked["is"]}, zone)
        found[name] = {"n": len(group), "resolved_hours": hours, asked["flag"]: flagged}
    return found


def _words(rows: Rows, by: str) -> Iterable[str]:
    """What the rows say, in their order; of a kept list, every item."""
    for row in rows:
        said = row.said[by]
        if isinstance(said, str):
            yield said
        else:
            yield from said


def _pairs(items: Sequence[str]) -> Iterable[tuple[str, str]]:
    return pairwise(items)


def _month(moment: datetime) -> str:
    return f"{moment.year:04d}-{moment.month:02d}"


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The clock on the wall of the site, without its zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _local_or_none(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if moment is None else _local(moment, zone)


EVERY = "Every case brought in from this source that the reader may see, or those of which one condition of the mapping holds."
OPENED = "The clock on the wall at the site of the source."
KINDS: Mapping[str, Kind] = {kind.metric.code: kind for kind in (
    Kind(Metric(
        "times", "Resolution times",
        "Time from opening to the end asked for: in hours of the calendar, in minutes of Monday to Friday 09:00 up to 17:00, and in "
        "Mondays to Fridays after the day of opening up to and with the day of the end. Shares are of the cases that have an end.",
        EVERY + " Cases that end before they open are counted and left out of durations; open ones are counted and have none.", OPENED,
        "Median and 90th percentile both ways: between the two nearest values, and by nearest rank, which is always a real case. "
        "Backlog: opened before the first of the next month and not ended before it."), _times),
    Kind(Metric("count", "Counts", "How many cases, or rows of a log, say each word.", EVERY, "None."), _count),
    Kind(Metric("top", "The most frequent", "The words said most often, with how often; equals in the order of the file.", EVERY, "None."),
         _top),
    Kind(Metric("number", "How many", "Cases, or rows of a log, of which the condition holds; reopened: with more than one cycle; "
                "again: of which a later row says the second word after the first."
                " Rows of a log: all that its cases have.", EVERY,
                "None."), _number),
    Kind(Metric("on_time", "On time by the source's own due date", "Closed at or before the due moment, of all closed with one.",
                EVERY + " Groups smaller than the least number asked for are not shown.", OPENED), _on_time),
    Kind(Metric("agreement", "The source's own flag against its clock", "Cases whose flag says what the two moments say, of all closed "
                "with a due moment.", EVERY, OPENED), _agreement),
    Kind(Metric("due_outside_hours", "Due outside working hours", "Due moments not within Monday to Friday, 09:00 up to 17:00.", EVERY,
                OPENED), _due_outside),
    Kind(Metric("share", "A share", "Cases that say the word, or a number above the one given, of all.", EVERY, "None."), _share),
    Kind(Metric("spread", "How a number is spread", "Hours on hold, changes from row to row, or a number that the source gives, a case.",
                EVERY, "None.", "A hold lasts until the state changes, or to the last moment the source tells of."), _spread),
    Kind(Metric("changes", "Changes of state", "From which state to which, from row to row of a case, where they differ.", EVERY,
                "None."), _changes),
    Kind(Metric("highest", "The highest word", "The last in the alphabet that the rows of a case say.", EVERY, "None."), _highest),
    Kind(Metric("groups", "By group", "Of each group its hours to the end asked for, and its share of a flag.", EVERY, OPENED), _groups),
)}
