"""Erasure: two people, everything of a person gone from every table and from the store, and nothing else moved."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, drive, enter, make_actor, make_case, make_hospital, version_of
from tests.facts import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY
from tests.probes import assert_all_or_nothing, contents
from ticketing.audit import queries as trail
from ticketing.audit import service as audit
from ticketing.audit.rules import Act, case_stream
from ticketing.cases import jobs, queries, service
from ticketing.cases.models import Attachment, Case, Erasure
from ticketing.cases.rules import Action, NoteKind, Status
from ticketing.cases.rules.erasing import GONE, OF_A_CASE, ErasureGround, ErasureState
from ticketing.core import storage
from ticketing.core.database import Model, atomic, db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.files import Checked
from ticketing.core.permissions import Role
from ticketing.outbox.models import OutboxMessage
from ticketing.people import queries as people
from ticketing.people.rules import PersonDetails
from ticketing.people.service import BLANK
from ticketing.sla import queries as sla

SECRET = "Zyxwvut"  # stands in everything that this person said or is
WHO = PersonDetails(
    name=f"Amina {SECRET}", preferred_name=f"Mina {SECRET}", record_number=f"R-{SECRET}", email=f"{SECRET}@mail.example",
    phone="07700 900123", address=f"1 {SECRET} Street", safe_contact=f"Not when {SECRET} is at home")

# Text that is nobody's own words: names and codes of the house, keys and digests, what machines write, staff and their accounts.
KEPT = {
    "assignments": {}, "attachments": {"uid", "media_type", "stored_as"}, "cases": {
        "reference", "source_key", "pack", "not_known", "next_target", "next_pack", "next_subject"},
    "classifications": {"pack", "pack_version", "answers", "ruling", "proposed"}, "erasures": {"uid", "why", "decided_why", "files_left"},
    "firings": {"uid", "timer_key", "note", "told", "acknowledged_by"}, "glass_openings": {"uid"}, "people": {"uid", "language"},
    "outbox_message": {"uid", "message_id", "dedup_key", "kind", "template", "case_reference", "staff_uid", "compartment", "lease",
                       "gathered_into"},
    "rebase_items": {"pack", "pack_from", "pack_to", "calendar", "calendar_from", "calendar_to", "note"},
    "receipt_corrections": {"uid"}, "shadow_firings": {"timer_key", "rule", "told"},
    "simulation_cases": {"pack", "target", "subject", "state_before", "state_after"}, "sla_events": {"kind", "subject", "data"},
    "sla_pins": {"pack", "pack_version", "calendar", "calendar_version", "zone", "case_type"}, "statement_requests": {"uid"},
    "past_records": {"said"},  # of an old system: the codes that its figures are counted by
    "tasks": {"uid", "about"}, "timers": {"pack", "target", "subject", "state", "breach_reason"},
}
ELSEWHERE = {  # tables of the house, of staff and of machines; what people said never goes there, or goes by itself within the hour
    "audit_checkpoint", "audit_entry", "audit_key", "audit_leaf", "audit_private", "audit_stream", "authenticator_apps",
    "calendar_versions", "ceremonies", "duty_shifts", "escalation_rules", "heartbeats", "histories", "identities", "pack_versions",
    "passkeys", "rebases", "recovery_codes", "replannings", "rule_versions", "saved_searches", "sendings", "simulation_progress",
    "simulations", "single_use_tokens", "sites", "staff", "teams", "throttles", "units", "user_sessions",
}
OUTBOX = {"recipient_email", "recipient_name", "subject", "context", "last_error", "url"}


@pytest.fixture
def hospital(app, set_clock, tmp_path):
    app.config["FILES_FOLDER"] = str(tmp_path / "files")
    set_clock(FRIDAY)
    return make_hospital(password=PASSWORD)


@pytest.fixture
def reference(hospital) -> str:
    """A closed case whose every part holds the word that must go."""
    officer, words = hospital.officer, f"It was about {SECRET}."
    made = make_case(
        officer, narrative=words, outcome_sought=words, points=(words, words), complainant=WHO, received_by_uid=None,
        patient=replace(WHO, name=f"Yusuf {SECRET}"), received_by=f"Nurse {SECRET}", has_receipt_mail=True, has_agreed_to_email=True)
    service.classify(made, {"is_written": True, "is_several_bodies": False, "alleges_harm": False, "asks_formal": False,
                            "is_information_only": False}, seen=version_of(made), by=officer, at=MONDAY)
    service.add_note(made, NoteKind.NOTE, words, by=officer, at=TUESDAY)
    pdf = Checked(f"{SECRET}.pdf", "application/pdf", b"%PDF-1.4 " + SECRET.encode())
    service.attach(made, [pdf], lambda _: (True, ""), storage.store(), most=5, by=officer, at=TUESDAY)
    drive(made, Status.CLOSED, hospital, at=WEDNESDAY)
    return made


def ask(reference, hospital, ground=ErasureGround.REQUEST):
    return service.ask_erasure(reference, ground, "Asked in writing on 3 March", by=hospital.officer, at=THURSDAY)


def erase(reference, hospital) -> str:
    uid = ask(reference, hospital)
    service.decide_erasure(uid, True, "No claim is known", by=hospital.manager, at=FRIDAY)
    return uid


def everywhere() -> str:
    """Every value of every table, and every byte in the store, as text."""
    files = b"".join(path.read_bytes() for path in storage.store().root.rglob("*") if path.is_file())
    opened = [item.value or "" for stream in streams() for item in trail.values_of_stream(stream)]
    return repr(contents()) + repr(opened) + repr(files)


def streams() -> list[str]:
    return list(db.session.scalars(sa.select(sa.text("stream")).select_from(sa.text("audit_stream"))))


def test_every_text_column_is_erased_or_said_to_hold_nobodys_words():
    """A new table cannot be forgotten: this fails until somebody has thought about each of its texts."""
    named = {**{table: set(blanks) for table, blanks in OF_A_CASE.items()}, "people": set(BLANK), "outbox_message": OUTBOX,
             "outbox_attempt": {"detail"}}
    free = {table.name: {column.name for column in table.columns
                         if isinstance(column.type, sa.String | sa.JSON | sa.LargeBinary) and not isinstance(column.type, sa.Enum)}
            for table in Model.metadata.tables.values() if table.name not in ELSEWHERE}
    for table, columns in free.items():
        left = columns - named.get(table, set()) - set(KEPT.get(table, {}))
        assert not left, f"what becomes of {table}.{', '.join(sorted(left))} when a person is erased?"


def test_nothing_of_the_person_is_left_in_any_table_or_in_the_store(hospital, reference):
    assert len(re.findall(SECRET, everywhere())) > 20
    erase(reference, hospital)
    assert storage.store().root.exists()
    assert jobs.forget(FRIDAY).done == 1
    assert not re.findall(f"(?i){SECRET}", everywhere())
    assert jobs.forget(FRIDAY).done == 0


def test_the_chain_still_verifies_and_tells_what_was_done_by_whom(hospital, reference):
    erase(reference, hospital)
    jobs.forget(FRIDAY)
    verdict = trail.verify()
    assert verdict.is_whole, verdict.faults
    assert verdict.erased > 10
    shown = queries.get_case(reference, hospital.manager, at=FRIDAY)
    acts = [entry.act for entry in shown.entries]
    assert acts[:3] == [Act.CASE_FILES_FORGOTTEN, Act.CASE_ERASED, Act.VALUES_ERASED]
    assert {entry.actor_name for entry in shown.entries} >= {hospital.officer.name, hospital.manager.name}
    assert (shown.narrative, shown.complainant.name, shown.erased_at) == (GONE, GONE, FRIDAY)
    assert trail.bundle(case_stream(reference))


def test_figures_and_clocks_stay_as_they_were(client, hospital, reference):
    make_case(hospital.officer)
    enter(client, Role.MANAGER, "Greta Figures")

    def figures() -> list[str]:
        return [client.page(url).text for url in ("/reports", "/reports/cases")]

    before, drift = figures(), list(sla.drifts(at=FRIDAY))
    timers = queries.get_case(reference, hospital.manager, at=FRIDAY).timers
    erase(reference, hospital)
    assert figures() == before
    assert queries.get_case(reference, hospital.manager, at=FRIDAY).timers == timers
    assert [found for _, found in sla.drifts(at=FRIDAY) if found] == [found for _, found in drift if found] == []


def test_two_people_take_part(hospital, reference):
    uid = service.ask_erasure(reference, ErasureGround.REQUEST, "Asked on 3 March", by=hospital.manager, at=THURSDAY)
    with pytest.raises(Conflict, match="A second person decides"):
        service.decide_erasure(uid, True, "Fine", by=hospital.manager, at=FRIDAY)
    with pytest.raises(Forbidden):
        service.decide_erasure(uid, True, "Fine", by=hospital.officer, at=FRIDAY)
    with pytest.raises(Invalid, match="looked at"):
        service.decide_erasure(uid, True, " ", by=make_hospital_manager(), at=FRIDAY)
    assert SECRET in everywhere()


def make_hospital_manager():
    return make_actor(Role.MANAGER, "Second Manager", team_codes=["CENTRAL"])


def test_a_refusal_destroys_nothing_and_is_told(hospital, reference):
    uid = ask(reference, hospital)
    service.decide_erasure(uid, False, "A claim is announced", by=hospital.manager, at=FRIDAY)
    shown = queries.get_case(reference, hospital.officer, at=FRIDAY)
    assert (shown.entries[0].act, shown.erasures[0].state, SECRET in shown.narrative) == (
        Act.CASE_ERASURE_REFUSED, ErasureState.REFUSED, True)
    with pytest.raises(Conflict, match="already decided"):
        service.decide_erasure(uid, True, "After all", by=hospital.manager, at=FRIDAY)
    assert ask(reference, hospital)


def test_an_open_case_is_not_erased(hospital):
    reference = make_case(hospital.officer)
    with pytest.raises(Conflict, match="still worked on"):
        ask(reference, hospital)


def test_a_legal_hold_keeps_everything_until_it_is_lifted(hospital, reference):
    uid = ask(reference, hospital)
    service.place_legal_hold(reference, "An inquest is opened", by=hospital.manager, at=THURSDAY)
    with pytest.raises(Conflict, match="legal hold"):
        service.decide_erasure(uid, True, "Fine", by=hospital.manager, at=FRIDAY)
    with pytest.raises(Conflict, match="already"):
        service.place_legal_hold(reference, "Again", by=hospital.manager, at=THURSDAY)
    with pytest.raises(Forbidden):
        service.lift_legal_hold(reference, "I say so", by=hospital.officer, at=FRIDAY)
    service.lift_legal_hold(reference, "The inquest is closed", by=hospital.manager, at=FRIDAY)
    service.decide_erasure(uid, True, "Fine", by=hospital.manager, at=FRIDAY)
    assert queries.get_case(reference, hospital.manager, at=FRIDAY).erased_at == FRIDAY


def test_a_case_reopened_while_the_erasure_waits_is_not_erased(hospital, reference):
    uid = ask(reference, hospital)
    service.apply_transition(reference, Action.REOPEN, "They wrote again", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    with pytest.raises(Conflict, match="still worked on"):
        service.decide_erasure(uid, True, "Fine", by=hospital.manager, at=FRIDAY)


def test_an_erased_case_is_not_reopened_nor_erased_again(hospital, reference):
    erase(reference, hospital)
    with pytest.raises(Conflict, match="cannot be reopened"):
        service.apply_transition(reference, Action.REOPEN, "They wrote again", seen=version_of(reference), by=hospital.officer, at=FRIDAY)
    with pytest.raises(Conflict, match="erased already"):
        ask(reference, hospital)


def test_somebody_with_another_case_stays_known_for_that_one(hospital, reference):
    person = db.session.scalars(sa.select(Case.complainant_id).where(Case.reference == reference)).one()
    other = make_case(hospital.officer)

    @service_of_the_test
    def join():
        db.session.execute(sa.update(Case).where(Case.reference == other).values(complainant_id=person))

    join(other, hospital.officer)
    uid = erase(reference, hospital)
    assert people.people([person])[person].name == WHO.name
    assert db.session.scalars(sa.select(Erasure.person_count).where(Erasure.uid == uid)).one() == 1  # the patient alone


def service_of_the_test(change):
    """A write of the test's own, told to the trail as every write is."""

    @atomic
    def run(reference, by):
        change()
        audit.record(case_stream(reference), Act.CASE_AMENDED, by=by, at=TUESDAY)

    return run


