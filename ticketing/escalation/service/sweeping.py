"""The sweep's verb: claim what is due, look again under the lock, act, and mark each step, all in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from flask import current_app

from ticketing.audit import service as audit
from ticketing.cases import queries as cases
from ticketing.cases import service as casework
from ticketing.cases.queries import FiringContext
from ticketing.core.batch import Tally, together_or_apart
from ticketing.core.database import atomic
from ticketing.core.errors import DomainError
from ticketing.core.permissions import Permission, machine
from ticketing.escalation import queries
from ticketing.escalation.queries.people import People
from ticketing.escalation.queries.reaching import Circle, Reached
from ticketing.escalation.rules import StepFacts, giving_way, is_late, why_not
from ticketing.escalation.service._doing import Step, _act, _kept_inside, _notices
from ticketing.firings import service as firings
from ticketing.firings.queries import DueRow
from ticketing.firings.rules import Cause, FiringState, TriggerKind
from ticketing.firings.rules.planning import silent_until
from ticketing.firings.service import Outcome
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage

__all__ = ["BY", "fire_batch", "move_up", "record_breaches"]

BATCH = 1_000  # about half a second of locks; what a batch asks once costs little beside so many
BY = machine("escalation", Permission.WORK_CASES, Permission.ASSIGN_CASES)
NOBODY = "There is nobody to tell: give the team a lead, or name a manager who is not named in the concern."


@dataclass(slots=True)
class _Deed:
    """What one step does: whom it tells, what else it did in words, how late it was."""

    step: Step
    reached: tuple[Reached, ...]
    messages: list[NewMessage]
    said: list[str]
    is_late: bool
    answer_by_at: datetime | None = None

    @property
    def has_nobody(self) -> bool:
        return self.step.row.actions.tells_staff and not self.reached

    @property
    def told(self) -> tuple[str, ...]:
        """Staff by uid, others by address."""
        outside = [message.url or message.recipient_email for message in self.messages if message.staff_uid is None]
        return (*(one.person.uid for one in self.reached), *outside)


@dataclass(slots=True)
class _Claim:
    """A batch as it is sorted: steps that stand, and how the others end."""

    tally: Tally = field(default_factory=Tally)
    standing: list[Step] = field(default_factory=list)


@atomic
def record_breaches(*, at: datetime, limit: int = 50) -> Tally:
    """Note on their cases the targets missed by `at`, each at the instant it was missed."""
    return casework.record_breaches(by=BY, at=at, limit=limit)


@atomic
def fire_batch(*, at: datetime, limit: int = BATCH) -> Tally:
    """Claim about `limit` due steps, look again under the lock, act and mark them.

    A step that no longer stands is superseded; a lower one gives way to a higher one of the same timer.  If the batch fails, each
    step is worked by itself, and one that fails is set aside with the reason, without keeping the others.
    """
    claimed = firings.claim_due(at=at, limit=limit)
    if not claimed:
        return Tally()
    claim = _sort_out(claimed, at=at)
    circle = Circle(People(frozenset(step.case.case_id for step in claim.standing), _handled(claim.standing)))
    circle.people.expect(step.case.handler_id for step in claim.standing)
    tally = together_or_apart(claim.standing, partial(_fire, circle=circle, at=at), partial(_set_aside, at=at))
    aside = tally.outcomes.pop("set_aside", 0)
    tally.done, tally.failed = tally.done - aside, tally.failed + aside
    claim.tally.add(tally)
    return claim.tally


def _handled(steps: Sequence[Step]) -> dict[int, frozenset[int]]:
    """The cases of each handler."""
    found: dict[int, set[int]] = defaultdict(set)
    for step in steps:
        if step.case.handler_id is not None:
            found[step.case.handler_id].add(step.case.case_id)
    return {staff_id: frozenset(ids) for staff_id, ids in found.items()}


@atomic
def move_up(*, at: datetime, limit: int = 50) -> Tally:
    """Notices that nobody acknowledged in time go to the next level, until there is none above."""
    claimed = firings.claim_unanswered(at=at, limit=limit)
    if not claimed:
        return Tally()
    found = cases.firing_context({row.case_id for row in claimed})
    timers, circle, tally = queries.timers_of({row.case_id for row in claimed}), Circle(), Tally()
    for row in claimed:
        case = found[row.case_id]
        still = not _why_not(row, case, timers.get((row.case_id, row.cycle, row.timer_key)), is_due_moved=False)
        tally.count(_move_up(Step(row, case, False, None), circle, at=at) if still else _let_go(row, at=at))
        tally.done += 1
    return tally


def _move_up(step: Step, circle: Circle, *, at: datetime) -> str:
    row, case = step.row, step.case
    level, reached = queries.next_to_tell(row, case, circle, at=at)
    if not reached:
        return _let_go(row, at=at)
    messages = _notices(step, reached, at=at, is_moved_up=True)
    outbox.queue_many(messages, budget=_budget(), at=at)
    answer_by_at = _answer_by(row, case, reached)
    firings.note_moved_up(row.id, [*row.told, *(one.person.uid for one in reached)], level, answer_by_at, at=at)
    audit.record(
        audit.case_stream(case.reference), audit.Act.CASE_ESCALATION_MOVED_UP, by=BY, at=at,
        facts={"firing": row.uid, "rule_code": row.rule_code, "level": level, "number_told": len(reached)},
        private={"to": ", ".join(one.person.name for one in reached)})
    return "moved_up"


def _let_go(row: DueRow, *, at: datetime) -> str:
    """Nobody need acknowledge it any more: the matter is settled, or nobody stands above."""
    firings.note_moved_up(row.id, row.told, row.moved_up, None, at=at)
    return "let_go"


def _sort_out(claimed: Sequence[DueRow], *, at: datetime) -> _Claim:
    """Supersede what does not stand and what gives way; hand out the rest."""
    ids = {row.case_id for row in claimed}
    found, timers = cases.firing_context(ids), queries.timers_of(ids)
    claim, outcomes, standing = _Claim(), [], []
    for row in claimed:
        why = _why_not(row, found[row.case_id], timers.get((row.case_id, row.cycle, row.timer_key)))
        if why:
            outcomes.append(Outcome(row.id, FiringState.SUPERSEDED, why, Cause.STOPPED))
        elif not _put_off(row, found[row.case_id], at=at):
            standing.append(row)
    lost = giving_way(_facts(row) for row in standing)
    outcomes += [Outcome(row.id, FiringState.SUPERSEDED, f"It gave way to “{lost[row.id].rule_name}”.", Cause.GAVE_WAY)
                 for row in standing if row.id in lost]
    firings.finish(outcomes, at=at)
    claim.tally.count("superseded", len(outcomes))
    claim.tally.done = len(claimed) - len(standing) + len(lost)
    reasons = {lost[row.id].id for row in standing if row.id in lost and row.actions.asks_reason}
    authors = queries.authors_of({row.subject for row in standing if row.subject})
    claim.standing = [
        Step(row, found[row.case_id], row.actions.asks_reason or row.id in reasons, authors.get(row.subject))
        for row in standing if row.id not in lost]
    return claim


def _why_not(row: DueRow, case: FiringContext, timer: queries.TimerFacts | None, *, is_due_moved: bool = True) -> str:
    return why_not(
        _facts(row), is_open=case.is_open, cycle=case.cycle, is_held=case.held_since is not None, timer=timer, is_silent=case.is_silent,
        ended_at=case.closed_at, asks_due=is_due_moved)


def _put_off(row: DueRow, case: FiringContext, *, at: datetime) -> bool:
    """Silence that was broken since it was planned ends later; True if the step now waits for that."""
    if row.trigger.kind is not TriggerKind.NO_ACTIVITY:
        return False
    ends_at = silent_until(row.trigger, case.last_activity_at, case.hours)
    if ends_at is None or ends_at <= at:
        return False
    firings.move(row.id, ends_at, at=at)
    return True


def _facts(row: DueRow) -> StepFacts:
    return StepFacts(
        row.id, row.case_id, row.cycle, row.timer_key, row.level, row.due_at, row.trigger.kind.has_timer, row.rule_name, row.is_rule_active)


def _fire(steps: Sequence[Step], *, circle: Circle, at: datetime) -> list[str]:
    """Act on the steps and mark them, with a handful of statements for all that only tell people; the outcomes' words."""
    deeds = [_prepare(step, circle, at=at) for step in steps]
    done = [deed for deed in deeds if not deed.has_nobody]
    for deed in deeds:
        if deed.has_nobody:
            _note_set_aside(deed.step, NOBODY, at=at)
        else:
            deed.said += _act(deed.step, circle, by=BY, at=at)
    outbox.queue_many([message for deed in done for message in deed.messages], budget=_budget(), at=at)
    firings.finish([_outcome(deed) for deed in done], at=at)
    audit.record_many([_entry(deed, at) for deed in done], by=BY, at=at)
    return ["set_aside" if deed.has_nobody else "fired_late" if deed.is_late else "fired" for deed in deeds]


