"""What the program's health looks like from the database."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError

from ticketing.audit.queries import seals
from ticketing.core import files, scanning
from ticketing.core.database import db
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.operations.models import Heartbeat
from ticketing.operations.rules import Beat, Ladder, Signs
from ticketing.outbox.queries import backlog
from ticketing.outbox.rules import MessageState


def beats() -> dict[str, datetime]:
    """Each job with the moment it last ran."""
    return {row.name: row.at for row in db.session.execute(sa.select(Heartbeat.name, Heartbeat.at))}


def job_beats() -> tuple[Beat, ...]:
    """Every job as last seen, by name."""
    rows = db.session.execute(sa.select(
        Heartbeat.name, Heartbeat.at, Heartbeat.done, Heartbeat.failed, Heartbeat.took_ms, Heartbeat.silent_at, Heartbeat.alarmed_at,
    ).order_by(Heartbeat.name))
    return tuple(Beat(*row) for row in rows)


def ladder(at: datetime) -> Ladder:
    """How the planned steps stand at `at`; each number from an index of its own."""
    due, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(Firing.fire_at)).where(Firing.state == FiringState.PLANNED, Firing.fire_at <= at)).one()
    aside = db.session.scalar(sa.select(sa.func.count()).where(Firing.state == FiringState.FAILED, ~_tried_again())) or 0
    unanswered = db.session.scalar(sa.select(sa.func.count()).where(Firing.answer_by_at.is_not(None))) or 0
    return Ladder(due, oldest, aside, unanswered)


def _tried_again() -> sa.ColumnElement[bool]:
    later = sa.orm.aliased(Firing)
    return sa.exists().where(
        later.case_id == Firing.case_id, later.cycle == Firing.cycle, later.timer_key == Firing.timer_key,
        later.rule_version_id == Firing.rule_version_id, later.occurrence > Firing.occurrence)


def samples(jobs: frozenset[str], at: datetime) -> list[Metric]:
    """What /metrics tells, read from the database, so that every process tells the same."""
    steps, mail = ladder(at), backlog(at)
    lag = steps.lag(at).total_seconds()
    age, done = GaugeMetricFamily("redress_job_age_seconds", "Seconds since a job last ran.", labels=["job"]), GaugeMetricFamily(
        "redress_job_last_failed", "What a job could not do when it last ran.", labels=["job"])
    for beat in job_beats():
        if beat.name in jobs:
            age.add_metric([beat.name], (at - beat.at).total_seconds())
            done.add_metric([beat.name], beat.failed)
    states = GaugeMetricFamily("redress_messages", "Messages in the outbox by state.", labels=["state"])
    for state in MessageState:
        states.add_metric([state.value], mail[state])
    return [age, done, states,
            GaugeMetricFamily("redress_firings_due", "Escalation steps that are due.", value=steps.due),
            GaugeMetricFamily("redress_firings_lag_seconds", "How long the oldest due step has waited.", value=lag),
            GaugeMetricFamily("redress_firings_set_aside", "Escalation steps that failed and wait for a person.", value=steps.set_aside),
            GaugeMetricFamily("redress_firings_unanswered", "Notices that nobody has acknowledged yet.", value=steps.unanswered),
            GaugeMetricFamily("redress_messages_due", "Messages that could leave now.", value=mail.due)]


def signs(jobs: frozenset[str], has_mail_server: bool, at: datetime) -> Signs:
    """Beats and backlog; `jobs` are those that should run."""
    waiting = backlog(at)
    stuck = waiting[MessageState.DEAD] + waiting[MessageState.WITHHELD]
    clamd = current_app.config["CLAMD_URL"]
    found = job_beats()
    silences = {beat.name: beat.silent_at for beat in found if beat.silent_at}
    return Signs({beat.name: beat.at for beat in found}, jobs, waiting.due, waiting.oldest_due_at, stuck, has_mail_server,
                 files.has_library(), bool(clamd) and not scanning.is_there(clamd, seconds=1), seals().oldest_at,
                 ladder(at), silences)


def problem() -> str | None:
    """Why this process cannot serve, or None: the database is out of reach, or not at this program's migration."""
    try:
        stored = MigrationContext.configure(db.session.connection()).get_current_heads()
    except SQLAlchemyError as error:
        structlog.get_logger().error("readyz.database", error=type(error).__name__)
        return "The database cannot be reached."
    if set(stored) != set(_newest()):
        return "The database is behind this program: run `flask --app wsgi db upgrade`."
    return None


def _newest() -> tuple[str, ...]:
    """Read from the migration files, which do not change while the program runs."""
    heads: tuple[str, ...] | None = current_app.extensions.get("redress_heads")
    if heads is None:
        heads = tuple(ScriptDirectory(current_app.extensions["migrate"].directory).get_heads())
        current_app.extensions["redress_heads"] = heads
    return heads
