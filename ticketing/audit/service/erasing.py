"""Destroying private values so that no copy of the database can tell them, while every chain and proof still holds."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit.models import AuditKey, AuditPrivate
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.queries.reading import values_of_stream
from ticketing.audit.rules import ACTOR_NAME, Act, canonical
from ticketing.audit.rules.vault import NONCE, wrap
from ticketing.audit.service.recording import ENTRIES, _lock_heads_of, _private_row, record
from ticketing.core.database import atomic, db
from ticketing.core.permissions import Actor


@atomic
def erase_values(stream: str, basis: str, *, by: Actor, at: datetime, asked_by_uid: str) -> int:
    """Destroy what a stream holds of people: every private value but the names of those who acted; returns how many.

    The names go on under a new data key, and the old one is destroyed with everything else it opened.  `basis` is the legal ground,
    a code; nothing personal.  The entry it leaves lets the verifier tell this from a theft.
    """
    keys = log_keys()
    head = _lock_heads_of([stream], keys).get(stream)
    if head is None:
        return 0
    values = values_of_stream(stream)
    kept = [item for item in values if item.field == ACTOR_NAME and item.value is not None]
    mine = sa.select(ENTRIES.c.uid).where(ENTRIES.c.stream == stream)
    db.session.execute(sa.delete(AuditPrivate).where(AuditPrivate.entry_uid.in_(mine)))
    db.session.execute(sa.delete(AuditKey).where(AuditKey.stream == stream))
    data_key = secrets.token_bytes(32)
    wrapped = wrap(data_key, stream, keys.newest, keys.wraps, secrets.token_bytes(NONCE))
    db.session.execute(sa.insert(AuditKey).values(stream=stream, kid=keys.newest, wrapped=wrapped))
    if kept:
        db.session.execute(sa.insert(AuditPrivate), [
            _private_row(data_key, item.entry_uid, item.field, item.salt, item.value or "") for item in kept])
    gone = sorted(f"{item.entry_uid}/{item.field}" for item in values if item.field != ACTOR_NAME)
    record(stream, Act.VALUES_ERASED, by=by, at=at, facts={
        "up_to": head.seq, "count": len(gone), "basis": basis, "asked_by": asked_by_uid, "list": _digest(gone)})
    return len(gone)


def _digest(names: list[str]) -> str:
    """Binds the entry to exactly the values that went, without naming thousands of them."""
    import hashlib

    return hashlib.sha256(canonical(names)).hexdigest()
