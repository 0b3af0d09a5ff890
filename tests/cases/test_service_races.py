"""Two people at the same moment: one gets it, the other reads why not, and the case is as if only one had come."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import Hospital, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, TUESDAY, WEDNESDAY
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream
from ticketing.cases import queries, service
from ticketing.cases.models import Assignment, Case, ReceiptCorrection, Task
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.codes.rules import BreachReason, HoldReason
from ticketing.core.database import db
from ticketing.core.errors import Conflict, DomainError, NotFound
from ticketing.sla import queries as sla


@pytest.fixture
def hospital(committing_app: Flask) -> Hospital:
    with committing_app.app_context():
        return make_hospital()


def together(app: Flask, *verbs: Callable[[], object]) -> list[DomainError | None]:
    """Each verb in a thread of its own, all let go at once; what each was refused with, in order."""
    gate, ends = Barrier(len(verbs)), [RuntimeError("never ran")] * len(verbs)  # type: list[Any]

    def run(number: int, verb: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            try:
                verb()
                ends[number] = None
            except DomainError as error:
                ends[number] = error

    threads = [Thread(target=run, args=pair) for pair in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(end is None or isinstance(end, DomainError) for end in ends), ends
    return ends


def one_winner(ends: list[DomainError | None], refusal: type[DomainError] = Conflict) -> None:
    assert ends.count(None) == 1, ends
    assert all(isinstance(end, refusal) for end in ends if end is not None), ends


def whole(reference: str) -> None:
    """Nothing half done: the trail is unbroken and the timers are what the events say."""
    assert not audit.verify(case_stream(reference)).faults
    assert [item for _, found in sla.drifts(at=FRIDAY) for item in found] == []


def test_of_many_who_take_a_case_one_has_it(committing_app, hospital):
    people = [hospital.officer, hospital.second_officer, hospital.manager] * 2
    with committing_app.app_context():
        reference = make_case(hospital.officer, team_code=None)
    ends = together(committing_app, *(lambda by=by: service.take(reference, by=by, at=TUESDAY) for by in people))
    with committing_app.app_context():
        rows = db.session.scalars(select(Assignment)).all()
        case = db.session.scalars(select(Case)).one()
        assert len(rows) == 1
        assert rows[0].staff_id == case.handler_id
        winners = {people[number].staff_id for number, end in enumerate(ends) if end is None}
        assert winners == {case.handler_id}  # who has it and asks again is told nothing new
        whole(reference)


STALE: dict[str, tuple[Status, Callable]] = {
    "hold": (Status.TRIAGE, lambda ref, h, seen: service.hold(ref, HoldReason.LEGAL, "", seen=seen, by=h.officer, at=WEDNESDAY)),
    "move": (Status.TRIAGE, lambda ref, h, seen: service.apply_transition(
        ref, Action.WITHDRAW, "So", seen=seen, by=h.officer, at=WEDNESDAY)),
    "point": (Status.TRIAGE, lambda ref, h, seen: service.change_point(ref, 1, "Ten hours", None, seen=seen, by=h.officer, at=WEDNESDAY)),
    "draft": (Status.RESPONSE_DRAFTING, lambda ref, h, seen: service.draft_response(ref, "Dear", seen=seen, by=h.officer, at=WEDNESDAY)),
    "assign": (Status.TRIAGE, lambda ref, h, seen: service.assign(
        ref, h.second_officer.uid, None, "Yours", seen=seen, by=h.manager, at=WEDNESDAY)),
    "reopen": (Status.CLOSED, lambda ref, h, seen: service.reopen(ref, "More", seen=seen, by=h.officer, at=WEDNESDAY)),
}


@pytest.mark.parametrize("name", STALE)
def test_of_two_who_saw_the_same_version_one_is_told_that_it_changed(name, committing_app, hospital):
    status, verb = STALE[name]
    with committing_app.app_context():
        reference = make_case(hospital.officer)
        drive(reference, status, hospital)
        seen = version_of(reference)
    ends = together(committing_app, lambda: verb(reference, hospital, seen), lambda: verb(reference, hospital, seen))
    one_winner(ends)
    with committing_app.app_context():
        if name == "reopen":
            assert queries.get_case(reference, hospital.officer, at=FRIDAY).cycle == 2
        whole(reference)


def test_of_two_who_decide_a_correction_one_does(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
        uid = service.ask_receipt_correction(reference, MONDAY.replace(hour=1), "Stamp", by=hospital.officer, at=TUESDAY)
    ends = together(
        committing_app, lambda: service.decide_receipt_correction(uid, True, "", by=hospital.second_officer, at=WEDNESDAY),
        lambda: service.decide_receipt_correction(uid, False, "No", by=hospital.manager, at=WEDNESDAY))
    one_winner(ends)
    with committing_app.app_context():
        assert db.session.scalars(select(ReceiptCorrection)).one().decided_by_id in (
            hospital.second_officer.staff_id, hospital.manager.staff_id)
        whole(reference)


def test_of_two_who_ask_for_a_correction_one_does(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
    one_winner(together(committing_app, *(
        lambda by=by: service.ask_receipt_correction(reference, MONDAY.replace(hour=1), "Stamp", by=by, at=TUESDAY)
        for by in (hospital.officer, hospital.second_officer))))


@pytest.mark.parametrize("other", ["give", "decline", "withdraw"])
def test_a_statement_ends_once_whoever_ends_it(other, committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
        uid = service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)
        service.ask_statement(reference, hospital.clinician.uid, (2,), "How?", "", 15, by=hospital.officer, at=MONDAY)
    verbs = {"give": lambda: service.give_statement(uid, "Again.", by=hospital.clinician, at=TUESDAY),
             "decline": lambda: service.decline_statement(uid, "Not me", by=hospital.clinician, at=TUESDAY),
             "withdraw": lambda: service.withdraw_statement(uid, "No", by=hospital.officer, at=TUESDAY)}
    one_winner(together(committing_app, lambda: service.give_statement(uid, "So.", by=hospital.clinician, at=TUESDAY), verbs[other]))
    with committing_app.app_context():
        assert queries.get_case(reference, hospital.officer, at=TUESDAY).open_statements == 1
        whole(reference)


def test_a_task_is_finished_once(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
        uid = service.add_task(reference, TaskKind.TASK, "Ring", FRIDAY, None, "CENTRAL", by=hospital.officer, at=MONDAY)
    one_winner(together(committing_app, *(
        lambda by=by: service.finish_task(uid, by.name, by=by, at=TUESDAY) for by in (hospital.officer, hospital.second_officer))))
    with committing_app.app_context():
        task = db.session.scalars(select(Task)).one()
        assert task.outcome in ("Hana Novak", "Tom Reed")


def test_a_breach_is_explained_once(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
    one_winner(together(committing_app, *(
        lambda by=by: service.give_breach_reason(reference, "acknowledge", "", BreachReason.WORKLOAD, "", by=by, at=FRIDAY)
        for by in (hospital.officer, hospital.manager))))


def test_a_breach_is_told_once_by_two_sweeps_and_a_verb(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
    sweep = lambda: service.record_breaches(by=hospital.officer, at=FRIDAY)  # noqa: E731
    contact = lambda: service.add_note(reference, NoteKind.CONTACT, "Rang", by=hospital.officer, at=FRIDAY)  # noqa: E731
    assert together(committing_app, sweep, sweep, contact) == [None, None, None]
    with committing_app.app_context():
        assert [entry.act for entry in audit.timeline(case_stream(reference))].count("case.breached") == 1
        whole(reference)


def test_points_written_at_once_each_have_their_own_number(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer)
    ends = together(committing_app, *(
        lambda text=text: service.add_point(reference, text, None, by=hospital.officer, at=TUESDAY) for text in ("A", "B", "C", "D")))
    assert ends == [None] * 4
    with committing_app.app_context():
        points = queries.get_case(reference, hospital.officer, at=TUESDAY).points
        assert [point.position for point in points] == [1, 2, 3, 4, 5, 6]
        assert {point.text for point in points[2:]} == {"A", "B", "C", "D"}


def test_whoever_is_named_while_they_wait_for_the_case_does_not_get_it(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.officer, team_code=None)
    tom = hospital.second_officer
    named, took = together(
        committing_app, lambda: service.name_subject(reference, tom.uid, by=hospital.officer, at=TUESDAY),
        lambda: service.take(reference, by=tom, at=TUESDAY))
    assert named is None
    assert took is None or isinstance(took, NotFound)
    with committing_app.app_context():
        assert db.session.scalars(select(Case.handler_id)).one() is None


def test_verbs_on_one_case_from_all_sides_never_lock_each_other_out(committing_app, hospital):
    with committing_app.app_context():
        reference = make_case(hospital.second_officer, takes_it=True)
        question = service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)
        task = service.add_task(reference, TaskKind.TASK, "Ring", FRIDAY, hospital.second_officer.uid, None, by=hospital.officer, at=MONDAY)
    ends = together(
        committing_app,
        lambda: service.finish_task(task, "", by=hospital.officer, at=FRIDAY),
        lambda: service.give_statement(question, "So.", by=hospital.clinician, at=FRIDAY),
        lambda: service.hand_over_all(hospital.second_officer.staff_id or 0, hospital.officer.uid, "Left", by=hospital.manager, at=FRIDAY),
        lambda: service.record_breaches(by=hospital.officer, at=FRIDAY),
        lambda: service.add_note(reference, NoteKind.CONTACT, "Rang", by=hospital.officer, at=FRIDAY),
        lambda: service.raise_priority(reference, 2, "Press", by=hospital.manager, at=FRIDAY))
    assert ends == [None] * 6
    with committing_app.app_context():
        whole(reference)
