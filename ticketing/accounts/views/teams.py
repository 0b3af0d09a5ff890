"""Teams for administrators: the list, adding and changing."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import ChangeTeamForm, TeamForm
from ticketing.accounts.views.door import bp
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires


@bp.get("/teams")
@requires(Permission.MANAGE_STAFF)
def teams() -> ResponseReturnValue:
    return render_template("accounts/teams.html", teams=queries.teams(is_active=None))


@bp.route("/teams/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def add_team() -> ResponseReturnValue:
    form, by, at = TeamForm(), current_actor(), moment_of_request()
    if form.validate_on_submit() and form.carry_out(
        lambda: service.add_team(**form.given(), by=by, at=at),
    ):
        flash(f"{form.name.data} is added. Put people in it on their own pages.", "success")
        return redirect(url_for("accounts.teams"), 303)
    return render_template("accounts/add_team.html", form=form), form.status if form.errors else 200


@bp.route("/teams/<code>", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def change_team(code: str) -> ResponseReturnValue:
    team, by, at = queries.team_by_code(code), current_actor(), moment_of_request()
    form = ChangeTeamForm(team)
    if form.validate_on_submit() and form.carry_out(lambda: service.change_team(code, **form.given(), by=by, at=at)):
        flash(f"{form.name.data} is changed.", "success")
        return redirect(url_for("accounts.teams"), 303)
    return render_template("accounts/change_team.html", form=form, team=team), form.status if form.errors else 200
