"""The verb behind the public form: whole or nothing, counted by address."""

import pytest

from tests.factories import concern, make_hospital
from tests.facts import TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.core.errors import Invalid, TooMany
from ticketing.portal import queries, service


@pytest.fixture(autouse=True)
def hospital(app):
    return make_hospital()


def test_submitting_is_whole_or_nothing():
    assert_all_or_nothing(lambda: service.submit(concern(), "192.0.2.1", at=TUESDAY))


def test_each_address_is_counted_by_itself():
    for _ in range(20):
        service.submit(concern(), "192.0.2.1", at=TUESDAY)
    with pytest.raises(TooMany, match="Try again in 60 minutes"):
        service.submit(concern(), "192.0.2.1", at=TUESDAY)
    assert service.submit(concern(), "192.0.2.2", at=TUESDAY)


def test_what_is_refused_does_not_count():
    for _ in range(25):
        with pytest.raises(Invalid):
            service.submit(concern(site_code="NOWHERE"), "192.0.2.1", at=TUESDAY)
    assert service.submit(concern(), "192.0.2.1", at=TUESDAY)


def test_a_receipt_tells_the_next_steps_in_their_order():
    receipt = queries.receipt(service.submit(concern(received_at=TUESDAY), "192.0.2.1", at=TUESDAY), at=TUESDAY)
    assert [step.rsplit(", ", 1)[1] for step in receipt.steps] == [
        "by the end of Fri 6 Mar 2026.", "by the end of Wed 2 Sep 2026 at the latest."]
