"""The tables of the ledger; dates are ISO text, which SQLite and PostgreSQL compare alike."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


CASES_BEGIN = "FB"
"""What the numbers of cases begin with. Source: DESIGN 9."""


def number_prefix(day: dt.date, begin: str = CASES_BEGIN) -> str:
    """What the numbers of the matters of a process begin with that were opened on `day`."""
    return f"{begin}-{day:%Y%m%d}-"


def numbered_on(day: dt.date, begin: str = CASES_BEGIN) -> ColumnElement[bool]:
    """The condition that a matter was opened on `day`; uses the index of numbers."""
    prefix = number_prefix(day, begin)
    return matter.c.number.between(prefix, f"{prefix}~")


run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "name",
        String,
        nullable=False,
        unique=True,
        comment="yyyymmdd-nnn, the name of its outbox folder",
    ),
    Column("as_of", String, nullable=False, comment="the time it computes with, ISO with offset"),
    Column("started_at", String, nullable=False),
    Column("finished_at", String, comment="null: not closed; the next run finishes it first"),
    Column("version", String, nullable=False),
    Column(
        "manifest_sha256",
        String,
        comment=(
            "of the manifest it has published; null before that, and for runs of older versions"
        ),
    ),
)

file = Table(
    "file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False, index=True),
    Column("name", String, nullable=False, comment="path below the inbox"),
    Column("sha256", String, nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("schema_id", String),
    Column("outcome", String, nullable=False),
    Column("code", String, comment="the finding that decided the outcome of the whole file"),
    Column("rows", Integer, nullable=False, default=0),
    Column("accepted", Integer, nullable=False, default=0),
    Column("returned", Integer, nullable=False, default=0),
    Column("duplicate", Integer, nullable=False, default=0),
    Column("set_aside", Integer, nullable=False, default=0),
    Column("archived", String, comment="where the original went, below the workspace"),
    Column("parent_id", Integer, comment="the mail or archive it was in"),
    Column(
        "mailed_by",
        String,
        comment=(
            "of what came by mail: known (to the organisation) or stranger; null: it was dropped"
        ),
    ),
)

submission = Table(
    "submission",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", Integer, ForeignKey("file.id"), nullable=False, index=True),
    Column("sheet", String, nullable=False),
    Column("row", Integer, nullable=False, comment="1-based, as Excel shows it"),
    Column("outcome", String, nullable=False, comment="accepted, returned, duplicate, set_aside"),
    Column("cells", Text, nullable=False, comment="the raw cells as JSON, never altered"),
    Column(
        "origin",
        String,
        comment="the returned row of which this is the corrected copy, as `file-row`",
    ),
)

Index(
    "ix_submission_origin",
    submission.c.origin,
    sqlite_where=submission.c.origin.is_not(None),
    postgresql_where=submission.c.origin.is_not(None),
)

sheet = Table(
    "sheet",
    metadata,
    Column("file_id", Integer, ForeignKey("file.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("schema_id", String, nullable=False),
    Column("header_row", Integer, comment="1-based; null: read by position"),
    Column(
        "columns",
        Text,
        nullable=False,
        comment="JSON: [column (1-based), field id, header] of every column that was understood",
    ),
)

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("submission_id", Integer, ForeignKey("submission.id"), nullable=False),
    sqlite_with_rowid=False,
)

finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", Integer, ForeignKey("file.id"), nullable=False, index=True),
    Column("code", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("sheet", String),
    Column("row", Integer),
    Column("column", Integer),
    Column("field", String),
    Column("details", Text, nullable=False, comment="JSON"),
)

matter = Table(
    "matter",
    metadata,
    Column(
        "id",
        Integer,
        primary_key=True,
        comment="of a case that of the submission that opened it; no other matter has that of any",
    ),
    Column("process", String, nullable=False),
    Column("number", String, nullable=False, unique=True),
    Column(
        "facts", Text, comment="JSON: what opened it, by name; null: a case, which stands in case_"
    ),
)

case = Table(
    "case_",
    metadata,
    Column(
        "id",
        Integer,
        ForeignKey("submission.id"),
        ForeignKey("matter.id"),
        primary_key=True,
        comment="the submission that opened it",
    ),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("schema_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("channel", String, nullable=False),
    Column(
        "registered_on",
        String,
        nullable=False,
        comment="also in the number, by whose index a day's cases are found",
    ),
    Column("answers", Text, nullable=False, comment="typed values by field id, JSON"),
)

transition = Table(
    "transition",
    metadata,
    Column("matter_id", Integer, ForeignKey("matter.id"), primary_key=True),
    Column(
        "n",
        Integer,
        primary_key=True,
        comment="1, 2, 3 …; the state of a matter is its last transition",
    ),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("to_state", String, nullable=False),
    Column("document", String, nullable=False),
    Column("by_whom", String, nullable=False),
    Column("happened_on", String, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("department", String, comment="lead department from here on"),
    Column("due_on", String),
    Column("details", Text, comment="JSON"),
    sqlite_with_rowid=False,
)

Index(
    "ix_transition_closed",
    transition.c.happened_on,
    sqlite_where=transition.c.to_state == "closed",
    postgresql_where=transition.c.to_state == "closed",
)

open_matter = Table(
    "open_matter",
    metadata,
    Column(
        "matter_id",
        Integer,
        ForeignKey("matter.id"),
        primary_key=True,
        comment="an index of the matters in hand; their state is their last transition",
    ),
    sqlite_with_rowid=True,
)

reminder = Table(
    "reminder",
    metadata,
    Column("matter_id", Integer, ForeignKey("matter.id"), primary_key=True),
    Column(
        "clock", String, primary_key=True, comment="the form that is waited for, with its round"
    ),
    Column("due_on", String, primary_key=True),
    Column("level", Integer, primary_key=True, comment="how far up the ladder"),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False, index=True),
    Column("told_on", String, nullable=False),
    sqlite_with_rowid=False,
)

ruling = Table(
    "ruling",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("type", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("evidence", Text, nullable=False, comment="JSON: reasons, score, margin, unsure"),
    Column("department", String),
    Column("due_on", String),
    Column("details", Text, comment="JSON: rule, cooperating, escalations, due_rule, due_days"),
)

classification = Table(
    "classification",
    metadata,
    Column("case_id", Integer, ForeignKey("case_.id"), primary_key=True),
    Column(
        "n", Integer, primary_key=True, comment="1: by the rules; later ones: overrides, with name"
    ),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("by_whom", String, nullable=False),
    Column(
        "ruling_id",
        Integer,
        ForeignKey("ruling.id"),
        nullable=False,
        comment="many cases share a ruling",
    ),
    sqlite_with_rowid=False,
)

correspondence = Table(
    "correspondence",
    metadata,
    Column("matter_id", Integer, ForeignKey("matter.id"), primary_key=True),
    Column(
        "submission_id",
        Integer,
        ForeignKey("submission.id"),
        primary_key=True,
        comment="what was written about the matter",
    ),
    sqlite_with_rowid=False,
)

merger = Table(
    "merger",
    metadata,
    Column("case_id", Integer, ForeignKey("case_.id"), primary_key=True),
    Column(
        "main_id",
        Integer,
        ForeignKey("case_.id"),
        nullable=False,
        index=True,
        comment="the case that it was merged into",
    ),
)

amendment = Table(
    "amendment",
    metadata,
    Column("case_id", Integer, ForeignKey("case_.id"), primary_key=True),
    Column(
        "n", Integer, primary_key=True, comment="1, 2, 3 …; the newest holds the case's answers"
    ),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column(
        "submission_id",
        Integer,
        ForeignKey("submission.id"),
        nullable=False,
        comment="the row that said otherwise",
    ),
    Column("answers", Text, nullable=False, comment="typed values by field id as amended, JSON"),
    Column("changes", Text, nullable=False, comment="JSON: field id → [old, new]"),
    sqlite_with_rowid=False,
)

kin = Table(
    "kin",
    metadata,
    Column(
        "key",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="stands for who reported on what",
    ),
    Column("case_id", Integer, ForeignKey("case_.id"), primary_key=True),
    sqlite_with_rowid=False,
)

likeness = Table(
    "likeness",
    metadata,
    Column("case_id", Integer, ForeignKey("case_.id"), primary_key=True),
    Column(
        "other_id",
        Integer,
        ForeignKey("case_.id"),
        primary_key=True,
        comment="an older case that may be the same matter",
    ),
    Column("details", Text, nullable=False, comment="JSON: why"),
    sqlite_with_rowid=False,
)

document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("number", String, nullable=False),
    Column("matter_id", Integer, ForeignKey("matter.id"), index=True),
    Column("department", String),
    Column("period", String),
    Column("path", String, nullable=False, comment="below the run folder"),
    Column("media_type", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("form", Integer, nullable=False, default=0),
    Column(
        "issue", Integer, nullable=False, default=0, comment="forms: 1, 2, 3 … for the same matter"
    ),
    Column(
        "code",
        String,
        comment=(
            "the check code of what may come back; null: no form, or issued before there were codes"
        ),
    ),
    UniqueConstraint("run_id", "path"),
)

waiting_form = Table(
    "waiting_form",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "number",
        String,
        nullable=False,
        index=True,
        comment="of the decision to take; its options share it",
    ),
    Column("option", String, nullable=False, comment="A, B, C …"),
    Column(
        "reason", String, nullable=False, comment="the finding that says why a person must decide"
    ),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("file_id", Integer, ForeignKey("file.id"), nullable=False),
    Column("matter_id", Integer, ForeignKey("matter.id"), nullable=False, index=True),
    Column("form", String, nullable=False, comment="its kind"),
    Column("told", Text, nullable=False, comment="JSON: what the form says, as the judge told it"),
    Column("decided_run_id", Integer, ForeignKey("run.id"), comment="null: it still waits"),
    Column("decision", String, comment="taken, ignored"),
    Column("decided_by", String),
    UniqueConstraint("number", "option"),
)

summary_day = Table(
    "summary_day",
    metadata,
    Column("day", String, primary_key=True, comment="a day whose summary has been published"),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
)

upkeep = Table(
    "upkeep",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String, nullable=False, comment="ISO with offset"),
    Column("kind", String, nullable=False, comment="anonymise, restore"),
    Column("details", Text, nullable=False, comment="JSON"),
)
