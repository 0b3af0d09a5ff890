"""My tasks and call-backs on one page, each done in one step."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.cases import queries, service
from ticketing.cases.forms.statements import DoneForm
from ticketing.cases.views.blueprint import bp, known_uid
from ticketing.cases.views.reading import left_until
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires


@bp.get("/tasks")
@requires(Permission.WORK_CASES)
def tasks() -> ResponseReturnValue:
    return _page(DoneForm(formdata=None), "", 200)


@bp.post("/tasks/<uid>")
@requires(Permission.WORK_CASES)
def finish(uid: str) -> ResponseReturnValue:
    form = DoneForm()
    if form.validate() and form.carry_out(
        lambda: service.finish_task(known_uid(uid), form.outcome.data, by=current_actor(), at=moment_of_request()),
    ):
        flash("Done.", "success")
        return redirect(url_for("cases.tasks"), 303)
    return _page(form, uid, form.status)


def _page(form: DoneForm, tried: str, status: int) -> ResponseReturnValue:
    rows = queries.tasks_of(current_actor(), at=moment_of_request())
    return render_template(
        "cases/tasks.html", rows=rows, form=form, tried=tried, left_until=left_until, most=queries.MOST), status
