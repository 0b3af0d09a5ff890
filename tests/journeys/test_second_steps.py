"""Passkeys in a real browser with a virtual authenticator: added, used to sign in in one step, and refused where they should be."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, make_staff
from tests.journeys.conftest import check_access
from ticketing.accounts import queries
from ticketing.audit.queries import timeline
from ticketing.audit.rules import Act, staff_stream
from ticketing.core.database import db

pytestmark = pytest.mark.journey
KEY = {
    "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}


class Authenticator:
    """A key in the browser's hand, made by the DevTools protocol."""

    def __init__(self, page: Page) -> None:
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        self.id = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]

    def check_person(self, is_them: bool) -> None:
        self.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": is_them})


@pytest.fixture
def hana(live):
    live.app.config["PUBLIC_URL"] = live.url.replace("127.0.0.1", "localhost")
    staff = make_staff()
    db.session.rollback()
    return staff


@pytest.fixture
def site(live):
    return live.url.replace("127.0.0.1", "localhost")


def by_password(page: Page, site: str) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("E-mail").fill("hana.novak@hospital.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_passkey_is_added_signs_in_in_one_step_confirms_and_is_taken_off(new_visitor, hana, site):
    page = new_visitor()
    key = Authenticator(page)
    by_password(page, site)
    page.goto(f"{site}/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name for it").fill("My telephone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    expect(page.locator("code")).to_have_count(10)
    check_access(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("rowheader", name="My telephone")).to_be_visible()
    check_access(page)

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/cases"))
    assert timeline(staff_stream(hana.uid))[0].act == Act.STAFF_SIGNED_IN
    assert timeline(staff_stream(hana.uid))[0].facts["method"] == "passkey"
    db.session.rollback()

    sign_out(page)
    key.check_person(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("cancelled or took too long")).to_be_visible()
    key.check_person(True)
    by_password(page, site)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    check_access(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile("/cases"))

    page.goto(f"{site}/account/confirm")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile("/account/security"))
    page.get_by_role("button", name="Take off : My telephone").click()
    expect(page.get_by_text("None yet")).to_be_visible()
    assert not queries.steps_of(hana.id).passkeys
    db.session.rollback()


def test_a_passkey_of_nobody_here_is_refused_kindly(new_visitor, hana, site):
    page = new_visitor()
    Authenticator(page)
    by_password(page, site)
    page.goto(f"{site}/account/security/passkeys/new")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("button", name="Take off").first.click()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("That passkey was not accepted")).to_be_visible()


def test_without_a_script_everything_but_passkeys_is_there(new_visitor, hana, site):
    page = new_visitor(has_scripts=False)
    by_password(page, site)
    page.goto(f"{site}/account/security")
    expect(page.get_by_role("button", name="Set up an app")).to_be_visible()
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_text("An authenticator app works without")).to_be_visible()


def sign_out(page: Page) -> None:
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(re.compile("/sign-in"))
