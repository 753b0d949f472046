"""The closed loop: correspondence, issues of forms, mergers, open cases, reminders.

Correspondence is what was written about a case; files inside files are kept as well.

Revision ID: r0002
Revises: r0001
"""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    op.add_column("file", sa.Column("parent_id", sa.Integer))
    op.add_column("document", sa.Column("issue", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "correspondence",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "merger",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("main_id", sa.Integer, sa.ForeignKey("case_.id"), nullable=False, index=True),
    )
    op.create_table(
        "open_case", sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True)
    )
    last = "SELECT to_state FROM transition t WHERE t.case_id = case_.id ORDER BY n DESC LIMIT 1"
    op.execute(f"INSERT INTO open_case (case_id) SELECT id FROM case_ WHERE ({last}) <> 'closed'")  # noqa: S608 - constant text
    closed = sa.text("to_state = 'closed'")
    op.create_index(
        "ix_transition_closed",
        "transition",
        ["happened_on"],
        sqlite_where=closed,
        postgresql_where=closed,
    )
    op.create_table(
        "reminder",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), primary_key=True),
        sa.Column("clock", sa.String, primary_key=True),
        sa.Column("due_on", sa.String, primary_key=True),
        sa.Column("level", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False, index=True),
        sa.Column("told_on", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
