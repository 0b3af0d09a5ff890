"""The trail's data keys, queue, tree and checkpoints; what is already recorded waits to be sealed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SAME_LEAF = "EXISTS (SELECT 1 FROM audit_leaf WHERE idx = NEW.idx OR entry_id = NEW.entry_id)"
SAME_CHECKPOINT = "EXISTS (SELECT 1 FROM audit_checkpoint WHERE number = NEW.number)"


def on_sqlite(table: str, verb: str, condition: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    return (f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{table}: the trail is append-only'); END")


def on_postgresql(table: str, verb: str) -> list[str]:
    name, level = f"{table}_no_{verb.lower()}", "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return [f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {level} EXECUTE FUNCTION audit_forbid()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"]


SQLITE_TRIGGERS = (
    "CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry BEGIN INSERT INTO audit_queue (entry_id) VALUES (NEW.id); END",
    *(on_sqlite(table, verb) for table in ("audit_leaf", "audit_checkpoint") for verb in ("UPDATE", "DELETE")),
    on_sqlite("audit_leaf", "INSERT", SAME_LEAF), on_sqlite("audit_checkpoint", "INSERT", SAME_CHECKPOINT),
    on_sqlite("audit_queue", "UPDATE"),
)
POSTGRESQL_TRIGGERS = (
    """CREATE OR REPLACE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit_queue (entry_id) VALUES (NEW.id); RETURN NULL; END $$""",
    "CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_wait()",
    "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_waits",
    *(line for table in ("audit_leaf", "audit_checkpoint") for verb in ("UPDATE", "DELETE", "TRUNCATE")
      for line in on_postgresql(table, verb)),
    *on_postgresql("audit_queue", "UPDATE"), *on_postgresql("audit_queue", "TRUNCATE"), *on_postgresql("audit_key", "TRUNCATE"),
)


def upgrade() -> None:
    op.add_column("audit_private", sa.Column("sealed", sa.LargeBinary(), nullable=True))  # not in a batch: the table's triggers must stay
    op.create_table(
        "audit_key",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("kid", sa.SmallInteger(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_audit_key")),
    )
    op.create_table(
        "audit_queue",
        sa.Column("entry_id", COUNTING, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_queue")),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("idx", COUNTING, autoincrement=False, nullable=False),
        sa.Column("entry_id", COUNTING, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_audit_leaf")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_leaf_entry_id")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("number", COUNTING, autoincrement=False, nullable=False),
        sa.Column("size", COUNTING, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_checkpoint")),
    )
    op.execute("INSERT INTO audit_queue (entry_id) SELECT id FROM audit_entry")
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for trigger in POSTGRESQL_TRIGGERS if is_postgresql else SQLITE_TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Private values recorded under encryption cannot be read by the program of before; their entries still verify."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER audit_entry_waits ON audit_entry" if is_postgresql else "DROP TRIGGER audit_entry_waits")
    for table in ("audit_checkpoint", "audit_leaf", "audit_queue", "audit_key"):
        op.drop_table(table)
    if is_postgresql:
        op.execute("DROP FUNCTION audit_wait()")
    op.execute("ALTER TABLE audit_private DROP COLUMN sealed")

