"""The verb behind the public form: whole or nothing, counted by address."""

import pytest

from tests.factories import concern, make_hospital
from tests.facts import TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.core.errors import Invalid, TooMany
from ticketing.core.scanning import scanner
from ticketing.core.storage import store
from ticketing.portal import queries, service


def submit(concern, address):
    """One sending of the public form, without files."""
    return service.submit(concern, (), scanner(), store(), address, most=5, at=TUESDAY)


@pytest.fixture(autouse=True)
def hospital(app):
    return make_hospital()


def test_submitting_is_whole_or_nothing():
    assert_all_or_nothing(lambda: submit(concern(), "192.0.2.1"))


def test_each_address_is_counted_by_itself():
    for _ in range(20):
        submit(concern(), "192.0.2.1")
    with pytest.raises(TooMany, match="Try again in 60 minutes"):
        submit(concern(), "192.0.2.1")
    assert submit(concern(), "192.0.2.2")


def test_what_is_refused_does_not_count():
    for _ in range(25):
        with pytest.raises(Invalid):
            submit(concern(site_code="NOWHERE"), "192.0.2.1")
    assert submit(concern(), "192.0.2.1")


def test_a_receipt_tells_the_next_steps_in_their_order():
    receipt = queries.receipt(submit(concern(received_at=TUESDAY), "192.0.2.1"), at=TUESDAY)
    assert [step.words.rsplit(", ", 1)[1] for step in receipt.steps] == [
        "by the end of Fri 6 Mar 2026.", "by the end of Wed 2 Sep 2026 at the latest."]
