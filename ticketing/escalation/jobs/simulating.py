"""Playing simulations batch by batch, so that any worker may go on where another stopped; and following their shadows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import chain
from multiprocessing import get_context
from typing import Any

from ticketing.calendars.rules import find_zone
from ticketing.core.batch import Tally
from ticketing.core.errors import DomainError
from ticketing.escalation.queries import histories as past
from ticketing.escalation.queries import simulations as queries
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.queries.people import People
from ticketing.escalation.queries.reaching import shifts_by_team
from ticketing.escalation.queries.simulations import SimulationRow
from ticketing.escalation.rules.comparing import Compared, Sums, Told, add, changes_of, compare_histories
from ticketing.escalation.rules.duty import on_duty
from ticketing.escalation.rules.playing import PolicySpec, begin, compare_chunk, policies
from ticketing.escalation.rules.simulating import History, Policy, RuleInForce, replay
from ticketing.escalation.rules.telling import Parts, recipients
from ticketing.escalation.service import simulating as service
from ticketing.firings.rules import Recipient

CHUNK = 250           # cases handed to a process at once
AHEAD = 3             # chunks waiting for each process, so that none runs dry while the next are read
SLICE = 40            # chunks that one turn of the job plays before it looks whether it should stop
FOLLOWED = 500        # cases a shadow follows in one turn's batch

Stopping = Callable[[], bool]
Progress = Callable[[int, int], object]
Seconds = Callable[[], float]


def play_simulations(at: datetime, *, zone: str, seconds: Seconds, is_stopping: Stopping = lambda: False, processes: int = 1) -> Tally:
    """One turn: play on what was asked for, then bring the shadows up to date."""
    tally = Tally()
    for uid in queries.running():
        if not is_stopping():
            tally.add(run(uid, at, zone=zone, seconds=seconds, is_stopping=is_stopping, processes=processes, most=SLICE))
    for uid in queries.shadows():
        if not is_stopping():
            tally.add(follow(uid, at))
    return tally


def run(uid: str, at: datetime, *, zone: str, seconds: Seconds, is_stopping: Stopping = lambda: False, processes: int = 1,
        most: int | None = None, progress: Progress = lambda _done, _whole: None) -> Tally:
    """Play a simulation to its end, or `most` chunks of it; a simulation that cannot be played says why and stops."""
    try:
        return _run(uid, at, Range(*_days(uid), zone), seconds, is_stopping, processes, most, progress)
    except DomainError as error:
        service.give_up(uid, error.message, at=at)
        return Tally(failed=1)


def _days(uid: str) -> tuple[Any, Any]:
    row = queries.simulation(uid)
    return row.first_on, row.last_on


def _run(uid: str, at: datetime, wanted: Range, seconds: Seconds, is_stopping: Stopping, processes: int, most: int | None,
         progress: Progress) -> Tally:
    row, tally = queries.simulation(uid), Tally()
    specs = _specs(row)
    telling = _Telling(specs, row)
    until = min(at, wanted.bounds[1])
    after, begun, is_whole = row.last_case_id, seconds(), False
    chunks = _chunks(wanted, after, specs, most)
    for compared in play(chunks, *specs, until=until, processes=processes):
        sums = telling.add_people(compared)
        if not service.keep_batch(uid, after, compared.last_case_id, sums, compared.changes, seconds() - begun, at=at):
            return tally  # somebody else plays it, or it was stopped
        after, begun = compared.last_case_id, seconds()
        tally.done += sums["cases"]
        progress(row.done + tally.done, row.whole)
        if is_stopping():
            return tally
    is_whole = not past.case_ids(wanted, after, 1)
    if is_whole:
        service.finish(uid, at=at)
    return tally


def play(chunks: Iterable[Sequence[History]], before: PolicySpec, after: PolicySpec, *, until: datetime, processes: int
         ) -> Iterator[Compared]:
    """Compare two policies chunk by chunk, in the order of the chunks; with one process here, with more each in its own."""
    ready = iter(chunks)
    first = list(_some(ready, 2))
    if processes <= 1 or len(first) < 2:
        pair = policies(before, after)
        yield from (compare_histories(chunk, *pair, until=until) for chunk in chain(first, ready))
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=begin, initargs=(before, after, until)) as pool:
        waiting: deque[Future[Compared]] = deque()
        for chunk in chain(first, ready):
            waiting.append(pool.submit(compare_chunk, chunk))
            if len(waiting) >= processes * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _some(chunks: Iterator[Sequence[History]], number: int) -> Iterator[Sequence[History]]:
    for _ in range(number):
        chunk = next(chunks, None)
        if chunk is not None:
            yield chunk


def _chunks(wanted: Range, after: int, specs: Sequence[PolicySpec], most: int | None) -> Iterator[Sequence[History]]:
    with_activity, with_triage = past.asks_the_trail(*specs)
    number = 0
    while (most is None or number < most) and (ids := past.case_ids(wanted, after, CHUNK)):
        yield past.histories(ids, with_activity=with_activity, with_triage=with_triage)
        after, number = ids[-1], number + 1


def _specs(row: SimulationRow) -> tuple[PolicySpec, PolicySpec]:
    """Today's policy as it was when the simulation was asked for, and the draft."""
    today = past.policy_today()
    asked = set(row.against.get("rules", ()))
    rules = tuple(replace(rule, is_active=True) for rule in past.rules_by_id(asked))
    today = replace(today, rules=rules)
    return today, past.policy_drafted(row.draft, today)


