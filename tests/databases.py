"""Databases for the tests: one migrated template for each run, on SQLite or on a PostgreSQL of our own, and quick copies of it."""

from __future__ import annotations

import ctypes
import importlib
import os
import pkgutil
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
from flask_migrate import upgrade

import ticketing
from config import Settings
from tests.facts import ROOT
from ticketing.app import create_app
from ticketing.core.database import db

POSTGRESQL_OPTIONS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200",
    "dynamic_shared_memory_type=mmap",  # a bare machine has no /dev/shm
    "timezone=UTC", "log_min_messages=fatal",
)


class Databases(Protocol):
    """Where a run's databases come from."""

    def copy(self, name: str) -> str:
        """The address of a fresh, migrated database."""

    def empty(self, name: str) -> str:
        """The address of a database without any table."""

    def drop(self, url: str) -> None: ...

    def describe(self) -> dict[str, str]:
        """What a worker needs to use the same template."""

    def close(self) -> None: ...


class NoPostgreSQL(Exception):
    """The binaries are not here."""


def choose() -> str:
    """`sqlite` or `postgresql`, from REDRESS_TEST_DATABASE."""
    name = os.environ.get("REDRESS_TEST_DATABASE", "sqlite")
    if name not in {"sqlite", "postgresql"}:
        raise ValueError(f"REDRESS_TEST_DATABASE is {name!r}: use sqlite or postgresql")
    return name


def start() -> Databases:
    """A migrated template on the chosen database; raises NoPostgreSQL."""
    return SQLiteFiles.start() if choose() == "sqlite" else Cluster.start()


def join(described: dict[str, str]) -> Databases:
    """What another process of this run has started."""
    import_models()
    return SQLiteFiles(Path(described["folder"])) if described["kind"] == "sqlite" else Cluster(Path(described["folder"]), None)


def import_models() -> None:
    """Every room's tables, also those that no page uses yet."""
    for module in pkgutil.walk_packages(ticketing.__path__, "ticketing."):
        if ".models" in module.name:
            importlib.import_module(module.name)


def fill(url: str) -> None:
    """Bring the database at `url` to the newest migration."""
    import_models()
    app = create_app(Settings.for_tests(url))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        db.session.remove()
        db.engine.dispose()


class SQLiteFiles:
    """A template file and copies beside it."""

    _numbers = count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def start(cls) -> SQLiteFiles:
        files = cls(Path(tempfile.mkdtemp(prefix="redress-sqlite-")))
        fill(f"sqlite:///{files.folder / 'template.sqlite3'}")
        return files

    def copy(self, name: str) -> str:
        path = self.folder / f"{name}-{os.getpid()}-{next(self._numbers)}.sqlite3"
        shutil.copyfile(self.folder / "template.sqlite3", path)
        return f"sqlite:///{path}"

    def empty(self, name: str) -> str:
        return f"sqlite:///{self.folder / f'{name}-{os.getpid()}-{next(self._numbers)}.sqlite3'}"

    def drop(self, url: str) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)

    def describe(self) -> dict[str, str]:
        return {"kind": "sqlite", "folder": str(self.folder)}

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """A PostgreSQL of our own: a socket in a temporary folder, no port, nothing safe against power loss."""

    _numbers = count()

    def __init__(self, folder: Path, server: subprocess.Popen[bytes] | None) -> None:
        self.folder = folder
        self.server = server

    @classmethod
    def start(cls) -> Cluster:
        binaries = find_binaries()
        folder = Path(tempfile.mkdtemp(prefix="redress-pg-", dir="/tmp"))  # a socket's path must be short
        as_user = _unprivileged(folder)
        subprocess.run(
            [binaries / "initdb", "--no-sync", "--locale=C.UTF-8", "--auth=trust", "--username=postgres", f"--pgdata={folder / 'data'}"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user,
        )
        options = [part for option in (*POSTGRESQL_OPTIONS, f"unix_socket_directories={folder}") for part in ("-c", option)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *options], cwd=folder, preexec_fn=_end_with_us,
                stdout=subprocess.DEVNULL, stderr=log, **as_user,
            )
        cluster = cls(folder, server)
        cluster._await()
        cluster._run("CREATE DATABASE template_redress")
        fill(cluster._url("template_redress"))
        return cluster

    def copy(self, name: str) -> str:
        return self._create(name, "template_redress")

    def empty(self, name: str) -> str:
        return self._create(name, "template0")

    def drop(self, url: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{sa.make_url(url).database}" WITH (FORCE)')

    def describe(self) -> dict[str, str]:
        return {"kind": "postgresql", "folder": str(self.folder)}

    def close(self) -> None:
        if self.server is None:
            return
        self.server.send_signal(signal.SIGINT)
        self.server.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create(self, name: str, template: str) -> str:
        fresh = f"{name}_{os.getpid()}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{fresh}" TEMPLATE {template}')
        return self._url(fresh)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def _run(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _await(self) -> None:
        for _ in range(300):
            try:
                self._run("SELECT 1")
                return
            except psycopg.OperationalError:
                if self.server and self.server.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text(errors='replace')}")


def find_binaries() -> Path:
    """The newest PostgreSQL on this machine; raises NoPostgreSQL, saying how to get one."""
    named = os.environ.get("PG_BIN")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise NoPostgreSQL("PostgreSQL is not here: `apt-get install postgresql`, or set PG_BIN to the folder with initdb.")


def _version(path: Path) -> int:
    return int(path.parent.name) if path.parent.name.isdigit() else 0


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses root: as root, its processes run as `postgres` or `nobody`, who then owns the folder."""
    if os.getuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(0o755)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise NoPostgreSQL("PostgreSQL will not run as root, and there is no account `postgres` or `nobody` here.")


def _end_with_us() -> None:
    """In the server's process, before it runs: stop at once when the tests die, however they die."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)
