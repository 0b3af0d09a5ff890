"""The `flask` commands: thin, each hands its words to one verb and prints the answer."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register every group."""
    _ = app
