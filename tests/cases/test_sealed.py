"""Sealed parts: only members of a compartment see them, and nothing of a case tells the others that there is anything."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.factories import PASSWORD, drive, make_case, make_hospital, make_staff, make_team, version_of
from tests.facts import FRIDAY, TUESDAY
from ticketing.accounts import queries as accounts
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.rules import NoteKind, Status, TaskKind, mask_names
from ticketing.codes.rules import Finding
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.permissions import Compartment, Role, Scope

SECRET = "Quillfeather"
SEALED = Compartment.SAFEGUARDING


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital(password=PASSWORD)


@pytest.fixture
def member(hospital):
    return make_staff(Role.OFFICER, "Mara Member", team_codes=["CENTRAL"], compartments=[SEALED])


def seal(reference, member, clinician):
    """One part of each kind."""
    by = member.actor
    service.add_note(reference, NoteKind.NOTE, f"{SECRET} note", by=by, at=TUESDAY, compartment=SEALED)
    position = service.add_point(reference, f"{SECRET} point", None, by=by, at=TUESDAY, compartment=SEALED)
    task = service.add_task(reference, TaskKind.TASK, f"{SECRET} task", FRIDAY, None, None, by=by, at=TUESDAY, compartment=SEALED)
    request = service.ask_statement(
        reference, clinician.uid, (position,), f"{SECRET} question", "", 15, by=by, at=TUESDAY, compartment=SEALED)
    return position, task, request


def whole(reference, actor):
    """Everything the case page knows, and every number the worklist shows."""
    return repr(queries.get_case(reference, actor, at=TUESDAY)), repr(queries.facets(actor, queries.Filters(), at=TUESDAY))


def test_to_others_a_case_with_sealed_parts_is_as_it_was_before(client, hospital, member):
    reference = make_case(hospital.officer)
    readers = (hospital.officer, hospital.manager, hospital.auditor)
    before = [whole(reference, actor) for actor in readers]
    seal(reference, member, hospital.clinician)
    assert [whole(reference, actor) for actor in readers] == before
    for who in ("hana.novak", "ruth.okafor", "ivo.lang"):
        client.post("/sign-in", data={"email": f"{who}@hospital.example", "password": PASSWORD})
        for page in (f"/cases/{reference}", f"/cases/{reference}/trail", "/reports/trail", "/reports/delivery", "/tasks", "/escalations"):
            text = client.get(page).text
            assert SECRET not in text, (who, page)
            assert "Safeguarding" not in text, (who, page)
        assert "Questions for a clinician" not in client.get("/reports/delivery?kind=statement_asked").text.partition("<tbody")[2]
        client.post("/sign-out")


def test_members_see_them_and_what_the_trail_tells_of_them(client, hospital, member):
    reference = make_case(hospital.officer)
    position, task, _ = seal(reference, member, hospital.clinician)
    shown = queries.get_case(reference, member.actor, at=TUESDAY)
    assert [note.text for note in shown.notes] == [f"{SECRET} note"]
    assert [(point.position, point.number) for point in shown.points] == [(1, 1), (2, 2), (position, 1)]
    assert len(shown.sealed[0].entries) == 4
    assert [row.uid for row in queries.tasks_of(member.actor, at=TUESDAY)] == [task]
    client.post("/sign-in", data={"email": member.email, "password": PASSWORD})
    page = client.get(f"/cases/{reference}").text
    assert "Only members of “Safeguarding”" in page
    assert SECRET in page


def test_whoever_is_asked_sees_the_request_and_nothing_waits_for_it(hospital, member):
    reference = make_case(hospital.officer)
    _, _, request = seal(reference, member, hospital.clinician)
    assert queries.question(request, hospital.clinician, at=TUESDAY).points == ((1, f"{SECRET} point"),)
    assert db.session.scalars(select(Case.open_statements)).one() == 0
    service.give_statement(request, "I saw it.", by=hospital.clinician, at=TUESDAY)
    assert db.session.scalars(select(Case.open_statements)).one() == 0


def test_sealed_points_stand_outside_the_response(hospital, member):
    reference = make_case(hospital.officer)
    seal(reference, member, hospital.clinician)
    drive(reference, Status.CLOSED, hospital)
    assert queries.get_case(reference, hospital.officer, at=TUESDAY).outcome is not None


def test_somebody_else_can_neither_seal_nor_touch_what_is_sealed(hospital, member):
    reference = make_case(hospital.officer)
    position, task, request = seal(reference, member, hospital.clinician)
    by = hospital.officer
    with pytest.raises(Invalid, match="Only its members"):
        service.add_note(reference, NoteKind.NOTE, "Mine", by=by, at=TUESDAY, compartment=SEALED)
    for verb in (lambda: service.finish_task(task, "", by=by, at=TUESDAY),
                 lambda: service.withdraw_statement(request, "No", by=by, at=TUESDAY),
                 lambda: service.record_finding(reference, position, Finding.UPHELD, "Yes", "", by=by, at=TUESDAY),
                 lambda: service.change_point(reference, position, "Else", None, seen=version_of(reference), by=by, at=TUESDAY)):
        with pytest.raises(NotFound):
            verb()


def test_a_member_of_another_team_sees_the_case_once_it_holds_something_of_theirs(hospital, member):
    make_team("OTHER")
    lead = make_staff(Role.OFFICER, "Sophie Guard", team_codes=["OTHER"], scope=Scope.TEAMS, compartments=[SEALED])
    reference = make_case(hospital.officer)
    assert not queries.may_read(reference, lead.actor)
    seal(reference, member, hospital.clinician)
    assert queries.may_read(reference, accounts.actor_of(lead.id))


@pytest.mark.parametrize(("text", "shown"), [
    ("Mrs Khan waited.", "the complainant waited."),
    ("Amina Khan's son Yusuf waited", "the complainant's son the patient waited"),
    ("KHAN rang 07700 900123", "the complainant rang (left out)"),
    ("The khanate of Yusufiya", "The khanate of Yusufiya"),
])
def test_names_are_masked_as_whole_words(text, shown):
    names = [("Amina Khan", "the complainant"), ("Yusuf", "the patient"), ("07700 900123", "(left out)")]
    assert mask_names(text, names) == shown


def test_a_clinician_reads_names_only_where_the_request_says_they_need_to(hospital):
    reference = make_case(hospital.officer)
    ask = {"by": hospital.officer, "at": TUESDAY}
    masked = service.ask_statement(reference, hospital.clinician.uid, (1,), "What did you tell Mrs Khan? Ring 07700 900123.", "", 15, **ask)
    plain = service.ask_statement(reference, hospital.clinician.uid, (1,), "What did you tell Mrs Khan?", "", 15, is_identified=True, **ask)
    shown = repr(queries.question(masked, hospital.clinician, at=TUESDAY)) + repr(
        [row for row in queries.questions_for(hospital.clinician, at=TUESDAY) if row.uid == masked])
    assert not [word for word in ("Khan", "Amina", "Yusuf", "900123", "mail.example") if word in shown]
    told = queries.question(plain, hospital.clinician, at=TUESDAY)
    assert told.about[0].startswith("The patient: Yusuf Khan")
    assert "Mrs Khan" in told.questions
    assert "900123" not in repr(told)
