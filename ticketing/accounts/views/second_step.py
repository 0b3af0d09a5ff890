"""Finishing a sign-in: a code or a recovery code after the password, or a passkey instead of all of it."""

from __future__ import annotations

from functools import partial

from flask import Response, current_app, flash, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import CodeForm, PasskeyForm
from ticketing.accounts.rules import Purpose, SignIn, code_lockout_sentence, lockout_sentence
from ticketing.accounts.views.door import NEXT, STEP, address_of, bp, browser_of, held_token
from ticketing.accounts.views.sign_in import welcome
from ticketing.web.filters import clock_time, moment_of_request
from ticketing.web.guards import public

PASSKEY = "passkey"
NOT_ACCEPTED = "That passkey was not accepted. Try again, or sign in with your password."
GONE = "That took too long. Sign in again."


@bp.route("/sign-in/second-step", methods=["GET", "POST"])
@public
def second_step() -> ResponseReturnValue:
    at, token, form = moment_of_request(), str(session.get(STEP, "")), CodeForm()
    owed = queries.owed_step(token, at=at)
    if owed is None:
        return _begin_again()
    if not form.validate_on_submit():
        return _page(form, owed, form.status if form.errors else 200)
    attempt = queries.weigh_code(owed.staff_id, form.code.data, address_of(), at=at)
    done: list[SignIn] = []
    passing = partial(service.pass_second_step, token, attempt, browser_of(), old_token=held_token(), at=at)
    if not form.attempt(lambda: done.append(passing())):
        return _page(form, owed, form.status)
    return welcome(done[0].token, str(session.get(NEXT, ""))) if done[0].token else _refused(form, owed, done[0])


@bp.post("/sign-in/passkey/options")
@public
def passkey_options() -> ResponseReturnValue:
    """What a script asks before it has the browser use a passkey."""
    session[PASSKEY], challenge = service.begin_passkey(Purpose.PASSKEY_SIGN_IN, address_of(), at=moment_of_request())
    return current_app.response_class(queries.authentication_options(challenge), mimetype="application/json")


@bp.post("/sign-in/passkey")
@public
def passkey_sign_in() -> ResponseReturnValue:
    form, at, token = PasskeyForm(), moment_of_request(), str(session.pop(PASSKEY, ""))
    outcome = SignIn()
    if form.validate_on_submit():
        outcome = service.sign_in_with_passkey(token, form.answer.data, address_of(), browser_of(), old_token=held_token(), at=at)
    if outcome.token:
        return welcome(outcome.token, form.next.data or str(session.get(NEXT, "")))
    locked = outcome.locked_until
    flash(lockout_sentence(clock_time(locked), is_address_locked=True) if locked else NOT_ACCEPTED, "warning")
    return redirect(url_for("accounts.sign_in"), 303)


def _page(form: CodeForm, owed: queries.OwedStep, status: int) -> Response:
    page = render_template("accounts/second_step.html", form=form, owed=owed, answer_form=PasskeyForm())
    return make_response(page, status)


def _begin_again() -> ResponseReturnValue:
    session.pop(STEP, None)
    flash(GONE, "info")
    return redirect(url_for("accounts.sign_in"), 303)


def _refused(form: CodeForm, owed: queries.OwedStep, outcome: SignIn) -> Response:
    if outcome.locked_until is None:
        form.refuse("That code is not right, or it was used already. Wait for the next one and try again.", "code")
        return _page(form, owed, 422)
    until = clock_time(outcome.locked_until)
    form.refuse(lockout_sentence(until, is_address_locked=True) if outcome.is_address_locked else code_lockout_sentence(until))
    response = _page(form, owed, 429)
    response.headers["Retry-After"] = str(max(1, round((outcome.locked_until - moment_of_request()).total_seconds())))
    return response
