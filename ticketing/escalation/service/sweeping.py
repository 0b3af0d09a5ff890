"""The sweep's verb: claim what is due, look again under the lock, act, and mark each step, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from ticketing.accounts import queries as accounts
from ticketing.accounts.queries import StaffRow
from ticketing.audit import service as audit
from ticketing.cases import queries as cases
from ticketing.cases import service as casework
from ticketing.cases.queries import FiringContext
from ticketing.cases.rules import TaskKind
from ticketing.core import clock
from ticketing.core.batch import Tally, together_or_apart
from ticketing.core.database import atomic
from ticketing.core.errors import Conflict, DomainError
from ticketing.core.permissions import Permission, Role, machine
from ticketing.escalation import queries
from ticketing.escalation.queries.people import People
from ticketing.escalation.rules import StepFacts, first_name, giving_way, headline, is_late, reason_task, subject_line, why_not
from ticketing.escalation.rules.telling import Parts, recipients
from ticketing.firings import service as firings
from ticketing.firings.queries import DueRow
from ticketing.firings.rules import Cause, FiringState, Reassign, TriggerKind
from ticketing.firings.rules.planning import silent_until
from ticketing.firings.service import Outcome
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage

__all__ = ["BY", "fire_batch", "record_breaches"]

BY = machine("escalation", Permission.WORK_CASES, Permission.ASSIGN_CASES)
NOBODY = "There is nobody to tell: give the team a lead, or name a manager who is not named in the concern."
PRIORITIES = {1: "raised", 2: "urgent"}


@dataclass(frozen=True, slots=True)
class _Step:
    """A step that stands, with the case it is about; `asks_reason` may come from a lower one that gave way."""

    row: DueRow
    case: FiringContext
    asks_reason: bool
    author_id: int | None


@atomic
def record_breaches(*, at: datetime, limit: int = 50) -> Tally:
    """Note on their cases the targets missed by `at`, each at the instant it was missed."""
    return casework.record_breaches(by=BY, at=at, limit=limit)


@atomic
def fire_batch(*, at: datetime, limit: int = 20) -> Tally:
    """Claim about `limit` due steps, look again under the lock, act and mark them.

    A step that no longer stands is superseded; a lower one gives way to a higher one of the same timer.  If the batch fails, each
    step is worked by itself, and one that fails is marked so, with the reason, without keeping the others.
    """
    claimed = firings.claim_due(at=at, limit=limit)
    if not claimed:
        return Tally()
    tally, standing = _sort_out(claimed, at=at)
    people = People()
    tally.add(together_or_apart(standing, partial(_fire, people=people, at=at), partial(_fail, at=at)))
    return tally


def _sort_out(claimed: Sequence[DueRow], *, at: datetime) -> tuple[Tally, list[_Step]]:
    """Supersede what does not stand and what gives way; hand out the rest."""
    found = cases.firing_context({row.case_id for row in claimed})
    timers = queries.timers_of({row.case_id for row in claimed})
    tally, outcomes, standing = Tally(), [], []
    for row in claimed:
        case = found[row.case_id]
        timer = timers.get((row.case_id, row.cycle, row.timer_key))
        why = why_not(_facts(row), is_open=case.is_open, cycle=case.cycle, is_held=case.held_since is not None, timer=timer)
        if why:
            outcomes.append(Outcome(row.id, FiringState.SUPERSEDED, why, Cause.STOPPED))
        elif not _put_off(row, case, at=at):
            standing.append(row)
    lost = giving_way(_facts(row) for row in standing)
    outcomes += [Outcome(row.id, FiringState.SUPERSEDED, f"It gave way to “{lost[row.id].rule_name}”.", Cause.GAVE_WAY)
                 for row in standing if row.id in lost]
    firings.finish(outcomes, at=at)
    tally.count("superseded", len(outcomes))
    tally.done = len(claimed) - len(standing) + len(lost)
    reasons = {lost[row.id].id for row in standing if row.id in lost and row.actions.asks_reason}
    authors = queries.authors_of({row.subject for row in standing if row.subject})
    return tally, [
        _Step(row, found[row.case_id], row.actions.asks_reason or row.id in reasons, authors.get(row.subject))
        for row in standing if row.id not in lost]


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


def _fire(step: _Step, *, people: People, at: datetime) -> str:
    """Act on one step and mark it; the outcome's word."""
    row, case = step.row, step.case
    told_at = _told_at(case, at)
    recipients = _recipients(step, people, clock.day_of(told_at, case.zone))
    if row.actions.tells_somebody and not recipients:
        raise Conflict(NOBODY)
    done = [*_tell(step, recipients, told_at, at=at), *_act(step, people, at=at)]
    late = is_late(row.fire_at, at)
    note = f"{'; '.join(done)}."
    firings.finish([Outcome(
        row.id, FiringState.FIRED, f"{note[:1].upper()}{note[1:]}", is_late=late, told=tuple(person.uid for person in recipients))], at=at)
    audit.record(
        audit.case_stream(case.reference), audit.Act.CASE_ESCALATED, by=BY, at=at, occurred_at=min(row.fire_at, at),
        facts={"rule_code": row.rule_code, "level": row.level, "target": row.target, "firing": row.uid, "is_late": late,
               "number_told": len(recipients)},
        private={"rule": row.rule_name, "to": _names(recipients)})
    return "fired_late" if late else "fired"


