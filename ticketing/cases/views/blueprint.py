"""The one blueprint of this room, and what its pages share."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, request, url_for

from ticketing.audit import service as audit
from ticketing.cases import queries
from ticketing.cases.queries import CaseView
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, current_actor_or_none
from ticketing.web.reading import has_noted

bp = Blueprint("cases", __name__)
UID = re.compile(r"[0-9a-f]{32}")


@bp.app_context_processor
def _find_box() -> dict[str, Any]:
    """The box at the top of every staff page that finds a case by its reference."""
    actor = current_actor_or_none()
    return {"find_url": url_for("cases.find") if actor and actor.may(Permission.VIEW_CASES) else ""}


def case_of(reference: str) -> CaseView:
    """The case as this person may see it, now; that they read it is noted, whichever page shows it."""
    actor, at = current_actor(), moment_of_request()
    case = queries.get_case(reference, actor, at=at)
    if request.method == "GET":
        audit.record_read(case.reference, by=actor, at=at)
        has_noted()
    return case


def known_uid(uid: str) -> str:
    """`uid` if it can be one; NotFound otherwise, so that nothing odd reaches the database."""
    if not UID.fullmatch(uid):
        raise NotFound("There is nothing at this address.")
    return uid
