"""A hidden case is nowhere on the pages of whom it is hidden from, and every way to it by its address is as if it were not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.cases.test_policies import publish
from tests.factories import PASSWORD, Hospital, drive, enter, make_case, make_hospital, make_staff, make_team
from tests.facts import MONDAY, TUESDAY
from tests.walking import walk
from ticketing.accounts.queries import StaffRow
from ticketing.cases import service
from ticketing.cases.models import Attachment, Case
from ticketing.cases.queries import rebasing
from ticketing.cases.queries.rebasing import Choice
from ticketing.cases.rules import Status, TaskKind
from ticketing.core import storage
from ticketing.core.database import db
from ticketing.core.files import Checked
from ticketing.core.permissions import GRANTS, Actor, Permission, Role, Scope
from ticketing.core.references import new_reference
from ticketing.firings import service as firings
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.firings.service import Outcome
from ticketing.outbox.models import OutboxMessage
from ticketing.people.rules import PersonDetails

SEE_CASES = {role for role, granted in GRANTS.items() if Permission.VIEW_CASES in granted}
CANARY = "Quillfeather"
GONE = "0" * 32
MISSING = new_reference(MONDAY)  # well formed, so that it is looked up as well
STARTS = ["/", "/account", "/cases/?view=all_open", "/cases/?view=mine", "/cases/?view=team", "/cases/?view=closed", "/tasks", "/questions",
          "/escalations", "/escalations?show=planned", "/reports", "/reports/delivery", "/reports/trail", "/staff", "/break-glass",
          "/break-glass/uses"]
PERSON = PersonDetails(name=f"Amina {CANARY}", email="amina@quillfeather.example", phone="07700 900999")
HIDDEN = [
    (Role.OFFICER, "named"), (Role.MANAGER, "named"), (Role.AUDITOR, "named"),
    (Role.OFFICER, "manages somebody named"), (Role.MANAGER, "manages somebody named"), (Role.AUDITOR, "manages somebody named"),
    (Role.OFFICER, "another team's"), (Role.MANAGER, "another team's"),
    (Role.OFFICER, "confidential"), (Role.MANAGER, "confidential"),
    (Role.ADMINISTRATOR, "an administrator's"), (Role.CLINICIAN, "a clinician's"),
]


@pytest.fixture
def hospital(app, set_clock, tmp_path):
    app.config["FILES_FOLDER"] = str(tmp_path / "files")
    set_clock(TUESDAY)
    return make_hospital()


@dataclass(frozen=True)
class Hidden:
    """A case that must not be there for whoever is signed in: its reference, and the uids of what hangs on it by the routes' names."""

    reader: Actor
    reference: str
    uids: dict[str, str]


@pytest.fixture(params=HIDDEN, ids=lambda param: f"{param[0].value}: {param[1]}")
def hidden(request, client, hospital):
    role, why = request.param
    by = hospital.officer
    make_team("OTHER")
    reference = make_case(by, narrative=f"{CANARY} was rude.", points=(f"{CANARY} shouted.", "Nobody said why."), complainant=PERSON,
                          has_agreed_to_email=True)
    scope = Scope.TEAMS if why == "another team's" else Scope.HOSPITAL
    reader = make_staff(role, "Nadia Frost", team_codes=["OTHER"] if scope is Scope.TEAMS else ["CENTRAL"], scope=scope)
    client.post("/sign-in", data={"email": reader.email, "password": PASSWORD})
    assert (CANARY in client.get(f"/cases/{reference}").text) is (role in SEE_CASES and scope is Scope.HOSPITAL)
    hung = hang(reference, reader, hospital)
    hung["cases.finish"] = service.add_task(reference, TaskKind.TASK, f"Ring {CANARY}", TUESDAY, None, "CENTRAL", by=by, at=MONDAY)
    if why == "named":
        service.name_subject(reference, reader.uid, by=by, at=MONDAY)
    if why == "manages somebody named":
        service.name_subject(reference, make_staff(Role.CLINICIAN, "Omar Finch", manager=reader.uid).uid, by=by, at=MONDAY)
    if why == "confidential":
        service.make_confidential(reference, [hospital.manager.uid], "A colleague's own care.", by=by, at=MONDAY)
    make_case(by)
    hung["reports.requeue"] = db.session.scalars(sa.select(OutboxMessage.uid).where(OutboxMessage.case_reference == reference)).first()
    db.session.rollback()  # what was read above is nobody's transaction any more: statements are compared from here on
    return Hidden(reader.actor, reference, hung)


