"""Sessions: when one is over, how its token is kept, what a browser is called, and where one may go after signing in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta

INVITATION, RESET = "invitation", "reset"
PASSWORD_PURPOSES = (INVITATION, RESET)  # the only links that may set a password
SEEN_EVERY = timedelta(minutes=1)  # how often a session in use is noted
LOCAL_PATH = re.compile(r"/(?!/)[A-Za-z0-9_\-./]*")
SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
           ("CrOS", "ChromeOS"), ("Linux", "Linux"))
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("SamsungBrowser", "Samsung Internet"),
            ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


def token_hash(token: str) -> str:
    """SHA-256 in hex: all the database ever holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def link_token(nonce: str, secret: str) -> str:
    """The 256-bit secret of a mailed link, made from what is stored and what is not: neither gives it alone."""
    secret_bytes = hmac.digest(secret.encode(), f"redress/password-link/v1|{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(secret_bytes).decode().rstrip("=")


def is_over(*, started_at: datetime, seen_at: datetime, at: datetime, idle: timedelta, longest: timedelta) -> bool:
    """Idle or open for too long; exactly at the limit is over."""
    return at - seen_at >= idle or at - started_at >= longest


def safe_next(path: str | None) -> str | None:
    """`path` if it stays on this site and holds nothing but plain letters; None otherwise."""
    if not path or len(path) > 300 or not LOCAL_PATH.fullmatch(path) or "\n" in path:
        return None
    return None if path.startswith(("/sign-in", "/sign-out", "/password")) else path


def browser_name(user_agent: str) -> str:
    """`Firefox on Windows`: enough to recognise one's own, from a list of known names only."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser
