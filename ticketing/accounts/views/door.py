"""Who is at the door: Flask-Login reads our own session, and every page is told about the account that is signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, Protocol, cast

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user

from ticketing.accounts import queries, service
from ticketing.accounts.queries import SignedIn, StaffRow
from ticketing.accounts.rules import SEEN_EVERY, browser_name
from ticketing.core.permissions import Actor
from ticketing.web.filters import Link, moment, moment_of_request
from ticketing.web.forms import clean
from ticketing.web.guards import OPEN_TO_ALL, current_actor_or_none

P = ParamSpec("P")
bp = Blueprint("accounts", __name__)

TOKEN, STEP, NEXT = "token", "step", "next"  # entries of the cookie: the session, a second step still owed, where to go then
TO_SET_UP = frozenset({  # all that somebody may open who still has to set up their second step
    "accounts.security", "accounts.begin_app", "accounts.add_app", "accounts.add_passkey", "accounts.new_passkey_options",
    "accounts.recovery_codes", "accounts.confirm", "accounts.confirm_options", "accounts.confirm_passkey",
})
WORTH_KEEPING = 20  # characters; shorter answers are quickly typed again


class HandOver(Protocol):
    """How a leaver's open cases go to somebody else; the cases room has it, `create_app` hands it in.  Returns how many went."""

    def __call__(self, staff_id: int, to_staff_uid: str | None, note: str, *, by: Actor, at: datetime) -> int: ...


class Recuse(Protocol):
    """Somebody became the manager of staff who are named in cases; the cases room makes them let go.  Returns of how many."""

    def __call__(self, staff_id: int, *, by: Actor, at: datetime) -> int: ...


class User:
    """Somebody signed in, as Flask-Login and the guards want to see them."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, found: SignedIn) -> None:
        self.staff: StaffRow = found.staff
        self.actor: Actor = found.actor
        self.session_id: int = found.session_id
        self.method: str = found.method
        self.confirmed_at: datetime | None = found.confirmed_at
        self.owes_second_step: bool = not found.has_second_step and queries.is_second_step_required(found.staff.role)

    def get_id(self) -> str:
        return self.staff.uid


def init_app(app: Flask, *, hand_over: HandOver | None = None, recuse: Recuse | None = None) -> None:
    """Set up the door.  Without `hand_over` there are no cases yet to hand over."""
    manager = LoginManager(app, add_context_processor=False)
    manager.login_view = "accounts.sign_in"
    manager.session_protection = None
    manager.request_loader(_load)
    manager.unauthorized_handler(_turn_away)
    app.before_request(_lead_to_second_step)
    app.extensions["hand_over"] = hand_over
    app.extensions["recuse"] = recuse or _nothing_to_let_go
    app.jinja_env.globals["password_link"] = queries.password_link
    app.jinja_env.globals["passkey_party"] = queries.relying_party
    app.context_processor(_for_every_page)


def hand_over_verb() -> HandOver | None:
    return cast(HandOver | None, current_app.extensions["hand_over"])


def recuse_verb() -> Recuse:
    return cast(Recuse, current_app.extensions["recuse"])


def _nothing_to_let_go(staff_id: int, *, by: Actor, at: datetime) -> int:  # noqa: ARG001 - the verb's shape
    return 0


def staff_here() -> StaffRow:
    """The account that is signed in; only behind `@requires`."""
    return cast(User, current_user).staff


def session_id_here() -> int:
    return cast(User, current_user).session_id


def confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Below `@requires`: only for somebody who proved within CONFIRM_MINUTES who they are; others are asked and led back."""

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        last, good_for = cast(User, current_user).confirmed_at, timedelta(minutes=current_app.config["CONFIRM_MINUTES"])
        if last is not None and moment_of_request() - last < good_for:
            return view(*args, **kwargs)
        has_page = "GET" in (request.url_rule.methods or ()) if request.url_rule else False
        return redirect(url_for("accounts.confirm", next=request.path if has_page else url_for("accounts.security")), 303)

    return run


def _lead_to_second_step() -> ResponseReturnValue | None:
    """Where a role must have a second step, nothing else is open to whoever has none yet."""
    if request.endpoint is None or request.endpoint == "static" or request.endpoint in TO_SET_UP:
        return None
    if getattr(current_app.view_functions[request.endpoint], "__guard__", None) in (None, OPEN_TO_ALL):
        return None
    if not current_user.is_authenticated or not current_user.owes_second_step:
        return None
    return redirect(url_for("accounts.security"), 303)


def enter(token: str) -> None:
    """Give the browser its new session: nothing of the old one stays, the form token included."""
    session.clear()
    session[TOKEN] = token


def held_token() -> str:
    token = session.get(TOKEN)
    return token if isinstance(token, str) else ""


def address_of() -> str:
    """Where the request comes from; trusted proxies have been taken off by then (PROXY_HOPS)."""
    return request.remote_addr or "unknown"


def browser_of() -> str:
    return browser_name(request.user_agent.string)


def _load(request: Request) -> User | None:  # noqa: ARG001 - the loader's signature; the cookie is in the session
    token, at = held_token(), moment_of_request()
    found = queries.signed_in(token, at=at) if token else None
    if found is None:
        return None
    if at - found.seen_at >= SEEN_EVERY:
        service.touch_session(found.session_id, at=at)
    return User(found)


def _turn_away() -> ResponseReturnValue:
    """To sign in and back again; words typed into a form are shown, so that nothing is lost."""
    had_session = bool(session.pop(TOKEN, None))
    if request.method == "POST" and had_session and (kept := _typed()):
        return _show_what_was_typed(kept)
    if had_session:
        flash("You have been signed out, to keep patients’ details safe. Sign in again to go on.", "info")
    is_worth_coming_back = request.method == "GET" and request.path != "/"
    return redirect(url_for("accounts.sign_in", next=request.path if is_worth_coming_back else None), 303)


def _show_what_was_typed(kept: list[tuple[str, str]]) -> Response:
    return make_response(render_template("accounts/signed_out.html", kept=kept), 401)


def _typed() -> list[tuple[str, str]]:
    return [
        (name.replace("_", " ").replace("-", " ").capitalize(), clean(value)) for name, values in request.form.lists() for value in values
        if name != "csrf_token" and "password" not in name and len(value.strip()) >= WORTH_KEEPING
    ]


def _for_every_page() -> dict[str, Any]:
    """What the layouts show of the account; nothing on pages for strangers."""
    if current_actor_or_none() is None:
        return {"home_url": url_for("accounts.home")}
    staff = staff_here()
    return {
        "home_url": url_for("accounts.home"),
        "role_label": staff.role_label,
        "account_menu": [Link("My account", url_for("accounts.account"), "person", False),
                         Link("Signing in", url_for("accounts.security"), "lock", False),
                         Link("Leave and deputy", url_for("accounts.leave"), "calendar-event", False)],
        "sign_out_url": url_for("accounts.sign_out"),
        "last_sign_in": moment(staff.previous_sign_in_at) if staff.previous_sign_in_at else None,
    }
