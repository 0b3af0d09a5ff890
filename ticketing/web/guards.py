"""Every endpoint is `@requires` or `@public`; anything else is refused before it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import Flask, abort, current_app, g, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.sansio.utils import host_is_trusted

from ticketing.core.errors import Forbidden
from ticketing.core.permissions import Actor, Permission
from ticketing.web.reading import note_reading

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

OPEN_TO_ALL = "public"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})  # none: typed in or opened by the person themself


STRANGERS_MOST = 256 * 1024  # what somebody who is not signed in may send, where no files are asked for
BROUGHT = 512 * 1024  # what a form with files carries besides them


def init_app(app: Flask) -> None:
    app.before_request(_refuse_other_names)
    app.before_request(_cap_body)
    app.before_request(_refuse_unstorable)
    app.before_request(_refuse_from_elsewhere)
    app.before_request(_deny_by_default)


def requires(*permissions: Permission) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Only signed-in staff who hold one of `permissions`; others are sent to sign in, or refused."""

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def run(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return cast(ResponseReturnValue, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]
            if not any(current_actor().may(permission) for permission in permissions):
                raise Forbidden("Your role does not allow this. Ask a manager if you need it for your work.")
            answer = view(*args, **kwargs)
            note_reading(answer, current_actor())
            return answer

        run.__guard__ = frozenset(permissions)  # type: ignore[attr-defined]
        return run

    return guard


def takes_files(view: View) -> View:
    """A form with files may be as large as the settings allow."""
    view.__takes_files__ = True  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """Open to everybody; the list of these is a test."""
    view.__guard__ = OPEN_TO_ALL  # type: ignore[attr-defined]
    return view


def current_actor() -> Actor:
    """Who is acting in this request; only behind `@requires`."""
    return cast(Actor, current_user.actor)


def current_actor_or_none() -> Actor | None:
    """Who is signed in, if anybody; never asks the database on the page that says it is out of reach."""
    if g.get("is_broken") or not hasattr(current_app, "login_manager"):
        return None
    return current_actor() if current_user.is_authenticated else None


def _cap_body() -> None:
    """How much may be sent, before anything of it is read: files where they are asked for, little by strangers."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "__takes_files__", False):
        files = current_app.config["UPLOAD_FILES"] * current_app.config["UPLOAD_MEGABYTES"] * 1024 * 1024
        can_bring = request.mimetype == "multipart/form-data"  # any other body holds no files, and is read into memory at once
        request.max_content_length = BROUGHT + (files if can_bring else 0)
    elif "token" not in session:
        request.max_content_length = STRANGERS_MOST


def _refuse_other_names() -> None:
    """A name that is not ours: somebody else's site led here, or a cache is to be poisoned."""
    names = current_app.config["HOST_NAMES"]
    if names is not None and not host_is_trusted(request.host, names):
        abort(400)


def _refuse_unstorable() -> None:
    """An address with a NUL in it names nothing, and PostgreSQL could not even look it up."""
    if "\x00" in request.path or any("\x00" in name + value for name, value in request.args.items(multi=True)):
        abort(404)


def _refuse_from_elsewhere() -> None:
    """What a page of another site sends in somebody's name; every browser of today says where a request was made."""
    if request.method not in READING and request.headers.get("Sec-Fetch-Site", "same-origin") not in OURS:
        abort(403)


def _deny_by_default() -> None:
    if request.endpoint is None or request.endpoint == "static":
        return
    if getattr(current_app.view_functions[request.endpoint], "__guard__", None) is None:
        abort(404)
