"""HTML from outside: nothing in it runs, loads or costs time, and its words stay."""

from __future__ import annotations

import json

from tests.facts import shared
from ticketing.mailroom.queries.cleaning import clean, words


def test_tags_without_end_cost_no_time_and_keep_their_words():
    page = "<div>" * 10_000 + "<script>x</script>The ward was dirty."
    assert "<" not in clean(page)
    assert "The ward was dirty." in words(page)


def test_an_ordinary_page_keeps_its_shape():
    page = "<table>" + "<tr><td>a<td>b" * 300 + "</table><p>One<p>Two<ul>" + "<li>x" * 300 + "</ul>"
    assert "<td>" in clean(page)


def test_a_quote_is_marked_as_in_a_plain_mail():
    assert words("<p>Yes.</p><blockquote>Are you well?<br>Ann</blockquote>") == "Yes.\n\n> Are you well?\n> Ann"


def test_no_known_trick_survives():
    for trick in json.loads(shared("data", "hostile", "xss_strings.json").read_text(encoding="utf-8")):
        page = clean(str(trick)).lower()
        assert "<script" not in page, trick
        assert "<img" not in page, trick
        assert "<svg" not in page, trick
        assert 'href="javascript' not in page, trick
