"""What should be planned for a case, and how the plan that stands differs from it; pure.

A step waits for the moment its rule names.  Warnings whose moment falls outside opening hours are given at the next opening, or at the
last one before if the target is due by then: nobody is warned at midnight or on a Sunday.  The miss of a date set by law keeps its
instant; every other step waits for working time, unless somebody may be in danger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ticketing.calendars.rules import WorkingCalendar, find_zone, first_instant_of, named_calendar
from ticketing.firings.rules.words import Cause, Conditions, CycleKind, FiringState, Flag, OffsetUnit, Trigger, TriggerKind
from ticketing.sla.rules import Reckoning, State

SILENCE = "silence"
EVENT = "event/"
FARTHEST_BACK = 400  # days looked back for an opening before giving up
ENDED_NOTE = "The case ended."
STOPPED_NOTES: Mapping[State, str] = {
    State.MET: "The target was met.",
    State.HELD: "The case is on hold.",
    State.WAITING: "The target has no date.",
    State.NOT_APPLICABLE: "The target no longer applies.",
    State.BREACHED: "It was met late.",
}
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What of a case decides its plan.  `happened`: kinds of the SLA events that this very verb recorded.

    `is_silent`: merged, withdrawn or never received, so that nothing of it escalates; a case that is only closed still keeps promises.
    """

    case_id: int
    cycle: int
    is_open: bool
    case_type: str
    severity: str | None
    site_id: int
    team_id: int | None
    is_danger_now: bool
    calendar: str
    zone: str
    last_activity_at: datetime
    pack: str = ""
    happened: tuple[str, ...] = ()
    unit_id: int | None = None
    flags: frozenset[str] = frozenset()
    received_at: datetime | None = None
    ended_at: datetime | None = None
    is_silent: bool = False
    hours: WorkingCalendar | None = field(default=None, compare=False, repr=False)  # the site's own; the public calendar if not told

    @property
    def working(self) -> WorkingCalendar:
        """The opening hours that steps before a breach wait for."""
        return self.hours or named_calendar(self.calendar, self.zone)


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """The version of a rule that is in force."""

    id: int
    rule_id: int
    level: int
    trigger: Trigger
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Step:
    """One step that should be planned: at `fire_at`, reckoned from `due_at` (the due moment, or the moment of the silence or event)."""

    timer_key: str
    version_id: int
    rule_id: int
    level: int
    fire_at: datetime
    due_at: datetime

    @property
    def key(self) -> Key:
        return self.timer_key, self.rule_id


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored firing, as far as planning looks at it."""

    id: int
    cycle: int
    timer_key: str
    version_id: int
    rule_id: int
    occurrence: int
    fire_at: datetime
    due_at: datetime
    state: FiringState
    cause: Cause

    @property
    def is_spent(self) -> bool:
        """It will not come again for the same due moment."""
        return self.state in (FiringState.FIRED, FiringState.FAILED) or self.cause in (Cause.GAVE_WAY, Cause.PAST)


@dataclass(frozen=True, slots=True)
class Insert:
    """A row to add; `is_past` if it is superseded at once."""

    step: Step
    occurrence: int
    fire_at: datetime
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A planned row that gets another moment."""

    id: int
    fire_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Supersede:
    """A planned row that ends without firing."""

    id: int
    cause: Cause
    note: str


@dataclass(slots=True)
class Changes:
    """How to make the stored plan what it should be."""

    inserts: list[Insert] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    supersedes: list[Supersede] = field(default_factory=list)


def timer_key(reckoning: Reckoning) -> str:
    """ "statement/<request>/1@england-nhs": names one run of a target of one pack within a cycle."""
    return key_of(reckoning.target.value, reckoning.subject, reckoning.occurrence, reckoning.pack)


def key_of(target: str, subject: str, occurrence: int, pack: str) -> str:
    """The same from its parts: a case under two packs may have two targets of the same code."""
    return f"{target}/{subject}/{occurrence}@{pack}"


def wanted(facts: PlanFacts, reckonings: Iterable[Reckoning], versions: Sequence[VersionFacts], *, at: datetime) -> tuple[Step, ...]:
    """Every step that should stand or have stood for the case as it is now, whenever its moment is."""
    if facts.is_silent:
        return ()
    matching = [version for version in versions if matches(version.conditions, facts)]
    live = [item for item in reckonings if item.cycle == facts.cycle and item.is_waited_for and item.due_at
            and goes_on(item.state, item.due_at, is_open=facts.is_open, ended_at=facts.ended_at)]
    steps = [_timer_step(version, item, facts) for version in matching if version.trigger.kind.has_timer for item in live]
    if facts.is_open:
        steps += [_silence_step(version, facts) for version in matching if version.trigger.kind is TriggerKind.NO_ACTIVITY]
        steps += [_event_step(version, facts, at) for version in matching if version.trigger.kind is TriggerKind.EVENT]
    ages = {version.id: version.conditions.min_age for version in matching}
    return tuple(step for step in steps if step is not None and _is_old_enough(step, ages[step.version_id], facts))


