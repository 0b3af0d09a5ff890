"""The worklist: whose case is next, and how to get to one by its reference."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.cases import queries, service
from ticketing.cases.forms.worklist import FilterForm, TakeForm
from ticketing.cases.queries import WorklistView
from ticketing.cases.views.blueprint import bp, case_of
from ticketing.codes import queries as codes
from ticketing.core.permissions import Permission, Role
from ticketing.core.references import parse_reference
from ticketing.web.filters import moment_of_request
from ticketing.web.forms import clean
from ticketing.web.guards import current_actor, requires


@bp.get("/cases/")
@requires(Permission.VIEW_CASES)
def worklist() -> ResponseReturnValue:
    actor, at = current_actor(), moment_of_request()
    view = _view()
    form = FilterForm({site.code: site.name for site in codes.sites()}, {team.code: team.name for team in accounts.teams()})
    filters = form.filters()
    page = queries.worklist(actor, view, filters, at=at, after=request.args.get("after"), before=request.args.get("before"))
    kept = {name: value for name, value in form.data.items() if value}
    return render_template(
        "cases/worklist.html", view=view, page=page, facets=queries.facets(actor, filters, at=at), form=form, filters=filters, kept=kept,
        may_take=actor.may(Permission.WORK_CASES))


@bp.get("/cases/find")
@requires(Permission.VIEW_CASES)
def find() -> ResponseReturnValue:
    typed = clean(request.args.get("reference", ""))[:60].strip()
    reference = parse_reference(typed)
    if reference:
        return redirect(url_for("cases.show", reference=reference), 303)
    return render_template("cases/find.html", typed=typed)


@bp.post("/cases/<reference>/take")
@requires(Permission.WORK_CASES)
def take(reference: str) -> ResponseReturnValue:
    case, form = case_of(reference), TakeForm()
    if form.validate() and form.carry_out(lambda: service.take(case.reference, by=current_actor(), at=moment_of_request())):
        flash(f"{case.reference} is yours.", "success")
    for sentence in (*form.form_errors, *form.has_no_conflict.errors):
        flash(sentence, "warning")
    return redirect(url_for("cases.show", reference=case.reference), 303)


def _view() -> WorklistView:
    """The tab asked for; auditors, who have no cases of their own, begin with all open ones."""
    usual = WorklistView.ALL_OPEN if current_actor().role is Role.AUDITOR else WorklistView.MINE
    return next((view for view in WorklistView if view.value == request.args.get("view")), usual)
