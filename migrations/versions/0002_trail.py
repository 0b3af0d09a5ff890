"""The trail, and the triggers by which the database itself refuses to rewrite it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE_TRIGGERS = (
    "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry: the trail is "
    "append-only'); END",
    "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry: the trail is "
    "append-only'); END",
    "CREATE TRIGGER audit_entry_no_insert BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id OR"
    " uid = NEW.uid OR hash = NEW.hash OR (stream = NEW.stream AND seq = NEW.seq)) BEGIN SELECT RAISE(ABORT, 'audit_entry: the "
    "trail is append-only'); END",
    "CREATE TRIGGER audit_stream_no_update BEFORE UPDATE ON audit_stream WHEN NEW.stream <> OLD.stream OR NEW.seq <= OLD.seq OR "
    "NOT EXISTS (SELECT 1 FROM audit_entry WHERE stream = NEW.stream AND seq = NEW.seq AND hash = NEW.hash) BEGIN SELECT "
    "RAISE(ABORT, 'audit_stream: the trail is append-only'); END",
    "CREATE TRIGGER audit_stream_no_delete BEFORE DELETE ON audit_stream BEGIN SELECT RAISE(ABORT, 'audit_stream: the trail is "
    "append-only'); END",
    "CREATE TRIGGER audit_stream_no_insert BEFORE INSERT ON audit_stream WHEN EXISTS (SELECT 1 FROM audit_stream WHERE stream = "
    "NEW.stream) OR (NEW.seq <> 0 AND NOT EXISTS (SELECT 1 FROM audit_entry WHERE stream = NEW.stream AND seq = NEW.seq AND hash ="
    " NEW.hash)) BEGIN SELECT RAISE(ABORT, 'audit_stream: the trail is append-only'); END",
    "CREATE TRIGGER audit_private_no_update BEFORE UPDATE ON audit_private BEGIN SELECT RAISE(ABORT, 'audit_private: the trail is "
    "append-only'); END",
    "CREATE TRIGGER audit_private_no_insert BEFORE INSERT ON audit_private WHEN EXISTS (SELECT 1 FROM audit_private WHERE "
    "entry_uid = NEW.entry_uid AND field = NEW.field) BEGIN SELECT RAISE(ABORT, 'audit_private: the trail is append-only'); END",
)
POSTGRESQL_TRIGGERS = (
    """CREATE OR REPLACE FUNCTION audit_forbid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ': the trail is append-only'; END $$""",
    "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_update",
    "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_delete",
    "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate",
    """CREATE OR REPLACE FUNCTION audit_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.stream <> OLD.stream OR NEW.seq <= OLD.seq THEN
      RAISE EXCEPTION USING MESSAGE = 'audit_stream: the trail only moves forward';
    END IF;
  END IF;
  IF NEW.seq <> 0 AND NOT EXISTS (SELECT 1 FROM audit_entry WHERE stream = NEW.stream AND seq = NEW.seq AND hash = NEW.hash) THEN
    RAISE EXCEPTION USING MESSAGE = 'audit_stream: a head must name an entry';
  END IF;
  RETURN NEW;
END $$""",
    "CREATE TRIGGER audit_stream_no_update BEFORE UPDATE ON audit_stream FOR EACH ROW EXECUTE FUNCTION audit_forward()",
    "ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_no_update",
    "CREATE TRIGGER audit_stream_no_insert BEFORE INSERT ON audit_stream FOR EACH ROW EXECUTE FUNCTION audit_forward()",
    "ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_no_insert",
    "CREATE TRIGGER audit_stream_no_delete BEFORE DELETE ON audit_stream FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_no_delete",
    "CREATE TRIGGER audit_stream_no_truncate BEFORE TRUNCATE ON audit_stream FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_no_truncate",
    "CREATE TRIGGER audit_private_no_update BEFORE UPDATE ON audit_private FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_no_update",
    "CREATE TRIGGER audit_private_no_truncate BEFORE TRUNCATE ON audit_private FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid()",
    "ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_no_truncate",
)


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kid", sa.SmallInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor_uid", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entry_hash")),
        sa.UniqueConstraint("stream", "seq", name=op.f("uq_audit_entry_stream_seq")),
        sa.UniqueConstraint("uid", name=op.f("uq_audit_entry_uid")),
    )
    op.create_index(op.f("ix_audit_entry_about"), "audit_entry", ["about"], unique=False)
    op.create_index(op.f("ix_audit_entry_act"), "audit_entry", ["act"], unique=False)
    op.create_index(op.f("ix_audit_entry_actor_uid"), "audit_entry", ["actor_uid"], unique=False)
    op.create_index(op.f("ix_audit_entry_recorded_at"), "audit_entry", ["recorded_at"], unique=False)
    op.create_table(
        "audit_private",
        sa.Column("entry_uid", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_uid", "field", name=op.f("pk_audit_private")),
    )
    op.create_table(
        "audit_stream",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_audit_stream")),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for trigger in POSTGRESQL_TRIGGERS if is_postgresql else SQLITE_TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    op.drop_table("audit_stream")
    op.drop_table("audit_private")
    op.drop_index(op.f("ix_audit_entry_recorded_at"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_actor_uid"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_act"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_about"), table_name="audit_entry")
    op.drop_table("audit_entry")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_forward()")
        op.execute("DROP FUNCTION audit_forbid()")
