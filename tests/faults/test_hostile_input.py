"""Hostile strings in every field of every form and in every query, by every role: never an error of ours, and shown as text only.

Nobody lists the pages here: each role walks the links it is shown, so that a new page or form is tried as soon as it can be reached.
"""

from __future__ import annotations

import json
import random
import re
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.factories import drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY, shared
from tests.pages import Page
from tests.walking import forms_of, kind_of, look, walk
from ticketing.cases import service
from ticketing.cases.rules import Status, TaskKind
from ticketing.core.paging import encode_key
from ticketing.core.permissions import Role
from ticketing.people.rules import PersonDetails
from ticketing.web.forms import clean

OWN = (
    "\x00", "a\x00b", "\ud800", "x\udfff", "﷽" * 300, "é" * 25_000, "9" * 5_000, "-1", "1e309", "NaN", "٣", "²", "10" * 12, "0x10",
    "\u202egnp.exe", "\r\nSet-Cookie: a=b", "a\r\nBcc: everybody@example.org\r\n\r\nx", "{{7*7}}{% raise %}",
    "%(x)s %s {0} ${x}", "' OR '1'='1", "%", "_", "\\",
    "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>", "</textarea></select></title><script>alert(1)</script>",
    "javascript:alert(1)",
    "2026-02-30", "99999-01-01", "31/12/0000", "24:61", "2026-03-29T01:30", "26-0000-0000-00", "null", "true", "[]", "{\"a\": 1}",
    "=1+1", "＝1+1",
    "\u2028", "\x1b[31m", "\ufeff", "a" * 300 + "@b.example", "\"a b\"@b.example", "a@b.example\nBcc: c@d.example", "ﬀ" * 120, "İ" * 120,
)
KEYS = (*(encode_key(*values) for values in (
    (), (0,), (-1,), (2**62,), (True,), (None,), ("x",), ("x", 1), (1, "x"), (None, None), (MONDAY, 1), (MONDAY, "x"), ("2026-13-40", 1),
    ("0001-01-01T00:00:00+23:59", 1), (1, MONDAY), ("x", "y", "z"), (1, 2, 3), (MONDAY, MONDAY, 1), ("", 0, "", 0),
    ("9999-12-31T23:59:59-23:59", 2**40),
)), "e30", "W10", "WzFd" * 900, "!!!!", "WyJcdWQ4MDAiXQ", "-1", "999999999")
QUERIES = ("before", "view", "show", "state", "start", "next", "figure", "period", "subject", "cycle", "about", "reference",
           "logged")
POSTS = 4


@lru_cache(maxsize=1)
def strings() -> tuple[str, ...]:
    """Every string of the collection, always in the same disorder."""
    found: list[str] = []
    for name in ("blns.json", "xss_strings.json", "crlf_strings.json", "csv_formula_strings.json"):
        held = json.loads(shared("data", "hostile", name).read_text(encoding="utf-8"))
        for group in held.values() if isinstance(held, dict) else [held]:
            found += [item for item in group if isinstance(item, str)]
    mixed = list(dict.fromkeys(found))
    random.Random(7).shuffle(mixed)
    return tuple(mixed)


