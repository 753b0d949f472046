"""Where a ledger is damaged: pages that SQLite cannot read, and values that nobody has written so."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import exc

from fbbatch.ledger import tables as t
from fbbatch.model import CASE_NUMBER
from fbbatch.workflow import STATES

_TREE = re.compile(r"\b[Tt]ree (\d+)\b")
_INDEX = re.compile(r"\bindex (\w+)")
_COLUMN = re.compile(r"\bin (\w+)\.(\w+)")
_MOST = 3  # of what is told about one table
_OUTCOMES = frozenset({
    "open", "accepted", "partly", "returned", "duplicate", "step", "set_aside", "quarantined", "deferred",
})  # fmt: skip
_DAYS = frozenset({"registered_on", "happened_on", "due_on", "told_on", "day", "period"})
_TIMES = frozenset({"as_of", "started_at", "finished_at", "recorded_at", "at"})
_LISTS = frozenset({"cells", "columns"})
_MAPPINGS = frozenset({"answers", "changes", "evidence", "details"})
_CODE = re.compile(r"[\w.-]+")
_RUN = re.compile(r"\d{8}-\d{3,}")


def damaged(connection: sa.Connection) -> Iterator[str]:
    """What is damaged, table by table: `table case_: Tree 5 page 7: …`, `table case_: answers of row 3`."""
    names = [table.name for table in t.metadata.sorted_tables]
    if connection.dialect.name == "sqlite":
        told = list(_told_by_sqlite(connection))
        yield from told
        if told:
            return
    for name in names:
        yield from _unreadable(connection, t.metadata.tables[name])


def _told_by_sqlite(connection: sa.Connection) -> Iterator[str]:
    """What SQLite says of its pages, with the tables that they belong to; each table is read in turn where it does not say."""
    try:
        told = [line for (text,) in connection.exec_driver_sql("PRAGMA quick_check(20)") for line in str(text).split("\n")]
    except exc.DatabaseError as error:
        told = [str(error.orig)]
    told = [line for line in told if line and not line.startswith("***")]
    if told == ["ok"]:
        return
    named = _tables_in(connection, told)
    if not named:
        named = {name: "cannot be read" for name in t.metadata.tables if not _is_readable(connection, name)}
    yield from (f"table {name}: {line}" for name, line in sorted(named.items()))
    if not named:
        yield told[0]


def _tables_in(connection: sa.Connection, told: list[str]) -> dict[str, str]:
    """The tables that lines of a check speak of: by a root page, by an index, or by name; each with its first line."""
    try:
        rows = connection.exec_driver_sql("SELECT rootpage, name, tbl_name FROM sqlite_master").all()
    except exc.DatabaseError:
        return {}
    by_page = {page: table for page, _, table in rows if page}
    by_name = {name: table for _, name, table in rows}
    found: dict[str, str] = {}
    for line in told:
        tree, index, column = _TREE.search(line), _INDEX.search(line), _COLUMN.search(line)
        table = (
            (by_page.get(int(tree[1])) if tree else None)
            or (by_name.get(index[1]) if index else None)
            or (by_name.get(column[1]) if column else None)
        )
        if table:
            found.setdefault(str(table), line)
    return found


def _is_readable(connection: sa.Connection, name: str) -> bool:
    try:
        for _ in connection.execute(sa.select(t.metadata.tables[name])):
            pass
    except exc.DatabaseError:
        return False
    return True


def _unreadable(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """Values of a table that nobody has written so: of another type, no day, no JSON, no state."""
    key = [column.name for column in table.primary_key]
    n_told = 0
    try:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        for row in connection.exec_driver_sql(f'SELECT {columns} FROM "{table.name}"').mappings():  # noqa: S608 - our own names
            wrong = [column.name for column in table.columns if not _is_sound(table, column, row[column.name])]
            if wrong:
                place = " ".join(str(row[name]) for name in key if isinstance(row[name], int))
                yield f"table {table.name}: {', '.join(wrong)} of row {place}"
                n_told += 1
            if n_told == _MOST:
                return
    except exc.DatabaseError as error:
        yield f"table {table.name}: {error.orig}"


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
    "case_": {"number": lambda text: CASE_NUMBER.fullmatch(text) is not None},
    "transition": {"to_state": frozenset(STATES).__contains__},
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
