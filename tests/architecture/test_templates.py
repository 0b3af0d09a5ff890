"""Templates compile strictly, carry nothing inline, and each has its place: endpoint `a.b` renders `a/b.html`, and every file is used."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from jinja2 import StrictUndefined

from tests.architecture.source import Module, modules, of_piece, template_text, templates
from tests.facts import ROOT

INLINE = {
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "an inline style sheet": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[a-z][^<>]*\sstyle\s*=", re.IGNORECASE),
    "an inline handler": re.compile(r"<[a-z][^<>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+false|\bMarkup\("),
    "something from elsewhere": re.compile(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE),
}
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def views_of(module: Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef) and _methods(node)]


def _methods(view: ast.FunctionDef) -> set[str]:
    """HTTP methods from its decorators: `@bp.get(...)`, `@bp.post(...)`, `@bp.route(..., methods=[...])`."""
    found: set[str] = set()
    for decorator in view.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            verb = decorator.func.attr
            found |= {verb.upper()} if verb in {"get", "post", "put", "patch", "delete"} else set()
            if verb == "route":
                methods = [key.value for key in decorator.keywords if key.arg == "methods"]
                found |= set(ast.literal_eval(methods[0])) if methods else {"GET"}
    return found


def rendered(node: ast.AST) -> list[str]:
    return [
        call.args[0].value for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("render_template") and call.args
        and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    ]


@pytest.mark.parametrize("name", [name for name in templates() if name.endswith((".html", ".txt", ".svg"))])
def test_a_template_compiles_strictly(app, name):
    assert app.jinja_env.undefined is StrictUndefined
    app.jinja_env.get_template(name)


@pytest.mark.parametrize("name", [name for name in templates() if name.endswith(".html")])
def test_a_template_carries_nothing_inline(name):
    text = COMMENT.sub("", template_text(name))
    assert not [what for what, pattern in INLINE.items() if pattern.search(text)], name


@pytest.mark.parametrize("module", of_piece("views"), ids=lambda module: module.name)
def test_an_endpoint_renders_its_own_template(module):
    for view in views_of(module):
        names = set(rendered(view))
        if _methods(view) == {"GET"} and names:
            assert names == {f"{module.room}/{view.name}.html"}, f"{module.where}: {view.name} renders {', '.join(sorted(names))}"


@cache
def mentioned() -> str:
    """Every string of the program and every template: where the name of a file may stand."""
    program = "\n".join(text for module in modules() for text in module.strings())
    return program + "\n".join(template_text(name) for name in templates())


@pytest.mark.parametrize("name", templates())
def test_a_template_is_used(name):
    everything = mentioned()
    stem = name.rsplit(".", 1)[0]
    places = (f'"{name}"', f"'{name}'", f"\n{name}\n", f"\n{stem}\n", f"{stem}.", f"\n{stem.removeprefix('emails/')}\n")
    assert any(place in everything for place in places), f"templates/{name} is used nowhere"


def assets() -> list[str]:
    folder = ROOT / "static"
    kept = [path for kind in ("css", "js") for path in sorted((folder / kind).rglob("*")) if path.is_file()]
    return [str(path.relative_to(folder)) for path in kept]


@pytest.mark.parametrize("name", assets())
def test_a_style_sheet_or_script_is_used(name):
    others = "\n".join((ROOT / "static" / other).read_text(encoding="utf-8") for other in assets() if other != name)
    stem = name.split("/", 1)[1].rsplit(".", 1)[0]
    places = (f'"{stem}"', f"'{stem}'", f"/{stem}.js", f"{name}", f"'{stem.rsplit('/', 1)[-1]}'", f'"{stem.rsplit("/", 1)[-1]}"')
    assert any(place in mentioned() + others for place in places), f"static/{name} is used nowhere"
