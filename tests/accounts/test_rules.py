"""What makes a password easy, a path safe, a browser known and a session over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.facts import MONDAY
from ticketing.accounts import rules
from ticketing.accounts.rules import Cost
from ticketing.codes.queries import common_passwords

CHEAP, DEARER = Cost(64, 1), Cost(128, 2)


@pytest.mark.parametrize("password", [
    "short", "eleven char", "password1234", "Password2026!", "P4ssw0rd2026", "passwordpassword", "letmein123456", "aaaaaaaaaaaa",
    "abababababab", "123456789012", "abcdefghijkl", "qwertyuiopas", "correct horse battery staple", "hospital1234", "x" * 201, "",
    "            ", "\u200b" * 12, "dee ray 2026", "hospital.dee", "Welcome Back 2026", "0987654321098",
])
def test_an_easy_password_is_refused_with_a_sentence(password):
    problem = rules.password_problem(password, common_passwords(), ("Dee Ray", "hospital.dee"))
    assert problem
    assert problem.endswith(".")


@pytest.mark.parametrize("password", [
    "seven green kettles sing", "alllowercasebutlong", "пароль длинный надёжный", "🦊🐢🌂 fox and tortoise", "x" * 190 + "qwertyzxc",
    "1984 was a dull book",
])
def test_a_long_one_needs_no_capitals_or_digits(password):
    assert rules.password_problem(password, common_passwords(), ("Dee Ray",)) is None


def test_a_hash_knows_its_password_however_it_was_typed():
    stored = rules.hash_password("Zoë’s ﬁve cafés", CHEAP)
    assert stored.startswith("$argon2id$")
    assert rules.is_right(stored, "Zoe\u0308’s five cafe\u0301s", CHEAP)
    assert not rules.is_right(stored, "zoë’s five cafés", CHEAP)


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$m=64,t=1,p=1$broken"])
def test_nobody_s_password_is_never_right(stored):
    assert not rules.is_right(stored, "the password of nobody at all", CHEAP)


def test_what_cannot_be_written_is_just_wrong():
    stored = rules.hash_password("seven green kettles sing", CHEAP)
    for typed in ("\ud800", "\x00", "x" * 100_000):
        assert not rules.is_right(stored, typed, CHEAP)


def test_another_cost_asks_for_a_new_hash():
    stored = rules.hash_password("seven green kettles sing", CHEAP)
    assert not rules.needs_new_hash(stored, CHEAP)
    assert rules.needs_new_hash(stored, DEARER)
    assert rules.is_right(stored, "seven green kettles sing", DEARER)


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/26-7KQ4-M2XR-9C", "/a/b_c/d.e"])
def test_a_path_of_ours_is_safe(path):
    assert rules.safe_next(path) == path


@pytest.mark.parametrize("path", [
    None, "", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "http:evil.example",
    "javascript:alert(1)", "/\tevil", "/%2f/evil.example", "/cases?next=//evil.example", "evil.example", " /cases", "/cases\n",
    "/cases\r\nX: y",
    "/@evil.example", "/cases#x", "/\u2215evil.example", "/" + "a" * 400, "/sign-in", "/sign-out", "/password/x",
    "@evil.example", "/;//evil",
])
def test_a_path_that_may_lead_away_is_dropped(path):
    assert rules.safe_next(path) is None


@pytest.mark.parametrize(("sign", "name"), [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
    ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
    ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
    ("curl/8.0", "A browser"), ("", "A browser"), ("<script>\x00\u202e", "A browser"),
])
def test_a_browser_is_called_by_a_known_name(sign, name):
    assert rules.browser_name(sign) == name


@pytest.mark.parametrize(("seen", "open_for", "is_over"), [
    (timedelta(minutes=29, seconds=59), timedelta(hours=1), False), (timedelta(minutes=30), timedelta(hours=1), True),
    (timedelta(0), timedelta(hours=12), True), (timedelta(0), timedelta(hours=11, minutes=59), False),
])
def test_a_session_ends_idle_or_old(seen, open_for, is_over):
    idle, longest = timedelta(minutes=30), timedelta(hours=12)
    assert rules.is_over(started_at=MONDAY - open_for, seen_at=MONDAY - seen, at=MONDAY, idle=idle, longest=longest) is is_over


def test_a_link_s_secret_needs_both_halves():
    token = rules.link_token("nonce", "secret")
    assert len(token) == 43
    assert len({token, rules.link_token("nonce", "other"), rules.link_token("other", "secret")}) == 3


def test_a_throttled_name_cannot_be_read_from_its_key():
    keys = {rules.throttle_key(kind, "dee@hospital.example", "secret") for kind in rules.Limited}
    assert len(keys) == len(rules.Limited)
    assert all("dee" not in key and len(key) <= 80 for key in keys)


@pytest.mark.parametrize(("address", "counted"), [
    ("192.0.2.55", "192.0.2.55"), ("::ffff:192.0.2.55", "192.0.2.55"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::", "2001:db8:1:2::/64"), ("2001:db8:1:3::1", "2001:db8:1:3::/64"), ("fe80::1%eth0", "fe80::/64"),
    ("unknown", "unknown"), ("x" * 500, "x" * 100),
])
def test_what_counts_as_one_address(address, counted):
    assert rules.address_block(address) == counted


@pytest.mark.parametrize("password", ["dragonmonkey12", "welcomehospital", "Chocolate Cookies!", "m0nkeyprincess", "summerautumn2025"])
def test_two_of_the_commonest_words_are_no_password(password):
    assert rules.password_problem(password, common_passwords())


@pytest.mark.parametrize("password", ["seven green kettles sing", "nine red umbrellas fly", "correct staple umbrella fly",
                                      "x7#x7#x7#Quill and ink", "Ünïcödé wörds äré fïne", "p" + "assemble " * 8])
def test_long_ones_of_any_kind_will_do(password):
    """No rule of composition; sixty-four characters and more are welcome."""
    assert rules.password_problem(password, common_passwords()) is None
