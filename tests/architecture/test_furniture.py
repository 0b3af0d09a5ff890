"""Rooms hold only the agreed pieces, and the top of the tree only what the user of this project named."""

from __future__ import annotations

import ast
import subprocess

import pytest

from tests.architecture.source import GROUND, PIECES, PROGRAM, ROOF, modules, rooms
from tests.facts import ROOT

TOP = frozenset({
    "ticketing", "templates", "static", "migrations", "config.py", "wsgi.py", "tests", "setup.cfg", "README.md", "pyproject.toml",
    "requirements.txt", "Makefile", "docs", "benchmarks", "deploy", ".ci", "CHANGELOG.md", "LICENSE", ".gitignore",
})
GROUND_FLOOR = {
    "core": {
        "clock", "database", "errors", "permissions", "batch", "paging", "references", "storage", "mail", "outbound", "once", "files",
        "scanning", "webhooks", "exports", "origin",
    },
    "web": {"errors", "guards", "forms", "filters", "headers", "logs", "reading"},
}
WITH_DATA = frozenset({"packs", "codes", "demo"})
WORDLESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "tools"})


def tracked() -> list[str]:
    """What git knows of, or would; a tarball has no git and is taken as it is."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.splitlines() if asked.returncode == 0 else []


def test_the_top_of_the_tree_is_the_agreed_one():
    assert {path.split("/")[0] for path in tracked()} <= TOP


@pytest.mark.parametrize("room", rooms())
def test_a_room_holds_only_the_agreed_pieces(room):
    found = {path.stem if path.suffix == ".py" else path.name for path in (PROGRAM / room).iterdir() if path.name != "__pycache__"}
    allowed = {"__init__", *PIECES} | ({"data"} if room in WITH_DATA else set())
    assert found <= allowed


def test_commands_are_named_after_the_room_they_speak_to():
    found = {path.stem for path in (PROGRAM / "commands").iterdir() if path.name != "__pycache__"}
    assert found <= {"__init__", "failing", *rooms(), *ROOF}


@pytest.mark.parametrize("room", GROUND)
def test_the_ground_floor_holds_only_its_own_modules(room):
    found = {path.stem for path in (PROGRAM / room).iterdir() if path.name not in {"__pycache__", "__init__.py"}}
    assert found <= GROUND_FLOOR[room]


def test_no_module_has_a_name_that_says_nothing():
    assert not [module.where for module in modules() if WORDLESS & set(module.parts)]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_each_module_says_what_it_is_for(module):
    assert ast.get_docstring(module.tree), f"{module.where} has no sentence at its head"


@pytest.mark.parametrize("room", [*rooms(), *GROUND])
def test_a_room_s_own_init_is_its_sentence_only(room):
    tree = ast.parse((PROGRAM / room / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1, f"ticketing/{room}/__init__.py holds more than its sentence"


@pytest.mark.parametrize("room", [room for room in (*rooms(), *GROUND) if len(list((PROGRAM / room).glob("[a-z]*"))) > 0])
def test_each_room_has_its_tests(room):
    assert list((ROOT / "tests" / room).glob("test_*.py")), f"tests/{room} is missing"


def test_each_folder_of_tests_mirrors_a_room():
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name not in {"__pycache__", "data"}}
    assert folders <= {*rooms(), *GROUND, "architecture", "journeys", "faults", "vendor"}
