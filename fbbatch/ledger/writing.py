"""How the steps of a case are written."""

from collections.abc import Sequence

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.model import Case, Transition


def append_steps(
    connection: sa.Connection, run_id: int, case: Case, steps: Sequence[Transition]
) -> None:
    """Append steps to a case's history.

    A step's `department` and `due_on` stand in columns of their own.
    """
    if not steps:
        return
    connection.execute(t.open_case.delete().where(t.open_case.c.case_id == case.id))
    if steps[-1].to != "closed":
        connection.execute(t.open_case.insert().values(case_id=case.id))
    last = (
        connection.execute(
            sa.select(sa.func.max(t.transition.c.n)).where(t.transition.c.case_id == case.id)
        ).scalar()
        or 0
    )
    for n, step in enumerate(steps, last + 1):
        details = {
            key: value for key, value in step.details.items() if key not in {"department", "due_on"}
        }
        connection.execute(
            t.transition.insert().values(
                case_id=case.id,
                n=n,
                run_id=run_id,
                to_state=step.to,
                document=step.document,
                by_whom=step.by,
                happened_on=step.happened_on.isoformat(),
                recorded_at=step.recorded_at.isoformat(),
                department=step.details.get("department"),
                due_on=step.details.get("due_on"),
                details=orjson.dumps(details).decode(),
            )
        )
