"""Some 540 real messages in 20 character sets, 17 hostile ones, and 40 replies: each is what its collectors say it is."""

from __future__ import annotations

import csv
import subprocess
import sys
from functools import lru_cache

import pytest

from tests.facts import shared
from ticketing.mailroom.queries.cleaning import clean, words
from ticketing.mailroom.rules.nature import Nature, bounces_of, may_be_answered, nature_of
from ticketing.mailroom.rules.quoting import fold
from ticketing.mailroom.rules.reading import Letter, read

# The list of what is expected goes by set; this one was read: a person forwards a bounce, and a person's mail is triaged.
FORWARDED_BY_A_PERSON = {"lhost-sendmail-14.eml"}
# Bounces in no form that a program could know: receipts of a sending service, a mailing list's refusal, a carrier's bare note.
KEPT_AS_AUTOMATIC = {f"lhost-amazonses-{number}.eml" for number in (11, 12, 13)} | {
    "lhost-fml-02.eml", "lhost-kddi-02.eml", "lhost-kddi-03.eml"}
SUBJECTS = {
    "attachment_emails__attachment_pdf.eml": "Another PDF with 🎉 Unicode chars in it 🍿",
    "error_emails__invalid_subject_characters.eml": "Formação FrenetikPolis: Mega Campanha Final Verão | Cursos de Setembro",
    "multi_charset__japanese.eml": "まみむめも",
    "plain_emails__raw_email.eml": "NOTE: 한국말로 하는 것",
    "plain_emails__raw_email_with_partially_quoted_subject.eml": 'Re: Test: "漢字" mid "漢字" tail',
    "rfc2822__example14.eml": "Re: TEST テストテスト",
    "rfc6532__utf8_headers.eml": "Säying Hello",
    "lhost-kddi-01.eml": "メールエラー通知",
    "lhost-mailru-02.eml": "Ваше сообщение не доставлено. Mail failure.",
    "lhost-office365-13.eml": "Undeliverable: にゃーん",
    "mail_test_12": "代开各地增值税发票",
}


