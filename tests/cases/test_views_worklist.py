"""The worklist: listed is openable is counted, narrowed, paged, and costs the same with one row as with fifty."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, THURSDAY, TUESDAY
from tests.probes import count_queries
from ticketing.cases import service
from ticketing.cases.queries import WorklistView
from ticketing.cases.rules import Action, Status
from ticketing.core.permissions import Role
from ticketing.people.rules import PersonDetails


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def officer(client, hospital):
    return enter(client, team_codes=["CENTRAL"])


def rows(page) -> list[str]:
    return [link.text for link in page.all("a", class_="reference") if link.get("href").startswith("/cases/2")]


def tabs(page) -> dict[str, str]:
    return {item.all("span")[0].text: item.one("span", class_="count").text for item in page.one("nav", class_="facets").all("a")}


@pytest.mark.parametrize("view", WorklistView)
def test_each_tab_opens_and_says_something_when_empty(client, officer, view):
    page = client.page(f"/cases/?view={view.value}")
    assert page.one(class_="empty").text
    assert page.one("nav", class_="facets").one("a", aria_current="page").text.startswith(view.label)


def test_a_case_appears_under_its_tabs_with_honest_counts(client, officer, hospital):
    mine = make_case(hospital.officer)
    service.take(mine, by=officer, at=TUESDAY)
    other = make_case(hospital.officer, complainant=PersonDetails(name="Doreen Whitlock", phone="0113"))
    assert rows(client.page("/cases/")) == [mine]
    assert set(rows(client.page("/cases/?view=team"))) == {mine, other}
    page = client.page("/cases/?view=unassigned")
    assert rows(page) == [other]
    counts = tabs(page)
    assert counts["My cases"].startswith("1")
    assert counts["My team"].startswith("2")
    assert counts["Unassigned"].startswith("1")
    assert "Doreen Whitlock" in page.text


def test_what_is_missed_says_how_late_in_words(client, hospital, set_clock):
    reference = make_case(hospital.officer)
    set_clock(MONDAY.replace(day=9))
    enter(client)
    page = client.page("/cases/?view=breached")
    assert rows(page) == [reference]
    assert "breached 2 working days ago" in page.text


def test_due_today_and_soon_read_as_people_say_it(client, officer, hospital, set_clock):
    make_case(hospital.officer)
    assert "2 working days left" in client.page("/cases/?view=all_open").text
    set_clock(THURSDAY)
    enter(client, name="Later Reader")
    page = client.page("/cases/?view=due_today")
    assert "by the end of Thu 5 Mar 2026" in page.text
    assert page.one(class_="worklist-left").text == "due today"


def test_taking_a_case_from_the_list(client, officer, hospital):
    reference = make_case(hospital.officer)
    page = client.page("/cases/?view=unassigned")
    assert "“Take” says that you have no conflict of interest" in page.text
    answer = client.post(f"/cases/{reference}/take", data=page.values(f"/cases/{reference}/take"), csrf=False)
    assert answer.location == f"/cases/{reference}"
    assert f"{reference} is yours." in client.page(answer.location).text
    assert rows(client.page("/cases/")) == [reference]


def test_of_two_who_take_the_second_reads_who_has_it(client, officer, hospital):
    reference = make_case(hospital.officer)
    service.take(reference, by=hospital.officer, at=TUESDAY)
    page = client.page(client.post(f"/cases/{reference}/take", data={"has_no_conflict": "y"}).location)
    assert "Hana Novak has this case already" in page.text


def test_filters_narrow_the_list_and_its_counts(client, officer, hospital):
    reference = make_case(hospital.officer)
    assert rows(client.page("/cases/?view=all_open&case_type=complaint_formal&site=MAIN&team=CENTRAL&case_status=received")) == [reference]
    page = client.page("/cases/?view=all_open&case_type=compliment")
    assert "Nothing fits these filters" in page.text
    assert tabs(page)["All open"].startswith("0")


@pytest.mark.parametrize("query", [
    "view=nothing", "site=%27&team=%27&case_type=x&case_status=%F0%9F%92%A9", "after=x", "before=WyJhIl0",
    "after=WzEsMV0", "after=WyIyMDI2LTAzLTAyVDA5OjMwOjAwKzAwOjAwIiwgOTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", "after=" + "x" * 5000, "site=a&site=b",
])
def test_an_odd_address_gets_a_sentence(client, officer, query):
    assert client.get(f"/cases/?{query}").status_code in {200, 422}


def test_pages_go_on_and_back_without_losing_anybody(client, officer, hospital):
    known = {make_case(hospital.officer, complainant=PersonDetails(name=f"Person {number}", phone="0113")) for number in range(53)}
    first = client.page("/cases/?view=all_open")
    second = client.page(first.links()["Next page"])
    assert len(rows(first)) == 50
    assert set(rows(first)) | set(rows(second)) == known
    assert rows(client.page(second.links()["Previous page"])) == rows(first)


def test_the_list_costs_the_same_with_one_row_as_with_fifty(client, officer, hospital):
    make_case(hospital.officer)
    client.page("/cases/?view=all_open")
    with count_queries() as one:
        client.page("/cases/?view=all_open")
    for number in range(49):
        make_case(hospital.officer, complainant=PersonDetails(name=f"Person {number}", phone="0113"))
    with count_queries() as fifty:
        assert len(rows(client.page("/cases/?view=all_open"))) == 50
    assert len(fifty) == len(one)


@pytest.mark.parametrize("role", Role)
def test_who_may_see_the_list(client, hospital, role):
    make_case(hospital.officer)
    enter(client, role)
    is_reader = role in {Role.OFFICER, Role.MANAGER, Role.AUDITOR}
    page = client.page("/cases/?view=unassigned", status=200 if is_reader else 403)
    assert bool([form for form in page.all("form") if form.get("action").endswith("/take")]) == (role in {Role.OFFICER, Role.MANAGER})


def test_an_auditor_begins_with_all_open_cases(client, hospital):
    reference = make_case(hospital.officer)
    enter(client, Role.AUDITOR)
    assert rows(client.page("/cases/")) == [reference]


def test_somebody_named_in_a_concern_finds_it_nowhere(client, officer, hospital):
    reference = make_case(hospital.officer, subject_uids=(officer.uid,))
    page = client.page("/cases/?view=all_open")
    assert rows(page) == []
    assert tabs(page)["All open"].startswith("0")
    client.page(f"/cases/{reference}", status=404)
    client.page(f"/cases/{reference}/actions/note", status=404)


def test_a_reference_is_found_however_it_is_typed(client, officer, hospital):
    reference = make_case(hospital.officer)
    answer = client.post("/cases/find", data={"reference": f" {reference.lower().replace('-', ' ')} "})
    assert answer.location == f"/cases/{reference}"


@pytest.mark.parametrize("typed", ["", "26-7KQ4", "<script>", "x" * 4000, "26-7KQ4-M2XR-9X"])
def test_what_is_no_reference_finds_nothing_and_never_stands_in_an_address(client, officer, typed):
    answer = client.post("/cases/find", data={"reference": typed})
    assert answer.status_code in {200, 303, 422}
    if answer.status_code == 303:
        assert typed not in answer.location
        assert "Nothing found" in client.get(answer.location).text


def test_a_name_is_found_by_whoever_looked_for_it_and_for_an_hour(app, client, officer, hospital, set_clock):
    reference = make_case(hospital.officer)
    address = client.post("/cases/find", data={"reference": "amina KHAN"}).location
    assert "khan" not in address.lower()
    assert reference in client.get(address).text
    other = app.test_client()
    enter(other, Role.OFFICER, "Olga Other")
    assert "This search is over" in other.get(address).text
    for minutes in (20, 40, 61):
        set_clock(TUESDAY + timedelta(minutes=minutes))
        assert client.get("/cases/").status_code == 200
    assert reference not in client.get(address).text


def test_ended_cases_have_their_own_tab(client, officer, hospital):
    reference = make_case(hospital.officer)
    service.apply_transition(reference, Action.WITHDRAW, "They rang", seen=version_of(reference), by=officer, at=TUESDAY)
    assert rows(client.page("/cases/?view=ended")) == [reference]
    other = make_case(hospital.officer)
    drive(other, Status.CLOSED, hospital)
    assert rows(client.page("/cases/?view=all_open")) == []
