"""Replays what happened to a case under a policy: which targets are missed, which steps fire; pure, with the rules of the live sweep.

A case's history is played event by event at the moment each was recorded.  After each, the targets it touches are reckoned again
(`reckon_all`) and their steps planned again (`wanted`, `compare`), and the sweep comes `lag` after each planned moment (`why_not`,
`giving_way`), exactly as it does live.  Only what a step would have done to the case is not played: people acted as they did.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from ticketing.calendars.rules import WorkingCalendar
from ticketing.cases.rules.lifecycle import SILENT
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
from ticketing.sla.rules import Event, Facts, Reckoning, State, reckon_all
from ticketing.sla.rules.events import holds_of

ZERO = timedelta()
ALWAYS = frozenset({EventKind.ENDED, EventKind.REOPENED})
HOLDING = frozenset({EventKind.HELD, EventKind.RELEASED})


@dataclass(frozen=True, slots=True)
class Pinned:
    """What one cycle of a case is reckoned under; `until` a rebase brought it under another version, None where it still is."""

    cycle: int
    pack: str
    pack_version: str
    calendar: str
    calendar_version: str
    zone: str
    case_type: str
    is_anonymous: bool
    is_oral: bool
    is_main: bool = True
    until: datetime | None = None

    @property
    def facts(self) -> Facts:
        return Facts(self.case_type, self.is_anonymous, self.is_oral)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with the moment it was recorded; `is_void` if a later receipt took its place."""

    cycle: int
    kind: EventKind
    subject: str
    actor_kind: ActorKind
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]
    is_void: bool

    @property
    def event(self) -> Event:
        return Event(self.kind, self.occurred_at, self.actor_kind, self.cycle, self.subject, self.data)


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

    `case_type`, `severity` and `is_danger_now` are those of receipt; each triage may change them.  `is_quiet`: an import, which told
    nobody of what was long past.  `activity` are the moments at which people did something, for rules about silence.
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
    unit_id: int | None = None
    received_at: datetime | None = None
    flags: frozenset[str] = frozenset()


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


@dataclass(frozen=True, slots=True)
class Single:
    """A target, its pack with no other, and the kinds of event that touch it, and of those that can move what was due."""

    target: Target
    pack: Pack
    touching: frozenset[EventKind]
    moving: frozenset[EventKind]


