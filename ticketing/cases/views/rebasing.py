"""Pages of a rebase: which open cases, what would move on each, the work with its progress, and the way back."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.calendars import queries as calendars
from ticketing.cases import service
from ticketing.cases.forms.rebasing import ChoiceForm, RebaseForm, UndoForm
from ticketing.cases.queries import rebasing as queries
from ticketing.cases.views.blueprint import bp, known_uid
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.errors import DomainError
from ticketing.core.permissions import Permission
from ticketing.packs import queries as packs
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

AT_ONCE = 4  # batches worked when somebody presses the button; the job does the rest


@bp.get("/rebases")
@requires(Permission.REBASE_CASES)
def rebases() -> ResponseReturnValue:
    return render_template("cases/rebases.html", rows=queries.rebases(current_actor()))


@bp.route("/rebases/new", methods=["GET", "POST"])
@requires(Permission.REBASE_CASES)
def new_rebase() -> ResponseReturnValue:
    """Choose, look at what would move, say why, begin."""
    chooser, form = _chooser(), RebaseForm()
    choice, preview = chooser.choice(), None
    if choice.pack or choice.calendar:
        preview = queries.preview(choice, current_actor(), at=moment_of_request())
        form.leave_out.choices = {row.case.reference: f"Leave out {row.case.reference}" for row in preview.rows}
    if form.validate_on_submit() and form.carry_out(lambda: service.begin_rebase(
            choice, form.leave_out.data or (), form.reason.data, by=current_actor(), at=moment_of_request())):
        return redirect(url_for("cases.rebase", uid=form.result), 303)
    return render_template(
        "cases/new_rebase.html", chooser=chooser, choice=choice, preview=preview, form=form,
        action=f"{url_for('cases.new_rebase')}?{urlencode(list(request.args.items()))}"), form.status if form.errors else 200


@bp.get("/rebases/<uid>")
@requires(Permission.REBASE_CASES)
def rebase(uid: str) -> ResponseReturnValue:
    """How far it has come."""
    row = queries.rebase(known_uid(uid), current_actor())
    return render_template(
        "cases/rebase.html", row=row, items=queries.rebased_cases(uid, current_actor()), form=UndoForm())


@bp.post("/rebases/<uid>/work")
@requires(Permission.REBASE_CASES)
def work_rebase(uid: str) -> ResponseReturnValue:
    """The next batches now, without waiting for the job."""
    for _ in range(AT_ONCE):
        service.rebase_batch(known_uid(uid), at=moment_of_request())
    return redirect(url_for("cases.rebase", uid=uid), 303)


@bp.post("/rebases/<uid>/undo")
@requires(Permission.REBASE_CASES)
def undo_rebase(uid: str) -> ResponseReturnValue:
    """Bring the cases back under the versions they had."""
    row, form = queries.rebase(known_uid(uid), current_actor()), UndoForm()
    if form.validate() and form.carry_out(lambda: service.undo_rebase(
            uid, form.reason.data, by=current_actor(), at=moment_of_request())):
        flash("Taken back: the cases go back to the versions they had.", "success")
        return redirect(url_for("cases.rebase", uid=form.result), 303)
    return render_template("cases/rebase.html", row=row, items=queries.rebased_cases(uid, current_actor()), form=form), form.status


def _chooser() -> ChoiceForm:
    today = clock.day_of(moment_of_request(), str(current_app.config["SITE_ZONE"]))
    chooser = ChoiceForm(
        {pack.code: pack.name for pack in packs.every_pack(today)}, calendars.names(), {site.code: site.name for site in codes.sites()})
    pack, calendar = chooser.pack.data or "", chooser.calendar.data or ""
    try:
        pack_versions = sorted(packs.versions(pack, today), key=lambda row: not row.is_in_force) if pack else ()
        calendar_versions = calendars.versions(calendar) if calendar else ()
    except DomainError:
        pack_versions = calendar_versions = ()
    chooser.offer(tuple(row.version for row in pack_versions), tuple(row.version for row in calendar_versions))
    return chooser
