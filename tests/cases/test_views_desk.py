"""What is on somebody's desk: a clinician's questions, an officer's tasks."""

from __future__ import annotations

import pytest

from tests.factories import concern, enter, make_case, make_hospital, make_staff
from tests.facts import MONDAY, TUESDAY, WEDNESDAY
from ticketing.accounts import service as accounts
from ticketing.cases import queries, service
from ticketing.cases.rules import StatementState, TaskKind
from ticketing.core.permissions import Role

ALL_WORDS = ("Amina", "Khan", "07700", "amina.khan@mail.example", "Yusuf")


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital()


@pytest.fixture
def clinician(client, hospital):
    return enter(client, Role.CLINICIAN, "Clara Stone")


@pytest.fixture
def reference(hospital):
    return make_case(hospital.officer)


def ask(reference, hospital, uid, points=(1,)) -> str:
    return service.ask_statement(reference, uid, points, "Who was on call?", "The rota of 1 March", 15, by=hospital.officer, at=TUESDAY)


def state(reference, hospital) -> tuple[StatementState, str]:
    (item,) = queries.get_case(reference, hospital.officer, at=TUESDAY).statements
    return item.state, item.answer


def answer(client, uid, typed):
    return client.fill_in(f"/questions/{uid}", typed, action=f"/questions/{uid}")


def test_a_clinician_reads_the_points_put_to_them_and_nothing_of_who_complained(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    page = client.page("/questions")
    assert f"/questions/{uid}" in page.links().values()
    words = page.text + client.page(f"/questions/{uid}").text
    for part in ("Ward 7", "Who was on call?", "The rota of 1 March", "He waited nine hours.", "About 15 minutes", "by the end of"):
        assert part in words, part
    assert concern().points[1] not in words
    assert not [word for word in ALL_WORDS if word in words]
    assert concern().narrative not in words


def test_answering_sends_it_and_thanks(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    assert "Thank you" in client.page(answer(client, uid, {"do": "send", "text": "Dr Lee was."}).location).text
    assert state(reference, hospital) == (StatementState.GIVEN, "Dr Lee was.")
    assert "Dr Lee was." in client.page(f"/questions/{uid}").text


def test_a_draft_stays_for_its_writer_only(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    assert answer(client, uid, {"do": "draft", "text": "Half a thou"}).location == f"/questions/{uid}"
    assert client.page(f"/questions/{uid}").values(f"/questions/{uid}")["text"] == "Half a thou"
    assert "Draft begun" in client.page("/questions").text
    assert state(reference, hospital) == (StatementState.OPEN, "")
    enter(client, name="Nosy Officer")
    assert "Half a thou" not in client.page(f"/cases/{reference}").text


def test_it_is_not_for_me_needs_a_reason_and_keeps_the_rest(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    refused = answer(client, uid, {"do": "decline", "text": "Kept words", "why": ""})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert "Kept words" in refused.text
    answer(client, uid, {"do": "decline", "why": "I was on leave; ask Dr Lee"})
    assert state(reference, hospital)[0] is StatementState.DECLINED


def test_an_empty_answer_is_refused(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    page = client.send(f"/questions/{uid}", {"do": "send", "text": "   "})
    assert "Write your answer." in page.text


def test_what_has_ended_can_be_read_but_not_answered_again(client, clinician, hospital, reference):
    uid = ask(reference, hospital, clinician.uid)
    service.give_statement(uid, "Done", by=clinician, at=TUESDAY)
    assert not client.page(f"/questions/{uid}").all("textarea")
    assert client.post(f"/questions/{uid}", data={"do": "send", "text": "Again"}).status_code == 409


def test_a_deputy_sees_and_answers_for_somebody_away(client, clinician, hospital, reference):
    absent = make_staff(Role.CLINICIAN, "Dr Absent")
    accounts.set_leave(absent.uid, MONDAY.date(), WEDNESDAY.date(), clinician.uid, by=hospital.administrator, at=MONDAY)
    uid = ask(reference, hospital, absent.uid)
    assert "You stand in for Dr Absent" in client.page("/questions").text
    answer(client, uid, {"do": "send", "text": "For her: yes."})
    assert state(reference, hospital)[0] is StatementState.GIVEN


def test_somebody_else_s_question_is_not_found(client, clinician, hospital, reference):
    uid = ask(reference, hospital, hospital.clinician.uid)
    client.page(f"/questions/{uid}", status=404)
    assert client.post(f"/questions/{uid}", data={"text": "x"}).status_code == 404
    for odd in ("x", "0" * 32, "%F0%9F%92%A9", "' OR 1=1", uid.upper()):
        client.page(f"/questions/{odd}", status=404)


@pytest.mark.parametrize("role", Role)
def test_each_desk_is_for_its_role(client, hospital, role):
    enter(client, role)
    client.page("/questions", status=200 if role in {Role.CLINICIAN, Role.OFFICER, Role.MANAGER} else 403)
    client.page("/tasks", status=200 if role in {Role.OFFICER, Role.MANAGER} else 403)


def test_tasks_and_call_backs_stand_on_one_page_the_soonest_first(client, hospital, reference):
    officer = enter(client, team_codes=["CENTRAL"])
    for title, day, kind in (("Later", 6, TaskKind.TASK), ("Soon", 4, TaskKind.CALL_BACK)):
        service.add_task(reference, kind, title, TUESDAY.replace(day=day), officer.uid, None, by=officer, at=TUESDAY)
    service.add_task(reference, TaskKind.TASK, "The team's", TUESDAY.replace(day=5), None, "CENTRAL", by=officer, at=TUESDAY)
    page = client.page("/tasks")
    assert [item.text for item in page.all("p", class_="task-title")] == ["Soon", "The team's", "Later"]
    assert "07700 900123" in page.text


def test_a_task_is_done_in_one_step(client, hospital, reference):
    officer = enter(client)
    uid = service.add_task(reference, TaskKind.TASK, "Chase the log", TUESDAY, officer.uid, None, by=officer, at=TUESDAY)
    client.fill_in("/tasks", {"outcome": "Got it"}, action=f"/tasks/{uid}")
    assert "Nothing is waiting for you" in client.page("/tasks").text
    assert queries.get_case(reference, officer, at=TUESDAY).tasks[0].outcome == "Got it"


def test_a_task_already_done_says_so_and_keeps_the_words(client, hospital, reference):
    officer = enter(client)
    uid = service.add_task(reference, TaskKind.TASK, "Chase the log", TUESDAY, officer.uid, None, by=officer, at=TUESDAY)
    service.finish_task(uid, "", by=officer, at=TUESDAY)
    page = client.send(f"/tasks/{uid}", {"outcome": "My words"}, status=409)
    assert "already done" in page.text
    assert "My words" in page.text


def test_too_many_words_are_refused_beside_the_box(client, hospital, reference):
    officer = enter(client)
    uid = service.add_task(reference, TaskKind.TASK, "Chase the log", TUESDAY, officer.uid, None, by=officer, at=TUESDAY)
    page = client.send(f"/tasks/{uid}", {"outcome": "x" * 5000})
    assert "too long" in page.text
    assert page.values(f"/tasks/{uid}")["outcome"] == "x" * 5000


def test_a_task_nobody_has_is_not_found(client, hospital):
    enter(client)
    for odd in ("x", "0" * 32, "%00"):
        assert client.post(f"/tasks/{odd}", data={"outcome": "x"}).status_code == 404
