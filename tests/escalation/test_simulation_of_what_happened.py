"""Replaying the live policy gives what happened, case by case: timers and firings of cases played through the verbs."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import Hospital, drive, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.calendars import service as calendars
from ticketing.calendars.rules import table_version
from ticketing.cases import service as cases
from ticketing.cases.models import Case, ReceiptCorrection, StatementRequest
from ticketing.cases.queries.rebasing import Choice
from ticketing.cases.rules import Action, Status
from ticketing.codes.rules import HoldReason
from ticketing.core.batch import until_empty
from ticketing.core.database import db
from ticketing.escalation.jobs import sweep
from ticketing.escalation.queries.histories import asks_the_trail, histories, policy_as_it_was
from ticketing.escalation.rules.playing import policies
from ticketing.escalation.rules.simulating import Replay, replay
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.packs import service as packs
from ticketing.packs.queries import draft
from ticketing.sla.models import Timer

DAY = timedelta(days=1)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def sweep_to(at: datetime) -> None:
    """Sweep at each planned moment in its order, as a program that never slept would."""
    while (due := db.session.scalar(sa.select(sa.func.min(Firing.fire_at)).where(Firing.state == FiringState.PLANNED))) and due < at:
        sweep(due)
    sweep(at)


def case_id(reference: str) -> int:
    return db.session.scalars(sa.select(Case.id).where(Case.reference == reference)).one()


def replayed(ids: list[int], until: datetime) -> dict[int, Replay]:
    spec = policy_as_it_was()
    with_activity, with_triage = asks_the_trail(spec)
    [policy] = policies(spec)
    return {item.case_id: replay(item, policy, until=until)
            for item in histories(ids, with_activity=with_activity, with_triage=with_triage)}


def timers_as_they_are(ids: list[int]) -> dict[int, set[object]]:
    found: dict[int, set[object]] = {number: set() for number in ids}
    for row in db.session.scalars(sa.select(Timer).where(Timer.case_id.in_(ids), Timer.state != "not_applicable")):
        word = "running" if row.state == "breached" and row.met_at is None else row.state
        found[row.case_id].add((row.cycle, row.pack, row.target, row.subject, row.occurrence, word, row.due_at, row.met_at, row.held_since))
    return found


def timers_replayed(found: dict[int, Replay]) -> dict[int, set[object]]:
    return {number: {(*item.key, "running" if item.state == "breached" and item.met_at is None else item.state.value, item.due_at,
                      item.met_at, item.held_since) for item in one.outcomes} for number, one in found.items()}


def firings_as_they_are(ids: list[int], state: FiringState) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {number: [] for number in ids}
    for row in db.session.scalars(sa.select(Firing).where(Firing.case_id.in_(ids), Firing.state == state)):
        moment = row.fired_at if state is FiringState.FIRED else row.fire_at
        found[row.case_id].append((row.cycle, row.timer_key, row.rule_version_id, row.due_at, moment))
    return {number: sorted(rows, key=str) for number, rows in found.items()}


def firings_replayed(found: dict[int, Replay], *, fired: bool) -> dict[int, list[object]]:
    return {number: sorted(((item.cycle, item.timer_key, item.version_id, item.due_at, item.fired_at or item.fire_at)
                            for item in (one.fired if fired else one.planned)), key=str) for number, one in found.items()}


def check(references: list[str], until: datetime) -> dict[int, Replay]:
    sweep_to(until)
    ids = [case_id(reference) for reference in references]
    found = replayed(ids, until)
    assert timers_replayed(found) == timers_as_they_are(ids)
    assert firings_replayed(found, fired=True) == firings_as_they_are(ids, FiringState.FIRED)
    assert firings_replayed(found, fired=False) == firings_as_they_are(ids, FiringState.PLANNED)
    return found


def test_a_case_that_nobody_touches(hospital):
    found = check([make_case(hospital.officer)], MONDAY + 40 * DAY)
    assert sum(len(one.fired) for one in found.values()) >= 3


def test_a_case_brought_to_its_close(hospital):
    reference = make_case(hospital.officer)
    sweep_to(TUESDAY)
    drive(reference, Status.CLOSED, hospital)
    check([reference], TUESDAY + 60 * DAY)


def test_a_case_acknowledged_late(hospital):
    reference = make_case(hospital.officer)
    sweep_to(MONDAY + 9 * DAY)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY + 9 * DAY)
    found = check([reference], MONDAY + 20 * DAY)
    assert any(item.state == "breached" and item.met_at for one in found.values() for item in one.outcomes)


def test_a_held_and_released_case(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    sweep_to(WEDNESDAY)
    cases.hold(reference, HoldReason.AWAITING_CONSENT, "", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    sweep_to(WEDNESDAY + 9 * DAY)
    cases.release(reference, "", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY + 9 * DAY)
    check([reference], WEDNESDAY + 60 * DAY)


def test_a_period_agreed_and_extended(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    sweep_to(WEDNESDAY + 20 * DAY)
    cases.agree_period(reference, (WEDNESDAY + 80 * DAY).date(), "Rang and agreed", seen=version_of(reference), by=hospital.officer,
                       at=WEDNESDAY + 20 * DAY)
    check([reference], WEDNESDAY + 100 * DAY)


def test_a_reopened_case_has_two_cycles(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    sweep_to(TUESDAY + 10 * DAY)
    cases.reopen(reference, "New facts", seen=version_of(reference), by=hospital.officer, at=TUESDAY + 10 * DAY)
    found = check([reference], TUESDAY + 60 * DAY)
    assert {item.cycle for one in found.values() for item in one.outcomes} == {1, 2}


def test_statements_asked_and_given(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    for at in (WEDNESDAY, WEDNESDAY + DAY):
        sweep_to(at)
        cases.ask_statement(reference, hospital.clinician.uid, (1,), "What did you see?", "", 15, by=hospital.officer, at=at)
    sweep_to(WEDNESDAY + 3 * DAY)
    first = db.session.scalars(sa.select(StatementRequest.uid).order_by(StatementRequest.id)).first()
    cases.give_statement(str(first), "I saw him at nine.", by=hospital.clinician, at=WEDNESDAY + 3 * DAY)
    found = check([reference], WEDNESDAY + 30 * DAY)
    assert {item.state.value for one in found.values() for item in one.outcomes if item.target == "statement"} == {"met", "breached"}


def test_a_corrected_receipt(hospital):
    reference = make_case(hospital.officer)
    sweep_to(TUESDAY)
    cases.ask_receipt_correction(reference, MONDAY - 3 * DAY, "The letter was stamped on Friday", by=hospital.officer, at=TUESDAY)
    uid = db.session.scalars(sa.select(ReceiptCorrection.uid)).one()
    cases.decide_receipt_correction(uid, True, "", by=hospital.manager, at=TUESDAY + timedelta(hours=1))
    check([reference], MONDAY + 20 * DAY)


def test_a_withdrawn_concern(hospital):
    reference = make_case(hospital.officer)
    sweep_to(WEDNESDAY)
    cases.apply_transition(reference, Action.WITHDRAW, "They changed their mind", seen=version_of(reference), by=hospital.officer,
                           at=WEDNESDAY)
    found = check([reference], MONDAY + 20 * DAY)
    assert not [item for one in found.values() for item in one.planned]


def test_a_concern_written_down_late(hospital):
    reference = make_case(hospital.officer, at=MONDAY + 6 * DAY, received_at=MONDAY)
    check([reference], MONDAY + 20 * DAY)


def test_several_cases_at_once(hospital):
    references = [make_case(hospital.officer, at=MONDAY + timedelta(hours=number)) for number in range(5)]
    sweep_to(TUESDAY)
    drive(references[0], Status.CLOSED, hospital)
    drive(references[1], Status.SCOPING, hospital)
    check(references, MONDAY + 50 * DAY)



# --- rebased cases: the old versions up to the rebase, the new ones from it ---


def publish(hospital: Hospital, amounts: dict[str, int]) -> str:
    """Another version of the hospital's pack, in force from long ago; returns its name."""
    uid = packs.draft_version("england-nhs", "2026.2", by=hospital.manager, at=MONDAY)
    packs.change_amounts(uid, amounts, seen=1, by=hospital.manager, at=MONDAY)
    version = draft(uid).version
    packs.publish(uid, date(2010, 1, 1), "Agreed by the board", seen=2, by=hospital.manager, at=MONDAY)
    return version


