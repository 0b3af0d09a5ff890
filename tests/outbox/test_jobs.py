"""Delivery to a real mail server that accepts, refuses, stalls, hangs up, or is not there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server

from tests.facts import ROOT, TUESDAY
from ticketing.core import mail
from ticketing.core.batch import Tally
from ticketing.outbox import jobs, queries, service
from ticketing.outbox.rules import Content, MessageState, NewMessage, Outcome


@dataclass
class MailServer:
    """What it has taken, and how it answers: `answers` by command, "drop" hangs up after the text has arrived."""

    taken: list[Message] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    dropping: int = 0
    before_answer: Any = None
    url: str = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Server, session: Any, envelope: Any) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        if self.before_answer:
            self.before_answer()
        if self.dropping:
            self.dropping -= 1
            server.transport.abort()
        return "250 taken"


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    server.url = f"smtp://127.0.0.1:{controller.port}"
    yield server
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put(key: str = "", **changes: Any) -> str:
    values = {
        "kind": "escalation", "recipient_email": "grace@hospital.example", "recipient_name": "Grace Obi", "subject": "A case needs you",
        "template": "receipt", "context": {"reference": "26-7KQ4-M2XR-9C"}, "dedup_key": key, **changes,
    }
    return service.queue(NewMessage(**values), at=TUESDAY)


def deliver(url: str, at=TUESDAY, **changes: Any) -> Tally:
    values = {"may_release": lambda _: None, "render": jobs.render_mail, "mail_from": "team@hospital.example", **changes}
    return jobs.deliver(at, smtp_url=url, **values)


def later(minutes: float):
    return TUESDAY + timedelta(minutes=minutes)


def state(uid: str) -> MessageState:
    row = queries.message(uid)
    assert row is not None
    return row.state


def outcomes(uid: str) -> list[Outcome]:
    row = queries.message(uid)
    assert row is not None
    return [attempt.outcome for attempt in row.attempts]


def test_a_message_arrives_whole_and_marked_as_automatic(app, smtp):
    uid = put()
    assert deliver(smtp.url).outcomes == {"sent": 1}
    (letter,) = smtp.taken
    assert (letter["To"], letter["From"], letter["Subject"]) == ("grace@hospital.example", "team@hospital.example", "A case needs you")
    assert letter["Message-ID"] == f"<{uid}@hospital.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime == TUESDAY
    assert "somebody will read it" in letter.get_content()
    row = queries.message(uid)
    assert (row.state, row.sent_at, row.next_attempt_at, row.lease) == (MessageState.SENT, TUESDAY, None, None)
    assert outcomes(uid) == [Outcome.ACCEPTED]


def test_a_sent_message_is_not_sent_again(app, smtp):
    put("fired/1")
    deliver(smtp.url)
    put("fired/1")
    assert deliver(smtp.url, later(600)).total == 0
    assert len(smtp.taken) == 1


def test_many_messages_leave_in_batches(app, smtp):
    for number in range(45):
        put(f"m/{number}", recipient_email=f"nurse{number}@hospital.example")
    assert deliver(smtp.url).outcomes == {"sent": 45}
    assert len({letter["Message-ID"] for letter in smtp.taken}) == 45


def test_a_temporary_refusal_is_tried_again_under_the_same_id(app, smtp):
    uid = put()
    smtp.answers["DATA"] = "451 try later"
    assert deliver(smtp.url).outcomes == {"failed": 1}
    assert deliver(smtp.url, later(0.9)).total == 0
    assert deliver(smtp.url, later(1)).outcomes == {"failed": 1}
    smtp.answers.clear()
    assert deliver(smtp.url, later(6)).outcomes == {"sent": 1}
    assert smtp.taken[0]["Message-ID"] == queries.message(uid).message_id
    assert outcomes(uid) == [Outcome.REFUSED_FOR_NOW, Outcome.REFUSED_FOR_NOW, Outcome.ACCEPTED]


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "550 no such user"), ("DATA", "554 not wanted")])
def test_a_final_refusal_is_dead_with_its_reason_and_visible(app, smtp, command, answer):
    uid = put()
    smtp.answers[command] = answer
    assert deliver(smtp.url).outcomes == {"dead": 1}
    row = queries.message(uid)
    assert (row.is_stuck, answer in row.last_error) == (True, True)
    assert deliver(smtp.url, later(10_000)).total == 0


def test_a_recipient_refused_for_now_is_tried_again(app, smtp):
    uid = put()
    smtp.answers["RCPT"] = "450 mailbox busy"
    deliver(smtp.url)
    assert (state(uid), outcomes(uid)) == (MessageState.FAILED, [Outcome.REFUSED_FOR_NOW])


def test_a_server_that_is_not_there_ends_the_batch_and_costs_the_rest_nothing(app):
    uids = [put(f"m/{number}") for number in range(5)]
    assert deliver(f"smtp://127.0.0.1:{free_port()}").outcomes == {"unreachable": 1}
    assert [outcomes(uid) for uid in uids] == [[Outcome.UNREACHABLE], [], [], [], []]
    assert {state(uid) for uid in uids[1:]} == {MessageState.QUEUED}


def test_all_leave_once_the_server_is_back(app, smtp):
    uids = [put(f"m/{number}") for number in range(10)]
    for minute in range(4):
        deliver(f"smtp://127.0.0.1:{free_port()}", later(minute))
    assert deliver(smtp.url, later(14)).outcomes == {"sent": 10}
    assert {state(uid) for uid in uids} == {MessageState.SENT}


def test_a_wrong_password_is_no_fault_of_the_message(app, smtp):
    uid = put()
    deliver(smtp.url.replace("//", "//user:wrong@"))
    assert (state(uid), outcomes(uid)) == (MessageState.FAILED, [Outcome.UNREACHABLE])


def test_a_connection_broken_after_the_text_is_tried_three_times_at_most(app, smtp):
    uid = put()
    smtp.dropping = 99
    minute = 0
    for _ in range(30):
        deliver(smtp.url, later(minute))
        minute += 20
    assert (state(uid), outcomes(uid)) == (MessageState.DEAD, [Outcome.UNKNOWN] * 3)
    assert len({letter["Message-ID"] for letter in smtp.taken}) == 1
    assert "may have arrived" in queries.message(uid).last_error


def test_one_broken_connection_is_healed_by_the_next_attempt(app, smtp):
    uid = put()
    smtp.dropping = 1
    deliver(smtp.url)
    deliver(smtp.url, later(1))
    assert (state(uid), outcomes(uid)) == (MessageState.SENT, [Outcome.UNKNOWN, Outcome.ACCEPTED])


def test_a_server_that_does_not_answer_in_time_leaves_it_open(app, smtp, monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.3)
    answered = threading.Event()
    smtp.before_answer = lambda: answered.wait(5)
    uid = put()
    deliver(smtp.url)
    answered.set()
    assert (state(uid), outcomes(uid)) == (MessageState.FAILED, [Outcome.UNKNOWN])


@pytest.mark.parametrize("address", ["not an address", "", "a@b@c", "zoë@höspital.example", "a@\nb"])
def test_an_address_that_cannot_be_used_is_dead_and_holds_nobody_up(app, smtp, address):
    bad, good = put(recipient_email=address), put("good")
    deliver(smtp.url)
    assert (state(bad), state(good)) == (MessageState.DEAD, MessageState.SENT)


def test_without_a_mail_server_messages_wait(app):
    uid = put()
    assert deliver("").total == 0
    assert (state(uid), outcomes(uid)) == (MessageState.QUEUED, [])


# --- judged and written when it is sent ---


def test_a_message_that_may_not_go_is_held_back_with_the_reason(app, smtp):
    held, free = put("a"), put("b", recipient_email="hana@hospital.example")
    reason = "The recipient is named in the complaint."
    tally = deliver(smtp.url, may_release=lambda message: reason if message.recipient_email.startswith("grace") else None)
    assert tally.outcomes == {"withheld": 1, "sent": 1}
    assert (state(held), queries.message(held).last_error, state(free)) == (MessageState.WITHHELD, reason, MessageState.SENT)
    assert [letter["To"] for letter in smtp.taken] == ["hana@hospital.example"]
    assert deliver(smtp.url, later(10_000)).total == 0


def test_the_words_are_made_when_it_is_sent(app, smtp):
    put()
    deliver(smtp.url, render=lambda message: Content("New subject", f"For {message.recipient_name}", "<p>For <b>her</b></p>"))
    (letter,) = smtp.taken
    assert letter["Subject"] == "New subject"
    assert letter.get_body(("plain",)).get_content().strip() == "For Grace Obi"
    assert "<b>her</b>" in letter.get_body(("html",)).get_content()


def test_words_that_cannot_be_made_hold_nobody_up_and_are_tried_again(app, smtp):
    broken, good = put(template="nowhere"), put("good")
    assert deliver(smtp.url).outcomes == {"failed": 1, "sent": 1}
    assert (state(broken), outcomes(broken), state(good)) == (MessageState.FAILED, [Outcome.UNWRITTEN], MessageState.SENT)
    assert "TemplateNotFound" in queries.message(broken).last_error


# --- several deliverers, and ones that die ---


def test_two_deliverers_at_once_send_each_message_once(committing_app, smtp):
    for number in range(60):
        put(f"m/{number}", recipient_email=f"nurse{number}@hospital.example")

    def work(_: int) -> int:
        with committing_app.app_context():
            return deliver(smtp.url).done

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, range(2))) == 60
    assert len(smtp.taken) == len({letter["Message-ID"] for letter in smtp.taken}) == 60


def test_nothing_is_held_in_the_database_while_a_message_is_being_sent(committing_app, smtp):
    """A second verb commits while the server still thinks about the first message."""
    put("first")
    seen: list[str] = []

    def queue_another() -> None:
        with committing_app.app_context():
            seen.append(put("second", not_before=later(60)))

    def meanwhile() -> None:
        thread = threading.Thread(target=queue_another)
        thread.start()
        thread.join(5)

    smtp.before_answer = meanwhile
    assert deliver(smtp.url).outcomes == {"sent": 1}
    assert len(seen) == 1


def test_a_deliverer_killed_between_sending_and_noting_leaves_a_message_that_is_sent_again(new_app, smtp):
    """At least once: the second copy has the same Message-ID, and the ledger shows what happened."""
    app = new_app()
    with app.app_context():
        uid = put()
        database = app.config["DATABASE_URL"]
    program = textwrap.dedent(f"""
        import os
        from datetime import datetime
        from config import Settings
        from ticketing.app import create_app
        from ticketing.core import mail
        from ticketing.outbox import jobs

        def send_and_die(letter):
            mail.send(letter, {smtp.url!r})
            os._exit(9)

        with create_app(Settings.for_tests({database!r})).app_context():
            jobs.deliver_batch(at=datetime.fromisoformat({TUESDAY.isoformat()!r}), mail_from="team@hospital.example",
                transport=send_and_die, may_release=lambda m: None, render=jobs.render_mail)
    """)
    died = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert died.returncode == 9
    with app.app_context():
        assert (state(uid), outcomes(uid)) == (MessageState.SENDING, [Outcome.STARTED])
        assert deliver(smtp.url, later(9)).total == 0
        assert deliver(smtp.url, later(10)).outcomes == {"sent": 1}
        assert outcomes(uid) == [Outcome.INTERRUPTED, Outcome.ACCEPTED]
    first, second = smtp.taken
    assert first["Message-ID"] == second["Message-ID"]


def test_a_message_that_kills_its_deliverer_again_and_again_is_given_up(app):
    uid = put()
    for minute in (0, 10, 20):
        (message,) = service.claim(at=later(minute))
        service.begin_attempt(message, at=later(minute))
    assert service.claim(at=later(30)) == ()
    assert (state(uid), outcomes(uid)) == (MessageState.DEAD, [Outcome.INTERRUPTED] * 3)


def test_a_deliverer_that_was_asleep_does_not_send_what_another_has_taken_over(app, smtp):
    uid = put()
    (asleep,) = service.claim(at=TUESDAY)
    assert deliver(smtp.url, later(10)).outcomes == {"sent": 1}
    assert service.begin_attempt(asleep, at=later(11)) is None
    service.withhold(asleep, "Too late", at=later(11))
    service.put_back([asleep], wait=timedelta(), at=later(11))
    assert state(uid) is MessageState.SENT
