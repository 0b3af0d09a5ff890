"""Each permission is granted to someone and guards something."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import modules, template_text, templates
from ticketing.core.permissions import GRANTS, Permission, Role


@pytest.mark.parametrize("permission", Permission)
def test_a_permission_is_granted_to_someone(permission):
    assert any(permission in granted for granted in GRANTS.values())


@pytest.mark.parametrize("permission", Permission)
def test_a_permission_guards_something(permission):
    word = re.compile(rf"\bPermission\.{permission.name}\b")
    texts = [module.path.read_text(encoding="utf-8") for module in modules() if module.name != "ticketing.core.permissions"]
    texts += [template_text(name) for name in templates()]
    assert any(word.search(text) for text in texts), f"{permission.name} guards nothing"


def test_every_role_is_granted_something():
    assert set(GRANTS) == set(Role)
    assert all(GRANTS.values())