class Hose:
    """Hands out one string after another, round and round; every other one is of our own choice."""

    def __init__(self) -> None:
        self.turn = 0

    def __call__(self) -> str:
        self.turn += 1
        known = OWN if self.turn % 2 else strings()
        return known[self.turn // 2 % len(known)]


def send(client, target: str, pairs: list[tuple[str, str]]):
    body = "&".join(f"{quote(name.encode())}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in pairs)
    return client.post(target, data=body.encode(), content_type="application/x-www-form-urlencoded")


def attack(client, method: str, target: str, fields: list[tuple[str, str]], hose: Hose, honest: dict[str, str]) -> None:
    """A form sent with strings everywhere; with strings in the text only; with fields repeated; with fields missing."""
    names = [name for name, _ in fields if name != "csrf_token"]
    written = {name for name, kind in fields if kind in {"text", "textarea", "email", "search", "tel"}}
    if method == "get":
        for _ in range(POSTS):
            pairs = urlencode([(name, hose().encode("utf-8", "surrogatepass")) for name in names])[:3500]
            look(client.get(f"{urlsplit(target).path}?{pairs}"), target)
        return
    token = ("csrf_token", client.csrf_token())
    tries = [[(name, hose()) for name in names] for _ in range(2)]
    tries += [[(name, hose() if name in written else honest.get(name, "")) for name in names] for _ in range(POSTS - 2)]
    tries += [[(name, hose()) for name in names for _ in range(2)], [], [(f"{name}[]", hose()) for name in names]]
    for pairs in tries:
        look(send(client, target, [token, *pairs]), f"POST {target} {[name for name, _ in pairs]}")
    files = {name: (BytesIO(b"\xff\x00"), hose()[:40].encode("ascii", "ignore").decode() or "x") for name in names}
    look(client.post(target, data={"csrf_token": token[1], **files}, content_type="multipart/form-data"), f"files to {target}")
    look(client.post(target, json={name: [{}] for name in names}, headers={"X-CSRFToken": token[1]}), f"JSON to {target}")


def honest_values(pages: dict[str, Page]) -> dict[str, str]:
    """For choices and hidden fields: what the pages themselves would send, the first choice where none is made."""
    found: dict[str, str] = {}
    for page in pages.values():
        for item in page.all("input", "select"):
            values = [item.get("value"), *(option.get("value") for option in item.all("option"))]
            if item.get("name") and item.get("type") != "text" and any(values):
                found.setdefault(item["name"], next(filter(None, values)))
    return found


def told(number: int) -> dict[str, Any]:
    """What somebody told us who tries to break the page it is shown on."""
    markup = [text for text in (*OWN, *strings()) if "<" in text or '"' in text]
    first, second, third, fourth = (clean(markup[number * 4 + place])[:150] for place in range(4))
    return {"narrative": f"{first}\n{second}", "points": (second, third), "outcome_sought": fourth,
            "complainant": PersonDetails(name=first, preferred_name=third, safe_contact=second, language=fourth, address=third),
            "patient": PersonDetails(name=second, record_number=third)}


@pytest.fixture
def busy_hospital(app, set_clock):
    """Cases in several states, a question put to a clinician, a task."""
    set_clock(TUESDAY)
    hospital = make_hospital()
    references = [make_case(hospital.officer, **told(number)) for number in range(3)]
    drive(references[1], Status.INVESTIGATION, hospital)
    drive(references[2], Status.RESPONSE_SENT, hospital)
    service.add_task(references[0], TaskKind.CALL_BACK, "Ring back", TUESDAY, hospital.manager.uid, None, by=hospital.officer, at=TUESDAY)
    return hospital, references


def starts_for(role: Role, actor, hospital, references) -> list[str]:
    if role is Role.CLINICIAN:
        uid = service.ask_statement(references[1], actor.uid, (1,), "What happened?", "The notes", 5, by=hospital.officer, at=TUESDAY)
        return ["/", "/questions", f"/questions/{uid}", "/account"]
    return ["/account", *(f"/cases/{reference}" for reference in references), "/cases/?view=all_open", "/reports", "/escalations/rules",
            "/staff", "/places", "/teams", "/reports/delivery", "/reports/trail", "/cases/new", "/tasks"]


@pytest.mark.parametrize("role", list(Role))
def test_every_form_and_query_that_a_role_can_reach(client, busy_hospital, role):
    hospital, references = busy_hospital
    actor = enter(client, role, team_codes=["CENTRAL"])
    starts = starts_for(role, actor, hospital, references)
    pages = walk(client, starts)
    assert len(pages) >= 5
    hose, honest, forms = Hose(), honest_values(pages), list(forms_of(pages))
    hose.turn = list(Role).index(role) * 233
    for method, target, fields in forms:
        if reached := re.match(r"/cases/(26-[^/]+)/", target):
            honest |= {"version": str(version_of(reached[1])), "seen": "0"}
        attack(client, method, target, fields, hose, honest)
    for kind in {kind_of(address): urlsplit(address).path for address in pages}.values():
        for number in range(3):
            pairs = [("after", KEYS[(hose.turn + number * 5) % len(KEYS)]), *((name, hose()[:400]) for name in QUERIES)]
            look(client.get(f"{kind}?{urlencode(pairs, errors='surrogatepass')}"), f"{kind} {pairs}")
    walk(client, starts)


@pytest.mark.parametrize(("role", "paths"), [
    (Role.MANAGER, ("/cases/", "/escalations", "/reports/delivery", "/reports/trail")), (Role.ADMINISTRATOR, ("/staff",))])
def test_page_keys_that_nobody_was_given(client, busy_hospital, role, paths):
    enter(client, role)
    for key in KEYS:
        for path in (*paths, f"/cases/{busy_hospital[1][0]}/trail"):
            look(client.get(path, query_string={"after": key}), f"{path} {key}")
        look(client.get(paths[0], query_string={"before": key}), f"{paths[0]} before {key}")


def test_the_forms_of_strangers(client, busy_hospital):
    hose, pages = Hose(), walk(client, ["/sign-in", "/forgotten", "/concerns/new"])
    for method, target, fields in forms_of(pages):
        for _ in range(6):
            attack(client, method, target, fields, hose, honest_values(pages))


@pytest.mark.parametrize(("body", "kind"), [
    (b"[" * 100_000, "application/json"), (b'"\\ud800"', "application/json"), (b"{", "application/json"), (b"\xff\xfe", "application/json"),
    (b'[["csrf_token", 1]]', "application/json"), (b"--x\r\nContent-Disposition: form", "multipart/form-data; boundary=x"),
    (b"abc", "multipart/form-data; boundary="), (b"abc", "multipart/form-data"), (b"%ff=%&%=%00&=", "application/x-www-form-urlencoded"),
    (b"a=b&" * 100_000, "application/x-www-form-urlencoded"), (b"x" * 3_000_000, "application/x-www-form-urlencoded"),
    (b"<x/>", "text/xml"), (b"x", "\xff"),
])
def test_bodies_that_are_no_form(client, busy_hospital, body, kind):
    enter(client, Role.MANAGER)
    for address in ("/sign-in", "/concerns/new", "/cases/new", "/account/password"):
        for headers in ({}, {"X-CSRFToken": client.csrf_token()}):
            answer = client.post(address, data=body, content_type=kind, headers=headers)
            assert answer.status_code in {400, 413, 422}, (address, answer.status_code)
            assert (answer.status_code == 413) or len(body) < 2_500_000