def goes_on(state: str, due_at: datetime | None, *, is_open: bool, ended_at: datetime | None) -> bool:
    """Whether a timer still escalates: on a closed case only one that the closing did not end, such as a promise kept afterwards.

    What was missed before the case ended stays missed and ends with it; what still runs, or is missed later, was not ended by it.
    """
    if is_open or state == State.RUNNING:
        return True
    return ended_at is not None and due_at is not None and due_at > ended_at


def _is_old_enough(step: Step, min_age: int, facts: PlanFacts) -> bool:
    if not min_age or facts.received_at is None:
        return not min_age
    zone = find_zone(facts.zone)
    return (step.fire_at.astimezone(zone).date() - facts.received_at.astimezone(zone).date()).days >= min_age


def moment_of(trigger: Trigger, reckoning: Reckoning, calendar: WorkingCalendar) -> datetime | None:
    """The moment a rule names for a timer, before anything waits for opening hours; None while it has none."""
    due_at = reckoning.due_at
    if due_at is None:
        return None
    if trigger.kind is TriggerKind.PERCENT:
        return reckoning.moment_at(trigger.number / 100)
    if trigger.kind is TriggerKind.BREACH:
        return due_at
    sign = -1 if trigger.kind is TriggerKind.BEFORE_DUE else 1
    if trigger.unit is OffsetUnit.WORKING_HOURS:
        amount = timedelta(hours=trigger.number)
        return calendar.add(due_at, amount) if sign > 0 else hours_before(calendar, due_at, amount)
    return reckoning.moment_off(sign * trigger.number)


def hours_before(calendar: WorkingCalendar, due_at: datetime, amount: timedelta) -> datetime | None:
    """The moment from which exactly `amount` of working time is left until `due_at`; None if there is not so much in a year."""
    zone = find_zone(calendar.timezone)
    today = due_at.astimezone(zone).date()
    for back in range(FARTHEST_BACK):
        begin = first_instant_of(today - timedelta(days=back), zone.key)
        spare = calendar.between(begin, due_at) - amount
        if spare >= timedelta():
            return calendar.add(begin, spare) if spare else calendar.next_opening(begin)
    return None


def compare(
    facts: PlanFacts, steps: Sequence[Step], stored: Sequence[Stored], *, at: datetime, escalate_late: bool, stopped: Mapping[str, str],
) -> Changes:
    """What to insert, move and supersede.  `stopped` says for a timer's key why it has no steps.

    A fired row is never touched; a step that fired comes again only for another due moment that is still ahead.  Of the steps whose
    moment has passed before they could be planned, the highest of each timer fires now (unless told not to escalate late entries).
    """
    changes, rows = Changes(), defaultdict(list)
    for row in stored:
        rows[row.timer_key, row.rule_id].append(row)
    keep: set[int] = set()
    passed: dict[str, list[tuple[Step, Stored | None, int]]] = defaultdict(list)
    for step in steps:
        mine = [row for row in rows[step.key] if row.cycle == facts.cycle]
        planned = next((row for row in mine if row.state is FiringState.PLANNED and row.version_id == step.version_id), None)
        if planned is not None and _stands(planned, step, at):
            keep.add(planned.id)
        elif not _is_done_with(mine, step, at):
            occurrence = 1 + max((row.occurrence for row in mine if row.version_id == step.version_id), default=0)
            if step.fire_at <= at:
                passed[step.timer_key].append((step, planned, occurrence))
            elif planned is None:
                changes.inserts.append(Insert(step, occurrence, step.fire_at))
            else:
                changes.moves.append(Move(planned.id, step.fire_at, step.due_at))
                keep.add(planned.id)
    for late in passed.values():
        _plan_passed(changes, late, keep, at=at, escalate_late=escalate_late)
    changes.supersedes += [
        Supersede(row.id, Cause.STOPPED, _why_stopped(row, facts, stopped)) for row in stored
        if row.state is FiringState.PLANNED and row.id not in keep and not _is_waiting_event(row, facts)
        and row.id not in {item.id for item in changes.supersedes}]
    return changes


def stopped_notes(reckonings: Iterable[Reckoning]) -> dict[str, str]:
    """For each timer that has no steps any more, why."""
    return {timer_key(item): STOPPED_NOTES[item.state] for item in reckonings
            if item.state in STOPPED_NOTES and not item.is_waited_for}


def _plan_passed(
    changes: Changes, late: list[tuple[Step, Stored | None, int]], keep: set[int], *, at: datetime, escalate_late: bool,
) -> None:
    top = max(step.level for step, _, _ in late) if escalate_late else None
    for step, planned, occurrence in late:
        fires = step.level == top
        if planned is None:
            changes.inserts.append(Insert(step, occurrence, at if fires else step.fire_at, is_past=not fires))
        elif fires:
            changes.moves.append(Move(planned.id, at, step.due_at))
            keep.add(planned.id)
        else:
            changes.supersedes.append(Supersede(planned.id, Cause.PAST, PAST_NOTE))


