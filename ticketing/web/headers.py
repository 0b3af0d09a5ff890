"""Security headers on every answer: nothing from elsewhere, nothing inline, no referrer; pages never cached, files by their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
    "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "object-src 'none'", "frame-ancestors 'none'",
))
SEALED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"  # for files that somebody sent
PERMISSIONS_POLICY = ", ".join((
    "camera=()", "display-capture=()", "geolocation=()", "microphone=()", "payment=()", "usb=()", "serial=()", "hid=()", "bluetooth=()",
    "publickey-credentials-get=(self)", "publickey-credentials-create=(self)",
))
KEPT = frozenset({200, 206, 304})  # a page that says a file is missing names who is signed in


def init_app(app: Flask) -> None:
    app.after_request(_secure)
    app.url_defaults(_name_by_content)


def _name_by_content(endpoint: str, values: dict[str, Any]) -> None:
    """A static file's address carries a print of its content, so that browsers may keep it and never show an old one."""
    if endpoint == "static" and "v" not in values:
        path = Path(str(current_app.static_folder)) / str(values["filename"])
        if path.is_file():
            values["v"] = _print_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=512)
def _print_of(path: Path, changed: int) -> str:  # noqa: ARG001 - a changed file is another key
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _secure(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Embedder-Policy"] = "require-corp"
    headers["Permissions-Policy"] = PERMISSIONS_POLICY
    if request.endpoint == "static" and response.status_code in KEPT:
        headers["Cache-Control"] = "public, max-age=31536000, immutable" if request.args.get("v") else "public, max-age=3600"
    else:
        headers["Cache-Control"] = "no-store"
    if current_app.config["SECURE_COOKIES"]:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response
