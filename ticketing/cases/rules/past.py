"""From the rows of an old system to past cases: the steps each went through, in order, and the way the lifecycle's table allows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.cases.rules.history import ISO, HistoryMapping
from ticketing.cases.rules.lifecycle import ENDED, LIFECYCLE, Action, Status
from ticketing.cases.rules.mapping import fold
from ticketing.cases.rules.rows import UNSTORABLE, source_key
from ticketing.cases.rules.sheets import Row, Sheet, text
from ticketing.core.errors import Invalid

ACTIONS = {"acknowledged": Action.ACKNOWLEDGE, "resolved": Action.SIGN_AND_SEND, "closed": Action.CLOSE, "reopened": Action.REOPEN}
SIDEWAYS = frozenset({Action.RETURN_DRAFT, Action.REOPEN})


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a past case, as the clock counts it; `before` and `after` are statuses, the same for a hold."""

    name: str
    at: datetime
    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class PastCase:
    """One past case.  The five moments are as the old system wrote them, even where one contradicts another; `steps` never do."""

    line: int
    source_key: str
    opened_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    last_at: datetime
    steps: tuple[Step, ...]
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """A file looked at: the past cases in the order of the file, and the rows that cannot be taken, each with why."""

    cases: tuple[PastCase, ...]
    bad: tuple[tuple[Row, str], ...]
    rows: int


@dataclass(frozen=True, slots=True)
class _Told:
    """One row whose cells were read."""

    row: Row
    moments: Mapping[str, datetime]
    happened_at: datetime | None
    rank: int


def read_past(sheet: Sheet, mapping: HistoryMapping, *, at: datetime) -> Past:
    """Every row looked at; a case with a bad row is left out whole, with all its rows.  Raises Invalid where a column is missing."""
    reader = _Reader(sheet, mapping, at)
    groups: dict[str, list[Row]] = {}
    bad: list[tuple[Row, str]] = []
    for row in sheet.rows:
        key = reader.cell(row, mapping.key)
        if key:
            groups.setdefault(key, []).append(row)
        else:
            bad.append((row, f"column “{mapping.key}”: it is empty. Write the case's own number."))
    cases: list[PastCase] = []
    for key, rows in groups.items():
        try:
            cases.append(reader.case(key, rows))
        except _BadRow as fault:
            bad += [(row, str(fault) if row is fault.row else f"Line {fault.row.line} of the same case cannot be taken. Correct that line.")
                    for row in rows]
    return Past(tuple(cases), tuple(sorted(bad, key=lambda item: item[0].line)), len(sheet.rows))


class _BadRow(Exception):
    """A row that cannot be taken, and why."""

    def __init__(self, row: Row, why: str) -> None:
        super().__init__(why)
        self.row = row


