"""The verbs of the ladder: rules as versions that never change, and the plan of each case kept as it should be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.core.database import among, atomic, db, insert_rows, update_rows
from ticketing.core.errors import Conflict, NotFound
from ticketing.core.permissions import Actor, Permission, machine
from ticketing.core.references import new_uid
from ticketing.firings.models import EscalationRule, Firing, Replanning, RuleVersion
from ticketing.firings.queries import DUE_COLUMNS, DueRow, ReplanningRow, due_rows
from ticketing.firings.rules import (
    DEFAULT_RULES,
    Cause,
    Changes,
    Conditions,
    FiringState,
    PlanFacts,
    RuleDraft,
    Stored,
    Trigger,
    VersionFacts,
    compare,
    wanted,
)
from ticketing.firings.rules.planning import PAST_NOTE, stopped_notes
from ticketing.sla.rules import Reckoning

__all__ = [
    "Outcome",
    "PlanFacts",
    "acknowledge",
    "ask_replanning",
    "change_rule",
    "claim_due",
    "claim_replanning",
    "claim_unanswered",
    "create_rule",
    "finish",
    "install_default_rules",
    "note_moved_up",
    "note_replanned",
    "plan",
    "plan_many",
    "supersede_for",
    "switch_off",
    "switch_on",
    "try_again",
]

CHUNK = 500
LOOKS = 3
CASES = sa.table("cases", sa.column("id"))  # a room above owns it; the sweep must hold the case before it acts on it
FIRINGS = cast(sa.Table, Firing.__table__)
SETUP = machine("setup")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a claimed firing ended."""

    id: int
    state: FiringState
    note: str
    cause: Cause = Cause.NONE
    is_late: bool = False
    told: tuple[str, ...] = ()
    answer_by_at: datetime | None = None


# --- rules ---


@atomic
def install_default_rules(*, by: Actor, at: datetime) -> int:
    """Put the shipped ladder in force where a rule of the same code does not exist; returns how many were added."""
    known = set(db.session.scalars(sa.select(EscalationRule.code)))
    missing = {code: draft for code, draft in DEFAULT_RULES.items() if code not in known}
    for code, draft in missing.items():
        _add_rule(code, draft, by=by, at=at)
    return len(missing)


@atomic
def create_rule(draft: RuleDraft, *, by: Actor, at: datetime) -> str:
    """Put a new rule in force for every timer that starts or moves from now on; returns its code.  Raises Invalid."""
    by.must(Permission.MANAGE_RULES)
    draft.check()
    _refuse_taken_name(draft.name, None)
    return _add_rule(_free_code(draft.name), draft, by=by, at=at)


@atomic
def change_rule(code: str, draft: RuleDraft, *, seen: int, by: Actor, at: datetime) -> None:
    """Give a rule a new version; the old one stays as it is, and so do the steps planned under it.

    Raises Invalid for what cannot be used and Conflict if `seen` is not the newest version or nothing would change.
    """
    by.must(Permission.MANAGE_RULES)
    draft.check()
    rule = _lock_rule(code)
    newest = _newest(rule)
    if newest.version != seen:
        raise Conflict("Somebody changed this rule after you opened it. What you typed is kept: look at the change, then save again.")
    _refuse_taken_name(draft.name, rule.id)
    fresh = _version(draft, newest.version + 1, at)
    fields = ("level", "trigger", "conditions", "actions")
    if rule.name == draft.name and all(getattr(fresh, name) == getattr(newest, name) for name in fields):
        raise Conflict("Nothing was changed, so there is nothing to save.")
    newest.retired_at = at
    rule.name = draft.name
    fresh.rule_id = rule.id
    db.session.add(fresh)
    audit.record(
        audit.ADMIN_STREAM, audit.Act.RULE_CHANGED, by=by, at=at, change={"version": (seen, fresh.version)}, facts={"rule": code},
        private={"name": draft.name})


@atomic
def switch_off(code: str, *, by: Actor, at: datetime) -> int:
    """Take a rule out of force at once: what it had planned is superseded; returns how many steps that were."""
    by.must(Permission.MANAGE_RULES)
    rule = _lock_rule(code)
    if not rule.is_active:
        raise Conflict("This rule is already switched off.")
    rule.is_active = False
    audit.record(audit.ADMIN_STREAM, audit.Act.RULE_SWITCHED_OFF, by=by, at=at, change={"is_active": (True, False)}, facts={"rule": code})
    versions = sa.select(RuleVersion.id).where(RuleVersion.rule_id == rule.id)
    stopped: Any = db.session.execute(
        sa.update(Firing).where(Firing.state == FiringState.PLANNED, Firing.rule_version_id.in_(versions))
        .values(state=FiringState.SUPERSEDED, cause=Cause.STOPPED, note="The rule was switched off."),
        execution_options={"synchronize_session": False})
    return int(stopped.rowcount)


