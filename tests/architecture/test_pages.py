"""The checks of page quality bite, and so do the checks on what a GET may do; every public page passes them."""

from __future__ import annotations

import pytest

from tests.facts import TUESDAY
from tests.pages import check_page, faults_of
from ticketing.operations import service
from ticketing.web.guards import OPEN_TO_ALL, public

GOOD = '<!doctype html><html lang="en"><head><title>T</title></head><body><h1>One</h1>{}</body></html>'


@pytest.mark.parametrize(("html", "fault"), [
    ("<html lang='en'><title>T</title><h1>One</h1></html>", "no doctype"),
    ("<!doctype html><html><title>T</title><h1>One</h1></html>", "no lang"),
    ("<!doctype html><html lang='en'><title> </title><h1>One</h1></html>", "no title"),
    (GOOD.format("<h1>Two</h1>"), "2 h1"),
    (GOOD.format("<h3>Three</h3>"), "follows a heading of level 1"),
    (GOOD.format("<h2> </h2>"), "an empty h2"),
    (GOOD.format("<p id=a></p><p id=a></p>"), "used 2 times"),
    (GOOD.format("<label for=b>B</label>"), "points at nothing"),
    (GOOD.format("<p aria-describedby='a b'></p>"), "points at nothing"),
    (GOOD.format("<a href='#gone'>Go</a>"), "points at nothing"),
    (GOOD.format("<input name=a>"), "no label"),
    (GOOD.format("<textarea name=a></textarea>"), "no label"),
    (GOOD.format("<a href='/x'> </a>"), "an empty <a"),
    (GOOD.format("<button></button>"), "an empty <button"),
    (GOOD.format("<a>Nowhere</a>"), "goes nowhere"),
    (GOOD.format("<img src='/x'>"), "no alt"),
    (GOOD.format("<table><tr><td>1</td></tr></table>"), "without <th>"),
    (GOOD.format("<script>1</script>"), "inline <script>"),
    (GOOD.format("<style>p{}</style>"), "inline <style>"),
    (GOOD.format("<p style='color:red'></p>"), "style="),
    (GOOD.format("<p onclick='x()'></p>"), "onclick="),
    (GOOD.format("<a href='javascript:x()'>X</a>"), "javascript:"),
    (GOOD.format("<div><p></div>"), "closes"),
    (GOOD.format("<p id=a id=b></p>"), "has id twice"),
])
def test_a_fault_on_a_page_is_found(html, fault):
    assert any(fault in found for found in faults_of(html)), list(faults_of(html))


def test_a_good_page_has_no_fault():
    form = '<h2>F</h2><form><label for="a">A</label><input id="a" name="a"><label><input type="checkbox" name="b"> B</label></form>'
    check_page(GOOD.format(form + '<a href="#a">To A</a><img src="/x" alt="">'), "good")


def test_a_get_that_writes_is_caught(new_app):
    app = new_app()
    app.add_url_rule("/writes", "writes", public(lambda: service.beat("x", at=TUESDAY) or "done"))
    with pytest.raises(AssertionError, match="GET /writes wrote to heartbeats"):
        app.test_client().get("/writes")


def test_every_public_page_is_well_made(app, client):
    for rule in app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint != "static"
        if is_page and app.view_functions[rule.endpoint].__guard__ == OPEN_TO_ALL:
            answer = client.get(str(rule))
            assert answer.status_code < 500, rule
            if answer.mimetype == "text/html" and answer.status_code == 200:
                check_page(answer.get_data(as_text=True), str(rule))


@pytest.mark.parametrize("path", ["/nowhere", "/%ff", "/cases/../../etc/passwd"])
def test_an_error_page_is_well_made_too(client, path):
    client.page(path, status=404)
