"""Keeping what somebody searched for under an opaque id, so that no name ever stands in an address."""

from __future__ import annotations

from datetime import datetime, timedelta

from ticketing.accounts.models import SavedSearch
from ticketing.core.database import atomic, db
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid

KEPT_FOR = timedelta(hours=1)
LONGEST = 200  # characters


@atomic
def keep_search(words: str, *, by: Actor, at: datetime) -> str:
    """Keep the words for an hour, for this person alone; returns the id that stands in the address."""
    uid = new_uid()
    db.session.add(SavedSearch(uid=uid, staff_id=by.staff_id or 0, words=words.strip()[:LONGEST], expires_at=at + KEPT_FOR))
    return uid
