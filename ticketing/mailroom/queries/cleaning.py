"""HTML from outside made harmless: a few tags for reading, nothing that runs, loads, sends or looks like us."""

from __future__ import annotations

import re
from html import escape, unescape

import nh3

TAGS = {"a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s", "small", "span",
        "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"}
WITH_CONTENT = {"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg", "math", "form", "select", "textarea"}
DEEPEST = 200  # tags within tags; a browser's parser takes seconds over thousands, and a real mail has some tens
ENDS_BY_ITSELF = {"p", "li", "td", "th", "tr", "br", "hr", "img", "meta", "link", "input", "col", "option", "dt", "dd", "area",
                  "base", "wbr"}
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]*)")
BREAKS = re.compile(r"(?i)<(?:br|hr)\b[^>]*>|</(?:p|div|li|tr|h[1-6]|blockquote|table|pre|ul|ol)\s*>")


def clean(page: str) -> str:
    """HTML fit to be shown inside a page of ours: no script, style, picture, form or attribute but the target of a web link.

    What is nested beyond reason keeps its words alone.
    """
    if _is_too_deep(page):
        return escape(re.sub(r"<[^<>]*>", " ", page))
    return nh3.clean(
        page, tags=TAGS, clean_content_tags=WITH_CONTENT - {"form"}, attributes={"a": {"href"}, "td": {"colspan", "rowspan"}},
        url_schemes={"http", "https", "mailto"}, link_rel="noopener noreferrer nofollow", strip_comments=True)


def words(page: str) -> str:
    """The same as plain text, a quote in it marked with `>` as in a plain mail."""
    safe = clean(re.sub(r"\s+", " ", page))
    lines: list[str] = []
    depth = 0
    for piece in re.split(r"(?i)(<blockquote>|</blockquote>)", safe):
        if piece.lower() in ("<blockquote>", "</blockquote>"):
            depth = max(0, depth + (1 if piece[1] != "/" else -1))
            continue
        text = unescape(re.sub(r"<[^>]*>", "", BREAKS.sub("\n", piece)))
        lines += [f"{'>' * depth} {line.strip()}".strip() if depth else line.strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _is_too_deep(page: str) -> bool:
    depth = 0
    for match in TAG.finditer(page):
        if match[2].lower() not in ENDS_BY_ITSELF:
            depth = max(0, depth + (-1 if match[1] else 1))
            if depth > DEEPEST:
                return True
    return False
