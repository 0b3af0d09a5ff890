"""What a person's concern must never be mistaken for, and what a forger must not gain."""

from __future__ import annotations

import pytest

from ticketing.mailroom.rules.nature import Nature, may_be_answered, nature_of
from ticketing.mailroom.rules.quoting import fold
from ticketing.mailroom.rules.reading import MOST_PARTS, digest, read


def mail(body: str = "The ward was dirty.", **headers: str) -> bytes:
    said = {"From": "Ann Lee <ann@example.org>", "Subject": "A concern", "Message-ID": "<1@example.org>"} | {
        name.replace("_", "-"): value for name, value in headers.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in said.items()).encode() + b"\r\n" + body.encode()


@pytest.mark.parametrize("subject", [
    "Out of office doctor was rude", "complaint about message from 5 nurses", "Undelivered letter about my operation",
    "Delivery failed: my baby", "Re: Auto reply: we got your concern", "Returned mail, again",
])
def test_words_of_a_subject_alone_never_make_a_machine_of_a_patient(subject):
    assert nature_of(read(mail(Subject=subject))) is Nature.PERSON


def test_a_patient_may_quote_a_bounce_and_stays_a_person():
    text = '{"notificationType":"Bounce"}\nFinal-Recipient: rfc822; me@example.org\nAction: failed'
    assert nature_of(read(mail(text))) is Nature.PERSON


@pytest.mark.parametrize(("header", "value"), [
    ("Auto_Submitted", "auto-replied; owner-email=x@example.org"), ("Return_Path", "<>"), ("Precedence", "bulk"), ("List_Id", "<a.b.c>"),
    ("Subject", "Automatic reply: I am away"),
])
def test_a_machine_that_says_so_is_never_answered(header, value):
    letter = read(mail(**{header: value}))
    assert nature_of(letter) is Nature.AUTOMATIC
    assert not may_be_answered(letter)


def test_auto_submitted_no_is_a_person():
    assert may_be_answered(read(mail(Auto_Submitted="no")))


def test_a_subject_that_sounds_away_gets_no_answer_but_is_a_person():
    letter = read(mail(Subject="Away from home since your operation"))
    assert nature_of(letter) is Nature.PERSON
    assert not may_be_answered(letter)


def test_the_same_mail_over_two_ways_is_the_same():
    raw = mail("One\r\nTwo")
    assert digest(raw) == digest(raw.replace(b"\r\n", b"\n"))
    assert digest(raw) != digest(mail("One\r\nTwo."))


def test_the_points_of_a_list_are_no_signature():
    text = "What went wrong:\n\n-rude nurse\n-long wait\n-Dirty ward"
    folded = fold(text)
    assert (folded.said, folded.signature) == (text, "")


def test_a_line_drawn_by_a_patient_hides_nothing():
    text = "First point.\n______________________\nSecond point.\n" + "\n".join(f"Line {number}" for number in range(20))
    assert fold(text).said == text


def test_from_in_a_sentence_hides_nothing():
    text = "I must write again.\nFrom: what I saw, nobody came.\nTo: be fair, they were busy.\nThat is all."
    assert fold(text).said == text


def test_nothing_but_quotes_stays_whole():
    assert fold("> all of it\n> is quoted").said == "> all of it\n> is quoted"


def test_parts_without_end_are_not_opened():
    body = "--b\r\n\r\nx\r\n" * (MOST_PARTS * 3) + "--b--\r\n"
    letter = read(mail(body, Content_Type="multipart/mixed; boundary=b"))
    assert any("parts within parts" in flaw for flaw in letter.flaws)


def test_a_sender_hidden_in_a_name_is_two_senders_or_none():
    letter = read(mail(From='"ann@example.org" <eve@example.net>, ann@example.org'))
    assert letter.sender is None


def test_a_mail_within_a_mail_and_a_calendar_are_kept_as_files():
    body = ("--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--b\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\nBEGIN\r\n"
            "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n<script>\r\n"
            "--b\r\nContent-Type: application/ms-tnef\r\n\r\nx\r\n--b--\r\n")
    letter = read(mail(body, Content_Type="multipart/mixed; boundary=b"))
    assert letter.text == "See below."
    assert [part.name for part in letter.enclosures] == ["invitation.ics", "message.eml", "winmail.dat"]


@pytest.mark.parametrize("raw", [
    b"", b"\n", b"\0" * 10_000, b"\xff\xfe" * 1_000, b"From: \r\n\r\n", b":\r\n: x\r\n", b"Subject: =?utf-8?b?=?=\r\n\r\n",
    b"Content-Type: ;;;=\r\n\r\nx", b"Content-Type: multipart/mixed\r\n\r\nx",
    b"Content-Type: text/plain; charset*0*=''%; charset*1*=x\r\n\r\n\xe9",
    b"Content-Type: text/plain; charset=base64\r\n\r\nx",
    b"Content-Type: text/plain; charset=\"\x00\"\r\n\r\nx",
    b"From: " + b'"(' * 100_000 + b"\r\n\r\nx",
    b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" * 2_000,
], ids=lambda raw: f"{len(raw)} bytes")
def test_no_bytes_make_reading_fail(raw):
    letter = read(raw)
    assert letter.digest == digest(raw)
    assert isinstance(nature_of(letter), Nature)
