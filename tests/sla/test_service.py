"""The stored timers are what the events say, whatever happens in whatever order; machines satisfy nothing; cycles stand by themselves."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Case, ReceiptCorrection, StatementRequest
from ticketing.cases.rules import ENDED, Action, NoteKind, Status, moves_from
from ticketing.codes import service as codes
from ticketing.codes.rules import BreachReason, CaseType, Channel, ConsentStatus, ContactMethod, Finding, HoldReason, Severity
from ticketing.core.database import db
from ticketing.core.errors import DomainError
from ticketing.core.permissions import GRANTS, Permission, Role, machine
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.sla import queries as sla
from ticketing.sla.models import SlaPin, Timer
from ticketing.sla.rules import State

ROBOT = machine("robot", *GRANTS[Role.MANAGER])
Step = Callable[[str, Hospital, datetime, random.Random], object]


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def drift(at: datetime) -> list[sla.Drift]:
    return [item for _, found in sla.drifts(at=at) for item in found]


def timers(reference: str, hospital: Hospital, at: datetime) -> dict[str, queries.TimerView]:
    return {item.target: item for item in queries.get_case(reference, hospital.officer, at=at).current_timers}


def case_of(reference: str) -> Case:
    return db.session.scalars(select(Case).where(Case.reference == reference)).one()


def in_ohio() -> dict[str, Any]:
    """A second site, under the law of the United States."""
    codes.add_site("OHIO", "Ohio site", zone="Europe/London", pack="us-cms", calendar="england_wales", by=FACTORY, at=MONDAY)
    return {"site_code": "OHIO", "unit_code": None}


def _triage(reference: str, h: Hospital, at: datetime, dice: random.Random) -> None:
    pack, kind = dice.choice([("us-cms", CaseType.GRIEVANCE_US), ("england-nhs", CaseType.COMPLAINT_FORMAL),
                              ("england-nhs", CaseType.CONCERN_PALS), ("us-cms", CaseType.ENQUIRY)])
    service.triage(reference, service.Triage(kind, Severity.LOW, ConsentStatus.RECEIVED, pack), seen=version_of(reference), by=h.officer,
                   at=at)


def _move(reference: str, h: Hospital, at: datetime, dice: random.Random) -> None:
    """A move that the table allows from here, with what it needs."""
    case = case_of(reference)
    by = dice.choice([h.officer, h.second_officer, h.manager])
    for position in (1, 2):
        if case.is_open:
            service.record_finding(reference, position, dice.choice(list(Finding)), "Seen", "Done", by=h.officer, at=at)
    onward = [move for move in moves_from(case.status) if move.target not in ENDED and not move.is_backward]
    move = dice.choice(onward if onward and dice.random() < 0.9 else moves_from(case.status))
    if move.action is Action.ACKNOWLEDGE:
        _triage(reference, h, at, dice)
    elif move.action is Action.SCOPE:
        service.agree_period(reference, (at + timedelta(days=dice.randint(5, 60))).date(), "Phone", seen=None, by=h.officer, at=at)
    elif move.action is Action.PASS_REVIEW:
        by = h.second_officer
    earlier = dice.choice([None, max(case.received_at, at - timedelta(hours=dice.randint(1, 60)))])
    seen = version_of(reference)
    match move.action:
        case Action.ACKNOWLEDGE:
            service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=seen, by=by, at=at, occurred_at=earlier)
        case Action.SIGN_AND_SEND:
            service.sign_and_send(reference, ContactMethod.LETTER, seen=seen, by=h.manager, at=at)
        case Action.CONFIRM_OUTCOME:
            service.confirm_outcome(reference, "So", ContactMethod.LETTER, seen=seen, by=by, at=at)
        case Action.SUBMIT_FOR_REVIEW:
            service.draft_response(reference, "Dear Mrs Khan", seen=seen, by=h.officer, at=at)
            service.apply_transition(reference, move.action, "So", seen=None, by=h.officer, at=at)
        case _:
            service.apply_transition(reference, move.action, "So", seen=seen, by=by, at=at)


def _answer(reference: str, h: Hospital, at: datetime, dice: random.Random) -> None:
    uid = dice.choice(db.session.scalars(select(StatementRequest.uid).join(Case, Case.id == StatementRequest.case_id).where(
        Case.reference == reference)).all())
    verb = dice.choice([service.give_statement, service.decline_statement, service.withdraw_statement])
    verb(uid, "It was full.", by=h.officer if verb is service.withdraw_statement else h.clinician, at=at)


def _decide(reference: str, h: Hospital, at: datetime, dice: random.Random) -> None:
    uid = db.session.scalars(select(ReceiptCorrection.uid).order_by(ReceiptCorrection.id.desc())).first()
    service.decide_receipt_correction(uid or "", dice.random() < 0.7, "So", by=h.second_officer, at=at)
    del reference


STEPS: dict[str, Step] = {
    "triage": _triage, "move": _move, "answer": _answer, "decide": _decide,
    "move again": _move, "and again": _move,
    "hold": lambda ref, h, at, dice: service.hold(ref, dice.choice(list(HoldReason)), "", seen=version_of(ref), by=h.officer, at=at),
    "release": lambda ref, h, at, _: service.release(ref, "", seen=version_of(ref), by=h.officer, at=at),
    "period": lambda ref, h, at, dice: service.agree_period(
        ref, (at + timedelta(days=dice.randint(0, 200))).date(), "Phone", seen=None, by=h.officer, at=at, is_agreed=dice.random() < 0.5),
    "contact": lambda ref, h, at, dice: service.add_note(
        ref, NoteKind.CONTACT, "Rang", by=dice.choice([h.officer, h.manager, ROBOT]), at=at,
        occurred_at=dice.choice([None, at - timedelta(days=dice.randint(0, 9))])),
    "interim": lambda ref, h, at, dice: service.send_interim(ref, dice.randint(1, 40), "Sorry", by=h.officer, at=at),
    "ask": lambda ref, h, at, _: service.ask_statement(ref, h.clinician.uid, (1,), "Why?", "", 15, by=h.officer, at=at),
    "correct": lambda ref, h, at, dice: service.ask_receipt_correction(
        ref, at - timedelta(days=dice.randint(1, 20)), "Stamp", by=h.officer, at=at),
    "sweep": lambda _ref, h, at, _: service.record_breaches(by=h.officer, at=at),
    "reason": lambda ref, h, at, _: service.give_breach_reason(ref, "acknowledge", "", BreachReason.WORKLOAD, "", by=h.officer, at=at),
}


def breaches_told(reference: str) -> set[tuple[str, str, datetime]]:
    return {(entry.facts["target"], entry.facts["subject"] or "", entry.occurred_at)
            for entry in audit.timeline(case_stream(reference), limit=10_000) if entry.act == "case.breached"}


def check_in_step(reference: str, at: datetime) -> None:
    """What must hold after every verb, whatever it was."""
    assert drift(at) == []
    case = case_of(reference)
    stored = db.session.scalars(select(Timer).where(Timer.case_id == case.id)).all()
    waited_for = {(item.target.value, item.subject, item.occurrence) for item in sla.reckonings_of(case.id, at=at) if item.is_waited_for}
    pressing = [row for row in stored if row.cycle == case.cycle and (row.target, row.subject, row.occurrence) in waited_for
                and row.due_at is not None] if case.is_open else []
    assert case.next_due_at == min((row.due_at for row in pressing), default=None)
    assert case.is_breached == any(row.state == "breached" for row in pressing)
    assert {(row.target, row.subject, row.breached_at) for row in stored if row.breached_at} <= breaches_told(reference)
    assert all((row.breached_at is not None) == (row.state == "breached") for row in stored)
    if not case.is_open:
        assert case.held_since is None
        assert case.open_statements == 0
        assert not [row for row in stored if row.cycle == case.cycle and row.state in ("running", "held", "waiting")], case.status
        planned = db.session.scalars(select(Firing).where(Firing.case_id == case.id, Firing.state == FiringState.PLANNED)).all()
        assert not [row for row in planned if row.timer_key]
    pins = db.session.scalars(select(SlaPin.cycle).where(SlaPin.case_id == case.id).order_by(SlaPin.cycle)).all()
    assert list(pins) == list(range(1, case.cycle + 1))


@pytest.mark.parametrize("seed", range(14))
def test_timers_equal_their_reckoning_after_any_sequence_of_verbs(seed, hospital):
    dice, at = random.Random(seed), MONDAY
    kind = dice.choice([CaseType.COMPLAINT_FORMAL, CaseType.CONCERN_PALS, CaseType.GRIEVANCE_US, CaseType.ENQUIRY])
    is_anonymous = seed % 7 == 6
    reference = make_case(hospital.officer, case_type=kind, channel=dice.choice([Channel.PHONE, Channel.LETTER]), is_anonymous=is_anonymous,
                          complainant=None if is_anonymous else concern().complainant, at=at,
                          **(in_ohio() if kind is CaseType.GRIEVANCE_US else {}))
    done: list[str] = []
    for _ in range(34):
        name = dice.choice(list(STEPS))
        at += timedelta(minutes=dice.choice([0, 5, 90, 60 * 26, 60 * 24 * 9]))
        try:
            STEPS[name](reference, hospital, at, dice)
        except (DomainError, IndexError):
            continue
        done.append(name)
        check_in_step(reference, at)
    assert len(done) > 5
    assert not audit.verify(case_stream(reference)).faults


def test_a_changed_pack_reckons_the_same_events_anew_and_back_again(hospital):
    reference = make_case(hospital.officer, case_type=CaseType.COMPLAINT_FORMAL)
    service.hold(reference, HoldReason.AWAITING_CONSENT, "", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.release(reference, "", seen=version_of(reference), by=hospital.officer, at=THURSDAY)
    for pack, kind, targets in [
        ("us-cms", CaseType.GRIEVANCE_US, {"acknowledge", "respond", "interim_notice", "decide"}),
        ("england-nhs", CaseType.COMPLAINT_FORMAL, {"acknowledge", "respond", "six_months", "progress"}),
        ("us-cms", CaseType.GRIEVANCE_US, {"acknowledge", "respond", "interim_notice", "decide"})]:
        service.triage(reference, service.Triage(kind, Severity.LOW, ConsentStatus.RECEIVED, pack), seen=version_of(reference),
                       by=hospital.officer, at=THURSDAY)
        assert set(timers(reference, hospital, THURSDAY)) == targets
        assert drift(THURSDAY) == []
    decide = timers(reference, hospital, THURSDAY)["decide"]
    assert decide.due == "by the end of Fri 3 Apr 2026"  # 30 days and the two it was held for


def test_a_breach_under_a_pack_that_no_longer_applies_is_no_breach(hospital):
    reference = make_case(hospital.officer, case_type=CaseType.GRIEVANCE_US, **in_ohio())
    assert case_of(reference).pack == "us-cms"
    service.record_breaches(by=hospital.officer, at=NEXT_MONDAY + timedelta(days=30))
    assert len(sla.breaches_of(case_of(reference).id)) == 4
    service.triage(reference, service.Triage(CaseType.ENQUIRY, Severity.LOW, ConsentStatus.RECEIVED, "england-nhs"),
                   seen=version_of(reference), by=hospital.officer, at=NEXT_MONDAY + timedelta(days=30))
    assert sla.breaches_of(case_of(reference).id) == ()


def test_statements_run_each_by_their_own_timer(hospital):
    reference = make_case(hospital.officer)
    first = service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)
    second = service.ask_statement(reference, hospital.clinician.uid, (2,), "How?", "", 15, by=hospital.officer, at=WEDNESDAY)
    service.give_statement(first, "So.", by=hospital.clinician, at=THURSDAY)
    found = {item.subject: item for item in queries.get_case(reference, hospital.officer, at=FRIDAY).timers if item.target == "statement"}
    assert (found[first].state, found[second].state) == (State.MET, State.RUNNING)
    assert found[second].due == "by the end of Wed 18 Mar 2026"
    late = WEDNESDAY + timedelta(days=30)
    service.record_breaches(by=hospital.officer, at=late)
    assert ("statement", second) in {(target, subject) for target, subject, _ in breaches_told(reference)}
    assert ("statement", first) not in {(target, subject) for target, subject, _ in breaches_told(reference)}
    assert queries.questions_for(hospital.clinician, at=late)[0].is_breached
    assert drift(late) == []


def test_a_machine_satisfies_nothing_whatever_it_may_do(hospital):
    reference = make_case(hospital.officer)
    service.triage(reference, service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "england-nhs"),
                   seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    service.acknowledge(reference, ContactMethod.EMAIL, True, "", seen=None, by=ROBOT, at=TUESDAY)
    assert timers(reference, hospital, TUESDAY)["acknowledge"].state is State.RUNNING
    assert timers(reference, hospital, FRIDAY)["acknowledge"].state is State.BREACHED
    service.add_note(reference, NoteKind.CONTACT, "An automatic update", by=ROBOT, at=WEDNESDAY)
    assert timers(reference, hospital, WEDNESDAY)["progress"].state is State.WAITING
    assert drift(FRIDAY) == []


def test_a_sweep_is_no_activity_and_an_officer_is(hospital):
    reference = make_case(hospital.officer)
    service.record_breaches(by=machine("escalation", Permission.WORK_CASES), at=FRIDAY)
    assert case_of(reference).last_activity_at == MONDAY
    service.add_note(reference, NoteKind.NOTE, "Looked at it", by=hospital.officer, at=FRIDAY)
    assert case_of(reference).last_activity_at == FRIDAY


def test_three_cycles_stand_each_by_itself(hospital):
    reference, at = make_case(hospital.officer), FRIDAY
    drive(reference, Status.CLOSED, hospital)
    for cycle in (2, 3):
        service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=at)
        assert case_of(reference).cycle == cycle
        service.agree_period(reference, (at + timedelta(days=10)).date(), "Phone", seen=None, by=hospital.officer, at=at)
        assert timers(reference, hospital, at)["respond"].state is State.RUNNING
        service.apply_transition(reference, Action.CLOSE, "", seen=None, by=hospital.officer, at=at + timedelta(days=1))
        assert drift(at + timedelta(days=60)) == []
        at += timedelta(days=30)
    shown = {(item.cycle, item.target): item.state for item in queries.get_case(reference, hospital.officer, at=at).timers}
    assert shown[1, "respond"] is State.MET
    assert shown[2, "respond"] is shown[3, "respond"] is State.NOT_APPLICABLE
    assert service.record_breaches(by=hospital.officer, at=at + timedelta(days=365)).done == 0
