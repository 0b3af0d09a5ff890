"""What an administrator is warned of, and what is not worth a warning."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.facts import TUESDAY
from ticketing.operations.rules import PATIENCE, Signs, is_late, warnings_of

SWEEP = frozenset({"sweep"})
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("signs", "words"), [
    (Signs({"sweep": TUESDAY - MINUTE}, SWEEP), []),
    (Signs({}, SWEEP), ["never run"]),
    (Signs({"sweep": TUESDAY - 7 * MINUTE}, SWEEP), ["last ran 7 minutes ago"]),
    (Signs({}, frozenset(), due=4, oldest_due_at=TUESDAY - MINUTE), []),
    (Signs({}, frozenset(), due=4, oldest_due_at=TUESDAY - 5 * MINUTE), ["4 due in the outbox"]),
    (Signs({}, frozenset(), stuck=2), ["2 could not be delivered"]),
    (Signs({}, frozenset(), has_mail_server=False), ["Set SMTP_URL"]),
])
def test_each_sign_of_trouble_is_a_sentence(signs, words):
    found = warnings_of(signs, TUESDAY)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))


def test_a_job_is_late_only_after_our_patience():
    assert not is_late(TUESDAY - PATIENCE, TUESDAY)
    assert is_late(TUESDAY - PATIENCE - timedelta(seconds=1), TUESDAY)
