"""Single sign-on against a real OpenID provider on loopback: in by verified address once and by subject from then on, and out again."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import time
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests
import sqlalchemy as sa

from tests.factories import make_actor, make_staff
from tests.facts import ROOT, missing
from ticketing.accounts import queries, service
from ticketing.accounts.models import Ceremony, Identity
from ticketing.audit.queries import timeline
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.permissions import Role

FOLDER = ROOT / "tests" / "accounts" / "provider"
HANA = "hana.novak@hospital.example"
PEOPLE = {
    "s-hana": {"email": HANA.upper(), "email_verified": True, "name": "Hana Novak"},
    "s-married": {"email": HANA, "email_verified": True},
    "s-stranger": {"email": "nobody@hospital.example", "email_verified": True},
    "s-unproven": {"email": HANA, "email_verified": False},
    "s-careful": {"email": HANA, "email_verified": True, "amr": ["pwd", "mfa"]},
}


@pytest.fixture(scope="module")
def issuer():
    """The provider's address while this file's tests run."""
    node, npm = os.environ.get("NODE") or shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("Node and npm are not here: `apt-get install nodejs npm`.")
    _install(npm)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [node, "provider.mjs", str(port), "redress", "http://localhost/sign-in/back", json.dumps(PEOPLE)]
    with subprocess.Popen(arguments, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, running)
        yield address
        running.kill()


def _install(npm):
    """What the lock file names, once; two workers take turns."""
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (FOLDER / "node_modules" / ".package-lock.json").exists():
            return
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, capture_output=True, text=True,
                              check=False, timeout=120)
        if done.returncode:
            missing("npm could not install the OpenID provider for the tests (is the package registry in reach?).")


def _wait_for(address, running):
    for _ in range(150):
        assert running.poll() is None, "the provider stopped"
        try:
            requests.get(f"{address}/.well-known/openid-configuration", timeout=2)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the provider did not start")


@pytest.fixture
def linked_to(app, issuer):
    """The program as it stands where a hospital has a sign-in of its own."""
    app.config.update(
        OIDC_ISSUER=issuer, OIDC_CLIENT_ID="redress", OIDC_CLIENT_SECRET="a test's secret, not a secret", PRIVATE_HOSTS="127.0.0.1",
        OIDC_NAME="Larkmoor account",
    )
    return app


def travel(client, issuer, subject="s-hana", onward=""):
    """Out to the provider and back, as a browser does it; returns what it came back with."""
    requests.get(f"{issuer}/choose", params={"subject": subject}, timeout=5)
    page = client.send("/sign-in/single", {"next": onward}, status=200)
    address = page.one("main").one("a")["href"]
    assert page.one("meta", http_equiv="refresh")["content"] == f"0;url={address}"
    with requests.Session() as browser:
        answer = browser.get(address, allow_redirects=False, timeout=5)
        for _ in range(10):
            following = answer.headers.get("Location", "")
            if following.startswith("http://localhost/"):
                break
            answer = browser.get(requests.compat.urljoin(answer.url, following), allow_redirects=False, timeout=5)
    return {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}


def arrive(client, came):
    page = client.page("/sign-in/back", query_string=came)
    return client.post("/sign-in/back", data=page.values())


def enter(client, issuer, subject="s-hana", onward=""):
    return arrive(client, travel(client, issuer, subject, onward))


def told(client):
    return client.page("/sign-in").one("div", class_="messages").text


def test_an_account_is_linked_once_by_its_verified_address_and_found_by_subject_from_then_on(linked_to, client, issuer):
    hana = make_staff()
    assert "Sign in with your Larkmoor account" in client.page("/sign-in").text
    assert enter(client, issuer, onward="/account/leave").location == "/account/leave"
    entries = timeline(staff_stream(hana.uid))
    assert [entry.act for entry in entries[:2]] == [Act.STAFF_SIGNED_IN, Act.STAFF_IDENTITY_LINKED]
    assert entries[0].facts["method"] == "single sign-on"
    assert "Your account is linked to it" in client.page("/account/security").text
    out = client.send("/sign-out", status=200)
    assert f"{issuer}/session/end?client_id=redress" in unescape(out.one("main").one("a")["href"])
    assert client.get("/account").status_code == 303

    ada = make_actor(Role.ADMINISTRATOR, "Ada Min")
    service.change_staff(hana.uid, name="Hana Reed", email="hana.reed@hospital.example", role=Role.OFFICER, by=ada, at=clock.now())
    assert enter(client, issuer).location == "/"
    assert "Hana Reed" in client.page("/account").text
    client.post("/sign-out")

    make_staff(name="Hana Novak")  # a new colleague gets the old address: another account, which the old subject never opens
    assert enter(client, issuer, "s-married").location == "/"
    assert "hana.novak@hospital.example" in client.page("/account").text


@pytest.mark.parametrize(("subject", "sentence"), [
    ("s-stranger", "you have no account in Redress"), ("s-unproven", "no verified e-mail address"),
])
def test_whom_the_hospital_knows_and_we_do_not_is_told_so(linked_to, client, issuer, subject, sentence):
    make_staff()
    assert enter(client, issuer, subject).location == "/sign-in"
    assert sentence in told(client)
    assert client.get("/account").status_code == 303
    assert timeline(ACCESS_STREAM)[0].act == Act.STAFF_SIGN_IN_REFUSED
    assert "nobody@" not in repr(timeline(ACCESS_STREAM))


def test_an_address_given_to_somebody_else_opens_nothing(linked_to, client, issuer):
    make_staff()
    enter(client, issuer)
    client.post("/sign-out")
    assert enter(client, issuer, "s-married").location == "/sign-in"
    assert "Another person" in told(client)


def test_a_leaver_is_not_let_in(linked_to, client, issuer):
    hana = make_staff()
    service.deactivate(hana.uid, by=make_actor(Role.ADMINISTRATOR, "Ada Min"), at=clock.now())
    enter(client, issuer)
    assert "you have no account" in told(client)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Identity)) == 0


def test_a_second_step_of_ours_is_asked_for_unless_the_hospital_asked_for_one(linked_to, client, issuer):
    hana, at = make_staff(), clock.now() - timedelta(minutes=5)
    here = queries.signed_in(service.sign_in(queries.weigh(HANA, "seven green kettles sing", "10.0.0.1", at=at), "", at=at).token, at=at)
    begun = service.begin_app(by=hana.actor, at=at)
    app = pyotp.TOTP(queries.pending_app(begun, hana.id, at=at).secret.replace(" ", ""))
    service.add_app(begun, app.at(at), queries.draw_recovery_codes(), session_id=here.session_id, by=hana.actor, at=at)
    assert enter(client, issuer).location == "/sign-in/second-step"
    assert client.fill_in("/sign-in/second-step", {"code": app.now()}).location == "/"
    assert "single sign-on and code" in client.page("/account").text


def test_the_hospital_s_own_second_step_counts(linked_to, client, issuer):
    make_staff()
    linked_to.config["MFA_ROLES"] = "officer"
    enter(client, issuer, "s-careful")
    client.page("/account")


def test_a_role_that_must_have_one_is_led_to_set_it_up(linked_to, client, issuer):
    make_staff()
    linked_to.config["MFA_ROLES"] = "officer"
    enter(client, issuer)
    assert client.get("/account").location == "/account/security"


def test_what_was_forged_or_used_before_opens_nothing(linked_to, app, client, issuer):
    make_staff()
    came = travel(client, issuer)
    assert arrive(app.test_client(), came).location == "/sign-in", "another browser"
    assert arrive(client, {**came, "state": "forged"}).location == "/sign-in"
    assert "did not begin in this browser" in told(client)
    came = travel(client, issuer)
    assert arrive(client, {**came, "code": "forged"}).location == "/sign-in"
    assert "did not confirm who you are" in told(client)
    came = travel(client, issuer)
    assert arrive(client, came).location == "/"
    client.post("/sign-out")
    assert arrive(client, came).location == "/sign-in"
    assert client.get("/account").status_code == 303


def test_an_answer_to_another_question_is_not_taken(linked_to, client, issuer):
    """The nonce in the signed answer is not the one that this browser asked with."""
    make_staff()
    came = travel(client, issuer)
    row = db.session.scalars(sa.select(Ceremony).order_by(Ceremony.id.desc())).first()
    db.session.execute(sa.update(Ceremony).where(Ceremony.id == row.id).values(facts={**row.facts, "nonce": "another"}))
    db.session.commit()
    assert arrive(client, came).location == "/sign-in"
    assert "did not confirm who you are" in told(client)


@pytest.mark.parametrize("came", [
    {"error": "access_denied"}, {"error": "x" * 5000, "error_description": "<script>"}, {}, {"code": "¿", "state": "¿"},
    {"code": "x" * 5000, "state": "y"}, {"state": "\ud800".encode("utf-8", "surrogatepass")},
])
def test_odd_returns_get_a_sentence(linked_to, client, came):
    answer = client.get("/sign-in/back", query_string=came)
    if answer.status_code == 200:
        answer = client.post("/sign-in/back", data=came)
    assert answer.location == "/sign-in"
    assert re.search("did not (confirm|begin)", told(client))


def test_a_look_at_the_return_address_uses_nothing_up(linked_to, client, issuer):
    make_staff()
    came = travel(client, issuer)
    for _ in range(3):
        client.page("/sign-in/back", query_string=came)
    assert arrive(client, came).location == "/"


@pytest.mark.parametrize("broken", [
    {"OIDC_ISSUER": "http://127.0.0.1:9"}, {"PRIVATE_HOSTS": ""}, {"OIDC_ISSUER": "http://localhost:1"}, {"OIDC_ISSUER": "https://[::1]:9"},
    {"OIDC_ISSUER": "nonsense"},
])
def test_a_provider_out_of_reach_leaves_the_password(linked_to, client, broken):
    queries.single_sign_on._known.clear()
    linked_to.config.update(broken)
    make_staff()
    assert client.post("/sign-in/single").location == "/sign-in"
    assert "cannot be reached just now" in told(client)
    answer = client.post("/sign-in", data={"email": HANA, "password": "seven green kettles sing"})
    assert answer.location == "/"


@pytest.mark.parametrize("claims", [
    {}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256}, {"sub": "a\x00b"}, {"sub": "\ud800"}, {"sub": None}, {"sub": ["s"]},
])
def test_a_subject_that_is_none_proves_nobody(app, claims):
    where = queries.Provider("https://idp.example", "", "", "", None, None)
    assert queries.single_sign_on._proof(where, claims) is None


@pytest.mark.parametrize(("claims", "email"), [
    ({"email": "a@b.example", "email_verified": True}, "a@b.example"), ({"email": "a@b.example", "email_verified": "true"}, None),
    ({"email": "a@b.example"}, None), ({"email": 7, "email_verified": True}, None), ({"email": None, "email_verified": True}, None),
])
def test_only_a_verified_address_is_taken(app, claims, email):
    where = queries.Provider("https://idp.example", "", "", "", None, None)
    assert queries.single_sign_on._proof(where, {"sub": "s", **claims}).email == email


@pytest.mark.parametrize("email", ["\x00", "\ud800@x.example", "nobody\x00@hospital.example"])
def test_an_address_no_database_could_keep_finds_nobody(app, email):
    at = clock.now()
    begun = service.begin_single_sign_on("192.0.2.1", "", at=at)
    proof = queries.Proof("https://idp.example", "s", email, False)
    assert service.sign_in_by_proof(begun.token, begun.state, proof, "", at=at) is service.Refusal.UNKNOWN


def test_where_there_is_none_nothing_of_it_shows(client):
    assert "account" not in client.page("/sign-in").one("main").text.replace("No account yet", "").replace("no account needed", "")
    assert client.post("/sign-in/single").status_code == 404
    assert client.get("/sign-in/back").status_code == 404
