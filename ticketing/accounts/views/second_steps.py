"""One's own second steps: authenticator app, passkeys and recovery codes; and proving who one is before they change."""

from __future__ import annotations

from functools import partial

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import AppCodeForm, ConfirmForm, PasskeyForm, PasskeyNameForm, ResetStepsForm
from ticketing.accounts.rules import Purpose, SignIn, code_lockout_sentence, lockout_sentence, safe_next
from ticketing.accounts.service import Added
from ticketing.accounts.views.door import address_of, bp, confirmed, enter, session_id_here, staff_here
from ticketing.core.permissions import Permission
from ticketing.web.filters import clock_time, moment_of_request
from ticketing.web.guards import current_actor, requires

APP, PASSKEY = "app", "passkey"  # entries of the cookie: what this browser has begun


@bp.get("/account/security")
@requires(Permission.USE_ACCOUNT)
def security() -> ResponseReturnValue:
    staff = staff_here()
    return render_template(
        "accounts/security.html", staff=staff, steps=queries.steps_of(staff.id), party=queries.relying_party(),
        is_required=queries.is_second_step_required(staff.role),
        single_sign_on=current_app.config["OIDC_NAME"] if queries.has_single_sign_on() else "",
    )


@bp.post("/account/security/app")
@requires(Permission.USE_ACCOUNT)
@confirmed
def begin_app() -> ResponseReturnValue:
    session[APP] = service.begin_app(by=current_actor(), at=moment_of_request())
    return redirect(url_for("accounts.add_app"), 303)


@bp.route("/account/security/app/new", methods=["GET", "POST"])
@requires(Permission.USE_ACCOUNT)
@confirmed
def add_app() -> ResponseReturnValue:
    staff, at, form, done = staff_here(), moment_of_request(), AppCodeForm(), list[Added]()
    pending = queries.pending_app(str(session.get(APP, "")), staff.id, at=at)
    if pending is None:
        return redirect(url_for("accounts.security"), 303)
    if form.validate_on_submit():
        add = partial(service.add_app, session.get(APP, ""), form.code.data, queries.draw_recovery_codes(), session_id=session_id_here())
        form.attempt(lambda: done.append(add(by=current_actor(), at=at)))
    if not done:
        return render_template("accounts/add_app.html", form=form, pending=pending), form.status if form.errors else 200
    return _now_added(done[0], "Your authenticator app is set up.")


@bp.post("/account/security/app/remove")
@requires(Permission.USE_ACCOUNT)
@confirmed
def remove_app() -> ResponseReturnValue:
    enter(service.remove_app(session_id=session_id_here(), by=current_actor(), at=moment_of_request()))
    flash("Your authenticator app is taken off, and every other browser is signed out.", "success")
    return redirect(url_for("accounts.security"), 303)


@bp.post("/account/security/passkeys/options")
@requires(Permission.USE_ACCOUNT)
@confirmed
def new_passkey_options() -> ResponseReturnValue:
    """What a script asks before it has the browser make a passkey."""
    session[PASSKEY], challenge = service.begin_passkey(Purpose.PASSKEY_ADD, address_of(), by=current_actor(), at=moment_of_request())
    return current_app.response_class(queries.registration_options(staff_here(), challenge), mimetype="application/json")


@bp.route("/account/security/passkeys/new", methods=["GET", "POST"])
@requires(Permission.USE_ACCOUNT)
@confirmed
def add_passkey() -> ResponseReturnValue:
    form, at, done = PasskeyNameForm(), moment_of_request(), list[Added]()
    if form.validate_on_submit():
        add = partial(service.add_passkey, str(session.pop(PASSKEY, "")), form.answer.data, form.name.data, queries.draw_recovery_codes())
        form.attempt(lambda: done.append(add(session_id=session_id_here(), by=current_actor(), at=at)))
    if not done:
        page = render_template("accounts/add_passkey.html", form=form, party=queries.relying_party())
        return page, form.status if form.errors else 200
    return _now_added(done[0], "Your passkey is added.")


@bp.post("/account/security/passkeys/<uid>/remove")
@requires(Permission.USE_ACCOUNT)
@confirmed
def remove_passkey(uid: str) -> ResponseReturnValue:
    enter(service.remove_passkey(uid, session_id=session_id_here(), by=current_actor(), at=moment_of_request()))
    flash("That passkey is taken off, and every other browser is signed out.", "success")
    return redirect(url_for("accounts.security"), 303)


