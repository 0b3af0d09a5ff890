"""The trail's tables, and the triggers by which the database itself refuses to rewrite them.

Nothing may cascade into these tables, and no migration may rebuild them: their triggers would go.  A trigger also puts each new
entry in the sealer's queue, so that one written past the program waits there too, and is found.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model

Counting = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HAS_SAME_ENTRY = (
    "EXISTS (SELECT 1 FROM audit_entry"
    " WHERE id = NEW.id OR uid = NEW.uid OR hash = NEW.hash OR (stream = NEW.stream AND seq = NEW.seq))"
)
HAS_SAME_STREAM = "EXISTS (SELECT 1 FROM audit_stream WHERE stream = NEW.stream)"
HAS_SAME_VALUE = "EXISTS (SELECT 1 FROM audit_private WHERE entry_uid = NEW.entry_uid AND field = NEW.field)"
HAS_SAME_LEAF = "EXISTS (SELECT 1 FROM audit_leaf WHERE idx = NEW.idx OR entry_id = NEW.entry_id)"
HAS_SAME_CHECKPOINT = "EXISTS (SELECT 1 FROM audit_checkpoint WHERE number = NEW.number)"
HAS_ENTRY = "EXISTS (SELECT 1 FROM audit_entry WHERE stream = NEW.stream AND seq = NEW.seq AND hash = NEW.hash)"


class AuditStream(Model):
    """The head of one chain: how many entries it has and the hash of the last.  Locked by whoever appends."""

    __tablename__ = "audit_stream"
    __audited__ = False
    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]


class AuditEntry(Model):
    """One deed.  `body` is the text exactly as hashed; the plain columns repeat parts of it for reading."""

    __tablename__ = "audit_entry"
    __audited__ = False
    __table_args__ = (sa.UniqueConstraint("stream", "seq"),)
    id: Mapped[int] = mapped_column(Counting, primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    stream: Mapped[str]
    seq: Mapped[int]
    prev: Mapped[bytes]
    hash: Mapped[bytes] = mapped_column(unique=True)
    body: Mapped[bytes]
    kid: Mapped[int] = mapped_column(sa.SmallInteger())
    mac: Mapped[bytes]
    act: Mapped[str] = mapped_column(index=True)
    actor_uid: Mapped[str] = mapped_column(index=True)
    about: Mapped[str | None] = mapped_column(index=True)
    recorded_at: Mapped[datetime] = mapped_column(index=True)


class AuditPrivate(Model):
    """A personal or freely typed value of an entry, encrypted under its stream's data key: the only part that can be erased.

    `salt` and `value` stand in the open only in rows from before there was encryption.
    """

    __tablename__ = "audit_private"
    __audited__ = False
    entry_uid: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    value: Mapped[str]
    sealed: Mapped[bytes | None]


class AuditKey(Model):
    """The data key of one stream, wrapped by the key `kid` of the settings; destroyed to erase."""

    __tablename__ = "audit_key"
    __audited__ = False
    stream: Mapped[str] = mapped_column(primary_key=True)
    kid: Mapped[int] = mapped_column(sa.SmallInteger())
    wrapped: Mapped[bytes]


class AuditQueue(Model):
    """An entry that waits for the sealer."""

    __tablename__ = "audit_queue"
    __audited__ = False
    entry_id: Mapped[int] = mapped_column(Counting, primary_key=True, autoincrement=False)


class AuditLeaf(Model):
    """An entry's place in the tree."""

    __tablename__ = "audit_leaf"
    __audited__ = False
    idx: Mapped[int] = mapped_column(Counting, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(Counting, unique=True)
    leaf: Mapped[bytes]


class AuditCheckpoint(Model):
    """The tree as it was signed at one moment; `peaks` are the roots of its full subtrees, from which it goes on."""

    __tablename__ = "audit_checkpoint"
    __audited__ = False
    number: Mapped[int] = mapped_column(Counting, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(Counting)
    root: Mapped[bytes]
    peaks: Mapped[bytes]
    note: Mapped[str]
    sealed_at: Mapped[datetime]


def _sqlite_trigger(table: str, verb: str, condition: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{table}: the trail is append-only'); END"
    )


def _postgresql_trigger(table: str, verb: str, function: str = "audit_forbid", level: str = "ROW") -> list[str]:
    name = f"{table}_no_{verb.lower()}"
    return [
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {level} EXECUTE FUNCTION {function}()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",  # else session_replication_role = replica steps past it
    ]


FORBID = """CREATE OR REPLACE FUNCTION audit_forbid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ': the trail is append-only'; END $$"""
FORWARD = f"""CREATE OR REPLACE FUNCTION audit_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.stream <> OLD.stream OR NEW.seq <= OLD.seq THEN
      RAISE EXCEPTION USING MESSAGE = 'audit_stream: the trail only moves forward';
    END IF;
  END IF;
  IF NEW.seq <> 0 AND NOT {HAS_ENTRY} THEN
    RAISE EXCEPTION USING MESSAGE = 'audit_stream: a head must name an entry';
  END IF;
  RETURN NEW;
END $$"""

WAIT = """CREATE OR REPLACE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit_queue (entry_id) VALUES (NEW.id); RETURN NULL; END $$"""

SQLITE_TRIGGERS = {
    "audit_entry": [
        _sqlite_trigger("audit_entry", "UPDATE"),
        _sqlite_trigger("audit_entry", "DELETE"),
        _sqlite_trigger("audit_entry", "INSERT", HAS_SAME_ENTRY),  # INSERT OR REPLACE
        "CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry BEGIN INSERT INTO audit_queue (entry_id) VALUES (NEW.id); END",
    ],
    "audit_leaf": [
        _sqlite_trigger("audit_leaf", "UPDATE"),
        _sqlite_trigger("audit_leaf", "DELETE"),
        _sqlite_trigger("audit_leaf", "INSERT", HAS_SAME_LEAF),
    ],
    "audit_checkpoint": [
        _sqlite_trigger("audit_checkpoint", "UPDATE"),
        _sqlite_trigger("audit_checkpoint", "DELETE"),
        _sqlite_trigger("audit_checkpoint", "INSERT", HAS_SAME_CHECKPOINT),
    ],
    "audit_queue": [_sqlite_trigger("audit_queue", "UPDATE")],
    "audit_stream": [
        _sqlite_trigger("audit_stream", "UPDATE", f"NEW.stream <> OLD.stream OR NEW.seq <= OLD.seq OR NOT {HAS_ENTRY}"),
        _sqlite_trigger("audit_stream", "DELETE"),
        _sqlite_trigger("audit_stream", "INSERT", f"{HAS_SAME_STREAM} OR (NEW.seq <> 0 AND NOT {HAS_ENTRY})"),
    ],
    "audit_private": [
        _sqlite_trigger("audit_private", "UPDATE"),
        _sqlite_trigger("audit_private", "INSERT", HAS_SAME_VALUE),
    ],
}
POSTGRESQL_TRIGGERS = {
    "audit_entry": [
        FORBID,
        *_postgresql_trigger("audit_entry", "UPDATE"),
        *_postgresql_trigger("audit_entry", "DELETE"),
        *_postgresql_trigger("audit_entry", "TRUNCATE", level="STATEMENT"),
        WAIT,
        "CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_wait()",
        "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_waits",
    ],
    **{
        table: [
            FORBID,
            *_postgresql_trigger(table, "UPDATE"),
            *_postgresql_trigger(table, "DELETE"),
            *_postgresql_trigger(table, "TRUNCATE", level="STATEMENT"),
        ]
        for table in ("audit_leaf", "audit_checkpoint")
    },
    "audit_queue": [
        FORBID,
        *_postgresql_trigger("audit_queue", "UPDATE"),
        *_postgresql_trigger("audit_queue", "TRUNCATE", level="STATEMENT"),
    ],
    "audit_key": [FORBID, *_postgresql_trigger("audit_key", "TRUNCATE", level="STATEMENT")],
    "audit_stream": [
        FORBID,
        FORWARD,
        *_postgresql_trigger("audit_stream", "UPDATE", "audit_forward"),
        *_postgresql_trigger("audit_stream", "INSERT", "audit_forward"),
        *_postgresql_trigger("audit_stream", "DELETE"),
        *_postgresql_trigger("audit_stream", "TRUNCATE", level="STATEMENT"),
    ],
    "audit_private": [
        FORBID,
        *_postgresql_trigger("audit_private", "UPDATE"),
        *_postgresql_trigger("audit_private", "TRUNCATE", level="STATEMENT"),
    ],
}

for _dialect, _triggers in (("sqlite", SQLITE_TRIGGERS), ("postgresql", POSTGRESQL_TRIGGERS)):
    for _table, _statements in _triggers.items():
        for _statement in _statements:
            event.listen(Model.metadata.tables[_table], "after_create", sa.DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

# What `flask audit grants` says as the owner: the program records, the sealer seals, and neither can change what is recorded.
TRAIL_TABLES = "audit_stream, audit_entry, audit_private, audit_key, audit_queue, audit_leaf, audit_checkpoint"
GRANTS = (
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",  # a temporary table could stand before one of the trail's
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {app}, {sealer}",
    "GRANT USAGE ON SCHEMA public TO {app}, {sealer}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}",
    "GRANT USAGE ON SEQUENCE audit_entry_id_seq TO {sealer}",
    f"REVOKE ALL ON {TRAIL_TABLES} FROM {{app}}, {{sealer}}, PUBLIC",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {app}",
    f"GRANT SELECT ON {TRAIL_TABLES}, alembic_version TO {{app}}, {{sealer}}",
    "GRANT INSERT ON audit_entry, audit_stream, audit_private, audit_key, audit_queue TO {app}, {sealer}",
    "GRANT UPDATE (seq, hash) ON audit_stream TO {app}, {sealer}",  # forwards only: a trigger sees to it
    "GRANT DELETE ON audit_private, audit_key TO {app}",  # erasure
    "GRANT UPDATE (kid, wrapped) ON audit_key TO {app}",  # rotation
    "GRANT INSERT ON audit_leaf, audit_checkpoint TO {sealer}",
    "GRANT DELETE ON audit_queue TO {sealer}",
    "GRANT SELECT, INSERT, UPDATE ON heartbeats TO {sealer}",
)
