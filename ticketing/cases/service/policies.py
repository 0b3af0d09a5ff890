"""A case under two laws at once: an NHS complaint that is also a complaint about data runs under both packs, each with its timers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ticketing.audit.rules import Act
from ticketing.cases.service._case import _follow, _lock_open, _must_apply, _note
from ticketing.cases.service.intake import _pin
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.database import atomic
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Actor
from ticketing.packs import queries as packs
from ticketing.sla import service as sla


@atomic
def add_pack(reference: str, pack: str, why: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Put a case under one more pack, from its receipt on: what has happened on it already counts for both."""
    case = _lock_open(reference, seen, by=by)
    _must_apply(case, pack)
    if not why.strip():
        raise Invalid("Say why it falls under this law too.", field="why")
    site = codes.site_by_id(case.site_id)
    case_type = packs.in_force(pack, clock.day_of(case.received_at, site.zone)).default_case_type
    pin = replace(_pin(case, site), pack=pack, case_type=case_type, is_main=False)
    reckoned = sla.add_pin(case.id, case.cycle, pin, at=at)
    _note(case, Act.CASE_PACK_ADDED, by=by, at=at, why=why.strip(), facts={"pack": pack, "case_type": case_type})
    _follow(case, reckoned, at=at)


@atomic
def remove_pack(reference: str, pack: str, why: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Take a case out from under a pack that was added; the trail keeps what was missed under it."""
    case = _lock_open(reference, seen, by=by)
    if not why.strip():
        raise Invalid("Say why it does not fall under this law.", field="why")
    reckoned = sla.drop_pin(case.id, case.cycle, pack, at=at)
    _note(case, Act.CASE_PACK_REMOVED, by=by, at=at, why=why.strip(), facts={"pack": pack})
    _follow(case, reckoned, at=at)
