"""Replays what happened to a case under a policy: which targets are missed, which steps fire; pure, with the rules of the live sweep.

A case's history is played event by event at the moment each was recorded.  After each, the targets it touches are reckoned again
(`reckon_all`) and their steps planned again (`wanted`, `compare`), and the sweep comes `lag` after each planned moment (`why_not`,
`giving_way`), exactly as it does live.  Only what a step would have done to the case is not played: people acted as they did.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from ticketing.calendars.rules import WorkingCalendar
from ticketing.core.permissions import ActorKind
from ticketing.escalation.rules.sweeping import StepFacts, TimerFacts, giving_way, why_not
from ticketing.firings.rules import (
    Actions,
    Cause,
    Changes,
    Conditions,
    FiringState,
    PlanFacts,
    Step,
    Stored,
    VersionFacts,
    compare,
    wanted,
)
from ticketing.firings.rules.planning import SILENCE, silent_until, stopped_notes, timer_key
from ticketing.packs.rules import EventKind, Pack, Target
from ticketing.sla.rules import Event, Facts, Reckoning, State, reckon, reckon_all
from ticketing.sla.rules.events import holds_of

ZERO = timedelta()
ALWAYS = frozenset({EventKind.ENDED, EventKind.REOPENED})
HOLDING = frozenset({EventKind.HELD, EventKind.RELEASED})
OVER = frozenset({State.MET, State.BREACHED, State.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True)
class Pinned:
    """What one cycle of a case is reckoned under."""

    cycle: int
    pack: str
    pack_version: str
    calendar: str
    calendar_version: str
    zone: str
    case_type: str
    is_anonymous: bool
    is_oral: bool

    @property
    def facts(self) -> Facts:
        return Facts(self.case_type, self.is_anonymous, self.is_oral)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with the moment it was recorded; `is_void` if a later receipt took its place."""

    cycle: int
    kind: str
    subject: str
    actor_kind: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]
    is_void: bool

    @property
    def event(self) -> Event:
        return Event(EventKind(self.kind), self.occurred_at, ActorKind(self.actor_kind), self.cycle, self.subject, self.data)


@dataclass(frozen=True, slots=True)
class Given:
    """From when a case was in whose hands."""

    at: datetime
    handler_id: int | None
    team_id: int | None


@dataclass(frozen=True, slots=True)
class Triaged:
    """What a triage changed of the facts that choose a rule; None where it left them."""

    at: datetime
    case_type: str | None
    severity: str | None
    is_danger_now: bool | None


