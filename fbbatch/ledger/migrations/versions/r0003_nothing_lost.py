"""Nothing is lost: sheets, amendments, likenesses and upkeep.

That is: how each sheet was read, rows that come back corrected, what may be the same matter, and
upkeep.

Revision ID: r0003
Revises: r0002
"""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    op.add_column("submission", sa.Column("origin", sa.String))
    op.create_index("ix_submission_file_id", "submission", ["file_id"])
    given = sa.text("origin IS NOT NULL")
    op.create_index(
        "ix_submission_origin", "submission", ["origin"], sqlite_where=given, postgresql_where=given
    )
    op.create_table(
        "sheet",
        sa.Column("file_id", sa.Integer, sa.ForeignKey("file.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("schema_id", sa.String, nullable=False),
        sa.Column("header_row", sa.Integer),
        sa.Column("columns", sa.Text, nullable=False),
    )
    op.create_table(
        "amendment",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kin",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "likeness",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("other_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "upkeep",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER amendment_no_{event.lower()} BEFORE {event} ON amendment "
                "BEGIN SELECT RAISE(ABORT, 'amendment is append-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER amendment_append_only BEFORE UPDATE OR DELETE ON amendment "
        "FOR EACH ROW EXECUTE FUNCTION append_only()"
    )
