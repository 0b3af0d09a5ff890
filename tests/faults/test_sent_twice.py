"""A form sent twice, without scripts: the second gets what the first did, other words are never swallowed, and nothing is done twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, drive, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY
from ticketing.cases import queries, service
from ticketing.cases.models import Case, Note, Point, StatementRequest, Task
from ticketing.cases.rules import Status, TaskKind
from ticketing.core import once
from ticketing.core.database import db
from ticketing.core.errors import Conflict

PATIENCE = 30  # seconds
CONCERN = {
    "kind": "complaint", "who": "self", "narrative": "We waited nine hours.", "complainant_name": "Amina Khan", "phone": "07700 900123",
}


@pytest.fixture
def hospital(committing_app, set_clock):
    set_clock(TUESDAY)
    return make_hospital(password=PASSWORD)


def desk_of(app, actor):
    client = app.test_client()
    email = f"{actor.name.lower().replace(' ', '.')}@hospital.example"
    assert client.post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
    return client


def count(kind) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


def press(client, url: str, data: dict[str, str]):
    return client.post(url, data=data, csrf=False)


def at_once(client_of, url: str, data: dict[str, str], times: int = 2) -> list:
    """The same rendering sent from as many threads at the same instant; the answers."""
    clients = [client_of() for _ in range(times)]
    start, answers = threading.Barrier(times), [None] * times

    def run(number: int) -> None:
        start.wait(PATIENCE)
        answers[number] = press(clients[number], url, data)

    db.session.rollback()
    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return answers


def filled(client, url: str, **answers: str) -> dict[str, str]:
    """The form as a browser would send it."""
    page = client.page(url)
    return {**page.values(), **answers}


def test_a_note_sent_twice_is_one_note(committing_app, hospital):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    url = f"/cases/{reference}/actions/note"
    data = filled(desk, url, text="She rang again.")
    first, second = press(desk, url, data), press(desk, url, data)
    assert (first.status_code, first.location) == (second.status_code, second.location) == (303, f"/cases/{reference}#notes")
    assert count(Note) == 1


def test_other_words_from_the_same_rendering_are_never_swallowed(committing_app, hospital):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    url = f"/cases/{reference}/actions/note"
    data = filled(desk, url, text="She rang again.")
    press(desk, url, data)
    page = desk.send(url, {**data, "text": "And he rang as well."}, status=409)
    assert "was saved" in page.text
    assert "And he rang as well." in page.text
    assert count(Note) == 1
    assert press(desk, url, page.values()).status_code == 303  # sent again, as the sentence says: it is another form now
    assert sorted(db.session.scalars(sa.select(Note.text))) == ["And he rang as well.", "She rang again."]


def test_what_failed_first_is_not_remembered(committing_app, hospital):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    url = f"/cases/{reference}/actions/triage"
    data = filled(desk, url, case_type="complaint_formal", severity="moderate", consent_status="received", is_danger_now="no",
                  has_no_conflict="y")
    assert press(desk, url, {**data, "version": "99"}).status_code == 409
    assert count(once.Sending) == 0
    assert press(desk, url, data).status_code == 303


FORMS = [
    ("point", {"text": "The ward was cold."}, Point),
    ("task", {"title": "Ring the ward", "due_at": "2027-02-01"}, Task),
    ("statement", {"questions": "What happened?"}, StatementRequest),
]


@pytest.mark.parametrize(("name", "answers", "kind"), FORMS, ids=[form[0] for form in FORMS])
def test_forms_of_a_case_pressed_at_the_same_instant_act_once(committing_app, hospital, name, answers, kind):
    reference = make_case(hospital.officer)
    desk, url = desk_of(committing_app, hospital.officer), f"/cases/{reference}/actions/{name}"
    data, before = filled(desk, url, **answers), count(kind)
    if name == "statement":
        data["staff"] = hospital.clinician.uid
    cookie = desk.get_cookie("redress").value

    def another():
        tab = committing_app.test_client()
        tab.set_cookie("redress", cookie)
        return tab

    answers = at_once(another, url, data, 3)
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert count(kind) == before + 1


def test_a_concern_sent_twice_from_the_public_form_is_one_case_with_one_receipt(committing_app, hospital):
    visitor = committing_app.test_client()
    data = filled(visitor, "/concerns/new", **CONCERN)
    cookie = visitor.get_cookie("redress").value

    def another():
        tab = committing_app.test_client()
        tab.set_cookie("redress", cookie)
        return tab

    tabs = []
    answers = at_once(lambda: tabs.append(another()) or tabs[-1], "/concerns/new", data)
    assert {answer.status_code for answer in answers} == {303}
    assert count(Case) == 1
    reference = db.session.scalars(sa.select(Case.reference)).one()
    for tab in tabs:
        assert reference in tab.page("/concerns/received").text


def test_a_concern_taken_down_twice_is_one_case(committing_app, hospital):
    desk = desk_of(committing_app, hospital.officer)
    data = filled(desk, "/cases/new", is_danger_now="no", name="Amina Khan", phone="07700 900123", narrative="He waited nine hours.")
    first, second = press(desk, "/cases/new", data), press(desk, "/cases/new", data)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert count(Case) == 1


def test_a_task_ticked_off_twice_says_done_both_times(committing_app, hospital):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    service.add_task(reference, TaskKind.CALL_BACK, "Ring", TUESDAY + timedelta(hours=1), hospital.officer.uid, None,
                     by=hospital.officer, at=TUESDAY)
    page = desk.page("/tasks")
    action = next(form["action"] for form in page.root.all("form") if form.get("action").startswith("/tasks/"))
    data = {**page.values(action), "outcome": "They were glad"}
    assert [press(desk, action, data).status_code for _ in range(2)] == [303, 303]
    on_case = f"/cases/{reference}/actions/finish_task?about={action.rsplit('/', 1)[1]}"
    assert desk.get(on_case).status_code in {200, 404}


def test_a_statement_sent_twice_is_given_once(committing_app, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), "What happened?", "", 5, by=hospital.officer, at=TUESDAY)
    ward = desk_of(committing_app, hospital.clinician)
    data = {**filled(ward, f"/questions/{uid}", text="It was a busy night."), "do": "send"}
    assert [press(ward, f"/questions/{uid}", data).status_code for _ in range(2)] == [303, 303]
    case = queries.get_case(reference, hospital.officer, at=TUESDAY)
    assert [entry.act for entry in case.entries].count("case.statement_given") == 1


def test_a_response_sent_twice_is_one_version(committing_app, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.RESPONSE_DRAFTING, hospital)
    desk, url = desk_of(committing_app, hospital.officer), f"/cases/{reference}/actions/write_response"
    data, seen = filled(desk, url, text="Dear Mrs Khan, I am very sorry."), version_of(reference)
    assert [press(desk, url, data).status_code for _ in range(2)] == [303, 303]
    assert version_of(reference) == seen + 1


@pytest.mark.parametrize("mark", ["", "\x00", "'; DROP TABLE sendings;--", "é" * 5_000, "\ud800", "0" * 32, "＝1+1"])
def test_any_mark_is_only_a_mark(committing_app, hospital, mark):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    url = f"/cases/{reference}/actions/note"
    data = filled(desk, url, text="She rang again.") | {"once": mark}
    body = "&".join(f"{name}={_quoted(value)}" for name, value in data.items()).encode("utf-8", "surrogatepass")
    statuses = [desk.post(url, data=body, content_type="application/x-www-form-urlencoded").status_code for _ in range(2)]
    assert statuses == [303, 303]
    assert count(Note) == (1 if mark else 2)


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode("utf-8", "surrogatepass"))


def test_another_person_with_the_same_mark_is_not_answered_with_my_case(committing_app, hospital):
    mine, theirs = desk_of(committing_app, hospital.officer), desk_of(committing_app, hospital.second_officer)
    told = {"is_danger_now": "no", "name": "Amina Khan", "phone": "07700 900123", "narrative": "He waited nine hours."}
    data = filled(mine, "/cases/new", **told)
    first = press(mine, "/cases/new", data)
    stolen = {**filled(theirs, "/cases/new", **told), "once": data["once"], "name": "Bo Lund", "phone": "07700 900999"}
    second = press(theirs, "/cases/new", stolen)
    assert second.status_code == 303
    assert second.location != first.location


def test_every_rendering_of_a_form_has_a_mark_of_its_own(committing_app, hospital):
    reference, desk = make_case(hospital.officer), desk_of(committing_app, hospital.officer)
    pages = [desk.page(url) for url in (f"/cases/{reference}/actions/note", f"/cases/{reference}/actions/note", "/cases/new")]
    marks = [page.values()["once"] for page in pages]
    assert len(set(marks)) == 3
    assert all(len(mark) == 32 for mark in marks)


def test_marks_are_forgotten_after_some_days_and_no_word_is_kept_in_them(committing_app, hospital):
    mark = once.Mark("k" * 64, "p" * 64)
    assert once.carry_out(mark, lambda: "26-AAAA", at=MONDAY) == once.Done("26-AAAA", is_repeat=False)
    assert once.carry_out(mark, lambda: pytest.fail("twice"), at=TUESDAY) == once.Done("26-AAAA", is_repeat=True)
    with pytest.raises(Conflict, match="something else in it"):
        once.carry_out(once.Mark("k" * 64, "q" * 64), lambda: pytest.fail("twice"), at=TUESDAY)
    assert once.forget(at=MONDAY + once.KEPT) == 0
    assert once.forget(at=MONDAY + once.KEPT + timedelta(seconds=1)) == 1
    assert count(once.Sending) == 0
