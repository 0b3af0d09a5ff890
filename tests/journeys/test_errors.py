"""What a person sees who goes astray."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import check_access

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_wrong_address_says_so_and_is_readable_by_everybody(new_visitor, size):
    page = new_visitor(size)
    answer = page.goto("/nowhere")
    assert answer.status == 404
    assert page.get_by_role("heading", level=1).inner_text() == "Nothing to show here"
    check_access(page)
