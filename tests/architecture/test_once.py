"""Every form goes through once: all of them carry the mark of their rendering, and views read a verb's result from the form."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import of_piece
from tests.facts import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
POSTS = re.compile(r"<form\b[^>]*method=\"post\"[^>]*>.*?</form>", re.DOTALL)
MARKS = ("forms.hidden(", "forms.csrf(", "hidden_tag(", "once_field(")
WITHOUT = {"layouts/staff.html"}  # signing out twice is signing out


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_form_that_posts_carries_the_mark_of_its_rendering(path):
    name = str(path.relative_to(ROOT / "templates"))
    if name in WITHOUT:
        return
    for form in POSTS.findall(path.read_text(encoding="utf-8")):
        assert any(mark in form for mark in MARKS) or "{% include" in form or "{{ fields" in form, f"{name}: {form[:120]}"


@pytest.mark.parametrize("module", list(of_piece("views")), ids=lambda module: module.name)
def test_a_view_reads_what_its_verb_returned_from_the_form(module):
    """A list filled inside the verb stays empty at the second sending, whose answer is the first one's."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "carry_out":
            assert ".append(" not in ast.unparse(node), f"{module.where}:{node.lineno}: use form.result"
