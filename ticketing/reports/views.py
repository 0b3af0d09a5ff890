"""The reports: the manager's overview with the cases behind each number, the ledger of messages, the trail, the demo's mailbox."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.exports import csv_text
from ticketing.core.paging import PAGE_SIZE
from ticketing.core.permissions import Permission
from ticketing.outbox import service as outbox
from ticketing.outbox.rules import MessageState
from ticketing.reports import queries
from ticketing.reports.forms import MailboxForm, MessageForm, PeriodForm, TrailForm
from ticketing.reports.queries import MessageFilter, Narrowing, Reading, TrailFilter
from ticketing.reports.rules import METRICS, Figure, Overview, due_day, period_of, periods
from ticketing.web.filters import moment_of_request
from ticketing.web.forms import clean
from ticketing.web.guards import current_actor, requires

bp = Blueprint("reports", __name__, url_prefix="/reports")
KINDS = {
    "escalation": "Escalation", "statement_asked": "Questions for a clinician", "statement_given": "A statement was given",
    "statement_declined": "A statement was declined", "conflict_declared": "Conflict of interest",
    "receipt": "Receipt", "invitation": "Invitation", "reset": "Forgotten password"}


@bp.get("")
@requires(Permission.VIEW_REPORTS)
def overview() -> ResponseReturnValue:
    """How the hospital keeps its promises, in one period."""
    form = _period_form()
    return render_template("reports/overview.html", form=form, found=_overview(form), metrics=METRICS)


@bp.get("/cases")
@requires(Permission.VIEW_REPORTS)
def cases() -> ResponseReturnValue:
    """The cases behind one number."""
    form = _period_form()
    found = _overview(form)
    code, start = clean(request.args.get("figure", ""))[:60], _start()
    figure = found.figures.get(code) or Figure(code, "The cases behind a number", ())
    return render_template("reports/cases.html", form=form, found=found, figure=figure, rows=figure.rows[start:start + PAGE_SIZE],
                           start=start, size=PAGE_SIZE, due_day=due_day)


@bp.get("/delivery")
@requires(Permission.VIEW_DELIVERY)
def delivery() -> ResponseReturnValue:
    """The ledger of messages."""
    form = MessageForm({kind: KINDS.get(kind, kind.replace("_", " ").capitalize()) for kind in queries.message_kinds()})
    wanted = MessageFilter(MessageState(form.state.data) if form.state.data else None, form.kind.data or "", form.reference.data)
    page = queries.deliveries(current_actor(), wanted, after=request.args.get("after"))
    return render_template(
        "reports/delivery.html", form=form, page=page, counts=queries.delivery_counts(current_actor()), states=MessageState, kinds=KINDS)


@bp.post("/delivery/<uid>/requeue")
@requires(Permission.MANAGE_RULES)
def requeue(uid: str) -> ResponseReturnValue:
    """Another chance for a message that was given up or held back."""
    row = queries.delivery(uid, current_actor())
    outbox.requeue(row.uid, by=current_actor(), at=moment_of_request())
    flash("It is back in the queue and leaves within a minute.", "success")
    return redirect(url_for(".delivery", state=MessageState.QUEUED.value), 303)


@bp.get("/trail")
@requires(Permission.VIEW_TRAIL)
def trail() -> ResponseReturnValue:
    """Who did what, when; who only looked is one click away."""
    form = _trail_form()
    page = queries.trail_page(current_actor(), _wanted(form), current_app.config["SITE_ZONE"], after=request.args.get("after"))
    return render_template("reports/trail.html", form=form, page=page, most=queries.MOST_ENTRIES), form.status if form.errors else 200


@bp.get("/trail.csv")
@requires(Permission.VIEW_TRAIL)
def trail_file() -> ResponseReturnValue:
    """What the page shows, page after page, as one file; that it was taken is on the trail."""
    form, actor = _trail_form(), current_actor()
    if form.errors:
        return redirect(url_for(".trail"), 303)
    wanted = _wanted(form)
    lines = queries.trail_cells(actor, wanted, current_app.config["SITE_ZONE"])
    audit.record_export(queries.exported_stream(actor, wanted), "trail", by=actor, at=moment_of_request(), count=len(lines) - 1)
    return Response("\ufeff" + csv_text(lines), mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=trail.csv"})


@bp.get("/mailbox")
@requires(Permission.VIEW_DELIVERY)
def mailbox() -> ResponseReturnValue:
    """Every mail of the demo, in full; there is no such page anywhere else."""
    if current_app.config["REDRESS_ENV"] != "demo":
        abort(404)
    form, actor = MailboxForm(), current_actor()
    page = queries.caught(Path(current_app.instance_path) / "mailbox", to=form.to.data, after=request.args.get("after"),
                          may_show=lambda message_id: not queries.is_hidden_mail(message_id, actor))
    return render_template("reports/mailbox.html", form=form, page=page)


def _trail_form() -> TrailForm:
    return TrailForm(dict(queries.actors()))


def _wanted(form: TrailForm) -> TrailFilter:
    """What is asked for; a day that is none, or a last before the first, counts as not given."""
    first: date | None = None if form.first.errors else form.first.data
    last: date | None = None if form.last.errors else form.last.data
    return TrailFilter(
        form.reference.data, form.by.data or "", form.act.data or "", first, last, Reading(form.reading.data or ""))


def _period_form() -> PeriodForm:
    today = clock.day_of(moment_of_request(), current_app.config["SITE_ZONE"])
    return PeriodForm(
        {period.code: period.label for period in periods(today)}, {site.code: site.name for site in codes.sites(is_active=None)},
        {team.code: team.name for team in accounts.teams(is_active=None)})


def _overview(form: PeriodForm) -> Overview:
    at = moment_of_request()
    period = period_of(form.period.data or "", clock.day_of(at, current_app.config["SITE_ZONE"]))
    form.period.data = period.code
    return queries.manager_overview(current_actor(), period, Narrowing(form.site.data or "", form.team.data or ""), at=at)


def _start() -> int:
    text = request.args.get("start", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
