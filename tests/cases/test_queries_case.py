"""The case page's read: frozen through and through, whole however long the history, and as dear for a busy case as for a new one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.factories import Hospital, drive, make_case, make_hospital, make_unit, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.cases import queries, service
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.codes.rules import HoldReason
from ticketing.core.database import Model
from ticketing.core.errors import NotFound
from ticketing.people.rules import PersonDetails
from ticketing.sla.rules import State


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def busy(hospital: Hospital, times: int) -> str:
    """A case closed once and reopened, with `times` of everything that can hang on it."""
    reference = make_case(hospital.officer)
    make_unit(f"UNIT-{times}", f"Unit {times}")
    for number in range(times):
        service.add_point(reference, f"Point {number}", f"UNIT-{times}", by=hospital.officer, at=MONDAY)
        service.add_note(reference, NoteKind.CONTACT, "Rang", by=hospital.officer, at=MONDAY)
        service.add_task(reference, TaskKind.TASK, "Ring", FRIDAY, hospital.manager.uid, None, by=hospital.officer, at=MONDAY)
        service.assign(reference, hospital.officer.uid, None, "Yours", seen=None, by=hospital.manager, at=MONDAY)
        service.hold(reference, HoldReason.LEGAL, "", seen=version_of(reference), by=hospital.officer, at=MONDAY)
        service.release(reference, "", seen=version_of(reference), by=hospital.officer, at=MONDAY)
        uid = service.ask_statement(reference, hospital.clinician.uid, (1, 2), "Why?", "", 15, by=hospital.officer, at=MONDAY)
        service.give_statement(uid, "So.", by=hospital.clinician, at=MONDAY)
    return reference


def walk(value: Any) -> list[Any]:
    """Everything inside a row, however deep."""
    if is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, item.name) for item in fields(value)]
    elif isinstance(value, tuple | list | set | frozenset):
        inside = list(value)
    elif isinstance(value, dict):
        inside = list(value.values())
    else:
        inside = []
    return [value, *(deep for each in inside for deep in walk(each))]


def test_every_read_gives_frozen_rows_and_no_row_of_the_database(hospital):
    reference = busy(hospital, 2)
    service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)
    service.ask_receipt_correction(reference, MONDAY - timedelta(days=1), "Stamp", by=hospital.officer, at=MONDAY)
    uid = queries.questions_for(hospital.clinician, at=MONDAY)[-1].uid
    read = [
        queries.get_case(reference, hospital.officer, at=TUESDAY),
        queries.explain_timer(reference, "acknowledge", hospital.officer, at=TUESDAY), queries.tasks_of(hospital.manager, at=TUESDAY),
        queries.worklist(hospital.officer, WorklistView.ALL_OPEN, Filters(), at=TUESDAY),
        queries.facets(hospital.officer, Filters(), at=TUESDAY), queries.questions_for(hospital.clinician, at=TUESDAY),
        queries.question(uid, hospital.clinician, at=TUESDAY), queries.lookalikes([PersonDetails(name="Amina Khan")], hospital.officer),
    ]
    found = [item for each in read for item in walk(each)]
    assert not [item for item in found if isinstance(item, Model | list)]
    shapes = {type(item) for item in found if is_dataclass(item)}
    assert len(shapes) > 15
    for item in found:
        if is_dataclass(item):
            with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
                setattr(item, fields(item)[0].name, None)


def test_a_busy_case_costs_no_more_statements_than_a_new_one(hospital):
    def cost(reference: str) -> int:
        with count_queries() as sent:
            queries.get_case(reference, hospital.officer, at=NEXT_MONDAY)
        return len(sent)

    few, many = busy(hospital, 1), busy(hospital, 6)
    assert cost(many) == cost(few) <= 25, cost(few)


def test_the_page_offers_what_the_verb_will_do_and_says_what_is_missing(hospital):
    """Offered and possible moves succeed; the others are refused with the sentences shown."""
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=TUESDAY)
    moves = {move.move.action: move for move in queries.get_case(reference, hospital.officer, at=TUESDAY).moves}
    assert moves[Action.DRAFT_RESPONSE].missing == ("Statements are still out: wait for them or withdraw the requests.",)
    assert moves[Action.WITHDRAW].is_possible
    assert Action.END_CONTACT not in moves
    assert Action.END_CONTACT in {move.move.action for move in queries.get_case(reference, hospital.manager, at=TUESDAY).moves}
    service.give_statement(uid, "So.", by=hospital.clinician, at=TUESDAY)
    moves = {move.move.action: move for move in queries.get_case(reference, hospital.officer, at=TUESDAY).moves}
    assert moves[Action.DRAFT_RESPONSE].is_possible
    service.apply_transition(reference, Action.DRAFT_RESPONSE, seen=None, by=hospital.officer, at=TUESDAY)
    assert queries.get_case(reference, hospital.auditor, at=TUESDAY).moves == ()


def test_an_update_that_came_too_late_stays_to_be_explained_after_the_next_one(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    late = TUESDAY + timedelta(days=30)
    service.add_note(reference, NoteKind.CONTACT, "Rang", by=hospital.officer, at=late)
    shown = [timer for timer in queries.get_case(reference, hospital.officer, at=late).timers if timer.target == "progress"]
    assert [(timer.state, timer.met_at) for timer in shown] == [(State.BREACHED, late), (State.RUNNING, None)]
    first = queries.explain_timer(reference, "progress", hospital.officer, at=late, occurrence=shown[0].occurrence)
    assert first.timer.account
    assert first.timer.state is State.BREACHED
    assert queries.explain_timer(reference, "progress", hospital.officer, at=late).timer.state is State.RUNNING


def test_a_target_that_is_not_there_is_missing(hospital):
    reference = make_case(hospital.officer)
    for asked in ({"target": "nonsense"}, {"target": "acknowledge", "cycle": 7}, {"target": "acknowledge", "subject": "\x00"}):
        with pytest.raises(NotFound):
            queries.explain_timer(reference, actor=hospital.officer, at=WEDNESDAY, **asked)


def test_a_reference_is_found_as_people_type_it(hospital):
    reference = make_case(hospital.officer)
    assert queries.get_case(reference.lower().replace("-", " "), hospital.officer, at=TUESDAY).reference == reference
    service.take(reference.lower(), by=hospital.officer, at=TUESDAY)
