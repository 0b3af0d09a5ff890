"""Every route by every role: let in exactly as its guard says, and no address, method or odd value makes a page break.

The list of routes is the program's own, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.factories import Hospital, enter, make_case, make_hospital
from tests.facts import MONDAY
from ticketing.cases import service
from ticketing.core.permissions import GRANTS, Role
from ticketing.web.guards import OPEN_TO_ALL

MISSING = {"reference": "26-0000-0000-00", "uid": "0" * 32, "code": "NOWHERE", "token": "x" * 40, "name": "nothing", "target": "nothing",
           "leave_id": "999999", "number": "999999", "session_id": "999999", "filename": "css/base.css", "version": "nothing"}
ODD = ["\x00", "%00", "../../etc/passwd", "a" * 3000, "'; DROP TABLE cases; --", "<script>alert(1)</script>", "ﷺ", "９" * 40, "-1",
       "99999999999999999999999999", "\u202e26-0000"]


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def routes(app: Flask) -> list[tuple[str, str, frozenset[str]]]:
    """(endpoint, address with values that belong to nothing, methods)."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            address = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda part: MISSING[part[1]], rule.rule)
            found.append((rule.endpoint, address, frozenset(rule.methods or ()) & {"GET", "POST"}))
    return found


def may_enter(app: Flask, endpoint: str, role: Role) -> bool:
    guard = app.view_functions[endpoint].__guard__
    return guard == OPEN_TO_ALL or bool(guard & GRANTS[role])


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_let_in_where_its_permissions_say_and_nowhere_else(role, app, client, hospital):
    enter(client, role, "Nadia Frost")
    for endpoint, address, methods in routes(app):
        if endpoint == "accounts.sign_out":
            continue
        for method in methods:
            answer = client.open(address, method=method) if method == "GET" else client.post(address)
            assert answer.status_code < 500, (method, endpoint)
            assert (answer.status_code == 403) is not may_enter(app, endpoint, role), (method, endpoint, answer.status_code)


def test_a_stranger_is_sent_to_sign_in_from_every_page_that_is_not_public(app, client, hospital):
    for endpoint, address, methods in routes(app):
        if app.view_functions[endpoint].__guard__ == OPEN_TO_ALL or "GET" not in methods:
            continue
        answer = client.get(address)
        assert answer.status_code == 303, endpoint
        assert answer.headers["Location"].startswith("/sign-in"), endpoint


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMINISTRATOR, Role.CLINICIAN])
def test_odd_values_in_the_address_never_break_a_page(role, app, client, hospital):
    enter(client, role, "Nadia Frost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or "GET" not in (rule.methods or ()):
            continue
        for odd in ODD:
            address = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda _part, value=odd: value.replace("/", "%2F"), rule.rule)
            assert client.get(address).status_code < 500, (rule.endpoint, odd)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_methods_that_no_page_knows_are_refused(method, app, client, hospital):
    enter(client, Role.MANAGER)
    for endpoint, address, _ in routes(app):
        assert client.open(address, method=method).status_code in (400, 404, 405), endpoint


def test_a_hidden_case_answers_byte_for_byte_like_a_missing_one(client, hospital):
    reference = make_case(hospital.officer)
    reader = enter(client, Role.OFFICER, "Nadia Frost")
    service.name_subject(reference, reader.uid, by=hospital.officer, at=MONDAY)
    for path in ("/cases/{}", "/cases/{}/trail", "/cases/{}/timers/acknowledge", "/cases/{}/actions/note"):
        hidden, missing = client.get(path.format(reference)), client.get(path.format(MISSING["reference"]))
        assert hidden.status_code == missing.status_code == 404
        assert _plain(hidden.text) == _plain(missing.text)


def _plain(page: str) -> str:
    """Without what differs on every page: the number to ask about and the form's token."""
    return re.sub(r'value="[^"]+"|<span class="reference">[^<]+</span>', "", page)
