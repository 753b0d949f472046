"""Matters that the batch opens by itself: once in each month, quarter or year."""

import datetime as dt
from typing import NamedTuple

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
    opened = ledger.matters_opened(process.number, period.first, period.last)
    if any(facts.text("period") == period.name for facts in opened):
        return
    leads = Details(department=_lead(rules, opening.lead))
    steps = [
        Transition(
            state,
            document=BY_TIME,
            by="batch",
            happened_on=rules.today,
            recorded_at=rules.record.as_of,
            run=rules.record.name,
            details=leads,
        )
        for state in process.begins
    ]
    ledger.open_matter(
        rules.record,
        process.id,
        process.number,
        facts={"period": period.name},
        steps=steps,
    )


class Period(NamedTuple):
    """A month, quarter or year: its name (`2026-11`, `2026-Q4`, `2026`) and its days."""

    name: str
    first: dt.date
    last: dt.date


def period_of(day: dt.date, every: str) -> Period:
    """The period that a day is in.

    Args:
        day: any day of it.
        every: `month`, `quarter` or `year`.
    """
    n_months = _MONTHS[every]
    begin = day.month - (day.month - 1) % n_months
    first = day.replace(month=begin, day=1)
    # a day of the month after the period: no month has 32 days
    beyond = first + dt.timedelta(days=31 * n_months)
    last = beyond.replace(day=1) - dt.timedelta(days=1)
    return Period(_name(first, every), first, last)


_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _name(first: dt.date, every: str) -> str:
    """The name of the period that begins on a day."""
    if every == "month":
        return f"{first:%Y-%m}"
    if every == "year":
        return f"{first:%Y}"
    return f"{first:%Y}-Q{first.month // 3 + 1}"


def _lead(rules: Rules, lead: str) -> str:
    """The department of whoever holds a role first, or the department itself."""
    holders = rules.book.holders(lead)
    return holders[0].department if holders else lead
