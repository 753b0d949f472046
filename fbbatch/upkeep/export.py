"""`export`: everything in the ledger, in files that any program reads.

That is the cases with words, and every table as it is.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fbbatch import failpoints, lasting
from fbbatch.errors import NotFoundError, StorageError
from fbbatch.ledger import Ledger
from fbbatch.ledger.export import columns_of, rows_of, table_names
from fbbatch.schema import Book
from fbbatch.upkeep.agreement import Progress
from fbbatch.upkeep.export_formats import (
    CsvWriter,
    ExportTable,
    JsonlWriter,
    TableWriter,
    XlsxWriter,
)

FORMATS = ("csv", "jsonl", "xlsx")
_WORDED = ("source", "channel", "kind", "type", "severity", "state")
_FACTS = (
    "number",
    "registered_on",
    "registered_at",
    "schema",
    *_WORDED,
    "department",
    "cooperating",
    "assignment_rule",
    "due_on",
    "due_rule",
    "escalations",
    "evidence",
    "run",
    "file",
    "sheet",
    "row",
)
_ABOUT_FIELDS = ("schema", "version", "kind", "field", "type", "personal", "label", "clause")


def export(
    ledger: Ledger, book: Book, language: str, folder: Path, kind: str, progress: Progress
) -> dict[str, int]:
    """Write the ledger out; the caller holds the lock, so that all of it is of one instant.

    Args:
        ledger: the ledger.
        book: the schemas, for the words.
        language: of the words.
        folder: it appears when it is complete; it must not be there, or be empty.
        kind: csv, jsonl or xlsx.
        progress: told how many tables are done.

    Returns:
        the number of rows by table.

    Raises:
        NotFoundError: the folder holds something.
        StorageError: the disk refused; nothing has appeared.
    """
    if folder.exists() and any(folder.iterdir()):
        raise NotFoundError(f"{folder} is not empty; name a folder that is not there yet")
    stage = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700, parents=True)
        last = ledger.last_run()
        made = last.as_of if last else dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
        counts = _written(
            _writer(kind, stage, made), list(_tables(ledger, book, language)), progress
        )
        failpoints.reach("exporting")
        for path in stage.iterdir():
            path.chmod(0o600)
            lasting.sync_file(path)
        if folder.exists():
            folder.rmdir()
        stage.rename(folder)
        lasting.sync_folder(folder.parent)
    except OSError as error:
        raise StorageError(
            f"The export cannot be written: {error.strerror or error}: {folder}"
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return counts


def _writer(kind: str, folder: Path, made: dt.datetime) -> TableWriter:
    match kind:
        case "csv":
            return CsvWriter(folder)
        case "jsonl":
            return JsonlWriter(folder)
        case "xlsx":
            return XlsxWriter(folder, made)
    raise NotFoundError(f"'{kind}' is none of: {', '.join(FORMATS)}")


def _written(writer: TableWriter, tables: list[ExportTable], progress: Progress) -> dict[str, int]:
    counts = {}
    for number, table in enumerate(tables, 1):
        counts[table.name] = writer.write(table)
        progress("tables", number, len(tables))
    writer.close()
    return counts


def _tables(ledger: Ledger, book: Book, language: str) -> Iterator[ExportTable]:
    yield _cases(ledger, book, language)
    yield ExportTable("fields", _ABOUT_FIELDS, _ABOUT_FIELDS, _fields(book, language))
    for name in table_names():
        columns = columns_of(name)
        yield ExportTable(name, columns, columns, rows_of(ledger, name))


def _cases(ledger: Ledger, book: Book, language: str) -> ExportTable:
    """The cases as they stand, with a column for every field that any of them has answered.

    The column stands under the field's label.
    """
    answered = dict.fromkeys(name for case in ledger.cases() for name in case.values)
    labels: dict[str, str] = {}
    for schema in book.sources:
        for field in schema.fields:
            labels.setdefault(field.id, field.label[language])
    ordered = [
        *(name for name in labels if name in answered),
        *sorted(name for name in answered if name not in labels),
    ]
    worded = [*_WORDED, "department"]
    columns = [
        *_FACTS,
        *(f"{name}_label" for name in worded),
        *(f"answer.{name}" for name in ordered),
    ]
    heads = [
        *_FACTS,
        *(f"{name}_label" for name in worded),
        *(f"{labels.get(name, '')} ({name})".strip() for name in ordered),
    ]
    return ExportTable("cases", columns, heads, _case_rows(ledger, book, language))


def _case_rows(ledger: Ledger, book: Book, language: str) -> Iterator[dict[str, Any]]:
    for case in ledger.cases():
        row: dict[str, Any] = {name: getattr(case, name) for name in _FACTS}
        row |= {f"{name}_label": book.word(name, row[name], language) for name in _WORDED}
        row["department_label"] = (
            book.department(case.department, language) if case.department else None
        )
        row = {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name, value in row.items()
        }
        yield row | {f"answer.{name}": value for name, value in case.values.items()}


def _fields(book: Book, language: str) -> Iterator[dict[str, Any]]:
    for schema in (*book.sources, *book.forms):
        for field in schema.fields:
            yield {
                "schema": schema.id,
                "version": schema.version,
                "kind": schema.kind,
                "field": field.id,
                "type": field.type,
                "personal": field.personal,
                "label": field.label[language],
                "clause": field.clause,
            }
