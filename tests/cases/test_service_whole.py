"""Each verb of this room is whole or nothing: failed at each of its writes in turn, it leaves no trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.factories import Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from tests.probes import assert_all_or_nothing
from ticketing.cases import service
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.codes.rules import BreachReason, ContactMethod, Finding, HoldReason


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


VERBS = {
    "receive": (None, lambda _ref, h: service.receive(concern(), by=h.officer, at=MONDAY)),
    "keep_draft": (None, lambda _ref, h: service.keep_draft(concern(), by=h.officer, at=MONDAY)),
    "take": (Status.RECEIVED, lambda ref, h: service.take(ref, by=h.officer, at=TUESDAY)),
    "assign": (Status.RECEIVED, lambda ref, h: service.assign(ref, h.second_officer.uid, None, "", seen=None, by=h.officer, at=TUESDAY)),
    "open_triage": (Status.RECEIVED, lambda ref, h: service.apply_transition(
        ref, Action.OPEN_TRIAGE, seen=None, by=h.officer, at=TUESDAY)),
    "acknowledge": (Status.TRIAGE, lambda ref, h: service.acknowledge(
        ref, ContactMethod.PHONE, True, "", seen=None, by=h.officer, at=TUESDAY)),
    "agree_period": (Status.ACKNOWLEDGED, lambda ref, h: service.agree_period(
        ref, (TUESDAY + timedelta(days=30)).date(), "Phone", seen=None, by=h.officer, at=TUESDAY)),
    "add_point": (Status.TRIAGE, lambda ref, h: service.add_point(ref, "No food", None, by=h.officer, at=TUESDAY)),
    "change_point": (Status.TRIAGE, lambda ref, h: service.change_point(
        ref, 1, "No supper", None, seen=version_of(ref), by=h.officer, at=TUESDAY)),
    "record_finding": (Status.SCOPING, lambda ref, h: service.record_finding(
        ref, 1, Finding.UPHELD, "Seen", "Done", by=h.officer, at=TUESDAY)),
    "add_contact": (Status.SCOPING, lambda ref, h: service.add_note(ref, NoteKind.CONTACT, "Rang her", by=h.officer, at=WEDNESDAY)),
    "send_interim": (Status.SCOPING, lambda ref, h: service.send_interim(ref, 14, "Sorry", by=h.officer, at=WEDNESDAY)),
    "hold": (Status.SCOPING, lambda ref, h: service.hold(
        ref, HoldReason.LEGAL, "Advice", seen=version_of(ref), by=h.officer, at=WEDNESDAY)),
    "add_task": (Status.SCOPING, lambda ref, h: service.add_task(
        ref, TaskKind.CALL_BACK, "Ring back", WEDNESDAY, None, None, by=h.officer, at=TUESDAY)),
    "raise_priority": (Status.TRIAGE, lambda ref, h: service.raise_priority(ref, 2, "Press", by=h.officer, at=TUESDAY)),
    "name_subject": (Status.TRIAGE, lambda ref, h: service.name_subject(ref, h.clinician.uid, by=h.officer, at=TUESDAY)),
    "ask_statement": (Status.INVESTIGATION, lambda ref, h: service.ask_statement(
        ref, h.clinician.uid, (1, 2), "Why?", "", 15, by=h.officer, at=TUESDAY)),
    "draft_response": (Status.RESPONSE_DRAFTING, lambda ref, h: service.draft_response(
        ref, "Dear Mrs Khan", seen=version_of(ref), by=h.officer, at=TUESDAY)),
    "sign_and_send": (Status.AWAITING_SIGNOFF, lambda ref, h: service.sign_and_send(
        ref, ContactMethod.LETTER, seen=version_of(ref), by=h.manager, at=WEDNESDAY)),
    "close": (Status.RESPONSE_SENT, lambda ref, h: service.close(ref, "", seen=version_of(ref), by=h.officer, at=WEDNESDAY)),
    "reopen": (Status.CLOSED, lambda ref, h: service.reopen(ref, "New facts", seen=version_of(ref), by=h.officer, at=WEDNESDAY)),
    "ask_correction": (Status.RECEIVED, lambda ref, h: service.ask_receipt_correction(
        ref, MONDAY - timedelta(days=1), "Stamp", by=h.officer, at=TUESDAY)),
    "record_breaches": (Status.RECEIVED, lambda _ref, h: service.record_breaches(by=h.officer, at=MONDAY + timedelta(days=7))),
    "hand_over_all": (Status.RECEIVED, lambda ref, h: _handed_over(ref, h)),
    "breach_reason": (Status.RECEIVED, lambda ref, h: service.give_breach_reason(
        ref, "acknowledge", "", BreachReason.WORKLOAD, "", by=h.officer, at=MONDAY + timedelta(days=7))),
}


def _handed_over(reference: str, hospital: Hospital) -> None:
    service.hand_over_all(hospital.officer.staff_id or 0, hospital.second_officer.uid, "Leaving", by=hospital.manager, at=TUESDAY)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_fails_half_way_leaves_nothing(name, hospital):
    status, verb = VERBS[name]
    reference = make_case(hospital.officer, takes_it=name == "hand_over_all") if status else ""
    if status not in (None, Status.RECEIVED):
        drive(reference, status, hospital)
    assert_all_or_nothing(lambda: verb(reference, hospital))
