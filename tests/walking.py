"""Walks the pages that somebody is shown, as a visitor clicks, and looks at each: no error of ours, nothing foreign in the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from tests.facts import ROOT
from tests.pages import Element, Page, check_page

CALM = {200, 303, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429}
LEFT_ALONE = ("/sign-out", "/static/")
PAGES, ALIKE = 60, 2  # at most so many pages, and so many of one kind


@lru_cache(maxsize=1)
def vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """Every element and attribute that our own templates can write."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html")]
    sources += [path.read_text(encoding="utf-8") for path in (ROOT / "ticketing").rglob("forms*/*.py")]
    whole = "\n".join(sources)
    tags = set(re.findall(r"<([a-z][a-z0-9]*)", whole)) | {"input", "select", "option", "optgroup", "textarea", "ul", "li", "label"}
    names = set(re.findall(r"[\s\"'{(]([a-z][a-z_-]*)=", whole))
    names |= {"selected", "checked", "required", "disabled", "multiple", "label", "maxlength"}
    names |= set(re.findall(r"\s(hidden|open|novalidate|download|async|defer|readonly|autofocus|reversed)[\s>{]", whole))
    names |= {name.lower() for name in re.findall(r"([a-zA-Z]+)=", whole)}  # viewBox, as a parser reads it
    return frozenset(tags), frozenset(name.rstrip("_").replace("_", "-") for name in names) | {"class", "for"}


def refuse_foreign(root: Element, where: str) -> None:
    """Nothing that somebody typed has become an element, an attribute or an address."""
    tags, names = vocabulary()
    for item in root.walk():
        if item.tag == "document" or item.tag.startswith("!"):
            continue
        assert item.tag in tags, f"{where}: an element <{item.tag}>"
        for name, value in item.attributes.items():
            is_plain = name in names and not name.startswith("on") and name not in {"style", "srcdoc"}
            is_ours = is_plain or name.startswith(("data-", "aria-"))
            assert is_ours, f"{where}: {name}= on <{item.tag}>"
            if name in {"href", "src", "action", "formaction"}:
                is_here = value.startswith(("/", "#", "mailto:", "tel:", "?")) and not value.startswith("//")
                assert is_here, f"{where}: {name}={value!r}"
        assert item.tag != "script" or item.get("src").startswith("/static/"), where


def look(answer, where: str) -> Page | None:
    assert answer.status_code in CALM, f"{where} answered {answer.status_code}"
    assert all("\n" not in value for value in answer.headers.values())
    if answer.mimetype != "text/html" or answer.status_code == 303:
        return None
    page = Page(answer)
    refuse_foreign(page.root, where)
    if answer.text.startswith("<!doctype"):
        check_page(page.html, where)
    return page


def kind_of(address: str) -> str:
    """Addresses of one kind: their variable parts and the values of their queries left out."""
    path = "/".join("*" if re.search(r"\d|[0-9a-f]{32}", part) else part for part in urlsplit(address).path.split("/"))
    return f"{path}?{'&'.join(sorted(name for name, _ in parse_qsl(urlsplit(address).query)))}"


def walk(client, starts: list[str]) -> dict[str, Page]:
    """Pages that links lead to, at most a few of each kind."""
    seen: dict[str, Page] = {}
    kinds: Counter[str] = Counter()
    queue = list(starts)
    while queue and len(seen) < PAGES:
        address = queue.pop(0)
        if address in seen or kinds[kind_of(address)] >= ALIKE or address.startswith(LEFT_ALONE):
            continue
        kinds[kind_of(address)] += 1
        page = look(client.get(address), address)
        if page is None:
            continue
        seen[address] = page
        queue += [urlsplit(link["href"])._replace(fragment="").geturl() for link in page.all("a") if link.get("href").startswith("/")]
    return seen


def forms_of(pages: dict[str, Page]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """(method, where to, names and kinds of the fields) of each form, each kind of form a few times at most."""
    kinds: Counter[tuple[str, ...]] = Counter()
    for address, page in pages.items():
        for form in page.all("form"):
            target, method = form.get("action") or urlsplit(address).path, form.get("method", "get")
            controls = form.all("input", "select", "textarea", "button")
            fields = [(item["name"], item.get("type") or item.tag) for item in controls if item.get("name")]
            key = (method, kind_of(target), *sorted({name for name, _ in fields}))
            kinds[key] += 1
            if kinds[key] == 1 and not target.startswith(LEFT_ALONE):
                yield method, target, fields
