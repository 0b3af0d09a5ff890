"""How the demo's mailbox names what it keeps."""

from datetime import UTC, datetime

from ticketing.reports.rules import file_name, is_file_name, moment_in

AT = datetime(2026, 3, 3, 9, 30, 15, 123456, tzinfo=UTC)


def test_a_name_says_when_and_which():
    name = file_name(AT, "<abc123@hospital.example>")
    assert name == "20260303T093015123456-abc123.eml"
    assert is_file_name(name)
    assert moment_in(name) == AT


def test_a_name_is_never_a_path():
    for text in ("../../etc/passwd", "", "<>", "ä" * 300):
        assert is_file_name(file_name(AT, text))
    assert not is_file_name("../20260303T093015123456-abc123.eml")
