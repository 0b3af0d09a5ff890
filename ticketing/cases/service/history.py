"""Bringing past cases in: through the same lifecycle, events and clock as any other, but nothing of them escalates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import IMPORT_STREAM, Act, NewEntry, Scalar, case_stream
from ticketing.cases import queries
from ticketing.cases.models import Case, History, Hold, PastRecord
from ticketing.cases.rules import ENDED, HistoryMapping, Manifest, PastCase, Status, Step, held_seconds
from ticketing.cases.service._case import _mirror
from ticketing.cases.service.importing import IMPORTING, _facts
from ticketing.cases.service.intake import Concern, _note_past_breaches, _pin, _write_down
from ticketing.codes import queries as codes
from ticketing.codes import service as places
from ticketing.codes.rules import Relationship
from ticketing.core import clock
from ticketing.core.database import atomic, db, insert_many, is_postgresql
from ticketing.core.permissions import Actor, Permission
from ticketing.packs.rules import EventKind
from ticketing.people.rules import PersonDetails
from ticketing.sla import service as sla

Piece = tuple[int, list[Step]]
ACTS = {
    "acknowledged": Act.CASE_ACKNOWLEDGED, "assigned": Act.CASE_ASSIGNED, "held": Act.CASE_HELD, "released": Act.CASE_RELEASED,
    "resolved": Act.CASE_RESPONSE_SENT, "closed": Act.CASE_CLOSED, "reopened": Act.CASE_REOPENED}
EVENTS = {
    "acknowledged": EventKind.ACKNOWLEDGED, "held": EventKind.HELD, "released": EventKind.RELEASED, "resolved": EventKind.ANSWERED,
    "closed": EventKind.ENDED, "reopened": EventKind.REOPENED}


@atomic
def begin_history(mapping: HistoryMapping, manifest: Manifest, *, by: Actor, at: datetime) -> int:
    """Note that past cases are coming in, and what their mapping asks of the figures; adds its site if there is none; returns its id."""
    by.must(Permission.RECORD_CONCERNS)
    site = mapping.site
    if queries.missing_sites([site]):
        places.add_site(site.code, site.name, zone=site.zone, pack=site.pack, calendar=site.calendar, by=by, at=at)
    history = db.session.scalar(sa.select(History).where(History.source == mapping.source))
    if history is None:
        history = History(source=mapping.source, zone=mapping.zone, imported_at=at, figures={})
        db.session.add(history)
    history.zone, history.figures, history.imported_at = mapping.zone, {"asked": [dict(each) for each in mapping.figures]}, at
    audit.record(IMPORT_STREAM, Act.IMPORT_STARTED, by=by, at=at, facts=_facts(manifest))
    db.session.flush()
    return history.id


@atomic
def import_past(history_id: int, mapping: HistoryMapping, past: Sequence[PastCase], *, by: Actor, at: datetime) -> int:
    """Make a case of each past one that is none yet, all or none; returns how many were made.

    Its events are reckoned as any case's are; no firing is planned and no message queued, for what is past must not escalate.
    """
    if is_postgresql():  # two imports of one file at once: the second waits, then finds the cases there
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(IMPORTING)))
    known = queries.known_source_keys(each.source_key for each in past)
    fresh = [each for each in past if each.source_key not in known]
    if not fresh:
        return 0
    cases = _write_down([_concern(mapping, each) for each in fresh], Status.RECEIVED, by=by, at=at)
    both = list(zip(cases, fresh, strict=True))
    for case, each in both:
        _set(case, each, mapping)
    db.session.flush()
    _reckon(both, mapping, by=by, at=at)
    held = [row for case, each in both for row in _holds(case, each, mapping)]
    insert_many(Hold, held)
    insert_many(PastRecord, [_record(history_id, case, each) for case, each in both])
    audit.record_many([entry for case, each in both for entry in _entries(case, each, mapping)], by=by, at=at)
    _note_past_breaches(cases, at=at)
    return len(fresh)


def _concern(mapping: HistoryMapping, past: PastCase) -> Concern:
    """An old system's people stay in it; somebody complained all the same, so what the law asks for them is reckoned."""
    return Concern(
        case_type=mapping.case_type, channel=mapping.channel, site_code=mapping.site.code, received_at=past.opened_at,
        narrative=mapping.narrative, relationship=Relationship.UNKNOWN,
        complainant=PersonDetails(name=f"Known to the earlier system by number {past.source_key.partition(':')[2]}"),
        source_key=past.source_key, escalates_late=False, tags={"source": mapping.source, "row": str(past.line)})


