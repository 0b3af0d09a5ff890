"""Facts from real cases: who sees what, edges of periods at the site, and the same number of statements however many cases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from tests.factories import Hospital, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.accounts import queries as accounts
from ticketing.cases import service as cases
from ticketing.cases.rules import Action, Status
from ticketing.codes.rules import CaseType, HoldReason
from ticketing.core.errors import NotFound
from ticketing.outbox.rules import NewMessage
from ticketing.outbox.service import queue
from ticketing.reports import queries
from ticketing.reports.queries import MessageFilter, Narrowing, TrailFilter
from ticketing.reports.rules import Period

MARCH = Period("march", "March", date(2026, 3, 1), date(2026, 3, 31))
ALL = Narrowing()
LATER = MONDAY + timedelta(days=60)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def found(hospital: Hospital, at=NEXT_MONDAY, *, narrowing=ALL, period=MARCH, actor=None):
    return queries.manager_overview(actor or hospital.manager, period, narrowing, at=at)


def test_a_case_answered_after_a_hold_has_its_days_gross_and_net(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    cases.hold(reference, HoldReason.AWAITING_COMPLAINANT, "On holiday", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    cases.release(reference, "Back", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    _answer(reference, hospital, at=NEXT_MONDAY)
    seen = found(hospital)
    assert (seen.gross.median, seen.net.median) == (7.0, 5.0)
    assert seen.acknowledged.percent == 100
    assert [row.reference for row in seen.responses.rows] == [reference]


def test_anonymous_and_transferred_cases_are_received_and_not_measured(hospital):
    make_case(hospital.officer, is_anonymous=True, complainant=None)
    moved = make_case(hospital.officer)
    drive(moved, Status.TRIAGE, hospital)
    cases.apply_transition(moved, Action.TRANSFER, "Theirs", seen=version_of(moved), by=hospital.officer, at=TUESDAY)
    seen = found(hospital)
    assert seen.received.number == 2
    assert (seen.acknowledged.whole, seen.acknowledged.waiting.number) == (0, 0)


def test_drafts_are_in_no_figure(hospital):
    from tests.factories import concern

    cases.keep_draft(concern(), by=hospital.officer, at=MONDAY)
    assert found(hospital).is_empty


def test_an_amended_date_is_shown_with_the_first(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital)
    cases.scope(reference, date(2026, 3, 5), "By telephone", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    cases.agree_period(reference, date(2026, 3, 20), "A statement is late", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    _to_investigation(reference, hospital)
    _answer(reference, hospital, at=NEXT_MONDAY)
    seen = found(hospital, at=LATER)
    assert (seen.answered.percent, seen.first_agreed.percent, seen.amended.number) == (100, 0, 1)


def test_what_was_missed_since_the_last_sweep_is_counted_as_missed(hospital):
    make_case(hospital.officer)
    seen = found(hospital, at=LATER)
    assert [figure.label for figure in seen.by_target] == ["Acknowledgement"]
    assert seen.acknowledged.percent == 0


def test_a_case_belongs_to_the_day_of_its_own_site(app):
    hospital = make_hospital(pack="us-cms", calendar="us_federal", zone="America/Los_Angeles")
    late = datetime(2026, 4, 1, 6, 30, tzinfo=UTC)  # still 31 March in Los Angeles
    make_case(hospital.officer, case_type=CaseType.GRIEVANCE_US, at=late, received_at=late)
    assert found(hospital, at=LATER).received.number == 1


def test_who_is_named_in_a_concern_does_not_count_it(hospital):
    reference = make_case(hospital.officer)
    cases.name_subject(reference, accounts.staff_by_id(hospital.manager.staff_id).uid, by=hospital.officer, at=TUESDAY)
    assert found(hospital).received.number == 0
    assert found(hospital, actor=hospital.auditor).received.number == 1
    assert found(hospital, actor=hospital.clinician).is_empty


def test_a_report_is_narrowed_to_site_and_team(hospital):
    make_case(hospital.officer)
    assert found(hospital, narrowing=Narrowing(site="MAIN", team="CENTRAL")).received.number == 1
    assert found(hospital, narrowing=Narrowing(team="ELSEWHERE")).received.number == 0


def test_fifty_cases_cost_as_many_statements_as_one(hospital):
    make_case(hospital.officer)
    with count_queries() as one:
        found(hospital)
    for _ in range(49):
        make_case(hospital.officer)
    with count_queries() as fifty:
        assert found(hospital).received.number == 50
    assert len(one) == len(fifty)


def test_the_ledger_shows_nothing_about_a_case_one_is_named_in(hospital):
    reference = make_case(hospital.officer)
    uid = queue(NewMessage("note", "a@hospital.example", "A", "Hello", "cases_receipt", {}, "k1", case_reference=reference), at=MONDAY)
    assert [row.uid for row in queries.deliveries(hospital.manager, MessageFilter()).rows] == [uid]
    cases.name_subject(reference, accounts.staff_by_id(hospital.manager.staff_id).uid, by=hospital.officer, at=TUESDAY)
    assert not queries.deliveries(hospital.manager, MessageFilter()).rows
    assert queries.delivery_counts(hospital.manager) == {}
    with pytest.raises(NotFound):
        queries.delivery(uid, hospital.manager)
    assert queries.deliveries(hospital.auditor, MessageFilter(reference=reference.lower().replace("-", " "))).rows


def test_the_trail_shows_nothing_about_a_case_one_is_named_in(hospital):
    reference = make_case(hospital.officer)
    wanted = TrailFilter(reference=reference)
    assert [row.sentence for row in queries.trail_page(hospital.manager, wanted, "Europe/London").rows] == [
        "Received by phone, recorded by Hana Novak"]
    cases.name_subject(reference, accounts.staff_by_id(hospital.manager.staff_id).uid, by=hospital.officer, at=TUESDAY)
    assert not queries.trail_page(hospital.manager, wanted, "Europe/London").rows
    assert reference not in {row.reference for row in queries.trail_page(hospital.manager, TrailFilter(), "Europe/London").rows}
    assert len(queries.trail_page(hospital.auditor, wanted, "Europe/London").rows) == 2


def test_the_trail_is_narrowed_to_a_person_a_deed_and_a_day(hospital):
    make_case(hospital.officer, at=datetime(2026, 3, 29, 0, 30, tzinfo=UTC), received_at=MONDAY)  # the short day
    make_case(hospital.second_officer, at=datetime(2026, 3, 30, 0, 30, tzinfo=UTC), received_at=MONDAY)
    short = TrailFilter(actor_uid=hospital.officer.uid, act="case.received", first_on=date(2026, 3, 29), last_on=date(2026, 3, 29))
    assert len(queries.trail_page(hospital.auditor, short, "Europe/London").rows) == 1
    other = TrailFilter(actor_uid=hospital.second_officer.uid, last_on=date(2026, 3, 29))
    assert not queries.trail_page(hospital.auditor, other, "Europe/London").rows


def test_the_trail_is_read_page_by_page_without_gap_or_repeat(hospital):
    for _ in range(60):
        make_case(hospital.officer)
    seen, after = [], None
    while True:
        page = queries.trail_page(hospital.auditor, TrailFilter(), "Europe/London", after=after)
        seen += [(row.stream, row.reference, row.seq, row.sentence, row.recorded_at) for row in page.rows]
        after = page.next
        if after is None:
            break
    assert len([row for row in seen if row[3].startswith("Received")]) == 60


def _to_investigation(reference: str, hospital: Hospital) -> None:
    from tests.factories import _investigate

    _investigate(reference, version_of(reference), by=hospital.officer, at=WEDNESDAY)


def _answer(reference: str, hospital: Hospital, *, at: datetime) -> None:
    from tests.factories import _begin_response
    from ticketing.codes.rules import ContactMethod

    _begin_response(reference, version_of(reference), by=hospital.officer, at=at)
    cases.apply_transition(reference, Action.SUBMIT_FOR_REVIEW, seen=version_of(reference), by=hospital.officer, at=at)
    cases.apply_transition(reference, Action.PASS_REVIEW, seen=version_of(reference), by=hospital.second_officer, at=at)
    cases.sign_and_send(reference, ContactMethod.LETTER, seen=version_of(reference), by=hospital.manager, at=at)