def rebase(hospital: Hospital, choice: Choice, at: datetime) -> str:
    sweep_to(at)
    uid = cases.begin_rebase(choice, (), "The board asked for it", by=hospital.manager, at=at)
    until_empty(lambda: cases.rebase_batch(uid, at=at))
    return uid


def targets_fired(found: dict[int, Replay], before: datetime) -> int:
    return sum(item.fired_at < before for one in found.values() for item in one.fired if item.fired_at)


def test_a_rebase_to_longer_periods_leaves_what_had_fired(hospital):
    reference = make_case(hospital.officer)
    rebased_at = MONDAY + 8 * DAY
    version = publish(hospital, {"acknowledge": 20, "progress": 30})
    rebase(hospital, Choice("england-nhs", version), rebased_at)
    found = check([reference], MONDAY + 60 * DAY)
    assert targets_fired(found, rebased_at), "acknowledgement was missed under the old version, and its steps fired"


def test_a_rebase_to_shorter_periods_of_one_that_repeats(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital)
    rebase(hospital, Choice("england-nhs", publish(hospital, {"progress": 3})), MONDAY + 15 * DAY)
    check([reference], MONDAY + 60 * DAY)


def test_a_rebase_that_was_taken_back(hospital):
    references = [make_case(hospital.officer), make_case(hospital.officer, at=MONDAY + timedelta(hours=2))]
    drive(references[1], Status.ACKNOWLEDGED, hospital, at=TUESDAY)
    uid = rebase(hospital, Choice("england-nhs", publish(hospital, {"acknowledge": 9, "progress": 4})), WEDNESDAY)
    sweep_to(MONDAY + 7 * DAY)
    back = cases.undo_rebase(uid, "Too soon", by=hospital.manager, at=MONDAY + 7 * DAY)
    until_empty(lambda: cases.rebase_batch(back, at=MONDAY + 7 * DAY))
    check(references, MONDAY + 40 * DAY)