@dataclass(frozen=True, slots=True)
class History:
    """Everything of one case that a replay looks at, in the order of recording; no word anybody wrote.

    `case_type`, `severity` and `is_danger_now` are those of receipt; each triage may change them.  `is_quiet`: an import that told nobody of
    what was long past.  `activity` are the moments at which people did something, for rules about silence.
    """

    case_id: int
    site_id: int
    pack: str
    calendar: str
    zone: str
    case_type: str
    severity: str | None
    is_danger_now: bool
    is_quiet: bool
    pins: tuple[Pinned, ...]
    events: tuple[Recorded, ...]
    given: tuple[Given, ...] = ()
    triaged: tuple[Triaged, ...] = ()
    activity: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A version of a rule and when it planned; None for always."""

    version: VersionFacts
    code: str
    name: str
    actions: Actions
    since: datetime | None = None
    until: datetime | None = None
    is_active: bool = True

    def plans_at(self, at: datetime) -> bool:
        return self.is_active and (self.since is None or self.since <= at) and (self.until is None or at < self.until)


Single = tuple[Target, Pack]  # a target, and its pack with no other


@dataclass(slots=True)
class Policy:
    """Packs, calendars and rules to play under.  Packs by (code, version) of the pin, calendars by (code, version, zone)."""

    packs: Mapping[tuple[str, str], Pack]
    calendars: Mapping[tuple[str, str, str], WorkingCalendar]
    rules: tuple[RuleInForce, ...]
    versions: tuple[VersionFacts, ...] = ()
    is_dated: bool = False
    listens: bool = False          # to silence or to events, so that every record may plan something
    is_particular: bool = False    # about cases of some kind, place or team
    _touched: dict[tuple[str, str, EventKind], tuple[Single, ...]] = field(default_factory=dict, repr=False)
    _singles: dict[tuple[str, str], tuple[Single, ...]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.versions = tuple(rule.version for rule in self.rules)
        self.is_dated = any(rule.since or rule.until or not rule.is_active for rule in self.rules)
        self.listens = any(not version.trigger.kind.has_timer for version in self.versions)
        self.is_particular = any(
            version.conditions != Conditions(targets=version.conditions.targets) for version in self.versions)

    def touched(self, pinned: Pinned, kind: EventKind) -> tuple[Single, ...]:
        """The targets that an event of this kind can touch, each as a pack of its own."""
        key = pinned.pack, pinned.pack_version, kind
        if key not in self._touched:
            self._touched[key] = tuple(single for single in self._all(key[:2]) if touches(kind, single[0]))
        return self._touched[key]

    def calendar(self, pinned: Pinned) -> WorkingCalendar:
        return self.calendars[pinned.calendar, pinned.calendar_version, pinned.zone]

    def versions_at(self, at: datetime) -> Sequence[VersionFacts]:
        """The versions that plan at a moment."""
        return [rule.version for rule in self.rules if rule.plans_at(at)] if self.is_dated else self.versions

    def asks_the_same(self, other: Policy, history: History) -> bool:
        """Whether a case cannot come out otherwise: the same rules, and for its pins the same packs and calendars."""
        return self.rules == other.rules and all(
            self.packs[pin.pack, pin.pack_version] is other.packs[pin.pack, pin.pack_version] and self.calendar(pin) is other.calendar(pin)
            for pin in history.pins)

    def _all(self, key: tuple[str, str]) -> tuple[Single, ...]:
        if key not in self._singles:
            whole = self.packs[key]
            self._singles[key] = tuple((target, replace(whole, targets=(target,))) for target in whole.targets)
        return self._singles[key]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one target stood at the end of the replay."""

    cycle: int
    pack: str
    target: str
    subject: str
    occurrence: int
    state: State
    started_at: datetime | None
    due_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None
    held_since: datetime | None

    @property
    def key(self) -> tuple[int, str, str, str, int]:
        return self.cycle, self.pack, self.target, self.subject, self.occurrence


