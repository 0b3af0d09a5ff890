"""Nothing committed names a machine: no folder of somebody's computer, no address inside somebody's network."""

from __future__ import annotations

import re

from tests.architecture.test_furniture import tracked
from tests.facts import ROOT

FOLDERS = r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|mnt|farm)/"
NETWORKS = r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}\b"
OWN = {"tests/architecture/test_places.py"}
TEXT = {".py", ".md", ".txt", ".cfg", ".toml", ".sh", ".html", ".css", ".js", ".json", ".yml", ".service", ".example", ".ini", ".mako", ""}


def test_no_file_names_a_machine():
    found = []
    for name in tracked():
        path = ROOT / name
        if name in OWN or "/vendor/" in name or path.suffix not in TEXT or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if re.search(FOLDERS, line) or (re.search(NETWORKS, line) and not name.startswith("tests/")):
                found.append(f"{name}:{number}")
    assert not found
