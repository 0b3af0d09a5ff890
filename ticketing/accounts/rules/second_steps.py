"""Second steps: codes of an authenticator app, recovery codes, and how the app's secret is sealed; no database here.

Sources: RFC 6238 (codes by time), OWASP ASVS 5.0 6.5.1 (each code once), 6.5.2 (short codes hashed like passwords), 6.5.5 (short lives).
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

STEP_SECONDS = 30
DRIFT = (-1, 0, 1)  # steps: a telephone's clock may be half a minute out
CODE = re.compile(r"[0-9]{6}")
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U
LOOKALIKES = str.maketrans("ILO", "110")
SELECTOR, RECOVERY_LENGTH, RECOVERY_COUNT = 4, 16, 10  # 16 letters of 5 bits: the last 12, 60 bits, are the secret
MOST_PASSKEYS = 10
SEAL_VERSION = "v1"


class Method(StrEnum):
    """How a session was opened or confirmed; written on the trail."""

    PASSWORD = "password"  # noqa: S105 - a word, not a secret
    CODE = "password and code"
    RECOVERY = "password and recovery code"
    PASSKEY = "passkey"
    SINGLE_SIGN_ON = "single sign-on"
    SINGLE_SIGN_ON_CODE = "single sign-on and code"
    SINGLE_SIGN_ON_RECOVERY = "single sign-on and recovery code"


class Purpose(StrEnum):
    """What a ceremony is for; none is good for another."""

    SECOND_STEP = "second_step"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    PASSKEY_CONFIRM = "passkey_confirm"
    PASSKEY_ADD = "passkey_add"
    APP_ADD = "app_add"
    SINGLE_SIGN_ON = "single_sign_on"


LIVES: dict[Purpose, timedelta] = {
    Purpose.SECOND_STEP: timedelta(minutes=10),
    Purpose.PASSKEY_SIGN_IN: timedelta(minutes=5),
    Purpose.PASSKEY_CONFIRM: timedelta(minutes=5),
    Purpose.PASSKEY_ADD: timedelta(minutes=5),
    Purpose.APP_ADD: timedelta(minutes=30),
    Purpose.SINGLE_SIGN_ON: timedelta(minutes=10),
}

AFTER_PASSWORD = {"code": Method.CODE, "recovery": Method.RECOVERY}
AFTER_SINGLE_SIGN_ON = {"code": Method.SINGLE_SIGN_ON_CODE, "recovery": Method.SINGLE_SIGN_ON_RECOVERY}


@dataclass(frozen=True, slots=True)
class Picture:
    """A QR code as one path of unit squares, `size` squares wide and high with its quiet zone."""

    size: int
    path: str


def plain_code(typed: str) -> str:
    """A code as people type it (`123 456`), without what they put between."""
    return re.sub(r"[\s\-–—.]", "", typed[:60]).upper().translate(LOOKALIKES)


def step_of(secret: str, typed: str, *, after: int, at: datetime) -> int | None:
    """The step whose code this is, at most one away from `at` and later than `after`; None for a wrong, old or used code."""
    code, present = plain_code(typed), int(at.timestamp()) // STEP_SECONDS
    if not CODE.fullmatch(code):
        return None
    app = pyotp.TOTP(secret)
    steps = [present + drift for drift in DRIFT]
    fitting = [step for step in steps if hmac.compare_digest(app.generate_otp(step), code) and step > after]
    return max(fitting, default=None)


def app_address(secret: str, email: str, issuer: str) -> str:
    """What an authenticator app reads from the picture (otpauth://)."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def picture_of(text: str) -> Picture:
    """`text` as a QR code that needs neither script nor style."""
    rows = list(segno.make(text, error="m").matrix_iter(scale=1, border=4))
    squares = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return Picture(len(rows), "".join(squares))


def in_fours(text: str) -> str:
    """`ABCD EFGH`: as people copy a long code."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def recovery_parts(typed: str) -> tuple[str, str] | None:
    """(selector, secret) of a recovery code however it is spaced; None for what cannot be one."""
    code = plain_code(typed)
    if len(code) != RECOVERY_LENGTH or not set(code) <= set(LETTERS):
        return None
    return code[:SELECTOR], code[SELECTOR:]


def is_code(typed: str) -> bool:
    """Six digits: from an app, not a recovery code."""
    return CODE.fullmatch(plain_code(typed)) is not None


def seal(text: str, *, key: str, owner: str, nonce: bytes) -> str:
    """`text` encrypted (AES-256-GCM) for the account `owner`; `nonce` is 12 fresh random bytes."""
    sealed = AESGCM(_key(key)).encrypt(nonce, text.encode(), owner.encode())
    return f"{SEAL_VERSION}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, key: str, owner: str) -> str | None:
    """The text again; None where it was sealed with another key, for somebody else, or changed since."""
    version, _, encoded = sealed.partition(".")
    try:
        raw = base64.urlsafe_b64decode(encoded)
        return AESGCM(_key(key)).decrypt(raw[:12], raw[12:], owner.encode()).decode() if version == SEAL_VERSION else None
    except (InvalidTag, ValueError):
        return None


def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"redress/authenticator-app/v1", "sha256")
