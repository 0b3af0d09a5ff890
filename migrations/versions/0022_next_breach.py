"""An index of the timers that can still be missed, so that those missed long ago are not looked at in every sweep"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

STILL_RUNNING = sa.text("state = 'running' AND met_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_timers_next_breach", "timers", ["due_at"], sqlite_where=STILL_RUNNING, postgresql_where=STILL_RUNNING)


def downgrade() -> None:
    op.drop_index("ix_timers_next_breach", table_name="timers")