def test_a_message_that_has_not_left_stays_here(hospital, reference):
    assert db.session.scalars(sa.select(OutboxMessage.state).where(OutboxMessage.case_reference == reference)).all()
    erase(reference, hospital)
    rows = db.session.execute(sa.select(OutboxMessage.state, OutboxMessage.recipient_email, OutboxMessage.context).where(
        OutboxMessage.case_reference == reference)).all()
    assert {(state.value, email, repr(context)) for state, email, context in rows} <= {
        ("withheld", "", "{}"), ("sent", "", "{}"), ("failed", "", "{}"), ("dead", "", "{}")}


def test_an_erasure_happens_whole_or_not_at_all(hospital, reference):
    uid = ask(reference, hospital)
    assert assert_all_or_nothing(
        lambda: service.decide_erasure(uid, True, "No claim is known", by=hospital.manager, at=FRIDAY)) > 15


def test_files_that_a_crash_left_in_the_store_go_at_the_next_turn(hospital, reference):
    erase(reference, hospital)
    gone = []

    def dies_at_once(key):
        gone.append(key)
        raise OSError("power failed")

    with pytest.raises(OSError, match="power"):
        service.forget_files(dies_at_once, at=FRIDAY)
    assert len(gone) == 1
    assert SECRET in everywhere()
    jobs.forget(FRIDAY)
    assert SECRET not in everywhere()
    assert db.session.scalars(sa.select(Attachment.stored_as)).all() == [None]


