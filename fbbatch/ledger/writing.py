"""How matters are opened, and how their steps are written."""

import datetime as dt
from collections.abc import Mapping, Sequence

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.model import Transition

_OWN_COLUMNS = ("department", "due_on")


def append_steps(
    connection: sa.Connection,
    run_id: int,
    matter_id: int,
    steps: Sequence[Transition],
    *,
    is_open: bool,
) -> None:
    """Append steps to a matter's history.

    A step's `department` and `due_on` stand in columns of their own.

    Args:
        connection: in a transaction.
        run_id: the run's.
        matter_id: of the matter whose steps they are.
        steps: in their order.
        is_open: whether the matter is still in hand after them.
    """
    if not steps:
        return
    connection.execute(t.open_matter.delete().where(t.open_matter.c.matter_id == matter_id))
    if is_open:
        connection.execute(t.open_matter.insert().values(matter_id=matter_id))
    newest = sa.select(sa.func.max(t.transition.c.n)).where(t.transition.c.matter_id == matter_id)
    last = connection.execute(newest).scalar() or 0
    for n, step in enumerate(steps, last + 1):
        details = step.details.encode()
        own = {name: details.pop(name, None) for name in _OWN_COLUMNS}
        connection.execute(
            t.transition.insert().values(
                matter_id=matter_id,
                n=n,
                run_id=run_id,
                to_state=step.to,
                document=step.document,
                by_whom=step.by,
                happened_on=step.happened_on.isoformat(),
                recorded_at=step.recorded_at.isoformat(),
                details=orjson.dumps(details).decode(),
                **own,
            )
        )


def last_serial(connection: sa.Connection, day: dt.date, begin: str = t.CASES_BEGIN) -> int:
    """The last serial number of a day, of numbers that begin so; 0 where there is none."""
    query = sa.select(t.matter.c.number).where(t.numbered_on(day, begin))
    number = connection.execute(query.order_by(t.matter.c.id.desc()).limit(1)).scalar()
    return int(number.rpartition("-")[2]) if number else 0


def open_with_steps(
    connection: sa.Connection,
    run_id: int,
    process: str,
    begin: str,
    day: dt.date,
    facts: Mapping[str, object],
    steps: Sequence[Transition],
) -> None:
    """Write down a matter that no feedback opened, and its first steps.

    Args:
        connection: in a transaction.
        run_id: the run's.
        process: the id of the one by which it is handled.
        begin: what the numbers of that process begin with.
        day: the day that stands in its number.
        facts: what opened it, ready for JSON.
        steps: in their order.
    """
    ids = [sa.select(sa.func.max(of.c.id)) for of in (t.submission, t.matter)]
    new_id = max(connection.execute(query).scalar() or 0 for query in ids) + 1
    number = f"{t.number_prefix(day, begin)}{last_serial(connection, day, begin) + 1:04d}"
    told = orjson.dumps(dict(facts)).decode()
    row = {"id": new_id, "process": process, "number": number, "facts": told}
    connection.execute(t.matter.insert().values(**row))
    append_steps(connection, run_id, new_id, steps, is_open=True)
