"""Who is told, when and how often: rota, leave, budgets, notices that must be acknowledged, promises after closing; P13 to P20."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.factories import FACTORY, PASSWORD, Hospital, drive, make_case, make_hospital, make_staff
from tests.facts import FRIDAY, MONDAY, TUESDAY
from ticketing.accounts import queries as accounts
from ticketing.accounts import service as staff
from ticketing.audit import queries as trail
from ticketing.audit.rules import ADMIN_STREAM, Act, case_stream
from ticketing.cases import service as cases
from ticketing.cases.models import Case
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.mail import Mail
from ticketing.core.permissions import Actor, Permission, Role, machine
from ticketing.escalation import queries, service
from ticketing.escalation.jobs import sweep
from ticketing.escalation.rules.duty import Shift, next_level
from ticketing.firings import queries as ladder
from ticketing.firings import service as firings
from ticketing.firings.models import EscalationRule, Firing, RuleVersion
from ticketing.firings.rules import DEFAULT_RULES, Actions, Conditions, FiringState, OffsetUnit, Recipient, RuleDraft, Trigger, TriggerKind
from ticketing.outbox import queries as outbox
from ticketing.outbox import service as sending
from ticketing.outbox.jobs import deliver_batch, render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.rules import MessageState, NewMessage
from ticketing.packs.rules import TargetCode

KEEPER = machine("keeper", Permission.MANAGE_RULES)
TO_ACKNOWLEDGE = Conditions(targets=(TargetCode.ACKNOWLEDGE,))
DUE = datetime(2026, 3, 6, tzinfo=UTC)  # a case received on Monday is acknowledged by the end of Thursday
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return make_hospital(password=PASSWORD)


@pytest.fixture
def only(hospital: Hospital) -> Hospital:
    """The hospital without the shipped ladder: only what a test adds fires."""
    for code in DEFAULT_RULES:
        firings.switch_off(code, by=KEEPER, at=MONDAY)
    return hospital


def rule(name: str, actions: Actions, trigger: Trigger | None = None, *, level: int = 1, conditions: Conditions = TO_ACKNOWLEDGE) -> str:
    draft = RuleDraft(name, level, trigger or Trigger(TriggerKind.PERCENT, 50), conditions, actions)
    return firings.create_rule(draft, by=KEEPER, at=MONDAY)


def steps(code: str = "") -> list[Firing]:
    query = (sa.select(Firing).join(RuleVersion).join(EscalationRule).order_by(Firing.fire_at, Firing.id)
             .execution_options(populate_existing=True))
    return list(db.session.scalars(query.where(EscalationRule.code == code) if code else query))


def mails() -> list[OutboxMessage]:
    query = sa.select(OutboxMessage).where(OutboxMessage.kind.in_(("escalation", "escalation_outside"))).order_by(OutboxMessage.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def told() -> list[str]:
    return [mail.recipient_name for mail in mails()]


def fire(code: str) -> datetime:
    """Sweep at the moment of the rule's only planned step."""
    [step] = [step for step in steps(code) if step.state is FiringState.PLANNED]
    sweep(step.fire_at)
    return step.fire_at


# --- the rota ---


def team_id() -> int:
    return accounts.teams()[0].id


def on_duty(person: Actor, weekday: int, starts: str, ends: str) -> str:
    assert person.staff_id is not None
    return service.add_shift(team_id(), Shift(person.staff_id, weekday, starts, ends), by=KEEPER, at=MONDAY)


@pytest.mark.parametrize(("day", "time", "covers"), [
    (2, "21:59", False), (2, "22:00", True), (2, "23:59", True), (3, "00:00", True), (3, "05:59", True), (3, "06:00", False),
    (2, "05:59", False), (3, "22:00", False),
])
def test_a_night_shift_runs_into_the_next_morning_and_no_other(day, time, covers):
    hour, minute = map(int, time.split(":"))
    shift = Shift(1, 0, "22:00", "06:00")  # Monday night; 2 March 2026 is a Monday
    assert shift.covers(datetime(2026, 3, day, hour, minute, tzinfo=UTC)) is covers


