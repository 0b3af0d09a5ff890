"""Every job is in schedule.py's table, and APScheduler is wired there and nowhere else."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import PROGRAM, modules, of_piece

SCHEDULE = (PROGRAM / "schedule.py").read_text(encoding="utf-8")


def jobs() -> list[str]:
    return [
        f"{module.room}.{node.name}" for module in of_piece("jobs") for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and is_job(node)
    ]


def is_job(node: ast.FunctionDef) -> bool:
    """A job is a public function that is handed the moment first."""
    return not node.name.startswith("_") and [argument.arg for argument in node.args.args][:1] == ["at"]


@pytest.mark.parametrize("job", jobs())
def test_a_job_is_in_the_table(job):
    _room, name = job.split(".")
    named = {node.attr for node in ast.walk(ast.parse(SCHEDULE)) if isinstance(node, ast.Attribute)}
    named |= {node.id for node in ast.walk(ast.parse(SCHEDULE)) if isinstance(node, ast.Name)}
    assert name in named, f"{job} is not in schedule.py"


@pytest.mark.parametrize("module", [m for m in modules() if m.name != "ticketing.schedule"], ids=lambda module: module.name)
def test_apscheduler_is_wired_in_one_place(module):
    assert not [name for _, name in module.imports() if name.startswith("apscheduler")]


BESIDE = {"ticketing.demo.jobs"}  # a mail server and a web server: started once, and not woken


OWN = [module for module in of_piece("jobs") if module.name not in BESIDE and module.path.name != "__init__.py"]


@pytest.mark.parametrize("module", OWN, ids=lambda module: module.name)
def test_a_module_of_jobs_has_one_that_is_given_its_moment(module):
    found = [node for node in module.tree.body if isinstance(node, ast.FunctionDef) and is_job(node)]
    assert found, f"{module.where}: no job takes `at` first"
