"""The pages of simulation: asked for, played by the job, read, run in shadow, put in force; and who may do so."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, drive, enter, make_case, make_hospital, make_staff, make_team
from tests.facts import MONDAY, TUESDAY
from ticketing.audit import service as audit
from ticketing.audit.models import AuditEntry
from ticketing.cases import service as cases
from ticketing.cases.models import Case
from ticketing.cases.rules import Status
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden
from ticketing.core.permissions import Role, Scope
from ticketing.escalation.jobs import play_simulations, sweep
from ticketing.escalation.models import ShadowFiring, Simulation, SimulationCase, SimulationState
from ticketing.escalation.queries import simulations as queries
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.rules.comparing import Change, Side
from ticketing.escalation.rules.drafting import ClosedDays, Draft, RuleChange, TargetChange
from ticketing.escalation.service import simulating as service
from ticketing.firings import queries as ladder
from ticketing.firings.models import Firing
from ticketing.outbox.models import OutboxMessage
from ticketing.packs.rules import TargetCode, Unit

LATER = MONDAY + timedelta(days=30)
ZONE = "Europe/London"
RANGE = Range((MONDAY - timedelta(days=1)).date(), LATER.date(), ZONE)
TWO_DAYS = Draft(targets=(TargetChange("england-nhs", TargetCode.ACKNOWLEDGE, 2, Unit.WORKING_DAYS),))


@pytest.fixture
def hospital(app, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: LATER)
    return make_hospital()


@pytest.fixture
def acknowledged_on_thursday(hospital):
    """Met within three working days, breached within two."""
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY + timedelta(days=3))
    return reference


def play(at=LATER):
    return play_simulations(at, zone=ZONE, seconds=lambda: 0.0)


def asked(hospital, draft=TWO_DAYS, name="Two days"):
    return service.ask(name, draft, RANGE, by=hospital.manager, at=LATER)


def test_a_target_met_under_today_s_policy_is_breached_under_the_draft(hospital, acknowledged_on_thursday):
    uid = asked(hospital)
    assert play().done == 1
    row = queries.simulation(uid)
    assert (row.state, row.done, row.figures.to_missed, row.figures.to_met) == (SimulationState.FINISHED, 1, 1, 0)
    [case] = queries.changed_cases(row.id, hospital.manager).rows
    assert (case.reference, case.target, case.before, case.after) == (acknowledged_on_thursday, "acknowledge", "met", "missed")
    assert row.figures.told.after > row.figures.told.before


def test_it_is_on_the_trail_and_touches_nothing_else(hospital, acknowledged_on_thursday):
    before = [db.session.scalar(sa.select(sa.func.count()).select_from(kind)) for kind in (Firing, OutboxMessage)]
    version = db.session.scalar(sa.select(Case.version))
    asked(hospital)
    play()
    acts = db.session.scalars(sa.select(AuditEntry.act).where(AuditEntry.stream == audit.ADMIN_STREAM).order_by(AuditEntry.id.desc())).all()
    assert acts[:2] == ["simulation.finished", "simulation.asked"]
    assert before == [db.session.scalar(sa.select(sa.func.count()).select_from(kind)) for kind in (Firing, OutboxMessage)]
    assert version == db.session.scalar(sa.select(Case.version))


def test_a_batch_is_kept_once_whoever_comes_second(hospital):
    uid = asked(hospital)
    change = Change(1, 1, "england-nhs", "acknowledge", "", 1, Side.MET, Side.MISSED, None, None, None)
    make_case(hospital.officer)
    change = Change(db.session.scalars(sa.select(Case.id)).one(), *[getattr(change, name) for name in Change.__slots__[1:]])
    assert service.keep_batch(uid, 0, 7, {"cases": 2}, [change], 1.5, at=LATER)
    assert not service.keep_batch(uid, 0, 7, {"cases": 2}, [change], 1.5, at=LATER)
    row = queries.simulation(uid)
    assert (row.done, row.last_case_id, row.seconds) == (2, 7, 1.5)
    assert len(db.session.scalars(sa.select(SimulationCase)).all()) == 1


def test_a_stopped_simulation_takes_no_more(hospital):
    uid = asked(hospital)
    service.stop(uid, by=hospital.manager, at=LATER)
    assert not service.keep_batch(uid, 0, 7, {"cases": 2}, [], 1.0, at=LATER)
    assert play().total == 0
    with pytest.raises(Conflict, match="not running"):
        service.stop(uid, by=hospital.manager, at=LATER)


def test_only_who_manages_rules_may_ask(hospital):
    for actor in (hospital.officer, hospital.clinician, hospital.auditor):
        with pytest.raises(Forbidden):
            service.ask("No", TWO_DAYS, RANGE, by=actor, at=LATER)


def test_a_case_that_names_its_reader_is_counted_and_not_listed(hospital, acknowledged_on_thursday):
    cases.name_subject(acknowledged_on_thursday, hospital.manager.uid, by=hospital.officer, at=LATER)
    uid = asked(hospital)
    play()
    row = queries.simulation(uid)
    assert row.figures.to_missed == 1
    assert queries.changed_cases(row.id, hospital.manager).rows == ()
    assert len(queries.changed_cases(row.id, hospital.officer).rows) == 1


def test_closed_days_that_the_law_counts_move_a_statutory_date_and_local_ones_do_not(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY + timedelta(days=4))
    for is_public, to_met in ((True, 1), (False, 0)):
        uid = asked(hospital, Draft(closed=ClosedDays("england_wales", (TUESDAY.date(),), is_public)), f"Closed {is_public}")
        play()
        assert queries.simulation(uid).figures.to_met == to_met


def test_a_rule_switched_off_tells_less_and_changes_no_side(hospital):
    make_case(hospital.officer)
    uid = asked(hospital, Draft(rules=(RuleChange("half-time", None), RuleChange("four-fifths", None))))
    play()
    found = queries.simulation(uid).figures
    assert found.fired.after < found.fired.before
    assert (found.to_missed, found.to_met, found.other) == (0, 0, 0)


def test_who_stands_in_gets_the_messages(hospital):
    make_case(hospital.officer)
    cases.take(db.session.scalars(sa.select(Case.reference)).one(), by=hospital.officer, at=MONDAY)
    uid = asked(hospital, Draft(stand_ins={hospital.officer.uid: hospital.second_officer.uid}))
    play()
    people = {row.uid: row for row in queries.simulation(uid).figures.people}
    assert people[hospital.officer.uid].total.before > 0
    assert people[hospital.officer.uid].total.after == 0
    assert people[hospital.second_officer.uid].total.after >= people[hospital.officer.uid].total.before


def test_figures_about_people_hold_no_case_that_is_hidden_from_the_reader(hospital, client):
    plain, listed, naming = (make_case(hospital.officer) for _ in range(3))
    cases.make_confidential(listed, [hospital.manager.uid], "A colleague's own care.", by=hospital.officer, at=MONDAY)
    cases.name_subject(naming, hospital.clinician.uid, by=hospital.officer, at=MONDAY)
    uid = asked(hospital)
    play()
    row, manager = queries.simulation(uid), make_staff(Role.MANAGER, "Mona Manager")
    assert set(row.sums["apart"]) == {str(db.session.scalar(sa.select(Case.id).where(Case.reference == one))) for one in (listed, naming)}
    most = max(person.total.before for person in row.figures.people)
    assert most <= len(db.session.scalars(sa.select(Firing.id).join(Case, Case.id == Firing.case_id).where(Case.reference == plain)).all())
    sees = {actor.role: bool(queries.figures_for(row, actor, ZONE).people) for actor in (manager.actor, hospital.administrator)}
    assert sees == {Role.MANAGER: True, Role.ADMINISTRATOR: False}
    make_team("OTHER")
    team = make_staff(Role.MANAGER, "Theo Team", team_codes=["OTHER"], scope=Scope.TEAMS)
    assert queries.figures_for(row, team.actor, ZONE).people == ()
    client.post("/sign-in", data={"email": manager.email, "password": PASSWORD})
    assert "Ruth Okafor" in client.get(f"/escalations/simulations/{uid}").text
    cases.make_confidential(plain, [hospital.manager.uid], "Another's.", by=hospital.officer, at=LATER)
    assert queries.figures_for(row, manager.actor, ZONE).people == ()
    for page in ("", "/figures.csv"):
        assert "Ruth Okafor" not in client.get(f"/escalations/simulations/{uid}{page}").text.partition("Messages")[2], page


def test_a_shadow_shows_no_figure_of_a_hidden_case(hospital):
    uid = asked(hospital)
    service.begin_shadow(uid, by=hospital.manager, at=LATER) if play() else None
    reference = make_case(hospital.officer, at=LATER, received_at=LATER)
    cases.make_confidential(reference, [hospital.manager.uid], "A colleague's own care.", by=hospital.officer, at=LATER)
    end = LATER + timedelta(days=12)
    play(end)
    sweep(end)
    row, other = queries.simulation(uid), make_staff(Role.MANAGER, "Mona Manager").actor
    assert queries.shadow_by_day(row, hospital.manager, end)
    assert queries.shadow_people(row, hospital.manager, end)
    assert queries.shadow_by_day(row, other, end) == queries.shadow_people(row, other, end) == ()


def test_a_shadow_records_its_steps_and_does_nothing(hospital):
    uid = asked(hospital)
    play()
    service.begin_shadow(uid, by=hospital.manager, at=LATER)
    make_case(hospital.officer, at=LATER, received_at=LATER)
    play(LATER + timedelta(minutes=1))
    planned = db.session.scalars(sa.select(ShadowFiring).where(ShadowFiring.fired_at.is_(None))).all()
    assert planned
    mails = db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage))
    end = LATER + timedelta(days=12)
    play(end)
    fired = db.session.scalars(sa.select(ShadowFiring).where(ShadowFiring.fired_at.is_not(None))).all()
    assert fired
    assert all(step.told for step in fired)
    assert mails == db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage))
    sweep(end)
    row = queries.simulation(uid)
    assert queries.shadow_by_day(row, hospital.manager, end)
    assert queries.shadow_steps(row, hospital.manager, end)
    service.end_shadow(uid, by=hospital.manager, at=end)
    assert queries.shadows() == ()


def test_a_draft_that_is_gone_says_so(hospital):
    uid = asked(hospital)
    db.session.execute(sa.update(Simulation.__table__).values(draft={**TWO_DAYS.to_json(), "calendar_uid": "0" * 32}))
    play()
    row = queries.simulation(uid)
    assert row.state is SimulationState.FAILED
    assert "thrown away" in row.note


def test_from_the_form_to_the_result_and_into_force(hospital, client, acknowledged_on_thursday):
    enter(client, Role.MANAGER, "Maya Lind", team_codes=["CENTRAL"])
    client.page("/escalations/simulations")
    answer = client.fill_in("/escalations/simulations/new", {
        "name": "Warn at seventy", "months": "24", "rule": "half-time", "kind": "percent", "number": "70",
        "target": "england-nhs/acknowledge", "amount": "2", "unit": "working_days"})
    assert answer.status_code == 303
    page = client.page(answer.location)
    assert page.one("progress").get("value") == "0"
    play()
    page = client.page(answer.location)
    assert "1 met → breached" in page.text
    assert acknowledged_on_thursday in page.text
    uid = answer.location.rsplit("/", 1)[1]
    client.page(f"{answer.location}/cases?side=missed")
    text = client.get(f"{answer.location}/figures.csv").get_data(as_text=True)
    assert "Breached targets" in text
    assert acknowledged_on_thursday in text
    assert client.post(f"{answer.location}/shadow").status_code == 303
    client.page(f"{answer.location}/shadow")
    assert client.post(f"{answer.location}/publish").status_code == 303
    assert ladder.rule("half-time").newest.draft.trigger.number == 70
    assert not queries.simulation(uid).in_shadow


@pytest.mark.parametrize(("typed", "sentence"), [
    ({"name": "Nothing"}, "Change at least one thing"),
    ({"name": "X", "target": "england-nhs/acknowledge"}, "Enter the new number"),
    ({"name": "X", "rule": "new", "kind": "percent", "number": "70"}, "Choose whom the new rule tells"),
    ({"name": "X", "rule": "half-time", "kind": "percent", "number": "170"}, "from 1 to 99"),
    ({"name": "X", "calendar": "england_wales", "days": "soon"}, "is not a day"),
    ({"name": "X", "pack_text": "code ="}, "cannot be used"),
    ({"name": "X", "pack_text": "\x00"}, "Change at least one thing"),
])
def test_what_cannot_be_tried_is_said_beside_its_field(hospital, client, typed, sentence):
    make_case(hospital.officer)
    enter(client, Role.MANAGER, "Maya Lind")
    answer = client.fill_in("/escalations/simulations/new", typed)
    assert answer.status_code in (409, 422)
    assert sentence in answer.get_data(as_text=True)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.CLINICIAN])
def test_others_are_refused(hospital, client, role):
    enter(client, role)
    assert client.get("/escalations/simulations").status_code == 403
