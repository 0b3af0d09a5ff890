"""reckon: the state, due moment and account of a target, as a pure function of a case's events, the policy and the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ticketing.calendars.rules import WorkingCalendar, find_zone, first_instant_of
from ticketing.packs.rules import EventKind, ExtensionRule, Pack, Target, TargetCode, Unit
from ticketing.sla.rules.clock import Span, due_moment, moment_spent, spans_between_holds, time_elapsed
from ticketing.sla.rules.counting import DAY, DayCount, DayLine, Story, held_days, local_day, week_of
from ticketing.sla.rules.events import Event, Facts, Hold
from ticketing.sla.rules.runs import Run, holds_until, runs_of, satisfies

Amount = int | timedelta
HOUR = timedelta(hours=1)


class State(StrEnum):
    """Where a target stands."""

    WAITING = "waiting"                    # not started, or no date to run to
    RUNNING = "running"
    HELD = "held"
    MET = "met"
    BREACHED = "breached"                  # met_at says when it was met late, if it was
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """One target on one cycle, subject and occurrence of a case, as it stands at a moment.

    Moments are UTC.  For units of days `due_at` is the midnight at which the last day ends: met means before it.  `used` and `left`
    are in the target's own unit (days, or timedeltas for hours); `left` is negative after the due day, and counts calendar days for
    months and agreed dates.  `why` says in a sentence why the state is what it is; `why_null` why there is no due moment.
    """

    rule: Target
    state: State
    cycle: int = 1
    subject: str = ""
    occurrence: int = 1
    started_at: datetime | None = None
    due_at: datetime | None = None
    met_at: datetime | None = None
    breached_at: datetime | None = None
    held_since: datetime | None = None
    due_if_released_at: datetime | None = None     # for a held target: the due moment if it were released now
    used: Amount | None = None
    left: Amount | None = None
    why: str = ""
    why_null: str = ""
    spans: tuple[Span, ...] = field(default=(), repr=False)
    _calendar: WorkingCalendar | None = field(default=None, repr=False, compare=False)
    _story: Story | None = field(default=None, repr=False, compare=False)

    @property
    def target(self) -> TargetCode:
        return self.rule.code

    @property
    def pack(self) -> str:
        return self.rule.pack

    @property
    def unit(self) -> Unit:
        return self.rule.unit

    @property
    def clause(self) -> str:
        return self.rule.clause

    @property
    def calendar(self) -> WorkingCalendar | None:
        """The calendar it was reckoned with; None for a target that does not apply."""
        return self._calendar

    @property
    def account(self) -> tuple[DayLine, ...]:
        """Day by day from the start to the due day (or the moment asked about); built only when asked for."""
        return self._story.lines() if self._story else ()

    def moment_at(self, fraction: float) -> datetime | None:
        """When this share of the time between start and due is used: of working time for working units, else of elapsed time.

        Time held is not counted.  None while there is no due moment.
        """
        if self.due_at is None or self.started_at is None or self._calendar is None:
            return None
        if fraction >= 1:
            return self.due_at
        spans = [(since, min(until, self.due_at) if until else self.due_at) for since, until in self.spans if since < self.due_at]
        if not self.unit.is_working:
            return moment_spent(spans, fraction * sum((until - since for since, until in spans), timedelta()))
        total = sum((self._calendar.between(since, until) for since, until in spans), timedelta())
        return due_moment(self._calendar, max(fraction, 0) * total, spans) or self.due_at

    def moment_off(self, working_days: int) -> datetime | None:
        """The opening of the working day so many before (negative) or after the due day; for hours, the same time of that day."""
        if self.due_at is None or self._calendar is None:
            return None
        zone = find_zone(self._calendar.timezone)
        week = week_of(self.rule, self._calendar)
        on = _stepped(week, local_day(self.due_at - timedelta(microseconds=1), zone), working_days)
        if self.unit.is_in_days:
            return self._calendar.next_opening(first_instant_of(on, zone.key))
        wall = self.due_at.astimezone(zone)
        return self._calendar.next_opening(wall.replace(year=on.year, month=on.month, day=on.day))

    def fraction_used(self, at: datetime) -> float | None:
        """The share of the time between start and due that is used at a moment; None while there is no due moment."""
        if self.due_at is None or self._calendar is None:
            return None
        measure = self._calendar.between if self.unit.is_working else time_elapsed
        spans = [(since, min(until, self.due_at) if until else self.due_at) for since, until in self.spans if since < self.due_at]
        whole = sum((measure(since, until) for since, until in spans), timedelta())
        used = sum((measure(since, min(until, at)) for since, until in spans), timedelta())
        return used / whole if whole else 1.0


def reckon(target: Target, events: Sequence[Event], calendar: WorkingCalendar, *, at: datetime, zone: str,
           case_facts: Facts = Facts(), cycle: int = 1, subject: str = "") -> Reckoning:
    """The target as it stands at `at` in one cycle (and subject); of a recurring target, its present occurrence.

    Events after `at` have not happened yet.  Events of machines never satisfy a target.
    """
    known = _known(events, at)
    reason = why_not(target, case_facts)
    if reason:
        return Reckoning(target, State.NOT_APPLICABLE, cycle, subject, why=reason, why_null=reason)
    runs = [run for run in runs_of(target, known) if run.cycle == cycle and run.subject == subject]
    return _reckoned(target, runs[-1] if runs else Run(cycle, subject, 1, None, None, None, ()), known, calendar, at, find_zone(zone))


def reckon_all(pack: Pack, events: Sequence[Event], calendar: WorkingCalendar, *, at: datetime, zone: str,
               facts: Facts = Facts()) -> tuple[Reckoning, ...]:
    """Every target of the pack as it stands at `at`: one for each cycle, subject and occurrence, in the pack's order.

    Targets that do not apply to the case come once, with the reason.  Targets a reopening does not restart have no later cycle.
    """
    known, place = _known(events, at), find_zone(zone)
    found: list[Reckoning] = []
    counted = replace(facts, case_type=pack.counted_as(facts.case_type or pack.default_case_type, is_oral=facts.is_oral))
    for target in pack.targets:
        reason = why_not(target, counted)
        if reason and not target.is_per_subject:
            found.append(Reckoning(target, State.NOT_APPLICABLE, why=reason, why_null=reason))
        elif not reason:
            found.extend(_reckoned(target, run, known, calendar, at, place) for run in runs_of(target, known))
    return tuple(found)


def why_not(target: Target, facts: Facts) -> str:
    """Why a target does not apply to a case; empty if it does."""
    if facts.case_type and facts.case_type not in target.case_types:
        return f"This does not apply to a case of the type “{facts.case_type.replace('_', ' ')}”."
    if facts.is_anonymous and target.is_for_known_people:
        return "The case is anonymous, so there is nobody to write to."
    return ""


def _known(events: Sequence[Event], at: datetime) -> list[Event]:
    return sorted((event for event in events if event.at <= at), key=lambda event: event.at)


def _reckoned(target: Target, run: Run, events: Sequence[Event], calendar: WorkingCalendar, at: datetime, zone: ZoneInfo) -> Reckoning:
    blank = Reckoning(target, State.WAITING, run.cycle, run.subject, run.occurrence, _calendar=calendar)
    if run.start is None:
        return _not_started(blank, run)
    every = holds_until(run, events)
    holds = [hold for hold in every if hold.reason in target.holdable]
    count = DayCount(target, local_day(run.start.at, zone), week_of(target, calendar), held_days(holds, zone))
    spans = spans_between_holds(run.start.at, holds)
    due_at, remarks = _due(target, run, count, spans, calendar, zone)
    state, why, why_null = _state(target, run, due_at, holds, at)
    is_missed = state is State.BREACHED
    met_at = run.met.at if run.met and state in (State.MET, State.BREACHED) else None
    today = local_day(met_at or at, zone)
    used, left = _usage(target, count, spans, calendar, due_at, today, met_at or at, zone)
    idle = held_days([hold for hold in every if hold.reason not in target.holdable], zone)
    last = local_day(due_at - timedelta(microseconds=1), zone) if due_at else _open_end(target, count.start, today)
    return replace(
        blank, state=state, why=why, why_null=why_null, started_at=run.start.at.astimezone(UTC), due_at=due_at,
        met_at=met_at.astimezone(UTC) if met_at else None, breached_at=due_at if is_missed else None,
        held_since=min(hold.since for hold in holds if hold.until is None).astimezone(UTC) if state is State.HELD else None,
        due_if_released_at=_due_if_released(target, run, count, holds, calendar, at, zone) if state is State.HELD else None,
        used=used, left=left, spans=tuple(spans),
        _story=Story(count, last, OPENINGS.get(run.start.kind, str(run.start.kind).replace("_", " ").capitalize()), idle,
                     (*remarks, *_refused(target, events, run, zone))),
    )


def _open_end(target: Target, start: date, today: date) -> date:
    """Where the account of a target without a due day ends: it has nothing to count until a date is agreed."""
    return start if target.amount is None else max(today, start)


OPENINGS = {EventKind.RECEIVED: "The day of receipt", EventKind.ACKNOWLEDGED: "The day of the acknowledgement",
            EventKind.REOPENED: "The day of the reopening", EventKind.STATEMENT_ASKED: "The day of the request",
            EventKind.PROGRESS_SENT: "The day of the last update", EventKind.PERIOD_AGREED: "The day the period was agreed",
            EventKind.EXTENDED: "The day the new date was told", EventKind.INTERIM_SENT: "The day of the interim notice"}


def _not_started(blank: Reckoning, run: Run) -> Reckoning:
    if run.excuse:
        why = "The case ended before this began."
        return replace(blank, state=State.NOT_APPLICABLE, why=why, why_null=why)
    starts = blank.rule.starts if run.cycle == 1 else (EventKind.REOPENED,)
    why = f"Not started: it begins with “{str(starts[0]).replace('_', ' ')}”."
    if run.met:
        return replace(blank, state=State.MET, met_at=run.met.at.astimezone(UTC), why="Met.", why_null=why)
    return replace(blank, why=why, why_null=why)


def _due(target: Target, run: Run, count: DayCount, spans: list[Span], calendar: WorkingCalendar,
         zone: ZoneInfo) -> tuple[datetime | None, tuple[tuple[date, str], ...]]:
    """The due moment and the remarks of the events that moved it, or came too late to."""
    if not target.unit.is_in_days:
        budget = (target.amount or 0) * HOUR
        return (due_moment(calendar, budget, spans) if target.unit is Unit.WORKING_HOURS else moment_spent(spans, budget)), ()
    due_on, remarks = count.due_on(), []
    for event in run.movers:
        on = local_day(event.at, zone)
        named = _moved(target, event, due_on, on)
        if named is None or named == due_on:
            continue
        if due_on is not None and on > due_on:
            remarks.append((on, f"A new date, {named:%d %b %Y}, came after the period had run out, so the breach stands"))
            continue
        remarks.append((on, f"{str(event.kind).replace('_', ' ').capitalize()}: due by the end of {named:%a %d %b %Y}"))
        due_on = named
    return (first_instant_of(due_on + DAY, zone.key) if due_on else None), tuple(remarks)


def _moved(target: Target, event: Event, due_on: date | None, on: date) -> date | None:
    """The due day an event would set; None if it leaves it alone."""
    rule = target.extension.rule if target.extension else None
    if rule is ExtensionRule.REPLACES:
        return event.due_on
    if rule is ExtensionRule.LENGTHENS:
        later = event.due_on if event.is_agreed else None
    else:
        later = on + event.follow_up_days * DAY if event.follow_up_days else None
    return later if later and due_on and later > due_on else None


def _state(target: Target, run: Run, due_at: datetime | None, holds: Sequence[Hold], at: datetime) -> tuple[State, str, str]:
    met, excuse = run.met, run.excuse
    why_null = "" if due_at else target.why_no_number or "The case is held, so the period has no end yet."
    if met and (due_at is None or met.at < due_at) and (excuse is None or met.at <= excuse.at):
        return State.MET, "Met before it fell due." if due_at else "Met; no date had been set.", why_null
    if excuse and (due_at is None or excuse.at < due_at):
        reason = str(excuse.data.get("reason") or excuse.kind).replace("_", " ")
        return State.NOT_APPLICABLE, f"No longer needed: {reason}.", why_null
    if due_at is None:
        if any(hold.until is None for hold in holds):
            return State.HELD, "Held: the period stops until the case is released.", why_null
        return State.WAITING, why_null, why_null
    if at >= due_at:
        return State.BREACHED, f"Missed. {target.on_breach}", ""
    return State.RUNNING, "Running.", ""


def _usage(target: Target, count: DayCount, spans: list[Span], calendar: WorkingCalendar, due_at: datetime | None, today: date,
           moment: datetime, zone: ZoneInfo) -> tuple[Amount | None, Amount | None]:
    if not target.unit.is_in_days:
        measure = calendar.between if target.unit is Unit.WORKING_HOURS else time_elapsed
        used = sum((measure(since, min(until, moment) if until else moment) for since, until in spans), timedelta())
        return used, (target.amount or 0) * HOUR - used
    if due_at is None:
        worked = count.used(today)
        return worked, target.amount - worked if target.amount is not None and target.unit is not Unit.MONTHS else None
    due_on = local_day(due_at - timedelta(microseconds=1), zone)
    if today > due_on:
        return count.used(due_on), -count.over(due_on, today)
    return count.used(today), count.used(due_on) - count.used(today)


def _due_if_released(target: Target, run: Run, count: DayCount, holds: Sequence[Hold], calendar: WorkingCalendar, at: datetime,
                     zone: ZoneInfo) -> datetime | None:
    closed = [replace(hold, until=hold.until or at) for hold in holds]
    freed = replace(count, held=held_days(closed, zone))
    return _due(target, run, freed, spans_between_holds(run.start.at, closed), calendar, zone)[0] if run.start else None


def _refused(target: Target, events: Sequence[Event], run: Run, zone: ZoneInfo) -> Iterable[tuple[date, str]]:
    """Remarks on events that look as if they satisfied the target and do not."""
    for event in events:
        if event.cycle != run.cycle or event.kind not in target.satisfied_by or satisfies(target, event):
            continue
        if event.actor_kind not in target.by:
            yield local_day(event.at, zone), "An automatic message, or one from somebody else, does not satisfy this"
        else:
            yield local_day(event.at, zone), "The notice named no number of days, so it does not satisfy this"


def _stepped(week: WorkingCalendar, on: date, days: int) -> date:
    if days >= 0:
        return week.working_date_after(on, days) or on
    left, day = -days, on
    while left:
        day -= DAY
        left -= week.is_working_date(day)
    return day
