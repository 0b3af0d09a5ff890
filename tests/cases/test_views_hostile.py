"""Strings that break programs, in every text field: kept as typed, shown as text, and never an error of ours."""

from __future__ import annotations

import json
from functools import lru_cache

import pytest

from tests.factories import enter, make_case, make_hospital, version_of
from tests.facts import TUESDAY, shared
from ticketing.cases import queries, service
from ticketing.core.permissions import Role
from ticketing.web.forms import clean

FILES = ("blns.json", "xss_strings.json", "crlf_strings.json", "csv_formula_strings.json")
OWN = ["a\x00b", "‮evil‬", "\ufeff", "a\r\nb\rc\nd", "é" * 150, "👩‍👩‍👧‍👦" * 8, "{{ 7*7 }}", "%s%n", "</textarea><script>x</script>", "‏"]
LINES = ("name", "preferred_name", "patient_name", "record_number", "phone", "safe_contact", "language", "format_needs", "outcome_sought")
TEXTS = ("narrative", "points", "address", "settled_how")
OTHERS = ("email", "date_of_birth", "happened_on", "received_at", "received_at-time", "team_received_at")
CHOICES = ("is_danger_now", "relationship", "case_type", "channel", "site", "unit", "team", "same_as")


@lru_cache(maxsize=1)
def strings() -> tuple[str, ...]:
    found: list[str] = list(OWN)
    for name in FILES:
        held = json.loads(shared("data", "hostile", name).read_text(encoding="utf-8"))
        for group in held.values() if isinstance(held, dict) else [held]:
            found += [item for item in group if isinstance(item, str)]
    return tuple(dict.fromkeys(text.encode("utf-8", "ignore").decode() for text in found))


def spread(fields: tuple[str, ...], start: int) -> dict[str, str]:
    """A string for each field, others for the next start."""
    known = strings()
    return {name: known[(start + place * 7) % len(known)] for place, name in enumerate(fields)}


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def officer(client, hospital):
    return enter(client, team_codes=["CENTRAL"])


def refuse_ours(answer, where: str) -> None:
    assert answer.status_code in {303, 422, 409}, f"{where}: {answer.status_code}"


@pytest.mark.parametrize("part", range(4))
def test_every_string_in_every_text_of_the_intake_form(client, officer, part):
    plain = {"is_danger_now": "no", "relationship": "self", "case_type": "compliment", "channel": "letter", "site": "MAIN",
             "same_as": "new", "received_at": "2026-03-02", "received_at-time": "09:00", "name": "Somebody"}
    for start in range(part, len(strings()), 12):
        typed = {name: text for name, text in spread(LINES + TEXTS, start).items() if text.strip()}
        answer = client.post("/cases/new", data=plain | typed)
        refuse_ours(answer, f"strings from {start}")
        if answer.status_code == 303 and start % 5 == 0:
            page = client.page(answer.location)
            told = " ".join(clean(typed.get("narrative", "")).split())
            assert told in " ".join(page.one(class_="narrative").text.split())


def test_every_string_where_a_choice_a_day_or_an_address_belongs(client, officer):
    for start in range(0, len(strings()), len(OTHERS + CHOICES)):
        typed = spread(OTHERS + CHOICES, start)
        page = client.send("/cases/new", {"narrative": "Words", "name": "Somebody", **typed}, status=422)
        assert page.values("/cases/new")["narrative"] == "Words"
        assert page.values("/cases/new")["email"] == clean(typed["email"]).strip() or not typed["email"].strip()


def test_every_string_in_a_note_is_shown_as_it_was_typed(client, officer, hospital):
    reference = make_case(hospital.officer)
    url = f"/cases/{reference}/actions/note"
    for start in range(0, len(strings()), 5):
        text = "\n".join(strings()[start : start + 5])
        answer = client.post(url, data={"version": "1", "kind": "note", "text": text, "seen": strings()[start], "occurred_at": ""})
        refuse_ours(answer, f"strings from {start}")
    known = {note.text for note in queries.get_case(reference, officer, at=TUESDAY).notes}
    assert clean("\n".join(strings()[10:15])).strip() in known
    client.page(f"/cases/{reference}")


@pytest.mark.parametrize(("name", "fields", "more"), [
    ("point", ("text", "unit"), {}), ("finding", ("reason", "remedy", "finding"), {"about": "1", "finding": "upheld"}),
    ("statement", ("questions", "records", "points", "minutes", "staff"), {}), ("task", ("title", "due_at", "kind"), {}),
    ("assign", ("note", "staff", "team"), {}), ("hold", ("note", "reason"), {}), ("triage", ("severity", "pack", "unit", "case_type"), {}),
    ("acknowledge", ("note", "method", "occurred_at"), {}), ("scope", ("how", "due_on"), {}), ("interim", ("note", "days"), {}),
    ("correction", ("reason", "new_at"), {}), ("settle", ("why", "occurred_at", "occurred_at-time"), {}),
    ("priority", ("why", "priority"), {}), ("subject", ("staff",), {}), ("close", ("note",), {}), ("reopen", ("why",), {}),
    ("write_response", ("text",), {}), ("sign_and_send", ("method",), {}),
])
def test_strings_in_the_forms_of_a_case(client, officer, hospital, name, fields, more):
    reference = make_case(hospital.officer)
    url = f"/cases/{reference}/actions/{name}"
    for start in range(0, len(strings()), 40):
        data = {"version": str(version_of(reference)), "seen": "0", **more, **spread(fields, start)}
        answer = client.post(url, data=data)
        assert answer.status_code in {303, 409, 422, 403}, f"{name} from {start}: {answer.status_code}"
    client.page(f"/cases/{reference}")


def test_strings_in_addresses_and_on_the_clinicians_page(client, hospital):
    clinician = enter(client, Role.CLINICIAN, "Clara Stone")
    reference = make_case(hospital.officer)
    for start in range(0, len(strings()), 60):
        text = clean(strings()[start]).strip() or "x"
        uid = service.ask_statement(reference, clinician.uid, (1,), text, text, 5, by=hospital.officer, at=TUESDAY)
        client.page(f"/questions/{uid}")
        typed = {"do": strings()[start + 1], "text": strings()[start], "why": strings()[start]}
        refuse_ours(client.post(f"/questions/{uid}", data=typed), uid)
    for text in strings()[::25]:
        assert client.get("/questions/" + text.replace("/", "_").replace("\x00", "") + "x").status_code in {404, 308}
    client.page("/questions")


def test_strings_in_the_address_of_the_list_and_the_case(client, officer, hospital):
    reference = make_case(hospital.officer)
    for text in strings()[::20]:
        query = {"view": text, "site": text, "team": text, "case_type": text, "case_status": text, "after": text}
        assert client.get("/cases/", query_string=query).status_code in {200, 404, 422}
        assert client.post("/cases/find", data={"reference": text}).status_code in {200, 303, 404, 422}
        assert client.get(f"/cases/{reference}/timers/respond", query_string={"subject": text, "cycle": text}).status_code in {200, 404}
        assert client.get(f"/cases/{reference}/actions/finding", query_string={"about": text}).status_code in {200, 404}
