"""What is only an index of cases has no foreign keys: nothing in it is told anywhere, and checking them cost a tenth of recording.

Revision ID: r0004
Revises: r0003
"""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"

_INDEXES = {
    "fingerprint": ("fingerprint", "occurrence", "submission_id"),
    "kin": ("key", "case_id"),
    "open_case": ("case_id",),
}


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        for table in _INDEXES:
            for key in sa.inspect(bind).get_foreign_keys(table):
                op.drop_constraint(str(key["name"]), table, type_="foreignkey")
        return
    for table in _INDEXES:
        op.rename_table(table, f"{table}_before")
    op.create_table(
        "fingerprint",
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        sa.Column("occurrence", sa.Integer, primary_key=True),
        sa.Column("submission_id", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kin",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Integer, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table("open_case", sa.Column("case_id", sa.Integer, primary_key=True))
    for table, columns in _INDEXES.items():
        names = ", ".join(f'"{column}"' for column in columns)
        op.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_before ORDER BY {names}")  # noqa: S608 - constant text
        op.drop_table(f"{table}_before")


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
