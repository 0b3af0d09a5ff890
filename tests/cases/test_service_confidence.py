"""Confidential cases and broken glass: who alone may see a case, and what an emergency opens, to whom, for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories import PASSWORD, make_case, make_hospital, make_staff, make_team
from tests.facts import MONDAY, TUESDAY
from ticketing.accounts import queries as accounts
from ticketing.audit.queries import timeline
from ticketing.audit.rules import Act, case_stream
from ticketing.cases import queries, service
from ticketing.cases.rules import NoteKind
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Role, Scope
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.rules import MessageState

REASON = "The ward rings: her brother stands at the door with a knife."
HOUR = timedelta(minutes=60)


@pytest.fixture
def hospital(app):
    return make_hospital(password=PASSWORD)


@pytest.fixture
def outsider(hospital):
    """An officer of another team, who sees nothing of this one's cases."""
    make_team("OTHER")
    return make_staff(Role.OFFICER, "Olga Outside", team_codes=["OTHER"], scope=Scope.TEAMS)


def now(staff, at):
    return accounts.actor_now(accounts.staff_by_uid(staff.uid), at=at)


def test_only_those_on_the_list_and_the_auditors_see_a_confidential_case(hospital):
    reference = make_case(hospital.officer)
    service.make_confidential(reference, [hospital.manager.uid], "She works here.", by=hospital.officer, at=MONDAY)
    sees = {actor.name for actor in (hospital.officer, hospital.second_officer, hospital.manager, hospital.auditor, hospital.administrator)
            if queries.may_read(reference, actor)}
    assert sees == {"Hana Novak", "Ruth Okafor", "Ivo Lang"}
    with pytest.raises(Conflict, match="not on its list"):
        service.assign(reference, hospital.second_officer.uid, None, "", seen=None, by=hospital.officer, at=MONDAY)
    service.lift_confidence(reference, "She agrees.", by=hospital.officer, at=TUESDAY)
    assert queries.may_read(reference, hospital.second_officer)


def test_a_list_of_the_whole_hospital_or_a_narrow_scope_never_widens_it(hospital, outsider):
    reference = make_case(hospital.officer)
    service.make_confidential(reference, [outsider.uid], "She works here.", by=hospital.officer, at=MONDAY)
    assert queries.may_read(reference, outsider.actor)
    assert not queries.may_read(make_case(hospital.officer), outsider.actor)


def test_broken_glass_opens_one_case_to_read_for_an_hour_and_rings_the_bell(hospital, outsider):
    reference, other = make_case(hospital.officer), make_case(hospital.officer)
    assert service.break_glass(reference.lower(), REASON, by=now(outsider, MONDAY), at=MONDAY) == reference
    assert queries.may_read(reference, now(outsider, MONDAY))
    assert not queries.may_read(other, now(outsider, MONDAY))
    assert queries.may_read(reference, now(outsider, MONDAY + HOUR - timedelta(seconds=1)))
    assert not queries.may_read(reference, now(outsider, MONDAY + HOUR)), "it ends by itself"
    entry = timeline(case_stream(reference))[0]
    assert (entry.act, entry.why, entry.actor_name) == (Act.GLASS_BROKEN, REASON, "Olga Outside")
    bell = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "break_glass")).all()
    assert {row.recipient_name for row in bell} == {"Ruth Okafor", "Ivo Lang"}
    assert all(row.state is MessageState.QUEUED and REASON not in row.subject for row in bell)
    assert [use.row.reason for use in queries.glass_uses(hospital.manager)] == [REASON]


def test_it_lets_nobody_act(hospital, outsider):
    reference = make_case(hospital.officer)
    service.break_glass(reference, REASON, by=now(outsider, MONDAY), at=MONDAY)
    with pytest.raises(NotFound):
        service.add_note(reference, NoteKind.NOTE, "I was here", by=now(outsider, MONDAY), at=MONDAY)


def test_it_ends_by_hand(hospital, outsider):
    reference = make_case(hospital.officer)
    service.break_glass(reference, REASON, by=now(outsider, MONDAY), at=MONDAY)
    [use] = queries.open_glass(now(outsider, MONDAY), at=MONDAY)
    service.mend_glass(use.row.uid, by=now(outsider, MONDAY), at=MONDAY + timedelta(minutes=5))
    assert not queries.may_read(reference, now(outsider, MONDAY + timedelta(minutes=5)))
    assert timeline(case_stream(reference))[0].act == Act.GLASS_ENDED


def test_it_never_opens_a_case_to_whom_it_is_about_nor_to_their_manager(hospital, outsider):
    reference = make_case(hospital.officer)
    missing = "26-0000-0000-00"
    report = make_staff(Role.CLINICIAN, "Rory Report", manager=outsider.uid)
    service.break_glass(reference, REASON, by=now(outsider, MONDAY), at=MONDAY)
    service.name_subject(reference, report.uid, by=hospital.officer, at=MONDAY)
    assert not queries.may_read(reference, now(outsider, MONDAY)), "what was open is shut"
    for wanted in (reference, missing):
        with pytest.raises(NotFound, match="There is no such case"):
            service.break_glass(wanted, REASON, by=accounts.actor_of(outsider.id), at=MONDAY)


def test_a_reason_is_asked_for_and_some_may_not_at_all(hospital, outsider):
    reference = make_case(hospital.officer)
    with pytest.raises(Invalid, match="20 characters"):
        service.break_glass(reference, "urgent", by=outsider.actor, at=MONDAY)
    with pytest.raises(Conflict, match="You see this case anyway"):
        service.break_glass(reference, REASON, by=hospital.officer, at=MONDAY)
    for actor in (hospital.clinician, hospital.auditor):
        with pytest.raises(Forbidden):
            service.break_glass(reference, REASON, by=actor, at=MONDAY)


def test_an_administrator_sees_no_case_but_through_broken_glass_and_a_banner_says_so(client, hospital, set_clock):
    set_clock(MONDAY)
    reference = make_case(hospital.officer)
    client.post("/sign-in", data={"email": "ada.bell@hospital.example", "password": PASSWORD})
    assert client.get(f"/cases/{reference}").status_code == 403
    answer = client.post("/break-glass", data={"reference": reference, "reason": REASON})
    assert answer.headers["Location"] == f"/cases/{reference}"
    page = client.get(f"/cases/{reference}")
    assert page.status_code == 200
    assert "nine hours" in page.text
    assert "Opened in an emergency" in client.get("/staff").text
    assert "Take this case" not in page.text
    for minutes in (20, 40):
        set_clock(MONDAY + timedelta(minutes=minutes))
        assert client.get(f"/cases/{reference}").status_code == 200
    set_clock(MONDAY + HOUR)
    assert client.get(f"/cases/{reference}").status_code == 403
    assert "Opened in an emergency" not in client.get("/staff").text
