"""Pages beside the ladder: what fires next, who is on duty, acknowledging a notice, and planning open cases anew."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.core.permissions import Permission
from ticketing.escalation import queries, service
from ticketing.escalation.forms import ShiftForm
from ticketing.escalation.queries import ahead, rota
from ticketing.escalation.views.blueprint import bp
from ticketing.firings import service as firings
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires


@bp.get("/forecast")
@requires(Permission.VIEW_ESCALATIONS)
def forecast() -> ResponseReturnValue:
    """What will fire in the next seven days, to whom and why."""
    return render_template("escalation/forecast.html", forecast=ahead.forecast(current_actor(), moment_of_request()))


@bp.get("/rota")
@requires(Permission.VIEW_ESCALATIONS)
def show_rota() -> ResponseReturnValue:
    """Who is on duty for each team."""
    return render_template("escalation/show_rota.html", rotas=rota.rotas(), form=_form())


@bp.post("/rota")
@requires(Permission.MANAGE_RULES)
def add_shift() -> ResponseReturnValue:
    form = _form()
    if form.validate_on_submit() and form.carry_out(
            lambda: service.add_shift(*form.team_and_shift(), by=current_actor(), at=moment_of_request())):
        flash("The shift is on the rota.", "success")
        return redirect(url_for(".show_rota"), 303)
    return render_template("escalation/show_rota.html", rotas=rota.rotas(), form=form), form.status


@bp.post("/rota/<uid>/remove")
@requires(Permission.MANAGE_RULES)
def remove_shift(uid: str) -> ResponseReturnValue:
    service.remove_shift(uid, by=current_actor(), at=moment_of_request())
    flash("The shift is off the rota.", "success")
    return redirect(url_for(".show_rota"), 303)


@bp.get("/<uid>/acknowledge")
@requires(Permission.USE_ACCOUNT)
def acknowledge(uid: str) -> ResponseReturnValue:
    """What somebody was told; opening it acknowledges nothing."""
    return render_template("escalation/acknowledge.html", notice=queries.notice_for(uid, current_actor()))


@bp.post("/<uid>/acknowledge")
@requires(Permission.USE_ACCOUNT)
def confirm_acknowledgement(uid: str) -> ResponseReturnValue:
    """They have seen it: it rises no further."""
    if service.acknowledge(uid, by=current_actor(), at=moment_of_request()):
        flash("Thank you. It goes to nobody above you.", "success")
    return redirect(url_for(".acknowledge", uid=uid), 303)


@bp.post("/rules/<code>/replan")
@requires(Permission.MANAGE_RULES)
def replan(code: str) -> ResponseReturnValue:
    firings.ask_replanning(code, by=current_actor(), at=moment_of_request())
    flash("The open cases will be planned anew within minutes. What has fired stays as it is.", "success")
    return redirect(url_for(".rule", code=code), 303)


def _form() -> ShiftForm:
    form = ShiftForm()
    form.offer(rota.members())
    return form
