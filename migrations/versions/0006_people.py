"""People"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("preferred_name", sa.Text(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("record_number", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("is_interpreter_needed", sa.Boolean(), nullable=False),
        sa.Column("format_needs", sa.Text(), nullable=False),
        sa.Column("safe_contact", sa.Text(), nullable=False),
        sa.Column("has_died", sa.Boolean(), nullable=False),
        sa.Column("match_name", sa.Text(), nullable=False),
        sa.Column("match_phone", sa.Text(), nullable=False),
        sa.Column("match_email", sa.Text(), nullable=False),
        sa.Column("match_record", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("uid", name=op.f("uq_people_uid")),
    )
    op.create_index(op.f("ix_people_match_email"), "people", ["match_email"], unique=False)
    op.create_index(op.f("ix_people_match_name"), "people", ["match_name"], unique=False)
    op.create_index(op.f("ix_people_match_phone"), "people", ["match_phone"], unique=False)
    op.create_index(op.f("ix_people_match_record"), "people", ["match_record"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_people_match_record"), table_name="people")
    op.drop_index(op.f("ix_people_match_phone"), table_name="people")
    op.drop_index(op.f("ix_people_match_name"), table_name="people")
    op.drop_index(op.f("ix_people_match_email"), table_name="people")
    op.drop_table("people")
