"""Files that are sealed in a compartment"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attachments", sa.Column("compartment", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("attachments", "compartment")
