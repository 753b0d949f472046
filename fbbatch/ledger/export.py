"""Every table of the ledger, row by row, as plain data: for `export`.

A table that is added to the ledger is exported without a change here.
"""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.ledger.store import Ledger

_NAMES = {"case_": "case_rows"}
_JSON = {
    "submission": ("cells",),
    "sheet": ("columns",),
    "finding": ("details",),
    "matter": ("facts",),
    "case_": ("answers",),
    "transition": ("details",),
    "ruling": ("evidence", "details"),
    "amendment": ("answers", "changes"),
    "likeness": ("details",),
    "upkeep": ("details",),
}
_CHUNK = 2_000


def table_names() -> list[str]:
    """The names of the tables as they are exported, those first that others refer to."""
    return [str(_NAMES.get(table.name, table.name)) for table in t.metadata.sorted_tables]


def columns_of(name: str) -> list[str]:
    """The columns of an exported table.

    Its own, then the names of the run and the numbers of the matter and the case that it refers to.
    """
    table = _table(name)
    extra = [told for told, column in _REFERENCES if column in table.c and told not in table.c]
    return [*(str(column.name) for column in table.c), *extra]


_REFERENCES = (("run", "run_id"), ("matter", "matter_id"), ("case", "case_id"))
"""What is told of a reference, and the column that holds it."""


def rows_of(ledger: Ledger, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table by its primary key; JSON is parsed, bytes are hex."""
    table = _table(name)
    parsed = _JSON.get(table.name, ())
    query: sa.Select[Any] = sa.select(table)
    if "run_id" in table.c:
        query = query.add_columns(t.run.c.name.label("run")).join(
            t.run, t.run.c.id == table.c.run_id
        )
    for told, column in _REFERENCES[1:]:
        if column in table.c:
            numbered = t.matter.alias("numbered")
            query = query.add_columns(numbered.c.number.label(told)).outerjoin(
                numbered, numbered.c.id == table.c[column]
            )
    names = columns_of(name)
    with ledger.reading() as connection:
        ordered = query.order_by(*table.primary_key.columns)
        streaming = connection.execution_options(stream_results=True, yield_per=_CHUNK)
        with streaming.execute(ordered) as rows:
            for row in rows:
                yield {
                    key: _plain(value, parse=key in parsed)
                    for key, value in zip(names, row, strict=True)
                }


def _table(name: str) -> sa.Table:
    return t.metadata.tables[next((own for own, told in _NAMES.items() if told == name), name)]


def _plain(value: Any, *, parse: bool) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if not parse or value is None:
        return value
    return orjson.loads(value)
