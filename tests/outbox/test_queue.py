"""Messages are queued with the change that causes them, once each, and read back as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.facts import MONDAY, TUESDAY
from ticketing.audit.queries import timeline
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Role, staff_actor
from ticketing.outbox import queries, service
from ticketing.outbox.jobs import render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.rules import MessageState, NewMessage, Outcome

MANAGER = staff_actor(uid="m1", name="Grace Obi", role=Role.MANAGER, staff_id=1)
OFFICER = staff_actor(uid="o1", name="Hana Novak", role=Role.OFFICER, staff_id=2)


def message(key: str = "", **changes: object) -> NewMessage:
    values = {
        "kind": "escalation", "recipient_email": "grace@hospital.example", "recipient_name": "Grace Obi", "subject": "A case needs you",
        "template": "receipt", "context": {"reference": "26-7KQ4-M2XR-9C"}, "dedup_key": key, **changes,
    }
    return NewMessage(**values)  # type: ignore[arg-type]


def test_a_queued_message_waits_with_a_message_id_of_its_own(app):
    uid = service.queue(message(), at=TUESDAY)
    row = queries.message(uid)
    assert (row.state, row.next_attempt_at, row.attempt_count) == (MessageState.QUEUED, TUESDAY, 0)
    assert row.message_id == f"<{uid}@hospital.example>"


def test_the_same_key_queues_one_message(app):
    first = service.queue(message("fired/1"), at=MONDAY)
    assert service.queue(message("fired/1", subject="Another"), at=TUESDAY) == first
    assert [row.subject for row in queries.delivery_of("fired/")] == ["A case needs you"]


def test_messages_without_a_key_are_all_queued(app):
    assert service.queue(message(), at=MONDAY) != service.queue(message(), at=MONDAY)


def test_a_message_leaves_only_if_the_verb_commits(app):
    @atomic
    def verb() -> None:
        service.queue(message("lost"), at=TUESDAY)
        raise Conflict("No.")

    with pytest.raises(Conflict):
        verb()
    assert queries.delivery_of("lost") == ()


def test_context_keeps_moments_as_text_and_no_nul(app):
    uid = service.queue(message(context={"due": TUESDAY, "names": ("Zoë\x00",), "state": MessageState.DEAD}), at=TUESDAY)
    assert queries.message(uid).context == {"due": TUESDAY.isoformat(), "names": ["Zoë�"], "state": "dead"}


def test_a_subject_is_one_line(app):
    uid = service.queue(message(subject="Due\r\nBcc: everybody@example.org"), at=TUESDAY)
    assert queries.message(uid).subject == "Due Bcc: everybody@example.org"


def test_a_message_may_be_asked_to_wait(app):
    service.queue(message("later", not_before=TUESDAY + timedelta(hours=1)), at=TUESDAY)
    assert service.claim(at=TUESDAY + timedelta(minutes=59)) == ()
    assert len(service.claim(at=TUESDAY + timedelta(hours=1))) == 1


def test_claimed_messages_are_taken_once_until_the_lease_ends(app):
    service.queue(message(), at=TUESDAY)
    assert len(service.claim(at=TUESDAY)) == 1
    assert service.claim(at=TUESDAY + timedelta(minutes=9)) == ()
    assert len(service.claim(at=TUESDAY + timedelta(minutes=10))) == 1


def test_a_deliverer_whose_lease_was_lost_neither_sends_nor_marks(app):
    service.queue(message("slow"), at=TUESDAY)
    (late,) = service.claim(at=TUESDAY)
    (holder,) = service.claim(at=TUESDAY + timedelta(minutes=10))
    assert service.begin_attempt(late, at=TUESDAY) is None
    attempt = service.begin_attempt(holder, at=TUESDAY)
    assert not service.note_sent(late, attempt, "accepted", at=TUESDAY)
    assert service.note_sent(holder, attempt, "accepted", at=TUESDAY)


def test_forty_messages_an_hour_reach_one_address_and_the_rest_wait(app):
    for number in range(43):
        service.queue(message(f"storm/{number}"), at=TUESDAY)
    service.queue(message("other", recipient_email="hana@hospital.example"), at=TUESDAY)
    first = service.claim(at=TUESDAY, limit=100)
    assert len(first) == 41
    for row in first:
        service.note_sent(row, service.begin_attempt(row, at=TUESDAY), "accepted", at=TUESDAY)
    assert service.claim(at=TUESDAY + timedelta(minutes=20)) == ()
    assert len(service.claim(at=TUESDAY + timedelta(minutes=61))) == 3


def test_a_manager_gives_a_dead_message_another_chance_and_the_trail_knows(app):
    uid = service.queue(message(case_reference="26-AAAA-AAAA-AA"), at=MONDAY)
    (row,) = service.claim(at=MONDAY)
    service.note_failed(row, service.begin_attempt(row, at=MONDAY), Outcome.REFUSED, "550 no such user", at=MONDAY)
    assert queries.message(uid).state is MessageState.DEAD
    service.requeue(uid, by=MANAGER, at=TUESDAY)
    assert (queries.message(uid).state, queries.message(uid).attempt_count) == (MessageState.QUEUED, 0)
    (entry,) = timeline("admin")
    assert (entry.act, entry.change["state"], entry.facts["message"]) == ("message.requeued", ("dead", "queued"), uid)


def test_only_what_failed_can_be_requeued_and_only_by_those_who_may(app):
    uid = service.queue(message(), at=MONDAY)
    with pytest.raises(Conflict):
        service.requeue(uid, by=MANAGER, at=TUESDAY)
    with pytest.raises(NotFound):
        service.requeue("nothing", by=MANAGER, at=TUESDAY)
    with pytest.raises(Forbidden):
        service.requeue(uid, by=OFFICER, at=TUESDAY)


def test_the_backlog_says_what_is_due_and_since_when(app):
    service.queue(message("a"), at=MONDAY)
    service.queue(message("b", not_before=TUESDAY), at=MONDAY)
    (row,) = service.claim(at=MONDAY)
    service.withhold(row, "The recipient is named in the case.", at=MONDAY)
    now = queries.backlog(TUESDAY)
    assert (now[MessageState.QUEUED], now[MessageState.WITHHELD], now[MessageState.DEAD], now.due) == (1, 1, 0, 1)
    assert now.oldest_due_at == TUESDAY


def test_pages_of_messages_show_each_once_newest_first(app):
    for number in range(7):
        service.queue(message(f"page/{number}"), at=MONDAY + timedelta(minutes=number // 2))
    seen, after = [], None
    while True:
        page = queries.messages(after=after, limit=3)
        seen += [row.dedup_key for row in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == [f"page/{number}" for number in range(6, -1, -1)]
    with pytest.raises(Invalid):
        queries.messages(after="bm8")


def test_messages_are_found_by_case_key_and_state(app):
    service.queue(message("fired/7/a", case_reference="26-AAAA-AAAA-AA"), at=MONDAY)
    service.queue(message("fired/70/a"), at=MONDAY)
    assert [row.dedup_key for row in queries.for_case("26-AAAA-AAAA-AA")] == ["fired/7/a"]
    assert [row.dedup_key for row in queries.delivery_of("fired/7/")] == ["fired/7/a"]
    assert set(queries.deliveries_of(["fired/70/a", "none"])) == {"fired/70/a"}
    assert queries.messages(state=MessageState.DEAD).rows == ()
    assert len(queries.messages(kind="escalation").rows) == 2


def test_a_template_becomes_the_words_of_a_message(app):
    uid = service.queue(message(template="statement_given", context={"reference": "<26-7KQ4-M2XR-9C>"}), at=MONDAY)
    content = render_mail(queries.message(uid))
    assert content.subject == "A case needs you"
    assert content.html is None
    assert content.text.startswith("Dear Grace Obi,\n\nA statement you were waiting for has been given for case <26-7KQ4-M2XR-9C>.\n")


def test_a_message_key_survives_many_queuers_on_real_transactions(committing_app):
    from concurrent.futures import ThreadPoolExecutor

    def put(_: int) -> str:
        with committing_app.app_context():
            return service.queue(message("same"), at=datetime(2026, 3, 3, tzinfo=UTC))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(put, range(8)))) == 1
    assert db.session.query(OutboxMessage).count() == 1
