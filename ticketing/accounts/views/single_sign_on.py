"""Signing in by the hospital's own sign-in: setting out, coming back, and what people are told when it does not work."""

from __future__ import annotations

from flask import abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries, service
from ticketing.accounts.forms import ReturnForm, SetOutForm
from ticketing.accounts.rules import safe_next
from ticketing.accounts.service import Refusal
from ticketing.accounts.views.door import NEXT, STEP, address_of, bp, browser_of, held_token
from ticketing.accounts.views.sign_in import welcome
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import public

TRIP = "trip"  # entry of the cookie: the way to the provider and back that this browser began
DOWN = "The hospital's sign-in cannot be reached just now. Try again in a minute, or use your password."
NOT_PROVEN = "The hospital's sign-in did not confirm who you are. Try again; if it stays so, tell your administrator."
SENTENCES: dict[Refusal, str] = {
    Refusal.TOO_LATE: "That took too long, or did not begin in this browser. Set out again from here.",
    Refusal.UNKNOWN: "The hospital knows you, but you have no account in Redress. Ask your administrator to add you.",
    Refusal.UNVERIFIED: "The hospital's sign-in gave no verified e-mail address, so we cannot tell which account is yours. "
                        "Ask your administrator.",
    Refusal.OTHERS: "Another person of the hospital's sign-in has used the account with your e-mail address. Ask your administrator.",
}


@bp.post("/sign-in/single")
@public
def set_out() -> ResponseReturnValue:
    form, at = SetOutForm(), moment_of_request()
    if not queries.has_single_sign_on() or not form.validate_on_submit():
        abort(404)
    where = queries.provider(at=at)
    if where is None:
        return _told(DOWN)
    begun = service.begin_single_sign_on(address_of(), safe_next(form.next.data) or "", at=at)
    session[TRIP] = begun.token
    address = queries.way_there(where, state=begun.state, nonce=begun.nonce, verifier=begun.verifier)
    return render_template("accounts/leaving.html", address=address, name=current_app.config["OIDC_NAME"])


@bp.route("/sign-in/back", methods=["GET", "POST"])
@public
def come_back() -> ResponseReturnValue:
    """GET shows a button and changes nothing (a script presses it); POST swaps the code for a session."""
    form = ReturnForm(data={"code": request.args.get("code", ""), "state": request.args.get("state", "")})
    if not queries.has_single_sign_on():
        abort(404)
    if request.method == "GET" and "error" not in request.args:
        return render_template("accounts/come_back.html", form=form)
    if request.method == "GET" or not form.validate_on_submit():
        return _told(NOT_PROVEN)
    return _arrive(str(session.pop(TRIP, "")), form.code.data, form.state.data)


def _arrive(token: str, code: str, state: str) -> ResponseReturnValue:
    at = moment_of_request()
    where, trip = queries.provider(at=at), queries.trip_of(token, state, at=at)
    if trip is None:
        service.refuse_single_sign_on(Refusal.TOO_LATE.value, at=at)
        return _told(SENTENCES[Refusal.TOO_LATE])
    proof = queries.prove(where, trip, code, at=at) if where is not None else None
    if proof is None:
        service.refuse_single_sign_on("not proven" if where else "provider out of reach", at=at)
        return _told(NOT_PROVEN if where else DOWN)
    outcome = service.sign_in_by_proof(token, state, proof, browser_of(), old_token=held_token(), at=at)
    if isinstance(outcome, Refusal):
        return _told(SENTENCES[outcome])
    if outcome.step_token is not None:
        session[STEP], session[NEXT] = outcome.step_token, trip.onward
        return redirect(url_for("accounts.second_step"), 303)
    return welcome(str(outcome.token), trip.onward)


def _told(sentence: str) -> ResponseReturnValue:
    flash(sentence, "warning")
    return redirect(url_for("accounts.sign_in"), 303)
