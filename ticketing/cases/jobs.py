"""The jobs of cases: files that wait for the scanner are scanned again, and those of erased cases are removed from the store."""

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


def forget(at: datetime) -> Tally:
    """Files of cases that were erased."""
    return service.forget_files(store().delete, at=at) if queries.has_files_to_forget() else Tally()