@pytest.mark.parametrize(("time", "covers"), [("08:59", False), ("09:00", True), ("12:59", True), ("13:00", False)])
def test_a_shift_runs_from_its_first_minute_up_to_its_last(time, covers):
    hour, minute = map(int, time.split(":"))
    assert Shift(1, 0, "09:00", "13:00").covers(datetime(2026, 3, 2, hour, minute, tzinfo=UTC)) is covers


def test_whoever_is_on_duty_at_that_hour_is_told_and_nobody_of_another_hour_or_team(only):
    code = rule("Duty", Actions(notify=(Recipient.ON_DUTY,)))
    make_case(only.officer)
    at = steps(code)[0].fire_at
    hour, weekday = at.hour, at.weekday()
    staff.add_team("OTHER", "Team Other", by=FACTORY, at=MONDAY)
    stranger = make_staff(Role.OFFICER, "Otto Other", team_codes=["OTHER"])
    other = next(team.id for team in accounts.teams() if team.name == "Team Other")
    service.add_shift(other, Shift(stranger.id, weekday, "00:00", "23:59"), by=KEEPER, at=MONDAY)
    on_duty(only.second_officer, weekday, f"{hour:02d}:00", f"{hour + 1:02d}:00")
    on_duty(only.officer, weekday, f"{hour + 1:02d}:00", f"{hour + 2:02d}:00")
    on_duty(only.manager, (weekday + 1) % 7, f"{hour:02d}:00", f"{hour + 1:02d}:00")
    sweep(at)
    assert told() == ["Tom Reed"]


def test_while_nobody_is_on_duty_the_team_lead_is_told(only):
    staff.set_leads("CENTRAL", [only.second_officer.uid], by=FACTORY, at=MONDAY)
    code = rule("Duty", Actions(notify=(Recipient.ON_DUTY,)))
    make_case(only.officer)
    fire(code)
    assert told() == ["Tom Reed"]


def test_whoever_is_on_duty_at_night_is_told_at_night_the_others_in_the_morning(only):
    code = rule("Missed", Actions(notify=(Recipient.ON_DUTY, Recipient.MANAGERS)), Trigger(TriggerKind.BREACH))
    on_duty(only.second_officer, 3, "22:00", "06:00")
    make_case(only.officer)
    assert fire(code) == DUE
    assert {mail.recipient_name: mail.next_attempt_at for mail in mails()} == {
        "Tom Reed": DUE, "Ruth Okafor": DUE.replace(hour=9)}


def test_the_rota_is_kept_by_those_who_manage_rules_and_each_change_is_on_the_trail(hospital):
    with pytest.raises(Forbidden):
        service.add_shift(team_id(), Shift(hospital.officer.staff_id, 0, "09:00", "17:00"), by=hospital.officer, at=MONDAY)
    uid = on_duty(hospital.officer, 0, "09:00", "17:00")
    with pytest.raises(Conflict):
        on_duty(hospital.officer, 0, "09:00", "12:00")
    with pytest.raises(Invalid, match="not in"):
        on_duty(hospital.clinician, 0, "09:00", "17:00")
    for wrong in ("9:00", "24:00", "", "١٠:00"):
        with pytest.raises(Invalid):
            on_duty(hospital.officer, 1, wrong, "17:00")
    with pytest.raises(Forbidden):
        service.remove_shift(uid, by=hospital.officer, at=MONDAY)
    service.remove_shift(uid, by=KEEPER, at=TUESDAY)
    with pytest.raises(NotFound):
        service.remove_shift(uid, by=KEEPER, at=TUESDAY)
    changes = [entry.facts["is_added"] for entry in trail.timeline(ADMIN_STREAM) if entry.act == Act.ROTA_CHANGED]
    assert sorted(changes) == [False, True]


# --- leave ---


def test_whoever_stands_in_for_the_one_on_duty_is_told(only):
    code = rule("Duty", Actions(notify=(Recipient.ON_DUTY,)))
    make_case(only.officer)
    at = steps(code)[0].fire_at
    on_duty(only.officer, at.weekday(), "00:00", "23:59")
    staff.set_leave(only.officer.uid, at.date(), at.date(), only.second_officer.uid, by=FACTORY, at=MONDAY)
    sweep(at)
    assert told() == ["Tom Reed"]


