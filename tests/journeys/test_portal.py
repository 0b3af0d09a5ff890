"""The public door in a real browser: at a desk, on a phone, and without scripts."""

import pytest

from tests.factories import make_hospital
from tests.journeys.conftest import check_access

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_somebody_brings_a_concern_corrects_it_and_has_a_receipt(live, new_visitor, size):
    make_hospital()
    page = new_visitor(size)
    page.goto("/concerns/new")
    check_access(page)
    page.get_by_label("What happened?").fill("My son waited nine hours.")
    page.get_by_role("button", name="Send it to us").click()
    page.get_by_role("link", name="Choose what you would like to tell us.").click()
    check_access(page)
    page.get_by_label("Something went wrong").check()
    page.get_by_label("I am the patient").check()
    page.get_by_label("Your name").fill("Amina Khan")
    page.get_by_label("Telephone number").fill("07700 900123")
    assert page.get_by_label("What happened?").input_value() == "My son waited nine hours."
    page.get_by_role("button", name="Send it to us").click()
    page.get_by_role("heading", name="We have received it").wait_for()
    assert page.url.endswith("/concerns/received")
    check_access(page)


def test_the_form_works_without_scripts(live, new_visitor):
    make_hospital()
    page = new_visitor(has_scripts=False)
    page.goto("/concerns/new")
    page.get_by_label("I want to say thank you").check()
    page.get_by_label("What happened?").fill("Sister Abara was kind.")
    page.get_by_label("I am the patient").check()
    page.get_by_label("I do not want to give my name").check()
    page.get_by_role("button", name="Send it to us").click()
    page.get_by_role("heading", name="We have received it").wait_for()
