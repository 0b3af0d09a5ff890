"""Forms as a real site gets them: over https behind its proxy, with no referrer; and what other sites send in somebody's name."""

from __future__ import annotations

import re

import pytest

from tests.factories import PASSWORD, make_staff
from ticketing.accounts.rules import LIMITS, Limited

SITE = "https://redress.hospital.example"


@pytest.fixture
def site(new_app):
    """A visitor of the program as it stands behind one proxy, over https."""
    app = new_app(secure_cookies=True, proxy_hops=1, public_url=SITE)
    with app.app_context():
        make_staff()
    return app


def form_token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def enter(visitor, email="hana.novak@hospital.example", password=PASSWORD, *, behind=None, **headers):
    """Sign in as a browser does it through the proxy: the proxy speaks http to us and says who is behind it."""
    seen = {"X-Forwarded-Proto": "https", "X-Forwarded-For": behind or "192.0.2.7"}
    token = form_token(visitor.get("/sign-in", base_url=SITE, headers=seen).text)
    data = {"csrf_token": token, "email": email, "password": password}
    return visitor.post("/sign-in", base_url=SITE, data=data, headers={**seen, "Origin": "null", **headers})


def test_a_form_is_taken_over_https_although_our_pages_forbid_the_referrer(site):
    answer = enter(site.test_client(), **{"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-redress=")
    assert all(part in cookie for part in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"))
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.parametrize("where", ["cross-site", "same-site", "nonsense"])
def test_what_another_site_sends_is_refused_whatever_token_it_holds(site, where):
    visitor = site.test_client()
    assert enter(visitor, **{"Sec-Fetch-Site": where}).status_code == 403
    assert enter(visitor, **{"Sec-Fetch-Site": "none"}).status_code == 303


def test_who_is_counted_is_told_by_the_proxy_and_not_by_the_visitor(site):
    visitor, most = site.test_client(), LIMITS[Limited.ADDRESS].tries
    for number in range(most):
        enter(visitor, f"nobody{number}@hospital.example", "wrong", behind=f"203.0.113.{number}, 198.51.100.9")
    assert enter(visitor, behind="10.0.0.1, 198.51.100.9").status_code == 429
    assert enter(site.test_client(), behind="198.51.100.9, 192.0.2.1").status_code == 303


def test_without_a_proxy_nobody_can_say_that_they_are_somebody_else(app, client):
    make_staff()
    for number in range(LIMITS[Limited.ADDRESS].tries):
        data = {"email": f"nobody{number}@hospital.example", "password": "wrong"}
        client.post("/sign-in", data=data, headers={"X-Forwarded-For": f"203.0.113.{number}"})
    data = {"email": "hana.novak@hospital.example", "password": PASSWORD}
    assert client.post("/sign-in", data=data, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 429


@pytest.mark.parametrize("host", ["evil.example", "evil.example:99999", "a b", "[::1", "redress.hospital.example@evil.example", "%", "é"])
def test_the_host_that_a_visitor_names_stands_in_no_page_and_no_redirect(client, host):
    for path in ("/sign-in", "/account", "/concerns/new", "/nothing", "/cases"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code in {200, 303, 308, 400, 404}, (path, host)
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("token", ["", "made-up", "¿", "\ud800", "ImEi.aaaa.bbbb", "x" * 100_000, "\x00", "null", "[]"])
def test_a_form_without_its_own_token_changes_nothing(client, token):
    client.get("/sign-in")
    for path in ("/sign-in", "/sign-out", "/forgotten", "/cases/new", "/staff/new", "/tasks/" + "0" * 32):
        data = f"csrf_token={token}".encode("utf-8", "surrogatepass")
        answer = client.post(path, data=data, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 400, path
        assert "Reload it and send it again" in answer.text


def test_another_visitor_s_token_is_worth_nothing(app, client):
    other = app.test_client()
    token = form_token(other.get("/sign-in").text)
    client.get("/sign-in")
    assert client.post("/sign-out", data={"csrf_token": token}).status_code == 400
    assert other.post("/sign-out", data={"csrf_token": token}).status_code == 303


@pytest.mark.parametrize("query", ["view=mine&view=%00", "site=MAIN&site=%00", "%00=1&view=mine", "after=a&after=%00"])
def test_what_is_given_twice_is_looked_at_twice(client, query):
    assert client.get(f"/cases/?{query}").status_code == 404