def test_a_rule_for_the_deputy_tells_whoever_is_named_for_the_handler_s_leave(only):
    code = rule("Deputy", Actions(notify=(Recipient.HANDLER, Recipient.DEPUTY)))
    reference = make_case(only.officer)
    cases.take(reference, by=only.officer, at=MONDAY)
    staff.set_leave(only.officer.uid, date(2026, 3, 9), date(2026, 3, 13), only.second_officer.uid, by=FACTORY, at=MONDAY)
    fire(code)
    assert told() == ["Hana Novak", "Tom Reed"]


# --- the budget ---


def notice(number: int, person: Actor, *, is_first: bool = False, reference: str | None = None) -> NewMessage:
    return NewMessage(
        "escalation", "tom.reed@hospital.example", "Tom Reed", f"Case {number}", "escalation",
        {"headline": f"Step {number} is due.", "first_name": "Tom", "acknowledge_url": "", "reference": reference or "",
         "rule": "A rule", "is_late": False, "asks_reason": False, "is_moved_up": False},
        f"notice:{number}", reference, staff_uid=person.uid, is_first=is_first)


def sent(at: datetime, app: Flask) -> list[Mail]:
    """What the deliverer sends at `at`, as it would: notices that are due are gathered first, each is judged when it leaves."""
    taken: list[Mail] = []

    def transport(mail: Mail) -> str:
        taken.append(mail)
        return "accepted"

    sending.gather(at=at)
    while deliver_batch(at=at, mail_from="team@hospital.example", transport=transport, render=render_mail,
                        may_release=lambda message: queries.why_withhold(message, at=at)).total:
        continue
    return taken


def test_beyond_the_budget_one_mail_tells_the_rest_and_loses_none(hospital, app):
    references = [make_case(hospital.officer) for _ in range(7)]
    notices = [notice(n, hospital.second_officer, reference=reference) for n, reference in enumerate(references)]
    sending.queue_many(notices, budget=3, at=MONDAY)
    assert [mail.subject for mail in sent(MONDAY, app)] == ["Case 0", "Case 1", "Case 2"]
    assert sent(MONDAY + 59 * MINUTE, app) == []
    [digest] = sent(MONDAY + HOUR, app)
    assert digest.subject == "4 escalations in one mail"
    for number, reference in enumerate(references):
        assert (reference in digest.text) is (number >= 3)
    assert {mail.state for mail in mails()} == {MessageState.SENT}
    assert sent(MONDAY + 5 * HOUR, app) == []


def test_the_budget_is_a_person_s_own_and_comes_back_after_an_hour(hospital, app):
    sending.queue_many([notice(n, hospital.second_officer) for n in range(3)], budget=2, at=MONDAY)
    sending.queue_many([replace(notice(9, hospital.officer), recipient_email="hana@hospital.example")], budget=2, at=MONDAY)
    sending.queue_many([notice(10, hospital.second_officer)], budget=2, at=MONDAY + HOUR + MINUTE)
    states = {mail.subject: mail.state for mail in mails()}
    assert [subject for subject, state in states.items() if state is MessageState.GATHERED] == ["Case 2"]


def test_reminders_keep_nothing_back_that_law_dates_and_a_flood_of_those_heads_a_digest_within_minutes(hospital, app):
    person = hospital.second_officer
    sending.queue_many([notice(n, person) for n in range(6)], budget=2, at=MONDAY)
    sending.queue_many([notice(n, person, is_first=True) for n in range(10, 16)], budget=2, at=MONDAY)
    first = [mail.subject for mail in sent(MONDAY, app)]
    assert first == ["Case 0", "Case 1", "Case 10", "Case 11"]
    [digest] = sent(MONDAY + 5 * MINUTE, app)
    assert digest.text.index("Step 12 ") < digest.text.index("Step 15 ") < digest.text.index("Step 2 ")
    assert {mail.state for mail in mails()} == {MessageState.SENT}


