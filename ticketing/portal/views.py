"""The public pages: bring a concern, and the receipt for it.  No account, and no cookie but the one that guards the form."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ticketing.codes import queries as codes
from ticketing.core.errors import NotFound
from ticketing.core.files import ACCEPT
from ticketing.core.scanning import scanner
from ticketing.core.storage import store
from ticketing.portal import queries, service
from ticketing.portal.forms import ConcernForm
from ticketing.web.filters import moment_of_request
from ticketing.web.forms import csrf
from ticketing.web.guards import public, takes_files

bp = Blueprint("portal", __name__)
RECEIVED = "received"  # the one thing kept in the signed cookie: no reference stands in an address


@bp.context_processor
def _home() -> dict[str, str]:
    """The hospital's name leads to the form, not to the staff's door."""
    return {"public_home_url": url_for("portal.new")}


@bp.route("/concerns/new", methods=["GET", "POST"])
@takes_files
@public
def new() -> ResponseReturnValue:
    form, sites = ConcernForm(), codes.sites()
    if not sites:
        return render_template("portal/new.html", form=None, is_us=False), 400 if request.method == "POST" else 200
    form.fit(sites, codes.units(), moment_of_request())
    if form.validate_on_submit() and form.carry_out(lambda: _submit(form)):
        session[RECEIVED] = form.result  # also for the second of two: the browser may have dropped the first answer with its cookie
        return redirect(url_for("portal.received"), 303)
    is_us = all(site.pack.startswith("us-") for site in sites)
    page = render_template("portal/new.html", form=form, is_us=is_us, accept=ACCEPT, limits=current_app.config)
    return page, form.status if form.is_submitted() else 200


csrf.exempt(new)  # the form checks its token itself, so that a stale page keeps what was typed


@bp.get("/concerns/received")
@public
def received() -> ResponseReturnValue:
    """The receipt, for whoever has just sent something from this browser; others are led to the form."""
    reference = session.get(RECEIVED, "")
    try:
        receipt = queries.receipt(reference, at=moment_of_request()) if reference else None
    except NotFound:
        receipt = None
    return render_template("portal/received.html", receipt=receipt) if receipt else redirect(url_for("portal.new"), 303)


@bp.get("/concerns/received/why/<target>")
@public
def why(target: str) -> ResponseReturnValue:
    """Why a date of the receipt is what it is, day by day, for the browser that holds the receipt."""
    reference = session.get(RECEIVED, "")
    if not reference:
        return redirect(url_for("portal.new"), 303)
    found = queries.why(reference, target, request.args.get("pack", ""), at=moment_of_request())
    return render_template("portal/why.html", found=found, timer=found.timer)


def _submit(form: ConcernForm) -> str:
    return service.submit(
        form.concern(), form.files.check(), scanner(), store(), request.remote_addr or "unknown", most=current_app.config["CASE_FILES"],
        at=moment_of_request())