def test_a_rebase_to_a_calendar_with_one_more_holiday(hospital):
    reference = make_case(hospital.officer)
    uid = calendars.draft_version("england_wales", table_version(), by=hospital.manager, at=MONDAY)
    calendars.set_day(uid, WEDNESDAY.date(), "Day of mourning", is_public=True, seen=1, by=hospital.manager, at=MONDAY)
    calendars.publish(uid, "Proclaimed", seen=2, by=hospital.manager, at=MONDAY)
    rebase(hospital, Choice(calendar="england_wales", calendar_to="local.1"), TUESDAY)
    check([reference], MONDAY + 40 * DAY)


def test_a_rebase_of_the_second_cycle_leaves_the_first(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    sweep_to(TUESDAY + 10 * DAY)
    cases.reopen(reference, "New facts", seen=version_of(reference), by=hospital.officer, at=TUESDAY + 10 * DAY)
    version = publish(hospital, {"acknowledge": 10, "progress": 12})
    rebase(hospital, Choice("england-nhs", version), TUESDAY + 15 * DAY)
    found = check([reference], TUESDAY + 60 * DAY)
    [history] = histories(list(found))
    assert {(pin.cycle, pin.pack_version == version, pin.until) for pin in history.pins} == {
        (1, False, None), (2, False, TUESDAY + 15 * DAY), (2, True, None)}


def test_the_histories_of_many_rebased_cases_take_no_more_queries_than_one(hospital):
    for number in range(6):
        make_case(hospital.officer, at=MONDAY + timedelta(hours=number))
    rebase(hospital, Choice("england-nhs", publish(hospital, {"progress": 12})), WEDNESDAY)
    ids = list(db.session.scalars(sa.select(Case.id)))
    assert len(ids) == 6
    with count_queries() as one:
        histories(ids[:1])
    with count_queries() as many:
        histories(ids)
    assert len(many) == len(one) == 5
