"""Matters of any process: steps, papers and reminders belong to a matter; a case is one.

The number of a case moves to its matter, which no other matter of any process shares.

Revision ID: r0005
Revises: r0004
"""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"

_RUN = "run.id"
_OF_CASES = (
    "transition",
    "reminder",
    "document",
    "waiting_form",
    "correspondence",
)
"""Tables that belonged to cases, and belong to matters from here on."""


def upgrade() -> None:
    op.create_table(
        "matter",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("process", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False, unique=True),
        sa.Column("facts", sa.Text),
    )
    op.execute("INSERT INTO matter (id, process, number) SELECT id, 'case', number FROM case_")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        _alter()
    _append_only("matter")


# --- PostgreSQL -----------------------------------------------------------------------


def _alter() -> None:
    op.drop_column("case_", "number")
    op.create_foreign_key("case__id_fkey1", "case_", "matter", ["id"], ["id"])
    op.rename_table("open_case", "open_matter")
    op.execute("ALTER INDEX open_case_pkey RENAME TO open_matter_pkey")
    op.drop_constraint("open_case_case_id_fkey", "open_matter")
    for table in _OF_CASES:
        op.drop_constraint(f"{table}_case_id_fkey", table)
    for table in ("open_matter", *_OF_CASES):
        op.alter_column(table, "case_id", new_column_name="matter_id")
        name = f"{table}_matter_id_fkey"
        op.create_foreign_key(name, table, "matter", ["matter_id"], ["id"])
    for table in ("document", "waiting_form"):
        op.execute(f"ALTER INDEX ix_{table}_case_id RENAME TO ix_{table}_matter_id")


# --- SQLite, which changes no key of a table that is there ----------------------------


def _rebuild() -> None:
    _rebuild_case()
    _rebuild_transition()
    _rebuild_reminder()
    _rebuild_document()
    _rebuild_waiting_form()
    _rebuild_others()


def _matter_id(**told: bool) -> sa.Column[int]:
    return sa.Column("matter_id", sa.Integer, sa.ForeignKey("matter.id"), **told)


def _run_id() -> sa.Column[int]:
    return sa.Column("run_id", sa.Integer, sa.ForeignKey(_RUN), nullable=False)


def _replace(
    table: str,
    *items: sa.schema.SchemaItem,
    old: str | None = None,
    with_rowid: bool = True,
) -> None:
    """Make a table anew with the rows that it has; `case_id` is called `matter_id` there."""
    options = {} if with_rowid else {"sqlite_with_rowid": False}
    made = op.create_table(f"new_{table}", *items, **options)
    names = [column.name for column in made.columns]
    taken = ["case_id" if name == "matter_id" else name for name in names]
    new, told = (", ".join(f'"{name}"' for name in some) for some in (names, taken))
    op.execute(f'INSERT INTO "new_{table}" ({new}) SELECT {told} FROM "{old or table}"')  # noqa: S608 - our own names
    op.drop_table(old or table)
    op.rename_table(f"new_{table}", table)


def _rebuild_case() -> None:
    _replace(
        "case_",
        sa.Column(
            "id",
            sa.Integer,
            sa.ForeignKey("submission.id"),
            sa.ForeignKey("matter.id"),
            primary_key=True,
        ),
        _run_id(),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("schema_id", "source", "channel", "registered_on")
        ),
        sa.Column("answers", sa.Text, nullable=False),
    )
    _append_only("case_")


def _rebuild_transition() -> None:
    _replace(
        "transition",
        _matter_id(primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        _run_id(),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in (
                "to_state",
                "document",
                "by_whom",
                "happened_on",
                "recorded_at",
            )
        ),
        sa.Column("department", sa.String),
        sa.Column("due_on", sa.String),
        sa.Column("details", sa.Text),
        with_rowid=False,
    )
    closed = sa.text("to_state = 'closed'")
    op.create_index(
        "ix_transition_closed",
        "transition",
        ["happened_on"],
        sqlite_where=closed,
    )
    _append_only("transition")


def _rebuild_reminder() -> None:
    _replace(
        "reminder",
        _matter_id(primary_key=True),
        sa.Column("clock", sa.String, primary_key=True),
        sa.Column("due_on", sa.String, primary_key=True),
        sa.Column("level", sa.Integer, primary_key=True),
        _run_id(),
        sa.Column("told_on", sa.String, nullable=False),
        with_rowid=False,
    )
    op.create_index("ix_reminder_run_id", "reminder", ["run_id"])


def _rebuild_document() -> None:
    _replace(
        "document",
        sa.Column("id", sa.Integer, primary_key=True),
        _run_id(),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        _matter_id(),
        sa.Column("department", sa.String),
        sa.Column("period", sa.String),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("form", sa.Integer, nullable=False),
        sa.Column("issue", sa.Integer, nullable=False, server_default="0"),
        sa.Column("code", sa.String),
        sa.UniqueConstraint("run_id", "path"),
    )
    for column in ("run_id", "matter_id"):
        op.create_index(f"ix_document_{column}", "document", [column])


def _rebuild_waiting_form() -> None:
    _replace(
        "waiting_form",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("option", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        _run_id(),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("file.id"), nullable=False),
        _matter_id(nullable=False),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("decided_run_id", sa.Integer, sa.ForeignKey(_RUN)),
        sa.Column("decision", sa.String),
        sa.Column("decided_by", sa.String),
        sa.UniqueConstraint("number", "option"),
    )
    for column in ("number", "matter_id"):
        op.create_index(f"ix_waiting_form_{column}", "waiting_form", [column])


def _rebuild_others() -> None:
    _replace(
        "correspondence",
        _matter_id(primary_key=True),
        sa.Column(
            "submission_id",
            sa.Integer,
            sa.ForeignKey("submission.id"),
            primary_key=True,
        ),
        with_rowid=False,
    )
    _replace("open_matter", _matter_id(primary_key=True), old="open_case")


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION append_only()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
