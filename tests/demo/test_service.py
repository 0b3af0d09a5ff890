"""The demo hospital as it is made: whole, on time, with nothing left over; and the case that escalates while somebody watches."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from ticketing.accounts import queries as accounts
from ticketing.audit import queries as audit
from ticketing.cases import queries as cases
from ticketing.cases.models import Case, RebaseItem, ResponseVersion
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.errors import Conflict
from ticketing.core.mail import Mail
from ticketing.core.permissions import Role
from ticketing.demo import queries, service
from ticketing.demo.service.seeding import WAKE
from ticketing.escalation.jobs import sweep
from ticketing.escalation.queries import histories, simulations
from ticketing.escalation.rules.playing import policies
from ticketing.escalation.rules.simulating import replay
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.outbox.queries import backlog
from ticketing.sla import queries as sla
from ticketing.sla.models import Timer

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 29, 2, 30, tzinfo=UTC)  # a Sunday


@pytest.fixture
def mails(app: Flask) -> list[Mail]:
    """The hospital is made; these were sent on the way."""
    kept: list[Mail] = []
    told: list[tuple[int, int]] = []
    service.seed(
        mail_from="us@larkmoor.example", transport=lambda mail: str(kept.append(mail)), progress=lambda *done: told.append(done), at=NOW)
    assert told[-1][0] == told[-1][1] > 1000
    return kept


def test_the_hospital_is_whole_and_every_timer_agrees_with_its_events(mails):
    statuses = set(db.session.scalars(sa.select(Case.status)))
    assert (queries.case_count(), statuses) == (120, set(Status))
    assert audit.verify().is_whole
    assert [drift for _, found in sla.drifts(at=NOW) for drift in found] == []
    check_that_replaying_the_live_policy_gives_what_happened()
    check_that_the_manager_has_tried_another_policy()
    assert backlog(NOW).due == 0
    assert len(mails) > 100

    late = db.session.scalar(sa.select(sa.func.count()).select_from(Firing).where(Firing.state == FiringState.FIRED, Firing.is_late))
    failed = db.session.scalar(sa.select(sa.func.count()).select_from(Firing).where(Firing.state == FiringState.FAILED))
    assert (late, failed) == (0, 0)

    for response in db.session.scalars(sa.select(ResponseVersion).where(ResponseVersion.signed_at.is_not(None))):
        assert len({response.drafter_id, response.reviewer_id, response.signatory_id}) == 3
        assert "{" not in response.text

    officer, clinician = (accounts.staff_by_email(f"{key}@larkmoor.example").actor for key in ("officer", "clinician"))
    assert len(cases.questions_for(clinician, at=NOW)) >= 4
    mine = cases.worklist(officer, cases.WorklistView.MINE, cases.Filters(), at=NOW).rows
    assert {row.timing for row in mine} >= {"breached", "today", "running"}
    assert any(task.due_at.date() == NOW.date() for task in cases.tasks_of(officer, at=NOW))
    assert {row.role for row in queries.sign_ins()} == {role.value for role in Role}

    with pytest.raises(Conflict, match="in use already"):
        service.seed(mail_from="", transport=lambda _mail: "", progress=lambda _done, _whole: None, at=NOW)

    for moment in (NOW, NIGHT):
        _watch(moment)


def _watch(moment: datetime) -> None:
    """An escalation fires within two minutes, by day and by night, and nothing of it is late."""
    sweep(moment)
    reference = service.top_up(at=moment)
    case_id = db.session.scalar(sa.select(Case.id).where(Case.reference == reference))
    fired = sa.select(Firing).where(Firing.case_id == case_id, Firing.state == FiringState.FIRED)
    sweep(moment + timedelta(seconds=60))
    assert db.session.scalars(fired).all() == []
    sweep(moment + timedelta(seconds=90))
    rows = db.session.scalars(fired).all()
    assert len(rows) == 1
    assert accounts.staff_by_email("officer@larkmoor.example").uid in rows[0].told
    assert not rows[0].is_late
    assert [drift for _, found in sla.drifts(at=moment + timedelta(seconds=90)) for drift in found] == []


def check_that_replaying_the_live_policy_gives_what_happened() -> None:
    """Every timer of every case, and every step that fired: the sweep of the demo comes twenty seconds after each moment."""
    ids = list(db.session.scalars(sa.select(Case.id).order_by(Case.id)))
    spec = histories.policy_as_it_was()
    with_activity, with_triage = histories.asks_the_trail(spec)
    [policy] = policies(spec)
    found = {history.case_id: replay(history, policy, until=NOW, lag=WAKE)
             for history in histories.histories(ids, with_activity=with_activity, with_triage=with_triage)}
    timers = {(row.case_id, row.cycle, row.pack, row.target, row.subject, row.occurrence, row.due_at, row.met_at)
              for row in db.session.scalars(sa.select(Timer).where(Timer.state != "not_applicable"))}
    assert {(number, *item.key, item.due_at, item.met_at) for number, one in found.items() for item in one.outcomes} == timers
    fired = {(row.case_id, row.cycle, row.timer_key, row.rule_version_id, row.due_at)
             for row in db.session.scalars(sa.select(Firing).where(Firing.state == FiringState.FIRED))}
    played = {(number, step.cycle, step.timer_key, step.version_id, step.due_at) for number, one in found.items() for step in one.fired}
    rebased = set(db.session.scalars(sa.select(RebaseItem.case_id)))  # their steps fired under the version they had then
    assert len(fired) > 300
    assert {step[0] for step in played ^ fired} <= rebased
    assert len(rebased) < 20


def check_that_the_manager_has_tried_another_policy() -> None:
    [row] = simulations.simulations()
    manager = accounts.staff_by_email("manager@larkmoor.example").actor
    assert row.is_finished
    assert row.in_shadow
    assert row.figures.cases > 60
    assert row.figures.missed.after > row.figures.missed.before
    assert simulations.changed_cases(row.id, manager).rows
    assert simulations.shadow_by_day(row, manager, NOW)
