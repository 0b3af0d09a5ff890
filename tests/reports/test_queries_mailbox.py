"""The demo's mailbox as its page reads it."""

from datetime import timedelta
from pathlib import Path

from tests.facts import MONDAY
from ticketing.core.mail import Mail
from ticketing.demo.jobs import empty_mailbox, keep_at_once
from ticketing.reports.queries import caught


def letter(number: int, to: str = "nadia@hospital.example") -> Mail:
    return Mail(f"<m{number}@x>", "us@hospital.example", to, f"Subject {number}", f"Körper {number} ✓", written_at=MONDAY + timedelta(
        minutes=number))


def test_mails_are_read_whole_newest_first_and_by_page(tmp_path: Path):
    keep = keep_at_once(tmp_path)
    for number in range(25):
        keep(letter(number))
    first = caught(tmp_path)
    rest = caught(tmp_path, after=first.next)
    assert [mail.subject for mail in first.rows + rest.rows] == [f"Subject {number}" for number in reversed(range(25))]
    assert rest.next is None
    assert first.rows[0].text == "Körper 24 ✓"


def test_mails_to_somebody_are_found_by_part_of_the_address(tmp_path: Path):
    keep = keep_at_once(tmp_path)
    keep(letter(1))
    keep(letter(2, "tomasz@hospital.example"))
    assert [mail.recipient for mail in caught(tmp_path, to="TOMASZ").rows] == ["tomasz@hospital.example"]


def test_no_folder_is_no_mail(tmp_path: Path):
    assert caught(tmp_path / "nowhere").rows == ()


def test_a_forgotten_mailbox_is_empty(tmp_path: Path):
    keep_at_once(tmp_path)(letter(1))
    empty_mailbox(tmp_path)
    assert caught(tmp_path).rows == ()
