"""Settings: what the environment says is what the program gets, and what would be unsafe does not start."""

from __future__ import annotations

import pytest

from config import Settings, UnsafeSettings

KEY = "k" * 40
SAFE = {"REDRESS_ENV": "production", "SECRET_KEY": KEY, "AUDIT_KEYS": "1:" + "ab" * 32}


def test_production_starts_when_it_is_safe():
    settings = Settings.from_env(SAFE)
    assert settings.secure_cookies
    assert settings.as_config()["SESSION_COOKIE_NAME"] == "__Host-redress"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
    ({"AUDIT_KEYS": ""}, "AUDIT_KEYS is missing"),
    ({"AUDIT_KEYS": "1:abc"}, "AUDIT_KEYS is too short"),
    ({"AUDIT_KEYS": "nonsense"}, "AUDIT_KEYS is too short"),
    ({"AUDIT_KEYS": f"1:{KEY.encode().hex()}"}, "AUDIT_KEYS writes with SECRET_KEY"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or too short"),
    ({"DEBUG": "1"}, "DEBUG is on"),
    ({"FLASK_DEBUG": "true"}, "DEBUG is on"),
    ({"SECURE_COOKIES": "no"}, "SECURE_COOKIES is off"),
    ({"WEB_PROCESSES": "2"}, "SQLite serves one web process"),
    ({"REDRESS_ENV": "live"}, "use one of production"),
    ({"WEB_PROCESSES": "many"}, "must be a whole number"),
    ({"MFA_ROLES": "officer doctor"}, "MFA_ROLES is 'officer doctor': use the roles officer, clinician"),
    ({"SESSION_IDLE_BY_ROLE": "officer=soon"}, "SESSION_IDLE_BY_ROLE is"),
    ({"OIDC_ISSUER": "http://idp.example", "OIDC_CLIENT_ID": "x"}, "OIDC_ISSUER must begin with https"),
    ({"OIDC_ISSUER": "https://idp.example"}, "OIDC_CLIENT_ID is not"),
])
def test_what_would_be_unsafe_in_production_does_not_start_and_says_why(changes, sentence):
    with pytest.raises(UnsafeSettings, match=sentence):
        Settings.from_env(SAFE | changes)


def test_every_reason_is_given_at_once():
    with pytest.raises(UnsafeSettings) as refused:
        Settings.from_env({"REDRESS_ENV": "production", "DEBUG": "1", "WEB_PROCESSES": "3"})
    assert str(refused.value).count("\n- ") == 4


def test_several_web_processes_are_fine_on_postgresql():
    url = "postgresql://redress@db/redress"
    assert Settings.from_env(SAFE | {"WEB_PROCESSES": "4", "DATABASE_URL": url}).database_url == "postgresql+psycopg://redress@db/redress"


def test_development_needs_nothing_and_the_owner_of_the_tables_may_be_another():
    assert Settings.from_env({}).database_url.startswith("sqlite:///")
    settings = Settings.from_env({"DATABASE_URL": "postgresql://app@db/r", "MIGRATION_DATABASE_URL": "postgresql://owner@db/r"})
    assert settings.migration_database_url == "postgresql+psycopg://owner@db/r"


def test_postgresql_is_told_who_calls_and_notices_a_broken_wire():
    url = "postgresql://redress@db/redress?sslmode=verify-full"
    options = Settings.from_env({"DATABASE_URL": url, "DATABASE_POOL": "9", "DATABASE_SILENCE_SECONDS": "20"}).as_config()[
        "SQLALCHEMY_ENGINE_OPTIONS"]
    told = options["connect_args"]
    assert (told["application_name"], told["tcp_user_timeout"], told["connect_timeout"], told["keepalives"]) == ("redress", 20_000, 3, 1)
    assert options["pool_size"] == 9
    assert "sslmode" not in told  # the address says it
    assert Settings.from_env({"DATABASE_URL": url, "DATABASE_SSLMODE": "require"}).as_config()[
        "SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]["sslmode"] == "require"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"DATABASE_SSLMODE": "perhaps"}, "use one of disable"),
    ({"DATABASE_POOL": "0"}, "must be 1 or more"),
    ({"DATABASE_OVERFLOW": "-1"}, "must be 0 or more"),
])
def test_a_database_setting_that_cannot_be_is_named(changes, sentence):
    with pytest.raises(UnsafeSettings, match=sentence):
        Settings.from_env(changes)


def test_everybody_must_have_a_second_step_in_production_unless_told_and_nobody_in_the_demo():
    assert Settings.from_env(SAFE).mfa_roles == "all"
    assert Settings.from_env(SAFE | {"MFA_ROLES": "administrator"}).mfa_roles == "administrator"
    assert Settings.from_env({"REDRESS_ENV": "demo"}).mfa_roles == "none"
    assert Settings.from_env({"REDRESS_ENV": "demo", "MFA_ROLES": "manager"}).mfa_roles == "manager"


def test_production_answers_to_its_own_names_only():
    names = Settings.from_env(SAFE | {"PUBLIC_URL": "https://redress.example", "TRUSTED_HOSTS": "a.example, b.example"}).as_config()
    assert names["HOST_NAMES"] == ["redress.example", "a.example", "b.example", "127.0.0.1", "localhost"]
    assert Settings.from_env({"REDRESS_ENV": "demo"}).as_config()["HOST_NAMES"] is None
