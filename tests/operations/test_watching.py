"""Whoever watches the program: metrics for whom they are meant, one alarm an incident, and a clock set back that is noticed and said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

import apscheduler.schedulers.base as scheduling
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import enter, make_case, make_hospital, make_staff
from tests.facts import MONDAY, TUESDAY
from ticketing.core import clock
from ticketing.core.batch import Tally
from ticketing.core.database import db
from ticketing.core.permissions import Role
from ticketing.escalation.jobs import sweep
from ticketing.operations import queries, service
from ticketing.operations.rules import may_read_metrics, warnings_of
from ticketing.outbox.models import OutboxMessage
from ticketing.schedule import Job, Rota

MINUTE = timedelta(minutes=1)
SOON = 20.0  # seconds
FROM = "10.0.0.7, 192.168.1.1"


# --- metrics ---


@pytest.mark.parametrize(("address", "header", "is_read"), [
    ("10.0.0.7", "", True),
    ("192.168.1.1", "", True),
    ("10.0.0.70", "", False),
    ("10.0.0.7, 192.168.1.1", "", False),
    ("", "", False),
    (None, "", False),
    ("10.9.9.9", "Bearer a long token", True),
    ("10.9.9.9", "Bearer a long toke", False),
    ("10.9.9.9", "a long token", False),
    ("10.9.9.9", "Basic a long token", False),
    ("10.9.9.9", "Bearer t\u00f6ken", False),
])
def test_metrics_are_read_from_a_listed_address_or_with_the_token(address, header, is_read):
    assert may_read_metrics(address, header, addresses=FROM, token="a long token") is is_read


def test_where_no_token_is_set_an_empty_one_opens_nothing():
    assert not may_read_metrics("10.9.9.9", "Bearer ", addresses="", token="")
    assert not may_read_metrics("", "", addresses="", token="")


def test_a_stranger_is_told_nothing_and_a_listed_reader_the_figures(app, client, set_clock):
    app.extensions["jobs"] = frozenset({"sweep"})
    app.config.update(METRICS_FROM="10.0.0.7", METRICS_TOKEN="a long token")
    set_clock(TUESDAY)
    service.beat("sweep", at=TUESDAY - MINUTE, failed=2)
    stranger = client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.8"}, headers={"X-Forwarded-For": "10.0.0.7"})
    assert (stranger.status_code, stranger.text) == (403, "Not from here.\n")
    listed = client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.7"})
    assert listed.status_code == 200
    assert 'redress_job_age_seconds{job="sweep"} 60.0' in listed.text
    assert 'redress_job_last_failed{job="sweep"} 2.0' in listed.text
    token = client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.8"}, headers={"Authorization": "Bearer a long token"})
    assert token.text == listed.text


def figure(client, name: str) -> float:
    [line] = [line for line in client.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).text.splitlines()
              if line.startswith(f"{name} ")]
    return float(line.split()[-1])


def test_p20_the_figures_are_what_is_in_the_database(app, client, set_clock):
    hospital, later = make_hospital(), MONDAY + timedelta(days=4)
    for _ in range(3):
        make_case(hospital.officer)
    set_clock(later)
    app.config["METRICS_FROM"] = "127.0.0.1"
    due = sa.text("SELECT count(*) FROM firings WHERE state = 'planned' AND fire_at <= :at").bindparams(
        sa.bindparam("at", later, type_=sa.DateTime(timezone=True)))
    waiting = queries.ladder(later)
    assert figure(client, "redress_firings_due") == waiting.due == db.session.scalar(due) > 0
    assert figure(client, "redress_firings_lag_seconds") == (later - waiting.oldest_due_at).total_seconds() > 0
    tally = sweep(later)
    fired = db.session.scalar(sa.text("SELECT count(*) FROM firings WHERE state = 'fired'"))
    told = db.session.scalar(sa.text("SELECT count(*) FROM audit_entry WHERE act = 'case.escalated'"))
    assert tally.outcomes["fired_late"] == fired == told == 3
    assert figure(client, "redress_firings_due") == figure(client, "redress_firings_lag_seconds") == 0
    mails = db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage).where(OutboxMessage.next_attempt_at <= later))
    assert figure(client, "redress_messages_due") == mails


# --- alarms ---


def alarms() -> list[str]:
    query = sa.select(OutboxMessage.recipient_name).where(OutboxMessage.kind == "alarm").order_by(OutboxMessage.id)
    return list(db.session.scalars(query))


def test_an_alarm_is_mailed_once_an_incident_to_the_administrators_alone(app):
    make_staff(Role.ADMINISTRATOR, "Ada Bell")
    make_staff(Role.MANAGER, "Ruth Okafor")
    service.beat("sweep", at=TUESDAY)
    assert service.raise_alarms({"sweep"}, at=TUESDAY + 2 * MINUTE) == 0
    assert alarms() == []
    assert service.raise_alarms({"sweep"}, at=TUESDAY + 3 * MINUTE) == 1
    first = alarms()
    assert "Ada Bell" in first
    assert "Ruth Okafor" not in first
    for minutes in range(4, 60, 5):
        assert service.raise_alarms({"sweep"}, at=TUESDAY + minutes * MINUTE) == 0
    assert alarms() == first
    service.beat("sweep", at=TUESDAY + 60 * MINUTE)  # it ran again, and stops again: another incident
    assert service.raise_alarms({"sweep"}, at=TUESDAY + 61 * MINUTE) == 0
    assert service.raise_alarms({"sweep"}, at=TUESDAY + 70 * MINUTE) == 1
    assert alarms() == first * 2


def test_the_alarm_says_which_job_and_for_how_long(app):
    from ticketing.outbox.jobs import render_mail
    from ticketing.outbox.queries import messages

    make_staff(Role.ADMINISTRATOR, "Ada Bell")
    service.beat("deliver", at=TUESDAY)
    service.raise_alarms({"deliver"}, at=TUESDAY + 7 * MINUTE)
    [alarm] = messages(kind="alarm").rows
    content = render_mail(alarm)
    assert "deliver" in content.subject
    assert "7 minutes" in content.text


# --- a clock set back ---


class MachineClock:
    """The wall clock of a machine, as our program and APScheduler read it; the monotonic clock goes on by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.behind = timedelta()
        shown = self

        class Shown(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.now(tz) - shown.behind

        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() - shown.behind)
        monkeypatch.setattr(scheduling, "datetime", Shown)


