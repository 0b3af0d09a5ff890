"""What sort of case a concern is: the pack's table proposes with its evidence, a person decides, and both are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import concern, drive, enter, make_case, make_hospital, version_of
from tests.facts import MONDAY, TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.audit.rules import Act
from ticketing.cases import queries, service
from ticketing.cases.forms.classifying import MOST
from ticketing.cases.rules import Status
from ticketing.cases.service import Triage
from ticketing.codes.rules import CaseType, ConsentStatus, Severity
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.packs import queries as packs
from ticketing.packs.rules import codes

SPOKEN_AND_SETTLED = {"is_information_only": False, "is_written": False, "asks_formal": False, "alleges_harm": False,
                      "is_several_bodies": False, "settled_next_day": True}
FORMAL = Triage(CaseType.COMPLAINT_FORMAL, Severity.MODERATE, ConsentStatus.NOT_NEEDED, "england-nhs")
PALS = replace(FORMAL, case_type=CaseType.CONCERN_PALS)


@pytest.fixture
def hospital(app):
    return make_hospital()


@pytest.fixture
def reference(hospital) -> str:
    return make_case(hospital.officer)


def classify(reference, hospital, **answers):
    return service.classify(
        reference, {**SPOKEN_AND_SETTLED, **answers}, seen=version_of(reference), by=hospital.officer, at=TUESDAY)


def triage(reference, hospital, found=FORMAL):
    service.triage(reference, found, seen=version_of(reference), by=hospital.officer, at=TUESDAY)


def case(reference, hospital):
    return queries.get_case(reference, hospital.officer, at=TUESDAY)


def test_the_table_proposes_with_its_evidence_and_changes_nothing_by_itself(hospital, reference):
    before = case(reference, hospital)
    assert classify(reference, hospital) == "concern_pals"
    after = case(reference, hospital)
    told = after.classification
    assert (told.proposed_label, told.sentence, told.classified_by) == (
        "PALS concern", "Spoken, and settled by the end of the next working day: outside the regulations. Record it.",
        hospital.officer.name)
    assert "regulation 8(1)(c)" in told.source
    assert (after.case_type, after.timers) == (before.case_type, before.timers)
    entry = after.entries[0]
    assert (entry.act, entry.facts["ruling"], entry.facts["proposed"], entry.facts["answer_is_written"]) == (
        Act.CASE_CLASSIFIED, "settled", "PALS concern", False)


def test_what_nobody_knows_yet_is_still_to_find_out(hospital, reference):
    assert classify(reference, hospital, settled_next_day=None) == ""
    told = case(reference, hospital).classification
    assert (told.proposed, list(told.to_ask)) == (
        "", ["Was it resolved, to the person's satisfaction, by the end of the next working day?"])
    triage(reference, hospital)  # nothing was proposed, so nothing has to be explained
    assert case(reference, hospital).case_type is CaseType.COMPLAINT_FORMAL


def test_harm_is_looked_at_straight_away(hospital, reference):
    assert case(reference, hospital).priority == 0
    classify(reference, hospital, alleges_harm=True)
    assert case(reference, hospital).priority == 2


def test_triage_follows_the_table_without_a_reason(hospital, reference):
    classify(reference, hospital)
    triage(reference, hospital, PALS)
    told = case(reference, hospital).classification
    assert (told.decided_label, told.why, told.is_overridden) == ("PALS concern", "", False)


def test_another_choice_needs_its_reason_which_the_trail_keeps(hospital, reference):
    classify(reference, hospital, is_written=True)
    with pytest.raises(Invalid, match="makes this a formal complaint") as refused:
        triage(reference, hospital, PALS)
    assert refused.value.field == "why_type"
    assert case(reference, hospital).status is Status.RECEIVED
    triage(reference, hospital, replace(PALS, why_type="She asked us not to make it formal."))
    shown = case(reference, hospital)
    assert (shown.classification.is_overridden, shown.classification.why) == (True, "She asked us not to make it formal.")
    assert shown.entries[0].why == "She asked us not to make it formal."


def test_the_newest_answers_count(hospital, reference):
    classify(reference, hospital)
    classify(reference, hospital, is_written=True)
    assert case(reference, hospital).classification.proposed_label == "Formal complaint"


def test_after_triage_the_sort_of_case_changes_only_for_a_reason_and_its_clocks_are_reckoned_anew(hospital, reference):
    classify(reference, hospital, is_written=True)
    triage(reference, hospital)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=TUESDAY)
    assert {timer.target for timer in case(reference, hospital).current_timers} >= {"acknowledge", "respond"}

    def change(why="It was only a question.", case_type=CaseType.ENQUIRY):
        service.change_type(reference, case_type, why, seen=version_of(reference), by=hospital.officer, at=TUESDAY)

    with pytest.raises(Invalid, match="Say why"):
        change(why=" ")
    with pytest.raises(Invalid, match="already"):
        change(case_type=CaseType.COMPLAINT_FORMAL)
    with pytest.raises(Invalid, match="no such sort of case"):
        change(case_type=CaseType.GRIEVANCE_US)
    change()
    shown = case(reference, hospital)
    assert (shown.case_type, shown.current_timers) == (CaseType.ENQUIRY, ())
    assert (shown.entries[0].act, shown.entries[0].change["case_type"], shown.entries[0].why) == (
        Act.CASE_TYPE_CHANGED, ("complaint_formal", "enquiry"), "It was only a question.")
    assert shown.classification.is_overridden
    change("It is a complaint after all.", CaseType.COMPLAINT_FORMAL)
    assert {timer.target for timer in case(reference, hospital).current_timers} >= {"acknowledge", "respond"}


def test_the_sort_of_case_belongs_to_triage_until_it_is_over_and_not_after(hospital, reference):
    with pytest.raises(Conflict, match="belongs to triage"):
        service.change_type(reference, CaseType.ENQUIRY, "Only a question", seen=version_of(reference), by=hospital.officer, at=TUESDAY)
    triage(reference, hospital)
    drive(reference, Status.ACKNOWLEDGED, hospital, at=TUESDAY)
    with pytest.raises(Conflict, match="Triage is over"):
        classify(reference, hospital)


def test_questions_of_another_pack_are_refused(hospital, reference):
    with pytest.raises(Invalid, match="another policy pack"):
        service.classify(reference, {"settled_on_spot": True}, seen=version_of(reference), by=hospital.officer, at=TUESDAY)


def test_the_answers_move_together_with_the_trail_or_not_at_all(hospital, reference):
    assert_all_or_nothing(lambda: classify(reference, hospital, alleges_harm=True))


def test_a_hidden_case_answers_as_a_missing_one(hospital, reference):
    service.name_subject(reference, hospital.officer.uid, by=hospital.manager, at=MONDAY)
    with pytest.raises(NotFound):
        service.classify(reference, SPOKEN_AND_SETTLED, seen=1, by=hospital.officer, at=TUESDAY)


@pytest.mark.parametrize("code", codes())
def test_the_form_has_room_for_every_pack_and_knows_every_sort_it_can_propose(code):
    law = packs.pack(code, "")
    assert len(law.questions) <= MOST
    assert {ruling.result for ruling in law.classifier} <= {kind.value for kind in CaseType}


def test_a_draft_is_asked_nothing_yet(hospital):
    draft = service.keep_draft(concern(), by=hospital.officer, at=MONDAY)
    assert case(draft, hospital).questions == ()
    with pytest.raises(Conflict):
        service.classify(draft, SPOKEN_AND_SETTLED, seen=version_of(draft), by=hospital.officer, at=TUESDAY)


# --- the pages ---


@pytest.fixture
def url(client, hospital, reference, set_clock) -> str:
    set_clock(TUESDAY)
    enter(client, team_codes=["CENTRAL"])
    return f"/cases/{reference}"


def test_the_questions_are_asked_in_plain_words_and_the_proposal_stands_at_triage(client, url):
    assert "Was it made in writing: letter, e-mail, web form or text?" in client.page(f"{url}/actions/classify").text
    typed = {"answer_0": "no", "answer_1": "yes", "answer_2": "no", "answer_3": "no", "answer_4": "no"}
    assert client.fill_in(f"{url}/actions/classify", typed).status_code == 303
    shown = client.page(url).text
    assert "What the policy pack makes of it" in shown
    assert "Only a complaint made orally can be left out of the regulations by settling it." in shown
    assert "The policy pack proposes: Formal complaint" in client.page(f"{url}/actions/triage").text


def test_triage_against_the_table_keeps_what_was_typed_and_asks_why(client, url, reference, hospital):
    classify(reference, hospital, is_written=True)
    typed = {"is_danger_now": "no", "case_type": "enquiry", "severity": "low", "consent_status": "not_needed", "pack": "england-nhs",
             "has_no_conflict": "y"}
    refused = client.fill_in(f"{url}/actions/triage", typed)
    assert refused.status_code == 422
    assert "Choose that, or say why it is something else." in refused.text
    done = client.fill_in(f"{url}/actions/triage", {**typed, "why_type": "She only asked for the visiting hours."})
    assert done.status_code == 303
    assert case(reference, hospital).case_type is CaseType.ENQUIRY


def test_a_form_without_any_answer_is_sent_back(client, url):
    refused = client.fill_in(f"{url}/actions/classify", {})
    assert refused.status_code == 422
    assert "Answer at least one question" in refused.text
