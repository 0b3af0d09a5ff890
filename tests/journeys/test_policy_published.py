"""A manager changes a rule: draft, check, publish; open cases stay where they were until they are rebased, and the date says why."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.factories import PASSWORD, drive, make_case, make_hospital
from tests.facts import MONDAY, TUESDAY
from tests.journeys.conftest import check_access
from tests.journeys.gallery import sign_in
from ticketing.accounts import queries as accounts
from ticketing.cases.rules import Status
from ticketing.core.database import db

pytestmark = pytest.mark.journey


def test_a_new_rule_moves_no_open_case_until_somebody_rebases_it(live, visitor, set_clock):
    set_clock(TUESDAY)
    hospital = make_hospital(password=PASSWORD)
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY)
    manager = accounts.staff_by_uid(hospital.manager.uid)
    db.session.rollback()
    sign_in(visitor, manager.email, PASSWORD)

    visitor.goto("/packs")
    visitor.get_by_role("link", name="England: NHS complaints", exact=True).click()
    visitor.get_by_role("button", name="Draft from this version, 2026.2").click()
    text = visitor.get_by_label("The text of this version")
    whole = text.input_value()
    text.fill(whole.replace('unit = "working_days"', 'unit = "fortnights"', 1))  # a slip
    visitor.get_by_role("button", name="Save the draft").click()
    expect(visitor.get_by_text("1 thing to mend")).to_be_visible()
    check_access(visitor)
    visitor.get_by_label("The text of this version").fill(whole)
    visitor.get_by_role("button", name="Save the draft").click()

    visitor.get_by_role("link", name="Change our own numbers").click()
    visitor.get_by_label("Keep the complainant informed").fill("4")
    visitor.get_by_role("button", name="Save the numbers").click()
    expect(visitor.get_by_role("heading", name="Check and publish")).to_be_visible()
    expect(visitor.get_by_role("row", name=re.compile("progress, amount 10 4"))).to_be_visible()
    check_access(visitor)
    visitor.get_by_label("In force from").fill("2026-01-01")
    visitor.get_by_label("Why is it published?").fill("The board wants us to write every four days")
    box = visitor.get_by_label("I have looked at every answer")
    if box.count():
        box.check()
    visitor.get_by_role("button", name="Publish version 2026.2-local.1").click()
    expect(visitor.get_by_text("No open case was moved")).to_be_visible()

    why = f"/cases/{reference}/timers/progress"
    visitor.goto(why)
    expect(visitor.get_by_text("by the end of Mon 16 Mar 2026").first).to_be_visible()
    expect(visitor.get_by_text("version 2026.2,")).to_be_visible()

    visitor.goto("/packs/england-nhs")
    visitor.get_by_role("link", name="Rebase open cases").click()
    expect(visitor.get_by_role("heading", name="1 open case would run under england-nhs 2026.2-local.1")).to_be_visible()
    expect(visitor.get_by_text("by the end of Fri 6 Mar 2026, running")).to_be_visible()
    check_access(visitor)
    visitor.get_by_label("Why are these cases rebased?").fill("The new rhythm holds for everybody")
    visitor.get_by_role("button", name="Rebase 1 case").click()
    visitor.get_by_role("button", name="Go on now").click()
    expect(visitor.get_by_role("heading", name="Rebase done")).to_be_visible()
    check_access(visitor)

    visitor.goto(why)
    expect(visitor.get_by_text("by the end of Fri 6 Mar 2026").first).to_be_visible()
    expect(visitor.get_by_text("version 2026.2-local.1")).to_be_visible()
    expect(visitor.get_by_text("The new rhythm holds for everybody")).to_be_visible()
    check_access(visitor)