def test_each_line_of_a_digest_is_judged_by_its_own_case_when_it_leaves(hospital, app):
    person, kept, lost = hospital.second_officer, make_case(hospital.officer), make_case(hospital.officer)
    sending.queue_many([notice(0, person), notice(1, person, reference=kept), notice(2, person, reference=lost)], budget=1, at=MONDAY)
    cases.name_subject(lost, person.uid, by=hospital.officer, at=MONDAY + MINUTE)
    [_, digest] = sent(MONDAY, app) + sent(MONDAY + HOUR, app)
    assert kept in digest.text
    assert lost not in digest.text
    assert "Step 2" not in digest.text
    [held] = [mail for mail in mails() if mail.case_reference == lost]
    assert (held.state, held.last_error) == (MessageState.WITHHELD, "They may not see this case.")


def test_a_digest_of_which_no_line_may_be_told_does_not_leave(hospital, app):
    person, lost = hospital.second_officer, make_case(hospital.officer)
    sending.queue_many([notice(0, person), notice(1, person, reference=lost)], budget=1, at=MONDAY)
    cases.name_subject(lost, person.uid, by=hospital.officer, at=MONDAY + MINUTE)
    assert [mail.subject for mail in sent(MONDAY, app)] == ["Case 0"]
    assert sent(MONDAY + HOUR, app) == []
    [digest] = outbox.messages(kind="digest").rows
    assert digest.state is MessageState.WITHHELD


def test_the_sweep_keeps_to_the_budget_and_every_step_says_whom_it_told(only, app):
    app.config["NOTICES_PER_HOUR"] = 2
    code = rule("Managers", Actions(notify=(Recipient.MANAGERS,)), conditions=Conditions(targets=(TargetCode.ACKNOWLEDGE,)))
    for _ in range(9):
        make_case(only.officer)
    at = steps(code)[0].fire_at
    sweep(at)
    assert [step.told for step in steps(code)] == [[only.manager.uid]] * 9
    by_themselves = [mail for mail in mails() if mail.state is MessageState.QUEUED]
    assert len(by_themselves) == 4, "what law dates has a budget of its own on top"
    later = sent(at, app) + sent(at + 5 * MINUTE, app)
    assert [mail.subject for mail in later][-1] == "5 escalations in one mail"
    assert {mail.state for mail in mails()} == {MessageState.SENT}


# --- acknowledgement ---

DEMAND = Actions(notify=(Recipient.HANDLER,), acknowledge_within=2)


@pytest.fixture
def demanded(only: Hospital) -> Firing:
    """A step that told the handler, Hana Novak, and asks to be acknowledged within two working hours."""
    staff.set_leads("CENTRAL", [only.second_officer.uid], by=FACTORY, at=MONDAY)
    code = rule("Answer me", DEMAND)
    reference = make_case(only.officer)
    cases.take(reference, by=only.officer, at=MONDAY)
    fire(code)
    [step] = steps(code)
    return step


def sign_in(client, name: str):
    client.post("/sign-in", data={"email": f"{name.lower().replace(' ', '.')}@hospital.example", "password": PASSWORD})
    return client


def test_a_page_that_is_only_opened_acknowledges_nothing_and_a_button_does(only, demanded, client, set_clock):
    set_clock(demanded.fired_at + MINUTE)
    address = f"/escalations/{demanded.uid}/acknowledge"
    assert client.get(address).status_code in {302, 303}, "a scanner that follows the link of a mail is not signed in"
    assert client.post(address).status_code in {302, 303, 401, 403}
    sign_in(client, "Hana Novak")
    for _ in range(3):
        page = client.page(address)
    assert client.head(address).status_code == 200
    assert steps("answer-me")[0].acknowledged_at is None
    assert "goes to the next level" in page.text
    assert client.post(address).status_code == 303
    [step] = steps("answer-me")
    assert (step.acknowledged_at, step.acknowledged_by, step.answer_by_at) == (
        demanded.fired_at + MINUTE, only.officer.uid, None)
    assert "Hana Novak" in client.page(address).text
    sweep(MONDAY + timedelta(days=20))
    assert told() == ["Hana Novak"]
    acknowledged = [entry for entry in trail.timeline(case_stream(cases_of(step))) if entry.act == Act.CASE_ESCALATION_ACKNOWLEDGED]
    assert len(acknowledged) == 1


