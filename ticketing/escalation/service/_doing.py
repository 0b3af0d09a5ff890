"""What a step does: the notices it sends, and the tasks, priorities and hand-overs it carries out through the verbs of cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from ticketing.accounts import queries as accounts
from ticketing.accounts.rules import fold_email
from ticketing.cases import service as casework
from ticketing.cases.queries import FiringContext
from ticketing.cases.rules import TaskKind
from ticketing.core import clock
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Actor, Role
from ticketing.escalation import queries
from ticketing.escalation.queries.reaching import Circle, Reached
from ticketing.escalation.rules import first_name, headline, is_late, reason_task, subject_line
from ticketing.escalation.rules.telling import Parts, fit_to_hear
from ticketing.firings.queries import DueRow
from ticketing.firings.rules import Reassign
from ticketing.outbox.rules import NewMessage

PRIORITIES = {1: "raised", 2: "urgent"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that stands, with the case it is about; `asks_reason` may come from a lower one that gave way."""

    row: DueRow
    case: FiringContext
    asks_reason: bool
    author_id: int | None


def _notices(step: Step, reached: Sequence[Reached], *, at: datetime, is_moved_up: bool = False) -> list[NewMessage]:
    """One mail a person told, one an address outside, and one call to another system; nothing outside about a confidential case."""
    row, case = step.row, step.case
    due = queries.due_words(row.pack or case.pack, row.target, row.due_at, case.zone) if row.target else ""
    shared: dict[str, Any] = {
        "reference": case.reference, "headline": headline(row.trigger, row.target, due), "rule": row.rule_name,
        "is_late": is_late(row.fire_at, at), "asks_reason": step.asks_reason, "is_moved_up": is_moved_up,
        "acknowledge_url": f"/escalations/{row.uid}/acknowledge" if row.actions.acknowledge_within else ""}
    subject = subject_line(case.reference, row.trigger, row.target)
    is_first = case.is_danger_now or queries.is_statutory(row.pack or case.pack, row.target)
    found = [_to_person(one, row, case, shared, subject, is_first) for one in reached]
    if is_moved_up or case.is_confidential:
        return found
    return found + [_to_address(address, row, case, shared, subject) for address in _fit_addresses(row, case)] + _calls(row, case, at)


def _fit_addresses(row: DueRow, case: FiringContext) -> Sequence[str]:
    """The addresses outside, but for those that are of somebody named in the concern or of their manager."""
    if not row.actions.external or not case.subject_ids:
        return row.actions.external
    barred = {person.email for person in accounts.staff_by_ids(case.subject_ids).values()}
    return [address for address in row.actions.external if fold_email(address) not in barred]


def _kept_inside(row: DueRow, case: FiringContext) -> str:
    """Why a step that would have told somebody outside did not, in words; empty if it did or would not."""
    is_outward = bool(row.actions.external or row.actions.webhook)
    return "told nobody outside, because the case is confidential" if is_outward and case.is_confidential else ""


def _to_person(
    one: Reached, row: DueRow, case: FiringContext, shared: dict[str, Any], subject: str, is_first: bool,
) -> NewMessage:
    person = one.person
    return NewMessage(
        kind="escalation", recipient_email=person.email, recipient_name=person.name, subject=subject,
        template="escalation_statement" if person.role is Role.CLINICIAN else "escalation",
        context={**shared, "first_name": _first_name(person.name)}, dedup_key=queries.dedup_key(row.uid, person.uid),
        case_reference=case.reference, staff_uid=person.uid, not_before=one.told_at, is_first=is_first)


_first_name = lru_cache(maxsize=1000)(first_name)


def _to_address(address: str, row: DueRow, case: FiringContext, shared: dict[str, Any], subject: str) -> NewMessage:
    return NewMessage(
        kind="escalation_outside", recipient_email=address, recipient_name=address, subject=subject, template="escalation_outside",
        context={**shared, "acknowledge_url": ""}, dedup_key=queries.dedup_key(row.uid, address), case_reference=case.reference)


def _calls(row: DueRow, case: FiringContext, at: datetime) -> list[NewMessage]:
    """Says what happened to which case, and nothing about a person."""
    if not row.actions.webhook:
        return []
    data = {
        "reference": case.reference, "rule": row.rule_code, "rule_version": row.version, "rung": row.level, "target": row.target,
        "due_at": row.due_at, "severity": case.severity, "cycle": case.cycle, "is_late": is_late(row.fire_at, at), "firing": row.uid}
    return [NewMessage(
        kind="webhook", recipient_email="", recipient_name="", subject=f"{case.reference}: call to another system", template="",
        context={"type": "case.escalated", "timestamp": at, "data": data}, dedup_key=queries.dedup_key(row.uid, row.actions.webhook),
        case_reference=case.reference, url=row.actions.webhook)]


def _act(step: Step, circle: Circle, *, by: Actor, at: datetime) -> list[str]:
    """The other things a step does; each in words."""
    actions, case, said = step.row.actions, step.case, []
    why = f"By the rule “{step.row.rule_name}”."
    if actions.priority and case.priority < actions.priority:
        casework.raise_priority(case.reference, actions.priority, why, by=by, at=at)
        said.append(f"priority {PRIORITIES[actions.priority]}")
    if step.asks_reason:
        said.append(_add_task(case, reason_task(step.row.target), by=by, at=at, about=f"{step.row.target}:{step.row.subject}"))
    if actions.task:
        said.append(_add_task(case, actions.task, by=by, at=at))
    if actions.reassign:
        said.append(_reassign(step, actions.reassign, circle, why, by=by, at=at))
    return said


def _add_task(case: FiringContext, title: str, *, by: Actor, at: datetime, about: str = "") -> str:
    due_at = case.hours.add_working_days(at, 1) or at
    casework.add_task(case.reference, TaskKind.TASK, title, due_at, None, None, by=by, at=at, about=about)
    return f"added the task “{title}”"


def _reassign(step: Step, to: Reassign, circle: Circle, why: str, *, by: Actor, at: datetime) -> str:
    case = step.case
    if case.team_id is None:
        raise Conflict("The case belongs to no team, so it cannot be given on. Give it a team.")
    if to is Reassign.TEAM:
        team = accounts.team_by_id(case.team_id)
        casework.assign(case.reference, None, team.code, why, seen=None, by=by, at=at)
        return f"gave it back to {team.name}"
    today = clock.day_of(at, case.zone)
    leads = [circle.people.stand_in(row.id, today) for row in circle.people.leads_of(case.team_id)]
    parts = Parts(case.case_id, case.handler_id, case.team_id, case.subject_ids)
    lead = next(iter(fit_to_hear(leads, parts, circle.people, today)), None)
    if lead is None:
        raise Conflict("The team has no lead who could take the case. Give the team a lead.")
    if lead.id == case.handler_id:
        return f"{lead.name} has it already"
    casework.assign(case.reference, lead.uid, None, why, seen=None, by=by, at=at)
    return f"gave it to {lead.name}"
