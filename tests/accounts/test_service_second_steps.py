"""Second steps: a code works once, wrong ones count and lock, recovery codes work once, and whoever lost theirs is helped on the record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_actor, make_staff
from tests.facts import MONDAY
from tests.probes import assert_all_or_nothing
from ticketing.accounts import queries, rules, service
from ticketing.accounts.models import AuthenticatorApp, Ceremony, RecoveryCode, UserSession
from ticketing.accounts.rules import LIMITS, LOCKED_FOR, Limited
from ticketing.audit.queries import entries_about, timeline
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid
from ticketing.core.permissions import Role
from ticketing.outbox.models import OutboxMessage

EMAIL = "hana.novak@hospital.example"
CODE_TRIES = LIMITS[Limited.CODE].tries
HALF_MINUTE = timedelta(seconds=30)


def knock(at=MONDAY, email=EMAIL, address="10.0.0.1"):
    return service.sign_in(queries.weigh(email, PASSWORD, address, at=at), "Firefox on Windows", at=at)


def session_of(token, at=MONDAY):
    return queries.signed_in(token, at=at)


def set_up(staff, at=MONDAY):
    """An app for `staff`; returns (the app as a telephone has it, the recovery codes)."""
    here = session_of(knock(at).token, at)
    begun = service.begin_app(by=staff.actor, at=at)
    secret = queries.pending_app(begun, staff.id, at=at).secret.replace(" ", "")
    app = pyotp.TOTP(secret)
    added = service.add_app(begun, app.at(at), queries.draw_recovery_codes(), session_id=here.session_id, by=staff.actor, at=at)
    return app, added.codes


def step(token, typed, staff, at, address="10.0.0.1"):
    return service.pass_second_step(token, queries.weigh_code(staff.id, typed, address, at=at), "Firefox", at=at)


@pytest.fixture
def hana(app):
    return make_staff()


@pytest.fixture
def later():
    return MONDAY + timedelta(minutes=5)


def test_with_an_app_the_password_alone_opens_nothing_and_a_code_does(hana, later):
    app, codes = set_up(hana)
    half = knock(later)
    assert half.token is None
    assert half.step_token
    whole = step(half.step_token, app.at(later), hana, later)
    found = session_of(whole.token, later)
    assert (found.method, found.has_second_step) == ("password and code", True)
    acts = [entry.act for entry in timeline(staff_stream(hana.uid))]
    assert acts[:2] == [Act.STAFF_SIGNED_IN, Act.STAFF_SECOND_STEP_ASKED]
    assert len(codes) == 10


@pytest.mark.parametrize("typed", ["123 456", " 123-456 ", "123456"])
def test_a_code_is_read_however_it_is_spaced(typed):
    assert rules.is_code(typed)


def test_a_code_works_once_even_while_it_shows(hana, later):
    app, _ = set_up(hana)
    code = app.at(later)
    assert step(knock(later).step_token, code, hana, later).token
    assert step(knock(later).step_token, code, hana, later).token is None
    assert step(knock(later).step_token, code, hana, later + timedelta(seconds=20)).token is None


def test_an_older_code_than_the_last_used_is_worth_nothing(hana, later):
    app, _ = set_up(hana)
    assert step(knock(later).step_token, app.at(later), hana, later).token
    assert step(knock(later).step_token, app.at(later - HALF_MINUTE), hana, later).token is None
    assert step(knock(later).step_token, app.at(later + HALF_MINUTE), hana, later).token


def test_the_code_that_set_the_app_up_does_not_sign_in(hana):
    app, _ = set_up(hana)
    assert step(knock().step_token, app.at(MONDAY), hana, MONDAY).token is None


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_telephone_may_be_half_a_minute_out_and_no_more(hana, later, steps, fits):
    app, _ = set_up(hana)
    assert bool(step(knock(later).step_token, app.at(later + steps * HALF_MINUTE), hana, later).token) is fits


def test_the_secret_is_sealed_for_its_owner(app, hana):
    telephone, _ = set_up(hana)
    stored = db.session.scalar(sa.select(AuthenticatorApp.sealed_secret))
    assert telephone.secret not in stored
    key = app.config["SECRET_KEY"]
    assert rules.unseal(stored, key=key, owner=hana.uid) == telephone.secret
    assert rules.unseal(stored, key=key, owner="somebody else") is None
    assert rules.unseal(stored, key="another key", owner=hana.uid) is None
    assert rules.unseal(stored[:-6] + "AAAA==", key=key, owner=hana.uid) is None
    assert rules.unseal("nonsense", key=key, owner=hana.uid) is None


def test_wrong_codes_count_and_lock_the_code_and_nobody_else(hana, later):
    app, _ = set_up(hana)
    other = make_staff(name="Ann Other")
    for _ in range(CODE_TRIES - 1):
        assert step(knock(later).step_token, "000000", hana, later).locked_until is None
    locked = step(knock(later).step_token, "000000", hana, later)
    assert locked.locked_until == later + LOCKED_FOR
    assert timeline(ACCESS_STREAM)[0].act == Act.STAFF_LOCKED_OUT
    right = step(knock(later).step_token, app.at(later), hana, later)
    assert right.token is None
    assert right.locked_until, "the right code does not open what is locked"
    assert knock(later, other.email).token
    free = later + LOCKED_FOR
    assert step(knock(free).step_token, app.at(free), hana, free).token


def test_wrong_codes_are_on_the_trail_of_their_account(hana, later):
    set_up(hana)
    step(knock(later).step_token, "000000", hana, later)
    assert entries_about(staff_stream(hana.uid))[0].facts["reason"] == "wrong code"


def test_a_recovery_code_opens_once_and_the_owner_is_told(hana, later):
    _, codes = set_up(hana)
    whole = step(knock(later).step_token, codes[3].lower().replace(" ", "-"), hana, later)
    assert session_of(whole.token, later).method == "password and recovery code"
    assert step(knock(later).step_token, codes[3], hana, later).token is None
    assert queries.steps_of(hana.id).codes_left == 9
    told = db.session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "second_step").order_by(OutboxMessage.id.desc())).first()
    assert "9 are left" in told.context["what"]
    assert hana.name not in told.subject


def test_of_two_who_typed_one_recovery_code_at_once_one_is_let_in(hana, later):
    _, codes = set_up(hana)
    weighed = [queries.weigh_code(hana.id, codes[0], "10.0.0.1", at=later) for _ in range(2)]
    halves = [knock(later).step_token for _ in range(2)]
    entered = [service.pass_second_step(half, one, "", at=later).token for half, one in zip(halves, weighed, strict=True)]
    assert [bool(token) for token in entered] == [True, False]


def test_a_step_used_or_passed_is_never_found_again():
    app, at = pyotp.TOTP(pyotp.random_base32()), MONDAY
    step = rules.step_of(app.secret, app.at(at), after=0, at=at)
    assert step == int(at.timestamp()) // 30
    assert rules.step_of(app.secret, app.at(at), after=step, at=at) is None
    assert rules.step_of(app.secret, app.at(at), after=step - 1, at=at) == step


@pytest.mark.parametrize("typed", ["", "x", "0" * 16, "IIII OOOO LLLL 1111", "é" * 16, "\x00", "\ud800", "9" * 5000, "12345", "1234567"])
def test_what_is_no_code_opens_nothing(hana, later, typed):
    set_up(hana)
    assert step(knock(later).step_token, typed, hana, later).token is None


def test_recovery_codes_are_kept_as_passwords_are(hana):
    _, codes = set_up(hana)
    rows = list(db.session.scalars(sa.select(RecoveryCode)))
    assert len(rows) == 10
    assert all(row.code_hash.startswith("$argon2id$") for row in rows)
    assert not any(code.replace(" ", "")[4:] in repr([vars(row) for row in rows]) for code in codes)


def test_new_recovery_codes_replace_the_old(hana, later):
    _, old = set_up(hana)
    fresh = queries.draw_recovery_codes()
    service.renew_recovery_codes(fresh, by=hana.actor, at=later)
    assert step(knock(later).step_token, old[0], hana, later).token is None
    assert step(knock(later).step_token, fresh[0].code, hana, later).token


def test_a_half_done_sign_in_ends_after_ten_minutes_and_when_finished(hana, later):
    app, _ = set_up(hana)
    half = knock(later).step_token
    late = later + timedelta(minutes=10)
    with pytest.raises(Conflict):
        step(half, app.at(late), hana, late)
    assert step(half, app.at(later), hana, later).token
    with pytest.raises(Conflict):
        step(half, app.at(later + HALF_MINUTE), hana, later + HALF_MINUTE)


def test_a_half_done_sign_in_is_no_good_for_another_account(hana, later):
    set_up(hana)
    eve = make_staff(name="Eve L")
    half = knock(later).step_token
    with pytest.raises(Conflict):
        step(half, "000000", eve, later)


def test_a_new_password_or_a_closed_account_ends_what_is_half_done(hana, later):
    app, _ = set_up(hana)
    half = knock(later).step_token
    service.revoke_sessions(hana.uid, by=hana.actor, at=later)
    with pytest.raises(Conflict):
        step(half, app.at(later), hana, later)


def test_of_two_at_once_with_one_code_one_is_let_in(committing_app):
    hana = make_staff()
    app, _ = set_up(hana)
    later = MONDAY + timedelta(minutes=5)
    halves = [knock(later).step_token for _ in range(6)]
    db.session.remove()

    def enter(half):
        with committing_app.app_context():
            return bool(step(half, app.at(later), hana, later).token)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(enter, halves)) == 1


def test_setting_a_step_up_signs_every_other_browser_out_and_renews_this_one(hana):
    other = knock().token
    token = knock().token
    here = session_of(token)
    begun = service.begin_app(by=hana.actor, at=MONDAY)
    secret = queries.pending_app(begun, hana.id, at=MONDAY).secret.replace(" ", "")
    with pytest.raises(Invalid):
        service.add_app(begun, "000000", (), session_id=here.session_id, by=hana.actor, at=MONDAY)
    added = service.add_app(begun, pyotp.TOTP(secret).at(MONDAY), queries.draw_recovery_codes(), session_id=here.session_id,
                            by=hana.actor, at=MONDAY)
    assert session_of(token) is None, "the token from before is worth nothing"
    assert session_of(other) is None
    assert session_of(added.token).session_id == here.session_id
    assert session_of(added.token).has_second_step


def test_an_app_is_finished_only_by_whoever_began_it(hana):
    eve = make_actor(name="Eve L")
    begun = service.begin_app(by=hana.actor, at=MONDAY)
    assert queries.pending_app(begun, eve.staff_id, at=MONDAY) is None
    with pytest.raises(Conflict):
        service.add_app(begun, "000000", (), session_id=1, by=eve, at=MONDAY)
    assert db.session.scalar(sa.select(AuthenticatorApp.id)) is None


def test_the_last_step_stays_where_the_role_needs_one(app, hana):
    set_up(hana)
    session_id = db.session.scalar(sa.select(UserSession.id).where(UserSession.ended_at.is_(None)))
    app.config["MFA_ROLES"] = "officer"
    with pytest.raises(Conflict, match="Your role needs a second step"):
        service.remove_app(session_id=session_id, by=hana.actor, at=MONDAY)
    app.config["MFA_ROLES"] = "none"
    assert service.remove_app(session_id=session_id, by=hana.actor, at=MONDAY)
    assert queries.steps_of(hana.id) == queries.Steps(None, (), 0, False)
    assert knock().token


def test_an_ended_session_is_never_renewed(hana):
    here = session_of(knock().token)
    service.end_session(here.session_id, by=hana.actor, at=MONDAY)
    attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY)
    with pytest.raises(Conflict, match="signed out in this browser"):
        service.confirm(attempt, None, session_id=here.session_id, by=hana.actor, at=MONDAY)


def test_confirming_renews_the_session_and_keeps_its_limits(hana, later):
    token = knock().token
    here = session_of(token, later)
    attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=later)
    renewed = service.confirm(attempt, None, session_id=here.session_id, by=hana.actor, at=later).token
    assert session_of(token, later) is None
    found = session_of(renewed, later)
    assert (found.session_id, found.confirmed_at) == (here.session_id, later)
    assert db.session.scalar(sa.select(UserSession.started_at).where(UserSession.id == found.session_id)) == MONDAY


def test_confirming_needs_the_second_step_too_where_there_is_one(hana, later):
    app, _ = set_up(hana)
    session_id = db.session.scalar(sa.select(UserSession.id).where(UserSession.ended_at.is_(None)))

    def confirm(code):
        attempt = queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=later)
        weighed = queries.weigh_code(hana.id, code, "10.0.0.1", at=later) if code else None
        return service.confirm(attempt, weighed, session_id=session_id, by=hana.actor, at=later).token

    assert confirm("") is None
    assert confirm("000000") is None
    assert confirm(app.at(later))


def test_an_administrator_helps_whoever_lost_theirs_with_the_reason_on_record(hana, later):
    set_up(hana)
    ada = make_actor(Role.ADMINISTRATOR, "Ada Min")
    with pytest.raises(Invalid):
        service.reset_second_steps(hana.uid, "  ", by=ada, at=later)
    with pytest.raises(Forbidden):
        service.reset_second_steps(hana.uid, "Lost it", by=make_actor(name="Eve L"), at=later)
    service.reset_second_steps(hana.uid, "Telephone lost; seen in person with her badge.", by=ada, at=later)
    assert not queries.steps_of(hana.id).has_any
    assert queries.sessions_of(hana.id, at=later) == ()
    entry = timeline(staff_stream(hana.uid))[0]
    assert (entry.act, entry.why) == (Act.STAFF_STEPS_RESET, "Telephone lost; seen in person with her badge.")
    told = db.session.scalars(sa.select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
    assert (told.recipient_email, "Ada Min" in told.context["what"]) == (EMAIL, True)
    assert knock(later).token, "the password alone opens it until she sets one up again"
    with pytest.raises(Conflict, match="no second step"):
        service.reset_second_steps(hana.uid, "Again", by=ada, at=later)


def test_nobody_resets_their_own(app):
    ada = make_actor(Role.ADMINISTRATOR, "Ada Min", password=PASSWORD)
    with pytest.raises(Conflict, match="another administrator"):
        service.reset_second_steps(ada.uid, "Lost it", by=ada, at=MONDAY)


def test_what_was_begun_and_left_is_forgotten(hana):
    service.begin_app(by=hana.actor, at=MONDAY)
    service.tidy(at=MONDAY + timedelta(hours=1))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Ceremony)) == 1
    service.tidy(at=MONDAY + timedelta(days=2))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Ceremony)) == 0


def test_second_steps_are_all_or_nothing(hana, later):
    app, _ = set_up(hana)
    half, weighed = knock(later).step_token, queries.weigh_code(hana.id, app.at(later), "10.0.0.1", at=later)
    assert_all_or_nothing(lambda: service.pass_second_step(half, weighed, "", at=later))
    wrong, half = queries.weigh_code(hana.id, "000000", "10.0.0.1", at=later), knock(later).step_token
    assert_all_or_nothing(lambda: service.pass_second_step(half, wrong, "", at=later))
    ada = make_actor(Role.ADMINISTRATOR, "Ada Min")
    assert_all_or_nothing(lambda: service.reset_second_steps(hana.uid, "Lost", by=ada, at=later))
