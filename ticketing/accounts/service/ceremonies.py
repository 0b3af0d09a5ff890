"""Things begun that one browser finishes within minutes, once: begun, looked at under lock, and taken."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from ticketing.accounts import rules
from ticketing.accounts.models import Ceremony
from ticketing.accounts.queries.second_steps import is_live
from ticketing.accounts.rules import LIVES, Purpose
from ticketing.core.database import atomic, db

FORGOTTEN_AFTER = timedelta(days=1)


@atomic
def begin_ceremony(
    purpose: Purpose, *, staff_id: int | None = None, secret: str = "", facts: Mapping[str, Any] | None = None, at: datetime,
) -> str:
    """Note what was begun; returns the token that this browser alone holds."""
    token = secrets.token_urlsafe(32)
    db.session.add(Ceremony(
        purpose=purpose.value, token_hash=rules.token_hash(token), staff_id=staff_id, secret=secret, facts=dict(facts or {}),
        expires_at=at + LIVES[purpose],
    ))
    db.session.flush()
    return token


def _take(token: str, purpose: Purpose, *, at: datetime) -> Ceremony | None:
    """Part of a verb: the ceremony, used up from now on; None where there is none to finish."""
    taken = db.session.execute(sa.update(Ceremony).where(*is_live(token, purpose, at)).values(used_at=at).returning(Ceremony.id)).scalar()
    return db.session.get_one(Ceremony, taken) if taken is not None else None


def _held(token: str, purpose: Purpose, *, at: datetime) -> Ceremony | None:
    """Part of a verb: the ceremony, locked and still to be finished."""
    return db.session.scalar(sa.select(Ceremony).where(*is_live(token, purpose, at)).with_for_update())


def _drop_ceremonies(staff_id: int, *, at: datetime) -> None:
    """Part of a verb: nothing that this person has begun can be finished any more."""
    db.session.execute(sa.update(Ceremony).where(Ceremony.staff_id == staff_id, Ceremony.used_at.is_(None)).values(used_at=at))


def _forget_ceremonies(*, at: datetime) -> int:
    old = sa.delete(Ceremony).where(Ceremony.expires_at < at - FORGOTTEN_AFTER)
    return int(cast(sa.CursorResult[Any], db.session.execute(old)).rowcount)
