"""Calendars of the hospital: hours with several windows, reviewed imports, and versions that never change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.factories import make_case, make_hospital
from tests.facts import MONDAY, TUESDAY
from ticketing.calendars import queries, service
from ticketing.calendars.rules import table_version
from ticketing.calendars.rules.sheets import applied, changes, read_days, windows_of
from ticketing.cases import queries as cases
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Invalid
from ticketing.sla import queries as sla

WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "12:30"), ("13:30", "17:00")))


@pytest.fixture
def hospital(app):
    return make_hospital()


def draft(hospital) -> str:
    return service.draft_version("england_wales", table_version(), by=hospital.manager, at=MONDAY)


def publish_with(hospital, on: date, *, is_public: bool, at: datetime = MONDAY) -> str:
    """A version with one more closed day; returns its name."""
    uid = draft(hospital)
    service.set_day(uid, on, "Day of mourning", is_public=is_public, seen=1, by=hospital.manager, at=at)
    version = queries.draft(uid).version
    service.publish(uid, "Proclaimed", seen=2, by=hospital.manager, at=at)
    return version


def test_a_lunch_break_is_no_working_time(hospital):
    uid = draft(hospital)
    service.set_hours(uid, "With lunch", "Europe/London", WEEK, seen=1, by=hospital.manager, at=MONDAY)
    service.publish(uid, "We close at noon", seen=2, by=hospital.manager, at=MONDAY)
    working = queries.present("england_wales", "Europe/London")
    noon = datetime(2026, 3, 3, 12, 45, tzinfo=UTC)
    assert not working.is_open(noon)
    assert working.next_opening(noon) == datetime(2026, 3, 3, 13, 30, tzinfo=UTC)


def test_hours_may_end_at_midnight(hospital):
    assert windows_of("18:00-24:00, 08:00-12:00") == (("08:00", "12:00"), ("18:00", "24:00"))


@pytest.mark.parametrize("typed", ["nine to five", "17:00-09:00", "09:00-25:00", "09:00-"])
def test_hours_that_cannot_be_read_are_named(typed):
    with pytest.raises(Invalid):
        windows_of(typed)


def test_a_calendar_that_never_opens_cannot_be_saved(hospital):
    uid = draft(hospital)
    with pytest.raises(Invalid, match="no working time in the 400 days"):
        service.set_hours(uid, "Never", "Europe/London", {}, seen=1, by=hospital.manager, at=MONDAY)


def test_a_calendar_shut_for_longer_than_400_days_cannot_be_saved(hospital):
    uid = draft(hospital)
    with pytest.raises(Invalid, match="no working time"):
        service.accept_import(uid, changes({}, {date(2026, 3, 2) + timedelta(days=number): "Shut" for number in range(401)}),
                              is_public=False, seen=1, by=hospital.manager, at=MONDAY)


def test_an_added_public_holiday_moves_the_law_for_new_cases_only(hospital):
    old = make_case(hospital.officer)
    version = publish_with(hospital, TUESDAY.date(), is_public=True)
    new = make_case(hospital.officer)
    due = {reference: {timer.target: timer.due for timer in cases.get_case(reference, hospital.officer, at=MONDAY).timers}["acknowledge"]
           for reference in (old, new)}
    assert due[old] == "by the end of Thu 5 Mar 2026"
    assert due[new] == "by the end of Fri 6 Mar 2026"
    assert cases.explain_timer(new, "acknowledge", hospital.officer, at=MONDAY).calendar_version == version
    assert [found for _, found in sla.drifts(at=MONDAY) if found] == []


def test_a_day_closed_here_only_moves_our_own_promises_and_no_law(hospital):
    plain = make_case(hospital.officer)
    publish_with(hospital, TUESDAY.date(), is_public=False)
    shut = make_case(hospital.officer)
    for reference in (plain, shut):
        ask_statement(hospital, reference)
    found = [{timer.target: timer.due for timer in cases.get_case(reference, hospital.officer, at=MONDAY).timers}
             for reference in (plain, shut)]
    assert found[0]["acknowledge"] == found[1]["acknowledge"] == "by the end of Thu 5 Mar 2026"
    assert (found[0]["statement"], found[1]["statement"]) == ("by the end of Mon 16 Mar 2026", "by the end of Tue 17 Mar 2026")


def ask_statement(hospital, reference: str) -> None:
    from ticketing.cases import service as verbs

    verbs.ask_statement(reference, hospital.clinician.uid, (1,), "What happened?", "", 20, by=hospital.officer, at=MONDAY)


@pytest.mark.parametrize("statement", ["UPDATE calendar_versions SET title = 'x'", "DELETE FROM calendar_versions"])
def test_the_database_refuses_to_change_what_is_published(hospital, statement):
    publish_with(hospital, TUESDAY.date(), is_public=True)
    with pytest.raises(DBAPIError, match="never changes"), db.session.begin_nested():
        db.session.execute(text(statement))


def test_p07_an_import_is_reviewed_and_a_holiday_is_a_local_date(hospital):
    feed = ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Christmas\\, the first\n"
            "END:VEVENT\nBEGIN:VEVENT\nDTSTART;TZID=America/New_York:20261111T233000\nSUMMARY:St Martin\nEND:VEVENT\nEND:VCALENDAR")
    imported = read_days(feed)
    assert imported == {date(2026, 11, 11): "St Martin", date(2026, 12, 25): "Christmas, the first"}
    known = {date(2026, 12, 25): "Christmas Day", date(2026, 12, 28): "Boxing Day (substitute)", date(2027, 1, 1): "New Year's Day"}
    found = changes(known, imported)
    assert [(change.on.isoformat(), change.kind) for change in found] == [
        ("2026-11-11", "add"), ("2026-12-25", "rename"), ("2026-12-28", "remove")]  # 2027 is not in the feed, so nothing is said of it
    accepted = [change for change in found if change.kind == "rename"]
    assert applied(known, accepted) == {**known, date(2026, 12, 25): "Christmas, the first"}


@pytest.mark.parametrize(("typed", "day"), [
    ("Date,Name\n2026-12-28,Boxing Day", date(2026, 12, 28)), ("28/12/2026 Boxing Day", date(2026, 12, 28)),
    ("Boxing Day;28.12.2026", date(2026, 12, 28))])
def test_lists_of_days_are_read_as_people_write_them(typed, day):
    assert read_days(typed) == {day: "Boxing Day"}


@pytest.mark.parametrize("typed", ["", "2026-02-30, Nothing", "2026-12-25, Christmas\nsome words"])
def test_what_is_no_list_of_days_is_named(typed):
    with pytest.raises(Invalid):
        read_days(typed)


def test_the_holidays_of_this_library_are_kept_for_the_cases_pinned_to_them(hospital):
    assert service.keep_shipped(at=MONDAY) > 0
    assert service.keep_shipped(at=TUESDAY) == 0
    kept = next(row for row in queries.versions("england_wales") if row.version == table_version())
    assert kept.days[date(2026, 12, 28)]
    assert not kept.is_local


def test_a_site_may_keep_a_calendar_of_the_hospital(hospital):
    uid = service.new_calendar("ward_office", "Ward office", "england_wales", "Europe/London", by=hospital.manager, at=MONDAY)
    service.publish(uid, "Wards answer on Saturdays", seen=1, by=hospital.manager, at=MONDAY)
    assert queries.names()["ward_office"] == "Ward office"
    with pytest.raises(Conflict, match="already used"):
        service.new_calendar("ward_office", "Again", "england_wales", "Europe/London", by=hospital.manager, at=MONDAY)
