"""Erasures asked for and decided, and the hold that forbids them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

LEFT = sa.text("has_files_left")


def upgrade() -> None:
    op.add_column("cases", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("has_legal_hold", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("ground", sa.Enum("request", "retention", "mistake", name="erasureground", native_enum=False, length=40), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.Enum("asked", "approved", "refused", name="erasurestate", native_enum=False, length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=False),
        sa.Column("value_count", sa.Integer(), nullable=False),
        sa.Column("person_count", sa.Integer(), nullable=False),
        sa.Column("files_left", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("has_files_left", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_erasures_case_id_cases")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_erasures_asked_by_id_staff")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_erasures_decided_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("uid", name=op.f("uq_erasures_uid")),
    )
    op.create_index("ix_erasures_case_id", "erasures", ["case_id"])
    op.create_index("ix_erasures_files_left", "erasures", ["id"], sqlite_where=LEFT, postgresql_where=LEFT)


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_column("cases", "has_legal_hold")
    op.drop_column("cases", "erased_at")
