"""Headers: every answer is closed to elsewhere, pages are never cached, static files are named by their content."""

import re

from tests.factories import enter


def test_every_page_forbids_what_comes_from_elsewhere_and_is_not_cached(client):
    answer = client.get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_static_file_is_kept_by_browsers_under_an_address_that_follows_its_content(client):
    address = re.search(r'href="(/static/css/base\.css\?v=[0-9a-f]{12})"', client.get("/sign-in").text)
    assert address
    with client.get(address.group(1)) as answer:
        assert answer.headers["Cache-Control"].endswith("immutable")
    with client.get("/static/css/base.css") as answer:
        assert "immutable" not in answer.headers["Cache-Control"]


def test_an_error_page_gives_a_number_to_ask_about_and_no_detail(client):
    answer = client.get("/nothing/here")
    assert answer.status_code == 404
    assert answer.headers["X-Request-Id"] in answer.text


def test_the_page_for_a_missing_file_is_kept_by_nobody(client):
    enter(client)
    for address in ("/static/nothing.css", "/static/nothing.css?v=0123456789ab", "/static/../config.py?v=1"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_answer_is_closed_to_elsewhere_whatever_it_says(app, client):
    enter(client)
    for address, method in (("/nothing", "GET"), ("/sign-in", "PUT"), ("/healthz", "GET"), ("/sign-out", "POST"), ("/static/x", "GET")):
        answer = client.open(address, method=method)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], address
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store", address
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers.get("Server", "") == ""
