"""Two replays side by side: what changes side, the sums that add up over cases, and the figures a page shows; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from ticketing.calendars.rules import find_zone
from ticketing.escalation.rules.simulating import History, Memo, Outcome, Played, Policy, Replay, replay
from ticketing.firings.rules import target_noun
from ticketing.sla.rules import State

Sums = dict[str, Any]
OPEN = frozenset({State.RUNNING, State.HELD, State.WAITING})
MANY = 5  # more messages than this on one day is a bad day


class Side(StrEnum):
    """On which side a target came out; `open` still runs, `none` the policy does not ask for."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"
    NONE = "none"


SIDE_WORDS: Mapping[str, str] = {
    Side.MET: "met", Side.MISSED: "breached", Side.OPEN: "still running", Side.NONE: "not asked for"}


@dataclass(frozen=True, slots=True)
class Change:
    """A target of a case that comes out otherwise under the draft."""

    case_id: int
    cycle: int
    pack: str
    target: str
    subject: str
    occurrence: int
    before: Side
    after: Side
    due_before: datetime | None
    due_after: datetime | None
    met_at: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """A step that fired in a replay, ready to be told: in which replay (0 today's policy, 1 the draft), of what, when at the site."""

    place: int
    case_id: int
    version_id: int
    timer_key: str
    subject: str
    local: datetime
    handler_id: int | None
    team_id: int | None
    unit_id: int | None

    @property
    def day(self) -> date:
        return self.local.date()

    @property
    def month(self) -> str:
        return f"{self.local:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What a chunk of cases came to."""

    sums: Sums
    changes: tuple[Change, ...]
    told: tuple[Told, ...]
    last_case_id: int


def compare_histories(histories: Sequence[History], before: Policy, after: Policy, *, until: datetime) -> Compared:
    """Play each case under both policies, and add up."""
    sums: Sums = {"cases": 0}
    changes: list[Change] = []
    told: list[Told] = []
    for history in histories:
        pair = _both(history, before, after, until)
        sums["cases"] += 1
        _count(sums, history, pair)
        changes += changes_of(history.case_id, *pair)
        told += _told_of(history, pair, (before, after))
    return Compared(sums, tuple(changes), tuple(told), histories[-1].case_id if histories else 0)


def _both(history: History, before: Policy, after: Policy, until: datetime) -> tuple[Replay, Replay]:
    memo: Memo = {}
    first = replay(history, before, until=until, memo=memo)
    return first, first if after.asks_the_same(before, history) else replay(history, after, until=until, memo=memo)


def side_of(outcome: Outcome | None) -> Side:
    """Met in time, missed (even if it was met late), still running, or not asked for."""
    if outcome is None or outcome.state is State.NOT_APPLICABLE:
        return Side.NONE
    if outcome.state is State.BREACHED:
        return Side.MISSED
    return Side.MET if outcome.state is State.MET else Side.OPEN


def changes_of(case_id: int, before: Replay, after: Replay) -> list[Change]:
    """The targets of one case that came to be missed under one policy and not under the other."""
    old, new = ({item.key: item for item in one.outcomes} for one in (before, after))
    found: list[Change] = []
    if before is after:
        return found
    for key in dict.fromkeys((*old, *new)):
        first, second = old.get(key), new.get(key)
        sides = side_of(first), side_of(second)
        if sides[0] is not sides[1] and Side.MISSED in sides:
            either = second or first
            found.append(Change(
                case_id, *key, *sides, first.due_at if first else None, second.due_at if second else None,
                either.met_at if either else None))
    return found


def add(total: Any, more: Any) -> Any:
    """Two sums in one: numbers add, lists by their places, tables by their keys."""
    if isinstance(total, dict):
        for key, value in more.items():
            total[key] = add(total[key], value) if key in total else value
        return total
    if isinstance(total, list):
        return [add(one, other) for one, other in zip(total, more, strict=True)]
    return total + more


def _count(sums: Sums, history: History, pair: tuple[Replay, Replay]) -> None:
    zone = find_zone(history.zone)
    for place, played in enumerate(pair):
        for item in played.outcomes:
            side = side_of(item)
            table = sums.setdefault("targets", {}).setdefault(f"{item.pack}/{item.target}", {})
            table.setdefault(side.value, [0, 0])[place] += 1
            if side is Side.MISSED and item.breached_at is not None:
                month = f"{item.breached_at.astimezone(zone) - timedelta(microseconds=1):%Y-%m}"
                sums.setdefault("missed", {}).setdefault(month, [0, 0])[place] += 1
    for change in changes_of(history.case_id, *pair):
        name = f"{change.before.value}/{change.after.value}"
        sums.setdefault("sides", {})[name] = sums.setdefault("sides", {}).get(name, 0) + 1


def _told_of(history: History, pair: tuple[Replay, Replay], policies: tuple[Policy, Policy]) -> Iterable[Told]:
    zone = find_zone(history.zone)
    for place, played in enumerate(pair):
        for step in played.fired:
            local = _told_at(step, history, policies[place]).astimezone(zone)
            yield Told(place, history.case_id, step.version_id, step.timer_key, step.subject, local, step.handler_id, step.team_id,
                       history.unit_id)