PAST_NOTE = "Its moment had already passed when this was recorded."


def _stands(planned: Stored, step: Step, at: datetime) -> bool:
    if planned.timer_key.startswith(EVENT):
        return True
    is_overdue_alike = planned.fire_at <= at and step.fire_at <= at
    return planned.due_at == step.due_at and (planned.fire_at == step.fire_at or is_overdue_alike)


def _is_done_with(mine: Sequence[Stored], step: Step, at: datetime) -> bool:
    spent = [row for row in mine if row.is_spent]
    if any(row.due_at == step.due_at for row in spent):
        return True
    return step.fire_at <= at and not step.timer_key.startswith(EVENT) and any(row.state is FiringState.FIRED for row in spent)


def _is_waiting_event(row: Stored, facts: PlanFacts) -> bool:
    return facts.is_open and row.cycle == facts.cycle and row.timer_key.startswith(EVENT)


def _why_stopped(row: Stored, facts: PlanFacts, stopped: Mapping[str, str]) -> str:
    if facts.is_silent or (not facts.is_open and stopped.get(row.timer_key) != STOPPED_NOTES[State.MET]):
        return ENDED_NOTE
    if row.cycle != facts.cycle:
        return "The case was reopened."
    return stopped.get(row.timer_key, "The rule or the case changed.")


def matches(conditions: Conditions, facts: PlanFacts) -> bool:
    """Whether a rule holds for a case; targets and age are looked at for each step."""
    flags = facts.flags | ({Flag.DANGER.value} if facts.is_danger_now else frozenset())
    return (
        (not conditions.case_types or facts.case_type in conditions.case_types)
        and (not conditions.severities or facts.severity in conditions.severities)
        and (not conditions.site_ids or facts.site_id in conditions.site_ids)
        and (not conditions.team_ids or facts.team_id in conditions.team_ids)
        and (not conditions.unit_ids or facts.unit_id in conditions.unit_ids)
        and (not conditions.packs or facts.pack in conditions.packs)
        and (conditions.cycle is None or (conditions.cycle is CycleKind.FIRST) == (facts.cycle == 1))
        and (not conditions.wanted_flags or any(flag.value in flags for flag in conditions.wanted_flags))
    )


def _timer_step(version: VersionFacts, reckoning: Reckoning, facts: PlanFacts) -> Step | None:
    if version.conditions.targets and reckoning.target not in version.conditions.targets:
        return None
    calendar = facts.working
    moment, due_at = moment_of(version.trigger, reckoning, calendar), reckoning.due_at
    if moment is None or due_at is None:
        return None
    if not facts.is_danger_now:
        moment = _in_working_time(moment, reckoning, calendar)
    return Step(timer_key(reckoning), version.id, version.rule_id, version.level, moment, due_at)


def _in_working_time(moment: datetime, reckoning: Reckoning, calendar: WorkingCalendar) -> datetime:
    """A warning is given while somebody is there; what follows a miss waits for the next opening unless law set the date."""
    due_at = reckoning.due_at
    if due_at is not None and moment < due_at:
        return _when_open(moment, due_at, reckoning.started_at or moment, calendar)
    return moment if reckoning.rule.legal_force.is_statutory else calendar.next_opening(moment) or moment


def _when_open(moment: datetime, due_at: datetime, started_at: datetime, calendar: WorkingCalendar) -> datetime:
    """The next opening, or the last opening before where the next comes too late; the moment itself if there is neither."""
    opening = calendar.next_opening(moment)
    if opening is None or opening < due_at:
        return opening or moment
    zone = find_zone(calendar.timezone)
    today = moment.astimezone(zone).date()
    for back in range(FARTHEST_BACK):
        day = today - timedelta(days=back)
        found = calendar.next_opening(first_instant_of(day, zone.key)) if calendar.is_working_date(day) else None
        if found is not None and found <= moment:
            return found if found > started_at else moment
    return moment


def _silence_step(version: VersionFacts, facts: PlanFacts) -> Step | None:
    moment = silent_until(version.trigger, facts.last_activity_at, facts.working)
    if moment is None:
        return None
    fire_at = moment if facts.is_danger_now else facts.working.next_opening(moment) or moment
    return Step(SILENCE, version.id, version.rule_id, version.level, fire_at, moment)


def silent_until(trigger: Trigger, last_activity_at: datetime, calendar: WorkingCalendar) -> datetime | None:
    """When a case with no activity since then has been silent for as long as the rule says."""
    return calendar.add_working_days(last_activity_at, trigger.number)


def _event_step(version: VersionFacts, facts: PlanFacts, at: datetime) -> Step | None:
    event = version.trigger.event
    if event is None or event not in facts.happened:
        return None
    return Step(f"{EVENT}{event.value}", version.id, version.rule_id, version.level, at, at)
