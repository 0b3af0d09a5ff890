"""Notices that must be acknowledged, digests, calls to other systems, rotas, replanning, and what the scheduler noticed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("firings") as table:
        table.add_column(sa.Column("answer_by_at", MOMENT, nullable=True))
        table.add_column(sa.Column("acknowledged_at", MOMENT, nullable=True))
        table.add_column(sa.Column("acknowledged_by", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("moved_up", sa.Integer(), server_default="0", nullable=False))
        table.create_index("ix_firings_unanswered", ["answer_by_at"], sqlite_where=sa.text("answer_by_at IS NOT NULL"),
                           postgresql_where=sa.text("answer_by_at IS NOT NULL"))
    with op.batch_alter_table("outbox_message") as table:
        table.add_column(sa.Column("url", sa.Text(), nullable=True))
        table.add_column(sa.Column("is_first", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("gathered_into", sa.Text(), nullable=True))
        table.create_index("ix_outbox_message_staff", ["staff_uid", "waiting_since"])
        table.create_index("ix_outbox_message_gathered", ["gathered_into"], sqlite_where=sa.text("gathered_into IS NOT NULL"),
                           postgresql_where=sa.text("gathered_into IS NOT NULL"))
    with op.batch_alter_table("heartbeats") as table:
        table.add_column(sa.Column("done", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("failed", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("took_ms", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("silent_at", MOMENT, nullable=True))
        table.add_column(sa.Column("alarmed_at", MOMENT, nullable=True))
    op.create_table(
        "replannings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("rule_code", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("last_case_id", sa.Integer(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replannings")),
        sa.UniqueConstraint("uid", name=op.f("uq_replannings_uid")),
    )
    op.create_table(
        "duty_shifts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts", sa.String(length=5), nullable=False),
        sa.Column("ends", sa.String(length=5), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_duty_shifts_team_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_duty_shifts_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shifts")),
        sa.UniqueConstraint("uid", name=op.f("uq_duty_shifts_uid")),
    )
    op.create_index("ix_duty_shifts_team_id", "duty_shifts", ["team_id", "weekday"])


def downgrade() -> None:
    op.drop_table("duty_shifts")
    op.drop_table("replannings")
    with op.batch_alter_table("heartbeats") as table:
        for column in ("alarmed_at", "silent_at", "took_ms", "failed", "done"):
            table.drop_column(column)
    op.execute("UPDATE outbox_message SET state = 'queued' WHERE state = 'gathered'")
    with op.batch_alter_table("outbox_message") as table:
        table.drop_index("ix_outbox_message_gathered")
        table.drop_index("ix_outbox_message_staff")
        for column in ("gathered_into", "is_first", "url"):
            table.drop_column(column)
    with op.batch_alter_table("firings") as table:
        table.drop_index("ix_firings_unanswered")
        for column in ("moved_up", "acknowledged_by", "acknowledged_at", "answer_by_at"):
            table.drop_column(column)
