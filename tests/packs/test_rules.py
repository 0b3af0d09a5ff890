"""The packs as data: what each rule must say of itself, and how a contradictory file is refused."""

from __future__ import annotations

import copy
import tomllib
from datetime import date

import pytest

from ticketing.core.errors import Invalid
from ticketing.core.permissions import ActorKind
from ticketing.packs.rules import EventKind, TargetCode, codes, load, pack_from
from ticketing.packs.rules.reading import FOLDER

PACKS = [load(code) for code in codes()]


@pytest.fixture
def raw():
    return copy.deepcopy(tomllib.loads((FOLDER / "england-nhs.toml").read_text(encoding="utf-8")))


def test_the_two_packs_of_the_spine_are_shipped():
    assert codes() == ("england-nhs", "us-cms")


def test_a_pack_is_loaded_in_the_version_a_case_is_pinned_to():
    assert load("england-nhs", "2026.1") == load("england-nhs")
    with pytest.raises(Invalid, match="present version is 2026"):
        load("england-nhs", "1999.9")


@pytest.mark.parametrize("code", ["", "atlantis", "../secret", "england-nhs@2026.1"])
def test_an_unknown_pack_is_refused_with_the_known_ones(code):
    with pytest.raises(Invalid, match="england-nhs, us-cms"):
        load(code)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
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


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
def test_no_machine_and_no_complainant_satisfies_a_target(pack):
    for target in pack.targets:
        assert not {ActorKind.MACHINE, ActorKind.COMPLAINANT} & target.by


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
def test_nothing_holds_a_statutory_target_or_one_from_guidance(pack):
    for target in pack.targets:
        assert not target.holdable or target.legal_force == "local"


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
def test_enquiries_suggestions_and_compliments_start_no_clock(pack):
    without = {kind.code for kind in pack.case_types if not kind.has_clock}
    assert {"enquiry", "suggestion", "compliment"} <= without
    for target in pack.targets:
        assert not target.case_types & without


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.code)
def test_each_pack_lists_its_events_with_a_sentence(pack):
    needed = {EventKind.RECEIVED, EventKind.ACKNOWLEDGED, EventKind.HELD, EventKind.RELEASED, EventKind.REOPENED}
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
