"""Is the process alive, and can it serve?  For load balancers and the people who watch them."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from ticketing.core import clock
from ticketing.operations import queries, rules
from ticketing.web.guards import public

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


def _warnings(at: datetime) -> list[str]:
    jobs: frozenset[str] = current_app.extensions.get("jobs", frozenset())
    return rules.warnings_of(queries.signs(jobs, bool(current_app.config["SMTP_URL"]), at), at)
