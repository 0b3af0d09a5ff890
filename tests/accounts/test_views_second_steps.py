"""Second steps as people meet them: setting up, signing in with a code, proving who one is first, and the role that must have one."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from tests.factories import PASSWORD, make_actor, make_staff
from tests.facts import MONDAY
from ticketing.core.permissions import Role

EMAIL = "hana.novak@hospital.example"
COOKIE = "redress"


@pytest.fixture(autouse=True)
def monday(set_clock):
    set_clock(MONDAY)


@pytest.fixture
def hana(app):
    return make_staff()


def enter(client, email=EMAIL, password=PASSWORD):
    return client.post("/sign-in", data={"email": email, "password": password})


def set_up(client, at=MONDAY):
    """As a person does it; returns (the telephone's app, the page with the recovery codes)."""
    assert client.post("/account/security/app").location == "/account/security/app/new"
    page = client.page("/account/security/app/new")
    secret = page.one("code").text.replace(" ", "")
    assert page.one("svg", class_="accounts-qr").one("path")["d"].startswith("M4 4h1")
    wrong = client.send("/account/security/app/new", {"code": "000000"})
    assert "not the code that the app shows now" in wrong.text
    app = pyotp.TOTP(secret)
    return app, client.send("/account/security/app/new", {"code": app.at(at)}, status=200)


def test_an_app_is_set_up_and_asked_for_at_the_next_sign_in(client, hana, set_clock):
    enter(client)
    assert "your password alone opens your account" in client.page("/account/security").text
    app, shown = set_up(client)
    codes = [item.text for item in shown.all("code")]
    assert len(codes) == 10
    assert not any(code in client.page("/account/security").text for code in codes), "shown once"
    client.post("/sign-out")
    later = MONDAY + timedelta(minutes=5)
    set_clock(later)
    assert enter(client).location == "/sign-in/second-step"
    assert client.get("/account").status_code == 303, "half way in is not in"
    client.page("/sign-in/second-step")
    assert "not right, or it was used already" in client.send("/sign-in/second-step", {"code": "000000"}).text
    assert "Enter the code" in client.send("/sign-in/second-step", {"code": ""}).text
    assert client.fill_in("/sign-in/second-step", {"code": app.at(later)}).location == "/"
    assert "password and code" in client.page("/account").text
    client.post("/sign-out")
    enter(client)
    assert client.fill_in("/sign-in/second-step", {"code": codes[0]}).location == "/"
    assert "9 codes left" in client.page("/account/security").text


def test_the_page_that_was_wanted_is_reached_after_the_second_step(client, hana, set_clock):
    enter(client)
    app, _ = set_up(client)
    client.post("/sign-out")
    set_clock(MONDAY + timedelta(minutes=1))
    assert client.fill_in("/sign-in?next=/account/leave", {"email": EMAIL, "password": PASSWORD}).location == "/sign-in/second-step"
    assert client.fill_in("/sign-in/second-step", {"code": app.at(MONDAY + timedelta(minutes=1))}).location == "/account/leave"


def test_too_many_wrong_codes_say_when_to_come_back(client, hana, set_clock):
    enter(client)
    set_up(client)
    client.post("/sign-out")
    enter(client)
    for _ in range(4):
        client.send("/sign-in/second-step", {"code": "000000"})
    page = client.send("/sign-in/second-step", {"code": "000000"}, status=429)
    assert "Too many wrong codes" in page.text
    assert "Try again at 09:45" in page.text
    assert page.response.headers["Retry-After"] == "900"


@pytest.mark.parametrize("code", ["\x00", "\ud800", "¿", "x" * 5000, "１２３４５６", "12\r\n3456"])
def test_hostile_codes_get_an_answer(client, hana, code):
    enter(client)
    set_up(client)
    client.post("/sign-out")
    enter(client)
    client.send("/sign-in/second-step", {"code": code.encode("utf-8", "surrogatepass")})


def test_without_a_password_first_there_is_no_second_step(client):
    assert client.get("/sign-in/second-step").location == "/sign-in"
    assert client.post("/sign-in/second-step", data={"code": "123456"}).location == "/sign-in"
    assert "took too long" in client.page("/sign-in").text


def test_what_opens_an_account_is_changed_only_after_proving_who_one_is(client, hana, set_clock):
    enter(client)
    set_clock(MONDAY + timedelta(minutes=10))
    assert client.post("/account/security/app").location == "/account/confirm?next=/account/security"
    assert client.get("/account/security/passkeys/new").location == "/account/confirm?next=/account/security/passkeys/new"
    before = client.get_cookie(COOKIE).value
    asked = client.send("/account/confirm", {"password": "wrong"})
    assert "not your password" in asked.text
    done = client.fill_in("/account/confirm?next=/account/security/passkeys/new", {"password": PASSWORD})
    assert done.location == "/account/security/passkeys/new"
    assert client.get_cookie(COOKIE).value != before
    client.page("/account/security/passkeys/new")
    client.set_cookie(COOKIE, before)
    assert client.get("/account").status_code == 303, "the session from before is worth nothing"


def test_nobody_is_led_away_after_confirming(client, hana):
    enter(client)
    data = {"password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/account/confirm", data=data).location == "/account/security"


def test_confirming_asks_for_the_code_where_there_is_one(client, hana, set_clock):
    enter(client)
    app, _ = set_up(client)
    later = MONDAY + timedelta(minutes=15)
    set_clock(later)
    assert "is not right" in client.send("/account/confirm", {"password": PASSWORD, "code": "000000"}).text
    assert client.fill_in("/account/confirm", {"password": PASSWORD, "code": app.at(later)}).status_code == 303
    client.post("/account/security/app/remove")
    assert "None yet" in client.page("/account/security").text


def test_a_role_that_must_have_a_second_step_gets_no_further_without(app, client, hana):
    app.config["MFA_ROLES"] = "officer"
    enter(client)
    for path in ("/", "/account", "/account/leave", "/cases", "/staff"):
        assert client.get(path).location == "/account/security", path
    assert client.post("/account/sessions/end").location == "/account/security"
    assert "Your role needs a second step" in client.page("/account/security").text
    set_up(client)
    client.page("/account")


def test_other_roles_are_not_asked(app, client, hana):
    app.config["MFA_ROLES"] = "administrator manager"
    enter(client)
    client.page("/account")


def test_an_administrator_resets_a_lost_second_step(app, client, hana):
    other = app.test_client()
    enter(other)
    set_up(other)
    make_actor(Role.ADMINISTRATOR, "Ada Min", password=PASSWORD)
    enter(client, "ada.min@hospital.example")
    page = client.page(f"/staff/{hana.uid}")
    address = page.links()["Reset the second step"]
    assert "Say why" in client.send(address, {"why": " "}).text
    assert client.fill_in(address, {"why": "Lost her telephone; I know her voice."}).location == f"/staff/{hana.uid}"
    assert "Second step None" in client.page(f"/staff/{hana.uid}").text
    assert other.get("/account").status_code == 303


def test_passkey_answers_made_by_hand_open_nothing(client, hana):
    enter(client)
    answers = ("", "x", "{}", "[]", "null", '{"id":"a","rawId":"a","response":{},"type":"public-key"}', "[" * 10_000, "\x00", "9" * 30_000)
    for answer in answers:
        client.post("/account/security/passkeys/options")
        assert client.post("/account/security/passkeys/new", data={"name": "K", "answer": answer}).status_code == 422, answer[:20]
    client.post("/sign-out")
    for answer in answers:
        options = client.post("/sign-in/passkey/options")
        assert options.json["userVerification"] == "required"
        assert not options.json.get("allowCredentials"), "a stranger is told of nobody's keys"
        assert client.post("/sign-in/passkey", data={"answer": answer}).location == "/sign-in"
    assert client.get("/account").status_code == 303


def test_the_options_tell_the_browser_what_we_want(client, hana):
    enter(client)
    options = client.post("/account/security/passkeys/options")
    assert options.mimetype == "application/json"
    assert options.json["rp"]["id"] == "localhost"
    chosen = options.json["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert len(options.json["challenge"]) >= 43
    assert options.json["challenge"] != client.post("/account/security/passkeys/options").json["challenge"]


def test_many_passkey_tries_from_one_address_are_slowed(client, hana):
    answers = [client.post("/sign-in/passkey/options").status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]


