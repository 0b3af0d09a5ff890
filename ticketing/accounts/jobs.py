"""The job of accounts: forgetting what no longer counts."""

from __future__ import annotations

from datetime import datetime

from ticketing.accounts import service
from ticketing.core.batch import Tally


def tidy(at: datetime) -> Tally:
    """Old counts of tries, and sessions and links that ended a month ago."""
    return Tally(done=service.tidy(at=at))
