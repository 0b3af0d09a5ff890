"""Who sees what: the tree of units, managers, scopes, compartments, confidential lists, broken glass and saved searches"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SEALED = ("points", "notes", "tasks", "statement_requests")
OPEN, ENDED = sa.text("is_open"), sa.text("NOT is_open")


def upgrade() -> None:
    _point("units", "parent_id", "units")
    op.add_column("units", sa.Column("path", sa.String(length=200), nullable=False, server_default=""))
    op.create_index("ix_units_path", "units", ["path"])
    op.execute("UPDATE units SET path = '/' || id || '/'")
    _point("staff", "manager_id", "staff")
    # whoever had an account before there were scopes saw the whole hospital, and still does until somebody narrows it
    op.add_column("staff", sa.Column("scope", sa.String(length=40), nullable=False, server_default="hospital"))
    op.add_column("staff", sa.Column("compartments", sa.String(length=60), nullable=False, server_default=""))
    op.create_index("ix_staff_manager_id", "staff", ["manager_id"])
    _point("cases", "recorded_by_id", "staff")
    op.add_column("cases", sa.Column("is_confidential", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_cases_open_unit", "cases", ["unit_id", "queue_at", "id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_cases_open_recorder", "cases", ["recorded_by_id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_cases_ended", "cases", ["closed_at", "id"], sqlite_where=ENDED, postgresql_where=ENDED)
    for table in SEALED:
        op.add_column(table, sa.Column("compartment", sa.String(length=40), nullable=True))
    op.add_column("statement_requests", sa.Column("is_identified", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("response_versions", sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox_message", sa.Column("compartment", sa.Text(), nullable=True))
    _create_tables()


def _point(table: str, column: str, to: str) -> None:
    """A column that points at another table, without building the table anew: SQLite would lose what points at it."""
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER CONSTRAINT fk_{table}_{column} REFERENCES {to} (id)")


def _create_tables() -> None:
    op.create_table(
        "case_readers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_readers_case_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_readers_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_readers")),
        sa.UniqueConstraint("case_id", "staff_id", name=op.f("uq_case_readers_case_id_staff_id")),
    )
    op.create_index(op.f("ix_case_readers_staff_id"), "case_readers", ["staff_id"])
    op.create_table(
        "case_compartments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("compartment", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_compartments_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_compartments")),
        sa.UniqueConstraint("case_id", "compartment", name=op.f("uq_case_compartments_case_id_compartment")),
    )
    op.create_index(op.f("ix_case_compartments_compartment"), "case_compartments", ["compartment"])
    op.create_table(
        "glass_openings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_glass_openings_staff_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_glass_openings_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_glass_openings")),
        sa.UniqueConstraint("uid", name=op.f("uq_glass_openings_uid")),
    )
    op.create_index(op.f("ix_glass_openings_case_id"), "glass_openings", ["case_id"])
    op.create_index("ix_glass_openings_staff_id_ends_at", "glass_openings", ["staff_id", "ends_at"])
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_saved_searches_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
        sa.UniqueConstraint("uid", name=op.f("uq_saved_searches_uid")),
    )
    op.create_index(op.f("ix_saved_searches_staff_id"), "saved_searches", ["staff_id"])
    op.create_index(op.f("ix_saved_searches_expires_at"), "saved_searches", ["expires_at"])


def downgrade() -> None:
    for table in ("saved_searches", "glass_openings", "case_compartments", "case_readers"):
        op.drop_table(table)
    op.drop_column("outbox_message", "compartment")
    op.drop_column("response_versions", "set_aside_at")
    op.drop_column("statement_requests", "is_identified")
    for table in reversed(SEALED):
        op.drop_column(table, "compartment")
    for name in ("ix_cases_ended", "ix_cases_open_recorder", "ix_cases_open_unit"):
        op.drop_index(name, "cases")
    op.drop_column("cases", "is_confidential")
    op.drop_column("cases", "recorded_by_id")
    op.drop_index("ix_staff_manager_id", "staff")
    for name in ("compartments", "scope", "manager_id"):
        op.drop_column("staff", name)
    op.drop_index("ix_units_path", "units")
    for name in ("path", "parent_id"):
        op.drop_column("units", name)
