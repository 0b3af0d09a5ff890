"""Every public function of a service module is a verb: one transaction, told its moment and its actor; and only verbs write."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator

import pytest

from tests.architecture.source import modules, of_piece
from tests.databases import import_models
from ticketing.core.database import Model

UNAUDITED = {
    "AuditStream", "AuditEntry", "AuditPrivate", "AuditKey", "AuditQueue", "AuditLeaf", "AuditCheckpoint",  # the trail itself
    "OutboxMessage", "OutboxAttempt",  # the ledger of attempts is its own proof
    "UserSession", "SingleUseToken", "Throttle", "Ceremony",  # how a sign-in is remembered and slowed; the sign-in itself is on the trail
    "Timer",  # a cache of what is reckoned from the events, which are audited
    "Replanning",  # how far an order has come; asking for it and finishing it are on the trail
    "Firing",  # planned from timers and rules; what it does is audited on the case
    "SavedSearch",  # what one person looked for within the hour; that they searched is no change
    "Sending",  # that a form went through once; what it did is on the trail
    "SimulationProgress", "SimulationCase", "ShadowFiring",  # reckoned from cases that are not touched; the simulation is audited
    "Heartbeat",  # which job ran last: a sign of life, nothing of a case
}
LISTENS = {
    "ticketing.core.database",  # the guard on the session
    "ticketing.audit.models",  # the triggers that make the trail append-only, made with its tables
}
MAY_COMMIT = {"ticketing.core.database", "ticketing.web.errors"}
MAY_WRITE = {"ticketing.core.database", "ticketing.core.once"}
WRITERS = {"insert", "update", "delete"}


def verbs() -> Iterator[tuple[str, Callable[..., object]]]:
    for module in of_piece("service"):
        loaded = module.load()
        for name, thing in vars(loaded).items():
            if inspect.isfunction(thing) and not name.startswith("_") and thing.__module__ == loaded.__name__:
                yield f"{module.room}.{name}", thing


@pytest.mark.parametrize(("name", "verb"), list(verbs()), ids=[name for name, _ in verbs()])
def test_a_verb_is_one_transaction_and_is_told_its_moment(name, verb):
    assert getattr(verb, "__atomic__", False), f"{name} is not @atomic"
    parameters = inspect.signature(verb).parameters
    assert "at" in parameters, f"{name} is not told its moment"
    for told in ("at", "by", "seen"):
        assert told not in parameters or parameters[told].kind is inspect.Parameter.KEYWORD_ONLY, f"{name}: {told} must be keyword-only"


def test_there_are_verbs():
    assert len(list(verbs())) > 0


@pytest.mark.parametrize("module", [m for m in modules() if m.name not in MAY_COMMIT], ids=lambda module: module.name)
def test_only_the_database_module_commits(module):
    for node in ast.walk(module.tree):
        is_ending = isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback", "begin", "begin_nested"}
        assert not is_ending, f"{module.where}:{node.lineno} {ast.unparse(node)}: a transaction belongs to @atomic"


@pytest.mark.parametrize(
    "module", [m for m in modules() if m.piece != "service" and m.name not in MAY_WRITE], ids=lambda module: module.name
)
def test_only_service_writes(module):
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        is_write = called.startswith(("db.session.add", "db.session.delete", "db.session.merge", "db.session.bulk", "insert_once"))
        is_write = is_write or called.removeprefix("sqlalchemy.").removeprefix("sa.") in WRITERS
        assert not is_write, f"{module.where}:{node.lineno} {called}: only service writes"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_happens_behind_the_back_of_a_verb(module):
    """No signals, no event bus, no callbacks of models: only the guard on the session listens."""
    for line, name in module.imports():
        is_hidden = name.startswith(("blinker", "sqlalchemy.event", "flask.signals")) and module.name not in LISTENS
        assert not is_hidden, f"{module.where}:{line} imports {name}: write in the verb, in order, what happens"


def test_what_the_trail_need_not_know_is_this_list():
    import_models()
    assert {mapper.class_.__name__ for mapper in Model.registry.mappers if not mapper.class_.__audited__} == UNAUDITED
