"""Imports point down only: between rooms by the contract in setup.cfg, inside a room by the order of its pieces."""

from __future__ import annotations

import sys

import pytest
from importlinter.cli import lint_imports

from tests.architecture.source import PIECES, modules, of_piece

PURE = frozenset({"argon2", "cryptography", "pyotp", "segno", "holidays", "pyphen", "phonenumbers"})
IMPURE = frozenset({
    "asyncio", "ftplib", "http", "io", "logging", "os", "pathlib", "random", "secrets", "shutil", "smtplib", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "threading", "time", "urllib",
})
READS_ITS_OWN_FILES = {"ticketing.packs.rules.reading"}  # packs are constants in another notation, shipped beside the program, read once
SAME_HEIGHT = {"views": "jobs", "jobs": "views", "forms": "schemas", "schemas": "forms"}


def test_storeys_hold(monkeypatch, capsys):
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize("module", of_piece(*PIECES), ids=lambda module: module.name)
def test_inside_a_room_imports_point_down(module):
    height = PIECES.index(module.piece)
    for line, name in module.imports():
        parts = name.split(".")
        if len(parts) < 3 or parts[:2] != ["ticketing", module.room] or parts[2] not in PIECES or parts[2] == module.piece:
            continue
        assert PIECES.index(parts[2]) < height, f"{module.where}:{line} imports {name}, which stands above it"
        assert SAME_HEIGHT.get(module.piece) != parts[2], f"{module.where}:{line} imports {name}, which stands beside it"


@pytest.mark.parametrize("module", of_piece("rules"), ids=lambda module: module.name)
def test_rules_are_pure(module):
    for line, name in module.imports():
        parts = name.split(".")
        if parts[0] == "ticketing":
            is_allowed = parts[1:3] in (["core", "errors"], ["core", "permissions"], ["core", "exports"]) or parts[2:3] == ["rules"]
        else:
            is_allowed = name == "pathlib.Path" and module.name in READS_ITS_OWN_FILES
            is_allowed = is_allowed or parts[0] in PURE or (parts[0] in sys.stdlib_module_names and parts[0] not in IMPURE)
        assert is_allowed, f"{module.where}:{line} imports {name}: rules know neither database, nor web, nor clock, nor files"


@pytest.mark.parametrize("module", of_piece("views", "jobs", "forms"), ids=lambda module: module.name)
def test_views_forms_and_jobs_do_not_touch_the_database(module):
    for line, name in module.imports():
        is_database = name.startswith(("sqlalchemy", "flask_sqlalchemy", "psycopg", "sqlite3", "ticketing.core.database"))
        assert not is_database, f"{module.where}:{line} imports {name}: ask a query or a verb"


@pytest.mark.parametrize("module", of_piece("rules", "models", "queries"), ids=lambda module: module.name)
def test_what_only_reads_knows_nothing_of_the_web(module):
    for line, name in module.imports():
        is_web = name.startswith(("flask.request", "flask.session", "flask_login", "flask_wtf", "wtforms", "ticketing.web"))
        assert not is_web, f"{module.where}:{line} imports {name}"


def test_settings_are_read_only_at_the_root():
    for module in modules():
        for line, name in module.imports():
            is_for_types = module.name == "ticketing.app"
            assert not name.startswith("config.") or is_for_types, f"{module.where}:{line} imports {name}: use current_app.config"
            assert name != "os.environ", f"{module.where}:{line} reads the environment: that is config.py's work"
