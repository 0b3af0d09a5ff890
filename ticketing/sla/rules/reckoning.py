"""reckon: the state, due moment and account of a target, as a pure function of a case's events, the policy and the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ticketing.calendars.rules import WorkingCalendar, find_zone
from ticketing.packs.rules import EventKind, Pack, Target, Unit
from ticketing.sla.rules.account import Story, beginning_of, opening_of
from ticketing.sla.rules.clock import Span, due_moment, moment_spent, spans_between_holds, time_elapsed
from ticketing.sla.rules.counting import DayCount, held_days, local_day, week_of
from ticketing.sla.rules.events import Course, Event, Facts, Hold
from ticketing.sla.rules.moving import Moved, moved
from ticketing.sla.rules.reckoned import Amount, Reckoning, State
from ticketing.sla.rules.repeating import repeating_runs
from ticketing.sla.rules.runs import Due, Run, holds_during, satisfies, single_runs

HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)


def reckon(target: Target, events: Sequence[Event], calendar: WorkingCalendar, *, at: datetime, zone: str,
           case_facts: Facts = Facts(), cycle: int = 1, subject: str = "") -> Reckoning:
    """The target as it stands at `at` in one cycle (and subject); of a recurring target, its present occurrence.

    Events after `at` have not happened yet.  Events of machines never satisfy a target.
    """
    reason = why_not(target, case_facts)
    if reason:
        return Reckoning(target, State.NOT_APPLICABLE, cycle, subject, why=reason, why_null=reason)
    place = _Place(calendar, find_zone(zone), at, Course.of(events, at))
    runs = [run for run in place.runs_of(target, case_facts.case_type, cycle) if run.subject == subject]
    return place.reckoned(target, runs[-1] if runs else Run(cycle, subject))


def reckon_all(pack: Pack, events: Sequence[Event], calendar: WorkingCalendar, *, at: datetime, zone: str,
               facts: Facts = Facts()) -> tuple[Reckoning, ...]:
    """Every target of the pack as it stands at `at`: one for each cycle, subject and occurrence, in the pack's order.

    Targets that do not apply to the case come once, with the reason.  Targets a reopening does not restart have no later cycle.  Give
    the events of every cycle: what a reopening asks for may depend on what came before it.
    """
    place = _Place(calendar, find_zone(zone), at, Course.of(events, at))
    counted = Facts(pack.counted_as(facts.case_type or pack.default_case_type, is_oral=facts.is_oral), facts.is_anonymous, facts.is_oral)
    found: list[Reckoning] = []
    for target in pack.targets:
        reason = why_not(target, counted)
        if not reason:
            found.extend(place.reckoned(target, run) for cycle in place.course.cycles
                         for run in place.runs_of(target, counted.case_type, cycle))
        elif not target.is_per_subject:
            found.append(Reckoning(target, State.NOT_APPLICABLE, why=reason, why_null=reason, _calendar=calendar))
    return tuple(found)


def why_not(target: Target, facts: Facts) -> str:
    """Why a target does not apply to a case; empty if it does."""
    if facts.case_type and facts.case_type not in target.case_types:
        return f"This does not apply to a case of the type “{facts.case_type.replace('_', ' ')}”."
    if facts.is_anonymous and target.is_for_known_people:
        return "The case is anonymous, so there is nobody to write to."
    return ""


@dataclass(slots=True)
class _Place:
    """Where and when a case is reckoned, and what has happened to it: the same for all its targets."""

    calendar: WorkingCalendar
    zone: ZoneInfo
    at: datetime
    course: Course

    def runs_of(self, target: Target, case_type: str, cycle: int) -> Iterable[Run]:
        starts = target.starts_of(case_type)
        if target.recurrence is None:
            return single_runs(target, self.course, cycle, starts)
        return repeating_runs(target, self.course, cycle, starts, self.due_of, self.at, self.zone)

    def due_of(self, target: Target, run: Run) -> Due:
        """The due moment of a run and its last day; None if it has none."""
        if run.began_at is None:
            return None
        holds = self._holds(target, run)[0]
        due_at = self._due(target, run, self._count(target, run, holds), spans_between_holds(run.began_at, holds)).due_at
        return (due_at, local_day(due_at - INSTANT, self.zone)) if due_at else None

    def reckoned(self, target: Target, run: Run) -> Reckoning:
        if run.began_at is None:
            return _not_started(target, run, self.calendar)
        holds, idle = self._holds(target, run)
        count, spans = self._count(target, run, holds), spans_between_holds(run.began_at, holds)
        moves = self._due(target, run, count, spans)
        due_at = moves.due_at
        state, why, why_null = _state(target, run, due_at, holds, self.at)
        met_at = run.met.at if run.met and state in (State.MET, State.BREACHED) else None
        is_held = state is State.HELD
        return Reckoning(
            rule=target, state=state, cycle=run.cycle, subject=run.subject, occurrence=run.occurrence,
            started_at=run.began_at.astimezone(UTC), due_at=due_at, met_at=met_at.astimezone(UTC) if met_at else None,
            breached_at=due_at if state is State.BREACHED else None,
            excused_at=run.excuse.at.astimezone(UTC) if run.excuse and not met_at else None,
            held_since=min(hold.since for hold in holds if hold.until is None).astimezone(UTC) if is_held else None,
            due_if_released_at=self._due_if_released(target, run, holds) if is_held else None,
            first_due_at=moves.first_due_at, agreed_on=self.course.agreed_on(run.cycle), why=why, why_null=why_null,
            spans=tuple(spans), _calendar=self.calendar,
            _usage=lambda: self._usage(target, count, spans, due_at, met_at or self.at),
            _story=lambda: self._story(target, run, count, due_at, idle, moves.remarks))

    def _holds(self, target: Target, run: Run) -> tuple[list[Hold], list[Hold]]:
        """The holds that stop this target, and those that do not."""
        touching = holds_during(run, self.course.holds)
        if not touching and not run.gaps:
            return [], []
        return ([*(hold for hold in touching if hold.reason in target.holdable), *run.gaps],
                [hold for hold in touching if hold.reason not in target.holdable])

    def _count(self, target: Target, run: Run, holds: Sequence[Hold]) -> DayCount:
        start = run.began_on or local_day(run.began_at or self.at, self.zone)
        return DayCount(target, start, week_of(target, self.calendar), held_days(holds, self.zone) if holds else (), run.times)

    def _due(self, target: Target, run: Run, count: DayCount, spans: Sequence[Span]) -> Moved:
        if target.unit.is_in_days:
            return moved(target, run, count, self.zone)
        if target.amount is None:
            return Moved(None, None, ())
        budget = target.amount * HOUR
        due_at = due_moment(self.calendar, budget, spans) if target.unit is Unit.WORKING_HOURS else moment_spent(spans, budget)
        return Moved(due_at, due_at, ())

    def _due_if_released(self, target: Target, run: Run, holds: Sequence[Hold]) -> datetime | None:
        closed = [replace(hold, until=hold.until or self.at) for hold in holds]
        count = self._count(target, run, closed)
        return self._due(target, run, count, spans_between_holds(run.began_at or self.at, closed)).due_at

    def _usage(self, target: Target, count: DayCount, spans: Sequence[Span], due_at: datetime | None,
               moment: datetime) -> tuple[Amount | None, Amount | None]:
        if not target.unit.is_in_days:
            measure = self.calendar.between if target.unit is Unit.WORKING_HOURS else time_elapsed
            spent = sum((measure(since, min(until, moment) if until else moment) for since, until in spans), timedelta())
            return spent, target.amount * HOUR - spent if target.amount is not None else None
        today = local_day(moment, self.zone)
        if due_at is None:
            worked = count.used(today)
            return worked, count.amount - worked if count.amount is not None and target.unit is not Unit.MONTHS else None
        due_on = local_day(due_at - INSTANT, self.zone)
        if today > due_on:
            return count.used(due_on), -count.over(due_on, today)
        worked = count.used(today)
        return worked, count.used(due_on) - worked

    def _story(self, target: Target, run: Run, count: DayCount, due_at: datetime | None, idle: Sequence[Hold],
               remarks: Sequence[tuple[date, str]]) -> Story:
        today = local_day(run.met.at if run.met else self.at, self.zone)
        last = local_day(due_at - INSTANT, self.zone) if due_at else count.start if target.amount is None else max(today, count.start)
        refused = _refused(target, self.course.cycles.get(run.cycle, ()), self.zone)
        return Story(count, last, opening_of(run.opening), held_days(idle, self.zone), (*remarks, *refused))


def _not_started(target: Target, run: Run, calendar: WorkingCalendar) -> Reckoning:
    met_at = None
    if run.excuse and run.met is None:
        state, why = State.NOT_APPLICABLE, "The case ended before this began."
    else:
        state, why = State.WAITING, f"Not started: it begins {_begins(target, run)}."
    why_null = why
    if run.met:
        state, met_at, why = State.MET, run.met.at.astimezone(UTC), "Met."
    return Reckoning(target, state, run.cycle, run.subject, run.occurrence, met_at=met_at, why=why, why_null=why_null, _calendar=calendar)


def _begins(target: Target, run: Run) -> str:
    if target.recurrence and target.recurrence.after:
        return f"when the time to {target.recurrence.after.code.replace('_', ' ')} has run out"
    first = (target.starts if run.cycle == 1 else ()) or (EventKind.REOPENED,)
    return beginning_of(first[0])


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
        return State.BREACHED, f"Breached. {target.on_breach}", ""
    return State.RUNNING, "Running.", ""


def _refused(target: Target, events: Sequence[Event], zone: ZoneInfo) -> Iterator[tuple[date, str]]:
    """Remarks on events that look as if they satisfied the target and do not."""
    for event in events:
        if event.kind not in target.satisfied_by or satisfies(target, event):
            continue
        if event.actor_kind not in target.by:
            yield local_day(event.at, zone), "An automatic message, or one from somebody else, does not satisfy this"
        else:
            yield local_day(event.at, zone), "The notice named no number of days, so it does not satisfy this"


