"""Links work once and not for long, mail goes to known addresses only, and nobody can tell which are known."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_actor, make_staff
from tests.facts import MONDAY
from tests.probes import assert_all_or_nothing, count_queries
from ticketing.accounts import queries, service
from ticketing.accounts.rules import LIMITS, Limited
from ticketing.audit.queries import timeline
from ticketing.audit.rules import ACCESS_STREAM, Act, staff_stream
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Invalid
from ticketing.core.permissions import Role
from ticketing.outbox.jobs import render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import to_row

EMAIL = "hana.novak@hospital.example"
NEW = "nine red umbrellas fly"
HOUR = timedelta(hours=1)


@pytest.fixture
def hana(app):
    return make_staff()


@pytest.fixture
def administrator(app):
    return make_actor(Role.ADMINISTRATOR, "Ada Min")


def mails():
    return [to_row(row) for row in db.session.scalars(sa.select(OutboxMessage).order_by(OutboxMessage.id))]


def token_in(message):
    return render_mail(message).text.split("/password/")[1].split()[0]


def signs_in(password, at=MONDAY):
    return service.sign_in(queries.weigh(EMAIL, password, "10.0.0.1", at=at), "", at=at).token is not None


def test_an_invitation_sets_a_first_password(app, administrator):
    uid = service.welcome_staff(EMAIL, "Hana Novak", Role.OFFICER, by=administrator, at=MONDAY)
    (mail,) = mails()
    assert (mail.recipient_email, mail.kind) == (EMAIL, "invitation")
    assert "Hana" not in mail.subject
    token = token_in(mail)
    assert queries.live_token(token, at=MONDAY).is_invitation
    service.set_password(token, NEW, at=MONDAY + timedelta(hours=47))
    assert signs_in(NEW, MONDAY + timedelta(hours=47))
    assert Act.STAFF_PASSWORD_SET in [entry.act for entry in timeline(staff_stream(uid))]


def test_the_secret_of_a_link_is_stored_nowhere(hana):
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    token = token_in(mails()[0])
    assert token not in repr(mails())
    assert token not in repr(db.session.execute(sa.text("SELECT * FROM single_use_tokens")).all())


@pytest.mark.parametrize(("kind", "lives"), [("invitation", timedelta(hours=48)), ("reset", HOUR)])
def test_a_link_dies_of_age(hana, administrator, kind, lives):
    if kind == "invitation":
        service.invite(hana.uid, by=administrator, at=MONDAY)
    else:
        service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    token = token_in(mails()[-1])
    assert queries.live_token(token, at=MONDAY + lives - timedelta(seconds=1))
    assert queries.live_token(token, at=MONDAY + lives) is None
    with pytest.raises(Conflict):
        service.set_password(token, NEW, at=MONDAY + lives)
    assert signs_in(PASSWORD)


def test_a_link_works_once_and_a_newer_one_replaces_it(hana):
    for _ in range(2):
        service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    first, second = (token_in(mail) for mail in mails())
    with pytest.raises(Conflict):
        service.set_password(first, NEW, at=MONDAY)
    service.set_password(second, NEW, at=MONDAY)
    with pytest.raises(Conflict):
        service.set_password(second, "eight blue lanterns glow", at=MONDAY)
    assert signs_in(NEW)


def test_an_easy_password_leaves_the_link_alive(hana):
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    token = token_in(mails()[0])
    for easy in ("short", "password1234", "hana novak 26"):
        with pytest.raises(Invalid):
            service.set_password(token, easy, at=MONDAY)
    service.set_password(token, NEW, at=MONDAY)


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800", "x" * 10_000, "' OR 1=1 --"])
def test_a_made_up_link_is_dead(app, token):
    assert queries.live_token(token, at=MONDAY) is None
    with pytest.raises(Conflict):
        service.set_password(token, NEW, at=MONDAY)


def test_a_new_password_ends_sessions_and_a_lock(hana):
    token = service.sign_in(queries.weigh(EMAIL, PASSWORD, "10.0.0.1", at=MONDAY), "", at=MONDAY).token
    for _ in range(LIMITS[Limited.NAME].tries):
        signs_in("wrong")
    assert not signs_in(PASSWORD)
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    service.set_password(token_in(mails()[0]), NEW, at=MONDAY)
    assert queries.signed_in(token, at=MONDAY) is None
    assert signs_in(NEW)
    assert not signs_in(PASSWORD)


def test_a_leaver_s_links_are_dead_and_nobody_invites_them(hana, administrator):
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    token = token_in(mails()[0])
    service.deactivate(hana.uid, by=administrator, at=MONDAY)
    with pytest.raises(Conflict):
        service.set_password(token, NEW, at=MONDAY)
    with pytest.raises(Conflict, match="closed"):
        service.invite(hana.uid, by=administrator, at=MONDAY)
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    assert len(mails()) == 1
    service.reactivate(hana.uid, by=administrator, at=MONDAY)
    assert not signs_in(PASSWORD), "the old password is gone"


def test_an_address_nobody_has_gets_no_mail_and_costs_the_same(hana):
    service.ask_reset("warm.up@hospital.example", "10.0.0.9", at=MONDAY)
    with count_queries() as known:
        service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY)
    with count_queries() as unknown:
        service.ask_reset("nobody@hospital.example", "10.0.0.1", at=MONDAY)
    assert [mail.recipient_email for mail in mails()] == [EMAIL]
    writes = [[q for q in found.sent if not str(q).startswith("SELECT")] for found in (known, unknown)]
    assert len(writes[0]) == len(writes[1])
    assert "nobody@" not in repr(timeline(ACCESS_STREAM))


def test_asking_again_and_again_floods_no_mailbox(hana):
    for number in range(10):
        service.ask_reset(EMAIL, f"10.0.0.{number}", at=MONDAY)
    assert len(mails()) == LIMITS[Limited.RESET_NAME].tries
    service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY + HOUR)
    assert len(mails()) == LIMITS[Limited.RESET_NAME].tries + 1


def test_a_wrong_present_password_counts_and_locks(hana):
    for number in range(LIMITS[Limited.NAME].tries):
        attempt = queries.weigh(EMAIL, "wrong", "10.0.0.1", at=MONDAY)
        outcome = service.change_password(attempt, NEW, "", by=hana.actor, at=MONDAY)
        assert outcome.token is None, number
    assert outcome.locked_until
    assert not signs_in(PASSWORD)


def test_passwords_are_all_or_nothing(hana, administrator):
    assert_all_or_nothing(lambda: service.ask_reset(EMAIL, "10.0.0.1", at=MONDAY))
    assert_all_or_nothing(lambda: service.ask_reset("nobody@hospital.example", "10.0.0.1", at=MONDAY))
    token = token_in(mails()[0])
    assert_all_or_nothing(lambda: service.set_password(token, NEW, at=MONDAY))
    attempt = queries.weigh(EMAIL, NEW, "10.0.0.1", at=MONDAY)
    assert_all_or_nothing(lambda: service.change_password(attempt, "eight blue lanterns glow", "", by=hana.actor, at=MONDAY))
