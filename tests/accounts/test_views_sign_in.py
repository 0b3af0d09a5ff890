"""The door as a browser sees it: fresh sessions, no way back in after signing out, one answer for every name, no words lost."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_actor, make_staff
from tests.facts import MONDAY
from ticketing.accounts import service
from ticketing.accounts.rules import LIMITS, Limited
from ticketing.core.database import db
from ticketing.core.permissions import Role
from ticketing.outbox.jobs import render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import to_row

EMAIL = "hana.novak@hospital.example"
NEW = "nine red umbrellas fly"
COOKIE = "redress"


@pytest.fixture(autouse=True)
def hana(app, set_clock):
    set_clock(MONDAY)
    return make_staff(Role.ADMINISTRATOR)


def enter(client, email=EMAIL, password=PASSWORD, **more):
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def mailed_link():
    row = db.session.scalar(sa.select(OutboxMessage).order_by(OutboxMessage.id.desc()))
    return urlsplit(re.search(r"http\S+/password/\S+", render_mail(to_row(row)).text)[0]).path


def test_a_stranger_is_sent_to_the_door_and_back_again(client):
    away = client.get("/teams")
    assert away.location == "/sign-in?next=/teams"
    answer = client.fill_in(away.location, {"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 303
    assert answer.location == "/teams"


def test_the_start_page_is_the_role_s_own(client):
    assert client.get("/").location == "/sign-in"
    assert enter(client).location == "/"
    assert client.get("/").location == "/staff"
    assert client.get("/sign-in").location == "/"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example", "/%09/evil.example",
                                  "\\\\evil.example", "javascript:alert(1)", "/\n/evil.example", "////evil.example", "/@evil.example"])
def test_nobody_is_led_away_after_signing_in(client, path):
    assert enter(client, next=path).location == "/"
    client.post("/sign-out")
    assert "evil" not in client.get("/sign-in", query_string={"next": path}).text


def test_the_session_and_form_token_are_new_at_sign_in(client):
    client.page("/sign-in")
    with client.session_transaction() as before:
        before["token"] = "planted"
        planted = dict(before)
    enter(client)
    with client.session_transaction() as after:
        assert after["token"] != "planted"
        assert after.get("csrf_token") != planted.get("csrf_token")
        assert len(after["token"]) >= 43


def test_a_kept_cookie_is_worth_nothing_after_signing_out(client):
    enter(client)
    kept = client.get_cookie(COOKIE).value
    assert client.get("/account").status_code == 200
    assert client.post("/sign-out").location == "/sign-in"
    client.set_cookie(COOKIE, kept)
    assert client.get("/account").status_code == 303


def test_signing_out_needs_a_form_and_ends_one_browser_only(app, client):
    other = app.test_client()
    enter(client)
    enter(other)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out", csrf=False).status_code == 400
    client.post("/sign-out")
    assert other.get("/account").status_code == 200


def test_a_browser_is_signed_out_when_idle_and_when_old(client, set_clock):
    enter(client)
    set_clock(MONDAY + timedelta(minutes=29))
    client.page("/account")
    set_clock(MONDAY + timedelta(minutes=58))
    client.page("/account")
    set_clock(MONDAY + timedelta(minutes=88))
    assert client.get("/account").status_code == 303
    assert "signed out, to keep patients" in client.page("/sign-in").text
    enter(client)
    for minutes in range(88, 88 + 12 * 60, 25):
        set_clock(MONDAY + timedelta(minutes=minutes))
        client.page("/account")
    set_clock(MONDAY + timedelta(minutes=88 + 12 * 60))
    assert client.get("/account").status_code == 303


def test_words_typed_into_a_form_survive_a_lost_session(client, set_clock):
    enter(client)
    set_clock(MONDAY + timedelta(hours=1))
    typed = {"name": "Dee Ray, the new night sister of Ward 7", "password": "not to be shown at all", "x": "short"}
    page = client.send("/staff/new", typed, status=401)
    assert "Dee Ray, the new night sister" in page.one("textarea").text
    assert "not to be shown" not in page.text
    assert client.post("/staff/new", data={"name": "again, and this is a stranger now"}).status_code == 303


def test_a_closed_account_is_out_at_its_next_click(client, hana):
    enter(client)
    boss = make_actor(Role.ADMINISTRATOR, "Ada Min")
    service.deactivate(hana.uid, by=boss, at=MONDAY)
    assert client.get("/account").status_code == 303


def test_another_browser_is_signed_out_from_the_account_page(app, client):
    other = app.test_client()
    enter(other)
    enter(client)
    page = client.page("/account")
    (form,) = [f for f in page.all("form") if "/account/sessions/" in f.get("action") and f.get("action") != "/account/sessions/end"]
    client.post(form["action"])
    assert other.get("/account").status_code == 303
    assert client.get("/account").status_code == 200
    enter(other)
    client.post("/account/sessions/end")
    assert other.get("/account").status_code == 303


def test_known_and_unknown_names_read_the_same(client):
    def told(email):
        page = client.send("/sign-in", {"email": email, "password": "wrong"})
        return re.sub(r"value=\"[^\"]*\"", "", page.html)

    assert told(EMAIL) == told("nobody@hospital.example")
    answers = [client.post("/forgotten", data={"email": email}) for email in (EMAIL, "nobody@hospital.example", "x" * 300, "\x00")]
    assert {(answer.status_code, answer.location) for answer in answers[:3]} == {(303, "/forgotten/sent")}
    assert answers[3].status_code == 422


def test_a_lock_says_when_to_come_back_and_how_to_help_oneself(client, set_clock):
    for _ in range(LIMITS[Limited.NAME].tries - 1):
        client.send("/sign-in", {"email": EMAIL, "password": "wrong"})
    for email_tries in (1, 2):
        page = client.send("/sign-in", {"email": EMAIL, "password": "wrong" if email_tries == 1 else PASSWORD}, status=429)
        assert "Try again at 09:45" in page.text
        assert "ask for a new one" in page.text
        assert "/forgotten" in page.links().values()
    assert enter(client).headers["Retry-After"] == "900"
    set_clock(MONDAY + timedelta(minutes=15))
    assert enter(client).status_code == 303


def test_the_last_sign_in_is_shown(client, set_clock):
    enter(client)
    client.post("/sign-out")
    set_clock(MONDAY + timedelta(days=1))
    enter(client)
    page = client.page("/account")
    assert "You last signed in Mon 2 Mar 2026, 09:30. If that was not you" in page.text


def test_the_typed_address_stays_and_the_password_does_not(client):
    page = client.send("/sign-in", {"email": "dee@hospital.example", "password": "my secret words"})
    assert page.values()["email"] == "dee@hospital.example"
    assert "my secret words" not in page.html


def test_a_forgotten_password_is_replaced_by_mail(client):
    client.fill_in("/forgotten", {"email": EMAIL})
    client.page("/forgotten/sent")
    link = mailed_link()
    for _ in range(3):
        assert "Choose a new password" in client.page(link).text  # mail scanners open links: nothing happens
    assert "differ" in client.send(link, {"password": NEW, "again": "another"}).text
    assert "12 characters" in client.send(link, {"password": "short", "again": "short"}).text
    assert client.fill_in(link, {"password": NEW, "again": NEW}).location == "/sign-in"
    client.page(link, status=410)
    client.send(link, {"password": NEW, "again": NEW}, status=410)
    assert enter(client, password=NEW).status_code == 303


@pytest.mark.parametrize("link", ["/password/x", "/password/%F0%9F%92%A9", "/password/" + "x" * 3000])
def test_a_made_up_link_says_so(client, link):
    assert "no longer works" in client.page(link, status=410).text


def test_a_password_is_changed_and_other_browsers_go(app, client):
    other = app.test_client()
    enter(other)
    enter(client)
    before = client.get_cookie(COOKIE).value
    wrong = client.send("/account/password", {"present": "wrong", "password": NEW, "again": NEW})
    assert "not the password you use now" in wrong.text
    easy = client.send("/account/password", {"present": PASSWORD, "password": "password1234", "again": "password1234"})
    assert "first that people try" in easy.text
    assert client.fill_in("/account/password", {"present": PASSWORD, "password": NEW, "again": NEW}).location == "/account"
    client.page("/account")
    assert other.get("/account").status_code == 303
    client.set_cookie(COOKIE, before)
    assert client.get("/account").status_code == 303


def test_the_cookie_is_closed_to_scripts_and_other_sites(client):
    cookie = enter(client).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" not in cookie


def test_the_cookie_of_a_real_site_is_locked_to_its_host(new_app):
    answer = new_app(secure_cookies=True).test_client().get("/sign-in", base_url="https://redress.example")
    assert answer.headers["Set-Cookie"].startswith("__Host-redress=")
    assert "Secure" in answer.headers["Set-Cookie"]
