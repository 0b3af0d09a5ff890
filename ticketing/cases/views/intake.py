"""Taking a concern down: the form, the hint of earlier cases, and what becomes of it."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.cases import queries, service
from ticketing.cases.forms.intake import NEW, IntakeForm, Places
from ticketing.cases.queries import LookalikeRow
from ticketing.cases.rules import Action, NoteKind
from ticketing.cases.views.blueprint import bp
from ticketing.codes import queries as codes
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires


@bp.route("/cases/new", methods=["GET", "POST"])
@requires(Permission.RECORD_CONCERNS)
def new() -> ResponseReturnValue:
    form = _form()
    if form.sent_before():  # else its own case would be asked about as one that is known already
        return redirect(url_for("cases.show", reference=form.result, logged=1), 303)
    known = _known(form) if form.is_submitted() else ()
    if form.validate_on_submit() and (form.same_as.data or not known) and _take_down(form):
        return redirect(url_for("cases.show", reference=form.result, logged=1), 303)
    status = form.status if form.is_submitted() else 200
    return render_template("cases/new.html", form=form, lookalikes=known, has_places=bool(form.places.sites)), status


@bp.post("/cases/lookalikes")
@requires(Permission.RECORD_CONCERNS)
def lookalikes() -> ResponseReturnValue:
    """The hint while somebody types: a piece of the page; sent by POST, so that no name stands in an address."""
    form = _form()
    return render_template("cases/lookalikes.html", form=form, lookalikes=_known(form), is_asked=False)


def _form() -> IntakeForm:
    form = IntakeForm()
    form.fit(_places(), moment_of_request())
    return form


def _places() -> Places:
    staff = accounts.staff_by_uid(current_actor().uid)
    units, sites = codes.units(), codes.sites()
    own = next((unit.site_code for unit in units if unit.code == staff.unit_code), sites[0].code if sites else "")
    teams = {team.code: team.name for team in accounts.teams()}
    names = {row.uid: f"{row.name}, {row.job_title}" if row.job_title else row.name
             for row in accounts.staff_who_may(Permission.USE_ACCOUNT) if row.uid != staff.uid}
    return Places(
        sites, units, teams, own, staff.team_codes[0] if staff.team_codes else "", {staff.uid: f"I did ({staff.name})", **names}, staff.uid)


def _known(form: IntakeForm) -> tuple[LookalikeRow, ...]:
    """Earlier cases of people who look the same, offered as answers to "is it one of these?"."""
    found = queries.lookalikes(form.people(), current_actor())
    form.same_as.choices = {row.reference: row.reference for row in found} | {NEW: "None of these: log it all the same"}
    if form.same_as.data not in form.same_as.choices:  # an answer to what was asked about somebody else
        form.same_as.data, form.same_as.raw_data = None, []
    return found


def _take_down(form: IntakeForm) -> bool:
    """A new case, or a note on the one it is: its reference is the form's result; or a sentence in the form."""
    by, at = current_actor(), moment_of_request()
    same_as = form.same_as.data
    if same_as and same_as != NEW:
        is_added = form.carry_out(lambda: _add_to(same_as, form))
        if is_added:
            flash(f"Added to {same_as} as a note. No new case was logged.", "success")
        return is_added
    take_down = service.keep_draft if form.is_draft.data else service.receive
    is_down = form.carry_out(lambda: take_down(form.concern(), by=by, at=at))
    if is_down and not form.is_repeat:
        _settle(form, form.result)
    return is_down


def _add_to(reference: str, form: IntakeForm) -> str:
    service.add_note(reference, NoteKind.PHONE_CALL, form.as_note(), by=current_actor(), at=moment_of_request())
    return reference


def _settle(form: IntakeForm, reference: str) -> None:
    """What was settled on the spot is closed at once; if that cannot be, the case stays open and says why."""
    by, at = current_actor(), moment_of_request()
    if not form.is_settled.data or form.is_draft.data:
        return
    why = form.settled_how.data
    if not form.attempt(lambda: service.apply_transition(reference, Action.SETTLE, why, seen=None, by=by, at=at)):
        flash(f"The concern is logged, but it could not be marked as settled: {form.form_errors[0]}", "warning")
