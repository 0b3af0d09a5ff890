"""What the policy pack's table makes of a concern, and what a person decides"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CASE_TYPES = (
    "enquiry", "compliment", "suggestion", "concern_pals", "complaint_formal", "complaint_stage1", "joint_complaint", "dp_complaint_uk",
    "complaint_us_poc", "grievance_us", "grievance_ma", "grievance_ma_expedited")


def upgrade() -> None:
    op.create_table(
        "classifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("pack_version", sa.String(length=40), nullable=False),
        sa.Column("answers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("ruling", sa.String(length=60), nullable=False),
        sa.Column("proposed", sa.String(length=40), nullable=False),
        sa.Column("classified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("classified_by_id", sa.Integer(), nullable=True),
        sa.Column("decided", sa.Enum(*CASE_TYPES, name="casetype", native_enum=False, length=40), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_classifications_case_id_cases")),
        sa.ForeignKeyConstraint(["classified_by_id"], ["staff.id"], name=op.f("fk_classifications_classified_by_id_staff")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_classifications_decided_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifications")),
    )
    op.create_index("ix_classifications_case_id", "classifications", ["case_id"])


def downgrade() -> None:
    op.drop_table("classifications")
