"""What people read is on the trail: every page that a signed-in person is shown, unless it is on the short list below.

A view that knows better what it shows (a case, an export) records that itself and says so with `has_noted`; all others are noted
here, by their address's name, with what was asked for as a private value.
"""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from ticketing.audit import service as audit
from ticketing.audit.rules import Act
from ticketing.core import clock
from ticketing.core.permissions import Actor

# Nothing about a patient, a colleague or the hospital's rules is on these.
UNREAD = frozenset({"accounts.account", "accounts.sign_out", "accounts.leave", "accounts.change_password"})
ACTS: dict[str, Act] = {  # more exactly than "a page"
    "cases.worklist": Act.LIST_VIEWED, "cases.tasks": Act.LIST_VIEWED, "cases.questions": Act.LIST_VIEWED, "cases.find": Act.SEARCH_MADE,
    "reports.overview": Act.REPORT_VIEWED, "reports.cases": Act.REPORT_VIEWED, "reports.delivery": Act.REPORT_VIEWED,
    "reports.mailbox": Act.REPORT_VIEWED, "reports.trail": Act.TRAIL_VIEWED, "accounts.person": Act.PERSON_VIEWED,
}
LONGEST = 500


def has_noted() -> None:
    """The view has recorded itself what this request shows."""
    g.is_noted = True


def note_reading(answer: ResponseReturnValue, actor: Actor) -> None:
    """Record what `actor` is about to be shown; a redirect or a refusal shows nothing."""
    endpoint = request.endpoint or ""
    if request.method not in {"GET", "HEAD"} or endpoint in UNREAD or g.get("is_noted") or not _shows(answer):
        return
    asked = request.query_string.decode("utf-8", "replace")[:LONGEST]
    audit.record_reading(
        ACTS.get(endpoint, Act.PAGE_VIEWED), facts={"page": endpoint, **_places()}, private={"asked": asked} if asked else {},
        by=actor, at=g.get("moment") or clock.now())


def _places() -> dict[str, Any]:
    """What the address names: references and opaque ids, never a person."""
    return {name: value for name, value in (request.view_args or {}).items() if isinstance(value, str | int) and name.islower()}


def _shows(answer: ResponseReturnValue) -> bool:
    if isinstance(answer, tuple):
        return len(answer) < 2 or answer[1] == 200
    return getattr(answer, "status_code", 200) == 200