@dataclass(slots=True)
class Policy:
    """Packs, calendars and rules to play under.  Packs by (code, version) of the pin, calendars by (code, version, zone)."""

    packs: Mapping[tuple[str, str], Pack]
    calendars: Mapping[tuple[str, str, str], WorkingCalendar]
    rules: tuple[RuleInForce, ...]
    versions: tuple[VersionFacts, ...] = ()
    by_id: dict[int, RuleInForce] = field(default_factory=dict, repr=False)
    is_dated: bool = False
    listens: bool = False          # to silence or to events, so that every record may plan something
    is_particular: bool = False    # about cases of some kind, place or team
    _singles: dict[tuple[str, str], tuple[Single, ...]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.versions = tuple(rule.version for rule in self.rules)
        self.by_id = {rule.version.id: rule for rule in self.rules}
        self.is_dated = any(rule.since or rule.until or not rule.is_active for rule in self.rules)
        self.listens = any(not version.trigger.kind.has_timer for version in self.versions)
        self.is_particular = any(
            version.conditions != Conditions(targets=version.conditions.targets) for version in self.versions)

    def singles(self, pinned: Pinned) -> tuple[Single, ...]:
        """The targets of what a cycle is pinned to, each as a pack of its own."""
        key = pinned.pack, pinned.pack_version
        if key not in self._singles:
            whole = self.packs[key]
            self._singles[key] = tuple(_single(whole, target) for target in whole.targets)
        return self._singles[key]

    def calendar(self, pinned: Pinned) -> WorkingCalendar:
        return self.calendars[pinned.calendar, pinned.calendar_version, pinned.zone]

    def versions_at(self, at: datetime) -> Sequence[VersionFacts]:
        """The versions that plan at a moment."""
        return [rule.version for rule in self.rules if rule.plans_at(at)] if self.is_dated else self.versions

    def rule(self, version_id: int) -> RuleInForce:
        return self.by_id[version_id]

    def asks_the_same(self, other: Policy, history: History) -> bool:
        """Whether a case cannot come out otherwise: the same rules, and for its pins the same packs and calendars."""
        return self.rules == other.rules and all(
            self.packs[pin.pack, pin.pack_version] is other.packs[pin.pack, pin.pack_version] and self.calendar(pin) is other.calendar(pin)
            for pin in history.pins)


@dataclass(frozen=True, slots=True)
class Law:
    """What one target of a cycle is reckoned under from `since` (None: the first moment) until a rebase."""

    pinned: Pinned
    single: Single
    calendar: WorkingCalendar
    since: datetime | None

    def holds_at(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.pinned.until is None or at < self.pinned.until)


def _single(whole: Pack, target: Target) -> Single:
    touching = frozenset(kind for kind in EventKind if touches(kind, target))
    moved_by = target.extension.events if target.extension else ()
    return Single(target, replace(whole, targets=(target,)), touching, touching & {*HOLDING, *moved_by})


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
    if kind in ALWAYS or target.recurrence is not None:  # one that repeats may hang on another target
        return True
    if kind in HOLDING:
        return bool(target.holdable)
    if kind is EventKind.STATEMENT_ENDED:
        return target.is_per_subject
    moved_by = target.extension.events if target.extension else ()
    return kind in target.starts or kind in target.satisfied_by or kind in target.excused_by or kind in moved_by


Memo = dict[Any, Any]
Standing = tuple[datetime, tuple[Reckoning, ...]]  # from this moment on these runs of a target stand so


def replay(history: History, policy: Policy, *, until: datetime, lag: timedelta = ZERO, memo: Memo | None = None) -> Replay:
    """Play a case from its first event to `until` under a policy; the sweep comes `lag` after each planned moment.

    Each target is played by itself, as no step of one touches another.  Two policies played on one case may share a `memo`: what they
    ask alike is played once.
    """
    known: Memo = {} if memo is None else memo
    parts = [part for cycle in _cycles(history) for part in _play_cycle(_Cycle(history, cycle, until), policy, lag, known)]
    return Replay(
        tuple(item for part in parts for item in part.outcomes),
        tuple(sorted((item for part in parts for item in part.fired), key=lambda item: item.fire_at)),
        tuple(sorted((item for part in parts for item in part.planned), key=lambda item: item.fire_at)))


def _cycles(history: History) -> list[int]:
    return sorted({pinned.cycle for pinned in history.pins} & {row.cycle for row in history.events})


def _play_cycle(cycle: _Cycle, policy: Policy, lag: timedelta, memo: Memo) -> list[Replay]:
    parts: list[Replay] = []
    if not cycle.rows:
        return parts
    for pins in cycle.pins:
        for laws in _laws(policy, pins):
            about = cycle.number, *((id(law.single.target), id(law.calendar)) for law in laws)
            key = "played", *about, id(policy.rules), lag
            if key not in memo:
                if about not in memo:
                    memo[about] = _run_of(cycle, laws)
                memo[key] = _play_target(cycle, policy, pins, memo[about], lag)
            parts.append(memo[key])
    if policy.listens:
        play = _Play(cycle, policy, cycle.pins[-1], lag)
        for at in sorted({*cycle.moments, *cycle.rebased(cycle.pins[-1])}):
            play.step(at, ())
        parts.append(play.result(()))
    return parts


def _laws(policy: Policy, pins: Sequence[Pinned]) -> Iterable[tuple[Law, ...]]:
    """For each target of any version that a cycle ran under: what it was reckoned under, in the order of time."""
    found: dict[str, list[Law]] = {}
    since = None
    for pinned in pins:
        for single in policy.singles(pinned):
            found.setdefault(single.target.code.value, []).append(Law(pinned, single, policy.calendar(pinned), since))
        since = pinned.until
    return (tuple(laws) for laws in found.values())


class _Cycle:
    """One cycle of a case: its rows in the order of recording, up to the end of the replay."""

    def __init__(self, history: History, number: int, until: datetime) -> None:
        self.history, self.number, self.until = history, number, until
        self.pins = _by_pack(pinned for pinned in history.pins if pinned.cycle == number)
        self.rows = [row for row in history.events if row.cycle == number and row.recorded_at <= until]
        self.earlier = [row.event for row in history.events if row.cycle < number and not row.is_void]
        self.moments = sorted({row.recorded_at for row in self.rows})
        ended = next((row for row in self.rows if row.kind is EventKind.ENDED), None)
        self.ended_at = ended.recorded_at if ended else None
        self.closed_at = ended.occurred_at if ended else None
        self.goes_silent = ended is not None and ended.data.get("reason") in SILENT
        self.reopened_at = min((row.recorded_at for row in history.events if row.cycle > number and row.recorded_at <= until), default=None)
        self.is_in_order = all(
            one.occurred_at <= other.occurred_at and not one.is_void for one, other in zip(self.rows, self.rows[1:], strict=False))

    @cached_property
    def events(self) -> list[Event]:
        """What is known in the end."""
        return self.events_at(self.until)

    def events_at(self, at: datetime) -> list[Event]:
        """What was known at a moment; a corrected receipt takes the place of the first."""
        rows = [row for row in self.rows if row.recorded_at <= at]
        receipts = [row for row in rows if row.kind is EventKind.RECEIVED]
        return [*self.earlier, *(row.event for row in rows if row.kind is not EventKind.RECEIVED or row is receipts[-1])]

    def facts(self, at: datetime, hours: WorkingCalendar) -> PlanFacts:
        history = self.history
        case_type, severity, is_danger_now = history.case_type, history.severity, history.is_danger_now
        for triaged in history.triaged:
            if triaged.at <= at:
                case_type, severity = triaged.case_type or case_type, triaged.severity or severity
                is_danger_now = is_danger_now if triaged.is_danger_now is None else triaged.is_danger_now
        return PlanFacts(
            case_id=history.case_id, cycle=self.number, is_open=self.ended_at is None or at < self.ended_at, case_type=case_type,
            severity=severity, site_id=history.site_id, team_id=self.given(at).team_id, is_danger_now=is_danger_now,
            calendar=history.calendar, zone=history.zone, last_activity_at=self.last_activity(at), pack=history.pack,
            unit_id=history.unit_id, flags=history.flags, received_at=history.received_at, is_silent=self.is_silent(at),
            ended_at=self.closed_at if self.ended_at is not None and at >= self.ended_at else None,
            happened=tuple(row.kind.value for row in self.rows if row.recorded_at == at), hours=hours)

    def rebased(self, pins: Sequence[Pinned]) -> set[datetime]:
        """When a rebase brought these under another version, up to the end of the replay."""
        return {pinned.until for pinned in pins if pinned.until is not None and pinned.until <= self.until}

    def is_silent(self, at: datetime) -> bool:
        """Whether the case was merged or withdrawn by then: nothing of it escalates any more."""
        return self.goes_silent and self.ended_at is not None and at >= self.ended_at

    def given(self, at: datetime) -> Given:
        found = NOBODY
        for given in self.history.given:
            if given.at > at:
                break
            found = given
        return found

    def last_activity(self, at: datetime) -> datetime:
        moments = self.history.activity or self.moments
        place = bisect_right(moments, at)
        return moments[place - 1] if place else at


def _by_pack(pins: Iterable[Pinned]) -> list[tuple[Pinned, ...]]:
    """The pins of each pack in the order of time: a rebase leaves the versions before it."""
    found: dict[str, list[Pinned]] = {}
    for pinned in pins:
        found.setdefault(pinned.pack, []).append(pinned)
    return [tuple(sorted(mine, key=lambda pinned: (pinned.until is None, pinned.until))) for mine in found.values()]


NOBODY = Given(datetime(1970, 1, 1, tzinfo=UTC), None, None)


@dataclass(frozen=True, slots=True)
class _TargetRun:
    """One target in one cycle: how its runs stood from moment to moment, and how they stand in the end."""

    standing: tuple[Standing, ...]
    final: tuple[Reckoning, ...]


def _run_of(cycle: _Cycle, laws: Sequence[Law]) -> _TargetRun:
    last = next((law for law in laws if law.holds_at(cycle.until)), None)
    if len(laws) == 1 and last is not None and last.since is None:
        return _run_under_one(cycle, last)
    rows = [row for row in cycle.rows if any(row.kind in law.single.touching for law in laws)]
    moments = sorted({row.recorded_at for row in rows} | cycle.rebased([law.pinned for law in laws])
                     | {law.since for law in laws if law.since is not None and law.since <= cycle.until})
    standing: list[Standing] = []
    before: tuple[Reckoning, ...] = ()
    for at in moments:
        law = next((law for law in laws if law.holds_at(at)), None)
        found = _reckoned(cycle, law, at, cycle.events_at(at)) if law else ()
        known = {timer_key(item) for item in found}
        gone = (replace(item, state=State.NOT_APPLICABLE) for item in before if timer_key(item) not in known)
        before = (*found, *gone)
        standing.append((at, before))
    return _TargetRun(tuple(standing), _reckoned(cycle, last, cycle.until, cycle.events) if last else ())


def _run_under_one(cycle: _Cycle, law: Law) -> _TargetRun:
    single, target = law.single, law.single.target
    rows = [row for row in cycle.rows if row.kind in single.touching]
    final = _reckoned(cycle, law, cycle.until, cycle.events)
    if all(item.started_at is None for item in final):
        return _TargetRun((), final)
    is_steady = cycle.number == 1 and cycle.is_in_order and target.recurrence is None
    if is_steady and not any(row.kind in single.moving for row in rows):
        return _TargetRun(_steady(target, rows, final), final)
    moments = sorted({row.recorded_at for row in rows})
    return _TargetRun(tuple((at, _reckoned(cycle, law, at, cycle.events_at(at))) for at in moments), final)


def _reckoned(cycle: _Cycle, law: Law, at: datetime, events: Sequence[Event]) -> tuple[Reckoning, ...]:
    found = reckon_all(law.single.pack, events, law.calendar, at=at, zone=law.pinned.zone, facts=law.pinned.facts)
    return tuple(item for item in found if item.cycle == cycle.number)


def _steady(target: Target, rows: Sequence[Recorded], final: Sequence[Reckoning]) -> tuple[Standing, ...]:
    """How runs stood whose due moment nothing could move: reckoned once, they ran from what began them to what ended them."""
    moments: dict[datetime, list[Reckoning]] = {}
    for item in final:
        mine = [row for row in rows if row.subject == item.subject or not target.is_per_subject]
        began_at = next((row.recorded_at for row in mine if row.occurred_at == item.started_at), None)
        if began_at is None:
            continue
        ended_at = _ended_at(target, mine, item)
        if ended_at is None or ended_at > began_at:
            moments.setdefault(began_at, []).append(replace(item, state=State.RUNNING, met_at=None, breached_at=None, excused_at=None))
        if ended_at is not None:
            moments.setdefault(ended_at, []).append(item)
    return tuple((at, tuple(moments[at])) for at in sorted(moments))


def _ended_at(target: Target, rows: Sequence[Recorded], item: Reckoning) -> datetime | None:
    """When it was recorded that a run was met, late or not, or excused."""
    if item.met_at is not None:
        return next((row.recorded_at for row in rows if row.occurred_at == item.met_at and row.kind in target.satisfied_by), None)
    if item.excused_at is not None:
        excuses = (EventKind.ENDED, EventKind.STATEMENT_ENDED, *target.excused_by)
        return next((row.recorded_at for row in rows if row.occurred_at == item.excused_at and row.kind in excuses), None)
    return None


def _play_target(cycle: _Cycle, policy: Policy, pins: Sequence[Pinned], run: _TargetRun, lag: timedelta) -> Replay:
    outcomes = tuple(_outcome(pins[-1].pack, cycle.number, item) for item in run.final if item.state is not State.NOT_APPLICABLE)
    if not run.standing or not policy.rules:
        return Replay(outcomes, (), ())
    play = _Play(cycle, policy, pins, lag)
    changes = dict(run.standing)
    moments = set(changes)
    if cycle.ended_at is not None:
        moments.add(cycle.ended_at)
    if policy.is_particular:
        first = min(changes)
        later = [*(given.at for given in cycle.history.given), *(triaged.at for triaged in cycle.history.triaged)]
        moments |= {at for at in later if first < at <= cycle.until}
    for at in sorted(moments):
        play.step(at, changes.get(at, ()))
    return play.result(outcomes)


class _Play:
    """The plan of one target, or of what needs no target, as it is made, moved, superseded and fired."""

    def __init__(self, cycle: _Cycle, policy: Policy, pins: Sequence[Pinned], lag: timedelta) -> None:
        self.cycle, self.policy, self.pins, self.lag = cycle, policy, pins, lag
        self.calendar = policy.calendar(pins[0])
        self.items: dict[str, Reckoning] = {}
        self.rows: dict[int, Stored] = {}
        self.planned: dict[int, Stored] = {}
        self.fired: list[Played] = []
        self.next_at: datetime | None = None

    def step(self, at: datetime, items: Sequence[Reckoning]) -> None:
        """Something was recorded at this moment: sweep what was due before, then plan again."""
        self._sweep(at, is_before=True)
        if len(self.pins) > 1:
            self.calendar = self.policy.calendar(next(pinned for pinned in self.pins if pinned.until is None or at < pinned.until))
        self.items.update({timer_key(item): item for item in items})
        facts, rows = self.cycle.facts(at, self.calendar), list(self.rows.values())
        steps = self._wanted(facts, at)
        if not steps and not self.planned:
            return
        is_quiet = self.cycle.history.is_quiet and at == self.cycle.moments[0]
        self._apply(compare(facts, steps, rows, at=at, escalate_late=not is_quiet, stopped=stopped_notes(self.items.values())))

    def _wanted(self, facts: PlanFacts, at: datetime) -> tuple[Step, ...]:
        """What should stand: of one target, or of what needs none."""
        if not self.items:
            return wanted(facts, (), self.policy.versions_at(at), at=at)
        if not any(item.is_waited_for for item in self.items.values()):
            return ()
        versions = [version for version in self.policy.versions_at(at) if version.trigger.kind.has_timer]
        return wanted(facts, self.items.values(), versions, at=at)

    def _apply(self, changes: Changes) -> None:
        for item in changes.inserts:
            state, cause = (FiringState.SUPERSEDED, Cause.PAST) if item.is_past else (FiringState.PLANNED, Cause.NONE)
            step = item.step
            self._keep(Stored(len(self.rows) + 1, self.cycle.number, step.timer_key, step.version_id, step.rule_id, item.occurrence,
                              item.fire_at, step.due_at, state, cause))
        for move in changes.moves:
            self._keep(replace(self.planned[move.id], fire_at=move.fire_at, due_at=move.due_at))
        for end in changes.supersedes:
            self._end(self.planned[end.id], FiringState.SUPERSEDED, end.cause)
        self._look_ahead()

    def _keep(self, row: Stored) -> None:
        self.rows[row.id] = row
        if row.state is FiringState.PLANNED:
            self.planned[row.id] = row
        else:
            self.planned.pop(row.id, None)

    def _end(self, row: Stored, state: FiringState, cause: Cause) -> None:
        self._keep(Stored(row.id, row.cycle, row.timer_key, row.version_id, row.rule_id, row.occurrence, row.fire_at, row.due_at, state,
                          cause))

    def _look_ahead(self) -> None:
        self.next_at = min((row.fire_at for row in self.planned.values()), default=None)

    # --- the sweep ---

    def _sweep(self, until: datetime, *, is_before: bool) -> None:
        """Every sweep that came before (or up to) this moment."""
        while self.next_at is not None:
            at = self.next_at + self.lag
            if at > until or (is_before and at == until and not self.lag):
                return
            self._sweep_once(at)

    def _sweep_once(self, at: datetime) -> None:
        standing: list[tuple[Stored, StepFacts]] = []
        is_open = self.cycle.ended_at is None or at < self.cycle.ended_at
        for row in [row for row in self.planned.values() if row.fire_at <= at]:
            facts = self._step_facts(row)
            why = why_not(facts, is_open=is_open, cycle=self.cycle.number, is_held=not facts.has_timer and self._is_held(at),
                          timer=self._timer(row.timer_key) if facts.has_timer else None, is_silent=self.cycle.is_silent(at),
                          ended_at=None if is_open else self.cycle.closed_at)
            if why:
                self._end(row, FiringState.SUPERSEDED, Cause.STOPPED)
            elif row.timer_key == SILENCE and (ends_at := self._silent_until(row, at)) > at:
                self._keep(replace(row, fire_at=ends_at, due_at=ends_at))
            else:
                standing.append((row, facts))
        lost = giving_way(facts for _, facts in standing) if len(standing) > 1 else {}
        for row, facts in standing:
            if row.id in lost:
                self._end(row, FiringState.SUPERSEDED, Cause.GAVE_WAY)
            else:
                self._end(row, FiringState.FIRED, Cause.NONE)
                self.fired.append(self._played(row, facts.level, at))
        self._look_ahead()

    def _played(self, row: Stored, level: int, at: datetime | None) -> Played:
        given = self.cycle.given(at or row.fire_at)
        return Played(row.cycle, row.timer_key, row.version_id, level, row.fire_at, row.due_at, at, given.handler_id, given.team_id)

    def _step_facts(self, row: Stored) -> StepFacts:
        rule = self.policy.rule(row.version_id)
        return StepFacts(row.id, self.cycle.history.case_id, row.cycle, row.timer_key, rule.version.level, row.due_at,
                         rule.version.trigger.kind.has_timer, rule.name, rule.is_active)

    def _timer(self, key: str) -> TimerFacts | None:
        item = self.items.get(key)
        return TimerFacts(item.state.value, item.due_at, item.met_at) if item else None

    def _is_held(self, at: datetime) -> bool:
        events = sorted(self.cycle.events_at(at), key=lambda event: event.at)
        return any(hold.until is None for hold in holds_of(events))

    def _silent_until(self, row: Stored, at: datetime) -> datetime:
        """When the silence ends that a step waits for; later than planned if it was broken since."""
        trigger = self.policy.rule(row.version_id).version.trigger
        return silent_until(trigger, self.cycle.last_activity(at), self.calendar) or at

    def result(self, outcomes: tuple[Outcome, ...]) -> Replay:
        """What fired up to the end, and what stands planned then."""
        self._sweep(self.cycle.reopened_at or self.cycle.until, is_before=self.cycle.reopened_at is not None)
        if self.cycle.reopened_at is not None:
            self.planned.clear()  # what a cycle still had planned ends with the next
        return Replay(outcomes, tuple(self.fired), tuple(
            self._played(row, self.policy.rule(row.version_id).version.level, None) for row in self.planned.values()))


def _outcome(pack: str, cycle: int, item: Reckoning) -> Outcome:
    return Outcome(cycle, pack, item.target.value, item.subject, item.occurrence, item.state, item.started_at, item.due_at,
                   item.met_at, item.breached_at, item.held_since)