def _prepare(step: Step, circle: Circle, *, at: datetime) -> _Deed:
    row = step.row
    reached = circle.reached(row.actions, step.case, step.author_id, at=at)
    messages = _notices(step, reached, at=at)
    said = [f"told {len(reached)} {'person' if len(reached) == 1 else 'people'}"] if reached else []
    outside = len(messages) - len(reached)
    if outside:
        said.append(f"sent to {outside} {'address' if outside == 1 else 'addresses'} outside")
    kept = _kept_inside(row, step.case)
    said += [kept] if kept else []
    return _Deed(step, reached, messages, said, is_late(row.fire_at, at), _answer_by(row, step.case, reached))


def _answer_by(row: DueRow, case: FiringContext, reached: Sequence[Reached]) -> datetime | None:
    hours = row.actions.acknowledge_within
    if not hours or not reached:
        return None
    first = min(one.told_at for one in reached)
    return case.hours.add(first, timedelta(hours=hours)) or first + timedelta(hours=hours)


def _outcome(deed: _Deed) -> Outcome:
    note = f"{'; '.join(deed.said) or 'nothing else to do'}."
    return Outcome(
        deed.step.row.id, FiringState.FIRED, f"{note[:1].upper()}{note[1:]}", is_late=deed.is_late, told=deed.told,
        answer_by_at=deed.answer_by_at)


