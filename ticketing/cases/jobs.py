"""The job of cases: files that wait for the scanner are scanned again."""

from __future__ import annotations

from datetime import datetime

from ticketing.cases import queries, service
from ticketing.core.batch import Tally
from ticketing.core.scanning import scanner
from ticketing.core.storage import store

BATCH = 20


def scan(at: datetime) -> Tally:
    """Files that wait for the scanner, a batch at a time."""
    waiting = queries.waiting_for_scan(BATCH)
    return service.scan_waiting(waiting, scanner(), store(), at=at) if waiting else Tally()