def cases_of(step: Firing) -> str:
    return str(db.session.scalar(sa.select(Case.reference).where(Case.id == step.case_id)))


def test_whoever_was_not_told_can_acknowledge_nothing(demanded, client, set_clock):
    set_clock(demanded.fired_at + MINUTE)
    sign_in(client, "Tom Reed")
    assert client.get(f"/escalations/{demanded.uid}/acknowledge").status_code == 404
    assert client.post(f"/escalations/{demanded.uid}/acknowledge").status_code == 404
    assert steps("answer-me")[0].acknowledged_at is None


def test_the_mail_carries_the_link_and_says_what_happens_otherwise(demanded):
    [mail] = [outbox.message(item.uid) for item in mails()]
    assert f"/escalations/{demanded.uid}/acknowledge" in render_mail(mail).text


def test_a_notice_nobody_acknowledges_moves_up_level_by_level_and_ends_above_the_top(only, demanded):
    by = demanded.answer_by_at
    assert by is not None
    assert by - demanded.fired_at >= 2 * HOUR
    sweep(by - timedelta(seconds=1))
    assert told() == ["Hana Novak"]
    sweep(by)
    assert told() == ["Hana Novak", "Tom Reed"]
    [step] = steps("answer-me")
    assert step.moved_up == 1
    assert step.answer_by_at is not None
    assert step.answer_by_at > by
    sweep(by)
    assert told() == ["Hana Novak", "Tom Reed"], "a second sweep tells nobody again"
    second = step.answer_by_at
    sweep(second)
    assert told() == ["Hana Novak", "Tom Reed", "Ruth Okafor"]
    for days in range(1, 30, 3):
        sweep(second + timedelta(days=days))
    assert told() == ["Hana Novak", "Tom Reed", "Ruth Okafor"]
    assert steps("answer-me")[0].answer_by_at is None
    moved = [entry.facts["level"] for entry in trail.timeline(case_stream(cases_of(step))) if entry.act == Act.CASE_ESCALATION_MOVED_UP]
    assert sorted(moved) == [1, 2]


def test_one_of_those_it_rose_to_may_acknowledge_it_for_all(only, demanded):
    by, reference = demanded.answer_by_at, cases_of(demanded)
    sweep(by)
    assert firings.acknowledge(demanded.uid, reference, by=only.second_officer, at=by + MINUTE)
    assert not firings.acknowledge(demanded.uid, reference, by=only.officer, at=by + HOUR)
    sweep(MONDAY + timedelta(days=30))
    assert told() == ["Hana Novak", "Tom Reed"]


def test_a_notice_whose_matter_is_settled_goes_to_nobody_above(only, demanded):
    reference = cases_of(demanded)
    drive(reference, Status.ACKNOWLEDGED, only, at=demanded.fired_at + MINUTE)
    sweep(demanded.answer_by_at)
    assert told() == ["Hana Novak"]
    assert steps("answer-me")[0].answer_by_at is None


@pytest.mark.parametrize(("notify", "moved_up", "level"), [
    ((Recipient.HANDLER,), 0, Recipient.TEAM_LEADS), ((Recipient.HANDLER,), 1, Recipient.UNIT_MANAGER),
    ((Recipient.HANDLER,), 2, Recipient.MANAGERS), ((Recipient.HANDLER,), 3, None), ((Recipient.TEAM_LEADS,), 0, Recipient.UNIT_MANAGER),
    ((Recipient.HANDLER, Recipient.MANAGERS), 0, None), ((), 0, Recipient.TEAM_LEADS),
])
def test_a_notice_rises_from_the_highest_who_were_told(notify, moved_up, level):
    assert next_level(Actions(notify=notify), moved_up) is level


# --- promises after closing ---


