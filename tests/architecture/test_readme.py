"""The README tells the truth: its configuration table is the settings, its commands exist."""

from __future__ import annotations

import re
from dataclasses import fields

from config import Settings
from tests.facts import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_configuration_table_names_every_setting_and_no_other():
    named = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert named == [item.name.upper() for item in fields(Settings)]


def test_every_command_of_the_readme_exists(app):
    for group, command in re.findall(r"^flask --app wsgi (\w+)(?: ([\w-]+))?", README, re.MULTILINE):
        found = app.cli.get_command(None, group)
        assert found is not None, group
        if command and hasattr(found, "commands"):
            assert command in found.commands, f"{group} {command}"


def test_every_file_and_picture_of_the_readme_is_there():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
