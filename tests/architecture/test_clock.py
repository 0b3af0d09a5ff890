"""Nobody but core/clock.py asks the time: every other module is given its moment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Module, modules
from tests.facts import ROOT

ASKING = {"now", "utcnow", "today", "current_timestamp", "localtimestamp", "current_date", "current_time", "sysdate"}
ASKING_SQL = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CLOCK_TIMESTAMP", "DATETIME('NOW", "NOW()")
STOPWATCHES = {"perf_counter", "monotonic", "perf_counter_ns", "monotonic_ns"}
OF_TIME = {*STOPWATCHES, "time", "time_ns", "localtime", "gmtime", "strftime", "sleep"}
MEASURES = {"ticketing.web.logs", "ticketing.schedule"}
MAY_SLEEP = {"ticketing.schedule"}


def questions(module: Module) -> Iterator[str]:
    """Each place that asks the time."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in ASKING and ast.unparse(node.value) not in {"clock", "self", "cls"}:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
            if node.attr in OF_TIME and not _is_measuring(module, node.attr):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"line {node.lineno}: from time import {name.name}" for name in node.names if not _is_measuring(module, name.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and any(sql in node.value.upper() for sql in ASKING_SQL):
            yield f"line {node.lineno}: {node.value[:60]!r}"


def _is_measuring(module: Module, name: str) -> bool:
    return (module.name in MEASURES and name in STOPWATCHES) or (module.name in MAY_SLEEP and name == "sleep")


@pytest.mark.parametrize("module", [m for m in modules() if m.name != "ticketing.core.clock"], ids=lambda module: module.name)
def test_nobody_asks_the_time(module):
    assert not list(questions(module)), module.where


def test_migrations_and_settings_do_not_ask_either():
    others = [ROOT / "config.py", ROOT / "wsgi.py", *sorted((ROOT / "migrations").rglob("*.py"))]
    assert not {path.name: found for path in others if (found := list(questions(Module(path))))}
