"""Which forms went through, so that one sent twice is answered with what it did the first time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sendings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("print", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sendings")),
    )
    op.create_index(op.f("ix_sendings_sent_at"), "sendings", ["sent_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_sendings_sent_at"), table_name="sendings")
    op.drop_table("sendings")
