"""The packs as data: what each rule must say of itself, and how a contradictory file is refused."""

from __future__ import annotations

import copy
import tomllib
from datetime import date

import pytest

from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules import (
    EventKind,
    TargetCode,
    age_of,
    differences,
    load,
    pack,
    pack_from,
    problems_of,
    read_pack,
    shipped,
    text_of,
    versions,
)

PACKS = [load(code, version) for code, version in shipped()]
TEXT = text_of("england-nhs", "2026.1")


@pytest.fixture
def raw():
    return copy.deepcopy(tomllib.loads(TEXT))


def changed(old, new):
    """The text of a pack with one passage changed, which must be there."""
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def test_a_pack_is_loaded_in_the_version_a_case_is_pinned_to():
    assert load("england-nhs", "2026.1").version == "2026.1"
    assert load("england-nhs") == pack("england-nhs") == load("england-nhs", versions("england-nhs")[-1])
    with pytest.raises(Invalid, match="the present version is"):
        load("england-nhs", "1999.9")


@pytest.mark.parametrize("code", ["", "atlantis", "../secret", "england-nhs@2026.1"])
def test_an_unknown_pack_is_refused_with_the_known_ones(code):
    with pytest.raises(Invalid, match="england-nhs, "):
        load(code)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.code} {pack.version}")
def test_each_rule_says_where_it_comes_from_and_how_binding_it_is(pack):
    for rule in (*pack.targets, *pack.notices):
        assert rule.source
        assert rule.legal_force
        assert isinstance(rule.effective_from, date)
        assert isinstance(rule.verified, bool)
    for target in pack.targets:
        assert target.clause
        assert target.on_breach
        assert target.amount or target.why_no_number


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.code} {pack.version}")
def test_no_machine_and_no_complainant_satisfies_a_target(pack):
    for target in pack.targets:
        assert not {ActorKind.MACHINE, ActorKind.COMPLAINANT} & target.by


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.code} {pack.version}")
def test_nothing_holds_a_statutory_target_or_one_from_guidance(pack):
    for target in pack.targets:
        assert not target.holdable or target.legal_force == "local"


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.code} {pack.version}")
def test_enquiries_suggestions_and_compliments_start_no_clock(pack):
    without = {kind.code for kind in pack.case_types if not kind.has_clock}
    assert {"enquiry", "suggestion", "compliment"} <= without
    for target in pack.targets:
        assert not target.case_types & without


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.code} {pack.version}")
def test_each_pack_lists_its_events_with_a_sentence(pack):
    needed = {EventKind.RECEIVED, EventKind.ACKNOWLEDGED, EventKind.ENDED, EventKind.HELD, EventKind.RELEASED, EventKind.REOPENED}
    assert needed <= {event.code for event in pack.events}
    for event in pack.events:
        assert event.sentence.endswith(".")


def test_england_has_no_number_of_days_for_the_response():
    respond = load("england-nhs").target(TargetCode.RESPOND)
    assert respond.amount is None
    assert "no number of days" in respond.why_no_number


def test_the_written_notice_of_decision_has_its_four_elements():
    notice = load("us-cms").notice("US_RESOLUTION")
    assert {"hospital_contact_person", "steps_taken_to_investigate", "results", "date_of_completion"} <= set(notice.required)


def test_unknown_parts_of_a_pack_are_refused_with_the_known_ones():
    pack = load("us-cms")
    for ask, known in ((pack.target, "acknowledge"), (pack.notice, "US_ACK"), (pack.event, "received")):
        with pytest.raises(Invalid, match=known):
            ask("nonsense")


def break_target(raw, **changes):
    raw["targets"][0].update(changes)


@pytest.mark.parametrize(("change", "words"), [
    (lambda raw: raw.pop("version"), "“version” is missing"),
    (lambda raw: raw.update(timezone="Europe/Lundon"), "no time zone called"),
    (lambda raw: raw.update(holidays="atlantis"), "no holiday calendar called"),
    (lambda raw: raw.update(effective_from="2026-01-01"), "must be a date"),
    (lambda raw: raw.update(targets=[]), "at least one"),
    (lambda raw: raw.update(surprise=1), "“surprise” is not a key"),
    (lambda raw: raw.update(working_week=["mon", "someday"]), "must be a list of mon"),
    (lambda raw: raw.update(default_case_type="parking"), "not one of its case types"),
    (lambda raw: break_target(raw, code="apologise"), "targets apologise: “code” is “apologise”"),
    (lambda raw: break_target(raw, unit="fortnights"), "it must be one of working_days"),
    (lambda raw: break_target(raw, amount=0), "must be above 0"),
    (lambda raw: break_target(raw, amount=True), "must be a whole number"),
    (lambda raw: break_target(raw, amount="three"), "must be a whole number"),
    (lambda raw: raw["targets"][0].pop("amount"), "must say why_no_number"),
    (lambda raw: break_target(raw, unit="agreed_date"), "an agreed date has no amount"),
    (lambda raw: break_target(raw, holdable=["awaiting_consent"]), "is statutory, so nothing may hold it"),
    (lambda raw: break_target(raw, by=["machine"]), "may not be satisfied by a machine"),
    (lambda raw: break_target(raw, starts=["escalated_stage"]), "does not list: escalated_stage"),
    (lambda raw: break_target(raw, case_types=["parking"]), "unknown case types: parking"),
    (lambda raw: break_target(raw, verified="yes"), "must be true or false"),
    (lambda raw: break_target(raw, colour="red"), "“colour” is not a key"),
    (lambda raw: break_target(raw, clause=" "), "“clause” must be text"),
    (lambda raw: raw["targets"].append(raw["targets"][0]), "is given twice"),
    (lambda raw: raw["notices"][0].update(required=["a"]), "must map each content to a sentence"),
    (lambda raw: raw["outcomes"][0].update(level="country"), "it must be one of case, point"),
])
def test_a_pack_that_contradicts_itself_is_refused_naming_the_place(raw, change, words):
    change(raw)
    with pytest.raises(Invalid, match=words):
        pack_from(raw)


