"""Logs as JSON lines: an event's word, allow-listed facts, no personal data."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

from ticketing.core.references import new_uid

LONGEST = 300


def init_app(app: Flask) -> None:
    level = getattr(logging, str(app.config["LOG_LEVEL"]).upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.format_exc_info, _cut,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    app.before_request(_begin)
    app.after_request(_end)


def _cut(logger: Any, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ARG001 - the processor's signature
    return {key: value[:LONGEST] if isinstance(value, str) and key != "exception" else value for key, value in event.items()}


def _begin() -> None:
    g.request_id = new_uid()[:16]
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


def _end(response: Response) -> Response:
    """The endpoint and never the path: a path may hold a secret or a name."""
    if request.endpoint != "static":
        took = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000)
        structlog.get_logger().info("request", endpoint=request.endpoint, method=request.method, status=response.status_code, ms=took)
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response