class _Reader:
    """Reads the rows of one sheet by its mapping."""

    def __init__(self, sheet: Sheet, mapping: HistoryMapping, at: datetime) -> None:
        self.mapping, self.at, self.zone = mapping, at, ZoneInfo(mapping.zone)
        self.places = {fold(name): place for place, name in enumerate(sheet.heading)}
        self.width = len(sheet.heading)
        missing = [name for name in mapping.wanted_columns if fold(name) not in self.places]
        if missing:
            raise Invalid(f"The file has no column {', '.join(f'“{name}”' for name in missing)}. It has: {', '.join(sheet.heading)}. "
                          "Correct the mapping, or look whether the delimiter is right.")

    def cell(self, row: Row, column: str) -> str:
        place = self.places[fold(column)]
        return text(row.cells[place]).strip() if place < len(row.cells) else ""

    def case(self, key: str, rows: Sequence[Row]) -> PastCase:
        told = [self._told(row) for row in rows]
        speaks = max(told, key=lambda each: each.rank) if self.mapping.decided_by else told[-1]
        if self.mapping.decided_by:
            told.sort(key=lambda each: each.rank)
        elif self.mapping.log:
            told.sort(key=lambda each: each.happened_at or self.at)  # stable: the order of the file among equals
        moments = dict(speaks.moments)
        changes = self._changes(told)
        log = self.mapping.log
        if log and log.opens and told[0].happened_at:
            moments["opened"] = told[0].happened_at
        for name in ("resolved", "closed"):
            ends = [when for meaning, when in changes if meaning == name]
            if ends and name not in self.mapping.moments:
                moments[name] = ends[-1]
        if "opened" not in moments:
            raise _BadRow(speaks.row, f"column “{self.mapping.moments['opened']}”: it is empty. Write when the case was opened.")
        said: dict[str, Any] = {name: self.cell(speaks.row, column) for name, column in self.mapping.keep.items()}
        said |= {name: self.cell(told[0].row, column) for name, column in self.mapping.keep_first.items()}
        said |= {name: ["/".join(self.cell(each.row, column) for column in columns) for each in told]
                 for name, columns in self.mapping.each.items()}
        return PastCase(rows[0].line, source_key(self.mapping.source, [key]), moments["opened"], moments.get("resolved"),
                        moments.get("closed"), moments.get("due"), _last(told, moments), travelled(moments, changes), said)

    def _told(self, row: Row) -> _Told:
        if any(text(cell).strip() for cell in row.cells[self.width:]):
            raise _BadRow(row, f"It has {len(row.cells)} cells where the heading has {self.width}. Put quotes around cells that hold a "
                               "delimiter.")
        if any(UNSTORABLE.search(text(cell)) for cell in row.cells):
            raise _BadRow(row, "It holds bytes that are no text in this encoding. Save the file as UTF-8, or name its encoding in [file].")
        found = {name: self._moment(row, column) for name, column in self.mapping.moments.items()}
        log = self.mapping.log
        happened = self._moment(row, log.moment) if log else None
        if log and happened is None:
            raise _BadRow(row, f"column “{log.moment}”: it is empty. Write when this happened.")
        return _Told(row, {name: when for name, when in found.items() if when}, happened, self._rank(row))

    def _rank(self, row: Row) -> int:
        if not self.mapping.decided_by:
            return 0
        said = self.cell(row, self.mapping.decided_by)
        if not (said.isascii() and said.isdigit() and len(said) < 18):
            raise _BadRow(row, f"column “{self.mapping.decided_by}”: “{said[:40]}” is not a whole number. Write the number of the change.")
        return int(said)

    def _moment(self, row: Row, column: str) -> datetime | None:
        said = self.cell(row, column)
        if not said or said in self.mapping.blank_words:
            return None
        try:
            when = datetime.fromisoformat(said) if self.mapping.dates == ISO else datetime.strptime(said, self.mapping.dates)  # noqa: DTZ007
        except ValueError:
            raise _BadRow(row, f"column “{column}”: “{said[:40]}” is not a moment as the mapping says. Write it as "
                               f"{_example(self.mapping.dates)}.") from None
        local = when if when.tzinfo else when.replace(tzinfo=self.zone)
        moment = local.astimezone(UTC)
        if not when.tzinfo and moment.astimezone(self.zone).replace(tzinfo=None) != when:
            raise _BadRow(row, f"column “{column}”: “{said[:40]}” never was: the clocks of {self.mapping.zone} went forward over it. "
                               "Write the right time.")
        due = self.mapping.moments.get("due")
        if moment > self.at and column != due:
            raise _BadRow(row, f"column “{column}”: “{said[:40]}” is in the future. Write when it happened.")
        if moment.year < 1900:
            raise _BadRow(row, f"column “{column}”: “{said[:40]}” is before 1900. Write the right year.")
        return moment

    def _changes(self, told: Sequence[_Told]) -> list[tuple[str, datetime]]:
        """What the states of a log mean, one after the other, each meaning once in a row but endings, whose last counts."""
        log = self.mapping.log
        if log is None:
            return []
        return [(log.meaning("/".join(self.cell(each.row, column) for column in log.state)), each.happened_at)
                for each in told if each.happened_at]


