"""Files inside files (attachments, members of a zip), what was written about a case, and how often a form was issued.

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
