"""A case keeps its law: rebases with their preview and way back, two packs at once, agreed dates, and the account behind each date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from tests.factories import concern, drive, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from tests.probes import assert_all_or_nothing, count_queries
from ticketing.audit.rules import Act
from ticketing.calendars import service as calendars
from ticketing.calendars.rules import table_version
from ticketing.cases import queries, service
from ticketing.cases.models import Case
from ticketing.cases.queries import rebasing
from ticketing.cases.queries.rebasing import Choice
from ticketing.cases.queries.worklist import Filters, WorklistView
from ticketing.cases.rules import Action, NoteKind, Status
from ticketing.codes.rules import ContactMethod, HoldReason
from ticketing.core.batch import until_empty
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.packs import queries as packs
from ticketing.packs import service as pack_verbs
from ticketing.sla import queries as sla
from ticketing.sla.rules import State


@pytest.fixture
def hospital(app):
    return make_hospital()


def publish(hospital, amounts: dict[str, int], at=TUESDAY) -> str:
    """A version of the hospital's pack with other local numbers, in force from long ago; returns its name."""
    uid = pack_verbs.draft_version("england-nhs", "2026.2", by=hospital.manager, at=at)
    pack_verbs.change_amounts(uid, amounts, seen=1, by=hospital.manager, at=at)
    version = packs.draft(uid).version
    pack_verbs.publish(uid, date(2010, 1, 1), "Agreed by the board", seen=2, by=hospital.manager, at=at)
    return version


def work(uid: str, at=WEDNESDAY) -> None:
    until_empty(lambda: service.rebase_batch(uid, at=at, limit=3))


def rebase(hospital, choice: Choice, at=WEDNESDAY) -> str:
    uid = service.begin_rebase(choice, (), "The board asked for it", by=hospital.manager, at=at)
    work(uid, at)
    return uid


def due(reference: str, target: str, hospital, at=WEDNESDAY, pack: str = "") -> str:
    return queries.explain_timer(reference, target, hospital.officer, at=at, pack=pack).timer.due


def drift(at) -> list[sla.Drift]:
    return [item for _, found in sla.drifts(at=at) for item in found]


def keys(reference: str, state: FiringState = FiringState.PLANNED) -> set[str]:
    query = select(Firing.timer_key).join(Case, Case.id == Firing.case_id).where(Case.reference == reference, Firing.state == state)
    return set(db.session.scalars(query))


# --- rebase ---


def acknowledged(hospital) -> str:
    """A case whose updates to the complainant run."""
    reference = make_case(hospital.officer)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=MONDAY)
    return reference


def test_p10_a_rebase_is_a_separate_act_with_preview_reason_and_trail(hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    choice = Choice("england-nhs", version)
    preview = rebasing.preview(choice, hospital.manager, at=WEDNESDAY)
    move = next(move for move in preview.rows[0].moves if move.title.startswith("Keep"))
    assert (preview.total, move.kind, move.before, move.after) == (
        1, "moved", "by the end of Mon 16 Mar 2026, running", "by the end of Thu 5 Mar 2026, running")
    assert due(reference, "progress", hospital) == "by the end of Mon 16 Mar 2026"
    rebase(hospital, choice)
    assert due(reference, "progress", hospital) == "by the end of Thu 5 Mar 2026"
    entry = queries.get_case(reference, hospital.officer, at=WEDNESDAY).entries[0]
    assert (entry.act, entry.why, entry.actor_name, entry.change["pack_version"]) == (
        Act.CASE_REBASED, "The board asked for it", hospital.manager.name, ("2026.2", version))
    assert drift(WEDNESDAY) == []


def test_a_rebase_plans_the_steps_of_the_ladder_again(hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 3})

    def moments() -> set:
        return set(db.session.execute(select(Firing.timer_key, Firing.due_at).join(Case, Case.id == Firing.case_id).where(
            Case.reference == reference, Firing.state == FiringState.PLANNED, Firing.timer_key.startswith("progress/"))).all())

    before = moments()
    rebase(hospital, Choice("england-nhs", version))
    assert before
    assert {key for key, _ in moments()} == {"progress//1@england-nhs"}
    assert not before & moments()


