"""Forms that wait for a person's decision. Source: N2.

They are written down with their file, and decided by a paper that comes back.
"""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.messages import decode_form, encode_form
from fbbatch.model import FilledForm, WaitingForm

TAKEN, IGNORED, PASSED = "taken", "ignored", "passed"


_QUERY = (
    sa.select(
        t.waiting_form.c.id,
        t.waiting_form.c.number,
        t.waiting_form.c.option,
        t.waiting_form.c.reason,
        t.matter.c.number.label("case"),
        t.waiting_form.c.form,
        t.waiting_form.c.told,
        t.run.c.name,
    )
    .join(t.matter, t.matter.c.id == t.waiting_form.c.matter_id)
    .join(t.run, t.run.c.id == t.waiting_form.c.run_id)
    .where(t.waiting_form.c.decided_run_id.is_(None))
    .order_by(t.waiting_form.c.id)
)


def waiting_forms(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> list[WaitingForm]:
    """The forms that wait, oldest first."""
    rows = connection.execute(_QUERY.where(*conditions)).all()
    return [
        WaitingForm(i, number, option, reason, case, form, decode_form(told), run)
        for i, number, option, reason, case, form, told, run in rows
    ]


def put_waiting(
    connection: sa.Connection,
    *,
    run_id: int,
    file_id: int,
    matter_id: int,
    told: FilledForm,
    reason: str,
    day: dt.date,
    number: str | None,
) -> str:
    """Write down that a form waits; the number of its decision.

    It is a further option of the decision `number`, or of a new one where that is None.
    """
    w = t.waiting_form.c
    if number is None:
        prefix = f"W-{day:%Y%m%d}-"
        last = connection.execute(
            sa.select(sa.func.max(w.number)).where(w.number.between(prefix, f"{prefix}~"))
        ).scalar()
        number = f"{prefix}{int(last.rpartition('-')[2]) + 1 if last else 1:03d}"
    n_options = connection.execute(
        sa.select(sa.func.count()).where(w.number == number)
    ).scalar_one()
    row = {
        "run_id": run_id,
        "file_id": file_id,
        "matter_id": matter_id,
        "form": told.kind,
        "reason": reason,
    }
    connection.execute(
        t.waiting_form.insert().values(
            number=number, option=chr(ord("A") + n_options), told=encode_form(told), **row
        )
    )
    return number


def put_decision(
    connection: sa.Connection, ids: Sequence[int], run_id: int, decision: str, by: str
) -> None:
    """Write down what became of forms that waited."""
    if ids:
        closed = t.waiting_form.update().where(t.waiting_form.c.id.in_(ids))
        connection.execute(closed.values(decided_run_id=run_id, decision=decision, decided_by=by))