def test_a_promise_missed_before_closing_escalates_after_it_and_one_kept_does_not(only):
    code = rule("Long missed", Actions(notify=(Recipient.MANAGERS,)), Trigger(TriggerKind.AFTER_DUE, 5, OffsetUnit.WORKING_DAYS),
                conditions=Conditions())
    missed = make_case(only.officer)
    drive(missed, Status.CLOSED, only, at=FRIDAY + HOUR)
    from ticketing.firings.rules import target_noun
    waiting = [step.timer_key for step in steps(code) if step.state is FiringState.PLANNED]
    sweep(MONDAY + timedelta(days=200))
    fired = [step.timer_key.split("/")[0] for step in steps(code) if step.state is FiringState.FIRED]
    assert [target_noun(item) for item in fired] == sorted({target_noun(key.split("/")[0]) for key in waiting})


# --- P13 to P20 ---


def test_p13_nothing_fires_for_ever_however_often_the_sweep_wakes_and_mail_bounces(hospital):
    reference = make_case(hospital.officer)
    moment, last = MONDAY, MONDAY + timedelta(days=60)
    while moment < last:
        sweep(moment)
        moment += timedelta(hours=7)
    before = len(mails())
    assert before == len({mail.dedup_key for mail in mails()})
    each: dict[tuple[object, ...], int] = {}
    for step in steps():
        if step.state is FiringState.FIRED:
            key = (step.timer_key, step.rule_version_id, step.due_at)
            each[key] = each.get(key, 0) + 1
    assert set(each.values()) == {1}
    from ticketing.core.mail import Trouble, Undeliverable

    def bounce(_: Mail) -> str:
        raise Undeliverable("550 no such user", Trouble.REFUSED)

    deliver_batch(at=last, mail_from="a@hospital.example", transport=bounce, may_release=lambda _: None, render=render_mail, limit=200)
    sweep(last)
    sweep(last + timedelta(days=1))
    assert len(mails()) == before, f"a bounce of {reference} makes no mail"


def test_p14_every_level_fires_in_turn_and_another_time_round_begins_anew(hospital):
    reference = make_case(hospital.officer)
    codes = ("half-time", "four-fifths", "day-before", "breach", "five-days-after")
    for moment in sorted({step.fire_at for step in steps() if step.timer_key.startswith("acknowledge/")}):
        sweep(moment)
    mine = {step.rule_version.rule.code: step.state for step in steps() if step.timer_key.startswith("acknowledge/")}
    reached = [code for code in codes if mine[code] is FiringState.FIRED]
    assert reached[-2:] == ["breach", "five-days-after"]
    assert "half-time" in reached
    assert {state for code, state in mine.items() if code not in reached} <= {FiringState.SUPERSEDED}
    second = make_case(hospital.officer, at=MONDAY + timedelta(days=14), received_at=MONDAY + timedelta(days=14))
    sweep(MONDAY + timedelta(days=40))
    assert {mail.case_reference for mail in mails()} >= {reference, second}


def test_p15_each_target_s_steps_stand_under_its_own_due_moment_and_say_done_only_with_their_mail(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.SCOPING, hospital, at=TUESDAY)
    by_target: dict[str, set[datetime]] = {}
    for step in steps():
        by_target.setdefault(step.timer_key, set()).add(step.due_at)
    timers = {(row[0], row[1]) for row in db.session.execute(sa.text("SELECT target, due_at FROM timers WHERE due_at IS NOT NULL"))}
    assert {key.split("/")[0] for key in by_target} <= {target for target, _ in timers}
    assert all(len(moments) == 1 for moments in by_target.values())
    sweep(MONDAY + timedelta(days=90))
    for step in steps():
        if step.state is FiringState.FIRED and step.told:
            assert outbox.delivery_of(f"firing:{step.uid}:"), f"{step.rule_version.rule.code} says done and there is no mail"
    assert "respond" in {step.timer_key.split("/")[0] for step in steps() if step.state is FiringState.FIRED}


def test_p15_a_date_set_by_hand_moves_the_steps_with_it(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.SCOPING, hospital, at=TUESDAY)
    agreed = next(step for step in steps() if step.timer_key.startswith("agreed_date/") or step.timer_key.startswith("respond/"))
    assert agreed.state is FiringState.PLANNED
    assert agreed.fire_at > TUESDAY


