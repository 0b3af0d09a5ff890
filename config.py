"""Settings from the environment; refuses to start when unsafe.  Read by wsgi.py and tests only."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ticketing.core.permissions import Role, minutes_by_role, roles_of

ROOT = Path(__file__).resolve().parent
DEMO_KEY = "demo-only-key-never-for-real-patients"
NO_SHADOWS = " -c search_path=\"$user\",public,pg_temp"  # a temporary table named as the trail's would swallow its entries
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
MODES = ("production", "development", "demo", "test")


class UnsafeSettings(SystemExit):
    """The program would run unsafely with these settings; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, its environment variable (the name in capitals) and its default.  The README's table is made from this."""

    redress_env: str = "development"  # production, development, demo or test; production is strict
    secret_key: str = ""  # signs sessions and forms; at least 32 random characters in production
    database_url: str = ""  # sqlite:///path or postgresql+psycopg://user@host/name; default instance/redress.sqlite3
    migration_database_url: str = ""  # the owner of the tables, for `db upgrade` only; default DATABASE_URL
    database_sslmode: str = ""  # PostgreSQL: disable, prefer, require, verify-ca or verify-full; empty: what DATABASE_URL says
    database_pool: int = 5  # PostgreSQL: connections each process keeps
    database_overflow: int = 5  # PostgreSQL: connections each process may open beyond those; then a request waits 5 seconds and gets 503
    database_connect_seconds: int = 3  # PostgreSQL: how long a new connection may take
    database_silence_seconds: int = 10  # PostgreSQL: after this long without a sign of life on the wire a connection counts as dead
    database_statement_seconds: int = 30  # PostgreSQL: how long one statement may take
    public_url: str = "http://127.0.0.1:5000"  # how people reach the site; used in mails
    organisation: str = "Redress Demo Hospital"  # the hospital's name on every page and letter
    smtp_url: str = ""  # smtp://user:password@host:port?starttls=1 or smtps://...; empty: mail waits in the outbox
    mail_from: str = "patient.relations@hospital.example"  # sender of every mail
    files_folder: str = ""  # where attachments are kept; default instance/files
    upload_megabytes: int = 10  # the most one attachment may have
    upload_files: int = 5  # the most files one form may bring
    case_files: int = 60  # the most attachments one case may have
    clamd_url: str = ""  # tcp://host:3310 or unix:///run/clamav/clamd.ctl: scans each attachment; empty: none is scanned
    clamd_seconds: int = 20  # how long the scanner may take for one file; unscanned files stay in quarantine and are tried again
    site_zone: str = "Europe/London"  # IANA zone used where a page belongs to no site
    policy_pack: str = "england-nhs"  # proposed where a site names none
    scheduler_in_web: bool = False  # run the sweep and the outbox inside the one web process
    web_processes: int = 1  # how many web processes serve; more than one needs PostgreSQL
    proxy_hops: int = 0  # how many trusted proxies set X-Forwarded-For
    secure_cookies: bool = True  # cookies only over https; off for demo and development on http
    session_idle_minutes: int = 30  # signed out after this long without a page
    session_hours: int = 12  # signed out after this long in any case
    session_idle_by_role: str = "administrator=15"  # other minutes for some roles, such as administrator=15 auditor=60
    confirm_minutes: int = 10  # passkeys, codes and other people's second steps are changed this long after proving who one is
    mfa_roles: str = "all"  # roles that must have a second step: names with spaces, all or none; none for demo and development
    oidc_issuer: str = ""  # the hospital's single sign-on (OpenID Connect); empty: none
    oidc_client_id: str = ""  # as it knows us; our address there is PUBLIC_URL/sign-in/back
    oidc_client_secret: str = ""  # what it gave us; empty for a public client
    oidc_name: str = "hospital account"  # what people call it, as in "Sign in with your hospital account"
    private_hosts: str = ""  # hosts inside the house that may be called although their addresses are private, such as idp.hospital.local
    outbound_ca_file: str = ""  # certificates to trust in calls to other machines; empty: the usual ones
    trusted_hosts: str = ""  # other names we may be called by, beside PUBLIC_URL's; any other is refused in production
    password_memory_kib: int = 19456  # argon2id memory for each password hash; less is refused in production
    password_rounds: int = 2  # argon2id passes over that memory; a change re-hashes each password at its next sign-in
    sweep_seconds: int = 20  # how often the escalation sweep wakes
    deliver_seconds: int = 10  # how often the outbox is delivered
    audit_keys: str = ""  # 1:<hex>,2:<hex>: keys of the trail, the highest number writes; never drop one; required in production
    audit_seal_key_file: str = ""  # file with the key that signs the trail's checkpoints; only the sealer can read it
    audit_checkpoints: str = ""  # folder that takes the signed checkpoints, best on another machine; default instance/checkpoints
    audit_mailbox: str = ""  # address that gets the newest checkpoint once a day; empty: nobody
    seal_seconds: int = 10  # how often the trail is sealed
    tidy_seconds: int = 60  # how often old sessions, mailed links and counts of tries are forgotten
    simulate_seconds: int = 10  # how often a simulation that was asked for is played on, and shadows follow
    watch_seconds: int = 60  # how often each process looks whether the jobs still run
    notices_per_hour: int = 12  # escalation mails one person gets within an hour; more come in one digest
    webhook_hosts: str = ""  # systems that a rule may call over https, by host name, separated by commas; empty: none
    webhook_secret: str = ""  # signs calls to other systems (Standard Webhooks: whsec_ and base64)
    metrics_from: str = "127.0.0.1,::1"  # addresses that may read /metrics without a token, separated by commas
    metrics_token: str = ""  # bearer token for /metrics from anywhere else; empty: from nowhere else
    log_level: str = "INFO"  # DEBUG, INFO, WARNING or ERROR
    debug: bool = False  # Flask's debugger; refused in production

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read, fill in and check; raises UnsafeSettings with every reason at once."""
        named = [item for item in fields(cls) if environ.get(item.name.upper())]
        given = {item.name: _value(item.name, item.type, environ[item.name.upper()]) for item in named}
        settings = cls(**given)
        relaxed = settings.redress_env != "production"
        filled = {
            "secret_key": settings.secret_key or (DEMO_KEY if relaxed else ""),
            "database_url": _url(settings.database_url),
            "migration_database_url": _url(settings.migration_database_url or settings.database_url),
            "files_folder": settings.files_folder or str(ROOT / "instance" / "files"),
            "audit_checkpoints": settings.audit_checkpoints or str(ROOT / "instance" / "checkpoints"),
            "secure_cookies": settings.secure_cookies if "secure_cookies" in given else not relaxed,
            "mfa_roles": settings.mfa_roles if "mfa_roles" in given or not relaxed else "none",
            "debug": settings.debug or _value("flask_debug", "bool", environ.get("FLASK_DEBUG", "")),
        }
        settings = cls(**{**given, **filled})
        settings._refuse_unsafe()
        return settings

    @classmethod
    def for_tests(cls, database_url: str, **changes: Any) -> Settings:
        """Fixed settings for the tests, over http, with no mail server."""
        return cls(**{
            "redress_env": "test", "secret_key": "test-key-" + "0" * 32, "database_url": _url(database_url), "secure_cookies": False,
            "migration_database_url": _url(database_url), "public_url": "http://localhost", "log_level": "ERROR",
            "files_folder": str(ROOT / "instance" / "test-files"),
            "audit_checkpoints": str(Path(tempfile.gettempdir()) / f"redress-{uuid4().hex}" / "checkpoints"),  # one trail, one folder
            "password_memory_kib": 64, "password_rounds": 1, "mfa_roles": "none", "session_idle_by_role": "", **changes,
        })

    def as_config(self) -> dict[str, Any]:
        """Flask's configuration: each setting in capitals, and what the libraries want to be told."""
        own = {item.name.upper(): getattr(self, item.name) for item in fields(self)}
        return {
            **own,
            "FILES_FOLDER": self.files_folder or str(ROOT / "instance" / "files"),  # never the folder the program happens to run in
            "AUDIT_CHECKPOINTS": self.audit_checkpoints or str(ROOT / "instance" / "checkpoints"),
            "TESTING": self.redress_env == "test",
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": self._engine_options(),
            "SESSION_COOKIE_NAME": "__Host-redress" if self.secure_cookies else "redress",
            "SESSION_COOKIE_SECURE": self.secure_cookies,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "REMEMBER_COOKIE_DURATION": 0,
            "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
            "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
            "TRUSTED_HOSTS": None,  # Flask's own check leaves its error page without addresses; guards.py asks instead
            "HOST_NAMES": self._hosts(),
            "WTF_CSRF_TIME_LIMIT": None,
            "WTF_CSRF_SSL_STRICT": False,  # it asks for the referrer, which our own pages forbid; guards.py asks the browser instead
        }

    def _engine_options(self) -> dict[str, Any]:
        told = {"hide_parameters": True}  # else an error names the values, people's names and words among them
        if self.database_url.startswith("sqlite"):
            return told
        return told | {
            "pool_pre_ping": True, "pool_timeout": 5, "pool_size": self.database_pool, "max_overflow": self.database_overflow,
            "pool_recycle": 1800, "connect_args": self._connect_args(),
        }

    def _connect_args(self) -> dict[str, Any]:
        """What libpq is told.  A broken wire is noticed in seconds: the kernel by itself gives up after a quarter of an hour."""
        silence = self.database_silence_seconds
        named = {"sslmode": self.database_sslmode} if self.database_sslmode else {}
        return named | {
            "application_name": "redress", "connect_timeout": self.database_connect_seconds, "tcp_user_timeout": silence * 1000,
            "keepalives": 1, "keepalives_idle": max(1, silence // 2), "keepalives_interval": max(1, silence // 4), "keepalives_count": 2,
            "options": f"-c statement_timeout={self.database_statement_seconds * 1000} -c timezone=UTC{NO_SHADOWS}",
        }

    def _hosts(self) -> list[str] | None:
        """Names a visitor may call us by, None for any; the machine itself may ask for our health."""
        named = re.split(r"[\s,]+", self.trusted_hosts.strip()) if self.trusted_hosts.strip() else []
        if not named and self.redress_env != "production":
            return None
        return [urlsplit(self.public_url).hostname or "", *named, "127.0.0.1", "localhost"]

    def _refuse_roles(self) -> list[str]:
        """Settings that name roles, read as the program will read them."""
        reasons = []
        for name, read in (("mfa_roles", roles_of), ("session_idle_by_role", minutes_by_role)):
            try:
                read(getattr(self, name))
            except ValueError:
                reasons.append(f"{name.upper()} is {getattr(self, name)!r}: use the roles {', '.join(Role)}.")
        if self.oidc_issuer and not self.oidc_client_id:
            reasons.append("OIDC_ISSUER is set but OIDC_CLIENT_ID is not: set both or neither.")
        return reasons

    def _refuse_unsafe(self) -> None:
        reasons = self._refuse_roles()
        if self.database_sslmode and self.database_sslmode not in SSL_MODES:
            reasons.append(f"DATABASE_SSLMODE is {self.database_sslmode!r}: use one of {', '.join(SSL_MODES)}.")
        if min(self.database_pool, self.database_connect_seconds, self.database_silence_seconds, self.database_statement_seconds) < 1:
            reasons.append("DATABASE_POOL and the DATABASE_..._SECONDS settings must be 1 or more.")
        if self.database_overflow < 0:
            reasons.append("DATABASE_OVERFLOW must be 0 or more.")
        if self.redress_env not in MODES:
            reasons.append(f"REDRESS_ENV is {self.redress_env!r}: use one of {', '.join(MODES)}.")
        if self.web_processes > 1 and self.database_url.startswith("sqlite"):
            reasons.append("SQLite serves one web process: set WEB_PROCESSES=1 or DATABASE_URL to PostgreSQL.")
        if self.redress_env == "production":
            reasons += self._refuse_in_production()
        if reasons:
            raise UnsafeSettings("Redress will not start:\n- " + "\n- ".join(reasons))

    def _refuse_in_production(self) -> list[str]:
        reasons = []
        if len(self.secret_key) < 32 or self.secret_key == DEMO_KEY:
            reasons.append("SECRET_KEY is missing or too short: set at least 32 random characters.")
        reasons += self._refuse_weak_trail()
        if self.debug:
            reasons.append("DEBUG is on: remove it.")
        if self.oidc_issuer and not self.oidc_issuer.startswith("https://"):
            reasons.append("OIDC_ISSUER must begin with https://.")
        if not self.secure_cookies:
            reasons.append("SECURE_COOKIES is off: serve over https and remove it.")
        if self.password_memory_kib < 19456 or self.password_rounds < 2:
            reasons.append("PASSWORD_MEMORY_KIB or PASSWORD_ROUNDS is too low: remove both, or use at least 19456 and 2.")
        return reasons


    def _refuse_weak_trail(self) -> list[str]:
        advice = "make one with `flask --app wsgi audit new-key` (REDRESS_ENV=development)"
        if not self.audit_keys:
            return [f"AUDIT_KEYS is missing: {advice}."]
        newest = max((part.strip() for part in self.audit_keys.split(",")), key=lambda part: int(part.partition(":")[0] or 0)
                     if part.partition(":")[0].isdigit() else 0)
        material = newest.partition(":")[2]
        if len(material) < 64 or not set(material) <= set("0123456789abcdefABCDEF"):
            return [f"AUDIT_KEYS is too short or not hexadecimal: {advice}."]
        if material.lower() == self.secret_key.encode().hex():
            return [f"AUDIT_KEYS writes with SECRET_KEY: {advice}, and keep the old one as the lower number."]
        return []


def _value(name: str, kind: Any, text: str) -> Any:
    if kind == "bool":
        return text.strip().lower() in {"1", "true", "yes", "on"}
    if kind == "int":
        try:
            return int(text)
        except ValueError:
            raise UnsafeSettings(f"Redress will not start:\n- {name.upper()} is {text!r}: it must be a whole number.") from None
    return text


def _url(url: str) -> str:
    """Always with the driver named: bare postgresql:// means different drivers to different versions."""
    if not url:
        return f"sqlite:///{ROOT / 'instance' / 'redress.sqlite3'}"
    for bare in ("postgresql://", "postgres://"):
        if url.startswith(bare):
            return "postgresql+psycopg://" + url.removeprefix(bare)
    return url
