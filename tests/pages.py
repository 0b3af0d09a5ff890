"""What every page must be: the checks that run on each page any test fetches, and a small reader of HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from werkzeug.test import TestResponse

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
UNSEEN = frozenset({"script", "style", "template", "head"})
LABELLED = frozenset({"input", "select", "textarea"})
NEEDS_NO_LABEL = frozenset({"hidden", "submit", "button", "reset", "image"})
BLOCKS = frozenset({
    "p", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "dt", "dd", "section", "option", "br", "label", "button", "a", "header",
    "footer", "main", "nav", "fieldset", "legend", "summary", "details", "caption", "time",
})


@dataclass
class Element:
    """One element, its attributes and what is in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, *tags: str, **wanted: str) -> list[Element]:
        """Elements below with one of `tags` (or any) and these attributes; `class_` and `for_` for reserved words, `_` for `-`."""
        named = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [item for item in self.walk() if (not tags or item.tag in tags) and all(_has(item, k, v) for k, v in named.items())]

    def one(self, *tags: str, **wanted: str) -> Element:
        found = self.all(*tags, **wanted)
        assert len(found) == 1, f"{len(found)} elements like {tags} {wanted}, not one"
        return found[0]

    @property
    def text(self) -> str:
        """What a person reads, on one line."""
        return " ".join(self._raw().split())

    def _raw(self) -> str:
        if self.tag in UNSEEN:
            return ""
        inner = "".join(child if isinstance(child, str) else child._raw() for child in self.children)
        return f" {inner} " if self.tag in BLOCKS else inner


def _has(element: Element, name: str, value: str) -> bool:
    given = element.attributes.get(name)
    if given is None:
        return False
    return value in given.split() if name == "class" else given == value