def hang(reference: str, reader: StaffRow, hospital: Hospital) -> dict[str, str]:
    """A file, a question, and a step of the ladder that failed after it had told the reader: what people know the address of."""
    files = [Checked(f"{CANARY}.pdf", "application/pdf", b"%PDF-1.4")]
    service.attach(reference, files, lambda _data: (True, ""), storage.store(), most=9, by=hospital.officer, at=MONDAY)
    drive(reference, Status.INVESTIGATION, hospital, at=MONDAY)
    request = service.ask_statement(reference, hospital.clinician.uid, (1,), f"What of {CANARY}?", "", 5, by=hospital.officer, at=MONDAY)
    step = db.session.scalars(sa.select(Firing).join(Case, Case.id == Firing.case_id).where(Case.reference == reference)).first()
    firings.finish([Outcome(step.id, FiringState.FAILED, "Nobody to tell.", told=(reader.uid,))], at=MONDAY)
    file = db.session.scalars(sa.select(Attachment.uid)).one()
    return {"cases.download": file, "cases.delete_file": file, "cases.seal_file": file, "cases.answer": request,
            "cases.why_question": request, "escalation.acknowledge": step.uid, "escalation.confirm_acknowledgement": step.uid,
            "escalation.try_again": step.uid}


def test_no_page_that_links_lead_to_tells_of_it(client, hidden):
    reader, reference = hidden.reader, hidden.reference
    for address, page in walk(client, STARTS).items():
        assert reference not in page.html, address
        assert CANARY not in page.html, address
    if reader.may(Permission.RECORD_CONCERNS):
        typed = {"name": f"Amina {CANARY}", "phone": "07700 900999", "email": "amina@quillfeather.example"}
        assert reference not in client.post("/cases/lookalikes", data=typed).text
    if reader.may(Permission.VIEW_CASES):
        address = client.post("/cases/find", data={"reference": CANARY}).location
        assert CANARY not in address
        assert reference not in client.get(address).text


def plain(page: str) -> str:
    """Without what differs on every page: the number to ask about and the form's token."""
    return re.sub(r'value="[^"]+"|<span class="reference">[^<]+</span>', "", page)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The kind of every statement the database is sent meanwhile, in order: what tells a hidden case from a missing one by its time."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        sent.append(" ".join(statement.split()[:2]) if statement.startswith(("INSERT", "UPDATE")) else statement.split()[0])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def asked(ask, address):
    with statements() as sent:
        answer = ask(address)
    return answer, sent


def test_every_way_to_it_is_as_if_it_were_not_there(app, client, hidden):
    reference, tried = hidden.reference, 0
    for rule in app.url_map.iter_rules():
        if "<reference>" not in rule.rule and rule.endpoint not in hidden.uids:
            continue
        uid = hidden.uids.get(rule.endpoint, "")
        names = ("note", "finding", "assign", "subject", "reopen") if "<name>" in rule.rule else ("respond",)
        for name in names:
            address = re.sub(r"<(?:target|name)>", name, rule.rule)
            for method in sorted(set(rule.methods or ()) & {"GET", "POST"}):
                ask = client.get if method == "GET" else client.post
                there, sent = asked(ask, address.replace("<reference>", reference).replace("<uid>", uid))
                gone, wanted = asked(ask, address.replace("<reference>", MISSING).replace("<uid>", GONE))
                assert there.status_code == gone.status_code, (method, address)
                assert there.status_code in {403, 404}, (method, address)
                assert plain(there.text) == plain(gone.text), (method, address)
                assert len(there.data) == len(gone.data), (method, address)
                assert {k for k, _ in there.headers} == {k for k, _ in gone.headers}
                assert sent == wanted, (method, address)
                tried += 1
    assert tried >= 24
    assert asked_by_form(client, reference) == asked_by_form(client, MISSING)
    for key in ("reference", "after", "about"):
        for path in ("/reports/trail", "/reports/delivery", "/escalations"):
            answer = client.get(path, query_string={key: reference})
            assert CANARY not in answer.text


