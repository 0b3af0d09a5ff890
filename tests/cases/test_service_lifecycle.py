"""The lifecycle matrix: every status, every action, every role either moves as the table below says, or is refused and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import Hospital, concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, TUESDAY, WEDNESDAY
from ticketing.cases import queries, service
from ticketing.cases.models import Case, Note
from ticketing.cases.rules import LIFECYCLE, Action, CaseFacts, PointFacts, Status, derive_outcome, find_move, missing_for, moves_from
from ticketing.cases.service import Triage
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Finding, Outcome, Severity
from ticketing.core.database import db
from ticketing.core.errors import Conflict, DomainError, Forbidden, NotFound
from ticketing.core.permissions import Permission, Role, staff_actor

S, A = Status, Action
OFFICERS = frozenset({Role.OFFICER, Role.MANAGER})
MANAGERS = frozenset({Role.MANAGER})

# Written out by hand from the status model, not read from LIFECYCLE: action -> (from, to, who may).
EXPECTED: dict[Action, tuple[set[Status], Status, frozenset[Role]]] = {
    A.LOG: ({S.DRAFT}, S.RECEIVED, OFFICERS),
    A.DISCARD: ({S.DRAFT}, S.DISCARDED, OFFICERS),
    A.OPEN_TRIAGE: ({S.RECEIVED}, S.TRIAGE, OFFICERS),
    A.SETTLE: ({S.RECEIVED, S.TRIAGE}, S.RESOLVED_INFORMAL, OFFICERS),
    A.ACKNOWLEDGE: ({S.TRIAGE}, S.ACKNOWLEDGED, OFFICERS),
    A.SCOPE: ({S.ACKNOWLEDGED}, S.SCOPING, OFFICERS),
    A.RESOLVE_EARLY: ({S.SCOPING}, S.EARLY_RESOLUTION, OFFICERS),
    A.INVESTIGATE: ({S.SCOPING, S.EARLY_RESOLUTION, S.REOPENED}, S.INVESTIGATION, OFFICERS),
    A.CONFIRM_OUTCOME: ({S.EARLY_RESOLUTION}, S.RESPONSE_SENT, OFFICERS),
    A.DRAFT_RESPONSE: ({S.INVESTIGATION, S.REOPENED}, S.RESPONSE_DRAFTING, OFFICERS),
    A.SUBMIT_FOR_REVIEW: ({S.RESPONSE_DRAFTING}, S.QUALITY_REVIEW, OFFICERS),
    A.PASS_REVIEW: ({S.QUALITY_REVIEW}, S.AWAITING_SIGNOFF, OFFICERS),
    A.RETURN_DRAFT: ({S.QUALITY_REVIEW, S.AWAITING_SIGNOFF}, S.RESPONSE_DRAFTING, OFFICERS),
    A.SIGN_AND_SEND: ({S.AWAITING_SIGNOFF}, S.RESPONSE_SENT, MANAGERS),
    A.OFFER_MEETING: ({S.RESPONSE_SENT}, S.MEETING_OFFERED, OFFICERS),
    A.CLOSE: ({S.RESPONSE_SENT, S.MEETING_OFFERED, S.REOPENED, S.OMBUDSMAN_REVIEW}, S.CLOSED, OFFICERS),
    A.REOPEN: ({S.RESPONSE_SENT, S.MEETING_OFFERED, S.CLOSED, S.OMBUDSMAN_REVIEW, S.RESOLVED_INFORMAL, S.EXCLUDED, S.WITHDRAWN,
                S.TRANSFERRED, S.DUPLICATE_MERGED, S.CONSENT_NOT_RECEIVED, S.NO_FURTHER_CONTACT}, S.REOPENED, OFFICERS),
    A.REFER_TO_OMBUDSMAN: ({S.CLOSED}, S.OMBUDSMAN_REVIEW, OFFICERS),
    A.EXCLUDE: ({S.TRIAGE}, S.EXCLUDED, OFFICERS),
    A.WITHDRAW: ({S.RECEIVED, S.TRIAGE, S.ACKNOWLEDGED, S.SCOPING, S.EARLY_RESOLUTION, S.INVESTIGATION, S.RESPONSE_DRAFTING,
                  S.QUALITY_REVIEW, S.AWAITING_SIGNOFF, S.REOPENED}, S.WITHDRAWN, OFFICERS),
    A.TRANSFER: ({S.RECEIVED, S.TRIAGE}, S.TRANSFERRED, OFFICERS),
    A.MERGE_AS_DUPLICATE: ({S.RECEIVED}, S.DUPLICATE_MERGED, OFFICERS),
    A.END_WITHOUT_CONSENT: ({S.TRIAGE, S.ACKNOWLEDGED, S.SCOPING, S.EARLY_RESOLUTION, S.INVESTIGATION, S.RESPONSE_DRAFTING,
                             S.QUALITY_REVIEW, S.AWAITING_SIGNOFF}, S.CONSENT_NOT_RECEIVED, OFFICERS),
    A.END_CONTACT: ({S.TRIAGE, S.ACKNOWLEDGED, S.SCOPING, S.EARLY_RESOLUTION, S.INVESTIGATION, S.RESPONSE_DRAFTING, S.QUALITY_REVIEW,
                     S.AWAITING_SIGNOFF, S.REOPENED}, S.NO_FURTHER_CONTACT, MANAGERS),
}


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def test_every_action_and_status_of_the_table_is_expected_here():
    assert set(EXPECTED) == set(Action)
    assert {(move.action, source, move.target) for move in LIFECYCLE for source in move.sources} == {
        (action, source, target) for action, (sources, target, _) in EXPECTED.items() for source in sources}


def bring_to(status: Status, hospital: Hospital) -> str:
    """A case in `status`, by verbs, with all that the moves from it need."""
    officer, manager = hospital.officer, hospital.manager
    if status in (S.DRAFT, S.DISCARDED):
        reference = service.keep_draft(concern(), by=officer, at=TUESDAY)
        if status is S.DISCARDED:
            _apply(reference, A.DISCARD, officer)
        return reference
    reference = make_case(officer, at=TUESDAY, received_at=TUESDAY)
    for position in (1, 2):
        service.record_finding(reference, position, Finding.UPHELD, "Seen", "Apologised", by=officer, at=TUESDAY)
    if status is S.RECEIVED:
        return reference
    if status is S.DUPLICATE_MERGED:
        _apply(reference, A.MERGE_AS_DUPLICATE, officer)
        return reference
    if status in (S.TRIAGE, S.RESOLVED_INFORMAL, S.EXCLUDED, S.WITHDRAWN, S.TRANSFERRED, S.CONSENT_NOT_RECEIVED, S.NO_FURTHER_CONTACT):
        drive(reference, S.TRIAGE, hospital)
        end = {S.RESOLVED_INFORMAL: A.SETTLE, S.EXCLUDED: A.EXCLUDE, S.WITHDRAWN: A.WITHDRAW, S.TRANSFERRED: A.TRANSFER,
               S.CONSENT_NOT_RECEIVED: A.END_WITHOUT_CONSENT, S.NO_FURTHER_CONTACT: A.END_CONTACT}.get(status)
        if end:
            _apply(reference, end, manager)
        return reference
    if status is S.EARLY_RESOLUTION:
        drive(reference, S.SCOPING, hospital)
        _apply(reference, A.RESOLVE_EARLY, officer)
        return reference
    extra = {S.MEETING_OFFERED: (S.RESPONSE_SENT, A.OFFER_MEETING), S.REOPENED: (S.CLOSED, A.REOPEN),
             S.OMBUDSMAN_REVIEW: (S.CLOSED, A.REFER_TO_OMBUDSMAN)}.get(status)
    drive(reference, extra[0] if extra else status, hospital)
    if extra:
        _apply(reference, extra[1], manager)
    return reference


def _apply(reference: str, action: Action, by) -> None:
    service.apply_transition(reference, action, "Because", seen=version_of(reference), by=by, at=TUESDAY)


def attempt(reference: str, action: Action, role: Role, hospital: Hospital) -> None:
    """The move, by whoever of this role may stand where the drafter does not."""
    by = hospital.second_officer if role is Role.OFFICER and action is A.PASS_REVIEW else hospital.actor(role)
    seen = version_of(reference)
    if action is A.SIGN_AND_SEND:
        service.sign_and_send(reference, ContactMethod.LETTER, seen=seen, by=by, at=WEDNESDAY)
    elif action is A.CONFIRM_OUTCOME:
        service.confirm_outcome(reference, "As we agreed.", ContactMethod.LETTER, seen=seen, by=by, at=WEDNESDAY)
    elif action is A.ACKNOWLEDGE:
        service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=seen, by=by, at=WEDNESDAY)
    elif action is A.SCOPE:
        service.scope(reference, (WEDNESDAY + timedelta(days=30)).date(), "Agreed by phone", seen=seen, by=by, at=WEDNESDAY)
    else:
        service.apply_transition(reference, action, "Because", seen=seen, by=by, at=WEDNESDAY)


def state_of(reference: str) -> tuple[Status, int]:
    return tuple(db.session.execute(select(Case.status, Case.version).where(Case.reference == reference)).one())


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.value)
def test_every_action_by_every_role_moves_as_the_table_says_or_is_refused(status, hospital):
    reference = ready(status, hospital)
    before = state_of(reference)
    for action, (sources, target, roles) in EXPECTED.items():
        for role in Role:
            if status in sources and role in roles:
                fresh = ready(status, hospital)
                attempt(fresh, action, role, hospital)
                assert state_of(fresh)[0] is target, (action, role)
            else:
                with pytest.raises(DomainError):
                    attempt(reference, action, role, hospital)
                assert state_of(reference) == before, (action, role)


def ready(status: Status, hospital: Hospital) -> str:
    reference = bring_to(status, hospital)
    if status is S.TRIAGE:
        service.triage(reference, Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "england-nhs"),
                       seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    return reference


@pytest.mark.parametrize("move", [move for move in LIFECYCLE if move.needs_why], ids=lambda move: move.action.value)
def test_moves_that_need_a_reason_are_refused_without_one(move, hospital):
    source = sorted(move.sources)[0]
    reference = bring_to(source, hospital)
    with pytest.raises(Conflict, match="Say why"):
        service.apply_transition(reference, move.action, "", seen=version_of(reference), by=hospital.manager, at=WEDNESDAY)


def test_each_guard_refuses_by_itself_and_says_what_is_missing():
    whole = CaseFacts(
        S.TRIAGE, Severity.LOW, ConsentStatus.RECEIVED, is_risk_answered=True, is_pack_confirmed=True, has_acknowledgement=True,
        is_discussion_offered=True, is_period_agreed=True, points=(PointFacts(1, Finding.UPHELD, "Seen", "Done"),), has_draft=True,
        is_reviewed=True, drafter_id=7, has_dispatch=True, is_outcome_asked=True)
    holes = {
        "severity": {"severity": None}, "consent": {"consent_status": ConsentStatus.UNKNOWN}, "risk": {"is_risk_answered": False},
        "pack": {"is_pack_confirmed": False}, "acknowledgement": {"has_acknowledgement": False},
        "discussion": {"is_discussion_offered": False},
        "points": {"points": ()}, "outcome_sought": {"is_outcome_asked": False},
        "period": {"is_period_agreed": False}, "findings": {"points": (PointFacts(1, None, "", ""),)},
        "statements": {"open_statements": 1}, "draft": {"has_draft": False}, "second_pair": {"drafter_id": 1},
        "signatory": {"drafter_ids": frozenset({1})}, "not_named": {"subject_ids": frozenset({1})}, "dispatch": {"has_dispatch": False},
        "remedy": {"points": (PointFacts(1, Finding.UPHELD, "Seen", ""),)},
    }
    by = staff_actor(uid="u", name="N", role=Role.MANAGER, staff_id=1)
    guards = {guard.code: guard for move in LIFECYCLE for guard in move.guards if not guard.is_pending}
    assert set(guards) == set(holes)
    for code, hole in holes.items():
        assert guards[code].holds(whole, by), code
        assert not guards[code].holds(replace(whole, **hole), by), code


def test_pending_guards_are_in_the_table_and_refuse_nobody():
    pending = {guard.code for move in LIFECYCLE for guard in move.guards if guard.is_pending}
    assert {"hcat", "candour", "survey", "disclosure", "format", "response_checklist", "acknowledgement_checklist"} <= pending


def test_every_status_but_a_discarded_draft_has_a_way_on():
    assert {status for status in Status if not moves_from(status)} == {S.DISCARDED}


def test_a_way_on_that_is_not_there_says_what_to_do():
    with pytest.raises(Conflict, match="Reload the page"):
        find_move(S.CLOSED, A.ACKNOWLEDGE)


@pytest.mark.parametrize(("findings", "outcome"), [
    ([], None), ([None], None), ([Finding.UPHELD, Finding.UPHELD], Outcome.UPHELD),
    ([Finding.UPHELD, Finding.NOT_UPHELD], Outcome.PARTLY_UPHELD),
    ([Finding.PARTLY_UPHELD], Outcome.PARTLY_UPHELD), ([Finding.NOT_UPHELD, Finding.NOT_UPHELD], Outcome.NOT_UPHELD),
    ([Finding.UNABLE_TO_DETERMINE], Outcome.NOT_UPHELD), ([Finding.UPHELD, Finding.NOT_INVESTIGATED], Outcome.PARTLY_UPHELD),
])
def test_the_outcome_follows_the_points_as_the_return_counts(findings, outcome):
    assert derive_outcome(findings) is outcome


def test_staff_named_in_the_concern_cannot_act_on_it(hospital):
    reference = make_case(hospital.officer, subject_uids=(hospital.second_officer.uid,))
    with pytest.raises(NotFound):
        service.apply_transition(reference, A.OPEN_TRIAGE, seen=1, by=hospital.second_officer, at=TUESDAY)
    facts = CaseFacts(S.AWAITING_SIGNOFF, subject_ids=frozenset({hospital.manager.staff_id}))
    assert any("named" in sentence for sentence in missing_for(find_move(S.AWAITING_SIGNOFF, A.SIGN_AND_SEND), facts, hospital.manager))


def test_a_draft_runs_no_clock_until_it_is_logged(hospital):
    reference = service.keep_draft(concern(received_at=TUESDAY), by=hospital.officer, at=TUESDAY)
    assert queries.get_case(reference, hospital.officer, at=FRIDAY).timers == ()
    service.apply_transition(reference, A.LOG, seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    timers = queries.get_case(reference, hospital.officer, at=WEDNESDAY).current_timers
    assert next(item for item in timers if item.target == "acknowledge").due == "by the end of Fri 6 Mar 2026"


def test_only_signatories_hold_the_permission_to_end_contact(hospital):
    reference = bring_to(S.INVESTIGATION, hospital)
    assert not hospital.officer.may(Permission.SIGN_RESPONSES)
    with pytest.raises(Forbidden):
        service.apply_transition(reference, A.END_CONTACT, "Because", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    assert db.session.scalars(select(Note)).all() == []
