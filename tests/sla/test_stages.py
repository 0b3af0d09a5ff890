"""A case under a pack with two stages: receipt starts the first, the investigation the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.factories import MONDAY, Hospital, concern, enter, make_hospital, version_of
from ticketing.cases import queries, service
from ticketing.cases.rules import Action
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Severity
from ticketing.core import clock
from ticketing.core.errors import Conflict
from ticketing.sla.queries import drifts

DAY = timedelta(days=1)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital(pack="scotland-nhs", calendar="scotland")


def begun(hospital: Hospital, case_type: CaseType) -> str:
    by = hospital.officer
    reference = service.receive(concern(case_type=case_type), by=by, at=MONDAY)
    found = service.Triage(case_type, Severity.LOW, ConsentStatus.RECEIVED, "scotland-nhs")
    service.triage(reference, found, seen=version_of(reference), by=by, at=MONDAY)
    service.acknowledge(reference, ContactMethod.PHONE, True, "", seen=version_of(reference), by=by, at=MONDAY)
    service.scope(reference, (MONDAY + 3 * DAY).date(), "On the phone", seen=version_of(reference), by=by, at=MONDAY)
    return reference


def states(reference: str, hospital: Hospital, at: datetime) -> dict[str, tuple[str, datetime | None]]:
    return {item.target: (item.state.value, item.due_at) for item in queries.get_case(reference, hospital.officer, at=at).current_timers}


def test_a_case_moved_to_investigation_begins_stage_two(hospital):
    reference = begun(hospital, CaseType.COMPLAINT_STAGE1)
    assert states(reference, hospital, MONDAY)["respond_stage_1"][0] == "running"
    assert states(reference, hospital, MONDAY)["respond"] == ("waiting", None)
    service.apply_transition(reference, Action.RESOLVE_EARLY, seen=version_of(reference), by=hospital.officer, at=MONDAY)
    service.apply_transition(reference, Action.INVESTIGATE, seen=version_of(reference), by=hospital.officer, at=MONDAY + 2 * DAY)
    found = states(reference, hospital, MONDAY + 2 * DAY)
    assert "respond_stage_1" not in found or found["respond_stage_1"][0] == "not_applicable"
    assert found["respond"][0] == found["acknowledge"][0] == "running"
    other = begun(hospital, CaseType.COMPLAINT_STAGE1)
    with pytest.raises(Conflict, match="waited for"):
        service.acknowledge_stage(other, ContactMethod.LETTER, True, "", by=hospital.officer, at=MONDAY)
    service.acknowledge_stage(reference, ContactMethod.LETTER, True, "Posted", by=hospital.officer, at=MONDAY + 2 * DAY)
    assert states(reference, hospital, MONDAY + 3 * DAY)["acknowledge"][0] == "met"
    assert [drift for _, some in drifts(at=MONDAY + 2 * DAY) for drift in some] == []


def test_a_case_that_begins_at_stage_two_is_counted_from_receipt(hospital):
    reference = begun(hospital, CaseType.COMPLAINT_FORMAL)
    before = states(reference, hospital, MONDAY)
    assert before["acknowledge"][0] == "met"
    service.apply_transition(reference, Action.INVESTIGATE, seen=version_of(reference), by=hospital.officer, at=MONDAY + 2 * DAY)
    assert states(reference, hospital, MONDAY + 2 * DAY)["respond"] == before["respond"]
    assert before["respond"][1] > datetime(2026, 3, 27, tzinfo=UTC)


def test_the_page_offers_the_acknowledgement_of_a_stage_while_it_is_waited_for(hospital, client):
    officer = enter(client, team_codes=["CENTRAL"])
    reference = begun(hospital, CaseType.COMPLAINT_STAGE1)
    assert "Acknowledge this stage" not in client.get(f"/cases/{reference}").text
    now = clock.now()
    service.apply_transition(reference, Action.INVESTIGATE, seen=version_of(reference), by=officer, at=now)
    assert "Acknowledge this stage" in client.get(f"/cases/{reference}").text
    assert client.get(f"/cases/{reference}/actions/acknowledge_stage").status_code == 200
