"""The sweep on real cases: what fires, who is told, what gives way, and that nothing is done twice or silently not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import FACTORY, Hospital, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, SATURDAY, THURSDAY, TUESDAY, WEDNESDAY
from tests.probes import Injected, assert_all_or_nothing, count_queries, failing_at
from ticketing.accounts import queries as accounts
from ticketing.accounts import service as staff
from ticketing.audit import queries as trail
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, case_stream
from ticketing.cases import service as cases
from ticketing.cases.models import Case, Task
from ticketing.cases.rules import Status
from ticketing.codes.rules import BreachReason, HoldReason
from ticketing.core.database import atomic, db
from ticketing.core.permissions import Permission, Role, machine
from ticketing.escalation import queries
from ticketing.escalation.jobs import sweep
from ticketing.escalation.service import sweeping as service
from ticketing.firings import service as firings
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import (
    Actions,
    Cause,
    Conditions,
    FiringState,
    Reassign,
    Recipient,
    RuleDraft,
    Trigger,
    TriggerKind,
)
from ticketing.outbox import queries as outbox
from ticketing.outbox.models import OutboxMessage
from ticketing.packs.rules import TargetCode

DUE = datetime(2026, 3, 6, tzinfo=UTC)  # a case received on Monday is acknowledged by the end of Thursday
AFTER = DUE + timedelta(minutes=1)
KEEPER = machine("keeper", Permission.MANAGE_RULES)
TO_ACKNOWLEDGE = Conditions(targets=(TargetCode.ACKNOWLEDGE,))


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital()


def steps(code: str = "", target: str = "acknowledge") -> list[Firing]:
    """The firings of one rule, or of all, about a target."""
    query = (sa.select(Firing).join(RuleVersion).join(EscalationRule).where(Firing.timer_key.startswith(f"{target}/"))
             .order_by(Firing.fire_at, Firing.id).execution_options(populate_existing=True))
    return list(db.session.scalars(query.where(EscalationRule.code == code) if code else query))


def mails() -> list[OutboxMessage]:
    return list(db.session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "escalation").order_by(OutboxMessage.id)))


def told() -> list[str]:
    return [mail.recipient_name for mail in mails()]


def entries(reference: str, act: Act) -> list[object]:
    return [entry for entry in trail.timeline(case_stream(reference)) if entry.act == act]


def sweep_until(code: str) -> datetime:
    """Sweep at each planned moment of the acknowledgement in its order, the last that of `code`; returns it."""
    last = steps(code)[-1].fire_at
    for moment in sorted({step.fire_at for step in steps() if step.state is FiringState.PLANNED and step.fire_at <= last}):
        sweep(moment)
    return last


def told_by(step: Firing) -> set[str]:
    return {mail.recipient_name for mail in mails() if mail.dedup_key.startswith(f"firing:{step.uid}:")}


def test_half_time_tells_the_handler(hospital):
    reference = make_case(hospital.officer)
    cases.take(reference, by=hospital.officer, at=MONDAY)
    at = sweep_until("half-time")
    [step] = steps("half-time")
    assert (step.state, step.fired_at, step.is_late) == (FiringState.FIRED, at, False)
    assert step.note == "Told 1 person."
    [mail] = [item for item in mails() if item.dedup_key.startswith(f"firing:{step.uid}:")]
    assert (mail.recipient_name, mail.subject) == ("Hana Novak", f"{reference}: acknowledgement due soon")
    assert mail.case_reference == reference


OUTWARD = Actions(notify=(Recipient.MANAGERS,), external=("partner@elsewhere.example", "omar.finch@hospital.example"),
                  webhook="https://hooks.example.org/redress")


def outside() -> list[OutboxMessage]:
    kinds = ("escalation_outside", "webhook")
    return list(db.session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind.in_(kinds)).order_by(OutboxMessage.id)))


def outward(hospital) -> None:
    draft = RuleDraft("Tell the partner", 4, Trigger(TriggerKind.PERCENT, 40), TO_ACKNOWLEDGE, OUTWARD)
    firings.create_rule(draft, by=hospital.manager, at=MONDAY)


def test_nothing_about_a_confidential_case_goes_outside_and_the_step_says_so(hospital):
    outward(hospital)
    reference, plain = make_case(hospital.officer), make_case(hospital.officer)
    cases.make_confidential(reference, [hospital.manager.uid], "A colleague's own care.", by=hospital.officer, at=MONDAY)
    sweep(AFTER)
    sweep(NEXT_MONDAY)
    assert {mail.case_reference for mail in outside()} == {plain}
    assert len(outside()) == 3
    notes = {db.session.get_one(Case, step.case_id).reference: step.note for step in steps("tell-the-partner")}
    assert "told nobody outside, because the case is confidential" in notes[reference]
    assert "outside" in notes[plain]
    assert "confidential" not in notes[plain]


def test_what_waits_to_go_outside_is_judged_when_it_is_sent(hospital):
    outward(hospital)
    reference = make_case(hospital.officer)
    omar = make_staff(Role.CLINICIAN, "Omar Finch")
    sweep(AFTER)
    sweep(NEXT_MONDAY)
    rows = {mail.recipient_email or "call": outbox.message(mail.uid) for mail in outside()}
    assert {key: queries.why_withhold(row, at=NEXT_MONDAY) for key, row in rows.items()} == {
        "partner@elsewhere.example": None, "call": None, "omar.finch@hospital.example": "They may not see this case."}
    cases.make_confidential(reference, [hospital.manager.uid], "A colleague's own care.", by=hospital.officer, at=NEXT_MONDAY)
    assert all("confidential" in (queries.why_withhold(row, at=NEXT_MONDAY) or "") for row in rows.values())
    named = make_case(hospital.officer, at=NEXT_MONDAY, received_at=NEXT_MONDAY)
    cases.name_subject(named, omar.uid, by=hospital.officer, at=NEXT_MONDAY)
    sweep(NEXT_MONDAY + timedelta(days=9))
    assert {mail.recipient_email for mail in outside() if mail.case_reference == named} == {"partner@elsewhere.example", ""}


def test_an_unassigned_case_tells_the_whole_team(hospital):
    make_case(hospital.officer)
    sweep_until("half-time")
    assert told_by(steps("half-time")[0]) == {"Hana Novak", "Tom Reed", "Ruth Okafor"}


def test_a_breach_is_recorded_at_its_instant_and_told_when_the_office_opens(hospital):
    reference = make_case(hospital.officer)
    sweep(AFTER)
    [breached] = entries(reference, Act.CASE_BREACHED)
    assert breached.occurred_at == DUE
    [step] = steps("breach")
    assert (step.state, step.fired_at) == (FiringState.FIRED, AFTER)
    first = {mail.next_attempt_at for mail in mails() if mail.dedup_key.startswith(f"firing:{step.uid}:")}
    assert first == {datetime(2026, 3, 6, 9, tzinfo=UTC)}


def test_where_danger_is_flagged_people_are_told_at_once(hospital):
    make_case(hospital.officer, is_danger_now=True)
    sweep(AFTER)
    [step] = steps("breach")
    assert {mail.next_attempt_at for mail in mails() if mail.dedup_key.startswith(f"firing:{step.uid}:")} == {AFTER}


def test_a_breach_asks_for_its_reason(hospital):
    make_case(hospital.officer)
    sweep(AFTER)
    assert db.session.scalars(sa.select(Task.title)).all() == ["Say why the acknowledgement target was breached"]


def test_five_working_days_after_the_priority_is_raised(hospital):
    reference = make_case(hospital.officer)
    sweep(AFTER)
    sweep(steps("five-days-after")[0].fire_at)
    assert db.session.scalar(sa.select(Case.priority).where(Case.reference == reference)) == 1
    assert "priority raised" in steps("five-days-after")[0].note


def test_after_an_outage_each_timer_tells_once_and_late(hospital):
    make_case(hospital.officer)
    tally = sweep(MONDAY + timedelta(days=30))
    states = {step.rule_version.rule.code: (step.state, step.is_late, step.cause) for step in steps()}
    assert states["five-days-after"] == (FiringState.FIRED, True, Cause.NONE)
    assert {states[code] for code in ("half-time", "four-fifths", "day-before", "breach")} == {
        (FiringState.SUPERSEDED, False, Cause.GAVE_WAY)}
    assert tally.outcomes["fired_late"] == 1
    assert len([mail for mail in mails() if "acknowledgement" in mail.subject]) == 1
    assert db.session.scalars(sa.select(Task.title)).all() == ["Say why the acknowledgement target was breached"]
    assert steps("breach")[0].note == "It gave way to “Five working days after it was due”."


def test_a_second_sweep_does_nothing(hospital):
    make_case(hospital.officer)
    at = MONDAY + timedelta(days=30)
    sweep(at)
    before = len(mails())
    assert sweep(at).total == 0
    assert sweep(at + timedelta(minutes=1)).total == 0
    assert len(mails()) == before


def test_a_clock_set_back_does_nothing_again(hospital):
    make_case(hospital.officer)
    sweep(AFTER)
    before = len(mails())
    assert sweep(MONDAY).total == 0
    assert sweep(AFTER).total == 0
    assert len(mails()) == before


def test_a_closed_case_escalates_no_more(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital)
    assert sweep(MONDAY + timedelta(days=90)).outcomes.get("fired_late", 0) == 0
    assert mails() == []


def test_what_slipped_through_planning_is_caught_under_the_lock(hospital):
    reference = make_case(hospital.officer)
    close_behind_the_plan(reference, at=TUESDAY)
    tally = service.fire_batch(at=AFTER)
    assert tally.outcomes == {"superseded": len(steps("half-time") + steps("four-fifths") + steps("day-before") + steps("breach"))}
    assert {step.note for step in steps() if step.state is FiringState.SUPERSEDED} == {"The case ended."}
    assert mails() == []


@atomic
def close_behind_the_plan(reference: str, *, at: datetime) -> None:
    db.session.execute(sa.update(Case.__table__).where(Case.reference == reference).values(is_open=False, status=Status.WITHDRAWN))
    audit.record(case_stream(reference), Act.CASE_AMENDED, by=KEEPER, at=at)


def test_an_acknowledged_case_has_no_acknowledgement_steps(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital)
    assert {step.state for step in steps()} == {FiringState.SUPERSEDED}
    assert {step.note for step in steps()} == {"The target was met."}


def test_a_held_statement_waits_and_runs_on_when_released(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    clinician = accounts.staff_by_uid(hospital.clinician.uid)
    cases.ask_statement(reference, clinician.uid, (1,), "What happened?", "", 15, by=hospital.officer, at=WEDNESDAY)
    [before] = steps("statement-breach", "statement")
    cases.hold(reference, HoldReason.LEGAL, "Asked by legal", seen=version_of(reference), by=hospital.officer, at=THURSDAY)
    assert [step.state for step in steps("statement-breach", "statement")] == [FiringState.SUPERSEDED]
    cases.release(reference, "Go on", seen=version_of(reference), by=hospital.officer, at=THURSDAY + timedelta(days=7))
    last = steps("statement-breach", "statement")[-1]
    assert last.state is FiringState.PLANNED
    assert last.fire_at > before.fire_at


def test_whoever_was_asked_for_a_statement_is_told_of_it(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.INVESTIGATION, hospital)
    cases.take(reference, by=hospital.officer, at=WEDNESDAY) if handler_of(reference) is None else None
    cases.ask_statement(reference, hospital.clinician.uid, (1,), "What happened?", "", 15, by=hospital.officer, at=WEDNESDAY)
    [step] = steps("statement-four-fifths", "statement")
    sweep(step.fire_at)
    mine = {mail.recipient_name: mail.template for mail in mails() if mail.dedup_key.startswith(f"firing:{step.uid}:")}
    assert mine["Priya Shah"] == "escalation_statement"
    assert "Hana Novak" in mine


def handler_of(reference: str) -> int | None:
    return db.session.scalar(sa.select(Case.handler_id).where(Case.reference == reference))


def test_a_deputy_is_told_instead_of_somebody_on_leave(hospital):
    reference = make_case(hospital.officer)
    cases.take(reference, by=hospital.officer, at=MONDAY)
    staff.set_leave(hospital.officer.uid, date(2026, 3, 3), date(2026, 3, 20), hospital.second_officer.uid, by=FACTORY, at=MONDAY)
    sweep_until("half-time")
    assert told_by(steps("half-time")[0]) == {"Tom Reed"}
    assert "Hana Novak" not in told()


def test_somebody_named_in_the_concern_is_never_told(hospital):
    reference = make_case(hospital.officer)
    cases.name_subject(reference, hospital.manager.uid, by=hospital.officer, at=MONDAY)
    make_staff(Role.MANAGER, "Omar Haddad")
    sweep(MONDAY + timedelta(days=30))
    assert "Ruth Okafor" not in told()
    assert "Omar Haddad" in told()


def test_when_nobody_is_left_to_tell_the_step_fails_where_people_see_it(hospital):
    reference = make_case(hospital.officer)
    cases.name_subject(reference, hospital.manager.uid, by=hospital.officer, at=MONDAY)
    sweep(AFTER)
    [step] = steps("breach")
    assert step.state is FiringState.FAILED
    assert step.note == service.NOBODY
    [entry] = entries(reference, Act.CASE_ESCALATION_FAILED)
    assert entry.why == service.NOBODY
    make_staff(Role.MANAGER, "Omar Haddad")
    firings.try_again(step.uid, by=hospital.administrator, at=FRIDAY)
    sweep(FRIDAY)
    assert [item.state for item in steps("breach")] == [FiringState.FAILED, FiringState.FIRED]
    assert told()[-1] == "Omar Haddad"


def test_a_failing_step_does_not_keep_the_others_from_being_carried_out(hospital):
    first = make_case(hospital.officer)
    second = make_case(hospital.officer)
    cases.name_subject(first, hospital.manager.uid, by=hospital.officer, at=MONDAY)
    tally = sweep(AFTER)
    assert tally.failed >= 1
    assert entries(first, Act.CASE_ESCALATION_FAILED)
    assert entries(second, Act.CASE_ESCALATED)
    assert not entries(second, Act.CASE_ESCALATION_FAILED)


def test_the_team_lead_is_told_and_can_be_given_the_case(hospital):
    staff.set_leads("CENTRAL", [hospital.second_officer.uid], by=FACTORY, at=MONDAY)
    draft = RuleDraft("To the lead", 5, Trigger(TriggerKind.PERCENT, 10), TO_ACKNOWLEDGE,
                      Actions(notify=(Recipient.TEAM_LEADS,), reassign=Reassign.TEAM_LEAD, priority=2, task="Read it"))
    code = firings.create_rule(draft, by=KEEPER, at=MONDAY)
    reference = make_case(hospital.officer)
    cases.take(reference, by=hospital.officer, at=MONDAY)
    sweep(steps(code)[0].fire_at)
    row = db.session.execute(sa.select(Case.handler_id, Case.priority).where(Case.reference == reference)).one()
    assert row == (hospital.second_officer.staff_id, 2)
    assert steps(code)[0].note == "Told 1 person; priority urgent; added the task “Read it”; gave it to Tom Reed."


def test_a_step_escalates_with_one_trail_entry_that_says_whom_it_told(hospital):
    reference = make_case(hospital.officer)
    cases.take(reference, by=hospital.officer, at=MONDAY)
    sweep_until("half-time")
    found = entries(reference, Act.CASE_ESCALATED)
    assert len(found) == len([step for step in db.session.scalars(sa.select(Firing)) if step.state is FiringState.FIRED])
    assert found[0].private["to"] == "Hana Novak"
    assert "Hana" not in str(found[0].facts)


def test_silence_that_was_broken_waits_for_the_new_silence(hospital):
    silence = RuleDraft("Nothing happens", 1, Trigger(TriggerKind.NO_ACTIVITY, 3), Conditions(), Actions(notify=(Recipient.HANDLER,)))
    firings.create_rule(silence, by=KEEPER, at=MONDAY)
    reference = make_case(hospital.officer)
    step = db.session.scalars(sa.select(Firing).where(Firing.timer_key == "silence")).one()
    set_activity(reference, WEDNESDAY, at=WEDNESDAY)
    service.fire_batch(at=step.fire_at)
    db.session.refresh(step)
    assert (step.state, step.fire_at) == (FiringState.PLANNED, datetime(2026, 3, 9, 9, 30, tzinfo=UTC))
    sweep(step.fire_at)
    db.session.refresh(step)
    assert step.state is FiringState.FIRED


@atomic
def set_activity(reference: str, moment: datetime, *, at: datetime) -> None:
    db.session.execute(sa.update(Case.__table__).where(Case.reference == reference).values(last_activity_at=moment))
    audit.record(case_stream(reference), Act.CASE_AMENDED, by=KEEPER, at=at)


def test_recording_breaches_is_all_or_nothing(hospital):
    make_case(hospital.officer)
    assert assert_all_or_nothing(lambda: service.record_breaches(at=AFTER)) >= 3


@pytest.mark.parametrize("number", range(1, 9))
def test_a_write_that_fails_once_is_made_good_within_the_batch(hospital, number):
    reference = make_case(hospital.officer)
    service.record_breaches(at=AFTER)
    with failing_at(number) as seen:
        try:
            service.fire_batch(at=AFTER)
        except Injected:  # outside the steps: nothing is left, and the next sweep does it
            assert mails() == []
            service.fire_batch(at=AFTER)
    assert len(seen) >= number
    [step] = steps("breach")
    assert step.state is FiringState.FIRED
    assert sorted(told_by(step)) == ["Ruth Okafor"]
    assert len(entries(reference, Act.CASE_ESCALATED)) == 1
    assert len(db.session.scalars(sa.select(Task)).all()) == 1


def test_the_sweep_costs_what_is_due_not_what_is_open(hospital):
    make_case(hospital.officer)
    with count_queries() as one:
        sweep(MONDAY)
    for _ in range(20):
        make_case(hospital.officer)
    with count_queries() as many:
        sweep(MONDAY)
    assert len(one) == len(many)


def test_mails_hold_nothing_personal(hospital, app):
    from ticketing.outbox.jobs import render_mail
    from ticketing.outbox.queries import for_case

    reference = make_case(hospital.officer)
    sweep(AFTER)
    sent = [message for message in for_case(reference) if message.kind == "escalation"]
    assert sent
    for message in sent:
        content = render_mail(message)
        text = f"{content.subject} {content.text}"
        assert "Khan" not in text
        assert "hours" not in text
        assert f"/cases/{reference}" in content.text
        assert message.recipient_name.split()[0] in content.text


def test_a_mail_is_withheld_from_whoever_may_not_see_the_case_any_more(hospital):
    from ticketing.outbox.queries import for_case

    reference = make_case(hospital.officer)
    cases.take(reference, by=hospital.officer, at=MONDAY)
    sweep_until("half-time")
    [message] = [item for item in for_case(reference) if item.recipient_name == "Hana Novak"][:1]
    assert queries.why_withhold(message, at=TUESDAY) is None
    cases.name_subject(reference, hospital.officer.uid, by=hospital.second_officer, at=WEDNESDAY)
    assert queries.why_withhold(message, at=TUESDAY) == "They may not see this case."


def test_at_the_weekend_people_are_told_on_monday(hospital):
    make_case(hospital.officer, at=TUESDAY, received_at=TUESDAY)
    sweep_until("breach")
    [step] = steps("breach")
    assert step.fire_at.date() == SATURDAY.date()
    assert {mail.next_attempt_at for mail in mails() if mail.dedup_key.startswith(f"firing:{step.uid}:")} == {
        NEXT_MONDAY.replace(hour=9, minute=0)}


def test_the_command_sweeps_once_and_prints_counts(hospital, run):
    make_case(hospital.officer)
    first = run.invoke(args=["sweep", "--at", "2026-04-02T09:00:00+00:00"])
    assert first.exit_code == 0, first.output
    assert json.loads(first.output) == {"breached": 1, "failed": 0, "fired": 0, "fired_late": 1, "superseded": 4}
    again = run.invoke(args=["sweep", "--at", "2026-04-02T10:00:00"])
    assert set(json.loads(again.output).values()) == {0}
    wrong = run.invoke(args=["sweep", "--at", "tomorrow"])
    assert wrong.exit_code == 1
    assert "'tomorrow' is not a moment" in wrong.output


def test_the_task_to_say_why_leads_to_the_step_and_is_done_by_it(hospital):
    reference = make_case(hospital.officer)
    sweep(AFTER)
    task = db.session.scalars(sa.select(Task)).one()
    assert task.about == "acknowledge:"
    cases.give_breach_reason(reference, "acknowledge", "", BreachReason.WORKLOAD, "Two of us were ill.", by=hospital.officer, at=AFTER)
    db.session.refresh(task)
    assert (task.done_at, task.done_by_id) == (AFTER, hospital.officer.staff_id)
