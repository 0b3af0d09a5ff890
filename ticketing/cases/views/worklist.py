"""The worklist: whose case is next, and how to get to one by its reference."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.accounts.service import keep_search
from ticketing.cases import queries, service
from ticketing.cases.forms.access import FindForm
from ticketing.cases.forms.worklist import FilterForm, TakeForm
from ticketing.cases.queries import WorklistView
from ticketing.cases.views.blueprint import bp, case_of
from ticketing.codes import queries as codes
from ticketing.core.permissions import Permission, Role
from ticketing.core.references import parse_reference
from ticketing.web.filters import moment_of_request
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


@bp.route("/cases/find", methods=["GET", "POST"])
@requires(Permission.VIEW_CASES)
def find() -> ResponseReturnValue:
    """To the case for a reference; for a name, to what is kept of the search under an opaque id."""
    form, by, at = FindForm(), current_actor(), moment_of_request()
    if not form.validate_on_submit() or not (form.reference.data or "").strip():
        return render_template("cases/find.html", form=form), form.status if form.errors else 200
    reference = parse_reference(form.reference.data)
    if reference:
        return redirect(url_for("cases.show", reference=reference), 303)
    uid = keep_search(form.reference.data, by=by, at=at)
    return redirect(url_for("cases.found", uid=uid), 303)


@bp.get("/cases/found/<uid>")
@requires(Permission.VIEW_CASES)
def found(uid: str) -> ResponseReturnValue:
    """What this person looked for within the last hour; anybody else finds nothing here."""
    actor, at = current_actor(), moment_of_request()
    words = accounts.search_words(uid, actor, at=at)
    rows = queries.found(words, actor, at=at) if words else ()
    return render_template("cases/found.html", form=FindForm(formdata=None), rows=rows, words=words)


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
