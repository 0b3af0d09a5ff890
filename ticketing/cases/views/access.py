"""Opening a case in an emergency, ending that, and every use of it for those who look after the trail."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.cases import queries, service
from ticketing.cases.forms.access import GlassForm
from ticketing.cases.views.blueprint import bp, known_uid
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.forms import Form
from ticketing.web.guards import current_actor, current_actor_or_none, requires


@bp.app_context_processor
def _banner() -> dict[str, Any]:
    """What somebody reads behind broken glass stands above every page until it is over."""
    actor = current_actor_or_none()
    return {"glass": queries.open_glass(actor, at=moment_of_request()) if actor else ()}


@bp.route("/break-glass", methods=["GET", "POST"])
@requires(Permission.BREAK_GLASS)
def glass() -> ResponseReturnValue:
    form, by, at = GlassForm(), current_actor(), moment_of_request()
    if form.validate_on_submit() and form.carry_out(lambda: service.break_glass(form.reference.data, form.reason.data, by=by, at=at)):
        flash("Open for an hour, to read. Managers and auditors have been told.", "warning")
        return redirect(url_for("cases.show", reference=form.result), 303)
    return render_template("cases/glass.html", form=form, uses=queries.own_glass(by), at=at), form.status if form.errors else 200


@bp.post("/break-glass/<uid>/end")
@requires(Permission.BREAK_GLASS)
def mend(uid: str) -> ResponseReturnValue:
    form = Form()
    if form.carry_out(lambda: service.mend_glass(known_uid(uid), by=current_actor(), at=moment_of_request())):
        flash("Ended. You see only your own cases again.", "success")
    return redirect(url_for("cases.glass"), 303)


@bp.get("/break-glass/uses")
@requires(Permission.VIEW_TRAIL)
def glass_uses() -> ResponseReturnValue:
    return render_template("cases/glass_uses.html", uses=queries.glass_uses(current_actor()), at=moment_of_request())
