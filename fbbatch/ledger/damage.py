"""Where a ledger is damaged: pages SQLite cannot read, values that nobody has written so."""

import datetime as dt
import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import exc

from fbbatch.ledger import tables as t
from fbbatch.model import MATTER_NUMBER

_MOST = 3  # of what is told about one table
_OUTCOMES = frozenset(
    {
        "open",
        "accepted",
        "partly",
        "returned",
        "duplicate",
        "step",
        "set_aside",
        "quarantined",
        "deferred",
    }
)
_DAYS = frozenset({"registered_on", "happened_on", "due_on", "told_on", "day", "period"})
_TIMES = frozenset({"as_of", "started_at", "finished_at", "recorded_at", "at"})
_LISTS = frozenset({"cells", "columns"})
_MAPPINGS = frozenset({"answers", "changes", "evidence", "details", "facts"})
_CODE = re.compile(r"[\w.-]+")
_RUN = re.compile(r"\d{8}-\d{3,}")
REFUSALS = (exc.DBAPIError, sqlite3.Error, UnicodeDecodeError)
"""How the database refuses; what it says of a damaged schema may be no text."""


def reason(error: Exception) -> str:
    """What a refusal says, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return "malformed database schema"
    return str(getattr(error, "orig", error)).splitlines()[0]


def damaged(connection: sa.Connection) -> Iterator[str]:
    """What is damaged, table by table.

    Such as `table case_: Tree 5 page 7: …` or `table case_: answers of row 3`.
    """
    names = [table.name for table in t.metadata.sorted_tables]
    if connection.dialect.name == "sqlite":
        told = list(_told_by_sqlite(connection))
        yield from told
        if told:
            return
    for name in names:
        yield from _unreadable(connection, t.metadata.tables[name])


def _told_by_sqlite(connection: sa.Connection) -> Iterator[str]:
    """What SQLite says of its pages: each table with its indexes, then the file as a whole."""
    found = False
    for name in _tables(connection):
        if told := _checked(connection, f'quick_check("{name}")'):
            found = True
            yield f"table {name}: {told}"
    if not found and (told := _checked(connection, "quick_check")):
        yield told


def _tables(connection: sa.Connection) -> list[str]:
    try:
        rows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rootpage"
        ).all()
    except REFUSALS:
        return list(t.metadata.tables)
    return [str(name) for (name,) in rows if '"' not in str(name)]


def _checked(connection: sa.Connection, check: str) -> str:
    """The first thing that a check of SQLite finds; `''` where there is none."""
    try:
        lines = [str(text) for (text,) in connection.exec_driver_sql(f"PRAGMA {check}")]
    except REFUSALS as error:
        return reason(error)
    told = [
        line for text in lines for line in text.split("\n") if line and not line.startswith("***")
    ]
    return "" if told == ["ok"] else told[0]


def _unreadable(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """Values of a table that nobody has written so: of another type, no day, no JSON, no state."""
    key = [column.name for column in table.primary_key]
    n_told = 0
    try:
        for values in connection.execute(sa.select(table)):
            row = dict(zip(table.columns.keys(), values, strict=True))
            wrong = [
                column.name
                for column in table.columns
                if not _is_sound(table, column, row[column.name])
            ]
            if wrong:
                place = " ".join(str(row[name]) for name in key if isinstance(row[name], int))
                yield f"table {table.name}: {', '.join(wrong)} of row {place}"
                n_told += 1
            if n_told == _MOST:
                return
    except REFUSALS as error:
        yield f"table {table.name}: {reason(error)}"


def _is_sound(table: sa.Table, column: sa.Column[Any], value: Any) -> bool:
    """True for a value as it may stand in a column."""
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, sa.Integer):
        return isinstance(value, int)
    if isinstance(column.type, sa.LargeBinary):
        return isinstance(value, bytes)
    if not isinstance(value, str):
        return False
    check = _checks(table.name).get(column.name)
    return check is None or check(value)


def _checks(table: str) -> dict[str, Callable[[str], bool]]:
    """How the texts of a table's columns must look."""
    return {
        **dict.fromkeys(_DAYS, _is_day),
        **dict.fromkeys(_TIMES, _is_time),
        **dict.fromkeys(_LISTS, lambda text: isinstance(_json(text), list)),
        **dict.fromkeys(_MAPPINGS, lambda text: isinstance(_json(text), dict)),
        "told": lambda text: _json(text) is not None,
        **dict.fromkeys(("schema_id", "department", "document", "source", "channel"), _is_code),
        **_OWN.get(table, {}),
    }


def _is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


_OWN: dict[str, dict[str, Callable[[str], bool]]] = {
    "run": {"name": lambda text: _RUN.fullmatch(text) is not None},
    "file": {"outcome": _OUTCOMES.__contains__},
    "submission": {"outcome": _OUTCOMES.__contains__},
    "finding": {
        "severity": frozenset({"error", "warning", "note"}).__contains__,
        "code": lambda text: text.startswith("FB-") and _is_code(text),
    },
    "matter": {
        "number": lambda text: MATTER_NUMBER.fullmatch(text) is not None,
        "process": _is_code,
    },
    "transition": {"to_state": _is_code},
    "ruling": dict.fromkeys(("kind", "type", "severity"), _is_code),
}


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
