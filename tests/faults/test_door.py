"""Faults that a careful program still had at its door, each tried on the real pages: on both databases, as the suite runs on both."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.factories import PASSWORD, enter, make_hospital, make_staff
from tests.facts import MONDAY
from tests.probes import contents, count_queries
from ticketing.accounts import queries, service
from ticketing.accounts.models import SingleUseToken
from ticketing.accounts.rules import LIMITS, Limited, token_hash
from ticketing.audit.models import AuditEntry, AuditKey, AuditPrivate, AuditQueue, AuditStream
from ticketing.audit.rules.acts import READS
from ticketing.core.database import db
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Role

EMAIL = "hana.novak@hospital.example"
TRAIL = frozenset({"audit_stream", "audit_entry", "audit_private", "audit_key", "audit_queue"})  # where what was read is noted
BOXES = {"csrf_token": "¿", "email": "é", "password": "ü", "next": "¿", "once": "¿", "answer": "¿", "code": "¿", "state": "¿"}


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/forgotten", "/sign-in/second-step", "/sign-in/passkey",
                                  "/sign-in/passkey/options", "/concerns/new", "/password/x"])
@pytest.mark.parametrize("odd", ["¿", "ﷺ" * 50, "\x7f", "\ud800"])
def test_a_form_token_that_is_not_ascii_is_refused_like_any_other(client, path, odd):
    """hmac.compare_digest raises for text beyond ASCII."""
    data = {name: odd.encode("utf-8", "surrogatepass") for name in BOXES}
    answer = client.post(path, data=data, csrf=False)
    assert answer.status_code in {400, 410, 422, 429}
    answer = client.post(path, data={"csrf_token": client.csrf_token(), **{name: data[name] for name in data if name != "csrf_token"}})
    assert answer.status_code < 500


def test_a_wrong_name_writes_what_a_wrong_password_writes(client):
    """A throttle that only known names have tells who is known, by the time it takes."""
    make_staff()
    tables = {}
    for email in (EMAIL, "nobody@hospital.example", EMAIL, "nobody@hospital.example"):
        with count_queries() as sent:
            client.post("/sign-in", data={"email": email, "password": "wrong"})
        tables[email] = Counter(re.sub(r"\s+", " ", statement)[:60] for statement in sent.sent)
    assert tables[EMAIL] == tables["nobody@hospital.example"]


def test_asking_for_a_new_password_writes_as_often_for_nobody(client):
    make_staff()
    writes = {}
    for email in ("warm.up@hospital.example", EMAIL, "nobody@hospital.example"):
        with count_queries() as sent:
            client.post("/forgotten", data={"email": email})
        writes[email] = sum(bool(re.match(r"\s*(INSERT|UPDATE|DELETE)", statement)) for statement in sent.sent)
    assert abs(writes[EMAIL] - writes["nobody@hospital.example"]) <= 1


def test_a_cookie_kept_from_before_signing_out_opens_nothing(app, client):
    """A signed cookie alone would: the session must be on the server."""
    make_staff()
    client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    kept = client.get_cookie("redress").value
    client.page("/account")
    client.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("redress", kept)
    assert thief.get("/account").status_code == 303
    client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    assert thief.get("/account").status_code == 303, "nor when its owner comes back"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/second-step", "/sign-in/passkey/options", "/forgotten", "/password/" + "x" * 43])
def test_a_database_out_of_reach_is_said_with_when_to_come_back(new_app, path):
    app = new_app(database_url="postgresql+psycopg://redress@127.0.0.1:9/none")
    client = app.test_client()
    token = client.csrf_token()
    answer = client.post(path, data={"csrf_token": token, "email": EMAIL, "password": "x", "code": "1"}, csrf=False)
    assert answer.status_code in {503, 303}
    if answer.status_code == 503:
        assert answer.headers["Retry-After"]
        assert "cannot reach the database" in answer.text


def assert_only_readings_noted(before, after):
    """The trail lost nothing, and gained entries of what was read and what belongs to those alone."""
    def rows(found, model):
        return {tuple(row) for row in found[model.__tablename__]}

    def added(model):
        names = model.__table__.columns.keys()
        return [dict(zip(names, row, strict=True)) for row in rows(after, model) - rows(before, model)]

    for model in (AuditEntry, AuditPrivate, AuditKey, AuditQueue):
        assert rows(before, model) <= rows(after, model), model
    entries = added(AuditEntry)
    streams = {entry["stream"] for entry in entries}
    assert {entry["act"] for entry in entries} <= set(READS)
    assert {row["entry_id"] for row in added(AuditQueue)} == {entry["id"] for entry in entries}, "each waits for the sealer"
    assert {row["entry_uid"] for row in added(AuditPrivate)} <= {entry["uid"] for entry in entries}
    assert {row["stream"] for row in added(AuditKey)} <= streams
    assert {row["stream"] for row in added(AuditStream)} == streams


def test_a_scanner_that_opens_every_address_changes_nothing(app, client):
    """Mail scanners and link previews open whatever they are sent; no GET may use anything up."""
    make_hospital()
    hana = make_staff(name="Dee Ray")
    service.ask_reset(hana.email, "192.0.2.1", at=MONDAY)
    addresses = [re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda part: "1" if part[1].endswith("id") and part[1] != "uid" else "0" * 32, rule.rule)
                 for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint != "static"]
    for role in (None, Role.ADMINISTRATOR):  # the Client looks at every GET of every other test too
        if role is not None:
            enter(client, role, f"Nadia {role.title()}")
        before = contents()
        for address in addresses:
            assert client.open(address, method="GET" if role else "HEAD").status_code < 500, address
        after = contents()
        changed = {name for name, rows in after.items() if rows != before[name]}
        assert changed <= (TRAIL | {"user_sessions"} if role else set()), (role, changed)
        assert_only_readings_noted(before, after)


def test_a_link_for_one_purpose_is_good_for_no_other(app):
    hana = make_staff()
    db.session.rollback()
    service.ask_reset(hana.email, "192.0.2.1", at=MONDAY)
    row = db.session.query(SingleUseToken).one()
    secret = "a token made for something else entirely"
    db.session.execute(SingleUseToken.__table__.update().values(token_hash=token_hash(secret), purpose="unsubscribe"))
    db.session.expire(row)
    assert queries.live_token(secret, at=MONDAY) is None
    with pytest.raises(Conflict):
        service.set_password(secret, "nine red umbrellas fly", at=MONDAY)


def test_links_that_are_none_are_counted_by_address(client):
    for _ in range(LIMITS[Limited.LINK].tries):
        client.send("/password/" + "x" * 43, {"password": "y", "again": "y"}, status=410)
    client.send("/password/" + "x" * 43, {"password": "y", "again": "y"}, status=429)
    client.page("/password/" + "x" * 43, status=410)


def test_neighbours_in_one_ipv6_network_are_one_and_others_are_not(client):
    def knock(address):
        return client.post("/sign-in", data={"email": f"{address}@x.example", "password": "wrong"},
                           environ_base={"REMOTE_ADDR": address}).status_code

    for number in range(LIMITS[Limited.ADDRESS].tries):
        knock(f"2001:db8:1:2:{number:x}::1")
    assert knock("2001:db8:1:2:ffff::9") == 429
    assert knock("2001:db8:1:3::1") == 422


@pytest.mark.parametrize(("host", "status"), [
    ("redress.hospital.example", 200), ("other.hospital.example", 200), ("127.0.0.1:8000", 200), ("evil.example", 400),
    ("redress.hospital.example.evil.example", 400), ("a b", 400), ("[::1", 400),
])
def test_a_name_that_is_not_ours_is_not_answered(new_app, host, status):
    app = new_app(public_url="https://redress.hospital.example", trusted_hosts="other.hospital.example")
    answer = app.test_client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == status
    assert "evil.example" not in answer.text


def test_another_role_begins_with_signing_in_again(client):
    hana = make_staff()
    ada = make_staff(Role.ADMINISTRATOR, "Ada Min").actor
    client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    service.change_staff(hana.uid, name="Hana Reed", email=EMAIL, role=Role.OFFICER, by=ada, at=MONDAY)
    client.page("/account")
    service.change_staff(hana.uid, name="Hana Reed", email=EMAIL, role=Role.MANAGER, by=ada, at=MONDAY)
    assert client.get("/account").status_code == 303
