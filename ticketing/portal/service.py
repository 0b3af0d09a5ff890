"""The verbs of the public door: somebody who has no account brings a concern."""

from __future__ import annotations

from datetime import datetime

from ticketing.accounts import service as accounts
from ticketing.accounts.rules import Limited
from ticketing.cases import service as cases
from ticketing.cases.service import Concern
from ticketing.core.database import atomic
from ticketing.core.permissions import complainant


@atomic
def submit(concern: Concern, address: str, *, at: datetime) -> str:
    """A concern from the public form becomes a case; returns its reference.

    Raises TooMany where one address sends more than a ward or a library would, Invalid for what cannot be used as given.
    """
    sentence = "Too many concerns came from your network in the last hour. Nothing you typed is lost, and you can always call us."
    accounts.count_visit(Limited.CONCERN, address, sentence, at=at)
    return cases.receive(concern, by=complainant("new"), at=at)