def _last(told: Sequence[_Told], moments: Mapping[str, datetime]) -> datetime:
    return max([*(each.happened_at for each in told if each.happened_at), *(when for name, when in moments.items() if name != "due")])


def travelled(moments: Mapping[str, datetime], changes: Sequence[tuple[str, datetime]]) -> tuple[Step, ...]:
    """The steps of a case, in an order that the lifecycle's table allows and none before the one it follows.

    `changes` are the meanings of a log, in order.  A moment that a column tells takes the place of the log's last of that name.  What
    an old system writes before the opening, or out of order, is reckoned as at the step before it; the moments themselves stay as told.
    """
    wanted = list(_of_log(changes)) if changes else []
    for name in ("acknowledged", "assigned", "resolved", "closed"):
        if name in moments:
            wanted = _put(wanted, name, moments[name])
    status, latest, steps = Status.RECEIVED, moments["opened"], []
    for name, when in wanted:
        action = ACTIONS.get(name)
        after = _after(status, action) if action else status
        if after is None:
            continue
        latest = max(latest, when)
        steps.append(Step(name, latest, status, after))
        status = after
    return tuple(_released(steps))


def held_seconds(past: PastCase) -> int:
    """How long a past case was on hold; one that never ended is counted up to the last moment the old system tells of."""
    since, total = None, 0.0
    for step in past.steps:
        if step.name == "held":
            since = step.at
        elif step.name == "released" and since is not None:
            total += (step.at - since).total_seconds()
            since = None
    return round(total + (max(0.0, (past.last_at - since).total_seconds()) if since is not None else 0.0))


def _of_log(changes: Sequence[tuple[str, datetime]]) -> Iterable[tuple[str, datetime]]:
    """Only what changes something: a hold begins and ends, an ending stands until work goes on."""
    held = over = False
    for place, (meaning, when) in enumerate(changes):
        is_over = meaning in ("resolved", "closed")
        if held and meaning != "held":
            yield "released", when
        if over and not is_over:
            yield "reopened", when
        if meaning == "held" and not held:
            yield "held", when
        if is_over and (place + 1 == len(changes) or changes[place + 1][0] != meaning):
            yield meaning, when
        held, over = meaning == "held", is_over


def _put(wanted: list[tuple[str, datetime]], name: str, when: datetime) -> list[tuple[str, datetime]]:
    last = next((place for place in range(len(wanted) - 1, -1, -1) if wanted[place][0] == name), None)
    if last is not None:
        return [*wanted[:last], (name, when), *wanted[last + 1:]]
    if name in ("acknowledged", "assigned"):
        place = next((place for place, (_, at) in enumerate(wanted) if at > when), len(wanted))
        return [*wanted[:place], (name, when), *wanted[place:]]
    place = next((place for place, (other, _) in enumerate(wanted) if name == "resolved" and other == "closed"), len(wanted))
    return [*wanted[:place], (name, when), *wanted[place:]]


def _released(steps: Sequence[Step]) -> Iterable[Step]:
    """A hold ends with its cycle at the latest; one that was never begun is not released."""
    held = False
    for step in steps:
        if (step.name == "released" and not held) or (step.name == "held" and (held or step.before in ENDED)):
            continue
        if held and step.name in ("resolved", "closed"):
            yield replace(step, name="released", after=step.before)
            held = False
        held = {"held": True, "released": False}.get(step.name, held)
        yield step


@cache
def _after(status: Status, action: Action) -> Status | None:
    """Where `action` leads, over the steps of the table that an old system does not tell of; None if the table knows no way."""
    queue, seen = deque([status]), {status}
    while queue:
        here = queue.popleft()
        for move in LIFECYCLE:
            if here not in move.sources:
                continue
            if move.action is action:
                return move.target
            if move.action not in SIDEWAYS and move.target not in seen and move.target not in ENDED:
                seen.add(move.target)
                queue.append(move.target)
    return None


def _example(form: str) -> str:
    return "2026-03-02T09:30:00+00:00" if form == ISO else datetime(2026, 3, 2, 9, 30, tzinfo=UTC).strftime(form)