class _Reader(HTMLParser):
    """Builds the tree and notes what a browser would silently mend."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document")
        self.open = [self.root]
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"<{tag}> has {name} twice" for name in sorted({n for n in names if names.count(n) > 1})]
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self.open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes <{self.open[-1].tag}>")
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str) -> Element:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root


class Page:
    """An HTML answer, read and checked: `page.status`, `page.text`, `page.one("h1").text`, `page.form("/concerns/new")`."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.html = response.get_data(as_text=True)
        self.root = read(self.html)
        self.all = self.root.all
        self.one = self.root.one

    @property
    def text(self) -> str:
        return self.root.text

    @property
    def title(self) -> str:
        return " ".join("".join(child for child in self.root.one("title").children if isinstance(child, str)).split())

    @property
    def heading(self) -> str:
        return self.one("h1").text

    def links(self) -> dict[str, str]:
        """Text of each link with its address."""
        return {link.text: link.get("href") for link in self.all("a")}

    def form(self, action: str | None = None) -> Element:
        """The page's form that posts (to `action`, where there are several).

        The one to sign out, in the header, does not count, nor one that stays hidden without a script.
        """
        main = self.all("main")
        forms = main[0].all("form", method="post") if main and action is None else self.all("form", method="post")
        found = [form for form in forms if form.get("action") == action or (action is None and "hidden" not in form.attributes)]
        assert len(found) == 1, f"{len(found)} forms post to {action or 'somewhere'}: {[form.get('action') for form in found]}"
        return found[0]

    def values(self, action: str | None = None) -> dict[str, str | list[str]]:
        """What that form would send as it stands."""
        sent: dict[str, str | list[str]] = {}
        for name, value in _sent_by(self.form(action)):
            before = sent.get(name)
            sent[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
        return sent


def _sent_by(form: Element) -> Iterator[tuple[str, str]]:
    for control in form.all("input", "select", "textarea"):
        name, kind = control.get("name"), control.get("type", "text")
        if not name or "disabled" in control.attributes or kind in {"submit", "button", "image", "reset", "file"}:
            continue
        if control.tag == "select":
            options = control.all("option")
            chosen = [option for option in options if "selected" in option.attributes]
            if not chosen and "multiple" not in control.attributes:
                chosen = options[:1]
            yield from ((name, option.get("value", option.text)) for option in chosen)
        elif control.tag == "textarea":
            yield name, "".join(child for child in control.children if isinstance(child, str)).replace("\r\n", "\n").removeprefix("\n")
        elif kind not in {"checkbox", "radio"} or "checked" in control.attributes:
            yield name, control.get("value", "on" if kind in {"checkbox", "radio"} else "")


def check_page(html: str, where: str) -> None:
    """Raise AssertionError naming every rule of page quality that the page breaks."""
    faults = list(faults_of(html))
    assert not faults, f"{where}: " + "; ".join(faults)


def faults_of(html: str) -> Iterator[str]:
    """Each broken rule as a sentence."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    root = reader.root
    yield from reader.faults
    if not html.lstrip().lower().startswith("<!doctype html>"):
        yield "no doctype"
    if not any(item.get("lang") for item in root.all("html")):
        yield "<html> has no lang"
    titles = root.all("title")
    heads = [title for title in titles if "".join(child for child in title.children if isinstance(child, str)).strip()]
    if not heads:
        yield "no title"
    yield from _heading_faults(root)
    yield from _id_faults(root)
    yield from _label_faults(root)
    yield from _name_faults(root)
    yield from _inline_faults(root)


def _heading_faults(root: Element) -> Iterator[str]:
    headings = root.all("h1", "h2", "h3", "h4", "h5", "h6")
    ones = [heading for heading in headings if heading.tag == "h1"]
    if len(ones) != 1:
        yield f"{len(ones)} h1, not one"
    level = 0
    for heading in headings:
        own = int(heading.tag[1])
        if not heading.text:
            yield f"an empty {heading.tag}"
        if own > level + 1:
            yield f"{heading.tag} {heading.text!r} follows a heading of level {level}"
        level = own


def _id_faults(root: Element) -> Iterator[str]:
    ids = [item["id"] for item in root.walk() if "id" in item.attributes]
    yield from (f"id {name!r} is used {ids.count(name)} times" for name in sorted({name for name in ids if ids.count(name) > 1}))
    known = set(ids)
    for item in root.walk():
        for attribute in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "form"):
            if attribute == "list" and item.tag != "input":
                continue
            for name in item.get(attribute).split():
                if name not in known:
                    yield f"{attribute}={name!r} points at nothing"
        if item.tag == "a" and len(item.get("href")) > 1 and item["href"].startswith("#") and item["href"][1:] not in known:
            yield f"link {item['href']!r} points at nothing"


def _label_faults(root: Element) -> Iterator[str]:
    labelled = {label["for"] for label in root.all("label") if label.text and "for" in label.attributes}
    wrapped = {id(control) for label in root.all("label") if label.text for control in label.walk()}
    for control in root.walk():
        if control.tag not in LABELLED or control.get("type") in NEEDS_NO_LABEL:
            continue
        has_name = control.get("aria-label").strip() or control.get("aria-labelledby") or control.get("id") in labelled
        if not has_name and id(control) not in wrapped:
            yield f"no label for <{control.tag} name={control.get('name')!r}>"


def _name_faults(root: Element) -> Iterator[str]:
    for item in root.all("a", "button"):
        pictures = [child.get("alt") or child.get("aria-label") for child in item.walk() if child is not item]
        if not (item.text or item.get("aria-label") or item.get("aria-labelledby") or any(pictures)):
            yield f"an empty <{item.tag} {item.get('href')}>"
        if item.tag == "a" and not item.get("href"):
            yield f"link {item.text!r} goes nowhere"
    yield from (f"no alt on <img src={item.get('src')!r}>" for item in root.all("img") if "alt" not in item.attributes)
    yield from ("a table without <th>" for table in root.all("table") if not table.all("th"))


def _inline_faults(root: Element) -> Iterator[str]:
    for item in root.walk():
        if item.tag == "style" or (item.tag == "script" and "src" not in item.attributes):
            yield f"an inline <{item.tag}>"
        yield from (f"{name}= on <{item.tag}>" for name in item.attributes if name == "style" or name.startswith("on"))
        for name in ("href", "src", "action"):
            if item.get(name).strip().lower().startswith("javascript:"):
                yield f"javascript: on <{item.tag}>"
