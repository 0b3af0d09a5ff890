"""One case, whole, and the answer to "why this date?"."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ticketing.audit import service as audit
from ticketing.cases import queries
from ticketing.cases.views.blueprint import bp, case_of
from ticketing.cases.views.offers import offers_of
from ticketing.cases.views.reading import days_of, stages_of
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires


@bp.get("/cases/<reference>")
@requires(Permission.VIEW_CASES)
def show(reference: str) -> ResponseReturnValue:
    actor, at = current_actor(), moment_of_request()
    case = case_of(reference)
    audit.record_read(case.reference, by=actor, at=at)
    return render_template(
        "cases/show.html", case=case, stages=stages_of(case), offers=offers_of(case, actor), days=days_of(case),
        is_new="logged" in request.args, may_work=actor.may(Permission.WORK_CASES))


@bp.get("/cases/<reference>/timers/<target>")
@requires(Permission.VIEW_CASES)
def explain(reference: str, target: str) -> ResponseReturnValue:
    case = case_of(reference)
    number = request.args.get("cycle", "")
    timer = queries.explain_timer(
        case.reference, target, current_actor(), at=moment_of_request(), subject=request.args.get("subject", ""),
        cycle=int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else None)
    return render_template("cases/explain.html", case=case, timer=timer)
