"""`flask accounts add` adds, invites or refuses, with the right exit code and a sentence."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD, make_team
from tests.facts import MONDAY
from ticketing.accounts import queries, service
from ticketing.core.permissions import Role

WANTED = ["accounts", "add", "--email", "dee.ray@hospital.example", "--name", "Dee Ray", "--role", "manager"]


def test_an_account_is_added_with_its_password(run):
    make_team("CENTRAL")
    done = run.invoke(args=[*WANTED, "--team", "CENTRAL", "--password-stdin"], input=PASSWORD + "\n")
    assert (done.exit_code, done.output) == (0, "Dee Ray is added as manager.\n")
    row = queries.staff_by_email("dee.ray@hospital.example")
    assert (row.role, row.team_codes) == (Role.MANAGER, ("CENTRAL",))
    attempt = queries.weigh(row.email, PASSWORD, "10.0.0.1", at=MONDAY)
    assert service.sign_in(attempt, "", at=MONDAY).token


def test_without_a_password_they_are_invited(run):
    done = run.invoke(args=WANTED)
    assert done.exit_code == 0
    assert "An invitation is on its way to dee.ray@hospital.example." in done.output
    assert not queries.staff_by_email("dee.ray@hospital.example").has_password


@pytest.mark.parametrize(("change", "password", "code", "words"), [
    (["--email", "nonsense"], PASSWORD, 1, "right form"), (["--name", " "], PASSWORD, 1, "Enter a name"),
    (["--team", "NOWHERE"], PASSWORD, 1, "no team with the code NOWHERE"), ([], "short", 1, "at least 12 characters"),
    ([], "", 1, "at least 12 characters"), ([], "password1234", 1, "first that people try"),
    (["--role", "emperor"], PASSWORD, 2, "emperor"),
])
def test_what_cannot_be_is_refused_and_nothing_is_added(run, change, password, code, words):
    done = run.invoke(args=[*WANTED, *change, "--password-stdin"], input=password + "\n")
    assert done.exit_code == code
    assert words in done.output
    assert not queries.staff_list(queries.StaffFilter(is_active=None)).rows


def test_the_same_address_twice_is_refused(run):
    assert run.invoke(args=WANTED).exit_code == 0
    again = run.invoke(args=WANTED)
    assert again.exit_code == 1
    assert "already an account" in again.output
