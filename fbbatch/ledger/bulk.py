"""Many rows written, and many keys looked up, at once.

At the driver's speed where it counts parameters by position (SQLite).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import sqlalchemy as sa

SOUGHT: sa.BindParameter[Any] = sa.bindparam("sought", expanding=True)
"""Stands in a query for the keys that `seek` looks up: `column.in_(SOUGHT)`."""
_PARAMETERS = (
    900  # in one statement, as any SQLite takes; what it costs besides its rows is then forgotten
)
_KEYS = 500


def put(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]], **fixed: Any
) -> None:
    """Insert rows.

    Args:
        connection: in a transaction.
        table: into it.
        rows: their values in the order of the table's columns, without the fixed ones.
        fixed: values by column that all rows share.
    """
    if connection.dialect.paramstyle != "qmark":
        names = [name for name in table.columns.keys() if name not in fixed]  # noqa: SIM118 - it gives columns, not keys
        if rows:
            connection.execute(
                table.insert(), [{**fixed, **dict(zip(names, row, strict=True))} for row in rows]
            )
        return
    cursor, shared = connection.connection.cursor(), tuple(fixed.values())
    at_once = _PARAMETERS // (len(table.c) - len(fixed))
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        cursor.execute(
            _insert(table, tuple(fixed), len(some)), (*shared, *chain.from_iterable(some))
        )


@lru_cache(maxsize=128)
def _insert(table: sa.Table, fixed: tuple[str, ...], n_rows: int) -> str:
    columns = table.c.keys()
    places = {name: f"?{place}" for place, name in enumerate(fixed, 1)}
    n_free, rows = len(columns) - len(fixed), []
    for first in range(len(fixed) + 1, len(fixed) + 1 + n_rows * n_free, n_free):
        free = iter(range(first, first + n_free))
        rows.append(f"({', '.join(places.get(name) or f'?{next(free)}' for name in columns)})")
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES {", ".join(rows)}'  # noqa: S608 - our own names


def seek(
    connection: sa.Connection, query: sa.Select[Any], keys: Sequence[Any]
) -> Iterator[Sequence[Any]]:
    """The rows of a query that has `SOUGHT` once, for many keys."""
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        if connection.dialect.paramstyle == "qmark":
            text, before, after = _select(query, connection.dialect, len(some))
            yield from connection.exec_driver_sql(text, (*before, *some, *after))
        else:
            yield from connection.execute(query, {"sought": some})


@lru_cache(maxsize=64)
def _select(
    query: sa.Select[Any], dialect: sa.Dialect, n_keys: int
) -> tuple[str, list[Any], list[Any]]:
    """The query for so many keys, and its other parameters before and after them."""
    compiled = query.compile(dialect=dialect)
    names = list(compiled.positiontup or ())
    place, values = names.index("sought"), compiled.params
    before, after = (
        [values[name] for name in names[:place]],
        [values[name] for name in names[place + 1 :]],
    )
    return (
        str(compiled).replace("(__[POSTCOMPILE_sought])", f"({', '.join('?' * n_keys)})"),
        before,
        after,
    )
