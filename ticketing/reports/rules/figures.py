"""From facts to figures: each figure is the rows behind it, so that every number opens exactly what it counts; pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from ticketing.cases.rules import Status
from ticketing.codes.rules import BreachReason
from ticketing.reports.rules.arithmetic import median, percentile, share
from ticketing.reports.rules.periods import Bucket, Period, buckets

ACKNOWLEDGE, RESPOND, SETTLE = "acknowledge", "respond", "respond_stage_1"
KNOWN = frozenset({"met", "breached"})
DAY = 86_400
AGES: tuple[tuple[str, int], ...] = (  # label, up to so many days
    ("Under 10 days", 9), ("10 to 24 days", 24), ("25 to 39 days", 39), ("40 to 59 days", 59), ("60 to 182 days", 182),
    ("More than 6 months", 10**6),
)
NO_REASON = "none"
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A case that was logged."""

    reference: str
    status: Status
    is_open: bool
    received_at: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class TimerFact:
    """One run of a target that applies, on a case that is neither anonymous nor transferred.

    `first_due_on` is the date agreed first, of a response; `held_seconds` the time on hold between start and response.
    """

    reference: str
    status: Status
    received_at: datetime
    zone: str
    target: str
    state: str
    started_at: datetime | None
    due_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None
    breach_reason: str
    first_due_on: date | None = None
    is_amended: bool = False
    held_seconds: float = 0.0
    pack: str = ""
    cycle: int = 1
    subject: str = ""
    occurrence: int = 1

    @property
    def is_late(self) -> bool:
        return self.state == "breached"

    @property
    def gross_days(self) -> float | None:
        if self.met_at is None or self.started_at is None:
            return None
        return (self.met_at - self.started_at).total_seconds() / DAY

    @property
    def net_days(self) -> float | None:
        gross = self.gross_days
        return None if gross is None else max(0.0, gross - self.held_seconds / DAY)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the figures are made from; `breaches` holds the missed targets of anonymous and transferred cases too."""

    cases: tuple[CaseFact, ...]
    timers: tuple[TimerFact, ...]
    breaches: tuple[TimerFact, ...]


Row = CaseFact | TimerFact


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: how many rows, and which."""

    code: str
    label: str
    rows: tuple[Row, ...]

    @property
    def number(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Share:
    """In time and late, of what is known; `waiting` is still in time."""

    in_time: Figure
    late: Figure
    waiting: Figure

    @property
    def whole(self) -> int:
        return self.in_time.number + self.late.number

    @property
    def percent(self) -> int | None:
        return share(self.in_time.number, self.whole)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of how many, their median and 90th percentile in days."""

    count: int
    median: float | None
    ninetieth: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        known = [value for value in values if value is not None]
        return cls(len(known), _tenths(median(known)), _tenths(percentile(known, 90)))


@dataclass(frozen=True, slots=True)
class Slot:
    """One week or month of responses."""

    bucket: Bucket
    responses: Figure
    gross: Spread


@dataclass(frozen=True, slots=True)
class Overview:
    """The manager's page, whole."""

    period: Period
    acknowledged: Share
    settled: Share
    answered: Share
    first_agreed: Share
    amended: Figure
    responses: Figure
    gross: Spread
    net: Spread
    slots: tuple[Slot, ...]
    received: Figure
    still_open: Figure
    ended: Figure
    endings: tuple[Figure, ...]
    open: Figure
    open_by_age: tuple[Figure, ...]
    open_by_status: tuple[Figure, ...]
    breaches: Figure
    by_reason: tuple[Figure, ...]
    by_target: tuple[Figure, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.received.number or self.open.number or self.responses.number or self.breaches.number)

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by the code its link carries."""
        shares = (self.acknowledged, self.settled, self.answered, self.first_agreed)
        found = [part for item in shares for part in (item.in_time, item.late, item.waiting)]
        found += [self.amended, self.responses, self.received, self.still_open, self.ended, self.open, self.breaches]
        found += [*self.endings, *self.open_by_age, *self.open_by_status, *self.by_reason, *self.by_target]
        found += [slot.responses for slot in self.slots]
        return {figure.code: figure for figure in found}


def overview(facts: Facts, period: Period, targets: dict[str, str], at: datetime) -> Overview:
    """Every figure of one period; `targets` names the targets as people read them."""
    received = tuple(row for row in facts.cases if period.holds(local_day(row.received_at, row.zone)))
    running = tuple(row for row in facts.cases if row.is_open)
    acknowledging = _received_in(facts.timers, ACKNOWLEDGE, period)
    settling = _received_in(facts.timers, SETTLE, period)
    due = tuple(row for row in facts.timers if row.target == RESPOND and row.due_at and period.holds(due_day(row)))
    agreed = tuple(row for row in due if row.first_due_on is not None and row.due_at is not None and row.due_at <= at)
    sent = tuple(row for row in facts.timers if row.target == RESPOND and row.met_at and period.holds(local_day(row.met_at, row.zone)))
    missed = tuple(row for row in facts.breaches if row.breached_at and period.holds(local_day(row.breached_at, row.zone)))
    return Overview(
        period=period,
        acknowledged=_share("acknowledged", "Acknowledged", acknowledging), settled=_share("settled", "Settled", settling),
        answered=_share("answered", "Answered", due, is_known=lambda row: row.due_at is not None and row.due_at <= at),
        first_agreed=_first_agreed(agreed),
        amended=Figure("amended", "Responses due whose date was amended", tuple(row for row in due if row.is_amended)),
        responses=Figure("responses", "Responses sent", sent),
        gross=Spread.of(row.gross_days for row in sent), net=Spread.of(row.net_days for row in sent), slots=_slots(period, sent),
        received=Figure("received", "Received", received),
        still_open=Figure("received_open", "Received and still open", tuple(row for row in received if row.is_open)),
        ended=Figure("received_ended", "Received and ended", tuple(row for row in received if not row.is_open)),
        endings=_grouped(
            (row for row in received if not row.is_open), lambda row: row.status, list(Status), "ended", lambda key: key.label),
        open=Figure("open", "Open now", running), open_by_age=_by_age(running, at),
        open_by_status=_grouped(running, lambda row: row.status, list(Status), "open_status", lambda key: key.label),
        breaches=Figure("breaches", "Breached targets", missed), by_reason=_by_reason(missed),
        by_target=_grouped(missed, lambda row: row.target, list(targets), "missed", lambda key: targets[key]))


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def due_day(row: TimerFact) -> date:
    """The day by whose end it is due: a due moment at midnight belongs to the day before."""
    assert row.due_at is not None  # noqa: S101 - asked of rows with a due moment only
    local = row.due_at.astimezone(ZoneInfo(row.zone))
    return date.fromordinal(local.date().toordinal() - 1) if (local.hour, local.minute, local.second) == (0, 0, 0) else local.date()


def _received_in(timers: Sequence[TimerFact], target: str, period: Period) -> tuple[TimerFact, ...]:
    return tuple(row for row in timers if row.target == target and period.holds(local_day(row.received_at, row.zone)))


def _share(
    code: str, label: str, rows: Sequence[TimerFact], is_known: Callable[[TimerFact], bool] = lambda row: row.state in KNOWN,
) -> Share:
    known = [row for row in rows if is_known(row)]
    return Share(
        Figure(f"{code}_in_time", f"{label} in time", tuple(row for row in known if not row.is_late)),
        Figure(f"{code}_late", f"{label} after the target was breached, or not yet", tuple(row for row in known if row.is_late)),
        Figure(f"{code}_waiting", f"{label}: still in time", tuple(row for row in rows if not is_known(row))))


def _first_agreed(rows: Sequence[TimerFact]) -> Share:
    """The same responses against the date agreed first: sent by its end, or not."""
    in_time = tuple(row for row in rows if _is_by(row.met_at, row.first_due_on, row.zone))
    late = tuple(row for row in rows if not _is_by(row.met_at, row.first_due_on, row.zone))
    return Share(
        Figure("first_in_time", "Answered by the date agreed first", in_time),
        Figure("first_late", "Not answered by the date agreed first", late), Figure("first_waiting", "", ()))


def _is_by(moment: datetime | None, day: date | None, zone: str) -> bool:
    return moment is not None and day is not None and local_day(moment, zone) <= day


def _slots(period: Period, sent: Sequence[TimerFact]) -> tuple[Slot, ...]:
    found = []
    for bucket in buckets(period):
        rows = tuple(row for row in sent if row.met_at and bucket.holds(local_day(row.met_at, row.zone)))
        label = f"Responses sent, {bucket.label}"
        found.append(Slot(bucket, Figure(f"sent_{bucket.starts_on}", label, rows), Spread.of(row.gross_days for row in rows)))
    return tuple(found)


def _by_age(running: Sequence[CaseFact], at: datetime) -> tuple[Figure, ...]:
    found, above = [], -1
    for number, (label, most) in enumerate(AGES):
        rows = tuple(row for row in running if above < _age(row, at) <= most)
        found.append(Figure(f"age_{number}", label, rows))
        above = most
    return tuple(found)


def _age(row: CaseFact, at: datetime) -> int:
    return max(0, (local_day(at, row.zone) - local_day(row.received_at, row.zone)).days)


def _by_reason(missed: Sequence[TimerFact]) -> tuple[Figure, ...]:
    labels = {reason.value: reason.label for reason in BreachReason} | {NO_REASON: "No reason given yet"}
    found = _grouped(missed, lambda row: row.breach_reason or NO_REASON, list(labels), "reason", lambda key: labels[key])
    return tuple(sorted(found, key=lambda figure: -figure.number))


def _grouped(
    rows: Iterable[T], key_of: Callable[[T], K], order: Sequence[K], code: str, label_of: Callable[[K], str],
) -> tuple[Figure, ...]:
    """One figure for each key that has rows; a key nobody knows of comes last under its own name, so that nothing drops out."""
    groups: dict[K, list[T]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    known = [key for key in order if key in groups]
    unknown = [key for key in groups if key not in order]
    return tuple(
        Figure(f"{code}_{key}", label_of(key) if key in order else str(key), tuple(groups[key]))  # type: ignore[arg-type]
        for key in (*known, *unknown))


def _tenths(value: float | None) -> float | None:
    """To one decimal, halves up."""
    return None if value is None else int(value * 10 + 0.5) / 10
