"""One's own account: details, browsers signed in, password, leave and deputy."""

from __future__ import annotations

from datetime import date
from functools import partial

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ticketing.accounts import queries, service
from ticketing.accounts.forms import ChangePasswordForm, LeaveForm
from ticketing.accounts.rules import SignIn, lockout_sentence
from ticketing.accounts.views.door import address_of, bp, browser_of, enter, session_id_here, staff_here
from ticketing.core import clock
from ticketing.core.permissions import Permission
from ticketing.web.filters import clock_time, moment_of_request
from ticketing.web.guards import current_actor, requires

LARGEST_ID = 2**31 - 1


@bp.get("/account")
@requires(Permission.USE_ACCOUNT)
def account() -> ResponseReturnValue:
    staff, at = staff_here(), moment_of_request()
    sessions = queries.sessions_of(staff.id, at=at)
    return render_template(
        "accounts/account.html", staff=staff, sessions=sessions, session_id=current_user.session_id,
        leave=queries.leave_of(staff.id, today()), today=today(),
    )


@bp.route("/account/password", methods=["GET", "POST"])
@requires(Permission.USE_ACCOUNT)
def change_password() -> ResponseReturnValue:
    form, staff, at = ChangePasswordForm(), staff_here(), moment_of_request()
    done: list[SignIn] = []
    if form.validate_on_submit():
        attempt = queries.weigh(staff.email, form.data["present"], address_of(), at=at)
        change = partial(service.change_password, session_id=session_id_here(), by=current_actor(), at=at)
        form.attempt(lambda: done.append(change(attempt, form.data["password"], browser_of())))
    if done and done[0].token:
        enter(done[0].token)
        flash("Your password is changed, and every other browser is signed out.", "success")
        return redirect(url_for("accounts.account"), 303)
    if done:
        form.refuse(_why(done[0]), "present")
    return render_template("accounts/change_password.html", form=form), form.status if form.errors else 200


@bp.post(f"/account/sessions/<int(max={LARGEST_ID}):session_id>/end")
@requires(Permission.USE_ACCOUNT)
def end_session(session_id: int) -> ResponseReturnValue:
    service.end_session(session_id, by=current_actor(), at=moment_of_request())
    flash("That browser is signed out.", "success")
    return redirect(url_for("accounts.account"), 303)


@bp.post("/account/sessions/end")
@requires(Permission.USE_ACCOUNT)
def end_other_sessions() -> ResponseReturnValue:
    service.revoke_sessions(staff_here().uid, but=current_user.session_id, by=current_actor(), at=moment_of_request())
    flash("Every other browser is signed out.", "success")
    return redirect(url_for("accounts.account"), 303)


@bp.route("/account/leave", methods=["GET", "POST"])
@requires(Permission.USE_ACCOUNT)
def leave() -> ResponseReturnValue:
    staff, at = staff_here(), moment_of_request()
    form = LeaveForm(staff)
    if form.validate_on_submit() and set_leave(form, staff.uid):
        flash("Your leave is set.", "success")
        return redirect(url_for("accounts.account"), 303)
    return render_template("accounts/leave.html", form=form, staff=staff, at=at), form.status if form.errors else 200


@bp.post(f"/account/leave/<int(max={LARGEST_ID}):leave_id>/end")
@requires(Permission.USE_ACCOUNT)
def end_leave(leave_id: int) -> ResponseReturnValue:
    service.end_leave(leave_id, today=today(), by=current_actor(), at=moment_of_request())
    flash("That leave is ended.", "success")
    back = request.form.get("staff_uid")
    return redirect(url_for("accounts.person", uid=back) if back and back.isalnum() else url_for("accounts.account"), 303)


def today() -> date:
    """The day at the hospital."""
    return clock.day_of(moment_of_request(), str(current_app.config["SITE_ZONE"]))


def set_leave(form: LeaveForm, uid: str) -> bool:
    """Carry a checked leave form out for `uid`."""
    starts_on, ends_on, deputy = form.starts_on.data, form.ends_on.data, form.deputy_uid.data or None
    return form.carry_out(lambda: service.set_leave(uid, starts_on, ends_on, deputy, by=current_actor(), at=moment_of_request()))


def _why(refusal: SignIn) -> str:
    if refusal.locked_until is None:
        return "That is not the password you use now. Check it and try again."
    return lockout_sentence(clock_time(refusal.locked_until), is_address_locked=refusal.is_address_locked)