def test_p15_a_step_due_in_the_very_second_of_the_sweep_fires_in_it(hospital):
    make_case(hospital.officer)
    [step] = [item for item in steps("half-time") if item.timer_key.startswith("acknowledge/")]
    sweep(step.fire_at - timedelta(microseconds=1))
    assert steps("half-time")[0].state is FiringState.PLANNED
    sweep(step.fire_at)
    assert [item.state for item in steps("half-time") if item.id == step.id] == [FiringState.FIRED]


def test_p17_people_are_warned_at_half_at_four_fifths_and_a_day_before_it_is_missed(hospital):
    reference = make_case(hospital.officer)
    drive(reference, Status.SCOPING, hospital, at=TUESDAY)
    warned = {step.rule_version.rule.code: step for step in steps() if step.timer_key.startswith("respond/")}
    order = ["half-time", "four-fifths", "day-before", "breach", "five-days-after"]
    moments = [warned[code].fire_at for code in order]
    assert moments == sorted(moments)
    assert warned["day-before"].fire_at < warned["breach"].due_at
    for code in order[:3]:
        sweep(warned[code].fire_at)
        assert [step.state for step in steps(code) if step.timer_key.startswith("respond/")] == [FiringState.FIRED]


def test_p20_what_the_sweep_says_it_did_is_what_is_there(hospital):
    for _ in range(5):
        make_case(hospital.officer)
    tally = sweep(MONDAY + timedelta(days=30))
    fired = [step for step in steps() if step.state is FiringState.FIRED]
    superseded = [step for step in steps() if step.state is FiringState.SUPERSEDED]
    entries = db.session.scalar(sa.text("SELECT count(*) FROM audit_entry WHERE act = 'case.escalated'"))
    assert tally.outcomes.get("fired", 0) + tally.outcomes.get("fired_late", 0) == len(fired) == entries
    assert tally.outcomes["superseded"] == len(superseded)
    assert sum(len(step.told) for step in fired) == len(mails())


# --- planning anew ---


def test_a_changed_rule_leaves_planned_steps_until_somebody_asks_then_all_open_cases_follow_and_what_fired_stays(only):
    code = rule("Half", Actions(notify=(Recipient.MANAGERS,)))
    references = [make_case(only.officer) for _ in range(5)]
    make_case(only.officer, at=MONDAY - timedelta(days=5), received_at=MONDAY - timedelta(days=5))
    sweep(MONDAY)
    before = {step.id: step.state for step in steps(code)}
    assert FiringState.FIRED in before.values()
    later = replace(ladder.rule(code).newest.draft, trigger=Trigger(TriggerKind.PERCENT, 80))
    firings.change_rule(code, later, seen=1, by=KEEPER, at=MONDAY)
    sweep(MONDAY + MINUTE)
    assert ladder.stale(code) == len([state for state in before.values() if state is FiringState.PLANNED]) == 5
    with pytest.raises(Forbidden):
        firings.ask_replanning(code, by=only.officer, at=MONDAY)
    order = firings.ask_replanning(code, by=only.manager, at=MONDAY)
    with pytest.raises(Conflict):
        firings.ask_replanning(code, by=only.manager, at=MONDAY)
    assert service.replan_batch(at=MONDAY, limit=4).outcomes == {"replanned": 4}
    assert ladder.replanning(code).cases == 4
    assert service.replan_batch(at=MONDAY, limit=4).outcomes == {"replanned": 2}
    service.replan_batch(at=MONDAY, limit=4)
    assert service.replan_batch(at=MONDAY, limit=4).total == 0
    assert ladder.replanning(code) is None
    assert ladder.stale(code) == 0
    fired = [step for step in steps(code) if step.state is FiringState.FIRED]
    assert [step.id for step in fired] == [key for key, state in before.items() if state is FiringState.FIRED]
    planned = [step for step in steps(code) if step.state is FiringState.PLANNED]
    assert len(planned) == len(references), "what fired does not fire again under the new version"
    said = [entry.facts for entry in trail.timeline(ADMIN_STREAM) if entry.act == Act.RULES_REPLANNED]
    assert {(facts["order"], facts.get("cases")) for facts in said} == {(order, None), (order, 6)}
