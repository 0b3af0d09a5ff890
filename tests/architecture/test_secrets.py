"""No key, password or token of a real place is in the tree; what looks like one is a demonstration's, and listed."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.facts import ROOT

SHAPES = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "an access key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,})\b"),
    "a token of a chat": re.compile(r"\bxox[baprs]-[A-Za-z0-9-]{20,}\b"),
    "a web token": re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}\b"),
    "a password in an address": re.compile(r"\b(?:postgresql|postgres|smtp|smtps|https?|mysql|redis)(?:\+\w+)?://[^\s:/@'\"{}]+:[^\s:/@'\"{}]{3,}@"),
    "an assigned secret": re.compile(r"(?i)\b(?:secret|api|private)_?key\b['\"]?\s*[:=]\s*['\"][A-Za-z0-9+/_-]{24,}['\"]"),
}
KNOWN = (  # what looks like one and is none, each with where it stands
    ("config.py", "demo-only-key"), ("config.py", "user:password@"), ("README.md", "user:password@"), ("tests/", ""), ("docs/", "example"),
    ("benchmarks/", ""),
)


def tracked() -> list[str]:
    asked = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                           check=False)
    return [path for path in asked.stdout.splitlines() if (ROOT / path).is_file()]


def found_in(path: str) -> list[str]:
    text = (ROOT / path).read_text(encoding="utf-8", errors="ignore")
    found = [(what, match[0]) for what, shape in SHAPES.items() for match in shape.finditer(text)]
    return [f"{path}: {what}" for what, words in found if not any(path.startswith(place) and part in words for place, part in KNOWN)]


def test_no_secret_is_in_the_tree():
    assert [fault for path in tracked() for fault in found_in(path)] == []


@pytest.mark.parametrize("text", [
    "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "A" * 60, "AKIA" + "A" * 16, "ghp_" + "a" * 36, "postgresql://app:" + "hunter22@db/x",
    'SECRET_KEY = "' + "k" * 32 + '"'])
def test_what_looks_like_one_is_found(text):
    assert any(shape.search(text) for shape in SHAPES.values())
