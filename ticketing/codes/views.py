"""Sites and units for administrators: the list, adding and changing."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.codes import queries, service
from ticketing.codes.forms import SiteForm, UnitForm
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

bp = Blueprint("codes", __name__)


@bp.get("/places")
@requires(Permission.MANAGE_STAFF)
def places() -> ResponseReturnValue:
    return render_template("codes/places.html", sites=queries.sites(is_active=None), units=queries.units(is_active=None))


@bp.route("/places/sites/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def add_site() -> ResponseReturnValue:
    form, by, at = SiteForm(), current_actor(), moment_of_request()
    if form.validate_on_submit() and form.carry_out(lambda: service.add_site(**form.given(), by=by, at=at)):
        return _done(f"{form.name.data} is added.")
    return render_template("codes/add_site.html", form=form), form.status if form.errors else 200


@bp.route("/places/sites/<code>", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def change_site(code: str) -> ResponseReturnValue:
    site, by, at = queries.site_by_code(code), current_actor(), moment_of_request()
    form = SiteForm(site)
    if form.validate_on_submit() and form.carry_out(
        lambda: service.change_site(**form.given(), is_active=form.is_active.data, by=by, at=at),
    ):
        return _done(f"{form.name.data} is changed.")
    return render_template("codes/change_site.html", form=form, site=site), form.status if form.errors else 200


@bp.route("/places/units/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def add_unit() -> ResponseReturnValue:
    form, by, at = UnitForm(), current_actor(), moment_of_request()
    if form.validate_on_submit() and form.carry_out(lambda: service.add_unit(**form.given(), by=by, at=at)):
        return _done(f"{form.name.data} is added.")
    return render_template("codes/add_unit.html", form=form), form.status if form.errors else 200


@bp.route("/places/units/<code>", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def change_unit(code: str) -> ResponseReturnValue:
    unit, by, at = queries.unit_by_code(code), current_actor(), moment_of_request()
    form = UnitForm(unit)
    if form.validate_on_submit() and form.carry_out(
        lambda: service.change_unit(**form.given(), is_active=form.is_active.data, by=by, at=at),
    ):
        return _done(f"{form.name.data} is changed.")
    return render_template("codes/change_unit.html", form=form, unit=unit), form.status if form.errors else 200


def _done(words: str) -> ResponseReturnValue:
    flash(words, "success")
    return redirect(url_for("codes.places"), 303)
