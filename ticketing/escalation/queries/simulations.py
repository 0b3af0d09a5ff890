"""Reading simulations: the list, one with its figures, the cases that change side, and what a shadow would have done since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.cases.models import Case, StatementRequest
from ticketing.cases.queries import barred_from, visible_to
from ticketing.codes.models import Site
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.paging import PAGE_SIZE, Page, decode_key, encode_key
from ticketing.core.permissions import Actor
from ticketing.core.references import is_uid
from ticketing.escalation.models import ShadowFiring, Simulation, SimulationCase, SimulationProgress, SimulationState
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.rules.comparing import Figures, figures_of
from ticketing.escalation.rules.drafting import Draft, RuleChange, read_pack_text
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import FiringState, describe, target_noun
from ticketing.sla.models import SlaEvent, SlaPin

NONE_SUCH = "There is no such simulation. Go back to the list."


@dataclass(frozen=True, slots=True)
class SimulationRow:
    """One simulation as it stands; `share` is how much of it is done, from 0 to 1."""

    id: int
    uid: str
    name: str
    draft: Draft
    against: Mapping[str, Any]
    first_on: date
    last_on: date
    asked_at: datetime
    asked_by: str
    state: SimulationState
    finished_at: datetime | None
    done: int
    whole: int
    last_case_id: int
    seconds: float
    note: str
    sums: Mapping[str, Any]
    shadow_since: datetime | None
    shadow_until: datetime | None
    shadowed_at: datetime | None

    @property
    def share(self) -> float:
        return self.done / self.whole if self.whole else 1.0 if self.state is SimulationState.FINISHED else 0.0

    @property
    def is_running(self) -> bool:
        return self.state is SimulationState.RUNNING

    @property
    def is_finished(self) -> bool:
        return self.state is SimulationState.FINISHED

    @property
    def in_shadow(self) -> bool:
        return self.shadow_since is not None and self.shadow_until is None

    @property
    def figures(self) -> Figures:
        return figures_of(dict(self.sums), self.first_on, self.last_on)


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """A target of a case that comes out otherwise, with the case's reference."""

    reference: str
    target: str
    before: str
    after: str
    due_before: datetime | None
    due_after: datetime | None
    met_at: datetime | None
    zone: str

    @property
    def about(self) -> str:
        return target_noun(self.target).capitalize()


@dataclass(frozen=True, slots=True)
class ShadowStep:
    """A step that one of the two would have taken and the other would not, on a case the reader may see."""

    reference: str
    target: str
    rule: str
    fired_at: datetime
    is_shadow: bool
    told: tuple[str, ...]
    zone: str

    @property
    def about(self) -> str:
        return target_noun(self.target).capitalize() if self.target else "The case itself"


@dataclass(frozen=True, slots=True)
class CaseParts:
    """Whom a case is about, who was asked for each of its statements, and which cases have a list of those who may see them."""

    subjects: Mapping[int, frozenset[int]]
    authors: Mapping[str, int]
    confidential: frozenset[int]

    def is_apart(self, case_id: int) -> bool:
        """Whether it is hidden from somebody who sees the whole hospital, so that no figure about a person may hold it."""
        return case_id in self.confidential or case_id in self.subjects


def simulations() -> tuple[SimulationRow, ...]:
    """Every simulation, the newest first."""
    pairs = db.session.execute(_joined().order_by(Simulation.id.desc())).all()
    names = _names(pairs)
    return tuple(_row(row, progress, names) for row, progress in pairs)


def simulation(uid: str) -> SimulationRow:
    """One simulation; NotFound, also for what cannot be one."""
    found = db.session.execute(_joined().where(Simulation.uid == uid)).first() if is_uid(uid) else None
    if found is None:
        raise NotFound(NONE_SUCH)
    return _row(found[0], found[1], _names([found]))


def running() -> tuple[str, ...]:
    """The simulations to be worked on, the longest asked for first."""
    query = sa.select(Simulation.uid).where(Simulation.state == SimulationState.RUNNING)
    return tuple(db.session.scalars(query.order_by(Simulation.id)))