@atomic
def switch_on(code: str, *, by: Actor, at: datetime) -> None:
    """Put a rule back in force for every timer that starts or moves from now on."""
    by.must(Permission.MANAGE_RULES)
    rule = _lock_rule(code)
    if rule.is_active:
        raise Conflict("This rule is already switched on.")
    rule.is_active = True
    audit.record(audit.ADMIN_STREAM, audit.Act.RULE_CHANGED, by=by, at=at, change={"is_active": (False, True)}, facts={"rule": code})


# --- the plan ---


@atomic
def plan(facts: PlanFacts, reckonings: Sequence[Reckoning], *, at: datetime) -> None:
    """Make the planned steps of one case what its timers now ask for; see `plan_many`."""
    plan_many([(facts, reckonings)], at=at)


@atomic
def plan_many(cases: Sequence[tuple[PlanFacts, Sequence[Reckoning]]], *, at: datetime, escalate_late: bool = True) -> None:
    """Make the planned steps of many cases what their timers ask for, with a handful of statements however many they are.

    Steps whose moment passed before they could be planned are superseded, but the highest of each timer fires now, once;
    with `escalate_late` False not even that one (an import of old cases tells nobody).
    """
    versions = _in_force(at)
    for start in range(0, len(cases), CHUNK):
        chunk = cases[start:start + CHUNK]
        stored = _stored([facts.case_id for facts, _ in chunk])
        rows: list[dict[str, Any]] = []
        moves: list[dict[str, Any]] = []
        for facts, reckonings in chunk:
            steps = wanted(facts, reckonings, versions, at=at)
            changes = compare(
                facts, steps, stored.get(facts.case_id, ()), at=at, escalate_late=escalate_late, stopped=stopped_notes(reckonings))
            rows += _rows_of(facts, changes)
            moves += _updates_of(changes)
        _write(rows, moves)


@atomic
def supersede_for(case_id: int, *, at: datetime, why: str) -> int:
    """End everything that is planned for a case; returns how many steps that were."""
    _ = at
    stopped: Any = db.session.execute(
        sa.update(Firing).where(Firing.case_id == case_id, Firing.state == FiringState.PLANNED)
        .values(state=FiringState.SUPERSEDED, cause=Cause.STOPPED, note=why), execution_options={"synchronize_session": False})
    return int(stopped.rowcount)


@atomic
def claim_due(*, at: datetime, limit: int) -> tuple[DueRow, ...]:
    """Lock the cases of up to `limit` due steps, passing over what another sweep or a person holds, and hand out all due steps of
    those cases, the longest due first.  They stay locked until the verb in hand ends.

    Only cases are locked first: steps locked beside them would stay locked where the case is then passed over, and two sweeps that
    hold steps of each other's cases would wait for each other.  A case may have been worked by another sweep just before its lock
    was got; then the next ones are asked for.
    """
    due = (Firing.state == FiringState.PLANNED, Firing.fire_at <= at)
    claim = (
        sa.select(Firing.case_id).join(CASES, CASES.c.id == Firing.case_id).where(*due).order_by(Firing.fire_at, Firing.id).limit(limit)
        .with_for_update(of=CASES, skip_locked=True))
    for _ in range(LOOKS):
        cases = set(db.session.scalars(claim))
        if not cases:
            return ()
        steps = sa.select(*DUE_COLUMNS).where(*due, among(Firing.case_id, cases)).order_by(Firing.fire_at, Firing.id)
        rows = due_rows(steps.with_for_update(of=Firing, skip_locked=True))
        if rows:
            return rows
    return ()


@atomic
def claim_unanswered(*, at: datetime, limit: int) -> tuple[DueRow, ...]:
    """Lock up to `limit` fired steps that nobody acknowledged in time, with their cases."""
    late = (
        sa.select(*DUE_COLUMNS).join(CASES, CASES.c.id == Firing.case_id).where(Firing.answer_by_at <= at)
        .order_by(Firing.answer_by_at, Firing.id).limit(limit).with_for_update(of=[Firing, CASES], skip_locked=True))
    return due_rows(late)


@atomic
def note_moved_up(firing_id: int, told: Sequence[str], moved_up: int, answer_by_at: datetime | None, *, at: datetime) -> None:
    """A claimed unanswered step: whom it has told by now, how many levels it rose, and by when one of them must acknowledge it."""
    _ = at
    db.session.execute(sa.update(Firing), [
        {"id": firing_id, "told": list(dict.fromkeys(told)), "moved_up": moved_up, "answer_by_at": answer_by_at}])


