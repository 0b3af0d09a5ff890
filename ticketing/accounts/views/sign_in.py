"""Signing in and out, the start page of each role, and passwords set from a mailed link."""

from __future__ import annotations

from datetime import datetime

from flask import Response, current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import ForgottenForm, NewPasswordForm, PasskeyForm, SignInForm
from ticketing.accounts.rules import Method, SignIn, lockout_sentence, safe_next
from ticketing.accounts.views.door import NEXT, STEP, address_of, bp, browser_of, enter, held_token
from ticketing.core.permissions import Permission, Role
from ticketing.web.filters import clock_time, moment, moment_of_request
from ticketing.web.guards import current_actor, current_actor_or_none, public, requires

BUSY_SECONDS = 3
WRONG = "That e-mail address and password do not belong together. Check both and try again, or ask for a new password."
FIRST_PAGES: dict[Role, tuple[str, ...]] = {
    Role.OFFICER: ("cases.worklist",),
    Role.MANAGER: ("reports.overview", "cases.worklist"),
    Role.CLINICIAN: ("cases.questions",),
    Role.ADMINISTRATOR: ("accounts.staff",),
    Role.AUDITOR: ("reports.overview",),
}


@bp.get("/")
@requires(Permission.USE_ACCOUNT)
def home() -> ResponseReturnValue:
    role = current_actor().role
    pages = FIRST_PAGES[role] if role else ()
    first = next((page for page in pages if page in current_app.view_functions), "accounts.account")
    return redirect(url_for(first), 303)


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    if request.method == "GET" and current_actor_or_none() is not None:
        return redirect(url_for("accounts.home"), 303)
    form = SignInForm(data={"next": safe_next(request.args.get("next")) or ""})
    if not form.validate_on_submit():
        return _page(form, form.status if form.errors else 200)
    at, done = moment_of_request(), list[SignIn]()
    if not form.attempt(lambda: done.append(_try(form, at))):
        return _busy(form)
    outcome = done[0]
    if outcome.step_token is not None:
        session[STEP], session[NEXT] = outcome.step_token, safe_next(form.next.data) or ""
        return redirect(url_for("accounts.second_step"), 303)
    return _refused(form, outcome) if outcome.token is None else welcome(outcome.token, form.next.data)


def _try(form: SignInForm, at: datetime) -> SignIn:
    attempt = queries.weigh(form.data["email"], form.data["password"], address_of(), at=at)
    return service.sign_in(attempt, browser_of(), old_token=held_token(), at=at)


def _busy(form: SignInForm) -> Response:
    """So many are signing in that this try was not even weighed; the form stays as it was typed."""
    response = _page(form, form.status)
    response.headers["Retry-After"] = str(BUSY_SECONDS)
    return response


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    at, token = moment_of_request(), held_token()
    found = queries.signed_in(token, at=at) if token else None
    service.sign_out(token, at=at)
    enter("")
    flash("You are signed out.", "success")
    way_out = queries.way_out(at=at) if found is not None and found.method.startswith(Method.SINGLE_SIGN_ON) else None
    if way_out is None:
        return redirect(url_for("accounts.sign_in"), 303)
    return render_template("accounts/leaving.html", address=way_out, name=current_app.config["OIDC_NAME"], is_out=True)


@bp.route("/forgotten", methods=["GET", "POST"])
@public
def forgotten() -> ResponseReturnValue:
    form = ForgottenForm()
    if not form.validate_on_submit():
        return render_template("accounts/forgotten.html", form=form), form.status if form.errors else 200
    service.ask_reset(form.data["email"], address_of(), at=moment_of_request())
    return redirect(url_for("accounts.forgotten_sent"), 303)


@bp.get("/forgotten/sent")
@public
def forgotten_sent() -> ResponseReturnValue:
    return render_template("accounts/forgotten_sent.html")


@bp.route("/password/<token>", methods=["GET", "POST"])
@public
def password(token: str) -> ResponseReturnValue:
    at = moment_of_request()
    link = queries.live_token(token, at=at)
    if link is None:
        if request.method == "POST":
            service.count_dead_link(address_of(), at=at)
        return render_template("accounts/password.html", link=None, form=NewPasswordForm()), 410
    form = NewPasswordForm()
    if form.validate_on_submit() and form.carry_out(lambda: service.set_password(token, form.data["password"], at=at)):
        enter("")
        flash("Your password is set. Sign in with it now.", "success")
        return redirect(url_for("accounts.sign_in"), 303)
    return render_template("accounts/password.html", link=link, form=form), form.status if form.errors else 200


def welcome(token: str, onward: str | None) -> ResponseReturnValue:
    """Everything was right: the browser gets its session, and its owner is told of the time before."""
    enter(token)
    found = queries.signed_in(token, at=moment_of_request())
    before = found.staff.previous_sign_in_at if found else None
    if before is not None:
        words = f"You last signed in {moment(before)}. If that was not you, change your password and tell your administrator."
        flash(words, "info")
    return redirect(safe_next(onward) or url_for("accounts.home"), 303)


def _page(form: SignInForm, status: int) -> Response:
    page = render_template(
        "accounts/sign_in.html", form=form, answer_form=PasskeyForm(data={"next": form.next.data}),
        single_sign_on=current_app.config["OIDC_NAME"] if queries.has_single_sign_on() else "",
    )
    return make_response(page, status)


def _refused(form: SignInForm, outcome: SignIn) -> Response:
    if outcome.locked_until is None:
        form.refuse(WRONG)
        return _page(form, 422)
    form.refuse(lockout_sentence(clock_time(outcome.locked_until), is_address_locked=outcome.is_address_locked))
    response = _page(form, 429)
    response.headers["Retry-After"] = str(max(1, round((outcome.locked_until - moment_of_request()).total_seconds())))
    return response
