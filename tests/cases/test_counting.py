"""What the laws of a case count and no step of its own records: the list cannot grow unseen, and the page records each of it."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.factories import concern, drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, ROOT, TUESDAY, WEDNESDAY
from tests.probes import assert_all_or_nothing, count_queries
from ticketing.audit import queries as audit
from ticketing.audit.rules import Act, case_stream
from ticketing.cases import queries, service
from ticketing.cases.rules import HAS_A_STEP, Action, Status
from ticketing.cases.service import Counted
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Severity
from ticketing.core.errors import Conflict, Invalid
from ticketing.packs import rules as packs
from ticketing.packs.rules import EventKind
from ticketing.sla.queries import drifts
from ticketing.sla.rules import State

NZ = {"pack": "nz-hdc", "calendar": "new_zealand_auckland", "zone": "Pacific/Auckland"}
IRELAND = {"pack": "ireland-hse", "calendar": "ireland", "zone": "Europe/Dublin"}
DAY = timedelta(days=1)


def named_in(path: str) -> set[EventKind]:
    """The events that the verbs in this file name."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {EventKind[node.attr] for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventKind"}


def test_a_verb_of_its_own_records_every_event_that_is_said_to_have_a_step():
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "ticketing/cases/service").glob("*.py")]
    assert set().union(*(named_in(path) for path in files)) == HAS_A_STEP


def test_what_no_step_records_in_any_pack_is_known():
    found = {(word.code, word.needs) for code, version in packs.shipped() for word in packs.load(code, version).events
             if word.code not in HAS_A_STEP}
    assert found == {
        (EventKind.DECIDED, ""), (EventKind.REVIEW_ASKED, "subject"), (EventKind.REVIEW_ANSWERED, "subject"),
        (EventKind.REGULATOR_ASKED, "subject"), (EventKind.REGULATOR_ANSWERED, "subject")}


def states(reference, hospital, at):
    return {timer.target: timer.state for timer in queries.get_case(reference, hospital.officer, at=at).current_timers}


def codes_of(reference, hospital, at):
    return [event.code for event in queries.get_case(reference, hospital.officer, at=at).countables]


def in_new_zealand(hospital, at=TUESDAY) -> str:
    """Acknowledged, a date told, then told that more time is needed: the further decision is waited for."""
    reference = service.receive(concern(received_at=MONDAY), by=hospital.officer, at=at)
    found = service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, "nz-hdc")
    service.triage(reference, found, seen=version_of(reference), by=hospital.officer, at=at)
    service.acknowledge(reference, ContactMethod.LETTER, True, "", seen=version_of(reference), by=hospital.officer, at=at)
    service.agree_period(reference, date(2026, 3, 20), "Letter", seen=None, by=hospital.officer, at=at)
    service.agree_period(reference, date(2026, 4, 10), "Letter", seen=None, by=hospital.officer, at=at + DAY)
    return reference


def test_in_new_zealand_the_further_decision_starts_and_is_met_from_the_page(app, client, set_clock):
    set_clock(WEDNESDAY + DAY)
    hospital = make_hospital(**NZ)
    reference = in_new_zealand(hospital)
    assert states(reference, hospital, WEDNESDAY + DAY)["decide_further"] is State.RUNNING
    enter(client, team_codes=["CENTRAL"])
    assert "Record what this law counts" in client.page(f"/cases/{reference}").text
    page = client.page(f"/cases/{reference}/actions/count")
    assert "The provider decided that the complaint is justified, or that it is not." in page.text
    assert page.values().get("due_on") is None
    answer = client.fill_in(f"/cases/{reference}/actions/count", {"event": "decided", "words": "Justified"})
    assert answer.status_code == 303
    after = queries.get_case(reference, hospital.officer, at=WEDNESDAY + DAY)
    assert {timer.target: timer.state for timer in after.current_timers}["decide_further"] is State.MET
    assert after.entries[0].act == Act.CASE_EVENT_RECORDED
    assert "Recorded for the law: The provider decided" in client.page(f"/cases/{reference}").text
    assert [drift for _, some in drifts(at=WEDNESDAY + DAY) for drift in some] == []
    assert not audit.verify(case_stream(reference)).faults


