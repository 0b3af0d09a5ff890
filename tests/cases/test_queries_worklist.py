"""The worklist: right rows in each view, pages without gaps or doubles, honest counts, and a cost that does not grow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import update

from tests.factories import FACTORY, Hospital, concern, drive, make_case, make_hospital, make_team, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from tests.probes import count_queries
from ticketing.audit import service as audit
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.queries import Filters, WorklistView
from ticketing.cases.rules import Action, Status
from ticketing.codes import service as codes
from ticketing.codes.rules import CaseType, HoldReason
from ticketing.core.database import atomic, db
from ticketing.core.errors import Invalid
from ticketing.core.paging import encode_key
from ticketing.people.rules import PersonDetails

ALL = Filters()
V = WorklistView


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def refs(actor, view: WorklistView, filters: Filters = ALL, *, at=TUESDAY) -> list[str]:
    return [row.reference for row in queries.worklist(actor, view, filters, at=at).rows]


def test_each_view_holds_its_cases_and_no_others(hospital):
    by = hospital.officer
    make_team("WEST")
    mine, theirs = make_case(by, takes_it=True), make_case(hospital.second_officer, takes_it=True)
    free, west = make_case(by), make_case(by, team_code="WEST")
    waiting, ended = make_case(by), make_case(by)
    service.ask_statement(waiting, hospital.clinician.uid, (1,), "Why?", "", 15, by=by, at=MONDAY)
    drive(ended, Status.CLOSED, hospital)
    open_ = {mine, theirs, free, west, waiting}
    assert set(refs(by, V.MINE)) == {mine}
    assert set(refs(by, V.TEAM)) == open_ - {west}
    assert set(refs(by, V.UNASSIGNED)) == {free, west, waiting}
    assert set(refs(by, V.WAITING)) == {waiting}
    assert set(refs(by, V.ALL_OPEN)) == open_
    assert set(refs(by, V.ENDED)) == {ended}
    assert refs(by, V.BREACHED) == refs(by, V.DUE_TODAY) == []
    assert set(refs(by, V.DUE_TODAY, at=THURSDAY)) == open_
    assert set(refs(by, V.BREACHED, at=FRIDAY)) == open_
    assert refs(by, V.DUE_TODAY, at=FRIDAY) == []


def test_a_machine_has_no_cases_of_its_own(hospital):
    make_case(hospital.officer)
    assert refs(FACTORY, V.MINE) == []
    assert queries.tasks_of(FACTORY, at=MONDAY) == ()


@pytest.mark.parametrize(("day", "zone"), [
    (datetime(2026, 3, 29, tzinfo=UTC), "Europe/London"), (datetime(2026, 10, 25, tzinfo=UTC), "Europe/London"),
    (datetime(2026, 3, 8, tzinfo=UTC), "America/New_York"), (datetime(2026, 7, 1, tzinfo=UTC), "Pacific/Auckland")])
def test_due_today_ends_with_the_sites_own_midnight_also_when_clocks_change(day, zone, hospital):
    codes.add_site("FAR", "Far site", zone=zone, pack="england-nhs", calendar="england_wales", by=FACTORY, at=MONDAY)
    codes.add_site("ALSO", "Another", zone="Asia/Tokyo", pack="england-nhs", calendar="england_wales", by=FACTORY, at=MONDAY)
    reference = make_case(hospital.officer, site_code="FAR", unit_code=None)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)  # wall arithmetic: the site's own midnight
    set_due(reference, midnight.astimezone(UTC))
    ends = midnight.astimezone(UTC)
    begins = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert refs(hospital.officer, V.DUE_TODAY, at=begins) == [reference]
    assert refs(hospital.officer, V.DUE_TODAY, at=ends - timedelta(microseconds=1)) == [reference]
    assert refs(hospital.officer, V.DUE_TODAY, at=begins - timedelta(microseconds=1)) == []
    assert refs(hospital.officer, V.DUE_TODAY, at=ends) == []
    assert refs(hospital.officer, V.BREACHED, at=ends - timedelta(microseconds=1)) == []
    assert refs(hospital.officer, V.BREACHED, at=ends) == [reference]


@atomic
def set_due(reference: str, moment: datetime) -> None:
    """Put a case's next due moment where a test wants it."""
    db.session.execute(update(Case).where(Case.reference == reference).values(queue_at=moment, next_due_at=moment))
    audit.record("case:test", audit.Act.CASE_AMENDED, by=FACTORY, at=MONDAY)


