"""Who received a concern first, what nobody knows, and declarations of a conflict of interest"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD COLUMN received_by_id INTEGER CONSTRAINT fk_cases_received_by_id REFERENCES staff (id)")
    op.add_column("cases", sa.Column("received_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("not_known", JSON, nullable=False, server_default="[]"))
    op.create_table(
        "declarations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("has_conflict", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_declarations_case_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_declarations_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declarations")),
    )
    op.create_index("ix_declarations_case_id_staff_id", "declarations", ["case_id", "staff_id"])


def downgrade() -> None:
    op.drop_index("ix_declarations_case_id_staff_id", table_name="declarations")
    op.drop_table("declarations")
    for column in ("not_known", "received_by", "received_by_id"):
        op.drop_column("cases", column)