def shadows() -> tuple[str, ...]:
    """The simulations that run in shadow."""
    query = sa.select(Simulation.uid).where(Simulation.shadow_since.is_not(None), Simulation.shadow_until.is_(None))
    return tuple(db.session.scalars(query.order_by(Simulation.id)))


def changed_cases(simulation_id: int, actor: Actor, *, is_shadow: bool = False, side: str = "", after: str | None = None
                  ) -> Page[ChangedCase]:
    """A page of the targets that change side, of cases that `actor` may see; `side` narrows to "missed" or "met" under the draft."""
    last = _number(after)
    query = _changed(simulation_id, actor, is_shadow, side).where(SimulationCase.id > last).order_by(SimulationCase.id).limit(PAGE_SIZE + 1)
    found = db.session.execute(query).all()
    key = encode_key(found[PAGE_SIZE - 1][0].id) if len(found) > PAGE_SIZE else None
    return Page(tuple(_changed_row(row) for row in found[:PAGE_SIZE]), next=key)


def every_changed_case(simulation_id: int, actor: Actor, limit: int) -> tuple[ChangedCase, ...]:
    """The same, all of them up to a limit: for the file."""
    query = _changed(simulation_id, actor, False, "").order_by(SimulationCase.id).limit(limit)
    return tuple(_changed_row(row) for row in db.session.execute(query))


def parts_of(case_ids: Sequence[int]) -> CaseParts:
    """Three statements for a whole batch."""
    asked = db.session.execute(
        sa.select(StatementRequest.uid, StatementRequest.staff_id).where(StatementRequest.case_id.in_(case_ids)))
    confidential = db.session.scalars(sa.select(Case.id).where(Case.id.in_(case_ids), Case.is_confidential))
    return CaseParts(barred_from(case_ids), {row.uid: row.staff_id for row in asked}, frozenset(confidential))


def figures_for(row: SimulationRow, actor: Actor, zone: str) -> Figures:
    """The figures; those for each person only where `actor` sees, today, every case that they count."""
    return replace(row.figures, people=()) if _counts_hidden(row, actor, zone) else row.figures


def _counts_hidden(row: SimulationRow, actor: Actor, zone: str) -> bool:
    apart = {int(case_id) for case_id in row.sums.get("apart", {})}
    first, last = Range(row.first_on, row.last_on, zone).bounds
    hidden = sa.select(Case.id).where(
        Case.received_at >= first, Case.received_at < last, Case.id <= row.last_case_id,
        Case.id.not_in(sa.select(Case.id).where(visible_to(actor)))).order_by(Case.id).limit(len(apart) + 1)
    return any(case_id not in apart for case_id in db.session.scalars(hidden))


def deputy_of(staff_id: int | None, day: date) -> int | None:
    """Who is named for somebody's present or next leave."""
    leave = accounts.leave_of(staff_id, day) if staff_id is not None else ()
    return next((row.deputy_id for row in leave if row.deputy_id is not None), None)


def packs_in_use() -> frozenset[str]:
    """The packs that a case is or was pinned to."""
    return frozenset(db.session.scalars(sa.select(SlaPin.pack).distinct()))


def draft_in_words(draft: Draft) -> tuple[str, ...]:
    """What a draft would change, each in a sentence."""
    said = [f"{target_noun(item.target).capitalize()} within {item.amount} {item.unit.value.replace('_', ' ')} ({item.pack})."
            for item in draft.targets]
    if draft.pack_text.strip():
        pack = read_pack_text(draft.pack_text)
        said.append(f"The whole policy “{pack.name}”, as drafted ({pack.version}).")
    if draft.calendar_uid:
        said.append("A drafted calendar.")
    if draft.closed:
        days = ", ".join(f"{day:%a} {day.day} {day:%b %Y}" for day in draft.closed.days)
        kind = "as public holidays" if draft.closed.is_public else "for this place alone"
        said.append(f"Closed {kind}: {days} ({draft.closed.calendar.replace('_', ' ')}).")
    said += [_rule_in_words(item) for item in draft.rules]
    names = accounts.names_by_uid([uid for pair in draft.stand_ins.items() for uid in pair])
    said += [f"What would come to {names.get(away, 'somebody who has left')} goes to {names.get(other, 'somebody who has left')}."
             for away, other in draft.stand_ins.items()]
    return tuple(said)