def test_p18_a_clock_set_back_an_hour_silences_nothing_and_is_said(new_app: Callable[..., Flask], monkeypatch):
    wall, turns, happened = MachineClock(monkeypatch), [0], threading.Condition()

    def work(_: object) -> Tally:
        with happened:
            turns[0] += 1
            happened.notify_all()
        return Tally(done=1)

    def reaches(number: int) -> bool:
        with happened:
            return happened.wait_for(lambda: turns[0] >= number, timeout=SOON)

    app = new_app(sweep_seconds=1)
    rota = Rota(app, (Job("sweep", "SWEEP_SECONDS", work),))
    rota.start()
    try:
        assert reaches(2)
        wall.behind = timedelta(hours=1)
        assert reaches(turns[0] + 4), "the scheduler waits for the clock to catch up"
    finally:
        rota.ask_to_stop()
        rota.wait()
    with app.app_context():
        at = clock.now()
        [beat] = queries.job_beats()
        assert beat.silent_at is not None
        assert at - MINUTE < beat.silent_at <= at
        assert at - MINUTE < beat.at <= at, "beats count by the clock as it is now"
        said = warnings_of(queries.signs(frozenset({"sweep"}), True, at), at)
    assert [line for line in said if "'sweep' had fallen silent and was woken" in line]


def test_health_shows_what_stopped_since_when_and_what_was_woken(app, client, set_clock):
    app.extensions["jobs"] = frozenset({"sweep", "deliver"})
    enter(client, Role.ADMINISTRATOR)
    service.beat("sweep", at=TUESDAY - 10 * MINUTE)
    service.raise_alarms({"sweep"}, at=TUESDAY - 5 * MINUTE)
    service.note_silence("deliver", at=TUESDAY - MINUTE)
    set_clock(TUESDAY)
    page = client.page("/operations")
    sweep_row, deliver_row = (next(row.text for row in page.all("tr") if name in row.text) for name in ("sweep", "deliver"))
    assert "Silent" in sweep_row
    assert "Alarm sent Tue 3 Mar 2026, 09:25" in sweep_row
    assert "Running" in deliver_row
    assert "woken Tue 3 Mar 2026, 09:29" in deliver_row
