"""Matters that the batch opens by itself: once in each month, quarter or year."""

import datetime as dt

from fbbatch.ledger import Ledger
from fbbatch.model import Details, Transition
from fbbatch.schema.process import Opening, Process
from fbbatch.steps.rules import BY_TIME, Rules


def open_of_period(rules: Rules, ledger: Ledger, process: Process, opening: Opening) -> None:
    """Open the matter of the period that a run's day is in, where there is none yet.

    A run that is done again, and one after missed nights, opens it once; a period in which there
    was no run at all is told by nobody, so none is opened for it.
    """
    period = period_of(rules.today, opening.every)
    known = (facts.text("period") for facts, _ in ledger.matters(process=process.id))
    if period in known:
        return
    department = _lead(rules, opening.lead)
    at, run = rules.record.as_of, rules.record.name
    steps = [
        Transition(
            state,
            BY_TIME,
            "batch",
            rules.today,
            at,
            run,
            Details(department=department),
        )
        for state in process.begins
    ]
    ledger.open_matter(rules.record, process.id, process.number, {"period": period}, steps)


def period_of(day: dt.date, every: str) -> str:
    """The period that a day is in: `2026-11`, `2026-Q4` or `2026`."""
    if every == "month":
        return f"{day:%Y-%m}"
    if every == "quarter":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return str(day.year)


def _lead(rules: Rules, lead: str) -> str:
    """The department of whoever holds a role first, or the department itself."""
    holders = rules.book.holders(lead)
    return holders[0].department if holders else lead