def test_a_rebase_is_taken_back_by_rebasing_back(hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    before = queries.get_case(reference, hospital.officer, at=WEDNESDAY).timers
    uid = rebase(hospital, Choice("england-nhs", version))
    work(service.undo_rebase(uid, "It was too soon", by=hospital.manager, at=THURSDAY), at=THURSDAY)
    after = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert after.timers == before
    assert [pack.version for pack in after.packs] == ["2026.2"]
    assert drift(THURSDAY) == []


def test_a_rebase_goes_on_where_it_stopped_and_changes_nothing_twice(hospital):
    for _ in range(5):
        acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    uid = service.begin_rebase(Choice("england-nhs", version), (), "The board asked for it", by=hospital.manager, at=WEDNESDAY)
    assert service.rebase_batch(uid, at=WEDNESDAY, limit=2).done == 2
    row = rebasing.rebase(uid, hospital.manager)
    assert (row.total, row.done, row.finished_at) == (5, 2, None)
    work(uid)
    row = rebasing.rebase(uid, hospital.manager)
    assert (row.done, row.changed, row.finished_at) == (5, 5, WEDNESDAY)
    with pytest.raises(Invalid, match="No open case is left"):
        service.begin_rebase(Choice("england-nhs", version), (), "Again", by=hospital.manager, at=WEDNESDAY)


def test_what_is_left_out_stays(hospital):
    kept, moved = acknowledged(hospital), acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    uid = service.begin_rebase(Choice("england-nhs", version), [kept], "The board asked for it", by=hospital.manager, at=WEDNESDAY)
    work(uid)
    assert [due(reference, "progress", hospital) for reference in (kept, moved)] == [
        "by the end of Mon 16 Mar 2026", "by the end of Thu 5 Mar 2026"]


def test_a_breach_that_a_rebase_brings_or_takes_is_shown_before(hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 1})
    preview = rebasing.preview(Choice("england-nhs", version), hospital.manager, at=FRIDAY)
    assert preview.sums["gained"] == 1
    rebase(hospital, Choice("england-nhs", version), at=FRIDAY)
    assert queries.explain_timer(reference, "progress", hospital.officer, at=FRIDAY).timer.state is State.BREACHED
    back = rebasing.preview(Choice("england-nhs", "2026.2"), hospital.manager, at=FRIDAY)
    assert back.sums["lost"] == 1


def test_a_rebase_reaches_only_the_cases_its_asker_may_see(hospital):
    hidden, seen = acknowledged(hospital), acknowledged(hospital)
    service.name_subject(hidden, hospital.manager.uid, by=hospital.officer, at=TUESDAY)
    version = publish(hospital, {"progress": 3})
    assert [row.case.reference for row in rebasing.preview(Choice("england-nhs", version), hospital.manager, at=WEDNESDAY).rows] == [seen]


