"""One verb, one transaction: it commits whole or leaves nothing, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.facts import MONDAY, TUESDAY
from tests.probes import Injected, assert_all_or_nothing, contents, count_queries, failing_at
from ticketing.core.database import atomic, db, savepoint
from ticketing.operations import queries, service
from ticketing.operations.models import Heartbeat
from ticketing.web.guards import public


@atomic
def two_beats(*, at):
    service.beat("first", at=at)
    db.session.add(Heartbeat(name="second", at=at))


def test_a_verb_keeps_all_it_wrote(app):
    two_beats(at=TUESDAY)
    assert queries.beats() == {"first": TUESDAY, "second": TUESDAY}


def test_a_verb_that_fails_at_any_of_its_writes_leaves_nothing(app):
    assert assert_all_or_nothing(lambda: two_beats(at=TUESDAY)) == 2


def test_a_failure_undoes_only_the_verb_it_happens_in(app):
    service.beat("before", at=MONDAY)
    with pytest.raises(Injected), failing_at(2):
        two_beats(at=TUESDAY)
    assert queries.beats() == {"before": MONDAY}


@pytest.mark.parametrize("number", [1, 2])
def test_every_test_finds_the_tables_empty(app, number):
    assert not queries.beats()
    service.beat(f"test-{number}", at=TUESDAY)
    assert len(contents()["heartbeats"]) == 1


def test_a_request_sees_what_the_test_wrote_and_the_test_what_the_request_left(app, client, monkeypatch):
    monkeypatch.setitem(app.view_functions, "operations.healthz", public(lambda: service.beat("request", at=TUESDAY) or "done"))
    monkeypatch.setitem(type(client).open.__globals__, "WRITTEN_BY_GET", frozenset({"heartbeats"}))
    service.beat("before", at=TUESDAY)
    assert queries.beats()  # a read holds a savepoint open; what the request keeps must not hang on it
    assert client.get("/healthz").status_code == 200
    service.beat("after", at=TUESDAY)
    assert set(queries.beats()) == {"before", "request", "after"}


def test_an_item_that_fails_in_its_savepoint_leaves_the_others(app):
    @atomic
    def three():
        for name in ("one", "one", "two"):
            try:
                with savepoint():
                    db.session.execute(sa.insert(Heartbeat).values(name=name, at=TUESDAY))
            except sa.exc.IntegrityError:
                continue

    three()
    assert set(queries.beats()) == {"one", "two"}


def test_moments_come_back_aware_and_in_utc(app):
    service.beat("sweep", at=TUESDAY)
    assert queries.beats()["sweep"] == TUESDAY
    assert queries.beats()["sweep"].utcoffset().total_seconds() == 0


def test_a_moment_without_a_zone_is_refused(app):
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        service.beat("sweep", at=TUESDAY.replace(tzinfo=None))


def test_many_threads_really_commit_and_none_is_lost(committing_app):
    def beat(number):
        with committing_app.app_context():
            service.beat(f"worker-{number}", at=TUESDAY)

    threads = [threading.Thread(target=beat, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(queries.beats()) == 12


def test_many_threads_changing_one_row_lose_no_change(committing_app):
    @atomic
    def later(*, at):
        row = db.session.execute(sa.select(Heartbeat).where(Heartbeat.name == "sweep").with_for_update()).scalar_one()
        row.at += at - MONDAY

    service.beat("sweep", at=MONDAY)

    def work():
        with committing_app.app_context():
            for _ in range(5):
                later(at=MONDAY + timedelta(minutes=1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queries.beats()["sweep"] == MONDAY + timedelta(minutes=40)


def test_queries_are_counted(app):
    with count_queries() as sent:
        queries.beats()
        service.beat("sweep", at=TUESDAY)
    assert len(sent) == 2
    assert sent.written_tables == {"heartbeats"}
