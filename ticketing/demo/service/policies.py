"""The demo hospital's own policies: a version of its pack, a calendar with a closing day, a rebase, and a case under two laws."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from ticketing.calendars import queries as calendars
from ticketing.calendars import service as calendar_verbs
from ticketing.calendars.rules import table_version
from ticketing.cases import service as cases
from ticketing.cases.models import Case
from ticketing.cases.queries.rebasing import Choice, candidates
from ticketing.cases.rules import Status
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.permissions import Actor
from ticketing.demo.rules.days import WorkingDays
from ticketing.demo.rules.hospital import CALENDAR, PACK, ZONE
from ticketing.packs import queries as packs
from ticketing.packs import service as pack_verbs

REBASED = 4  # cases brought under the new version; the others can be, on the page
WHY_PACK = "The board wants complainants to hear from us every eight working days"
WHY_DAY = "All offices are shut for the staff conference"


def _make_policies(people: Mapping[str, Actor], days: WorkingDays, at: datetime) -> None:
    """Published today, so that the cases before it keep what they had; a few are brought under it, and can be brought back."""
    by = people["manager"]
    version = _publish_pack(by, at)
    _publish_calendar(by, days, at)
    pack_verbs.draft_version(PACK, version, by=by, at=at)
    calendar_verbs.draft_version(CALENDAR, "local.1", by=by, at=at)
    _add_second_law(people, at)
    choice = Choice(PACK, version)
    found = [row.reference for row in candidates(choice, by)]
    if found:
        uid = cases.begin_rebase(choice, found[REBASED:], WHY_PACK, by=by, at=at)
        while cases.rebase_batch(uid, at=at).total:
            continue


def _publish_pack(by: Actor, at: datetime) -> str:
    today = clock.day_of(at, ZONE)
    uid = pack_verbs.draft_version(PACK, packs.in_force(PACK, today).version, by=by, at=at)
    pack_verbs.change_amounts(uid, {"progress": 8}, seen=1, by=by, at=at)
    version = packs.draft(uid).version
    pack_verbs.publish(uid, today, WHY_PACK, seen=2, by=by, at=at)
    return version


def _publish_calendar(by: Actor, days: WorkingDays, at: datetime) -> None:
    uid = calendar_verbs.draft_version(CALENDAR, table_version(), by=by, at=at)
    calendar_verbs.set_day(uid, days.day(-8), "Staff conference", is_public=False, seen=1, by=by, at=at)
    calendar_verbs.publish(uid, WHY_DAY, seen=calendars.draft(uid).revision, by=by, at=at)


def _add_second_law(people: Mapping[str, Actor], at: datetime) -> None:
    """One complaint about care is also about what was done with somebody's data; whoever has it says so."""
    case = db.session.scalars(sa.select(Case).where(
        Case.status == Status.INVESTIGATION, Case.pack == PACK, Case.handler_id.is_not(None)).order_by(Case.id)).first()
    handler = next((actor for actor in people.values() if case is not None and actor.staff_id == case.handler_id), None)
    if case is not None and handler is not None:
        cases.add_pack(case.reference, "england-dp", "She says her record was read out in the waiting room", seen=case.version,
                       by=handler, at=at)