def _told_at(step: Played, history: History, policy: Policy) -> datetime:
    """People are told when their office is open; at once where somebody may be in danger."""
    fired_at = step.fired_at or step.fire_at
    pinned = next((pin for pin in history.pins if pin.cycle == step.cycle), history.pins[0])
    return fired_at if history.is_danger_now else policy.calendar(pinned).next_opening(fired_at) or fired_at


# --- the figures of a page ---


@dataclass(frozen=True, slots=True)
class Pair:
    """A number today and under the draft."""

    label: str
    before: int
    after: int

    @property
    def more(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """How one target came out."""

    label: str
    missed: Pair
    met: Pair
    open: Pair


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Messages to one person in one month: on average for each working day (weekdays), today and under the draft; `level` 0 to 4."""

    before: float
    after: float
    level: int


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One person: messages in all, the most on one day, days with more than MANY, and each month."""

    uid: str
    total: Pair
    busiest: Pair
    bad_days: Pair
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything a result shows that is not a case."""

    cases: int
    missed: Pair
    fired: Pair
    told: Pair
    unheard: Pair
    to_missed: int
    to_met: int
    other: int
    months: tuple[str, ...]
    missed_by_month: tuple[Pair, ...]
    fired_by_month: tuple[Pair, ...]
    targets: tuple[TargetFigures, ...]
    rules: tuple[Pair, ...]
    people: tuple[HeatRow, ...]

    @property
    def month_names(self) -> tuple[str, ...]:
        """ "Mar 26" for each month."""
        return tuple(f"{date.fromisoformat(f'{month}-01'):%b %y}" for month in self.months)


def figures_of(sums: Sums, first_on: date, last_on: date) -> Figures:
    """The figures of the sums of a simulation."""
    months = months_between(first_on, last_on)
    sides = sums.get("sides", {})
    to_missed, to_met = sides.get("met/missed", 0), sides.get("missed/met", 0)
    targets = tuple(_target_figures(key, table) for key, table in sorted(sums.get("targets", {}).items()))
    fired = sums.get("fired", {})
    people = tuple(_heat_row(uid, days, months) for uid, days in sums.get("days", {}).items())
    return Figures(
        cases=sums.get("cases", 0),
        missed=Pair("Breached targets", sum(item.missed.before for item in targets), sum(item.missed.after for item in targets)),
        fired=Pair("Steps of the ladder", sum(pair[0] for pair in fired.values()), sum(pair[1] for pair in fired.values())),
        told=Pair("Messages to people", sum(row.total.before for row in people), sum(row.total.after for row in people)),
        unheard=Pair("Steps with nobody to tell", *sums.get("unheard", (0, 0))),
        to_missed=to_missed, to_met=to_met, other=sum(sides.values()) - to_missed - to_met, months=months,
        missed_by_month=_by_month(months, sums.get("missed", {})), fired_by_month=_by_month(months, fired), targets=targets,
        rules=tuple(Pair(name, *pair) for name, pair in sorted(sums.get("rules", {}).items())),
        people=tuple(sorted(people, key=lambda row: (-max(row.total.before, row.total.after), row.uid))))


def months_between(first_on: date, last_on: date) -> tuple[str, ...]:
    """ "2026-03" for each month of the range."""
    first, last = first_on.year * 12 + first_on.month - 1, last_on.year * 12 + last_on.month - 1
    return tuple(f"{number // 12}-{number % 12 + 1:02}" for number in range(first, last + 1))


def weekdays_in(month: str) -> int:
    """How many days of a month are no Saturday or Sunday."""
    day, number = date.fromisoformat(f"{month}-01"), 0
    while f"{day:%Y-%m}" == month:
        number += day.weekday() < 5
        day += timedelta(days=1)
    return number


def _by_month(months: Sequence[str], table: Mapping[str, Sequence[int]]) -> tuple[Pair, ...]:
    return tuple(Pair(month, *table.get(month, (0, 0))) for month in months)


def _target_figures(key: str, table: Mapping[str, Sequence[int]]) -> TargetFigures:
    pack, target = key.split("/")
    label = f"{target_noun(target).capitalize()} ({pack})"
    pairs = {side: Pair(SIDE_WORDS[side].capitalize(), *table.get(side.value, (0, 0))) for side in (Side.MISSED, Side.MET, Side.OPEN)}
    return TargetFigures(label, pairs[Side.MISSED], pairs[Side.MET], pairs[Side.OPEN])


def _heat_row(uid: str, days: Mapping[str, Sequence[int]], months: Sequence[str]) -> HeatRow:
    def column(place: int) -> list[int]:
        return [pair[place] for pair in days.values()]

    cells = []
    for month in months:
        mine = [pair for day, pair in days.items() if day.startswith(month)]
        before, after = (round(sum(pair[place] for pair in mine) / weekdays_in(month), 1) for place in (0, 1))
        cells.append(HeatCell(before, after, heat_level(after)))
    old, new = column(0), column(1)
    return HeatRow(
        uid, Pair("In all", sum(old), sum(new)), Pair("Most on one day", max(old, default=0), max(new, default=0)),
        Pair(f"Days with more than {MANY}", sum(number > MANY for number in old), sum(number > MANY for number in new)), tuple(cells))


def heat_level(number: float) -> int:
    """0 none, 1 up to one a day, 2 up to three, 3 up to five, 4 more."""
    return 0 if number <= 0 else 1 if number <= 1 else 2 if number <= 3 else 3 if number <= MANY else 4