def test_a_row_says_how_it_stands(hospital):
    by, reference = hospital.officer, make_case(hospital.officer)
    timing = {at: queries.worklist(by, V.ALL_OPEN, ALL, at=at).rows[0].timing for at in (TUESDAY, THURSDAY, FRIDAY)}
    assert timing == {TUESDAY: "running", THURSDAY: "today", FRIDAY: "breached"}
    row = queries.worklist(by, V.ALL_OPEN, ALL, at=TUESDAY).rows[0]
    assert (row.due, row.complainant, row.reference) == ("by the end of Thu 5 Mar 2026", "Amina Khan", reference)


def test_a_held_case_that_runs_to_no_date_says_held(hospital):
    by, reference = hospital.officer, make_case(hospital.officer, case_type=CaseType.ENQUIRY)
    service.hold(reference, HoldReason.LEGAL, "", seen=version_of(reference), by=by, at=TUESDAY)
    assert queries.worklist(by, V.ALL_OPEN, ALL, at=TUESDAY).rows[0].timing == "held"


def test_filters_narrow_the_list_and_the_counts_alike(hospital):
    by = hospital.officer
    codes.add_site("EAST", "East site", by=FACTORY, at=MONDAY)
    make_team("WEST")
    plain = make_case(by, team_code="WEST")
    other = make_case(by, case_type=CaseType.ENQUIRY, site_code="EAST", unit_code=None,
                      complainant=PersonDetails(name="Zoë O’Brien-Smith"), patient=None)
    service.apply_transition(plain, Action.OPEN_TRIAGE, seen=None, by=by, at=MONDAY)
    for filters, wanted in [
        (Filters(site="EAST"), {other}), (Filters(team="WEST"), {plain}), (Filters(case_type="enquiry"), {other}),
        (Filters(status="triage"), {plain}), (Filters(words="zoe obrien"), {other}),
        (Filters(words=plain.lower().replace("-", " ")), {plain}),
        (Filters(words="khan yusuf"), {plain}), (Filters(words="nobody"), set()), (Filters(words="%"), set()), (Filters(words="_"), set()),
        (Filters(site="NONE"), set()), (Filters(words="a " * 5000), {plain}), (Filters(words="!!!"), set()),
        (replace(Filters(), site="EAST", status="triage"), set())]:
        assert set(refs(by, V.ALL_OPEN, filters)) == wanted, filters
        counts = {facet.view: facet.count.number for facet in queries.facets(by, filters, at=TUESDAY)}
        assert counts[V.ALL_OPEN] == len(wanted), filters


@pytest.mark.parametrize("filters", [Filters(case_type="nonsense"), Filters(status="nonsense")])
def test_a_filter_that_is_not_on_the_list_is_refused(filters, hospital):
    with pytest.raises(Invalid):
        refs(hospital.officer, V.ALL_OPEN, filters)


