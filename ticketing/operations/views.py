"""Is the process alive, can it serve, and how are its jobs?  For load balancers, and the people who watch over the program."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ticketing.core import clock
from ticketing.core.permissions import Permission
from ticketing.operations import queries, rules
from ticketing.outbox.queries import backlog
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import public, requires

bp = Blueprint("operations", __name__)


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """503 only for the database or its migrations: a late scheduler must not take the web out as well."""
    problem = queries.problem()
    if problem:
        return jsonify(status="unavailable", problem=problem), 503, {"Retry-After": "30"}
    return jsonify(status="ok", warnings=_warnings(clock.now()))


@bp.get("/metrics")
@public
def metrics() -> ResponseReturnValue:
    """For Prometheus: only from a listed address or with the token; whoever may not is told no more than that."""
    config = current_app.config
    if not rules.may_read_metrics(
            request.remote_addr, request.headers.get("Authorization", ""), addresses=config["METRICS_FROM"], token=config["METRICS_TOKEN"]):
        return "Not from here.\n", 403, {"Content-Type": "text/plain; charset=utf-8"}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(queries.samples(_jobs(), clock.now())))
    return generate_latest(registry), 200, {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}


@bp.get("/operations")
@requires(Permission.MANAGE_RULES)
def health() -> ResponseReturnValue:
    """How the jobs, the steps of the ladder and the mail stand."""
    at = moment_of_request()
    return render_template(
        "operations/health.html", beats=queries.job_beats(), jobs=sorted(_jobs()), ladder=queries.ladder(at), mail=backlog(at),
        warnings=_warnings(at), is_late=rules.is_late)


class _Samples(Collector):
    """Samples read a moment ago, handed to the writer of the format."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> list[Metric]:
        return self.found


def _jobs() -> frozenset[str]:
    jobs: frozenset[str] = current_app.extensions.get("jobs", frozenset())
    return jobs


def _warnings(at: datetime) -> list[str]:
    return rules.warnings_of(queries.signs(_jobs(), bool(current_app.config["SMTP_URL"]), at), at)
