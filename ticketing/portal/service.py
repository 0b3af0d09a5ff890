"""The verbs of the public door: somebody who has no account brings a concern."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Limited
from ticketing.cases import service as cases
from ticketing.cases.service import Concern
from ticketing.core.database import atomic
from ticketing.core.files import Checked
from ticketing.core.permissions import complainant
from ticketing.core.scanning import Judge
from ticketing.core.storage import Folder


@atomic
def submit(
    concern: Concern, files: Sequence[Checked], scan: Judge, store: Folder, address: str, *, most: int, at: datetime,
) -> str:
    """A concern from the public form becomes a case, with the files that came with it; returns its reference.

    Raises TooMany where one address sends more than a ward or a library would, Invalid for what cannot be used as given.
    """
    sentence = "Too many concerns came from your network in the last hour. Nothing you typed is lost, and you can always call us."
    accounts.count_visit(Limited.CONCERN, address, sentence, at=at)
    reference = cases.receive(concern, by=complainant("new"), at=at)
    if files:
        cases.attach_as_received(reference, files, scan, store, most=most, at=at)
    return reference
