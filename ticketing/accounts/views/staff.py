"""Staff for administrators: the list, one person, adding, changing, leave, closing an account and opening it again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import WORKING, CloseForm, LeaveForm, ReachForm, StaffFilterForm, StaffForm
from ticketing.accounts.rules import COMPARTMENT_LABELS, ROLE_HINTS, SCOPE_HINTS, SCOPE_LABELS
from ticketing.accounts.views.door import bp, hand_over_verb, recuse_verb
from ticketing.accounts.views.own import set_leave, today
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request, plural
from ticketing.web.forms import clean
from ticketing.web.guards import current_actor, requires

KEPT, SEARCH = ("role", "team", "state"), "search"
REACH_HINTS = {scope.value: hint for scope, hint in SCOPE_HINTS.items()}
HINTS = {role.value: hint for role, hint in ROLE_HINTS.items()}


@bp.get("/staff")
@requires(Permission.MANAGE_STAFF)
def staff() -> ResponseReturnValue:
    form = StaffFilterForm(formdata=request.args)
    words = queries.search_words(request.args.get(SEARCH, ""), current_actor(), at=moment_of_request())
    page = queries.staff_list(replace(form.wanted(), words=words), after=request.args.get("after"))
    form.words.data = words
    kept = {name: value for name, value in request.args.items() if name in (*KEPT, SEARCH) and value}
    return render_template("accounts/staff.html", form=form, page=page, kept=kept, away=queries.away_on(today()))


@bp.post("/staff/find")
@requires(Permission.MANAGE_STAFF)
def find_staff() -> ResponseReturnValue:
    """The list, narrowed: what was typed is kept under an opaque id, so that no name stands in an address."""
    words = clean(request.form.get("words", "")).strip()
    kept: dict[str, Any] = {name: clean(request.form[name]) for name in KEPT if request.form.get(name)}
    if words:
        kept[SEARCH] = service.keep_search(words, by=current_actor(), at=moment_of_request())
    return redirect(url_for("accounts.staff", **kept), 303)


@bp.route("/staff/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def add() -> ResponseReturnValue:
    form = StaffForm()
    welcome = partial(service.welcome_staff, by=current_actor(), at=moment_of_request())
    if not (form.validate_on_submit() and form.carry_out(lambda: welcome(**form.given()))):
        return render_template("accounts/add.html", form=form, hints=HINTS, scope_hints=REACH_HINTS), form.status if form.errors else 200
    flash(f"{form.name.data} is added, and an invitation is on its way to {form.email.data}.", "success")
    return redirect(url_for("accounts.person", uid=form.result), 303)


@bp.get("/staff/<uid>")
@requires(Permission.MANAGE_STAFF)
def person(uid: str) -> ResponseReturnValue:
    row = queries.staff_by_uid(uid)
    return render_template(
        "accounts/person.html", staff=row, is_self=row.id == current_actor().staff_id,
        leave=queries.leave_of(row.id, today()), today=today(), sessions=queries.sessions_of(row.id, at=moment_of_request()),
        steps=queries.steps_of(row.id),
        scope=SCOPE_LABELS[row.scope] if row.role in WORKING else "",
        sealed=[COMPARTMENT_LABELS[item] for item in sorted(row.compartments)],
    )


@bp.route("/staff/<uid>/change", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def change(uid: str) -> ResponseReturnValue:
    row = queries.staff_by_uid(uid)
    form = StaffForm(row)
    alter = partial(service.change_staff, uid, by=current_actor(), at=moment_of_request())
    if form.validate_on_submit() and form.carry_out(lambda: alter(**form.given())):
        flash("The account is changed.", "success")
        return redirect(url_for("accounts.person", uid=uid), 303)
    return render_template("accounts/change.html", form=form, staff=row, hints=HINTS), form.status if form.errors else 200


@bp.route("/staff/<uid>/reach", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def reach(uid: str) -> ResponseReturnValue:
    """How far somebody sees; who becomes a manager of somebody named in cases lets go of these at once."""
    row, by, at = queries.staff_by_uid(uid), current_actor(), moment_of_request()
    others = [other for other in queries.staff_who_may(Permission.USE_ACCOUNT) if other.id != row.id]
    above = next((other.uid for other in others if other.id == row.manager_id), "")
    form = ReachForm(row, above, {other.uid: other.name for other in others})
    settle = partial(recuse_verb(), by=by, at=at)
    if form.validate_on_submit() and form.carry_out(lambda: service.set_reach(uid, form.given(), recuse=settle, by=by, at=at)):
        flash("Saved. It holds from their next click.", "success")
        return redirect(url_for("accounts.person", uid=uid), 303)
    return render_template("accounts/reach.html", form=form, staff=row, hints=REACH_HINTS), form.status if form.errors else 200


@bp.post("/staff/<uid>/invite")
@requires(Permission.MANAGE_STAFF)
def invite(uid: str) -> ResponseReturnValue:
    row = queries.staff_by_uid(uid)
    service.invite(uid, by=current_actor(), at=moment_of_request())
    flash(f"An invitation is on its way to {row.email}. Earlier links no longer work.", "success")
    return redirect(url_for("accounts.person", uid=uid), 303)


@bp.post("/staff/<uid>/sign-out")
@requires(Permission.MANAGE_STAFF)
def sign_out_person(uid: str) -> ResponseReturnValue:
    count = service.revoke_sessions(uid, by=current_actor(), at=moment_of_request())
    flash(f"{plural(count, 'browser')} signed out." if count else "No browser was signed in.", "success")
    return redirect(url_for("accounts.person", uid=uid), 303)


@bp.route("/staff/<uid>/leave", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def leave_of_person(uid: str) -> ResponseReturnValue:
    row = queries.staff_by_uid(uid)
    form = LeaveForm(row)
    if form.validate_on_submit() and set_leave(form, uid):
        flash(f"Leave is set for {row.name}.", "success")
        return redirect(url_for("accounts.person", uid=uid), 303)
    return render_template("accounts/leave_of_person.html", form=form, staff=row), form.status if form.errors else 200


@bp.route("/staff/<uid>/close", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
def close(uid: str) -> ResponseReturnValue:
    row = queries.staff_by_uid(uid)
    form, has_cases = CloseForm(row), hand_over_verb() is not None and row.actor.may(Permission.WORK_CASES)
    if not (form.validate_on_submit() and form.carry_out(lambda: _close(uid, form))):
        return render_template("accounts/close.html", form=form, staff=row, has_cases=has_cases), form.status if form.errors else 200
    went = f" {plural(form.result, 'open case')} handed over." if form.result else ""
    flash(f"The account of {row.name} is closed.{went}", "success")
    return redirect(url_for("accounts.person", uid=uid), 303)


@bp.post("/staff/<uid>/reopen")
@requires(Permission.MANAGE_STAFF)
def reopen(uid: str) -> ResponseReturnValue:
    service.reactivate(uid, by=current_actor(), at=moment_of_request())
    flash("The account is open again. Send an invitation so that its owner can choose a password.", "success")
    return redirect(url_for("accounts.person", uid=uid), 303)


def _close(uid: str, form: CloseForm) -> int:
    by, at, move = current_actor(), moment_of_request(), hand_over_verb()
    to_uid, note = form.data["to_uid"] or None, form.data["note"]
    hand_over = (lambda staff_id: move(staff_id, to_uid, note, by=by, at=at)) if move is not None else None
    return service.deactivate(uid, hand_over=hand_over, by=by, at=at)
