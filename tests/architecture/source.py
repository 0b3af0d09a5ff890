"""The program's own text, parsed once: which rooms there are, what each module imports, what each template names."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

from tests.facts import ROOT

PROGRAM = ROOT / "ticketing"
PIECES = ("rules", "models", "queries", "service", "forms", "schemas", "views", "jobs")  # from the lowest up
GROUND = ("core", "web")  # no feature words, no furniture
ROOF = ("app", "commands", "schedule")  # above the rooms: modules, or folders of the same name where they outgrew one


@dataclass(frozen=True)
class Module:
    """One file of the program: `ticketing.cases.service` is room `cases`, piece `service`."""

    path: Path

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def parts(self) -> tuple[str, ...]:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def name(self) -> str:
        return ".".join(self.parts)

    @property
    def room(self) -> str:
        return self.parts[1] if len(self.parts) > 2 or (len(self.parts) == 2 and self.path.name == "__init__.py") else ""

    @property
    def piece(self) -> str:
        return self.parts[2] if len(self.parts) > 2 else ""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def load(self) -> ModuleType:
        return importlib.import_module(self.name)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything imported, `from a import b` as `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
                for _ in range(max(node.level - 1, 0)):
                    package = package.rpartition(".")[0]
                source = ".".join(part for part in (package if node.level else "", node.module or "") if part)
                yield from ((node.lineno, f"{source}.{name.name}") for name in node.names)

    def strings(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@cache
def modules() -> tuple[Module, ...]:
    return tuple(Module(path) for path in sorted(PROGRAM.rglob("*.py")))


def of_piece(*pieces: str) -> tuple[Module, ...]:
    """Modules of these pieces, in rooms with furniture."""
    return tuple(module for module in modules() if module.piece in pieces and module.room not in GROUND)


def rooms() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in PROGRAM.iterdir() if path.is_dir() and path.name not in {"__pycache__", *GROUND, *ROOF}))


def templates() -> tuple[str, ...]:
    folder = ROOT / "templates"
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))


def template_text(name: str) -> str:
    return (ROOT / "templates" / name).read_text(encoding="utf-8")
