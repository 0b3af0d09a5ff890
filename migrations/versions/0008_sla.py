"""SLA pins, events and timers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sla_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("actor_kind", sa.String(length=40), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sla_events_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_events")),
    )
    op.create_index("ix_sla_events_case_id_cycle", "sla_events", ["case_id", "cycle"], unique=False)
    op.create_table(
        "sla_pins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("pack_version", sa.String(length=20), nullable=False),
        sa.Column("calendar", sa.String(length=40), nullable=False),
        sa.Column("calendar_version", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("case_type", sa.String(length=40), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("is_oral", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sla_pins_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_pins")),
        sa.UniqueConstraint("case_id", "cycle", name=op.f("uq_sla_pins_case_id_cycle")),
    )
    op.create_table(
        "timers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breach_noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breach_reason", sa.String(length=40), nullable=True),
        sa.Column("reckoned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_timers_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
        sa.UniqueConstraint(
            "case_id", "cycle", "target", "subject", "occurrence", name=op.f("uq_timers_case_id_cycle_target_subject_occurrence")
        ),
    )
    op.create_index(
        "ix_timers_running",
        "timers",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('running', 'breached') AND met_at IS NULL"),
        postgresql_where=sa.text("state IN ('running', 'breached') AND met_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_timers_running",
        table_name="timers",
        sqlite_where=sa.text("state IN ('running', 'breached') AND met_at IS NULL"),
        postgresql_where=sa.text("state IN ('running', 'breached') AND met_at IS NULL"),
    )
    op.drop_table("timers")
    op.drop_table("sla_pins")
    op.drop_index("ix_sla_events_case_id_cycle", table_name="sla_events")
    op.drop_table("sla_events")
