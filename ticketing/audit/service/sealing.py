"""The sealer: takes what waits, checks it, adds it to the tree, and signs what the tree has become."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from ticketing.audit.models import AuditCheckpoint, AuditEntry, AuditLeaf, AuditQueue
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.rules import ADMIN_STREAM, Act, Keys, checks_alone, genesis
from ticketing.audit.rules.notes import Checkpoint, SealKey
from ticketing.audit.rules.tree import Frontier, leaf_hash
from ticketing.audit.service.recording import record
from ticketing.core.batch import Tally
from ticketing.core.database import Model, atomic, db, is_postgresql
from ticketing.core.permissions import Actor

HEARTBEAT = timedelta(minutes=15)
BATCH = 2_000
ONE_SEALER = 7_302_610_041  # PostgreSQL's advisory lock: one sealer at a time
ENTRIES, QUEUE, LEAVES, CHECKPOINTS = (
    Model.metadata.tables[kind.__tablename__] for kind in (AuditEntry, AuditQueue, AuditLeaf, AuditCheckpoint))


@atomic
def name_seal_key(verifier: str, *, by: Actor, at: datetime) -> bool:
    """Note the public key that signs from now on; False where the trail names it already."""
    named = sa.select(AuditEntry.body).where(AuditEntry.act == Act.SEAL_KEY_NAMED.value)
    if any(verifier.encode() in body for body in db.session.scalars(named)):
        return False
    record(ADMIN_STREAM, Act.SEAL_KEY_NAMED, by=by, at=at, facts={"key": verifier})
    return True


@atomic
def seal(signing: Sequence[SealKey], *, at: datetime, limit: int = BATCH) -> Tally:
    """Seal up to `limit` waiting entries and sign a checkpoint; with nothing waiting, sign one every quarter of an hour.

    An entry that does not follow from the one before, or that this program did not write, is never sealed: it goes on waiting, and
    what has waited too long rings at /readyz.
    """
    if is_postgresql():
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_SEALER)))
    keys, tally = log_keys(), Tally()
    last = db.session.execute(sa.select(CHECKPOINTS).order_by(CHECKPOINTS.c.number.desc()).limit(1)).one_or_none()
    tree = Frontier.stored(last.size, last.peaks) if last else Frontier()
    _forget_sealed()
    good = _judge(_waiting(limit), keys, tally)
    leaves = [{"idx": tree.size + place, "entry_id": row.id, "leaf": leaf_hash(row.hash)} for place, row in enumerate(good)]
    if leaves:
        tree.extend(item["leaf"] for item in leaves)
        db.session.execute(sa.insert(AuditLeaf), leaves)
        _leave_queue([row.id for row in good])
    if leaves or last is None or at - last.sealed_at >= HEARTBEAT:
        _sign(tree, last.number + 1 if last else 1, keys.log_id, signing, at=at)
    tally.done = len(leaves)
    return tally


def _forget_sealed() -> None:
    """Somebody put back in the queue what was sealed long ago: it must not stop the sealer."""
    db.session.execute(sa.delete(AuditQueue).where(sa.exists().where(LEAVES.c.entry_id == QUEUE.c.entry_id)))


def _waiting(limit: int) -> Sequence[Any]:
    before = ENTRIES.alias("before")
    follows = sa.and_(before.c.stream == ENTRIES.c.stream, before.c.seq == ENTRIES.c.seq - 1)
    columns = [ENTRIES.c[name] for name in ("id", "uid", "stream", "seq", "prev", "hash", "body", "kid", "mac")]
    query = sa.select(*columns, before.c.hash.label("before")).select_from(
        QUEUE.join(ENTRIES, ENTRIES.c.id == QUEUE.c.entry_id).outerjoin(before, follows))
    return db.session.execute(query.order_by(QUEUE.c.entry_id).limit(limit)).all()


def _judge(rows: Sequence[Any], keys: Keys, tally: Tally) -> list[Any]:
    """Those that may be sealed; the others are told to the log and go on waiting."""
    good = []
    for row in rows:
        expected = row.before if row.seq > 1 else genesis(keys.log_id, row.stream)
        fault = checks_alone(row.body, row.prev, row.hash, row.kid, row.mac, keys) or ("link" if row.prev != expected else "")
        if fault:
            tally.count(f"refused_{fault}")
            structlog.get_logger().error("trail.not_sealed", entry=row.uid, fault=fault)
        else:
            good.append(row)
    return good


def _leave_queue(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), 500):
        db.session.execute(sa.delete(AuditQueue).where(AuditQueue.entry_id.in_(ids[start : start + 500])))


def _sign(tree: Frontier, number: int, log_id: str, signing: Sequence[SealKey], *, at: datetime) -> None:
    note = Checkpoint(log_id, tree.size, tree.root, at).signed(signing)
    db.session.execute(sa.insert(AuditCheckpoint).values(
        number=number, size=tree.size, root=tree.root, peaks=tree.packed, note=note, sealed_at=at))

