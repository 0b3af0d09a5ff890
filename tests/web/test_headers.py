"""Headers: every answer is closed to elsewhere, pages are never cached, static files are named by their content."""

import re

import pytest

from tests.factories import enter
from ticketing.core.permissions import Role
from ticketing.web.guards import OPEN_TO_ALL

EXACT = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy":
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), serial=(), hid=(), bluetooth=(), "
        "publickey-credentials-get=(self), publickey-credentials-create=(self)",
}
UNWANTED = ("Access-Control-Allow-Origin", "Server", "X-Powered-By")


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


def check(answer, where, *, is_kept=False):
    for name, value in EXACT.items():
        assert answer.headers.getlist(name) == [value], (where, name)
    assert (answer.headers["Cache-Control"] == "no-store") is not is_kept, where
    assert not [name for name in UNWANTED if answer.headers.get(name)], where


def test_every_answer_carries_exactly_these_headers(app, client):
    """Pages, forms refused, forms without a token, redirects, files, missing ones, wrong methods, machines' addresses, odd requests."""
    enter(client, Role.ADMINISTRATOR)
    asked = [
        ("GET", "/account", {}), ("GET", "/sign-in", {}), ("POST", "/staff/new", {"data": {"name": ""}}), ("GET", "/cases/new", {}),
        ("POST", "/staff/new", {"csrf": False}), ("GET", "/nothing", {}), ("DELETE", "/staff", {}), ("GET", "/healthz", {}),
        ("GET", "/readyz", {}), ("GET", "/password/x", {}), ("POST", "/sign-in/passkey/options", {}), ("GET", "/%00", {}),
        ("POST", "/sign-in", {"json": {"email": "x"}}), ("HEAD", "/staff", {}), ("OPTIONS", "/staff", {}),
        ("POST", "/staff/new", {"headers": {"Sec-Fetch-Site": "cross-site"}}), ("GET", "/static/nothing.css", {}),
    ]
    seen = set()
    for method, address, options in asked:
        answer = client.post(address, **options) if method == "POST" else client.open(address, method=method, **options)
        check(answer, (method, address))
        seen.add(answer.status_code)
    assert seen >= {200, 303, 400, 403, 404, 405, 410, 422}
    with client.get("/static/css/base.css") as answer:
        check(answer, "a file", is_kept=True)
    with client.get("/static/css/base.css", headers={"If-None-Match": answer.headers["ETag"]}) as unchanged:
        assert unchanged.status_code == 304
        check(unchanged, "a file that has not changed", is_kept=True)


def test_a_defect_of_ours_and_a_request_too_large_carry_them_too(new_app, monkeypatch):
    app = new_app(redress_env="development")
    monkeypatch.setitem(app.view_functions, "operations.healthz", _broken)
    with app.app_context():
        answer = app.test_client().get("/healthz")
        assert answer.status_code == 500
        check(answer, "a defect")
        answer = app.test_client().post("/sign-in", data={"email": "x" * 3_000_000})
        assert answer.status_code == 413
        check(answer, "too large")


def _broken():
    raise ZeroDivisionError


_broken.__guard__ = OPEN_TO_ALL


@pytest.mark.parametrize("is_secure", [True, False])
def test_strict_transport_is_asked_for_where_cookies_are_secure(new_app, is_secure):
    app = new_app(secure_cookies=is_secure)
    with app.test_client().get("/static/css/base.css") as answer:
        assert answer.headers.get("Strict-Transport-Security") == ("max-age=31536000; includeSubDomains" if is_secure else None)