@atomic
def acknowledge(uid: str, reference: str, *, by: Actor, at: datetime) -> bool:
    """Somebody who was told says so: it moves up no further.  False if somebody did before; NotFound for whoever was not told."""
    row = db.session.scalar(sa.select(Firing).where(Firing.uid == uid).with_for_update(of=Firing))
    if row is None or by.uid not in row.told:
        raise NotFound("There is nothing here for you to acknowledge.")
    if row.acknowledged_at is not None:
        return False
    row.acknowledged_at, row.acknowledged_by, row.answer_by_at = at, by.uid, None
    audit.record(audit.case_stream(reference), audit.Act.CASE_ESCALATION_ACKNOWLEDGED, by=by, at=at, facts={"firing": uid})
    return True


@atomic
def finish(outcomes: Iterable[Outcome], *, at: datetime) -> None:
    """Mark claimed steps with how they ended."""
    update_rows(FIRINGS, [{
        "id": item.id, "state": item.state, "cause": item.cause, "note": item.note, "is_late": item.is_late, "told": list(item.told),
        "fired_at": None if item.state is FiringState.SUPERSEDED else at, "answer_by_at": item.answer_by_at,
    } for item in outcomes], key="id")


@atomic
def move(firing_id: int, fire_at: datetime, *, at: datetime) -> None:
    """A claimed step whose moment turns out to be later: planned for then."""
    _ = at
    db.session.execute(sa.update(Firing), [{"id": firing_id, "fire_at": fire_at, "due_at": fire_at}])


@atomic
def ask_replanning(code: str, *, by: Actor, at: datetime) -> str:
    """Order that all open cases are planned anew under the rules in force; the sweep works through them.  What fired stays as it is."""
    by.must(Permission.MANAGE_RULES)
    rule, uid = _lock_rule(code), new_uid()
    waiting = db.session.scalar(sa.select(Replanning.id).where(Replanning.rule_code == code, Replanning.finished_at.is_(None)))
    if waiting is not None:
        raise Conflict("The open cases are being planned anew already. Look again in a minute.")
    db.session.add(Replanning(uid=uid, rule_code=rule.code, asked_at=at, asked_by=by.uid))
    audit.record(audit.ADMIN_STREAM, audit.Act.RULES_REPLANNED, by=by, at=at, facts={"rule": code, "order": uid})
    return uid


@atomic
def claim_replanning(*, at: datetime) -> ReplanningRow | None:
    """The oldest order that is not done, locked; None if there is none, or another worker has it."""
    _ = at
    row = db.session.scalar(sa.select(Replanning).where(Replanning.finished_at.is_(None)).order_by(Replanning.id).limit(1)
                            .with_for_update(skip_locked=True).execution_options(populate_existing=True))
    return None if row is None else ReplanningRow(row.uid, row.rule_code, row.last_case_id, row.cases)


@atomic
def note_replanned(uid: str, case_ids: Sequence[int], *, at: datetime) -> None:
    """How far an order has come; it is done once there was no case left."""
    done = {"last_case_id": max(case_ids), "cases": Replanning.cases + len(case_ids)} if case_ids else {"finished_at": at}
    db.session.execute(sa.update(Replanning).where(Replanning.uid == uid).values(**done))


@atomic
def try_again(uid: str, *, by: Actor, at: datetime) -> None:
    """Plan a failed step once more, for now; the failed one stays as it is."""
    by.must(Permission.MANAGE_RULES)
    row = db.session.scalar(sa.select(Firing).where(Firing.uid == uid).with_for_update(of=Firing))
    if row is None:
        raise NotFound("This step is not on the list any more.")
    same = (Firing.case_id == row.case_id, Firing.cycle == row.cycle, Firing.timer_key == row.timer_key,
            Firing.rule_version_id == row.rule_version_id)
    last = db.session.scalar(sa.select(sa.func.max(Firing.occurrence)).where(*same)) or 0
    if row.state is not FiringState.FAILED or row.occurrence != last:
        raise Conflict("This step did not fail, or is already being tried again.")
    db.session.add(Firing(
        uid=new_uid(), case_id=row.case_id, cycle=row.cycle, timer_key=row.timer_key, rule_version_id=row.rule_version_id,
        occurrence=last + 1, fire_at=at, due_at=row.due_at, state=FiringState.PLANNED, cause=Cause.NONE))
    audit.record(audit.ADMIN_STREAM, audit.Act.FIRING_RETRIED, by=by, at=at, facts={"firing": uid, "rule": row.rule_version.rule.code})