def _set(case: Case, past: PastCase, mapping: HistoryMapping) -> None:
    """Where the case stands after its last step."""
    for step in past.steps:
        case.status, case.is_open = step.after, step.after not in ENDED
        if step.name == "acknowledged":
            case.acknowledged_at = step.at
        elif step.name == "resolved":
            case.response_sent_at = step.at
        elif step.name == "closed":
            case.closed_at = step.at
        elif step.name == "reopened":
            case.cycle, case.closed_at = case.cycle + 1, None
    open_hold = next((step for step in reversed(past.steps) if step.name in ("held", "released")), None)
    if open_hold is not None and open_hold.name == "held" and case.is_open:
        case.hold_reason, case.held_since = mapping.hold_reason, open_hold.at
    case.last_activity_at = past.steps[-1].at if past.steps else past.opened_at
    if past.due_at is not None:
        case.response_due_on = clock.day_of(past.due_at, mapping.zone)


def _cycles(past: PastCase) -> list[list[Step]]:
    """The steps of each cycle; a reopening begins the next."""
    cycles: list[list[Step]] = [[]]
    for step in past.steps:
        if step.name == "reopened":
            cycles.append([])
        cycles[-1].append(step)
    return cycles


def _reckon(both: Sequence[tuple[Case, PastCase]], mapping: HistoryMapping, *, by: Actor, at: datetime) -> None:
    """Open the first cycle of every case, then the second of those that were reopened, and so on: each reads those before it."""
    sites = {site.id: site for site in codes.sites(is_active=None)}
    waiting = [(case, past, _cycles(past)) for case, past in both]
    number = 1
    while waiting:
        reckoned = sla.open_cycles([
            sla.Opening(case.id, number, _pin(case, sites[case.site_id]), _events(past, cycles[number - 1], number, mapping))
            for case, past, cycles in waiting], by=by, at=at)
        for case, _, cycles in waiting:
            if len(cycles) == number:
                _mirror(case, reckoned[case.id])
        waiting = [each for each in waiting if len(each[2]) > number]
        number += 1


def _events(past: PastCase, steps: Sequence[Step], cycle: int, mapping: HistoryMapping) -> tuple[sla.NewEvent, ...]:
    first = [sla.NewEvent(EventKind.RECEIVED, past.opened_at), *_promise(past, mapping)] if cycle == 1 else []
    told: list[sla.NewEvent] = []
    is_answered = False
    for step in steps:
        if step.name == "closed" and not is_answered:  # no answer is told of: it was given when the case was closed, at the latest
            told.append(sla.NewEvent(EventKind.ANSWERED, step.at))
        is_answered = is_answered or step.name == "resolved"
        if step.name in EVENTS:
            told.append(sla.NewEvent(EVENTS[step.name], step.at, data=_data(step, mapping)))
    return (*first, *told)


def _promise(past: PastCase, mapping: HistoryMapping) -> list[sla.NewEvent]:
    """The old system's own due date, as the date that was agreed; one before the opening was never a promise."""
    if past.due_at is None or past.due_at < past.opened_at:
        return []
    due_on = clock.day_of(past.due_at, mapping.zone).isoformat()
    return [sla.NewEvent(EventKind.PERIOD_AGREED, past.opened_at, data={"due_on": due_on, "is_agreed": False})]


def _data(step: Step, mapping: HistoryMapping) -> dict[str, Any]:
    if step.name in ("held", "released"):
        return {"reason": mapping.hold_reason.value}
    return {"reason": step.after.value} if step.name == "closed" else {}


def _holds(case: Case, past: PastCase, mapping: HistoryMapping) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cycle = 1
    for step in past.steps:
        cycle += step.name == "reopened"
        if step.name == "held":
            rows.append({"case_id": case.id, "cycle": cycle, "reason": mapping.hold_reason, "note": "", "from_at": step.at,
                         "until_at": None})
        elif step.name == "released" and rows:
            rows[-1]["until_at"] = step.at
    return rows


def _record(history_id: int, case: Case, past: PastCase) -> dict[str, Any]:
    return {"history_id": history_id, "case_id": case.id, "opened_at": past.opened_at, "resolved_at": past.resolved_at,
            "closed_at": past.closed_at, "due_at": past.due_at, "held_seconds": held_seconds(past), "said": dict(past.said)}


def _entries(case: Case, past: PastCase, mapping: HistoryMapping) -> list[NewEntry]:
    """An entry a step, dated when it happened; a status that the table passes through on the way has none of its own."""
    stream, entries = case_stream(case.reference), []
    if _promise(past, mapping) and case.response_due_on:
        entries.append(NewEntry(stream, Act.CASE_PERIOD_AGREED, past.opened_at, facts={"is_agreed": False},
                                change={"response_due": (None, case.response_due_on.isoformat())}))
    cycle = 1
    for step in past.steps:
        cycle += step.name == "reopened"
        change: Mapping[str, tuple[Scalar, Scalar]] = (
            {"status": (step.before.value, step.after.value)} if step.before is not step.after else {})
        entries.append(NewEntry(stream, ACTS[step.name], step.at, change=change, facts=_said(step, cycle, mapping)))
    return entries


def _said(step: Step, cycle: int, mapping: HistoryMapping) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {"source": mapping.source}
    if step.name == "held":
        facts["reason"] = mapping.hold_reason.value
    return {**facts, "cycle": cycle} if step.name == "reopened" else facts
