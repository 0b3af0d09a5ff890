"""Late entry is honest: what happened earlier is reckoned from then, what was missed is told at its instant, wherever it is first seen."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.audit import queries as audit
from ticketing.audit.rules import EntryRow, case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Case, Note
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Action, NoteKind, Status
from ticketing.codes.rules import BreachReason, CaseType, Channel, ContactMethod
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid
from ticketing.sla import queries as sla
from ticketing.sla.rules import State

BREACH_AT = datetime.fromisoformat("2026-03-06T00:00:00+00:00")


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def entries(reference: str, act: str) -> list[EntryRow]:
    return [entry for entry in audit.timeline(case_stream(reference)) if entry.act == act]


def breaches(reference: str) -> list[tuple[str, datetime]]:
    return sorted((entry.facts["target"], entry.occurred_at) for entry in entries(reference, "case.breached"))


def is_breached(reference: str) -> bool:
    return db.session.scalars(select(Case.is_breached).where(Case.reference == reference)).one()


def drift(at: datetime) -> list:
    return [item for _, found in sla.drifts(at=at) for item in found]


def timer(reference: str, hospital: Hospital, target: str, at: datetime) -> queries.TimerView:
    return next(item for item in queries.get_case(reference, hospital.officer, at=at).timers if item.target == target)


def test_a_concern_recorded_after_its_target_was_missed_is_late_breached_and_said_to_be(hospital):
    reference = make_case(hospital.officer, received_at=MONDAY, at=NEXT_MONDAY)
    shown = timer(reference, hospital, "acknowledge", NEXT_MONDAY)
    assert (shown.state, shown.due_at) == (State.BREACHED, BREACH_AT)
    assert breaches(reference) == [("acknowledge", BREACH_AT)]
    assert entries(reference, "case.breached")[0].recorded_at == NEXT_MONDAY
    assert entries(reference, "case.breached")[0].kind == "machine"
    received = entries(reference, "case.received")[0]
    assert (received.occurred_at, received.facts["is_late_entry"]) == (MONDAY, True)
    assert is_breached(reference)
    assert service.record_breaches(by=hospital.officer, at=NEXT_MONDAY).done == 0
    assert not audit.verify(case_stream(reference)).faults
    assert drift(NEXT_MONDAY) == []


def test_a_concern_recorded_at_once_is_no_late_entry(hospital):
    assert entries(make_case(hospital.officer), "case.received")[0].facts["is_late_entry"] is False


def test_a_draft_logged_after_its_target_was_missed_says_so(hospital):
    reference = service.keep_draft(concern(received_at=MONDAY), by=hospital.officer, at=MONDAY)
    service.apply_transition(reference, Action.LOG, seen=None, by=hospital.officer, at=NEXT_MONDAY)
    assert breaches(reference) == [("acknowledge", BREACH_AT)]


@pytest.mark.parametrize("verb", [
    lambda ref, h: service.add_note(ref, NoteKind.CONTACT, "Rang", by=h.officer, at=FRIDAY),
    lambda ref, h: service.apply_transition(ref, Action.OPEN_TRIAGE, seen=None, by=h.officer, at=FRIDAY),
    lambda ref, h: service.give_breach_reason(ref, "acknowledge", "", BreachReason.WORKLOAD, "", by=h.officer, at=FRIDAY),
], ids=["contact", "triage", "reason"])
def test_a_breach_first_seen_by_a_verb_is_told_once_although_the_sweep_never_saw_it(verb, hospital):
    reference = make_case(hospital.officer)
    verb(reference, hospital)
    assert breaches(reference) == [("acknowledge", BREACH_AT)]
    assert is_breached(reference)
    service.record_breaches(by=hospital.officer, at=FRIDAY)
    assert breaches(reference) == [("acknowledge", BREACH_AT)]


def test_an_acknowledgement_late_by_itself_is_met_late_and_the_breach_told(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.TRIAGE, hospital)
    service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=None, by=hospital.officer, at=FRIDAY)
    shown = timer(reference, hospital, "acknowledge", FRIDAY)
    assert (shown.state, shown.met_at) == (State.BREACHED, FRIDAY)
    assert breaches(reference) == [("acknowledge", BREACH_AT)]
    assert not is_breached(reference)


def test_an_acknowledgement_recorded_later_than_it_was_made_meets_the_target_and_undoes_the_breach(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.TRIAGE, hospital)
    assert service.record_breaches(by=hospital.officer, at=FRIDAY).outcomes == {"breached": 1}
    assert is_breached(reference)
    view = (hospital.officer, WorklistView.BREACHED, Filters())
    assert len(queries.worklist(*view, at=FRIDAY)) == 1
    service.acknowledge(reference, ContactMethod.LETTER, True, "", seen=None, by=hospital.officer, at=NEXT_MONDAY, occurred_at=THURSDAY)
    shown = timer(reference, hospital, "acknowledge", NEXT_MONDAY)
    assert (shown.state, shown.met_at) == (State.MET, THURSDAY)
    assert not is_breached(reference)
    assert len(queries.worklist(*view, at=NEXT_MONDAY)) == 0
    assert breaches(reference) == [("acknowledge", BREACH_AT)]
    said = entries(reference, "case.acknowledged")[0]
    assert (said.occurred_at, said.recorded_at) == (THURSDAY, NEXT_MONDAY)
    assert queries.get_case(reference, hospital.officer, at=NEXT_MONDAY).lapsed_timers == ()
    assert drift(NEXT_MONDAY) == []


WRONG = {"before receipt": MONDAY - timedelta(seconds=1), "in the future": TUESDAY + timedelta(seconds=1)}


@pytest.mark.parametrize("when", WRONG)
def test_what_happened_before_receipt_or_in_the_future_is_refused(when, hospital):
    moment, by = WRONG[when], hospital.officer
    reference = make_case(by)
    drive(reference, Status.TRIAGE, hospital)
    before = version_of(reference)
    for verb in (
        lambda: service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=None, by=by, at=TUESDAY, occurred_at=moment),
        lambda: service.add_note(reference, NoteKind.CONTACT, "Rang", by=by, at=TUESDAY, occurred_at=moment),
        lambda: service.apply_transition(reference, Action.WITHDRAW, "So", seen=None, by=by, at=TUESDAY, occurred_at=moment),
    ):
        with pytest.raises(Invalid) as refused:
            verb()
        assert refused.value.field == "occurred_at"
    assert version_of(reference) == before


def test_a_dispatch_before_the_review_or_in_the_future_is_refused(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.AWAITING_SIGNOFF, hospital, at=WEDNESDAY)
    for moment in (TUESDAY, FRIDAY, MONDAY - timedelta(days=1)):
        with pytest.raises(Invalid):
            service.sign_and_send(reference, ContactMethod.LETTER, seen=version_of(reference), by=hospital.manager, at=THURSDAY,
                                  occurred_at=moment)


@pytest.mark.parametrize("received", [TUESDAY, MONDAY - timedelta(days=101 * 366), datetime.min.replace(tzinfo=MONDAY.tzinfo)])
def test_a_receipt_in_the_future_or_before_anybody_alive_is_refused(received, hospital):
    with pytest.raises(Invalid) as refused:
        make_case(hospital.officer, received_at=received)
    assert refused.value.field == "received_at"


@pytest.mark.parametrize("due_on", [date.max, date(2026, 3, 1)])
def test_a_response_date_that_cannot_be_is_refused(due_on, hospital):
    with pytest.raises(Invalid) as refused:
        service.agree_period(make_case(hospital.officer), due_on, "", seen=None, by=hospital.officer, at=TUESDAY)
    assert refused.value.field == "due_on"


def test_a_receipt_moved_back_past_a_target_tells_the_breach_and_moved_forth_again_has_none(hospital):
    reference = make_case(hospital.officer, received_at=MONDAY, at=MONDAY)
    earlier = MONDAY - timedelta(days=4)
    uid = service.ask_receipt_correction(reference, earlier, "Stamp", by=hospital.officer, at=WEDNESDAY)
    service.decide_receipt_correction(uid, True, "Seen", by=hospital.second_officer, at=WEDNESDAY)
    assert [target for target, _ in breaches(reference)] == ["acknowledge"]
    uid = service.ask_receipt_correction(reference, MONDAY, "It was another letter", by=hospital.officer, at=WEDNESDAY)
    service.decide_receipt_correction(uid, True, "So it was", by=hospital.second_officer, at=WEDNESDAY)
    assert not is_breached(reference)
    assert timer(reference, hospital, "acknowledge", WEDNESDAY).state is State.RUNNING
    service.record_breaches(by=hospital.officer, at=FRIDAY)
    assert [moment for _, moment in breaches(reference)] == sorted({BREACH_AT, *(moment for _, moment in breaches(reference))})
    assert len(breaches(reference)) == 2
    assert drift(FRIDAY) == []


def test_a_correction_asked_before_the_case_moved_on_is_weighed_again_when_decided(hospital):
    reference = make_case(hospital.officer, received_at=MONDAY, at=MONDAY)
    drive(reference, Status.TRIAGE, hospital)
    uid = service.ask_receipt_correction(reference, WEDNESDAY, "Came on Wednesday", by=hospital.officer, at=THURSDAY)
    service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=None, by=hospital.officer, at=THURSDAY, occurred_at=TUESDAY)
    with pytest.raises(Invalid, match="after it was acknowledged"):
        service.decide_receipt_correction(uid, True, "", by=hospital.second_officer, at=THURSDAY)
    service.decide_receipt_correction(uid, False, "No", by=hospital.second_officer, at=THURSDAY)
    assert queries.get_case(reference, hospital.officer, at=THURSDAY).received_at == MONDAY


def test_a_correction_of_a_case_reopened_meanwhile_is_refused(hospital):
    reference = make_case(hospital.officer)
    uid = service.ask_receipt_correction(reference, MONDAY - timedelta(days=1), "Stamp", by=hospital.officer, at=MONDAY)
    drive(reference, Status.CLOSED, hospital)
    service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    with pytest.raises(Conflict, match="reopened"):
        service.decide_receipt_correction(uid, True, "", by=hospital.second_officer, at=WEDNESDAY)
    assert drift(WEDNESDAY) == []


def test_a_contact_of_an_earlier_cycle_written_down_late_starts_no_clock_in_this_one(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    later = MONDAY + timedelta(days=60)
    service.reopen(reference, "More", seen=version_of(reference), by=hospital.officer, at=later)
    service.add_note(reference, NoteKind.CONTACT, "Rang her then", by=hospital.officer, at=later, occurred_at=WEDNESDAY)
    assert breaches(reference) == []
    assert db.session.scalars(select(Note.written_at)).one() == WEDNESDAY
    service.add_note(reference, NoteKind.CONTACT, "Rang her now", by=hospital.officer, at=later)
    assert entries(reference, "case.progress_sent")


def test_a_reason_is_given_by_those_who_work_cases_and_once(hospital):
    reference = make_case(hospital.officer)
    service.record_breaches(by=hospital.officer, at=FRIDAY)
    give = lambda by, target="acknowledge": service.give_breach_reason(  # noqa: E731
        reference, target, "", BreachReason.WORKLOAD, "Two away", by=by, at=FRIDAY)
    with pytest.raises(Forbidden):
        give(hospital.auditor)
    for target in ("respond", "nonsense", "\x00"):
        with pytest.raises(Conflict, match="not breached"):
            give(hospital.officer, target)
    give(hospital.officer)
    assert queries.get_case(reference, hospital.officer, at=FRIDAY).lapsed_timers == ()
    with pytest.raises(Conflict, match="already"):
        give(hospital.officer)


def test_many_late_concerns_tell_their_breaches_with_a_handful_of_statements(hospital):
    def cost(number: int) -> int:
        with count_queries() as sent:
            service.receive_many([concern(received_at=MONDAY, channel=Channel.LETTER, case_type=each) for _ in range(number)
                                  for each in (CaseType.CONCERN_PALS, CaseType.COMPLAINT_FORMAL)], by=hospital.officer, at=NEXT_MONDAY)
        return len(sent)

    few = cost(10)
    assert cost(125) <= few + 3
    assert drift(NEXT_MONDAY) == []


def test_five_hundred_concerns_cost_no_statement_each(hospital):
    with count_queries() as ten:
        service.receive_many([concern() for _ in range(10)], by=hospital.officer, at=MONDAY)
    with count_queries() as many:
        service.receive_many([concern() for _ in range(500)], by=hospital.officer, at=MONDAY)
    assert len(many) < len(ten) + 20, (len(ten), len(many))