def asked_by_form(client, reference: str) -> list[object]:
    """What the forms answer that take a reference: the box at the top, and opening in an emergency (which opens what others see)."""
    found = asked(lambda address: client.post(address, data={"reference": reference}), "/cases/find")
    return [found[0].status_code, plain(found[0].text).replace(reference, ""), found[1]]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.MANAGER])
def test_nobody_breaks_the_glass_of_a_case_that_names_them_or_theirs(client, hospital, role):
    reader = make_staff(role, "Nadia Frost")
    report = make_staff(Role.CLINICIAN, "Omar Finch", manager=reader.uid)
    client.post("/sign-in", data={"email": reader.email, "password": PASSWORD})
    for named in (reader, report):
        reference = make_case(hospital.officer)
        service.name_subject(reference, named.uid, by=hospital.officer, at=MONDAY)
        answers = []
        for which in (reference, MISSING):
            typed = {"reference": which, "reason": "Somebody may be in danger at this moment."}
            answer, sent = asked(lambda address, typed=typed: client.post(address, data=typed), "/break-glass")
            answers.append((answer.status_code, plain(answer.text).replace(which, ""), sent))
        assert answers[0] == answers[1]
        assert answers[0][0] == 422 or answers[0][0] == 404


def test_a_rebase_counts_and_takes_back_only_what_is_seen(hospital):
    seen, hidden = (make_case(hospital.officer) for _ in range(2))
    version = publish(hospital, {"progress": 3})
    for reference in (seen, hidden):
        drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY)
    uid = service.begin_rebase(Choice("england-nhs", version), (), "The board asked", by=hospital.manager, at=TUESDAY)
    other = make_staff(Role.MANAGER, "Nadia Frost").actor
    assert rebasing.rebase(uid, other).total == 2
    service.rebase_batch(uid, at=TUESDAY)
    service.make_confidential(hidden, [hospital.manager.uid], "A colleague's own care.", by=hospital.officer, at=TUESDAY)
    row = rebasing.rebase(uid, other)
    assert (row.total, row.done, row.changed) == (1, 1, 1) == (len(rebasing.rebased_cases(uid, other)), 1, 1)
    back = service.undo_rebase(uid, "It was wrong", by=other, at=TUESDAY)
    assert rebasing.rebase(back, hospital.manager).total == 1


def test_somebody_else_s_question_session_and_leave_are_not_there(app, client, hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, hospital.clinician.uid, (1,), f"What of {CANARY}?", "", 5, by=hospital.officer, at=TUESDAY)
    other = app.test_client()
    enter(other, Role.CLINICIAN, "Clara Stone")
    enter(client, Role.CLINICIAN, "Omar Finch")
    for visitor in (client, other):
        hidden, missing = visitor.get(f"/questions/{uid}"), visitor.get(f"/questions/{'0' * 32}")
        assert hidden.status_code == missing.status_code == 404
        assert plain(hidden.text) == plain(missing.text)
        for do in ("send", "save", "decline"):
            assert visitor.post(f"/questions/{uid}", data={"do": do, "text": "Mine now", "why": "Mine now"}).status_code == 404
        assert all(CANARY not in page.html for page in walk(visitor, ["/", "/questions", "/account"]).values())
    for number in range(1, 8):
        client.post(f"/account/sessions/{number}/end")
        client.post(f"/account/leave/{number}/end")
    assert other.get("/account").status_code == 200
