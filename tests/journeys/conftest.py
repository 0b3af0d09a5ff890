"""A real browser, the program really serving, and a mail server that keeps what it is given."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.facts import ROOT, missing

AXE = ROOT / "tests" / "vendor" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = [
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--font-render-hinting=none",
]
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


class Quiet(WSGIRequestHandler):
    """Requests are no news in a test."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class MailServer:
    """What arrived, oldest first; `url` is what SMTP_URL wants."""

    url: str = ""
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if address in str(message["To"])]


@dataclass
class Live:
    """The program as it runs for people: its address, itself, and the mail that left it."""

    url: str
    app: Flask
    mail: MailServer


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    kept = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller wants to be told a port
        port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    kept.url = f"smtp://127.0.0.1:{port}"
    yield kept
    controller.stop()


@pytest.fixture
def live(new_app: Callable[..., Flask], mail_server: MailServer) -> Iterator[Live]:
    """Serving on a port of its own, on a database of its own, with a mail server; no scheduler: a test wakes the sweep itself."""
    app = new_app(smtp_url=mail_server.url)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    app.config["PUBLIC_URL"] = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with app.app_context():
        yield Live(app.config["PUBLIC_URL"], app, mail_server)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium is not here: `apt-get install chromium`, or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=OPTIONS + ["--no-sandbox"] * (os.getuid() == 0))
        except Error as error:
            missing(f"Chromium does not start: {error.message.splitlines()[0]}")
            raise
        yield started
        started.close()


@pytest.fixture
def new_visitor(browser: Browser, live: Live) -> Iterator[Callable[..., Page]]:
    """Somebody with a browser of their own: `new_visitor()`, `new_visitor("phone")`, `new_visitor(has_scripts=False)`.

    A message in the browser's console (a broken script, something the Content-Security-Policy stopped) fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(size: str = "desk", *, has_scripts: bool = True) -> Page:
        context = browser.new_context(base_url=live.url, viewport=SIZES[size], java_script_enabled=has_scripts, locale="en-GB")  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and "status of" not in said.text else None)
        return page

    yield open_browser
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def visitor(new_visitor: Callable[..., Page]) -> Page:
    """One person at a desk."""
    return new_visitor()


def check_access(page: Page) -> None:
    """axe finds nothing on the page as it stands, and nothing reaches beyond its width."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", AXE_RULES)
    told = [f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:120]})" for fault in found["violations"]]
    assert not told, f"{page.url}: " + "; ".join(told)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the screen"