def test_recording_is_all_or_nothing_and_refuses_an_older_version_and_an_odd_moment(app):
    hospital = make_hospital(**NZ)
    reference = in_new_zealand(hospital)
    at, seen = WEDNESDAY + DAY, version_of(reference)

    def record(code="decided", *, seen=seen, **more):
        service.record_counted(reference, Counted(code, ""), seen=seen, by=hospital.officer, at=at, **more)

    with pytest.raises(Invalid, match="future"):
        record(occurred_at=at + DAY)
    with pytest.raises(Invalid, match="before the concern was received"):
        record(occurred_at=MONDAY - DAY)
    with pytest.raises(Invalid, match="does not count that now"):
        record("answered")
    with pytest.raises(Conflict, match="Somebody changed"):
        record(seen=seen - 1)
    assert_all_or_nothing(record)
    assert version_of(reference) == seen + 1


def test_a_review_asked_for_after_the_case_was_closed_runs_and_each_answer_meets_its_own(app, client, set_clock):
    hospital = make_hospital(**IRELAND)
    reference = service.receive(concern(), by=hospital.officer, at=MONDAY)
    service.apply_transition(reference, Action.SETTLE, "Settled", seen=None, by=hospital.officer, at=TUESDAY)
    assert codes_of(reference, hospital, TUESDAY) == ["review_asked"]
    for at in (WEDNESDAY, WEDNESDAY + DAY):
        service.record_counted(reference, Counted("review_asked", "By letter"), seen=version_of(reference), by=hospital.officer, at=at)
    at = WEDNESDAY + 2 * DAY
    asked, first, second = codes_of(reference, hospital, at)
    assert (asked, first.partition(":")[0]) == ("review_asked", "review_answered")
    with pytest.raises(Invalid, match="before it was asked for"):
        service.record_counted(reference, Counted(second, ""), seen=version_of(reference), by=hospital.officer, at=at,
                               occurred_at=WEDNESDAY)
    set_clock(at)
    enter(client, team_codes=["CENTRAL"])
    page = client.page(f"/cases/{reference}/actions/count")
    assert "It was asked for on Wed 4 Mar 2026." in page.text
    assert client.fill_in(f"/cases/{reference}/actions/count", {"event": second}).status_code == 303
    found = queries.get_case(reference, hospital.officer, at=at).timers
    timers = {timer.subject: timer.state for timer in found if timer.target == "review"}
    assert timers == {first.partition(":")[2]: State.RUNNING, second.partition(":")[2]: State.MET}
    assert "choose one" in client.send(f"/cases/{reference}/actions/count", {"event": second}).text.lower()
    assert [drift for _, some in drifts(at=at) for drift in some] == []


def test_an_answer_after_a_reopening_meets_the_request_of_the_cycle_before(app):
    hospital = make_hospital()
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    service.record_counted(
        reference, Counted("regulator_asked", ""), seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    service.reopen(reference, "They wrote again", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY + DAY)
    answer = codes_of(reference, hospital, WEDNESDAY + DAY)[1]
    service.record_counted(reference, Counted(answer, ""), seen=version_of(reference), by=hospital.officer, at=WEDNESDAY + 2 * DAY)
    found = queries.get_case(reference, hospital.officer, at=WEDNESDAY + 2 * DAY)
    assert [(timer.cycle, timer.met_at) for timer in found.timers if timer.target == "regulator"] == [(1, WEDNESDAY + 2 * DAY)]
    assert "acknowledge" in {timer.target for timer in found.current_timers} or found.cycle == 2
    assert [drift for _, some in drifts(at=WEDNESDAY + 2 * DAY) for drift in some] == []


def test_a_law_without_such_events_offers_no_such_step(app, client, set_clock):
    set_clock(datetime(2026, 3, 5, tzinfo=UTC))
    hospital = make_hospital(pack="scotland-nhs", calendar="scotland")
    reference = make_case(hospital.officer)
    enter(client, team_codes=["CENTRAL"])
    assert "Record what this law counts" not in client.page(f"/cases/{reference}").text
    with count_queries() as counted:
        queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert len(counted) <= 30
