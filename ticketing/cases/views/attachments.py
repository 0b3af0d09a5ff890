"""The files of a case: adding, opening and deleting them; and those in quarantine."""

from __future__ import annotations

from io import BytesIO

from flask import Response, current_app, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts.rules import COMPARTMENT_LABELS
from ticketing.cases import queries, service
from ticketing.cases.forms.attachments import AttachForm, DeleteForm, SealForm
from ticketing.cases.forms.records import offer_compartments
from ticketing.cases.queries import AttachmentRow
from ticketing.cases.views.blueprint import bp, case_of, known_uid
from ticketing.core import files
from ticketing.core.errors import Forbidden, NotFound
from ticketing.core.permissions import Compartment, Permission
from ticketing.core.scanning import scanner
from ticketing.core.storage import store
from ticketing.web.filters import moment_of_request, plural
from ticketing.web.guards import current_actor, requires, takes_files
from ticketing.web.headers import SEALED


@bp.route("/cases/<reference>/files", methods=["GET", "POST"])
@takes_files
@requires(Permission.WORK_CASES)
def attach(reference: str) -> ResponseReturnValue:
    case, form = case_of(reference), AttachForm()
    offer_compartments(form, case)
    if form.validate_on_submit() and form.carry_out(lambda: _keep(case.reference, form)):
        flash(f"{plural(form.result or 0, 'file')} added.", "success")
        return redirect(url_for("cases.show", reference=case.reference, _anchor="files"), 303)
    page = render_template(
        "cases/attach.html", case=case, form=form, accept=files.ACCEPT, sorts=files.SORTS, limits=current_app.config)
    return page, form.status if form.errors else 200


@bp.get("/cases/<reference>/files/<uid>")
@requires(Permission.VIEW_CASES)
def download(reference: str, uid: str) -> ResponseReturnValue:
    """Always to be saved, never shown by the browser as a page of ours; and noted in the trail."""
    found = _openable(reference, uid)
    with store().open(found.stored_as or "") as file:
        data = BytesIO(file.read())
    service.note_opened(found.reference, found.uid, by=current_actor(), at=moment_of_request(),
                        compartment=found.compartment)
    return _sealed(send_file(data, mimetype=found.media_type, as_attachment=True, download_name=found.name, etag=False, max_age=None))


@bp.route("/cases/<reference>/files/<uid>/delete", methods=["GET", "POST"])
@requires(Permission.SIGN_RESPONSES)
def delete_file(reference: str, uid: str) -> ResponseReturnValue:
    case, form = case_of(reference), DeleteForm()
    found = queries.attachment(reference, known_uid(uid), current_actor())
    verb = service.delete_attachment
    if form.validate_on_submit() and form.carry_out(
        lambda: verb(case.reference, uid, form.why.data, store(), by=current_actor(), at=moment_of_request()),
    ):
        flash("Deleted. That it was here, and why it went, stays in the trail.", "success")
        return redirect(url_for("cases.show", reference=case.reference, _anchor="files"), 303)
    return render_template("cases/delete_file.html", case=case, file=found, form=form), form.status if form.errors else 200


@bp.route("/cases/<reference>/files/<uid>/seal", methods=["GET", "POST"])
@requires(Permission.WORK_CASES)
def seal_file(reference: str, uid: str) -> ResponseReturnValue:
    """Who may read a file that is there already."""
    case, form, actor = case_of(reference), SealForm(), current_actor()
    found = queries.attachment(reference, known_uid(uid), actor)
    if not actor.compartments or case.is_behind_glass:
        raise Forbidden("Only members of a compartment can seal a file. Ask one of them.")
    offer_compartments(form, case)
    if form.validate_on_submit() and form.carry_out(
        lambda: service.seal_file(case.reference, uid, _chosen(form), form.why.data, by=actor, at=moment_of_request()),
    ):
        flash("Saved. Only those you chose can read it from now on.", "success")
        return redirect(url_for("cases.show", reference=case.reference, _anchor="files"), 303)
    return render_template("cases/seal_file.html", case=case, file=found, form=form), form.status if form.errors else 200


@bp.get("/files/quarantine")
@requires(Permission.VIEW_TRAIL)
def quarantine() -> ResponseReturnValue:
    """Every file that cannot be opened, and why."""
    return render_template("cases/quarantine.html", rows=queries.in_quarantine(current_actor()),
                           has_scanner=bool(current_app.config["CLAMD_URL"]), may_delete=current_actor().may(Permission.SIGN_RESPONSES),
                           sealed_labels=COMPARTMENT_LABELS)


def _keep(reference: str, form: AttachForm) -> int:
    return service.attach(
        reference, form.files.check(), scanner(), store(), most=current_app.config["CASE_FILES"], by=current_actor(),
        at=moment_of_request(), about=form.about.data,
        compartment=_chosen(form))


def _chosen(form: AttachForm | SealForm) -> Compartment | None:
    return Compartment(form.compartment.data) if "compartment" in form and form.compartment.data else None


def _openable(reference: str, uid: str) -> AttachmentRow:
    found = queries.attachment(reference, known_uid(uid), current_actor())
    if not found.can_be_opened:
        raise NotFound(f"{found.state.label}.")
    return found


def _sealed(response: Response) -> Response:
    """Whatever is in the file, it runs nothing here."""
    response.headers["Content-Security-Policy"] = SEALED
    return response