@bp.post("/account/security/codes")
@requires(Permission.USE_ACCOUNT)
@confirmed
def recovery_codes() -> ResponseReturnValue:
    codes = queries.draw_recovery_codes()
    service.renew_recovery_codes(codes, by=current_actor(), at=moment_of_request())
    return render_template("accounts/recovery_codes.html", codes=[code.code for code in codes])


@bp.route("/account/confirm", methods=["GET", "POST"])
@requires(Permission.USE_ACCOUNT)
def confirm() -> ResponseReturnValue:
    staff, at = staff_here(), moment_of_request()
    form, steps = ConfirmForm(data={"next": safe_next(request.args.get("next")) or ""}), queries.steps_of(staff.id)
    if form.validate_on_submit():
        attempt = queries.weigh(staff.email, form.data["password"], address_of(), at=at)
        code = queries.weigh_code(staff.id, form.code.data, address_of(), at=at) if steps.has_any else None
        outcome = service.confirm(attempt, code, session_id=session_id_here(), by=current_actor(), at=at)
        if outcome.token:
            return _now_confirmed(outcome.token, form.next.data)
        form.refuse(_why_not(outcome, has_code=steps.has_any))
    page = render_template("accounts/confirm.html", form=form, steps=steps, staff=staff, answer_form=PasskeyForm(data=form.data))
    return page, form.status if form.errors else 200


@bp.post("/account/confirm/passkey/options")
@requires(Permission.USE_ACCOUNT)
def confirm_options() -> ResponseReturnValue:
    session[PASSKEY], challenge = service.begin_passkey(Purpose.PASSKEY_CONFIRM, address_of(), by=current_actor(), at=moment_of_request())
    return current_app.response_class(queries.authentication_options(challenge), mimetype="application/json")


@bp.post("/account/confirm/passkey")
@requires(Permission.USE_ACCOUNT)
def confirm_passkey() -> ResponseReturnValue:
    form, at = PasskeyForm(), moment_of_request()
    if form.validate_on_submit():
        answer, token = form.answer.data, str(session.pop(PASSKEY, ""))
        outcome = service.confirm_with_passkey(token, answer, session_id=session_id_here(), by=current_actor(), at=at)
        if outcome.token:
            return _now_confirmed(outcome.token, form.next.data)
    flash("That passkey did not work here. Try again, or use your password.", "warning")
    return redirect(url_for("accounts.confirm", next=safe_next(form.next.data)), 303)


@bp.route("/staff/<uid>/second-step", methods=["GET", "POST"])
@requires(Permission.MANAGE_STAFF)
@confirmed
def reset_second_steps(uid: str) -> ResponseReturnValue:
    row, form = queries.staff_by_uid(uid), ResetStepsForm()
    reset = partial(service.reset_second_steps, uid, by=current_actor(), at=moment_of_request())
    if form.validate_on_submit() and form.carry_out(lambda: reset(form.why.data)):
        flash(f"{row.name} can sign in with the password alone now, and is told by mail.", "success")
        return redirect(url_for("accounts.person", uid=uid), 303)
    return render_template("accounts/reset_second_steps.html", form=form, staff=row), form.status if form.errors else 200


def _now_added(done: Added, words: str) -> ResponseReturnValue:
    enter(done.token)
    if done.codes:  # shown on the answer itself: no other page can show them again
        return render_template("accounts/recovery_codes.html", codes=done.codes, words=words)
    flash(f"{words} Every other browser is signed out.", "success")
    return redirect(url_for("accounts.security"), 303)


def _now_confirmed(token: str, onward: str | None) -> ResponseReturnValue:
    enter(token)
    return redirect(safe_next(onward) or url_for("accounts.security"), 303)


def _why_not(outcome: SignIn, *, has_code: bool) -> str:
    if outcome.locked_until is None:
        return "The password or the code is not right. Check both and try again." if has_code else "That is not your password. Try again."
    until = clock_time(outcome.locked_until)
    return code_lockout_sentence(until) if has_code else lockout_sentence(until, is_address_locked=outcome.is_address_locked)
