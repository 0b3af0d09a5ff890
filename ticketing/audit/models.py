"""The trail's tables, and the triggers by which the database itself refuses to rewrite them.

Layout v1 leaves room for what comes beside it (queue, leaf and checkpoint tables point at `audit_entry.id`).  Nothing may cascade
into these tables, and no migration may rebuild them: their triggers would go.
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
    """A personal or freely typed value of an entry: the only part that can be erased."""

    __tablename__ = "audit_private"
    __audited__ = False
    entry_uid: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    value: Mapped[str]


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

SQLITE_TRIGGERS = {
    "audit_entry": [
        _sqlite_trigger("audit_entry", "UPDATE"),
        _sqlite_trigger("audit_entry", "DELETE"),
        _sqlite_trigger("audit_entry", "INSERT", HAS_SAME_ENTRY),  # INSERT OR REPLACE
    ],
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
    ],
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
