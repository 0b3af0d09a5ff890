"""Logs as JSON lines: an event's word, allow-listed facts, no personal data; what libraries log comes in the same form."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Flask, Response, g, request

from ticketing.core.origin import come_from
from ticketing.core.references import new_uid

LONGEST = 300
MOST_FRAMES = 40


class Lines(logging.Formatter):
    """A library's record as one JSON line: who said it and in which words, never the values that stand in them."""

    def format(self, record: logging.LogRecord) -> str:
        words = str(record.msg)
        if record.name.startswith("gunicorn"):  # its notices name addresses of ours; its warnings have the visitor's values in the words
            words = record.getMessage() if record.levelno <= logging.INFO else words.partition("=")[0].partition(":")[0]
        line: dict[str, Any] = {
            "event": record.name, "words": " ".join(words.split())[:LONGEST], "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = frames_of(record.exc_info[1])
        return json.dumps(line)


class _Stderr:
    """Standard error as it is at the moment; where it is gone or its disk is full, a line is lost and no request."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


FOR_GUNICORN: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "ticketing.web.logs.Lines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"handlers": ["stderr"], "propagate": False}},
}


def frames_of(error: BaseException) -> list[str]:
    """Where it broke, without the message: that may name a person, or hold what somebody typed."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]:
        place = "/".join(frame.filename.split("/")[-3:])
        lines.append(f"{place}:{frame.lineno} {frame.name}")
    before = error.__cause__ or error.__context__
    return [*(frames_of(before) if before is not None else []), *lines, type(error).__name__][-2 * MOST_FRAMES:]


def init_app(app: Flask) -> None:
    level = getattr(logging, str(app.config["LOG_LEVEL"]).upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True), _frames, _cut,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(_Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    if not app.testing:
        _take_in_the_libraries()
    app.before_request(_begin)
    app.teardown_request(lambda _: come_from(""))
    app.after_request(_end)


def _take_in_the_libraries() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    handler.addFilter(lambda record: not (record.name == "werkzeug" and record.args))  # its line for each request, with the path
    logging.getLogger().handlers[:] = [handler]


def _frames(logger: Any, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ARG001 - as `_cut`
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    return {**event, "exception": frames_of(error)} if error is not None else event


def _cut(logger: Any, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ARG001 - the processor's signature
    return {key: value[:LONGEST] if isinstance(value, str) else value for key, value in event.items()}


def _begin() -> None:
    g.request_id = new_uid()[:16]
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    come_from(f"web:{request.endpoint or '-'}", g.request_id)


def _end(response: Response) -> Response:
    """The endpoint and never the path: a path may hold a secret or a name."""
    if request.endpoint != "static":
        took = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000)
        structlog.get_logger().info("request", endpoint=request.endpoint, method=request.method, status=response.status_code, ms=took)
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response