class _Telling:
    """Who would have been told, counted for each person and day."""

    def __init__(self, specs: tuple[PolicySpec, PolicySpec], row: SimulationRow) -> None:
        ids = queries.staff_ids([uid for pair in row.draft.stand_ins.items() for uid in pair])
        instead = {ids[away]: ids[other] for away, other in row.draft.stand_ins.items()}
        self.people = People(), People(instead=instead)
        self.rules: tuple[dict[int, RuleInForce], ...] = tuple({rule.version.id: rule for rule in spec.rules} for spec in specs)
        self.known: dict[Any, tuple[str, ...]] = {}
        self.shifts = shifts_by_team()

    def add_people(self, compared: Compared) -> Sums:
        """The sums of a chunk with its messages."""
        sums, parts = dict(compared.sums), queries.parts_of(sorted({told.case_id for told in compared.told}))
        for told in compared.told:
            rule = self.rules[told.place][told.version_id]
            _bump(sums, told.place, "fired", told.month)
            _bump(sums, told.place, "rules", rule.name)
            uids = self.uids(told, rule, parts.subjects.get(told.case_id, frozenset()), parts.authors.get(told.subject))
            is_apart = parts.is_apart(told.case_id)
            if is_apart:
                _bump(sums, told.place, "apart", str(told.case_id))
            for uid in () if is_apart else uids:
                _bump(sums, told.place, "days", uid, told.day.isoformat())
            if not uids and rule.actions.tells_somebody:
                add(sums, {"unheard": [int(told.place == 0), int(told.place == 1)]})
        return sums

    def uids(self, told: Told, rule: RuleInForce, subjects: frozenset[int], author_id: int | None) -> tuple[str, ...]:
        """Whom a step would have told; asked once for each kind of step, day and hands."""
        duty = on_duty(self.shifts.get(told.team_id or 0, ()), told.local) if Recipient.ON_DUTY in rule.actions.notify else ()
        key = told.place, told.version_id, told.handler_id, told.team_id, told.unit_id, subjects, author_id, told.day, duty
        if key not in self.known:
            deputy_id = queries.deputy_of(told.handler_id, told.day) if Recipient.DEPUTY in rule.actions.notify else None
            parts = Parts(None, told.handler_id, told.team_id, subjects, author_id, told.unit_id, duty, deputy_id)
            self.known[key] = tuple(person.uid for person in recipients(rule.actions, parts, self.people[told.place], told.day))
        return self.known[key]


def _bump(sums: Sums, place: int, *path: str) -> None:
    table = sums
    for name in path[:-1]:
        table = table.setdefault(name, {})
    table.setdefault(path[-1], [0, 0])[place] += 1


# --- the shadow ---


def follow(uid: str, at: datetime) -> Tally:
    """Bring a shadow up to date: play again the cases on which something was recorded, or a shadow step came due, since it last looked."""
    row, tally = queries.simulation(uid), Tally()
    specs = _specs(row)
    pair, telling, after = policies(*specs), _Telling(specs, row), 0
    while ids := _to_follow(row, at, after):
        with_activity, with_triage = past.asks_the_trail(*specs)
        found = past.histories(ids, with_activity=with_activity, with_triage=with_triage)
        _keep_followed(row, ids, found, pair, telling, at)
        after, tally.done = ids[-1], tally.done + len(ids)
    service.mark_shadowed(uid, at=at)
    return tally


def _to_follow(row: SimulationRow, at: datetime, after: int) -> tuple[int, ...]:
    if row.shadowed_at is None:
        return queries.open_cases(after, FOLLOWED)
    return queries.cases_to_follow(row.shadowed_at, row, at, after, FOLLOWED)


def _keep_followed(row: SimulationRow, ids: Sequence[int], found: Sequence[History], pair: tuple[Policy, ...], telling: _Telling,
                   at: datetime) -> None:
    since, steps, changes = row.shadow_since or at, [], []
    parts = queries.parts_of(ids)
    for history in found:
        memo: dict[Any, Any] = {}
        live, shadow = (replay(history, policy, until=at, memo=memo) for policy in pair)
        changes += changes_of(history.case_id, live, shadow)
        for step in (*(one for one in shadow.fired if one.fired_at and one.fired_at >= since), *shadow.planned):
            rule = pair[1].rule(step.version_id)
            local = (step.fired_at or step.fire_at).astimezone(find_zone(history.zone))
            told = Told(1, history.case_id, step.version_id, step.timer_key, step.subject, local, step.handler_id, step.team_id,
                        history.unit_id)
            uids = telling.uids(told, rule, parts.subjects.get(history.case_id, frozenset()), parts.authors.get(step.subject))
            steps.append({
                "case_id": history.case_id, "cycle": step.cycle, "timer_key": step.timer_key, "rule": rule.name, "level": step.level,
                "fire_at": step.fire_at, "due_at": step.due_at, "fired_at": step.fired_at, "told": list(uids)})
    service.keep_shadow(row.uid, ids, steps, changes, at=at)
