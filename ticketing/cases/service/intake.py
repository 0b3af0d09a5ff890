"""Receiving concerns: one or ten thousand, each becomes a case with its trail, its timers and its planned firings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, NewEntry, Scalar, case_stream
from ticketing.cases.models import Assignment, Case, CaseSubject, Declaration, Point
from ticketing.cases.rules import CAN_BE_UNKNOWN, Status, type_fault
from ticketing.cases.service._case import CLOCK, FAR_FUTURE, NO_CONFLICT, _hours_of, _mirror, _plan_facts, _staff
from ticketing.codes import queries as codes
from ticketing.codes.rules import CaseType, Channel, ConsentStatus, Relationship
from ticketing.core import clock
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Actor, ActorKind, Permission
from ticketing.core.references import new_reference
from ticketing.firings import service as firings
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import NewMessage
from ticketing.packs.rules import EventKind, Pack, law_on, load
from ticketing.people import service as people
from ticketing.people.rules import PersonDetails
from ticketing.sla import service as sla

ORAL = frozenset({Channel.PHONE, Channel.IN_PERSON, Channel.VOICEMAIL})
LATE = timedelta(minutes=5)
OLDEST = timedelta(days=100 * 366)
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Concern:
    """What somebody told us, as it comes in (the minimum data set of rules of practice).

    `received_at` is receipt by anyone in the organisation, `team_received_at` by the team; both aware.  `patient` None: the
    complainant is the patient where `relationship` says so, else not known.  `received_by_uid` or, for somebody without an account,
    `received_by`: who here received it first.  `not_known`: gaps that were asked about and nobody knows.  `takes_it`: who records it
    takes the case at once, and declares no conflict of interest.
    `source_key` makes an import idempotent.  `escalates_late`: whether a step whose moment passed before recording still fires, once.
    """

    case_type: CaseType
    channel: Channel
    site_code: str
    received_at: datetime
    narrative: str
    team_received_at: datetime | None = None
    unit_code: str | None = None
    happened_on: date | None = None
    outcome_sought: str = ""
    points: tuple[str, ...] = ()
    complainant: PersonDetails | None = None
    patient: PersonDetails | None = None
    relationship: Relationship = Relationship.SELF
    is_anonymous: bool = False
    has_agreed_to_email: bool = False
    is_risk_answered: bool = False
    is_danger_now: bool = False
    is_safeguarding: bool = False
    is_inpatient: bool = False
    subject_uids: tuple[str, ...] = ()
    received_by_uid: str | None = None
    received_by: str = ""
    not_known: frozenset[str] = frozenset()
    team_code: str | None = None
    takes_it: bool = False
    source_key: str | None = None
    escalates_late: bool = True
    has_receipt_mail: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@atomic
def receive(concern: Concern, *, by: Actor, at: datetime) -> str:
    """A concern becomes a case; returns its reference.  Raises Invalid, naming the field, for what cannot be used as given."""
    return receive_many([concern], by=by, at=at)[0]


@atomic
def receive_many(concerns: Sequence[Concern], *, by: Actor, at: datetime) -> tuple[str, ...]:
    """Many concerns with a handful of statements; references in the order given.  All or none."""
    if by.kind is not ActorKind.COMPLAINANT:
        by.must(Permission.RECORD_CONCERNS)
    cases = _write_down(concerns, Status.RECEIVED, by=by, at=at)
    _start_clocks(cases, concerns, by=by, at=at)
    _send_receipts(cases, concerns, at=at)
    return tuple(case.reference for case in cases)


@atomic
def keep_draft(concern: Concern, *, by: Actor, at: datetime) -> str:
    """Keep a concern that is still being entered; no clock runs until it is logged.  Returns its reference."""
    by.must(Permission.RECORD_CONCERNS)
    return _write_down([concern], Status.DRAFT, by=by, at=at)[0].reference


def _write_down(concerns: Sequence[Concern], status: Status, *, by: Actor, at: datetime) -> list[Case]:
    places = _Places.load(concerns)
    for concern in concerns:
        _check(concern, places, at)
    complainants, patients = _record_people(concerns, by=by, at=at)
    cases = _insert_cases([_case_values(concern, places, status, who, patient, by=by, at=at)
                           for concern, who, patient in zip(concerns, complainants, patients, strict=True)])
    _add_details(cases, concerns, by=by, at=at)
    audit.record_many([_entry(case, concern, at) for case, concern in zip(cases, concerns, strict=True)], by=by, at=at)
    return cases


@dataclass(frozen=True, slots=True)
class _Places:
    """Sites, units and teams by code and receivers by uid, read once however many concerns come in."""

    sites: dict[str, codes.SiteRow]
    units: dict[str, codes.UnitRow]
    teams: dict[str, accounts.TeamRow]
    receivers: dict[str, int]

    @classmethod
    def load(cls, concerns: Sequence[Concern]) -> _Places:
        receivers = {uid: _staff(uid, "received_by").id for uid in {concern.received_by_uid for concern in concerns} if uid}
        return cls({row.code: row for row in codes.sites()}, {row.code: row for row in codes.units()},
                   {row.code: row for row in accounts.teams()}, receivers)


def _check(concern: Concern, places: _Places, at: datetime) -> None:
    if concern.site_code not in places.sites:
        raise Invalid("Choose a site from the list.", field="site")
    if concern.received_at > at:
        raise Invalid("The concern cannot have been received in the future.", field="received_at")
    if concern.received_at < at - OLDEST:
        raise Invalid("The concern cannot have been received more than a hundred years ago.", field="received_at")
    fault = type_fault(_law_of(concern, places.sites[concern.site_code]), concern.case_type)
    if fault:
        raise Invalid(fault, field="case_type")
    if concern.unit_code and concern.unit_code not in places.units:
        raise Invalid("Choose a ward or department from the list.", field="unit")
    if concern.unit_code and places.units[concern.unit_code].site_id != places.sites[concern.site_code].id:
        raise Invalid("This ward or department belongs to another site. Choose one of the site's own, or the other site.", field="unit")
    if concern.team_code and concern.team_code not in places.teams:
        raise Invalid("Choose a team from the list.", field="team")
    if not concern.narrative.strip():
        raise Invalid("Write down what they told us, in their words.", field="narrative")
    if concern.team_received_at and not concern.received_at <= concern.team_received_at <= at:
        raise Invalid("The team received it after the organisation did and not in the future.", field="team_received_at")
    if not concern.is_anonymous and (concern.complainant is None or not concern.complainant.name.strip()):
        raise Invalid("Enter the complainant's name, or say that they wish to stay anonymous.", field="complainant_name")


def _record_people(concerns: Sequence[Concern], *, by: Actor, at: datetime) -> tuple[list[int | None], list[int | None]]:
    """Ids of complainants and patients, in the order of the concerns; one person where the patient speaks."""
    wanted = [(number, role, details) for number, concern in enumerate(concerns) for role, details in _named(concern)]
    ids = people.record_people([details for _, _, details in wanted], by=by, at=at)
    found = {(number, role): person for (number, role, _), person in zip(wanted, ids, strict=True)}
    complainants = [found.get((number, "complainant")) for number in range(len(concerns))]
    patients = [
        found.get((number, "patient")) or (complainants[number] if concern.relationship is Relationship.SELF else None)
        for number, concern in enumerate(concerns)]
    return complainants, patients


def _named(concern: Concern) -> list[tuple[str, PersonDetails]]:
    named = [] if concern.complainant is None or concern.is_anonymous else [("complainant", concern.complainant)]
    if concern.patient is not None and not concern.patient.is_empty:
        named.append(("patient", concern.patient))
    return named


def _insert_cases(values: list[dict[str, Any]]) -> list[Case]:
    """The cases, in the order given; written and read back with two statements for each 500."""
    found: dict[str, Case] = {}
    for start in range(0, len(values), CHUNK):
        chunk = values[start:start + CHUNK]
        insert_many(Case, chunk)
        found |= {case.reference: case for case in db.session.scalars(
            sa.select(Case).where(Case.reference.in_([row["reference"] for row in chunk])))}
    return [found[row["reference"]] for row in values]


def _case_values(
    concern: Concern, places: _Places, status: Status, complainant_id: int | None, patient_id: int | None, *, by: Actor, at: datetime,
) -> dict[str, Any]:
    site = places.sites[concern.site_code]
    team = places.teams[concern.team_code] if concern.team_code else None
    unit = places.units[concern.unit_code] if concern.unit_code else None
    return {
        "reference": new_reference(at), "source_key": concern.source_key, "status": status, "case_type": concern.case_type,
        "channel": concern.channel, "site_id": site.id, "unit_id": unit.id if unit else None,
        "pack": _law_of(concern, site).code, "received_at": concern.received_at,
        "team_received_at": concern.team_received_at or concern.received_at, "logged_at": at, "last_activity_at": at,
        "happened_on": concern.happened_on, "received_by_id": places.receivers.get(concern.received_by_uid or ""),
        "received_by": "" if concern.received_by_uid else concern.received_by, "not_known": sorted(concern.not_known & CAN_BE_UNKNOWN),
        "complainant_id": complainant_id, "patient_id": patient_id,
        "relationship_to_patient": concern.relationship, "is_anonymous": concern.is_anonymous,
        "consent_status": ConsentStatus.NOT_NEEDED if concern.relationship is Relationship.SELF else ConsentStatus.UNKNOWN,
        "has_agreed_to_email": concern.has_agreed_to_email, "narrative": concern.narrative, "outcome_sought": concern.outcome_sought,
        "priority": 2 if concern.is_danger_now or concern.is_safeguarding else 0, "is_risk_answered": concern.is_risk_answered,
        "is_danger_now": concern.is_danger_now, "is_safeguarding": concern.is_safeguarding, "is_inpatient": concern.is_inpatient,
        "handler_id": by.staff_id if concern.takes_it and not _is_about(concern, by) else None, "recorded_by_id": by.staff_id,
        "team_id": team.id if team else None, "queue_at": FAR_FUTURE, "version": 1, "cycle": 1, "is_open": True}


def _is_about(concern: Concern, by: Actor) -> bool:
    """Whether the concern names this person, or somebody who reports to them: then they cannot take it."""
    named = [accounts.staff_by_uid(uid) for uid in concern.subject_uids if uid != by.uid]
    return by.uid in concern.subject_uids or any(row.manager_id == by.staff_id for row in named)


def _law_of(concern: Concern, site: codes.SiteRow) -> Pack:
    """The site's own policy pack, as of the day of receipt: a concern never comes under another country's law by itself."""
    return load(law_on(site.pack, clock.day_of(concern.received_at, site.zone)))


def _add_details(cases: Sequence[Case], concerns: Sequence[Concern], *, by: Actor, at: datetime) -> None:
    both = list(zip(cases, concerns, strict=True))
    points = [{"case_id": case.id, "position": position, "text": text, "unit_id": case.unit_id}
              for case, concern in both for position, text in enumerate(_written(concern.points), start=1)]
    given = [{"case_id": case.id, "staff_id": case.handler_id, "team_id": case.team_id, "assigned_at": at, "assigned_by_id": by.staff_id}
             for case in cases if case.handler_id or case.team_id]
    named = [{"case_id": case.id, "staff_id": _staff(uid, "subjects").id}
             for case, concern in both for uid in dict.fromkeys(concern.subject_uids)]
    declared = [{"case_id": case.id, "staff_id": case.handler_id, "has_conflict": False, "words": "", "declared_at": at}
                for case in cases if case.handler_id]
    insert_many(Declaration, declared)
    insert_many(Point, points)
    insert_many(Assignment, given)
    insert_many(CaseSubject, named)


def _written(points: Sequence[str]) -> list[str]:
    return [point for point in points if point.strip()]


def _entry(case: Case, concern: Concern, at: datetime) -> NewEntry:
    act = Act.CASE_DRAFTED if case.status is Status.DRAFT else Act.CASE_IMPORTED if concern.source_key else Act.CASE_RECEIVED
    facts: dict[str, Scalar] = {"case_type": case.case_type.value, "channel": case.channel.value, "is_anonymous": case.is_anonymous,
             "is_late_entry": at - case.received_at > LATE, "points": len(_written(concern.points)), **concern.tags}
    if case.handler_id:
        facts["conflict"] = NO_CONFLICT
    private = {"narrative": case.narrative, "outcome_sought": case.outcome_sought,
               **{f"point_{number}": text for number, text in enumerate(_written(concern.points), start=1)}}
    return NewEntry(
        case_stream(case.reference), act, occurred_at=case.received_at, change={"status": (None, case.status.value)}, facts=facts,
        private={name: value for name, value in private.items() if value}, is_new=True)


def _start_clocks(cases: Sequence[Case], concerns: Sequence[Concern], *, by: Actor, at: datetime) -> None:
    sites = {site.id: site for site in codes.sites(is_active=None)}
    reckoned = sla.open_cycles([_opening(case, sites[case.site_id]) for case in cases], by=by, at=at)
    for case in cases:
        _mirror(case, reckoned[case.id])
    _note_past_breaches(cases, at=at)
    plans = [(_plan_facts(case, sites[case.site_id], _hours_of(reckoned[case.id])), reckoned[case.id]) for case in cases]
    for loud in (True, False):
        firings.plan_many(
            [plan for plan, concern in zip(plans, concerns, strict=True) if concern.escalates_late is loud], at=at, escalate_late=loud)


def _note_past_breaches(cases: Sequence[Case], *, at: datetime) -> None:
    """A concern recorded late may have missed a target before anybody wrote it down: the trail says so, dated when it was."""
    streams = {case.id: case_stream(case.reference) for case in cases}
    db.session.flush()
    for start in range(0, len(cases), CHUNK):
        missed = sla.note_breaches([case.id for case in cases[start:start + CHUNK]], at=at)
        audit.record_many([
            NewEntry(streams[row.case_id], Act.CASE_BREACHED, row.due_at, facts={"target": row.target, "subject": "", "pack": row.pack})
            for row in missed], by=CLOCK, at=at)


def _opening(case: Case, site: codes.SiteRow) -> sla.Opening:
    return sla.Opening(case.id, case.cycle, _pin(case, site), (sla.NewEvent(EventKind.RECEIVED, case.received_at),))


def _pin(case: Case, site: codes.SiteRow) -> sla.PinDetails:
    return sla.PinDetails(
        pack=case.pack, calendar=site.calendar, zone=site.zone, case_type=case.case_type.value, is_anonymous=case.is_anonymous,
        is_oral=case.channel in ORAL)


def _send_receipts(cases: Sequence[Case], concerns: Sequence[Concern], *, at: datetime) -> None:
    """A receipt to whoever asked for one by mail; sent by a machine, so it is no acknowledgement."""
    for case, concern in zip(cases, concerns, strict=True):
        if concern.has_receipt_mail and concern.complainant is not None and concern.complainant.email:
            outbox.queue(NewMessage(
                kind="receipt", recipient_email=concern.complainant.email, recipient_name=concern.complainant.called,
                subject="We have received what you sent us", template="receipt", context={"reference": case.reference},
                dedup_key=f"receipt:{case.reference}", case_reference=case.reference), at=at)


