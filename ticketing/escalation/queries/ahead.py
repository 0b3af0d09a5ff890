"""What will fire within a week, to whom and why; and whom a rule would reach now.  Both as things stand: leave, rota, who has what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.cases import queries as cases
from ticketing.cases.models import Case
from ticketing.cases.queries import FiringContext, visible_to
from ticketing.core import clock
from ticketing.core.permissions import Actor
from ticketing.escalation.queries.people import People
from ticketing.escalation.queries.reaching import Circle
from ticketing.escalation.queries.steps import authors_of, due_words
from ticketing.escalation.rules import SOON, headline
from ticketing.firings.models import Firing
from ticketing.firings.queries import DUE_COLUMNS, due_rows
from ticketing.firings.rules import FiringState, PlanFacts, RuleDraft, matches

MOST_STEPS = 1000  # of a forecast; a hospital with more in a week reads the sums of the soonest
MOST_CASES = 300  # that a preview looks at


@dataclass(frozen=True, slots=True)
class AheadRow:
    """One step ahead: when, about which case, by which rule and why, and whom it would tell as things stand."""

    reference: str
    fire_at: datetime
    zone: str
    rule_code: str
    rule_name: str
    team: str
    why: str
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps of the next seven days, soonest first, and their sums by day, rule, person and team."""

    rows: tuple[AheadRow, ...]
    by_day: Sequence[tuple[str, int]]
    by_rule: Sequence[tuple[str, int]]
    by_person: Sequence[tuple[str, int]]
    by_team: Sequence[tuple[str, int]]
    is_cut: bool


@dataclass(slots=True)
class Preview:
    """Whom a rule would reach now: on how many of the newest open cases it holds, and each person with their number of cases."""

    looked_at: int = 0
    holds_for: int = 0
    nobody: int = 0
    people: Counter[str] = field(default_factory=Counter)


def forecast(actor: Actor, at: datetime) -> Forecast:
    """Of the cases that `actor` may see."""
    query = (sa.select(*DUE_COLUMNS).join(Case, Case.id == Firing.case_id)
             .where(visible_to(actor), Firing.state == FiringState.PLANNED, Firing.fire_at <= at + SOON)
             .order_by(Firing.fire_at, Firing.id).limit(MOST_STEPS + 1))
    found = due_rows(query)
    steps = found[:MOST_STEPS]
    contexts = cases.case_contexts({row.case_id for row in steps})
    circle = Circle(People(case_ids=frozenset(contexts)))
    teams = {row.id: row.name for row in accounts.teams(is_active=None)}
    authors = authors_of({row.subject for row in steps if row.subject})
    circle.people.expect(case.handler_id for case in contexts.values())
    rows = []
    for row in steps:
        case, moment = contexts[row.case_id], max(row.fire_at, at)
        told = circle.reached(row.actions, case, authors.get(row.subject), at=moment)
        names = (*(one.person.name for one in told), *row.actions.external)
        due = due_words(row.pack or case.pack, row.target, row.due_at, case.zone) if row.target else ""
        rows.append(AheadRow(
            case.reference, moment, case.zone, row.rule_code, row.rule_name, teams.get(case.team_id or 0, "No team"),
            headline(row.trigger, row.target, due), names))
    return _summed(tuple(rows), at, is_cut=len(found) > MOST_STEPS)


def preview(draft: RuleDraft, actor: Actor, at: datetime) -> Preview:
    """For the newest open cases that `actor` may see; which targets run on them is not looked at."""
    ids = cases.open_case_ids(actor, MOST_CASES)
    contexts, circle, seen = cases.case_contexts(ids), Circle(People(case_ids=frozenset(ids))), Preview(looked_at=len(ids))
    circle.people.expect(case.handler_id for case in contexts.values())
    for case in contexts.values():
        age = (at - case.received_at).days if case.received_at else 0
        if not matches(draft.conditions, _facts(case)) or age < draft.conditions.min_age:
            continue
        seen.holds_for += 1
        told = circle.reached(draft.actions, case, None, at=at)
        seen.nobody += draft.actions.tells_staff and not told
        seen.people.update([*(one.person.name for one in told), *draft.actions.external])
    return seen


def _facts(case: FiringContext) -> PlanFacts:
    return PlanFacts(
        case_id=case.case_id, cycle=case.cycle, is_open=case.is_open, case_type=case.case_type, severity=case.severity,
        site_id=case.site_id, team_id=case.team_id, is_danger_now=case.is_danger_now, calendar="", zone=case.zone,
        last_activity_at=case.last_activity_at, pack=case.pack, unit_id=case.unit_id, flags=case.flags, received_at=case.received_at)


def _summed(rows: tuple[AheadRow, ...], at: datetime, *, is_cut: bool) -> Forecast:
    days = Counter(clock.day_of(row.fire_at, row.zone) for row in rows)
    first = min([clock.day_of(at, rows[0].zone) if rows else at.date(), *days])
    week = [first + timedelta(days=step) for step in range(8)]
    return Forecast(
        rows, [(_short(day), days[day]) for day in week], _most(Counter(row.rule_name for row in rows)),
        _most(Counter(name for row in rows for name in row.told)), _most(Counter(row.team for row in rows)), is_cut)


def _short(day: date) -> str:
    return f"{day:%a} {day.day}"


def _most(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:30]