@dataclass(frozen=True, slots=True)
class Played:
    """A step that fired, or stood planned at the end (`fired_at` None); who had the case then."""

    cycle: int
    timer_key: str
    version_id: int
    level: int
    fire_at: datetime
    due_at: datetime
    fired_at: datetime | None
    handler_id: int | None
    team_id: int | None

    @property
    def target(self) -> str:
        return self.timer_key.split("/")[0] if self.timer_key.count("/") == 2 else ""

    @property
    def subject(self) -> str:
        return self.timer_key.split("/")[1] if self.timer_key.count("/") == 2 else ""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a policy would have made of a case."""

    outcomes: tuple[Outcome, ...]
    fired: tuple[Played, ...]
    planned: tuple[Played, ...]


def touches(kind: EventKind, target: Target) -> bool:
    """Whether an event of this kind can start, move, hold, satisfy or end a target."""
    if kind in ALWAYS:
        return True
    if kind in HOLDING:
        return bool(target.holdable)
    moved_by = target.extension.events if target.extension else ()
    return kind in target.starts or kind in target.satisfied_by or kind in target.excused_by or kind in moved_by


Memo = dict[Any, Any]


def replay(history: History, policy: Policy, *, until: datetime, lag: timedelta = ZERO, memo: Memo | None = None) -> Replay:
    """Play a case from its first event to `until` under a policy; the sweep comes `lag` after each planned moment.

    Two policies played on one case may share a `memo`: what they reckon alike is reckoned once.
    """
    play = _Play(history, policy, lag, {} if memo is None else memo)
    for at in play.moments:
        if at > until:
            break
        play.sweep(at, is_before=True)
        play.record(at)
    play.sweep(until, is_before=False)
    return play.result(until)


class _Play:
    """One case being played: what is known, what is planned, what has fired."""

    def __init__(self, history: History, policy: Policy, lag: timedelta, memo: Memo) -> None:
        self.history, self.policy, self.lag, self.memo = history, policy, lag, memo
        self.pins: dict[int, list[Pinned]] = {}
        for pinned in history.pins:
            self.pins.setdefault(pinned.cycle, []).append(pinned)
        self.at_moment: dict[datetime, list[Recorded]] = {}
        for row in history.events:
            if row.cycle in self.pins:
                self.at_moment.setdefault(row.recorded_at, []).append(row)
        self.moments = self._moments()
        self.begun_at = self.moments[0] if self.moments else None
        self.known: dict[int, list[Event]] = {}
        self.reckoned: dict[int, dict[tuple[str, str], Reckoning]] = {}
        self.settled: set[tuple[int, str, str]] = set()
        self.rows: dict[str, dict[int, Stored]] = {}
        self.planned: dict[int, Stored] = {}
        self.fired: list[Played] = []
        self.cycle, self.is_open, self.last_id = 1, True, 0
        self.facts_seen: Any = None
        self.rules = {rule.version.id: rule for rule in policy.rules}
        self.next_at: datetime | None = None

    def _moments(self) -> list[datetime]:
        moments = sorted(self.at_moment)
        if moments and self.policy.is_particular:
            later = {item.at for item in (*self.history.given, *self.history.triaged)} - set(moments)
            moments = sorted([*moments, *(at for at in later if at > moments[0])])
        return moments

    # --- what happened ---

    def record(self, at: datetime) -> None:
        """Take in what was recorded at this moment, and plan again what it touches."""
        rows = self.at_moment.get(at, [])
        for row in rows:
            self._take_in(row)
        changed = self._reckon(rows, at)
        facts = self._facts(at, tuple(row.kind for row in rows))
        seen = self._watched(facts)
        is_all = seen != self.facts_seen or self.policy.listens
        self.facts_seen = seen
        if is_all:
            changed = list(self.reckoned.get(self.cycle, {}).values())
        if changed or is_all:
            self._plan(facts, changed, at, is_all=is_all)

    def _watched(self, facts: PlanFacts) -> Any:
        """What of the facts can change the whole plan: all of them, unless the rules look at targets alone."""
        if self.policy.is_particular:
            return replace(facts, last_activity_at=self.begun_at, happened=())
        return facts.cycle, facts.is_open, facts.is_danger_now

    def _take_in(self, row: Recorded) -> None:
        known = self.known.setdefault(row.cycle, [])
        if row.kind == EventKind.RECEIVED:  # a corrected receipt takes the place of the first
            known[:] = [event for event in known if event.kind is not EventKind.RECEIVED]
        known.append(row.event)
        self.cycle = row.cycle
        self.is_open = row.kind != EventKind.ENDED if row.kind in ALWAYS else self.is_open or row.kind == EventKind.RECEIVED

    def _reckon(self, rows: Sequence[Recorded], at: datetime) -> list[Reckoning]:
        """Reckon again what these events touch; hands out the targets that now stand otherwise."""
        changed: list[Reckoning] = []
        table = self.reckoned.setdefault(self.cycle, {})
        for pinned in self.pins.get(self.cycle, ()):
            touched = {id(single[0]): single for row in rows for single in self.policy.touched(pinned, EventKind(row.kind))
                       if row.kind != EventKind.ENDED or (self.cycle, pinned.pack, single[0].code) not in self.settled}
            for single in touched.values():
                for key, item in self._reckon_one(pinned, single, at):
                    before = table.get(key)
                    table[key] = item
                    if before is None or (before.state, before.due_at, before.met_at, before.spans) != (
                            item.state, item.due_at, item.met_at, item.spans):
                        changed.append(item)
        return changed

    def _reckon_one(self, pinned: Pinned, single: Single, at: datetime) -> Sequence[tuple[tuple[str, str], Reckoning]]:
        """One target of this cycle as it stands now; what another policy reckoned alike is taken from it."""
        target, pack = single
        calendar = self.policy.calendar(pinned)
        key = id(target), id(calendar), self.cycle, at
        if key not in self.memo:
            found = reckon_all(pack, self.known[self.cycle], calendar, at=at, zone=pinned.zone, facts=pinned.facts)
            self.memo[key] = [((pinned.pack, timer_key(item)), item) for item in found if item.cycle == self.cycle]
        found = self.memo[key]
        if not (target.is_recurring or target.is_per_subject) and any(item.met_at is not None for _, item in found):
            self.settled.add((self.cycle, pinned.pack, target.code))  # once satisfied, the end of the case changes nothing
        return cast(Sequence[tuple[tuple[str, str], Reckoning]], found)

    def _facts(self, at: datetime, happened: tuple[str, ...]) -> PlanFacts:
        history = self.history
        case_type, severity, is_danger_now = history.case_type, history.severity, history.is_danger_now
        for triaged in history.triaged:
            if triaged.at <= at:
                case_type, severity = triaged.case_type or case_type, triaged.severity or severity
                is_danger_now = is_danger_now if triaged.is_danger_now is None else triaged.is_danger_now
        return PlanFacts(
            case_id=history.case_id, cycle=self.cycle, is_open=self.is_open, case_type=case_type, severity=severity,
            site_id=history.site_id, team_id=self._given(at).team_id, is_danger_now=is_danger_now, calendar=history.calendar,
            zone=history.zone, last_activity_at=self._last_activity(at), pack=history.pack, happened=happened)

    def _given(self, at: datetime) -> Given:
        found = Given(at, None, None)
        for given in self.history.given:
            if given.at > at:
                break
            found = given
        return found

    def _last_activity(self, at: datetime) -> datetime:
        moments = self.history.activity or self.moments
        place = bisect_right(moments, at)
        return moments[place - 1] if place else at

    # --- the plan ---

    def _plan(self, facts: PlanFacts, changed: Sequence[Reckoning], at: datetime, *, is_all: bool) -> None:
        steps = self._steps(facts, changed, at)
        keys = self.rows if is_all else {timer_key(item) for item in changed}
        rows = [row for key in keys for row in self.rows.get(key, {}).values()]
        if steps or rows:
            is_quiet = self.history.is_quiet and at == self.begun_at
            self._apply(compare(facts, steps, rows, at=at, escalate_late=not is_quiet, stopped=stopped_notes(changed)), facts.cycle)

    def _steps(self, facts: PlanFacts, changed: Sequence[Reckoning], at: datetime) -> list[Step]:
        """What should stand for these timers; each timer's steps are found once, whatever the policies that share them."""
        versions = self.policy.versions_at(at)
        if self.policy.listens or self.policy.is_particular or self.policy.is_dated:
            return list(wanted(facts, changed, versions, at=at))
        found: list[Step] = []
        for item in changed:
            key = id(item), id(versions[0]) if versions else 0, len(versions), facts.is_open, facts.is_danger_now
            if key not in self.memo:
                self.memo[key] = wanted(facts, (item,), versions, at=at)
            found += self.memo[key]
        return found

    def _apply(self, changes: Changes, cycle: int) -> None:
        for item in changes.inserts:
            self.last_id += 1
            state, cause = (FiringState.SUPERSEDED, Cause.PAST) if item.is_past else (FiringState.PLANNED, Cause.NONE)
            step = item.step
            self._keep(Stored(self.last_id, cycle, step.timer_key, step.version_id, step.rule_id, item.occurrence, item.fire_at,
                              step.due_at, state, cause))
        for move in changes.moves:
            self._keep(replace(self.planned[move.id], fire_at=move.fire_at, due_at=move.due_at))
        for end in changes.supersedes:
            self._keep(replace(self.planned[end.id], state=FiringState.SUPERSEDED, cause=end.cause))
        self._look_ahead()

    def _keep(self, row: Stored) -> None:
        self.rows.setdefault(row.timer_key, {})[row.id] = row
        if row.state is FiringState.PLANNED:
            self.planned[row.id] = row
        else:
            self.planned.pop(row.id, None)

    def _look_ahead(self) -> None:
        self.next_at = min((row.fire_at for row in self.planned.values()), default=None)

    # --- the sweep ---

    def sweep(self, until: datetime, *, is_before: bool) -> None:
        """Every sweep that came before (or up to) this moment."""
        while self.next_at is not None:
            at = self.next_at + self.lag
            if at > until or (is_before and at == until and not self.lag):
                return
            self._sweep_once(at)

    def _sweep_once(self, at: datetime) -> None:
        standing: list[tuple[Stored, StepFacts]] = []
        for row in [row for row in self.planned.values() if row.fire_at <= at]:
            facts = self._step_facts(row)
            why = why_not(facts, is_open=self.is_open, cycle=self.cycle, is_held=not facts.has_timer and self._is_held(),
                          timer=self._timer(row.timer_key) if facts.has_timer else None)
            if why:
                self._keep(replace(row, state=FiringState.SUPERSEDED, cause=Cause.STOPPED))
            elif (ends_at := self._silent_until(row, at)) is not None:
                self._keep(replace(row, fire_at=ends_at, due_at=ends_at))
            else:
                standing.append((row, facts))
        lost = giving_way(facts for _, facts in standing) if len(standing) > 1 else {}
        for row, facts in standing:
            if row.id in lost:
                self._keep(replace(row, state=FiringState.SUPERSEDED, cause=Cause.GAVE_WAY))
            else:
                self._keep(replace(row, state=FiringState.FIRED))
                self.fired.append(self._played(row, facts.level, at))
        self._look_ahead()

    def _played(self, row: Stored, level: int, at: datetime | None) -> Played:
        given = self._given(at or row.fire_at)
        return Played(row.cycle, row.timer_key, row.version_id, level, row.fire_at, row.due_at, at, given.handler_id, given.team_id)

    def _step_facts(self, row: Stored) -> StepFacts:
        rule = self.rules[row.version_id]
        return StepFacts(row.id, self.history.case_id, row.cycle, row.timer_key, rule.version.level, row.due_at,
                         rule.version.trigger.kind.has_timer, rule.name, rule.is_active)

    def _timer(self, key: str) -> TimerFacts | None:
        for (_, name), item in self.reckoned.get(self.cycle, {}).items():
            if name == key:
                return TimerFacts(item.state.value, item.due_at, item.met_at)
        return None

    def _is_held(self) -> bool:
        events = sorted(self.known.get(self.cycle, []), key=lambda event: event.at)
        return any(hold.until is None for hold in holds_of(events))

    def _silent_until(self, row: Stored, at: datetime) -> datetime | None:
        """When silence that was broken since it was planned ends; None if it lasted."""
        if row.timer_key != SILENCE:
            return None
        calendar = self.policy.calendar(self.pins[self.cycle][0])
        ends_at = silent_until(self.rules[row.version_id].version.trigger, self._last_activity(at), calendar)
        return ends_at if ends_at is not None and ends_at > at else None

    # --- the end ---

    def result(self, until: datetime) -> Replay:
        """How every target stands at `until`; what still runs is reckoned once more for that moment."""
        found: list[Outcome] = []
        for cycle, table in self.reckoned.items():
            pinned_of = {pinned.pack: pinned for pinned in self.pins[cycle]}
            for (pack, _), item in table.items():
                if item.state is State.NOT_APPLICABLE:
                    continue
                if item.state not in OVER:
                    item = self._at_the_end(pinned_of[pack], cycle, item, until)
                found.append(_outcome(pack, cycle, item))
        return Replay(tuple(found), tuple(self.fired), tuple(
            self._played(row, self.rules[row.version_id].version.level, None) for row in self.planned.values()))

    def _at_the_end(self, pinned: Pinned, cycle: int, item: Reckoning, until: datetime) -> Reckoning:
        return reckon(item.rule, self.known[cycle], self.policy.calendar(pinned), at=until, zone=pinned.zone, cycle=cycle,
                      subject=item.subject, case_facts=Facts())


def _outcome(pack: str, cycle: int, item: Reckoning) -> Outcome:
    return Outcome(cycle, pack, item.target.value, item.subject, item.occurrence, item.state, item.started_at, item.due_at,
                   item.met_at, item.breached_at, item.held_since)