def _rule_in_words(change: RuleChange) -> str:
    if change.draft is None:
        return f"The rule “{_rule_name(change.code)}” is switched off."
    sentence = describe(change.draft, {})
    return f"The rule “{_rule_name(change.code)}” becomes: {sentence}" if change.code else f"A new rule: {sentence}"


def _rule_name(code: str) -> str:
    return db.session.scalar(sa.select(EscalationRule.name).where(EscalationRule.code == code)) or code


def staff_ids(uids: Sequence[str]) -> Mapping[str, int]:
    """Ids of staff by uid."""
    return {uid: accounts.staff_by_uid(uid).id for uid in uids}


# --- the shadow ---


def cases_to_follow(since: datetime, row: SimulationRow, at: datetime, after: int, limit: int) -> tuple[int, ...]:
    """Cases whose plan may have moved since the shadow last looked: something was recorded, or a shadow step came due."""
    recorded = sa.select(SlaEvent.case_id).where(SlaEvent.recorded_at > since, SlaEvent.recorded_at <= at)
    due = sa.select(ShadowFiring.case_id).where(
        ShadowFiring.simulation_id == row.id, ShadowFiring.fired_at.is_(None), ShadowFiring.fire_at <= at)
    return tuple(db.session.scalars(
        sa.select(Case.id).where(Case.id > after, sa.or_(Case.id.in_(recorded), Case.id.in_(due))).order_by(Case.id).limit(limit)))


def open_cases(after: int, limit: int) -> tuple[int, ...]:
    """Cases that are open: those a shadow begins with."""
    return tuple(db.session.scalars(sa.select(Case.id).where(Case.is_open, Case.id > after).order_by(Case.id).limit(limit)))


def shadow_by_day(row: SimulationRow, actor: Actor, at: datetime) -> tuple[tuple[str, int, int], ...]:
    """For each day (UTC) since the shadow began, on cases the reader may see: steps that fired live, and those of the shadow."""
    live, shadow = (_per_day(query) for query in _both(row, actor, at, Firing.fired_at, ShadowFiring.fired_at))
    return tuple((f"{day.day} {day:%b}", live.get(day, 0), shadow.get(day, 0)) for day in sorted({*live, *shadow}))


def shadow_people(row: SimulationRow, actor: Actor, at: datetime) -> tuple[tuple[str, int, int], ...]:
    """For each person: messages since the shadow began, live and as the shadow would have sent them, on cases the reader may see."""
    counts: dict[str, list[int]] = {}
    for place, query in enumerate(_both(row, actor, at, Firing.told, ShadowFiring.told)):
        for told in db.session.scalars(query):
            for uid in told:
                counts.setdefault(uid, [0, 0])[place] += 1
    names = accounts.names_by_uid(list(counts))
    found = [(names.get(uid, "Somebody who has left"), live, shadow) for uid, (live, shadow) in counts.items()]
    return tuple(sorted(found, key=lambda item: (-max(item[1], item[2]), item[0])))


def _both(row: SimulationRow, actor: Actor, at: datetime, live: Any, shadow: Any) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """A column of the steps that fired while the shadow ran, and of the shadow's, on cases the reader may see."""
    since, until = row.shadow_since or at, row.shadow_until or at
    done = sa.select(live).join(Case, Case.id == Firing.case_id).where(
        visible_to(actor), Firing.state == FiringState.FIRED, Firing.fired_at >= since, Firing.fired_at <= until)
    would = sa.select(shadow).join(Case, Case.id == ShadowFiring.case_id).where(
        visible_to(actor), ShadowFiring.simulation_id == row.id, ShadowFiring.fired_at >= since, ShadowFiring.fired_at <= until)
    return done, would


