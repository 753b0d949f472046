"""The one place that lifts what makes the ledger append-only.

Only forgetting people (`anonymise`) and removing a run that came to nothing (`unfinished`) may ask.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from fbbatch.ledger.store import Ledger


@contextmanager
def rewriting(ledger: Ledger, *, keep: bool) -> Iterator[sa.Connection]:
    """A transaction within which nothing is append-only.

    Args:
        ledger: the ledger.
        keep: False to undo all of it at the end (a rehearsal).
    """
    with ledger.reading() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
            # the driver begins none for what changes triggers
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            triggers = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
            ).all()
            lift = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
            put_back = [sql for _, sql in triggers]
        else:
            tables = ("transition", "classification", "ruling", "submission", "case_", "amendment")
            lift = [f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in tables]
            put_back = [f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in tables]
        for statement in lift:
            connection.exec_driver_sql(statement)
        yield connection
        for statement in put_back:
            connection.exec_driver_sql(statement)
        if keep:
            connection.commit()
        else:
            connection.rollback()
