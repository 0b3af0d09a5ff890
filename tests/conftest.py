"""Fixtures: an application on its own database, rolled back or really committing, and a client that checks each page it fetches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient, FlaskCliRunner
from itsdangerous import URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from config import Settings
from tests import databases
from tests.databases import Databases
from tests.facts import missing
from tests.pages import Page, check_page
from tests.probes import count_queries, is_dirty
from ticketing.app import create_app
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.references import new_uid
from ticketing.web.guards import OPEN_TO_ALL
from ticketing.web.reading import UNREAD

# What a GET may write: the log of reads (on the reader's own stream of the trail), and when a session was last used.
WRITTEN_BY_GET = frozenset({"audit_stream", "audit_entry", "audit_private", "audit_key", "user_sessions"})

_started: dict[str, Databases] = {}


# --- the database server and its template: one for a run, started when first wanted, shared by the workers ---


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under xdist the first process starts what all workers use."""
    try:
        node.workerinput["databases"] = _server().describe()
    except databases.NoPostgreSQL as error:
        node.workerinput["no_databases"] = str(error)


def pytest_unconfigure() -> None:
    if "own" in _started:
        _started.pop("own").close()


def pytest_report_header() -> str:
    return f"database: {databases.choose()}"


def _server() -> Databases:
    if "own" not in _started:
        _started["own"] = databases.start()
    return _started["own"]


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> Databases:
    """Where fresh migrated databases come from."""
    given = getattr(request.config, "workerinput", {})
    if "databases" in given:
        return databases.join(given["databases"])
    try:
        if "no_databases" in given:
            raise databases.NoPostgreSQL(given["no_databases"])
        return _server()
    except databases.NoPostgreSQL as error:
        missing(str(error))
        raise


# --- applications ---


class Client(FlaskClient):
    """A browser without scripts: forms carry their CSRF token, each request has a context of its own, a GET may not write."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():  # what the test has read must not hold a savepoint open under the request
            db.session.rollback()
        with self.application.app_context(), count_queries() as queries:
            response = super().open(*args, **kwargs)
            if response.request.method in {"GET", "HEAD"}:
                written = queries.written_tables - WRITTEN_BY_GET
                assert not written, f"GET {response.request.path} wrote to {', '.join(sorted(written))}"
                assert not is_dirty(), f"GET {response.request.path} left the session dirty"
                self._must_be_noted(response, queries.written_tables)
        return response

    def _must_be_noted(self, response: TestResponse, written: set[str]) -> None:
        """Whatever a signed-in person was shown is on the trail."""
        if response.status_code != 200 or response.request.path.startswith("/static/"):
            return
        try:
            endpoint, _ = self.application.url_map.bind("localhost").match(response.request.path, "GET")
        except HTTPException:
            return
        if getattr(self.application.view_functions[endpoint], "__guard__", OPEN_TO_ALL) != OPEN_TO_ALL and endpoint not in UNREAD:
            assert "audit_entry" in written, f"GET {response.request.path} showed {endpoint} and left no entry on the trail"

    def post(self, *args: Any, csrf: bool = True, **kwargs: Any) -> TestResponse:
        """As usual; a form without a token is given one unless `csrf=False`."""
        data = kwargs.get("data", {})
        if csrf and "json" not in kwargs and isinstance(data, dict | None):
            kwargs["data"] = {"csrf_token": self.csrf_token(), **(data or {})}
        return super().post(*args, **kwargs)

    def csrf_token(self) -> str:
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", new_uid())
        return str(URLSafeTimedSerializer(str(self.application.secret_key), salt="wtf-csrf-token").dumps(raw))

    def page(self, url: str, *, status: int = 200, **kwargs: Any) -> Page:
        """GET a page, check its status and its quality."""
        return self._checked(self.get(url, **kwargs), status)

    def send(self, url: str, data: dict[str, Any] | None = None, *, status: int = 422, **kwargs: Any) -> Page:
        """POST and get a page back, usually the form again (422), checked like any other."""
        return self._checked(self.post(url, data=data or {}, **kwargs), status)

    def fill_in(self, url: str, data: dict[str, Any], *, action: str | None = None) -> TestResponse:
        """Open the page, change these fields of its form and send it as a browser would, hidden fields and all."""
        page = self.page(url)
        target = page.form(action).get("action") or url
        return super().post(target, data={**page.values(action), **data})

    def _checked(self, response: TestResponse, status: int) -> Page:
        assert response.status_code == status, f"{response.request.path} answered {response.status} ({response.location or 'no redirect'})"
        page = Page(response)
        check_page(page.html, response.request.path)
        return page


def _make(url: str, **changes: Any) -> Flask:
    app = create_app(Settings.for_tests(changes.pop("database_url", url), **changes))
    app.test_client_class = Client
    return app


@pytest.fixture(scope="session")
def _worker_app(database_server: Databases) -> Iterator[Flask]:
    url = database_server.copy("worker")
    app = _make(url)
    yield app
    with app.app_context():
        db.engine.dispose()
    database_server.drop(url)


@pytest.fixture
def app(_worker_app: Flask) -> Iterator[Flask]:
    """The program inside an application context; whatever the test commits is rolled back after it.

    One connection, one thread: use `committing_app` for threads, sweepers and browsers.
    """
    config = dict(_worker_app.config)
    with _worker_app.app_context():
        engine = db.engine
        connection = engine.connect()
        outer = connection.begin()
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        db.engines[None] = connection  # type: ignore[index]
        try:
            yield _worker_app
        finally:
            db.session.remove()
            db.engines[None] = engine  # type: ignore[index]
            outer.rollback()
            connection.close()
            _worker_app.config.clear()
            _worker_app.config.update(config)


@pytest.fixture
def new_app(database_server: Databases) -> Iterator[Callable[..., Flask]]:
    """Make an application with a database of its own: `new_app(smtp_url=...)` takes any setting.  It really commits."""
    made: list[tuple[Flask, str]] = []

    def make(**changes: Any) -> Flask:
        url = database_server.copy("test")
        made.append((_make(url, **changes), url))
        return made[-1][0]

    yield make
    for app, url in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        database_server.drop(url)


@pytest.fixture
def committing_app(new_app: Callable[..., Flask]) -> Iterator[Flask]:
    """The program on a database of its own, inside an application context; it really commits, so threads may use it."""
    app = new_app()
    with app.app_context():
        yield app


@pytest.fixture
def settings(app: Flask) -> Settings:
    """The settings that `app` was made from."""
    return Settings.for_tests(app.config["DATABASE_URL"])


@pytest.fixture
def client(app: Flask) -> Client:
    """A visitor of `app`, signed in as nobody."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def run(app: Flask) -> FlaskCliRunner:
    """Run a command: `run.invoke(args=["cases", "import", ...])`."""
    return app.test_cli_runner()


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """For pages, which ask the clock themselves: `set_clock(TUESDAY)`.  Verbs are given `at=` instead."""
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)
