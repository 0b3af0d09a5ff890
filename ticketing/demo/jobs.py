"""What runs beside the demo: a mail server that keeps every message, and one web process that serves it all."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from flask import Flask

from ticketing.core import clock
from ticketing.core.mail import Mail, compose
from ticketing.reports.rules import file_name
from ticketing.web.logs import FOR_GUNICORN

THREADS = 8


class CatchAll:
    """Takes every message for everybody and keeps it where a page shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002 - the server's signature
        """Called by the mail server for each message; the answer is what the sender is told."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        _keep(self.folder, message.as_bytes(), str(message["Message-ID"]), clock.now())
        return "250 Kept for the demo"


def start_catch_all(folder: Path) -> str:
    """Start the mail server in a thread on a free port; returns its SMTP_URL."""
    from aiosmtpd.controller import Controller

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    Controller(CatchAll(folder), hostname="127.0.0.1", port=port).start()
    return f"smtp://127.0.0.1:{port}"


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of this computer."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) != 0


def keep_at_once(folder: Path) -> Callable[[Mail], str]:
    """A transport that keeps a mail without a server: for the months before the demo was started."""
    def transport(letter: Mail) -> str:
        assert letter.written_at is not None  # noqa: S101 - the outbox always says when
        _keep(folder, compose(letter).as_bytes(), letter.message_id, letter.written_at)
        return "250 Kept for the demo"
    return transport


def serve(app: Flask, port: int, start: Callable[[], None]) -> None:
    """Serve until interrupted, in one process with threads; `start` is called in the process that serves."""
    try:
        from gunicorn.app.base import BaseApplication
    except ImportError:  # no fork here (Windows)
        from werkzeug.serving import run_simple

        start()
        run_simple("127.0.0.1", port, app, threaded=True)
        return

    class Web(BaseApplication):  # type: ignore[misc]
        """gunicorn, told its settings here."""

        def load_config(self) -> None:
            for name, value in {
                "bind": f"127.0.0.1:{port}", "workers": 1, "worker_class": "gthread", "threads": THREADS, "timeout": 0,
                "post_worker_init": lambda _worker: start(), "loglevel": "warning", "graceful_timeout": 5,
                "logconfig_dict": FOR_GUNICORN,
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return app

    Web().run()


def _keep(folder: Path, content: bytes, message_id: str, at: datetime) -> None:
    """Under its final name only once it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(at, message_id)
    part = folder / f".{name}.part"
    part.write_bytes(content)
    part.replace(folder / name)


def empty_mailbox(folder: Path) -> None:
    """Forget what an earlier demo kept."""
    for path in folder.glob("*.eml"):
        path.unlink()
