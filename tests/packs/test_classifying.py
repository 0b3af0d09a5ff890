"""The classifier: what kind of case a concern is, with the evidence, and what has still to be asked."""

from __future__ import annotations

from itertools import product

import pytest

from ticketing.packs.rules import classify, codes, load, problems_of, text_of

PACKS = [load(code) for code in codes()]
each_pack = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
NOTHING = {"is_anonymous_survey": False, "is_billing_only": False, "is_medicare_billing": False, "is_written": False, "asks_formal": False,
           "is_minor": False, "alleges_harm": False, "is_authorised": True, "settled_on_spot": True}


@pytest.mark.parametrize(("answers", "result"), [
    ({"is_written": True}, "grievance_us"),
    ({"alleges_harm": True}, "grievance_us"),
    ({"asks_formal": True}, "grievance_us"),
    ({"settled_on_spot": False}, "grievance_us"),
    ({}, "complaint_us_poc"),
    ({"is_minor": True, "settled_on_spot": False}, "complaint_us_poc"),
    ({"is_billing_only": True}, "enquiry"),
    ({"is_billing_only": True, "is_medicare_billing": True}, "grievance_us"),
    ({"is_anonymous_survey": True, "is_written": True}, "suggestion"),
    ({"is_authorised": False, "is_written": True}, "enquiry"),
])
def test_the_rule_of_staff_present_decides_in_the_united_states(answers, result):
    assert classify(load("us-cms"), {**NOTHING, **answers}).case_type == result


ENGLAND = {"is_information_only": False, "is_written": False, "asks_formal": False, "alleges_harm": False, "is_several_bodies": False,
           "settled_next_day": True}


@pytest.mark.parametrize(("answers", "result"), [
    ({}, "concern_pals"),
    ({"settled_next_day": False}, "complaint_formal"),
    ({"is_written": True}, "complaint_formal"),
    ({"asks_formal": True}, "complaint_formal"),
    ({"alleges_harm": True}, "complaint_formal"),
    ({"is_several_bodies": True}, "joint_complaint"),
    ({"is_information_only": True}, "enquiry"),
])
def test_the_next_working_day_decides_in_england(answers, result):
    found = classify(load("england-nhs"), {**ENGLAND, **answers})
    assert found.case_type == result
    assert found.ruling.evidence


def test_harm_is_urgent():
    assert classify(load("england-nhs"), {**ENGLAND, "alleges_harm": True}).ruling.is_urgent
    assert not classify(load("england-nhs"), ENGLAND).ruling.is_urgent


def test_what_has_not_been_asked_is_handed_back_and_decides_nothing():
    found = classify(load("england-nhs"), {"is_several_bodies": False, "alleges_harm": None})
    assert (found.case_type, [question.code for question in found.to_ask]) == ("", ["alleges_harm"])
    assert found.to_ask[0].sentence.endswith("?")


@each_pack
def test_every_full_set_of_answers_is_decided(pack):
    asked = [question.code for question in pack.questions]
    for answers in product((True, False), repeat=len(asked)):
        assert classify(pack, dict(zip(asked, answers, strict=True))).case_type


@each_pack
def test_every_row_of_the_table_can_decide(pack):
    asked = [question.code for question in pack.questions]
    deciding = {classify(pack, dict(zip(asked, answers, strict=True))).ruling.code for answers in product((True, False), repeat=len(asked))}
    assert deciding == {ruling.code for ruling in pack.classifier}


@pytest.mark.parametrize(("old", "new", "words"), [
    ('when = { alleges_harm = true }', 'when = { is_tall = true }', "asks what [[questions]] does not list: is_tall"),
    ('result = "joint_complaint"', 'result = "parking"', "the result “parking” is not one of the pack's case types"),
    ('when = { is_written = true }', 'when = { alleges_harm = true, is_written = true }', "can never decide: the row “harm” before it"),
    ('when = { is_written = true }', 'when = { is_written = "yes" }', "must map each question to true or false"),
    ('years = 10', 'years = 1000', "1000 years is no period"),
    ('years = 10', 'years = "ten"', "must be a whole number"),
    ('notice = "EN_PERIOD_NOTICE"', 'notice = "EN_NONE"', "is not one of the pack's notices"),
    ('notice = "EN_PERIOD_NOTICE"', 'at_most = 5', "go together"),
    ('notice = "EN_PERIOD_NOTICE"', 'at_most = 5, at_most_unit = "working_days"', "only an extension by the rule “notified”"),
    ('recurrence = { anchor = "last_update" }', 'recurrence = { anchor = "moon" }', "it must be one of last_update, grid, breach"),
    ('recurrence = { anchor = "last_update" }', 'recurrence = { anchor = "grid", after = "apologise" }', "is not another target"),
    ('recurrence = { anchor = "last_update" }', 'recurrence = { anchor = "grid", colour = 1 }', "“colour” is not a key"),
    ('holdable = ["awaiting_consent", "awaiting_complainant"]', 'holdable = ["tea"]', "names unknown hold reasons: tea"),
    ('legal_force = "local"\nclause = "Local policy: every', 'legal_force = "guidance"\nclause = "Local policy: every',
     "only a local target may be held"),
    ('on_reopening = "restart"\non_breach = "Contact', 'on_reopening = "resume"\non_breach = "Contact',
     "a repeating target stays or restarts"),
    ('[[retention]]\n', '[[retention]]\nverified = false\n', ""),
])
def test_rules_that_contradict_each_other_are_refused_with_a_sentence(old, new, words):
    text = text_of("england-nhs", "2026.2")
    assert old in text
    found = problems_of(text.replace(old, new, 1))
    assert found
    assert any(words in str(problem) for problem in found)
    assert all(problem.line for problem in found)


def test_a_number_that_nobody_verified_is_refused():
    text = text_of("england-dp", "2026.1").replace("verified = true", "verified = false")
    assert any("has a number that nobody has verified" in str(problem) for problem in problems_of(text))