def many(hospital: Hospital, number: int) -> list[str]:
    """Concerns in threes that fall due at the same moment, and some that never do."""
    return list(service.receive_many(
        [concern(received_at=MONDAY - timedelta(days=(each // 3) % 20), case_type=CaseType.ENQUIRY if each % 5 == 0 else
                 CaseType.COMPLAINT_FORMAL, escalates_late=False) for each in range(number)], by=hospital.officer, at=MONDAY))


@pytest.mark.parametrize("view", [V.ALL_OPEN, V.ENDED])
def test_pages_forward_and_back_show_every_case_once_in_one_order(view, hospital):
    wanted = many(hospital, 137)
    if view is V.ENDED:
        end_all()
    whole: list[str] = []
    page = queries.worklist(hospital.officer, view, ALL, at=TUESDAY)
    assert page.previous is None
    pages = [page]
    while page.next:
        page = queries.worklist(hospital.officer, view, ALL, at=TUESDAY, after=page.next)
        pages.append(page)
    whole = [row.reference for each in pages for row in each.rows]
    assert [len(each) for each in pages] == [50, 50, 37]
    assert sorted(whole) == sorted(wanted)
    assert len(set(whole)) == 137
    back = pages[-1]
    for expected in reversed(pages[:-1]):
        assert back.previous is not None
        back = queries.worklist(hospital.officer, view, ALL, at=TUESDAY, before=back.previous)
        assert back.rows == expected.rows
    assert back.previous is None
    assert queries.worklist(hospital.officer, view, ALL, at=TUESDAY, after=back.next).rows == pages[1].rows


@atomic
def end_all() -> None:
    """Every case ended, many at the same moment."""
    db.session.execute(update(Case).values(is_open=False, status=Status.CLOSED, closed_at=Case.received_at))
    audit.record("case:test", audit.Act.CASE_AMENDED, by=FACTORY, at=MONDAY)


@pytest.mark.parametrize("key", [
    "x", "%%%", "é", "\x00", "A" * 5000, encode_key(), encode_key("2026-03-02"), encode_key("2026-03-02T00:00:00+00:00"),
    encode_key("soon", 1), encode_key("2026-03-02T00:00:00+00:00", "x"), encode_key("2026-03-02T00:00:00+00:00", None),
    encode_key("0001-01-01T00:00:00+14:00", 1), encode_key("9999-12-31T23:59:59-14:00", 1), encode_key("2026-03-02T00:00:00+00:00", 2**62),
    encode_key("2026-03-02T00:00:00+00:00", -1), encode_key(7, 7)])
def test_a_broken_key_is_refused_with_a_sentence(key, hospital):
    make_case(hospital.officer)
    for sides in ({"after": key}, {"before": key}):
        with pytest.raises(Invalid, match="first page"):
            queries.worklist(hospital.officer, V.ALL_OPEN, ALL, at=TUESDAY, **sides)


def test_an_empty_key_is_the_first_page(hospital):
    reference = make_case(hospital.officer)
    for sides in ({"after": ""}, {"before": ""}, {"after": "", "before": ""}):
        page = queries.worklist(hospital.officer, V.ALL_OPEN, ALL, at=TUESDAY, **sides)
        assert ([row.reference for row in page.rows], page.next, page.previous) == ([reference], None, None)


def test_counts_are_exact_to_500_and_say_so_beyond(hospital):
    many(hospital, 500)
    count = {facet.view: str(facet.count) for facet in queries.facets(hospital.officer, ALL, at=TUESDAY)}
    assert (count[V.ALL_OPEN], count[V.MINE], count[V.ENDED]) == ("500", "0", "0")
    make_case(hospital.officer, takes_it=True)
    count = {facet.view: str(facet.count) for facet in queries.facets(hospital.officer, ALL, at=TUESDAY)}
    assert (count[V.ALL_OPEN], count[V.MINE]) == ("500+", "1")


def test_a_list_costs_as_much_with_fifty_rows_as_with_one(hospital):
    def cost() -> tuple[int, int]:
        with count_queries() as rows:
            queries.worklist(hospital.officer, V.ALL_OPEN, ALL, at=NEXT_MONDAY)
        with count_queries() as facets:
            queries.facets(hospital.officer, ALL, at=NEXT_MONDAY)
        return len(rows), len(facets)

    make_case(hospital.officer)
    one = cost()
    many(hospital, 60)
    assert cost() == one
    assert max(one) <= 3


def test_a_clinicians_questions_cost_as_much_with_many_as_with_one(hospital):
    def cost() -> int:
        with count_queries() as sent:
            assert queries.questions_for(hospital.clinician, at=WEDNESDAY)
        return len(sent)

    def ask() -> None:
        service.ask_statement(make_case(hospital.officer), hospital.clinician.uid, (1,), "Why?", "", 15, by=hospital.officer, at=MONDAY)

    ask()
    one = cost()
    for _ in range(6):
        ask()
    assert cost() == one <= 6
