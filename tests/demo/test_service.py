"""The demo hospital as it is made: whole, on time, with nothing left over; and the case that escalates while somebody watches."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from ticketing.accounts import queries as accounts
from ticketing.audit import queries as audit
from ticketing.cases import queries as cases
from ticketing.cases.models import Case, ResponseVersion
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.errors import Conflict
from ticketing.core.mail import Mail
from ticketing.core.permissions import Role
from ticketing.demo import queries, service
from ticketing.escalation.jobs import sweep
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.outbox.queries import backlog
from ticketing.sla import queries as sla

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