def test_an_ended_case_and_earlier_cycles_are_left_alone(hospital):
    reference = acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    uid = service.begin_rebase(Choice("england-nhs", version), (), "The board asked for it", by=hospital.manager, at=WEDNESDAY)
    service.apply_transition(reference, Action.WITHDRAW, "They told us", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    work(uid, THURSDAY)
    assert rebasing.rebase(uid, hospital.manager).changed == 0
    assert [pack.version for pack in queries.get_case(reference, hospital.officer, at=THURSDAY).packs] == ["2026.2"]


def test_an_officer_rebases_nothing(hospital):
    with pytest.raises(Forbidden):
        service.begin_rebase(Choice("england-nhs", "2026.1"), (), "Because", by=hospital.officer, at=WEDNESDAY)


def test_beginning_a_rebase_is_all_or_nothing(hospital):
    acknowledged(hospital)
    version = publish(hospital, {"progress": 3})
    assert_all_or_nothing(lambda: service.begin_rebase(
        Choice("england-nhs", version), (), "The board asked for it", by=hospital.manager, at=WEDNESDAY))


def test_p02_a_hold_is_read_again_when_the_policy_changes(hospital):
    """glpi#6902: hold three working days, change the policy, and the due day still moves by three working days."""
    held, free = acknowledged(hospital), acknowledged(hospital)
    service.hold(held, HoldReason.AWAITING_COMPLAINANT, "", seen=version_of(held), by=hospital.officer, at=TUESDAY)
    service.release(held, "", seen=version_of(held), by=hospital.officer, at=FRIDAY)
    rebase(hospital, Choice("england-nhs", publish(hospital, {"progress": 12})), at=FRIDAY)
    assert due(free, "progress", hospital, at=FRIDAY) == "by the end of Wed 18 Mar 2026"
    assert due(held, "progress", hospital, at=FRIDAY) == "by the end of Mon 23 Mar 2026"


def test_a_new_holiday_offers_a_rebase_that_moves_what_it_closes(hospital):
    reference = make_case(hospital.officer)
    uid = calendars.draft_version("england_wales", table_version(), by=hospital.manager, at=MONDAY)
    calendars.set_day(uid, WEDNESDAY.date(), "Day of mourning", is_public=True, seen=1, by=hospital.manager, at=MONDAY)
    calendars.publish(uid, "Proclaimed", seen=2, by=hospital.manager, at=MONDAY)
    assert due(reference, "acknowledge", hospital, at=TUESDAY) == "by the end of Thu 5 Mar 2026"
    rebase(hospital, Choice(calendar="england_wales", calendar_to="local.1"), at=TUESDAY)
    assert due(reference, "acknowledge", hospital, at=TUESDAY) == "by the end of Fri 6 Mar 2026"
    lines = {line.on: line.why for line in queries.explain_timer(reference, "acknowledge", hospital.officer, at=TUESDAY).timer.account}
    assert lines[WEDNESDAY.date()] == "Day of mourning"
    assert drift(TUESDAY) == []


# --- two packs ---


def both(hospital) -> str:
    """A complaint about care that is also about personal data."""
    reference = make_case(hospital.officer)
    service.add_pack(reference, "england-dp", "Her record was read out in the waiting room", seen=version_of(reference),
                     by=hospital.officer, at=TUESDAY)
    return reference


def test_p04_each_pack_has_its_own_clocks_and_one_reply_ticks_what_it_answers(hospital):
    reference = both(hospital)
    found = {(timer.pack, timer.target): timer for timer in queries.get_case(reference, hospital.officer, at=TUESDAY).timers}
    assert found["england-nhs", "acknowledge"].due == "by the end of Thu 5 Mar 2026"
    assert found["england-dp", "acknowledge"].due == "by the end of Wed 1 Apr 2026"
    assert {"acknowledge//1@england-nhs", "acknowledge//1@england-dp"} <= keys(reference)
    service.add_note(reference, NoteKind.NOTE, "Looked it up", by=hospital.officer, at=TUESDAY)
    assert {timer.state for timer in queries.get_case(reference, hospital.officer, at=TUESDAY).timers if timer.target == "acknowledge"} == {
        State.RUNNING}
    drive(reference, Status.ACKNOWLEDGED, hospital, at=WEDNESDAY)
    after = {(timer.pack, timer.target): timer.state for timer in queries.get_case(reference, hospital.officer, at=WEDNESDAY).timers}
    assert after["england-nhs", "acknowledge"] is after["england-dp", "acknowledge"] is State.MET
    assert after["england-nhs", "six_months"] is State.RUNNING
    assert drift(WEDNESDAY) == []


def test_the_worklist_names_what_is_due_next_whichever_pack_asks_for_it(hospital):
    reference = both(hospital)
    row = queries.worklist(hospital.officer, WorklistView.ALL_OPEN, Filters(), at=TUESDAY).rows[0]
    assert (row.reference, row.pack, row.target_code, row.due) == (
        reference, "england-nhs", "acknowledge", "by the end of Thu 5 Mar 2026")


def test_a_second_pack_is_removed_with_its_timers_and_the_trail_keeps_both(hospital):
    reference = both(hospital)
    service.remove_pack(reference, "england-dp", "It was not about data", seen=version_of(reference), by=hospital.officer, at=WEDNESDAY)
    case = queries.get_case(reference, hospital.officer, at=WEDNESDAY)
    assert [pack.code for pack in case.packs] == ["england-nhs"]
    assert {timer.pack for timer in case.timers} == {"england-nhs"}
    assert all(key.endswith("@england-nhs") for key in keys(reference) if "/" in key and not key.startswith("event/"))
    assert [entry.act for entry in case.entries[:1]] == [Act.CASE_PACK_REMOVED]
    assert drift(WEDNESDAY) == []


def test_the_same_pack_is_not_added_twice_and_the_main_one_not_removed(hospital):
    reference = both(hospital)
    with pytest.raises(Conflict, match="already"):
        service.add_pack(reference, "england-dp", "Again", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    with pytest.raises(Conflict, match="main policy pack"):
        service.remove_pack(reference, "england-nhs", "No", seen=version_of(reference), by=hospital.officer, at=TUESDAY)


def test_p03_a_reopened_case_begins_a_numbered_cycle_under_both_packs_and_the_first_stays(hospital):
    reference = both(hospital)
    drive(reference, Status.CLOSED, hospital, at=WEDNESDAY)
    first = [timer for timer in queries.get_case(reference, hospital.officer, at=FRIDAY).timers if timer.cycle == 1]
    service.reopen(reference, "They are not satisfied", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    case = queries.get_case(reference, hospital.officer, at=FRIDAY)
    assert [timer for timer in case.timers if timer.cycle == 1] == first
    assert [pack.code for pack in case.packs] == ["england-nhs", "england-dp"]
    assert drift(FRIDAY) == []


def test_adding_a_pack_is_all_or_nothing(hospital):
    reference = make_case(hospital.officer)
    assert_all_or_nothing(lambda: service.add_pack(
        reference, "england-dp", "Data", seen=version_of(reference), by=hospital.officer, at=TUESDAY))


# --- agreed dates and the account ---


def test_p11_an_agreed_date_says_who_how_and_when_and_only_an_event_moves_it(hospital):
    reference = acknowledged(hospital)
    service.agree_period(
        reference, date(2026, 4, 10), "Letter of 4 March on file", seen=None, by=hospital.officer, at=FRIDAY,
        agreed_with="Amina Khan", method=ContactMethod.PHONE, occurred_at=WEDNESDAY)
    found = queries.explain_timer(reference, "respond", hospital.officer, at=FRIDAY)
    assert found.timer.due == "by the end of Fri 10 Apr 2026"
    assert (found.agreed_on, found.agreement.at, found.agreement.why) == (date(2026, 4, 10), WEDNESDAY, "Letter of 4 March on file")
    assert "Amina Khan, phone" in found.agreement.detail
    rebase(hospital, Choice("england-nhs", publish(hospital, {"progress": 3})), at=FRIDAY)
    for days in range(0, 60, 7):
        assert due(reference, "respond", hospital, at=FRIDAY + timedelta(days=days)) == "by the end of Fri 10 Apr 2026"


def test_the_statutory_date_stands_beside_the_agreed_one(hospital):
    reference = acknowledged(hospital)
    before = due(reference, "six_months", hospital)
    service.agree_period(reference, date(2026, 4, 10), "By phone", seen=None, by=hospital.officer, at=WEDNESDAY)
    service.agree_period(reference, date(2026, 11, 30), "By letter", seen=None, by=hospital.officer, at=THURSDAY)
    found = queries.explain_timer(reference, "six_months", hospital.officer, at=FRIDAY)
    assert (found.timer.due, found.first_due) == ("by the end of Mon 30 Nov 2026", before) or found.timer.due == before


def test_a_holding_letter_may_have_been_sent_earlier(hospital):
    reference = acknowledged(hospital)
    service.send_interim(reference, 20, "It takes longer", by=hospital.officer, at=FRIDAY, occurred_at=WEDNESDAY)
    assert queries.get_case(reference, hospital.officer, at=FRIDAY).entries[0].occurred_at == WEDNESDAY
    with pytest.raises(Invalid, match="future"):
        service.send_interim(reference, 20, "Later", by=hospital.officer, at=FRIDAY, occurred_at=NEXT_MONDAY)


def test_p12_a_held_clock_says_since_when_and_what_a_release_now_would_give(hospital):
    reference = acknowledged(hospital)
    service.hold(reference, HoldReason.AWAITING_COMPLAINANT, "She is in hospital", seen=version_of(reference), by=hospital.officer,
                 at=TUESDAY)
    found = queries.explain_timer(reference, "progress", hospital.officer, at=FRIDAY)
    assert found.timer.state is State.HELD
    assert found.timer.left == "held since Tue 3 Mar 2026"
    assert found.if_released == "by the end of Thu 19 Mar 2026"
    listed = next(timer for timer in queries.get_case(reference, hospital.officer, at=FRIDAY).timers if timer.target == "progress")
    assert listed.if_released == found.if_released
    hold = next(said for said in found.said if said.what == "Put on hold")
    assert (hold.who, hold.why, hold.detail) == (hospital.officer.name, "She is in hospital", "Waiting for the complainant")


def test_why_this_date_takes_the_occurrence_it_is_asked_about(hospital):
    reference = acknowledged(hospital)
    service.add_note(reference, NoteKind.CONTACT, "An update", by=hospital.officer, at=WEDNESDAY)
    first = queries.explain_timer(reference, "progress", hospital.officer, at=FRIDAY, occurrence=1)
    last = queries.explain_timer(reference, "progress", hospital.officer, at=FRIDAY)
    assert (first.timer.occurrence, last.timer.occurrence, last.occurrences) == (1, 2, 2)
    assert first.timer.state is State.MET


def test_the_account_names_the_versions_it_rests_on(hospital):
    reference = make_case(hospital.officer)
    found = queries.explain_timer(reference, "acknowledge", hospital.officer, at=TUESDAY)
    assert (found.pack, found.pack_version, found.calendar_version) == ("england-nhs", "2026.2", table_version())
    assert [line.on for line in found.timer.account if line.counted] == [date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5)]


# --- cost ---


def test_planning_at_intake_adds_no_more_than_four_statements(hospital):
    make_case(hospital.officer)
    with count_queries() as counted:
        make_case(hospital.officer)
    assert len([statement for statement in counted.sent if "firings" in statement or "rule_versions" in statement]) <= 4


def test_an_import_of_sixty_plans_with_no_more_statements_than_one(hospital):
    def sent(number: int) -> int:
        with count_queries() as counted:
            service.receive_many([concern() for _ in range(number)], by=hospital.officer, at=MONDAY)
        return len([statement for statement in counted.sent if any(word in statement for word in (
            "firings", "rule_versions", "timers", "sla_", "pack_versions", "calendar_versions"))])

    sent(1)
    assert sent(60) <= sent(1)
