"""Keys of the trail: after a rotation every data key is wrapped anew, and values from before there was encryption are locked."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit.models import AuditKey, AuditPrivate
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.rules import ADMIN_STREAM, Act
from ticketing.audit.rules.vault import NONCE, Locked, unwrap, wrap
from ticketing.audit.service.recording import ENTRIES, KEYS, PRIVATE, _lock_heads_of, _private_row, record
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict
from ticketing.core.permissions import Actor

BATCH = 500


@atomic
def rotate_keys(*, by: Actor, at: datetime, limit: int = BATCH) -> int:
    """Wrap up to `limit` data keys under the newest key of AUDIT_KEYS; returns how many, 0 when all are."""
    keys = log_keys()
    rows = db.session.execute(
        sa.select(KEYS).where(KEYS.c.kid != keys.newest).order_by(KEYS.c.stream).limit(limit).with_for_update()).all()
    for row in rows:
        try:
            data_key = unwrap(row.wrapped, row.stream, row.kid, keys.wraps)
        except Locked as error:
            raise Conflict(f"The data key of {row.stream} was wrapped by key {row.kid}, which AUDIT_KEYS does not hold. Add it.") from error
        wrapped = wrap(data_key, row.stream, keys.newest, keys.wraps, secrets.token_bytes(NONCE))
        db.session.execute(sa.update(AuditKey).where(AuditKey.stream == row.stream).values(kid=keys.newest, wrapped=wrapped))
    if rows:
        record(ADMIN_STREAM, Act.TRAIL_KEY_ROTATED, by=by, at=at, facts={"to_key": keys.newest, "count": len(rows)})
    return len(rows)


@atomic
def lock_values(*, by: Actor, at: datetime, limit: int = BATCH) -> int:
    """Encrypt up to `limit` private values from before there was encryption; returns how many, 0 when all are."""
    keys = log_keys()
    query = sa.select(PRIVATE, ENTRIES.c.stream).join(ENTRIES, ENTRIES.c.uid == PRIVATE.c.entry_uid)
    rows = db.session.execute(query.where(PRIVATE.c.sealed.is_(None)).order_by(PRIVATE.c.entry_uid).limit(limit)).all()
    heads = _lock_heads_of(sorted({row.stream for row in rows}), keys)
    for row in rows:
        data_key = heads[row.stream].data_key
        if data_key is None:
            data_key = heads[row.stream].data_key = secrets.token_bytes(32)
            wrapped = wrap(data_key, row.stream, keys.newest, keys.wraps, secrets.token_bytes(NONCE))
            db.session.execute(sa.insert(AuditKey).values(stream=row.stream, kid=keys.newest, wrapped=wrapped))
        db.session.execute(sa.delete(AuditPrivate).where(AuditPrivate.entry_uid == row.entry_uid, AuditPrivate.field == row.field))
        db.session.execute(sa.insert(AuditPrivate).values(**_private_row(data_key, row.entry_uid, row.field, row.salt, row.value)))
    if rows:
        record(ADMIN_STREAM, Act.TRAIL_VALUES_LOCKED, by=by, at=at, facts={"count": len(rows)})
    return len(rows)