def test_of_two_who_decide_at_once_one_does(committing_app, tmp_path):
    committing_app.config["FILES_FOLDER"] = str(tmp_path / "files")
    hospital = make_hospital()
    reference = make_case(hospital.officer)
    drive(reference, Status.CLOSED, hospital, at=WEDNESDAY)
    uid, other, told = ask(reference, hospital), make_hospital_manager(), []
    db.session.remove()

    def decide(by, is_approved):
        with committing_app.app_context():
            try:
                service.decide_erasure(uid, is_approved, "Looked", by=by, at=FRIDAY)
                told.append("decided")
            except Conflict as error:
                told.append(error.message)

    threads = [threading.Thread(target=decide, args=pair) for pair in ((hospital.manager, True), (other, False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [words for words in told if words != "decided"]
    assert len(told) - len(refused) == 1
    assert "This erasure was already decided" in refused[0]
    assert trail.verify().is_whole


def test_a_hidden_case_answers_as_a_missing_one(hospital, reference):
    uid = ask(reference, hospital)
    named = make_hospital_manager()
    service.name_subject(reference, named.uid, by=hospital.manager, at=FRIDAY)
    with pytest.raises(NotFound):
        service.decide_erasure(uid, True, "Mine", by=named, at=FRIDAY)
    with pytest.raises(NotFound):
        service.place_legal_hold(reference, "Mine", by=named, at=FRIDAY)


# --- the pages ---


def test_one_asks_another_decides_and_the_case_says_what_went(client, hospital, reference):
    enter(client, team_codes=["CENTRAL"])
    url = f"/cases/{reference}"
    assert "Who they are (Amina Zyxwvut" in client.page(f"{url}/actions/erasure").text
    assert client.fill_in(f"{url}/actions/erasure", {"ground": "request", "why": "Asked on 3 March"}).status_code == 303
    assert "An erasure waits for a second person" in client.page(url).text
    enter(client, Role.MANAGER, "Greta Second")
    uid = queries.get_case(reference, hospital.manager, at=FRIDAY).erasures[0].uid
    page = client.page(f"{url}/actions/decide_erasure?about={uid}")
    assert "Asked on 3 March" in page.text
    done = client.fill_in(f"{url}/actions/decide_erasure?about={uid}", {"decision": "yes", "why": "No claim"},
                          action=f"{url}/actions/decide_erasure")
    assert done.status_code == 303
    shown = client.page(url).text
    assert SECRET not in shown
    assert "Erased on" in shown
    assert "Reopen the case" not in shown


def test_a_case_without_a_complainant_can_be_erased(hospital):
    reference = make_case(hospital.officer, complainant=None, patient=None, is_anonymous=True, narrative=f"About {SECRET}")
    for action in (Action.OPEN_TRIAGE, Action.EXCLUDE):
        service.apply_transition(reference, action, "Not ours", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    erase(reference, hospital)
    assert SECRET not in everywhere()
