"""A real browser, the program really serving, and a mail server that keeps what it is given."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright
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
    arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        with self.arrived:
            self.messages.append(message)
            self.arrived.notify_all()
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if address in str(message["To"])]

    def wait_for(self, address: str, subject: str, *, seconds: float = 20) -> EmailMessage:
        """The first mail to `address` with `subject` in its own, as soon as it is here."""
        with self.arrived:
            found = self.arrived.wait_for(lambda: [mail for mail in self.to(address) if subject in str(mail["Subject"])], seconds)
        assert found, f"no mail about {subject!r} to {address}; there are {[(str(m['To']), str(m['Subject'])) for m in self.messages]}"
        return found[0]


@dataclass
class Live:
    """The program as it runs for people: its address, itself, and the mail that left it."""

    url: str
    app: Flask
    mail: MailServer


@contextmanager
def taking_mail() -> Iterator[MailServer]:
    """A mail server while the block runs."""
    kept = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller wants to be told a port
        port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    kept.url = f"smtp://127.0.0.1:{port}"
    yield kept
    controller.stop()


@contextmanager
def serving(app: Flask, mail: MailServer) -> Iterator[Live]:
    """`app` on a port of its own while the block runs, inside its application context."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    app.config["PUBLIC_URL"] = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with app.app_context():
            yield Live(app.config["PUBLIC_URL"], app, mail)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with taking_mail() as kept:
        yield kept


@pytest.fixture
def live(new_app: Callable[..., Flask], mail_server: MailServer) -> Iterator[Live]:
    """Serving on a port of its own, on a database of its own, with a mail server; no scheduler: a test wakes the jobs itself."""
    with serving(new_app(smtp_url=mail_server.url), mail_server) as running:
        yield running


def launch(playwright: Playwright, path: str | None) -> Browser:
    """Start it; root (in a container) may not use the sandbox."""
    return playwright.chromium.launch(executable_path=path, args=OPTIONS + ["--no-sandbox"] * (os.getuid() == 0))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium is not here: `apt-get install chromium`, or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        try:
            started = launch(playwright, path)
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
        contexts.append(open_context(browser, live.url, size, complaints, has_scripts=has_scripts))
        return contexts[-1].new_page()

    yield open_browser
    for context in contexts:
        context.close()
    assert not complaints


def open_context(browser: Browser, url: str, size: str, complaints: list[str], *, has_scripts: bool = True) -> BrowserContext:
    """A browser of somebody's own; what its console complains about is added to `complaints`."""
    context = browser.new_context(base_url=url, viewport=SIZES[size], java_script_enabled=has_scripts, locale="en-GB")  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" and "status of" not in said.text else None)
    return context


@pytest.fixture
def visitor(new_visitor: Callable[..., Page]) -> Page:
    """One person at a desk."""
    return new_visitor()


def faults_of(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """What axe objects to on the page as it stands, and how far it reaches beyond its width; `rules` leaves out all others."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate("document.getAnimations().forEach(one => one.finish())")  # half-way colours are nobody's
    wanted = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": AXE_RULES}
    found = page.evaluate("wanted => axe.run({runOnly: wanted, resultTypes: ['violations']})", wanted)
    told = [f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:160]})" for fault in found["violations"]]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return told + ([f"{wider} px wider than the screen"] if wider > 0 else [])


def check_access(page: Page) -> None:
    """axe finds nothing on the page as it stands, and nothing reaches beyond its width."""
    faults = faults_of(page)
    assert not faults, f"{page.url}: " + "; ".join(faults)
