"""One stream with the proofs that each of its entries is in the sealed tree: what an ombudsman can check without this program."""

from __future__ import annotations

import base64
from typing import Any

import sqlalchemy as sa

from ticketing.audit.models import AuditCheckpoint, AuditLeaf
from ticketing.audit.queries.keys import log_keys
from ticketing.audit.queries.reading import ENTRIES, STORED, row_of, values_of_stream
from ticketing.audit.rules import StoredEntry, summary
from ticketing.audit.rules.tree import Tree
from ticketing.core.database import Model, db
from ticketing.core.errors import NotFound

LEAVES, CHECKPOINTS = (Model.metadata.tables[kind.__tablename__] for kind in (AuditLeaf, AuditCheckpoint))
FORMAT = "redress-bundle/1"


class NoSuchStream(NotFound):
    """The trail has nothing of this name."""


def bundle(stream: str) -> dict[str, Any]:
    """The whole stream as JSON can hold it: entries, opened private values, proofs and the newest checkpoint; raises NoSuchStream."""
    rows = db.session.execute(
        sa.select(*STORED, LEAVES.c.idx).outerjoin(LEAVES, LEAVES.c.entry_id == ENTRIES.c.id)
        .where(ENTRIES.c.stream == stream).order_by(ENTRIES.c.seq)).all()
    if not rows:
        raise NoSuchStream("The trail holds no such case.")
    last = db.session.execute(sa.select(CHECKPOINTS).order_by(CHECKPOINTS.c.number.desc()).limit(1)).one_or_none()
    tree = _tree(last.size) if last else Tree([])
    values: dict[str, dict[str, dict[str, str]]] = {}
    for item in values_of_stream(stream):
        if item.value is not None:
            values.setdefault(item.entry_uid, {})[item.field] = {"salt": item.salt.hex(), "value": item.value}
    return {
        "format": FORMAT, "log": log_keys().log_id, "stream": stream, "checkpoint": last.note if last else None,
        "entries": [_entry(StoredEntry(*row[:-1]), row.idx, tree, values) for row in rows],
    }


def _tree(size: int) -> Tree:
    leaves = db.session.connection().execute(
        sa.select(LEAVES.c.leaf).where(LEAVES.c.idx < size).order_by(LEAVES.c.idx), execution_options={"yield_per": 1000})
    return Tree([row.leaf for row in leaves])


def _entry(entry: StoredEntry, idx: int | None, tree: Tree, values: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    opened = values.get(entry.uid, {})
    words = summary(row_of(entry, {name: item["value"] for name, item in opened.items()}))
    is_sealed = idx is not None and idx < tree.size
    return {
        "words": words, "body": base64.b64encode(entry.body).decode(), "prev": entry.prev.hex(), "hash": entry.hash.hex(),
        "values": opened, "leaf": idx if is_sealed else None,
        "proof": [step.hex() for step in tree.inclusion(idx)] if is_sealed and idx is not None else None,
    }
