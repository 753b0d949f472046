"""How rows are written: many at once, and the steps of a case."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.model import Case, Transition


def bulk(connection: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]], n_rows: int) -> None:
    """Insert many rows, all columns in the table's order; at the driver's speed where it counts by position."""
    if not n_rows:
        return
    if connection.dialect.paramstyle == "qmark":
        marks = ", ".join("?" * len(table.c))
        names = ", ".join(f'"{column.name}"' for column in table.c)
        cursor = connection.connection.cursor()
        cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # type: ignore[arg-type]  # noqa: S608 - our own names; any iterable will do
        return
    connection.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])


def append_steps(connection: sa.Connection, run_id: int, case: Case, steps: Sequence[Transition]) -> None:
    """Append steps to a case's history; a step's `department` and `due_on` stand in columns of their own."""
    if not steps:
        return
    connection.execute(t.open_case.delete().where(t.open_case.c.case_id == case.id))
    if steps[-1].to != "closed":
        connection.execute(t.open_case.insert().values(case_id=case.id))
    last = connection.execute(sa.select(sa.func.max(t.transition.c.n)).where(t.transition.c.case_id == case.id)).scalar() or 0
    for n, step in enumerate(steps, last + 1):
        details = {key: value for key, value in step.details.items() if key not in {"department", "due_on"}}
        connection.execute(
            t.transition.insert().values(
                case_id=case.id, n=n, run_id=run_id, to_state=step.to, document=step.document, by_whom=step.by,
                happened_on=step.happened_on.isoformat(), recorded_at=step.recorded_at.isoformat(), department=step.details.get("department"),
                due_on=step.details.get("due_on"), details=orjson.dumps(details).decode(),
            )
        )  # fmt: skip