def _entry(deed: _Deed, at: datetime) -> audit.NewEntry:
    row = deed.step.row
    return audit.NewEntry(
        audit.case_stream(deed.step.case.reference), audit.Act.CASE_ESCALATED, min(row.fire_at, at),
        facts={"rule_code": row.rule_code, "version": row.version, "level": row.level, "target": row.target, "firing": row.uid,
               "is_late": deed.is_late, "number_told": len(deed.reached)},
        private={"rule": row.rule_name, "to": ", ".join(one.person.name for one in deed.reached)})


def _set_aside(step: Step, error: Exception, *, at: datetime) -> None:
    why = error.message if isinstance(error, DomainError) else f"Something went wrong ({type(error).__name__}). Tell your administrator."
    _note_set_aside(step, why, at=at)


def _note_set_aside(step: Step, why: str, *, at: datetime) -> None:
    """Set aside a step that could not be carried out, where people see it."""
    firings.finish([Outcome(step.row.id, FiringState.FAILED, why, is_late=is_late(step.row.fire_at, at))], at=at)
    audit.record(
        audit.case_stream(step.case.reference), audit.Act.CASE_ESCALATION_FAILED, by=BY, at=at, why=why,
        facts={"rule_code": step.row.rule_code, "level": step.row.level, "target": step.row.target, "firing": step.row.uid})


def _budget() -> int:
    return int(current_app.config["NOTICES_PER_HOUR"])


