"""The lane for hashes: one at a time, a few strangers waiting, and whoever finds it full is told so while pages go on."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from tests.factories import PASSWORD, make_staff
from tests.facts import MONDAY
from ticketing.accounts import queries, service
from ticketing.accounts.queries.hashing import AT_ONCE, LANE, MOST_WAITING, Lane
from ticketing.core.errors import TooMany

EMAIL = "hana.novak@hospital.example"


def test_in_a_storm_no_more_run_and_wait_than_the_lane_holds():
    lane, storm, inside, most = Lane(1), threading.Barrier(12), Counter(), Counter()
    full, held = threading.Event(), threading.Event()

    def knock(_number):
        storm.wait()
        try:
            with lane.turn(most_waiting=2):
                inside["now"] += 1
                most["ever"] = max(most["ever"], inside["now"])
                full.wait(20)
                inside["now"] -= 1
            return "weighed"
        except TooMany:
            if lane.waiting == 2:
                held.set()
            return "told to wait"

    with ThreadPoolExecutor(12) as pool:
        answers = pool.map(knock, range(12))
        assert held.wait(20)
        full.set()
        told = Counter(answers)
    assert told["weighed"] + told["told to wait"] == 12
    assert told["told to wait"] >= 1
    assert most["ever"] == 1
    assert lane.waiting == 0


def test_of_four_threads_one_always_serves_pages():
    assert AT_ONCE + MOST_WAITING < 4


def test_while_the_lane_is_full_pages_answer_and_a_sign_in_is_told_to_come_back(committing_app):
    make_staff()
    go, ready = threading.Event(), threading.Semaphore(0)

    def hold():
        with LANE.turn():
            ready.release()
            go.wait(20)

    threads = [threading.Thread(target=hold) for _ in range(AT_ONCE + MOST_WAITING)]
    for thread in threads:
        thread.start()
    for _ in range(AT_ONCE):
        ready.acquire(timeout=20)
    for _ in range(2000):
        if LANE.waiting == MOST_WAITING:
            break
        threading.Event().wait(0.005)
    client = committing_app.test_client()
    try:
        page = client.send("/sign-in", {"email": EMAIL, "password": PASSWORD}, status=429)
        assert "Very many people are signing in at this moment" in page.text
        assert page.values()["email"] == EMAIL, "what was typed stays"
        assert page.response.headers["Retry-After"] == "3"
        client.page("/sign-in")
        client.page("/forgotten")
    finally:
        go.set()
        for thread in threads:
            thread.join()
    assert client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}).status_code == 303


@pytest.fixture
def hashes(monkeypatch):
    """How often argon2 ran."""
    ran: Counter[str] = Counter()
    for name in ("verify", "hash"):
        real = getattr(argon2.PasswordHasher, name)
        monkeypatch.setattr(argon2.PasswordHasher, name,
                            lambda self, *given, _real=real, _name=name, **named: (ran.update([_name]), _real(self, *given, **named))[1])
    return ran


def test_a_name_nobody_has_costs_as_many_hashes(app, hashes):
    make_staff()
    make_staff(name="New Comer", password=None)
    queries.weigh("warm.up@hospital.example", "wrong", "10.0.0.1", at=MONDAY)
    for email in (EMAIL, "nobody@hospital.example", "new.comer@hospital.example", "", "\x00", "x" * 500):
        hashes.clear()
        service.sign_in(queries.weigh(email, "wrong", "10.0.0.1", at=MONDAY), "", at=MONDAY)
        assert hashes == {"verify": 1}, email


def test_a_locked_name_costs_no_hash_whether_or_not_somebody_has_it(app, hashes):
    make_staff()
    for email in (EMAIL, "nobody@hospital.example"):
        for _ in range(10):
            service.sign_in(queries.weigh(email, "wrong", email, at=MONDAY), "", at=MONDAY)
        hashes.clear()
        queries.weigh(email, "wrong", "10.0.0.9", at=MONDAY)
        assert not hashes


def test_a_recovery_code_costs_one_hash_whether_or_not_it_is_one(app, hashes):
    hana = make_staff()
    queries.weigh("warm.up@hospital.example", "wrong", "10.0.0.1", at=MONDAY)
    for typed in ("0" * 16, "nothing like it", "9" * 3000):
        hashes.clear()
        queries.weigh_code(hana.id, typed, "10.0.0.1", at=MONDAY)
        assert hashes == {"verify": 1}
