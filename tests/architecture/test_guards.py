"""Every endpoint is `@requires` or `@public`; what is open to everybody is this list."""

from __future__ import annotations

import pytest
from werkzeug.routing import BuildError, Rule

from ticketing.core.permissions import Permission
from ticketing.web.guards import OPEN_TO_ALL

PUBLIC = {
    "accounts.come_back",
    "accounts.forgotten",
    "accounts.forgotten_sent",
    "accounts.passkey_options",
    "accounts.passkey_sign_in",
    "accounts.password",
    "accounts.second_step",
    "accounts.set_out",
    "accounts.sign_in",
    "accounts.sign_out",
    "operations.healthz",
    "operations.metrics", "operations.readyz",
    "portal.new",
    "portal.received",
    "portal.why",
}


def endpoints(app):
    return {rule.endpoint: app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules() if rule.endpoint != "static"}


def address(app, rule: Rule) -> str:
    filled = {name: 1 if "Integer" in type(converter).__name__ else "x" for name, converter in rule._converters.items()}
    built = rule.build(filled)
    if built is None:
        raise BuildError(rule.endpoint, filled, "GET")
    return built[1]


def guarded(app, method: str) -> list[Rule]:
    return [
        rule for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint != "static" and app.view_functions[rule.endpoint].__guard__ != OPEN_TO_ALL
    ]


def test_every_endpoint_says_who_may_use_it(app):
    assert not [name for name, view in endpoints(app).items() if not hasattr(view, "__guard__")]


def test_only_the_listed_endpoints_are_public(app):
    assert {name for name, view in endpoints(app).items() if view.__guard__ == OPEN_TO_ALL} == PUBLIC


def test_guards_name_real_permissions(app):
    for name, view in endpoints(app).items():
        if view.__guard__ != OPEN_TO_ALL:
            assert view.__guard__, f"{name} requires nothing"
            assert all(isinstance(permission, Permission) for permission in view.__guard__), name


def test_a_stranger_is_sent_to_sign_in_from_every_guarded_page(app, client):
    for rule in guarded(app, "GET"):
        answer = client.get(address(app, rule))
        assert answer.status_code in {302, 303}, f"{rule} answered a stranger with {answer.status_code}"
        assert "/sign-in" in answer.location, f"{rule} sent a stranger to {answer.location}"


def test_a_stranger_changes_nothing(app, client):
    for rule in guarded(app, "POST"):
        answer = client.post(address(app, rule))
        assert answer.status_code in {302, 303}, f"{rule} answered a stranger with {answer.status_code}"
        assert "/sign-in" in answer.location, f"{rule} sent a stranger to {answer.location}"


def test_no_form_is_taken_without_its_token(app, client):
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            assert client.post(address(app, rule), csrf=False).status_code == 400, f"{rule} took a form without its token"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/cases/%00", "/static/../config.py", "/static/%2e%2e/config.py"])
def test_an_unguarded_address_never_breaks(client, path):
    assert client.get(path).status_code in {302, 303, 400, 404}


def test_an_endpoint_without_a_guard_is_refused(new_app):
    app = new_app()
    app.add_url_rule("/unguarded", "unguarded", lambda: "secret")
    assert app.test_client().get("/unguarded").status_code == 404