def _in_force(at: datetime) -> tuple[VersionFacts, ...]:
    """The versions that plan now; a hospital that never had a rule gets the shipped ladder first."""
    query = sa.select(RuleVersion).join(RuleVersion.rule).where(RuleVersion.retired_at.is_(None), EscalationRule.is_active)
    rows = db.session.scalars(query).all()
    if not rows and db.session.scalar(sa.select(EscalationRule.id).limit(1)) is None:
        install_default_rules(by=SETUP, at=at)
        db.session.flush()
        rows = db.session.scalars(query).all()
    return tuple(
        VersionFacts(row.id, row.rule_id, row.level, Trigger.from_json(row.trigger), Conditions.from_json(row.conditions)) for row in rows)


def _stored(case_ids: Sequence[int]) -> dict[int, list[Stored]]:
    query = (
        sa.select(Firing.case_id, Firing.id, Firing.cycle, Firing.timer_key, Firing.rule_version_id, RuleVersion.rule_id,
                  Firing.occurrence, Firing.fire_at, Firing.due_at, Firing.state, Firing.cause)
        .join(RuleVersion, RuleVersion.id == Firing.rule_version_id).where(Firing.case_id.in_(case_ids)))
    found: dict[int, list[Stored]] = {}
    for case_id, *values in db.session.execute(query):
        found.setdefault(case_id, []).append(Stored(*values))
    return found


def _rows_of(facts: PlanFacts, changes: Changes) -> list[dict[str, Any]]:
    return [{
        "uid": new_uid(), "case_id": facts.case_id, "cycle": facts.cycle, "timer_key": item.step.timer_key,
        "rule_version_id": item.step.version_id, "step": 1, "occurrence": item.occurrence, "fire_at": item.fire_at,
        "due_at": item.step.due_at, "is_late": False, "told": [],
        "state": FiringState.SUPERSEDED if item.is_past else FiringState.PLANNED,
        "cause": Cause.PAST if item.is_past else Cause.NONE, "note": PAST_NOTE if item.is_past else "",
    } for item in changes.inserts]


def _updates_of(changes: Changes) -> list[dict[str, Any]]:
    moved = [{"id": item.id, "fire_at": item.fire_at, "due_at": item.due_at} for item in changes.moves]
    ended = [{"id": item.id, "state": FiringState.SUPERSEDED, "cause": item.cause, "note": item.note} for item in changes.supersedes]
    return moved + ended


def _write(rows: list[dict[str, Any]], updates: list[dict[str, Any]]) -> None:
    if updates:
        db.session.execute(sa.update(Firing), updates)
    insert_rows(FIRINGS, rows)


def _add_rule(code: str, draft: RuleDraft, *, by: Actor, at: datetime) -> str:
    rule = EscalationRule(code=code, name=draft.name, is_active=True)
    db.session.add(rule)
    db.session.flush()
    version = _version(draft, 1, at)
    version.rule_id = rule.id
    db.session.add(version)
    audit.record(
        audit.ADMIN_STREAM, audit.Act.RULE_CREATED, by=by, at=at, change={"version": (None, 1)}, facts={"rule": code},
        private={"name": draft.name})
    return code


def _version(draft: RuleDraft, number: int, at: datetime) -> RuleVersion:
    return RuleVersion(
        version=number, level=draft.level, trigger=draft.trigger.to_json(), conditions=draft.conditions.to_json(),
        actions=draft.actions.to_json(), effective_at=at)


def _lock_rule(code: str) -> EscalationRule:
    rule = db.session.scalar(sa.select(EscalationRule).where(EscalationRule.code == code).with_for_update())
    if rule is None:
        raise NotFound("There is no such rule. Go back to the list of rules.")
    return rule


def _newest(rule: EscalationRule) -> RuleVersion:
    return db.session.scalars(
        sa.select(RuleVersion).where(RuleVersion.rule_id == rule.id).order_by(RuleVersion.version.desc()).limit(1)).one()


def _refuse_taken_name(name: str, rule_id: int | None) -> None:
    taken = db.session.scalar(sa.select(EscalationRule.id).where(EscalationRule.name == name, EscalationRule.id != (rule_id or 0)))
    if taken is not None:
        raise Conflict("Another rule has this name. Choose one that tells them apart.", field="name")


def _free_code(name: str) -> str:
    """A short address made of the name; with a random tail where that is taken or says nothing."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    code = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30].strip("-")
    is_taken = not code or code == "new" or db.session.scalar(sa.select(EscalationRule.id).where(EscalationRule.code == code)) is not None
    return f"{code or 'rule'}-{new_uid()[:6]}" if is_taken else code