def shadow_steps(row: SimulationRow, actor: Actor, at: datetime) -> tuple[ShadowStep, ...]:
    """Steps that only one of the two took, on cases the reader may see, the newest first; as many as a page holds."""
    since, until = row.shadow_since or at, row.shadow_until or at
    live: Sequence[Any] = db.session.execute(
        sa.select(Case.reference, Firing.cycle, Firing.timer_key, EscalationRule.name, RuleVersion.level, Firing.fired_at, Firing.told,
                  Site.zone)
        .join(RuleVersion, RuleVersion.id == Firing.rule_version_id).join(EscalationRule, EscalationRule.id == RuleVersion.rule_id)
        .join(Case, Case.id == Firing.case_id).join(Site, Site.id == Case.site_id)
        .where(visible_to(actor), Firing.state == FiringState.FIRED, Firing.fired_at >= since, Firing.fired_at <= until)
        .order_by(Firing.fired_at.desc()).limit(MOST_STEPS)).all()
    shadow: Sequence[Any] = db.session.execute(
        sa.select(Case.reference, ShadowFiring.cycle, ShadowFiring.timer_key, ShadowFiring.rule, ShadowFiring.level, ShadowFiring.fired_at,
                  ShadowFiring.told, Site.zone)
        .join(Case, Case.id == ShadowFiring.case_id).join(Site, Site.id == Case.site_id)
        .where(visible_to(actor), ShadowFiring.simulation_id == row.id, ShadowFiring.fired_at >= since, ShadowFiring.fired_at <= until)
        .order_by(ShadowFiring.fired_at.desc()).limit(MOST_STEPS)).all()
    both = {tuple(item[:4]) for item in live} & {tuple(item[:4]) for item in shadow}
    alone = [(item, is_shadow) for items, is_shadow in ((live, False), (shadow, True)) for item in items if tuple(item[:4]) not in both]
    names = accounts.names_by_uid([uid for item, _ in alone for uid in item[6]])
    steps = [ShadowStep(item[0], item[2].split("/")[0] if item[2].count("/") == 2 else "", item[3], item[5], is_shadow,
                        tuple(names.get(uid, "Somebody who has left") for uid in item[6]), item[7]) for item, is_shadow in alone]
    return tuple(sorted(steps, key=lambda step: step.fired_at, reverse=True)[:PAGE_SIZE])


MOST_STEPS = 2000


def _per_day(query: sa.Select[Any]) -> dict[date, int]:
    return Counter(moment.date() for moment in db.session.scalars(query))


def _joined() -> sa.Select[Any]:
    query: Any = sa.select(Simulation, SimulationProgress)
    return cast(sa.Select[Any], query.join(SimulationProgress, SimulationProgress.simulation_id == Simulation.id))


def _names(pairs: Sequence[Any]) -> Mapping[int, str]:
    return accounts.names_by_id([pair[0].asked_by_id for pair in pairs if pair[0].asked_by_id is not None])


def _row(row: Simulation, progress: SimulationProgress, names: Mapping[int, str]) -> SimulationRow:
    return SimulationRow(
        row.id, row.uid, row.name, Draft.from_json(row.draft), row.against, row.first_on, row.last_on, row.asked_at,
        names.get(row.asked_by_id or 0, "The program"), row.state, row.finished_at, progress.done, progress.whole, progress.last_case_id,
        progress.milliseconds / 1000, progress.note, row.result or progress.sums, row.shadow_since, row.shadow_until, progress.shadowed_at)


def _changed(simulation_id: int, actor: Actor, is_shadow: bool, side: str) -> sa.Select[Any]:
    query: Any = sa.select(SimulationCase, Case.reference, Site.zone).join(Case, Case.id == SimulationCase.case_id)
    query = query.join(Site, Site.id == Case.site_id).where(
        SimulationCase.simulation_id == simulation_id, SimulationCase.is_shadow.is_(is_shadow), visible_to(actor))
    if side == "missed":
        query = query.where(SimulationCase.state_after == "missed")
    elif side == "met":
        query = query.where(SimulationCase.state_before == "missed")
    return cast(sa.Select[Any], query)


def _changed_row(found: Any) -> ChangedCase:
    row, reference, zone = found
    return ChangedCase(reference, row.target, row.state_before, row.state_after, row.due_before, row.due_after, row.met_at, zone)


def _number(key: str | None) -> int:
    match decode_key(key) if key else []:
        case [int() as number] if 0 <= number < 2**31:
            return number
    return 0
