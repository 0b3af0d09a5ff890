"""The verbs of simulation: ask for one, keep what a batch came to, end it; begin and end its shadow.  None of them acts on a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission, machine
from ticketing.core.references import new_uid
from ticketing.escalation.models import ShadowFiring, Simulation, SimulationCase, SimulationProgress, SimulationState
from ticketing.escalation.queries.histories import Range, number_of_cases, policy_drafted, policy_today
from ticketing.escalation.queries.simulations import NONE_SUCH
from ticketing.escalation.rules.comparing import Change, add
from ticketing.escalation.rules.drafting import Draft
from ticketing.firings import queries as ladder
from ticketing.firings import service as firings

PLAYER = machine("simulation")
LONGEST_NAME = 80
MOST_RUNNING = 5
FARTHEST = 366 * 5  # days


@atomic
def ask(name: str, draft: Draft, wanted: Range, *, by: Actor, at: datetime) -> str:
    """Ask for a draft to be played on the cases of a range; returns the simulation's uid.  Raises Invalid, naming the form's field."""
    by.must(Permission.MANAGE_RULES)
    draft.check()
    _check_range(wanted.first_on, wanted.last_on, at.date())
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(f"Give the simulation a name of up to {LONGEST_NAME} characters.", field="name")
    running = db.session.scalar(sa.select(sa.func.count()).select_from(Simulation).where(Simulation.state == SimulationState.RUNNING)) or 0
    if running >= MOST_RUNNING:
        raise Conflict(f"{running} simulations are running already. Wait for one to finish, or stop one.")
    today = policy_today()
    policy_drafted(draft, today)  # refuses now what could not be played later
    against = {"rules": [rule.version.id for rule in today.rules], "packs": sorted(f"{code} {version}" for code, version in today.packs)}
    row = Simulation(uid=new_uid(), name=name.strip(), draft=draft.to_json(), against=against, first_on=wanted.first_on,
                     last_on=wanted.last_on, asked_at=at, asked_by_id=by.staff_id, state=SimulationState.RUNNING)
    db.session.add(row)
    db.session.flush()
    db.session.add(SimulationProgress(simulation_id=row.id, whole=number_of_cases(wanted), sums={}))
    audit.record(
        audit.ADMIN_STREAM, audit.Act.SIMULATION_ASKED, by=by, at=at,
        facts={"simulation": row.uid, "first_on": wanted.first_on, "last_on": wanted.last_on}, private={"name": row.name})
    return row.uid


@atomic
def keep_batch(
    uid: str, after: int, last_case_id: int, sums: Mapping[str, Any], changes: Sequence[Change], seconds: float, *, at: datetime,
) -> bool:
    """Add what a batch of cases came to; False, and nothing is kept, if another worker was there first or it was stopped."""
    _ = at
    row = _locked(uid)
    progress = db.session.get_one(SimulationProgress, row.id)
    if row.state is not SimulationState.RUNNING or progress.last_case_id != after:
        return False
    progress.last_case_id = last_case_id
    progress.done += int(sums.get("cases", 0))
    progress.milliseconds += round(seconds * 1000)
    progress.sums = add(_copy(progress.sums), sums)
    insert_many(SimulationCase, [_case_values(row.id, change, is_shadow=False) for change in changes])
    return True


@atomic
def finish(uid: str, *, at: datetime) -> None:
    """Every case has been played: the sums become the result."""
    row = _locked(uid)
    if row.state is not SimulationState.RUNNING:
        return
    progress = db.session.get_one(SimulationProgress, row.id)
    row.state, row.finished_at, row.result = SimulationState.FINISHED, at, progress.sums
    audit.record(audit.ADMIN_STREAM, audit.Act.SIMULATION_FINISHED, by=PLAYER, at=at, facts={"simulation": uid, "cases": progress.done},
                 private={"name": row.name})


@atomic
def give_up(uid: str, why: str, *, at: datetime) -> None:
    """It cannot be played to the end: say why on its page."""
    row = _locked(uid)
    if row.state is not SimulationState.RUNNING:
        return
    db.session.get_one(SimulationProgress, row.id).note = why
    row.state, row.finished_at = SimulationState.FAILED, at
    audit.record(audit.ADMIN_STREAM, audit.Act.SIMULATION_STOPPED, by=PLAYER, at=at, facts={"simulation": uid}, private={"name": row.name})


@atomic
def stop(uid: str, *, by: Actor, at: datetime) -> None:
    """Play no further; what was played so far is not shown as a result."""
    by.must(Permission.MANAGE_RULES)
    row = _locked(uid)
    if row.state is not SimulationState.RUNNING:
        raise Conflict("This simulation is not running any more.")
    row.state, row.finished_at = SimulationState.STOPPED, at
    audit.record(audit.ADMIN_STREAM, audit.Act.SIMULATION_STOPPED, by=by, at=at, facts={"simulation": uid}, private={"name": row.name})


@atomic
def begin_shadow(uid: str, *, by: Actor, at: datetime) -> None:
    """Run the draft beside the live policy from now on: its steps are recorded, and nothing is done."""
    by.must(Permission.MANAGE_RULES)
    row = _locked(uid)
    if row.state is not SimulationState.FINISHED:
        raise Conflict("Let the simulation finish first. Then it can run in shadow.")
    if row.shadow_since is not None and row.shadow_until is None:
        raise Conflict("This draft is running in shadow already.")
    _forget_shadow(row.id)
    row.shadow_since, row.shadow_until = at, None
    audit.record(audit.ADMIN_STREAM, audit.Act.SHADOW_BEGUN, by=by, at=at, facts={"simulation": uid}, private={"name": row.name})


@atomic
def end_shadow(uid: str, *, by: Actor, at: datetime) -> None:
    """The shadow follows no longer; what it would have done stays to be read."""
    by.must(Permission.MANAGE_RULES)
    row = _locked(uid)
    if row.shadow_since is None or row.shadow_until is not None:
        raise Conflict("This draft is not running in shadow.")
    row.shadow_until = at
    audit.record(audit.ADMIN_STREAM, audit.Act.SHADOW_ENDED, by=by, at=at, facts={"simulation": uid}, private={"name": row.name})


@atomic
def keep_shadow(uid: str, case_ids: Sequence[int], steps: Sequence[Mapping[str, Any]], changes: Sequence[Change], *, at: datetime) -> None:
    """What the shadow would have done on these cases, in place of what it thought before."""
    _ = at
    row = _locked(uid)
    if row.shadow_since is None or row.shadow_until is not None:
        return
    for kind in (ShadowFiring, SimulationCase):
        mine = sa.delete(kind).where(kind.simulation_id == row.id, kind.case_id.in_(case_ids))
        db.session.execute(mine if kind is ShadowFiring else mine.where(SimulationCase.is_shadow))
    insert_many(ShadowFiring, [{"simulation_id": row.id, **step} for step in steps])
    insert_many(SimulationCase, [_case_values(row.id, change, is_shadow=True) for change in changes])


@atomic
def mark_shadowed(uid: str, *, at: datetime) -> None:
    """The shadow has followed up to this moment."""
    row = _locked(uid)
    db.session.get_one(SimulationProgress, row.id).shadowed_at = at


@atomic
def publish_rules(uid: str, *, by: Actor, at: datetime) -> int:
    """Put the rules of a finished draft in force, each as a new version; returns how many.  Conflict if it changes no rule."""
    by.must(Permission.MANAGE_RULES)
    row = _locked(uid)
    changes = Draft.from_json(row.draft).rules
    if row.state is not SimulationState.FINISHED or not changes:
        raise Conflict("Only the rules of a finished simulation can be put in force from here.")
    for change in changes:
        if change.draft is None:
            firings.switch_off(change.code, by=by, at=at)
        elif change.code:
            firings.change_rule(change.code, change.draft, seen=ladder.rule(change.code).newest.version, by=by, at=at)
        else:
            firings.create_rule(change.draft, by=by, at=at)
    if row.shadow_since is not None and row.shadow_until is None:
        row.shadow_until = at
    return len(changes)


def _check_range(first_on: date, last_on: date, today: date) -> None:
    if last_on < first_on:
        raise Invalid("The last day cannot be before the first.", field="last_on")
    if first_on > today:
        raise Invalid("Nothing has happened yet on the first day. Choose one in the past.", field="first_on")
    if (last_on - first_on).days > FARTHEST:
        raise Invalid("Choose five years or less.", field="first_on")


def _locked(uid: str) -> Simulation:
    row = db.session.scalar(sa.select(Simulation).where(Simulation.uid == uid).with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise NotFound(NONE_SUCH)
    return row


def _forget_shadow(simulation_id: int) -> None:
    db.session.execute(sa.delete(ShadowFiring).where(ShadowFiring.simulation_id == simulation_id))
    db.session.execute(sa.delete(SimulationCase).where(SimulationCase.simulation_id == simulation_id, SimulationCase.is_shadow))
    db.session.get_one(SimulationProgress, simulation_id).shadowed_at = None


def _copy(sums: Any) -> Any:
    """A copy that may be added to: what a row holds is never changed in place."""
    if isinstance(sums, dict):
        return {key: _copy(value) for key, value in sums.items()}
    return list(sums) if isinstance(sums, list) else sums


def _case_values(simulation_id: int, change: Change, *, is_shadow: bool) -> dict[str, Any]:
    return {
        "simulation_id": simulation_id, "is_shadow": is_shadow, "case_id": change.case_id, "cycle": change.cycle, "pack": change.pack,
        "target": change.target, "subject": change.subject, "occurrence": change.occurrence, "state_before": change.before.value,
        "state_after": change.after.value, "due_before": change.due_before, "due_after": change.due_after, "met_at": change.met_at}