def test_every_problem_is_told_at_once_with_its_line():
    text = TEXT.replace('unit = "working_days"', 'unit = "fortnights"').replace("\nverified = true", '\nverified = "yes"', 1)
    found = problems_of(text)
    lines = text.splitlines()
    assert len(found) == 5
    assert all(problem.line for problem in found)
    assert all('"fortnights"' in lines[problem.line - 1] or '"yes"' in lines[problem.line - 1] for problem in found)


def test_a_problem_names_the_table_the_key_the_line_and_what_to_do():
    text = changed('unit = "working_days"', 'unit = "fortnights"')
    line = text.splitlines().index('unit = "fortnights"') + 1
    with pytest.raises(Invalid) as refused:
        read_pack(text, "england-nhs/draft.toml")
    assert refused.value.message == (
        f"The policy pack england-nhs/draft.toml cannot be used: line {line}, targets acknowledge: “unit” is “fortnights”; it must be "
        "one of working_days, calendar_days, months, agreed_date, working_hours, hours.")


def test_a_contradiction_names_its_line_too():
    text = changed("amount = 3", "amount = -3")
    (problem,) = problems_of(text)
    assert text.splitlines()[problem.line - 1] == "amount = -3"


def test_a_long_list_of_problems_is_cut_in_the_sentence_and_whole_in_the_list():
    text = TEXT.replace("legal_force =", "force =")
    assert len(problems_of(text)) > 20
    with pytest.raises(Invalid, match=r"And \d+ more"):
        read_pack(text, "draft")


@pytest.mark.parametrize("text", ["", "x", "= =", "[", "a = [", "\x00", "a = 1\na = 2", "[" * 5000, 'a = "\ud800"', "a = 99999999-01-01",
                                  "a = " + "9" * 5000, "targets = 5", "[[targets]]", "targets = [1]", "[targets]",
                                  "notices = [{ required = 5 }]",
                                  "[[targets]]\nextension = 5\nrecurrence = []\nstarts_for = 1", "[[classifier]]\nwhen = { a = 5 }"])
def test_what_is_no_pack_at_all_is_refused_with_a_sentence(text):
    assert problems_of(text)
    with pytest.raises(Invalid, match="The policy pack draft cannot be used: "):
        read_pack(text, "draft")


def test_the_line_that_is_no_toml_is_named():
    (problem,) = problems_of(changed('title = "Acknowledge', 'title = Acknowledge'))
    assert problem.line == TEXT.splitlines().index('title = "Acknowledge the complaint and offer to discuss it"') + 1


def test_a_digest_names_the_content_and_not_its_layout():
    assert read_pack("# a remark\n\n" + TEXT, "a").digest == load("england-nhs", "2026.1").digest
    assert read_pack(changed("amount = 3", "amount = 4"), "a").digest != load("england-nhs", "2026.1").digest


def test_no_two_shipped_packs_share_a_digest():
    assert len({each.digest for each in PACKS}) == len(PACKS)


def test_what_differs_between_two_versions_is_told_rule_by_rule():
    old = load("england-nhs", "2026.1")
    new = read_pack(changed("amount = 3", "amount = 5").replace('version = "2026.1"', 'version = "2026.9"'), "draft")
    assert differences(old, new) == [("version", "2026.1", "2026.9"), ("targets acknowledge, amount", "3", "5")]
    assert differences(old, old) == []


def test_a_rule_that_goes_and_one_that_comes_are_told_by_their_titles():
    old = load("us-cms", "2026.1")
    new = read_pack(text_of("us-cms", "2026.1").replace('code = "legal"', 'code = "court"').replace('"legal"', '"court"'), "draft")
    assert ("hold_reasons legal", "Legal advice to wait", "") in differences(old, new)
    assert ("hold_reasons court", "", "Legal advice to wait") in differences(old, new)


def test_versions_are_in_order_of_their_numbers():
    assert sorted(["2026.10", "2026.9", "2027.1", "2026"], key=age_of) == ["2026", "2026.9", "2026.10", "2027.1"]