def _fail(step: _Step, error: Exception, *, at: datetime) -> None:
    """Mark a step that could not be carried out, where people see it."""
    why = error.message if isinstance(error, DomainError) else f"Something went wrong ({type(error).__name__}). Tell your administrator."
    firings.finish([Outcome(step.row.id, FiringState.FAILED, why, is_late=is_late(step.row.fire_at, at))], at=at)
    audit.record(
        audit.case_stream(step.case.reference), audit.Act.CASE_ESCALATION_FAILED, by=BY, at=at, why=why,
        facts={"rule_code": step.row.rule_code, "level": step.row.level, "target": step.row.target, "firing": step.row.uid})


def _told_at(case: FiringContext, at: datetime) -> datetime:
    """People are told when their office is open; at once where somebody may be in danger."""
    if case.is_danger_now:
        return at
    return case.hours.next_opening(at) or at


def _recipients(step: _Step, people: People, day: date) -> tuple[StaffRow, ...]:
    """Whom to tell; see rules.telling."""
    parts = Parts(step.case.handler_id, step.case.team_id, step.case.subject_ids, step.author_id)
    return recipients(step.row.actions, parts, people, day)


def _tell(step: _Step, recipients: Sequence[StaffRow], told_at: datetime, *, at: datetime) -> list[str]:
    row, case = step.row, step.case
    due = queries.due_words(row.pack or case.pack, row.target, row.due_at, case.zone) if row.target else ""
    shared = {"reference": case.reference, "headline": headline(row.trigger, row.target, due), "rule": row.rule_name,
              "is_late": is_late(row.fire_at, at), "asks_reason": step.asks_reason}
    for person in recipients:
        is_author = person.role is Role.CLINICIAN
        outbox.queue(NewMessage(
            kind="escalation", recipient_email=person.email, recipient_name=person.name,
            subject=subject_line(case.reference, row.trigger, row.target), template="escalation_statement" if is_author else "escalation",
            context={**shared, "first_name": first_name(person.name)}, dedup_key=queries.dedup_key(row.uid, person.uid),
            case_reference=case.reference, staff_uid=person.uid, not_before=told_at), at=at)
    return [f"told {len(recipients)} {'person' if len(recipients) == 1 else 'people'}"] if recipients else []


def _act(step: _Step, people: People, *, at: datetime) -> list[str]:
    """The other things a step does; each in words."""
    actions, case, said = step.row.actions, step.case, []
    why = f"By the rule “{step.row.rule_name}”."
    if actions.priority and case.priority < actions.priority:
        casework.raise_priority(case.reference, actions.priority, why, by=BY, at=at)
        said.append(f"priority {PRIORITIES[actions.priority]}")
    if step.asks_reason:
        said.append(_add_task(case, reason_task(step.row.target), at=at, about=f"{step.row.target}:{step.row.subject}"))
    if actions.task:
        said.append(_add_task(case, actions.task, at=at))
    if actions.reassign:
        said.append(_reassign(step, actions.reassign, people, why, at=at))
    return said or ["nothing else to do"] if not actions.tells_somebody else said


def _add_task(case: FiringContext, title: str, *, at: datetime, about: str = "") -> str:
    due_at = case.hours.add_working_days(at, 1) or at
    casework.add_task(case.reference, TaskKind.TASK, title, due_at, None, None, by=BY, at=at, about=about)
    return f"added the task “{title}”"


def _reassign(step: _Step, to: Reassign, people: People, why: str, *, at: datetime) -> str:
    case = step.case
    if case.team_id is None:
        raise Conflict("The case belongs to no team, so it cannot be given on. Give it a team.")
    if to is Reassign.TEAM:
        team = accounts.team_by_id(case.team_id)
        casework.assign(case.reference, None, team.code, why, seen=None, by=BY, at=at)
        return f"gave it back to {team.name}"
    today = clock.day_of(at, case.zone)
    leads = [people.stand_in(row.id, today) for row in people.leads_of(case.team_id)]
    lead = next((row for row in leads if row.is_active and row.id not in case.subject_ids), None)
    if lead is None:
        raise Conflict("The team has no lead who could take the case. Give the team a lead.")
    if lead.id == case.handler_id:
        return f"{lead.name} has it already"
    casework.assign(case.reference, lead.uid, None, why, seen=None, by=BY, at=at)
    return f"gave it to {lead.name}"


def _names(people: Sequence[StaffRow]) -> str:
    return ", ".join(person.name for person in people)


