"""Local versions of packs and calendars, immutable once published; pins, timers and planned steps know which pack they belong to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
PUBLISHED = ("pack_versions", "calendar_versions")
OLD_TIMERS = "uq_timers_case_id_cycle_target_subject_occurrence"


def upgrade() -> None:
    op.create_table(
        "pack_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("base_version", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["published_by_id"], ["staff.id"], name=op.f("fk_pack_versions_published_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_versions")),
        sa.UniqueConstraint("uid", name=op.f("uq_pack_versions_uid")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_pack_versions_code_version")),
    )
    op.create_table(
        "calendar_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=60), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("base", sa.String(length=40), nullable=False),
        sa.Column("base_version", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("hours", JSON, nullable=False),
        sa.Column("days", JSON, nullable=False),
        sa.Column("closures", JSON, nullable=False),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column("is_shipped", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["published_by_id"], ["staff.id"], name=op.f("fk_calendar_versions_published_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_versions")),
        sa.UniqueConstraint("uid", name=op.f("uq_calendar_versions_uid")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_calendar_versions_code_version")),
    )
    op.create_table(
        "rebases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_rebases_asked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebases")),
        sa.UniqueConstraint("uid", name=op.f("uq_rebases_uid")),
    )
    op.create_table(
        "rebase_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rebase_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("pack_from", sa.String(length=40), nullable=False),
        sa.Column("pack_to", sa.String(length=40), nullable=False),
        sa.Column("calendar", sa.String(length=40), nullable=False),
        sa.Column("calendar_from", sa.String(length=60), nullable=False),
        sa.Column("calendar_to", sa.String(length=60), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rebase_id"], ["rebases.id"], name=op.f("fk_rebase_items_rebase_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_rebase_items_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebase_items")),
        sa.UniqueConstraint("rebase_id", "case_id", name=op.f("uq_rebase_items_rebase_id_case_id")),
    )
    op.create_index("ix_rebase_items_waiting", "rebase_items", ["rebase_id", "id"], sqlite_where=sa.text("done_at IS NULL"),
                    postgresql_where=sa.text("done_at IS NULL"))
    for statement in _refusals() if op.get_bind().dialect.name == "postgresql" else _sqlite_refusals():
        op.execute(statement)

    with op.batch_alter_table("sla_pins") as pins:
        pins.add_column(sa.Column("is_main", sa.Boolean(), nullable=False, server_default=sa.true()))
        pins.alter_column("pack_version", type_=sa.String(length=40), existing_type=sa.String(length=20), existing_nullable=False)
        pins.drop_constraint("uq_sla_pins_case_id_cycle", type_="unique")
        pins.create_unique_constraint("uq_sla_pins_case_id_cycle_pack", ["case_id", "cycle", "pack"])
    with op.batch_alter_table("sla_pins") as pins:
        pins.alter_column("is_main", server_default=None, existing_type=sa.Boolean(), existing_nullable=False)

    op.add_column("timers", sa.Column("pack", sa.String(length=40), nullable=True))
    op.execute("UPDATE timers SET pack = COALESCE((SELECT pack FROM sla_pins WHERE sla_pins.case_id = timers.case_id AND "
               "sla_pins.cycle = timers.cycle), (SELECT pack FROM cases WHERE cases.id = timers.case_id))")
    with op.batch_alter_table("timers") as timers:
        timers.alter_column("pack", existing_type=sa.String(length=40), nullable=False)
        timers.drop_constraint(OLD_TIMERS, type_="unique")
        timers.create_unique_constraint("uq_timers_once", ["case_id", "cycle", "pack", "target", "subject", "occurrence"])

    op.execute("UPDATE firings SET timer_key = timer_key || '@' || (SELECT pack FROM sla_pins WHERE sla_pins.case_id = firings.case_id "
               "AND sla_pins.cycle = firings.cycle) WHERE timer_key LIKE '%/%/%' AND EXISTS (SELECT 1 FROM sla_pins WHERE "
               "sla_pins.case_id = firings.case_id AND sla_pins.cycle = firings.cycle)")

    op.add_column("cases", sa.Column("next_pack", sa.String(length=40), nullable=True))
    op.add_column("cases", sa.Column("next_subject", sa.String(length=32), nullable=True))
    op.add_column("cases", sa.Column("next_occurrence", sa.Integer(), nullable=True))
    op.execute("UPDATE cases SET next_pack = pack WHERE next_target IS NOT NULL")


def downgrade() -> None:
    op.drop_column("cases", "next_occurrence")
    op.drop_column("cases", "next_subject")
    op.drop_column("cases", "next_pack")

    op.execute("DELETE FROM firings WHERE timer_key LIKE '%/%/%@%' AND NOT EXISTS (SELECT 1 FROM sla_pins WHERE is_main AND "
               "case_id = firings.case_id AND cycle = firings.cycle AND firings.timer_key LIKE '%@' || pack)")
    op.execute("UPDATE firings SET timer_key = (SELECT REPLACE(firings.timer_key, '@' || pack, '') FROM sla_pins WHERE is_main AND "
               "case_id = firings.case_id AND cycle = firings.cycle) WHERE timer_key LIKE '%/%/%@%'")
    op.execute("DELETE FROM timers WHERE NOT EXISTS (SELECT 1 FROM sla_pins WHERE is_main AND case_id = timers.case_id AND "
               "cycle = timers.cycle AND pack = timers.pack)")
    with op.batch_alter_table("timers") as timers:
        timers.drop_constraint("uq_timers_once", type_="unique")
        timers.create_unique_constraint(OLD_TIMERS, ["case_id", "cycle", "target", "subject", "occurrence"])
        timers.drop_column("pack")

    op.execute("DELETE FROM sla_pins WHERE NOT is_main")
    with op.batch_alter_table("sla_pins") as pins:
        pins.drop_constraint("uq_sla_pins_case_id_cycle_pack", type_="unique")
        pins.create_unique_constraint("uq_sla_pins_case_id_cycle", ["case_id", "cycle"])
        pins.alter_column("pack_version", type_=sa.String(length=20), existing_type=sa.String(length=40), existing_nullable=False)
        pins.drop_column("is_main")

    op.drop_index("ix_rebase_items_waiting", table_name="rebase_items", sqlite_where=sa.text("done_at IS NULL"),
                  postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("rebase_items")
    op.drop_table("rebases")
    op.drop_table("calendar_versions")
    op.drop_table("pack_versions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_published()")


def _sqlite_refusals() -> list[str]:
    """What is published is never rewritten and never deleted, whoever asks."""
    return [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} WHEN OLD.state = 'published' "
        f"BEGIN SELECT RAISE(ABORT, '{table}: a published version never changes'); END"
        for table in PUBLISHED for verb in ("update", "delete")]


def _refusals() -> list[str]:
    function = """CREATE OR REPLACE FUNCTION refuse_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ': a published version never changes'; END $$"""
    return [function, *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} FOR EACH ROW WHEN (OLD.state = 'published') "
        "EXECUTE FUNCTION refuse_published()" for table in PUBLISHED for verb in ("update", "delete"))]
