"""Simulations, how far each has come, the cases that change side, and what a shadow would have done"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "simulations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft", JSON, nullable=False),
        sa.Column("against", JSON, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.Enum("running", "finished", "stopped", "failed", name="simulationstate", native_enum=False, length=40),
                  nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("result", JSON, nullable=True),
        sa.Column("shadow_since", MOMENT, nullable=True),
        sa.Column("shadow_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_simulations_asked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulations")),
        sa.UniqueConstraint("uid", name=op.f("uq_simulations_uid")),
    )
    op.create_table(
        "simulation_progress",
        sa.Column("simulation_id", sa.Integer(), nullable=False),
        sa.Column("last_case_id", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Integer(), nullable=False),
        sa.Column("sums", JSON, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("shadowed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["simulation_id"], ["simulations.id"], name=op.f("fk_simulation_progress_simulation_id")),
        sa.PrimaryKeyConstraint("simulation_id", name=op.f("pk_simulation_progress")),
    )
    op.create_table(
        "simulation_cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("simulation_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("is_shadow", sa.Boolean(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(40), nullable=False),
        sa.Column("target", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("state_before", sa.String(20), nullable=False),
        sa.Column("state_after", sa.String(20), nullable=False),
        sa.Column("due_before", MOMENT, nullable=True),
        sa.Column("due_after", MOMENT, nullable=True),
        sa.Column("met_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_simulation_cases_case_id")),
        sa.ForeignKeyConstraint(["simulation_id"], ["simulations.id"], name=op.f("fk_simulation_cases_simulation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation_cases")),
    )
    op.create_index("ix_simulation_cases_simulation_id", "simulation_cases", ["simulation_id", "is_shadow", "id"])
    op.create_index("ix_simulation_cases_case_id", "simulation_cases", ["case_id"])
    op.create_table(
        "shadow_firings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("simulation_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("timer_key", sa.String(120), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("fire_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("fired_at", MOMENT, nullable=True),
        sa.Column("told", JSON, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_shadow_firings_case_id")),
        sa.ForeignKeyConstraint(["simulation_id"], ["simulations.id"], name=op.f("fk_shadow_firings_simulation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_firings")),
    )
    op.create_index("ix_shadow_firings_simulation_id_fired_at", "shadow_firings", ["simulation_id", "fired_at", "id"])
    op.create_index("ix_shadow_firings_planned", "shadow_firings", ["simulation_id", "fire_at"])
    op.create_index("ix_shadow_firings_case_id", "shadow_firings", ["case_id"])


def downgrade() -> None:
    for table in ("shadow_firings", "simulation_cases", "simulation_progress", "simulations"):
        op.drop_table(table)
