"""Nobody acknowledges a concern in time: the miss is recorded, people are told by mail, and somebody must say why."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED
from playwright.sync_api import expect

from tests.factories import PASSWORD, make_case, make_hospital
from tests.facts import FRIDAY, MONDAY, WEDNESDAY
from tests.journeys.conftest import check_access
from tests.journeys.gallery import sign_in
from ticketing import schedule
from ticketing.accounts import queries as accounts
from ticketing.core.database import db

pytestmark = pytest.mark.journey


@pytest.fixture
def scheduler(live, monkeypatch) -> Iterator[Callable[[], None]]:
    """APScheduler with every job of the program, as in production but quicker; call it to wait until a sweep has begun and ended.

    Its watchdog is kept patient: it would wake a slow job at a moment of the test's clock, months before APScheduler's own.
    """
    monkeypatch.setattr(schedule, "PATIENCE", 600)
    monkeypatch.setattr(schedule, "SLACK", float("inf"))  # nor is the test's clock, set to March, one that was set back
    live.app.config |= {"SWEEP_SECONDS": 1, "DELIVER_SECONDS": 1}
    rota, swept = schedule.Rota(live.app), threading.Semaphore(0)

    def wait_for_sweep() -> None:
        while swept.acquire(blocking=False):
            continue
        assert swept.acquire(timeout=20), "no sweep has ended"
        assert swept.acquire(timeout=20), "no second sweep has ended"

    rota.start()
    rota.scheduler.add_listener(lambda event: swept.release() if event.job_id == "sweep" else None, EVENT_JOB_EXECUTED)
    yield wait_for_sweep
    rota.ask_to_stop()
    rota.scheduler.shutdown(wait=True)


def test_a_missed_acknowledgement_is_told_by_mail_explained_by_the_officer_and_seen_by_the_manager(live, scheduler, new_visitor, set_clock):
    set_clock(MONDAY)
    scheduler()  # from here on no sweep is under way that began by another clock
    hospital = make_hospital(password=PASSWORD)
    officer, manager = (accounts.staff_by_uid(actor.uid) for actor in (hospital.officer, hospital.manager))
    reference = make_case(hospital.officer, takes_it=True)  # due by the end of Thursday
    db.session.rollback()

    set_clock(WEDNESDAY)  # half of the time is used
    warning = live.mail.wait_for(officer.email, "acknowledgement")
    assert f"{live.url}/cases/{reference}" in warning.get_content()
    assert not [mail for mail in live.mail.messages if "breached" in str(mail["Subject"])]

    set_clock(FRIDAY)  # nobody has done anything, the day is over, and the office has opened again
    mail = live.mail.wait_for(manager.email, "breached")
    words = mail.get_content()
    assert f"{live.url}/cases/{reference}" in words
    assert "say on the case why it was breached" in words
    assert "Khan" not in mail.as_string()

    page = new_visitor()
    page.goto(f"/cases/{reference}")
    page.get_by_label("E-mail").fill(officer.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(reference)
    expect(page.get_by_text("Breached, and nobody has said why")).to_be_visible()
    missed = page.locator(".timer", has=page.get_by_role("heading", name="Acknowledge"))
    expect(missed).to_contain_text("reached")
    expect(missed).to_contain_text("by the end of Thu 5 Mar 2026")
    check_access(page)

    page.get_by_role("link", name=re.compile("^Say why")).first.click()
    page.get_by_role("button", name="Save the reason").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose")
    check_access(page)
    page.get_by_label("Why was it breached?").select_option(label="Workload")
    page.get_by_label("In your words").fill("Two of us were away, and the post came late.")
    page.get_by_role("button", name="Save the reason").click()
    expect(page.get_by_text("Reason saved.")).to_be_visible()
    expect(page.get_by_text("Breached, and nobody has said why")).to_have_count(0)
    expect(missed).to_contain_text("Reason given: Workload")

    chief = new_visitor("phone")
    sign_in(chief, manager.email, PASSWORD)
    chief.goto("/escalations")
    row = chief.get_by_role("row").filter(has_text="breached").first
    expect(row).to_contain_text(reference)
    expect(row).to_contain_text("Delivered")
    expect(row).to_contain_text(manager.name)
    assert re.search("Fri 6 Mar 2026", row.inner_text())
    check_access(chief)
