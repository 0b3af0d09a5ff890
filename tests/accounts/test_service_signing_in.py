"""Tries are counted before they are decided, the same for names nobody has, and a session lives on the server only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_actor, make_staff
from tests.facts import MONDAY
from tests.probes import assert_all_or_nothing, count_queries
from ticketing.accounts import queries, service
from ticketing.accounts.models import Staff, Throttle, UserSession
from ticketing.accounts.rules import LIMITS, LOCKED_FOR, Limited
from ticketing.audit.queries import entries_about, timeline
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.core.database import db
from ticketing.core.permissions import Role

NAME_TRIES, ADDRESS_TRIES = LIMITS[Limited.NAME].tries, LIMITS[Limited.ADDRESS].tries
EMAIL = "hana.novak@hospital.example"


def try_it(email=EMAIL, password=PASSWORD, address="10.0.0.1", at=MONDAY, **more):
    attempt = queries.weigh(email, password, address, at=at)
    return service.sign_in(attempt, "Firefox on Windows", at=at, **more)


@pytest.fixture
def hana(app):
    return make_staff()


def test_the_right_password_opens_a_session(hana):
    token = try_it(" Hana.NOVAK@hospital.example ").token
    found = queries.signed_in(token, at=MONDAY)
    assert found.staff.uid == hana.uid
    assert found.staff.last_sign_in_at == MONDAY
    assert timeline(staff_stream(hana.uid))[0].act == Act.STAFF_SIGNED_IN
    assert len(token) >= 43


def test_only_the_hash_of_a_token_is_kept(hana):
    token = try_it().token
    assert token not in [row.token_hash for row in db.session.scalars(sa.select(UserSession))]


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "\x00", "\ud800", "x" * 10_000])
def test_a_wrong_password_opens_nothing(hana, password):
    assert try_it(password=password).token is None
    assert entries_about(staff_stream(hana.uid))[0].act == Act.STAFF_SIGN_IN_REFUSED


def test_an_account_without_password_or_closed_stays_shut(app):
    make_staff(name="New Comer", password=None)
    leaver = make_staff(name="Lee Ver")
    service.deactivate(leaver.uid, by=make_actor(Role.ADMINISTRATOR, "Ada Min"), at=MONDAY)
    assert try_it("new.comer@hospital.example").token is None
    assert try_it("lee.ver@hospital.example").token is None


def test_closing_an_account_ends_its_sessions_and_a_try_in_flight(hana):
    token = try_it().token
    attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY)
    service.deactivate(hana.uid, by=make_actor(Role.ADMINISTRATOR, "Ada Min"), at=MONDAY)
    assert queries.signed_in(token, at=MONDAY) is None
    assert service.sign_in(attempt, "", at=MONDAY).token is None


def test_a_try_weighed_before_the_password_changed_is_refused(hana):
    attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY)
    present = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY)
    assert service.change_password(present, "nine red umbrellas fly", "", by=hana.actor, at=MONDAY).token
    assert service.sign_in(attempt, "", at=MONDAY).token is None


def test_ten_wrong_tries_lock_the_name_for_a_quarter_of_an_hour(hana):
    for number in range(NAME_TRIES - 1):
        assert try_it(password="wrong", address=f"10.0.0.{number}").locked_until is None
    locked = try_it(password="wrong")
    assert locked.locked_until == MONDAY + LOCKED_FOR
    assert timeline(ACCESS_STREAM)[0].act == Act.STAFF_LOCKED_OUT
    later = MONDAY + timedelta(minutes=10)
    assert try_it(at=later).locked_until == MONDAY + LOCKED_FOR, "the right password does not open, and tries do not prolong"
    assert try_it(at=MONDAY + LOCKED_FOR).token


def test_a_lock_on_one_name_or_address_is_nobody_else_s(hana):
    make_staff(name="Ann Other")
    for _ in range(NAME_TRIES):
        try_it(password="wrong", address="10.6.6.6")
    assert try_it("ann.other@hospital.example", address="10.0.0.2").token
    assert try_it("ann.other@hospital.example", address="10.6.6.6").token


def test_an_address_that_sprays_is_locked_and_its_neighbours_are_not(hana):
    for number in range(ADDRESS_TRIES):
        outcome = try_it(f"nobody{number}@hospital.example", "wrong", "10.6.6.6")
    assert outcome.is_address_locked
    assert try_it(address="10.6.6.6").token is None
    assert try_it(address="10.0.0.2").token


def test_a_right_password_wipes_the_slate(hana):
    for _ in range(3):
        for _ in range(NAME_TRIES - 1):
            try_it(password="wrong")
        assert try_it(at=MONDAY + timedelta(seconds=1)).token


def test_staff_behind_one_address_do_not_lock_each_other_by_signing_in(hana):
    for _ in range(ADDRESS_TRIES + 5):
        assert try_it().token


def test_a_name_nobody_has_costs_the_same(hana):
    try_it("warm.up@hospital.example", "wrong")
    with count_queries() as known:
        try_it(password="wrong")
    with count_queries() as unknown:
        try_it("nobody@hospital.example", "wrong")
    assert [str(q).split()[0] for q in known.sent] == [str(q).split()[0] for q in unknown.sent]
    assert known.written_tables == unknown.written_tables


def test_an_unknown_name_is_refused_in_the_trail_without_being_written_down(app):
    try_it("secret.lover@hospital.example", "wrong")
    entry = timeline(ACCESS_STREAM)[0]
    assert entry.act == Act.STAFF_SIGN_IN_REFUSED
    assert "secret.lover" not in repr(entry)


def test_an_old_hash_is_renewed_at_sign_in(app, hana):
    before = db.session.scalar(sa.select(Staff.password_hash))
    app.config["PASSWORD_MEMORY_KIB"] = 128
    assert try_it().token
    after = db.session.scalar(sa.select(Staff.password_hash))
    assert "m=64" in before
    assert "m=128" in after
    assert try_it().token


def test_signing_in_again_ends_what_the_browser_held(hana):
    first = try_it().token
    second = try_it(old_token=first).token
    assert first != second
    assert queries.signed_in(first, at=MONDAY) is None
    assert queries.signed_in(second, at=MONDAY)


def test_signing_out_ends_the_session_for_good(hana):
    token = try_it().token
    session_id = queries.signed_in(token, at=MONDAY).session_id
    service.sign_out(token, at=MONDAY)
    service.touch_session(session_id, at=MONDAY + timedelta(minutes=5))
    assert queries.signed_in(token, at=MONDAY) is None
    service.sign_out(token, at=MONDAY)
    service.sign_out("nobody's", at=MONDAY)
    assert [entry.act for entry in timeline(staff_stream(hana.uid))].count(Act.STAFF_SIGNED_OUT) == 1


def test_a_session_is_over_when_idle_or_old(app, hana):
    token = try_it().token
    idle, longest = timedelta(minutes=app.config["SESSION_IDLE_MINUTES"]), timedelta(hours=app.config["SESSION_HOURS"])
    assert queries.signed_in(token, at=MONDAY + idle - timedelta(seconds=1))
    assert queries.signed_in(token, at=MONDAY + idle) is None
    at = MONDAY
    while at < MONDAY + longest - timedelta(minutes=20):
        at += timedelta(minutes=20)
        service.touch_session(queries.signed_in(token, at=at).session_id, at=at)
    assert queries.signed_in(token, at=MONDAY + longest) is None


def test_being_seen_is_noted_once_a_minute(hana):
    session_id = queries.signed_in(try_it().token, at=MONDAY).session_id
    for seconds, noted in ((30, 0), (60, 60), (90, 60), (120, 120)):
        service.touch_session(session_id, at=MONDAY + timedelta(seconds=seconds))
        assert db.session.scalar(sa.select(UserSession.seen_at)) == MONDAY + timedelta(seconds=noted)


def test_one_or_all_sessions_are_revoked(hana):
    tokens = [try_it().token for _ in range(3)]
    here, other, _ = (queries.signed_in(token, at=MONDAY).session_id for token in tokens)
    service.end_session(other, by=hana.actor, at=MONDAY)
    assert len(queries.sessions_of(hana.id, at=MONDAY)) == 2
    assert service.revoke_sessions(hana.uid, but=here, by=hana.actor, at=MONDAY) == 1
    assert [row.id for row in queries.sessions_of(hana.id, at=MONDAY)] == [here]
    service.end_session(here, by=make_actor(name="Eve L"), at=MONDAY)
    assert queries.signed_in(tokens[0], at=MONDAY), "another's session is left alone"


def test_old_counts_and_sessions_are_forgotten(hana):
    try_it(password="wrong")
    try_it()
    assert service.tidy(at=MONDAY) == 0
    assert service.tidy(at=MONDAY + timedelta(days=31)) >= 2
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Throttle)) == 0


def test_sign_in_is_all_or_nothing(hana):
    attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY)
    assert_all_or_nothing(lambda: service.sign_in(attempt, "", at=MONDAY))
    assert_all_or_nothing(lambda: service.sign_in(replace(attempt, is_right=False), "", at=MONDAY))
    assert_all_or_nothing(lambda: service.revoke_sessions(hana.uid, by=hana.actor, at=MONDAY))


def test_of_many_tries_at_once_no_more_than_the_limit_are_decided(committing_app):
    make_staff()
    attempt = replace(queries.weigh(EMAIL, "wrong", "10.0.0.1", at=MONDAY), is_right=False)
    db.session.remove()

    def knock(number):
        with committing_app.app_context():
            wrong = replace(attempt, address_key=f"address:{number}")
            return service.sign_in(wrong, "", at=MONDAY).locked_until is None

    with ThreadPoolExecutor(8) as pool:
        decided = list(pool.map(knock, range(24)))
    assert sum(decided) == NAME_TRIES - 1
    assert db.session.scalar(sa.select(Throttle.tries).where(Throttle.key == attempt.name_key)) == 24
