"""`sla explain` at the prompt: how events are spelled, what the answer holds, and the sentences for what cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ticketing.core.errors import Invalid
from ticketing.packs.rules import codes, load
from ticketing.sla.rules import EventKind, Facts, as_text, ask, parse_event

LONDON = "Europe/London"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def answer(*events, pack="england-nhs", at=None, zone=None):
    return ask(pack, events, at_text=at, site_zone=zone, now=NOW)


def target(found, code):
    return next(each for each in found["targets"] if each["target"] == code)


def test_the_answer_of_the_issue_comes_out_as_json():
    found = json.loads(json.dumps(answer("received=2026-12-23T10:00")))
    acknowledge = target(found, "acknowledge")
    assert (acknowledge["pack"], acknowledge["state"], acknowledge["due_at"]) == ("england-nhs", "running", "2026-12-31T00:00:00+00:00")
    assert acknowledge["clause"].startswith("SI 2009/309, regulation 13(3)")
    assert {"on": "2026-12-24", "counted": True, "why": "Working day 1 of 3"} in acknowledge["account"]
    assert acknowledge["due"] == "by the end of Wed 30 Dec 2026"


def test_a_target_with_no_number_in_law_is_due_null_and_says_why():
    respond = target(answer("received=2026-12-23T10:00"), "respond")
    assert respond["due_at"] is None
    assert "no number of days" in respond["why"]


@pytest.mark.parametrize(("text", "moment"), [
    ("received=2026-07-24T10:00", datetime(2026, 7, 24, 9, tzinfo=UTC)),
    ("received=2026-07-24T10:00:30+02:00", datetime(2026, 7, 24, 8, 0, 30, tzinfo=UTC)),
    ("received=2026-07-24T10:00Z", datetime(2026, 7, 24, 10, tzinfo=UTC)),
    ("received=2026-07-24", datetime(2026, 7, 23, 23, tzinfo=UTC)),
    (" received = 2026-12-24 10:00 ", datetime(2026, 12, 24, 10, tzinfo=UTC)),
])
def test_moments_may_carry_an_offset_or_be_the_sites(text, moment):
    assert parse_event(text, LONDON).at == moment


def test_an_agreed_date_may_stand_alone_or_after_the_day_it_was_agreed():
    alone = target(answer("received=2026-12-01", "period_agreed=2027-01-29"), "respond")
    dated = target(answer("received=2026-12-01", "period_agreed=2026-12-03T10:00@2027-01-29"), "respond")
    assert alone["due_at"] == dated["due_at"] == "2027-01-30T00:00:00+00:00"
    assert parse_event("extended=2026-12-03@2027-02-28", LONDON).data["due_on"] == "2027-02-28"


def test_the_part_after_the_at_sign_is_a_number_of_days_a_reason_or_a_request():
    assert parse_event("interim_sent=2026-12-30@14", LONDON).follow_up_days == 14
    assert parse_event("held=2026-12-30@awaiting_consent", LONDON).data["reason"] == "awaiting_consent"
    assert parse_event("statement_asked=2026-12-30@dr-a", LONDON).subject == "dr-a"


def test_without_a_moment_the_last_event_counts_as_now_if_it_lies_ahead():
    found = answer("received=2026-12-23T10:00", "acknowledged=2026-12-29T10:00")
    assert found["at"] == "2026-12-29T10:00:00+00:00"
    assert target(found, "acknowledge")["state"] == "met"
    assert target(answer("received=2026-11-02", at="2026-11-03"), "acknowledge")["state"] == "running"
    assert target(answer("received=2026-11-02"), "acknowledge")["state"] == "breached"


def test_a_plain_interim_notice_is_one_that_named_its_days():
    found = answer("received=2026-12-01", "interim_sent=2026-12-07", pack="us-cms")
    assert target(found, "interim_notice")["state"] == "met"


def test_a_site_may_have_its_own_zone():
    found = answer("received=2026-12-24T10:00", pack="us-cms", zone="America/Los_Angeles")
    assert target(found, "respond")["due_at"] == "2027-01-01T08:00:00+00:00"


def test_an_answer_without_events_waits():
    assert {each["state"] for each in answer()["targets"]} <= {"waiting", "not_applicable"}


@pytest.mark.parametrize("code", codes())
def test_each_pack_lists_its_events_in_the_answer(code):
    assert set(answer(pack=code)["events"]) == {event.code.value for event in load(code).events}


@pytest.mark.parametrize(("pack", "events", "at", "zone", "words"), [
    ("atlantis", [], None, None, "no policy pack called “atlantis”"),
    ("england-nhs", ["received"], None, None, "is not an event"),
    ("england-nhs", ["received="], None, None, "is not an event"),
    ("england-nhs", ["=2026-12-24"], None, None, "no event called"),
    ("england-nhs", ["posted=2026-12-24"], None, None, "no event called “posted”. Known events: received"),
    ("england-nhs", ["received=24/12/2026"], None, None, "is not a date or time"),
    ("england-nhs", ["received=2026-02-30"], None, None, "is not a date or time"),
    ("england-nhs", ["received=2026-12-24T25:00"], None, None, "is not a date or time"),
    ("england-nhs", ["received=9999-12-31"], None, None, "too far away"),
    ("england-nhs", ["received=0001-01-01T00:00"], None, None, "too far away"),
    ("england-nhs", ["received=2026-12-24"], "soon", None, "is not a date or time"),
    ("england-nhs", ["received=2026-12-24"], None, "Europe/Lundon", "no time zone called"),
    ("england-nhs", ["decided=2026-12-24"], None, None, "has no event “decided”. Its events are: received"),
    ("england-nhs", ["period_agreed=2027-01-29"], None, None, "Say when the concern was received"),
    ("england-nhs", ["received=2026-12-24", "period_agreed=2026-12-24@later"], None, None, "is not a date or time"),
    ("england-nhs", ["received=2026-12-24@noon"], None, None, "takes nothing after an @"),
    ("us-cms", ["received=2026-12-24", "interim_sent=2026-12-30@soon"], None, None, "names a number of days"),
    ("us-cms", ["received=2026-12-24", "interim_sent=2026-12-30@0"], None, None, "names a number of days"),
    ("england-nhs", ["received=2026-12-24\x00"], None, None, "is not a date or time"),
])
def test_what_cannot_be_read_is_refused_with_a_sentence(pack, events, at, zone, words):
    with pytest.raises(Invalid, match=words):
        ask(pack, events, at_text=at, site_zone=zone, now=NOW)


def test_the_text_for_people_has_each_target_its_clause_and_its_days():
    text = as_text(answer("received=2026-12-23T10:00", at="2026-12-23T12:00"))
    assert "acknowledge: running, by the end of Wed 30 Dec 2026" in text
    assert "2026-12-25     Christmas Day" in text
    assert "3 working days left" in text
    assert text.endswith("\n")


def test_a_second_cycle_begins_with_the_reopening():
    found = answer("received=2026-03-02", "answered=2026-03-06", "reopened=2026-04-01", at="2026-04-02")
    assert [each["cycle"] for each in found["targets"] if each["target"] == "respond"] == [1, 2]
    assert parse_event("reopened=2026-04-01", LONDON).kind is EventKind.REOPENED


@pytest.mark.parametrize(("pack", "code", "words"), [
    ("england-nhs", "progress", "Not started: it begins with the acknowledgement."),
    ("scotland-nhs", "respond", "Not started: it begins when the case moves to the next stage."),
    ("nz-hdc", "respond", "Not started: it begins with the decision."),
    ("ireland-hse", "progress", "Not started: it begins when the time to respond has run out."),
])
def test_what_has_not_begun_says_with_what_it_will(pack, code, words):
    assert target(answer("received=2026-11-23T10:00", pack=pack), code)["why"] == words


def test_a_case_type_may_be_named_and_an_unknown_one_is_refused():
    found = ask("scotland-nhs", ["received=2026-11-23T10:00"], at_text=None, site_zone=None, now=NOW, facts=Facts("complaint_formal"))
    assert target(found, "respond")["state"] == "running"
    with pytest.raises(Invalid, match="has no case type “parking”"):
        ask("scotland-nhs", ["received=2026-11-23"], at_text=None, site_zone=None, now=NOW, facts=Facts("parking"))


def test_a_moved_date_is_told_with_the_one_before_and_the_agreed_day():
    found = target(answer("received=2026-09-07T10:00", "extended=2026-09-14@2026-09-21", pack="northern-ireland-2026", at="2026-09-15"),
                   "respond_stage_1")
    assert (found["first_due"], found["due"], found["agreed_on"]) == (
        "by the end of Mon 14 Sep 2026", "by the end of Mon 21 Sep 2026", "2026-09-21")


def test_a_number_nobody_verified_is_told_as_such():
    text = as_text(answer("received=2026-11-23T10:00", pack="wales-2026"))
    assert "number not verified" in text
    assert "none is guessed" in text
