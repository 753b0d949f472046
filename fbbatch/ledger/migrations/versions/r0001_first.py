"""The first ledger.

Revision ID: r0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_APPEND_ONLY = ("transition", "classification", "ruling", "submission", "case_")


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("as_of", sa.String, nullable=False),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Column("version", sa.String, nullable=False),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False, index=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False, index=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("schema_id", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("code", sa.String),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("rows", "accepted", "returned", "duplicate", "set_aside")
        ),
        sa.Column("archived", sa.String),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("file.id"), nullable=False),
        sa.Column("sheet", sa.String, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("cells", sa.Text, nullable=False),
    )
    op.create_table(
        "fingerprint",
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        sa.Column("occurrence", sa.Integer, primary_key=True),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("file.id"), nullable=False, index=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("sheet", sa.String),
        sa.Column("row", sa.Integer),
        sa.Column("column", sa.Integer),
        sa.Column("field", sa.String),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_table(
        "case_",
        sa.Column("id", sa.Integer, sa.ForeignKey("submission.id"), primary_key=True),
        sa.Column("number", sa.String, nullable=False, unique=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("schema_id", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("registered_on", sa.String, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
    )
    op.create_table(
        "transition",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("to_state", "document", "by_whom", "happened_on", "recorded_at")
        ),
        sa.Column("department", sa.String),
        sa.Column("due_on", sa.String),
        sa.Column("details", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ruling",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("kind", "type", "severity")),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("department", sa.String),
        sa.Column("due_on", sa.String),
        sa.Column("details", sa.Text),
    )
    op.create_table(
        "classification",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("by_whom", sa.String, nullable=False),
        sa.Column("ruling_id", sa.Integer, sa.ForeignKey("ruling.id"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), index=True),
        sa.Column("department", sa.String),
        sa.Column("period", sa.String),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("form", sa.Integer, nullable=False),
        sa.UniqueConstraint("run_id", "path"),
    )
    op.create_table(
        "summary_day",
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _APPEND_ONLY:
            for event in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION append_only() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$ LANGUAGE plpgsql"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION append_only()"
        )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
