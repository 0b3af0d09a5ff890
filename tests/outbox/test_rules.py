"""How long a message waits after which trouble, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.facts import MONDAY
from ticketing.outbox.rules import STATE_WORDS, MessageState, Outcome, fate_of, one_line, storable


def fate(outcome, *, attempts=1, ambiguous=0, age=timedelta()):
    return fate_of(outcome, "why", attempts=attempts, ambiguous=ambiguous, waiting_since=MONDAY - age, at=MONDAY)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 240), (6, 240), (20, 240)])
def test_the_wait_grows_in_minutes(attempts, minutes):
    after = fate(Outcome.REFUSED_FOR_NOW, attempts=attempts)
    assert (after.state, after.next_attempt_at) == (MessageState.FAILED, MONDAY + timedelta(minutes=minutes))


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (3, 5), (50, 10)])
def test_a_server_that_is_down_is_asked_again_soon(attempts, minutes):
    assert fate(Outcome.UNREACHABLE, attempts=attempts).next_attempt_at == MONDAY + timedelta(minutes=minutes)


def test_a_final_refusal_is_the_end():
    after = fate(Outcome.REFUSED)
    assert (after.state, after.next_attempt_at) == (MessageState.DEAD, None)
    assert after.reason.endswith("why")


@pytest.mark.parametrize(("ambiguous", "state"), [(1, MessageState.FAILED), (2, MessageState.FAILED), (3, MessageState.DEAD)])
@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.INTERRUPTED])
def test_three_attempts_that_may_have_arrived_are_enough(outcome, ambiguous, state):
    assert fate(outcome, attempts=ambiguous, ambiguous=ambiguous).state is state


@pytest.mark.parametrize(("age", "state"), [
    (timedelta(days=5) - timedelta(seconds=1), MessageState.FAILED), (timedelta(days=5), MessageState.DEAD),
])
def test_after_five_days_it_is_given_up(age, state):
    assert fate(Outcome.UNREACHABLE, attempts=9, age=age).state is state


@pytest.mark.parametrize(("text", "line"), [("a\r\nBcc: b", "a Bcc: b"), ("a\x00b", "a�b"), ("x" * 500, "x" * 200), ("\u2028a ", "a")])
def test_a_header_is_one_line(text, line):
    assert one_line(text) == line


def test_context_is_plain_json():
    assert storable({"at": MONDAY, "list": (1, None, {"state": MessageState.SENT})}) == {
        "at": MONDAY.isoformat(), "list": [1, None, {"state": "sent"}],
    }


def test_every_state_has_words():
    assert set(STATE_WORDS) == set(MessageState)
