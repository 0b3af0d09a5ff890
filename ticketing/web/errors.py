"""Every error becomes a page with a sentence a person can act on; nothing of the program shows."""

from __future__ import annotations

from typing import cast, get_args

import structlog
from flask import Flask, Response, g, make_response, render_template
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from ticketing.core.database import OutOfReach, db, is_race
from ticketing.core.errors import DomainError, TooMany

log = structlog.get_logger()

SENTENCES = {
    400: ("This request could not be read", "Something in it was missing or malformed. Go back, reload the page and try again."),
    403: ("You cannot do this", "Your role does not allow it. Ask a manager if you need it for your work."),
    404: ("Nothing to show here", "The address may be mistyped, or it is not something you may see. Check the reference and try again."),
    405: ("That does not work from here", "Go back to the page you came from and use its buttons."),
    409: ("Somebody was here first", "This has changed since you opened it. Reload the page, look at the change and try again."),
    413: ("That was too large", "What you sent is larger than we can take. Shorten the text, or send fewer or smaller files."),
    422: ("Please check what you entered", "Go back, correct it and send it again."),
    429: ("Too many tries", "Wait a little and try again."),
    500: ("Something broke on our side", "Nothing was half saved. Try again; if it happens again, tell your administrator."),
    507: ("There is no room left", "Nothing was half saved. Send it again without files, or tell your administrator."),
    503: ("We cannot reach the database", "Nothing was lost. Try again in a minute."),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    for error in get_args(OutOfReach):
        app.register_error_handler(error, _database)
    app.register_error_handler(IntegrityError, _raced)
    if not app.testing:  # in tests a defect shows itself as itself
        app.register_error_handler(Exception, _defect)


def _page(status: int, sentence: str | None = None) -> Response:
    """The page of an error; it shows who is signed in, so the database may turn out to be out of reach only now."""
    try:
        return _draw(status, sentence)
    except get_args(OutOfReach) as error:
        return _database(error)


def _draw(status: int, sentence: str | None) -> Response:
    title, usual = SENTENCES.get(status, SENTENCES[500 if status >= 500 else 400])
    page = render_template(
        "errors/error.html", status=status, heading=title, sentence=sentence or usual, request_id=g.get("request_id", ""))
    response = make_response(page, status)
    if status == 503:
        response.headers["Retry-After"] = "30"
    return response


def _domain(error: DomainError) -> Response:
    response = _page(error.status, None if error.status == 404 else error.message)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _http(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return cast(Response, error.get_response())
    page = _page(error.code or 500)
    for name, value in error.get_response().headers:
        if name in {"Allow", "Retry-After"}:
            page.headers[name] = value
    return page


def _csrf(error: CSRFError) -> Response:  # noqa: ARG001 - its text is for programmers
    return _page(400, "This page was open for too long, or in a browser that keeps no cookies. Reload it and send it again.")


def _database(error: OutOfReach) -> Response:
    _forget_session()
    log.error("database.unreachable", error=type(getattr(error, "orig", error)).__name__)
    return _page(503)


def _raced(error: IntegrityError) -> Response:
    """Two at the same moment: the database let one of them through.  Any other broken constraint is a defect."""
    if not is_race(error):
        return _defect(error)
    db.session.rollback()
    log.warning("database.raced", error=type(error.orig).__name__)
    return _page(409)


def _defect(error: Exception) -> Response:
    _forget_session()
    log.exception("defect", error=type(error).__name__)
    return _page(500)


def _forget_session() -> None:
    """The error page must not ask the database who is signed in: that may be what broke."""
    g.is_broken = True
    db.session.rollback()
