"""Who may move a case: check codes of forms, and forms that wait for a person's decision.

Also how a file came in, and the manifest's hash.

Revision ID: r0004
Revises: r0003
"""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"


def upgrade() -> None:
    op.add_column("document", sa.Column("code", sa.String))
    op.add_column("run", sa.Column("manifest_sha256", sa.String))
    op.add_column("file", sa.Column("mailed_by", sa.String))
    op.create_table(
        "waiting_form",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.String, nullable=False, index=True),
        sa.Column("option", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("file.id"), nullable=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("case_.id"), nullable=False, index=True),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("decided_run_id", sa.Integer, sa.ForeignKey("run.id")),
        sa.Column("decision", sa.String),
        sa.Column("decided_by", sa.String),
        sa.UniqueConstraint("number", "option"),
    )