@lru_cache(maxsize=1)
def collected() -> dict[str, tuple[str, Letter]]:
    """Every whole message by its file's name, with what is expected of it."""
    folder = shared("data", "mail")
    with (folder / "manifest.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["full_message"] == "1" and row["expected"]]
    return {row["file"]: (row["expected"], read((folder / row["set"] / row["file"]).read_bytes())) for row in rows}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> dict[str, Letter]:
    made = tmp_path_factory.mktemp("hostile")
    subprocess.run([sys.executable, shared("data", "hostile", "make_hostile.py"), made], check=True, capture_output=True)
    return {path.stem.removeprefix("mail_"): read(path.read_bytes()) for path in made.glob("mail_*.eml")}


def test_every_message_is_what_its_collectors_say():
    wrong = []
    for name, (expected, letter) in collected().items():
        nature = nature_of(letter)
        if expected.startswith("bounce") and name not in FORWARDED_BY_A_PERSON:
            is_right = nature is (Nature.AUTOMATIC if name in KEPT_AS_AUTOMATIC else Nature.BOUNCE)
        elif expected.startswith(("abuse", "auto")):
            is_right = nature is not Nature.PERSON
        else:
            is_right = bool(letter.digest)
        if not is_right or (nature is not Nature.PERSON and may_be_answered(letter)):
            wrong.append((name, expected, nature.value))
    assert not wrong
    assert len(collected()) > 540


def test_what_people_wrote_is_not_taken_for_a_machines():
    """Of the messages that must only parse, those a machine sent say so in their headers; all others open triage."""
    machines = {name for name, (expected, letter) in collected().items()
                if expected.startswith(("parse", "strip")) and nature_of(letter) is not Nature.PERSON}
    assert machines == {"error_emails__bad_date_header.eml", "error_emails__empty_in_reply_to.eml", "error_emails__encoding_madness.eml",
                        "mail_test_5", "mail_test_6"}


@pytest.mark.parametrize(("name", "subject"), SUBJECTS.items())
def test_a_subject_is_read_in_its_own_letters(name, subject):
    assert collected()[name][1].subject == subject


def test_both_databases_can_keep_every_text():
    for name, (_, letter) in collected().items():
        for text in (letter.subject, letter.text, clean(letter.raw_page), *(part.name for part in letter.enclosures)):
            assert "\0" not in text, name
            text.encode("utf-8")
        assert "\n" not in letter.subject, name


def test_nothing_shown_can_run_or_load():
    for name, (_, letter) in collected().items():
        page = clean(letter.raw_page).lower()
        for mark in ("<script", "<img", "<style", "<form", "<iframe", "javascript:", " style=", " onclick", " src="):
            assert mark not in page, (name, mark)


def test_a_delivery_report_names_whom_it_did_not_reach():
    reports = [bounces_of(letter) for expected, letter in collected().values() if expected.startswith("bounce")]
    named = [bounce for report in reports for bounce in report]
    assert sum(bool(report) for report in reports) > 200
    assert sum(bounce.is_final for bounce in named) > 200
    assert all("@" in bounce.recipient or bounce.recipient for bounce in named)


def test_hostile_mail_is_read_and_said_what_is_wrong(hostile):
    assert len(hostile) == 17
    assert hostile["header_injection"].subject == "Hi Bcc: all@example.org"
    assert any("parts within parts" in flaw for flaw in hostile["deep_multipart"].flaws)
    assert hostile["unknown_charset"].text == "café"
    assert any("character set" in flaw for flaw in hostile["unknown_charset"].flaws)
    assert hostile["bad_base64"].flaws
    assert len(hostile["huge_header"].subject) == 300
    assert len(hostile["many_to"].recipients) == 50
    assert hostile["multi_from"].sender is None
    assert not may_be_answered(hostile["multi_from"])
    assert nature_of(hostile["autoreply"]) is Nature.AUTOMATIC
    assert nature_of(hostile["empty_return"]) is Nature.BOUNCE
    assert [part.name for part in hostile["rfc2231_traversal"].enclosures] == ["passwd"]
    assert clean(hostile["html_only"].raw_page) == '<p>Hello <a rel="noopener noreferrer nofollow">link</a></p><p></p>'
    assert hostile["dup_message_id_1"].message_id == hostile["dup_message_id_2"].message_id
    assert hostile["dup_message_id_1"].digest != hostile["dup_message_id_2"].digest
    assert any("no headers" in flaw for flaw in hostile["no_headers"].flaws)
    assert (hostile["lf_only_8bit"].subject, hostile["lf_only_8bit"].text) == ("café", "é")


@pytest.mark.parametrize(("name", "said"), [
    ("android.eml", "Hello"), ("apple_mail.eml", "Hello"), ("apple_mail_2.eml", "Hello"), ("comcast.eml", "Hello"),
    ("gmail.eml", "Hello"), ("hotmail.eml", "Hello"), ("iphone.eml", "Hello"), ("sparrow.eml", "Hello"), ("thunderbird.eml", "Hello"),
    ("yahoo.eml", "Hello"),
])
def test_a_reply_is_folded_for_every_mail_program(name, said):
    assert fold(collected()[f"standard_replies__{name}"][1].text).said == said


@pytest.mark.parametrize(("name", "begins", "quoted", "signature"), [
    ("email_1_1", "Hi folks", "", "-Abhishek Kona"), ("email_1_3", "Oh thanks.", "On 01/03/11", "-Abhishek Kona"),
    ("email_1_4", "Awesome!", "On Aug 22, 2011", ""), ("email_1_5", "One: Here's what I've got.", "", ""),
    ("email_1_6", "I get proper rendering as well.", "On Dec 16, 2011", "Sent from a magnificent"),
    ("email_1_8", "I will reply under this one\n\n\nand under this.", "On Tue, Apr 29", "--\nHey there"),
    ("email_2_1", "Outlook with a reply", "-----", ""), ("email_2_2", "Outlook with a reply directly above line", "____", ""),
    ("email_2_3", "Outlook with a reply directly above line", "From: CRM", ""),
    ("email_BlackBerry", "Here is another email", "", "Sent from my BlackBerry"), ("email_bullets", "test 2", "On Fri, Feb 24", "--"),
    ("correct_sig", "this is an email with a correct -- signature.", "", "-- \nrick"), ("pathological", "I think you're", "On Dec 8", ""),
    ("email_sig_delimiter_in_middle_of_line", "Hi there!", "", ""),
])
def test_text_quote_and_signature_are_told_apart(name, begins, quoted, signature):
    folded = fold(shared("data", "mail", "email_reply_parser", f"{name}.txt").read_text(encoding="utf-8"))
    assert folded.said.startswith(begins)
    assert folded.quoted.startswith(quoted)
    assert bool(folded.quoted) == bool(quoted)
    assert folded.signature.startswith(signature)
    assert bool(folded.signature) == bool(signature)


@pytest.mark.parametrize("name", [
    "OLK_SRC_BODY_SECTION", "html_replies__gmail", "html_replies__hotmail", "html_replies__ms_outlook_2003",
    "html_replies__ms_outlook_2010",
    "html_replies__thunderbird", "html_replies__windows_mail", "reply-separated-by-hr"])
def test_a_quote_in_html_is_folded_too(name):
    folded = fold(words(shared("data", "mail", "talon", f"{name}.html").read_text(encoding="utf-8")))
    assert folded.said.startswith(("Hi", "Reply"))
    assert "How are you" not in folded.said
    assert folded.quoted
