"""By when a form of a case is wanted back: the one answer that forms, lists and reminders give.

Pure. A period runs from the step that asks for the form, not from the day on which a paper about it
is printed: a form that is issued once more is wanted by the same day. Source: 4.12, 5.1.2a.
"""

import datetime as dt
from collections.abc import Sequence

from fbbatch.deadlines import Deadlines
from fbbatch.model import Case, Transition
from fbbatch.schema.process import Process
from fbbatch.workflow.standing import entered, parts_asked, replay

_END_OF_DAY = dt.time(23, 59)
_BY_THE_CASE = frozenset({"result", "inspection"})
"""What is wanted by the case's own due date."""
_FACTS = frozenset({"escalation", "impact", "coordination"})
"""What no state asks for: the newest step does."""


def due(
    case: Case,
    history: Sequence[Transition],
    form: str,
    process: Process,
    deadlines: Deadlines,
    zone: dt.tzinfo | None,
    *,
    part: str | None = None,
) -> dt.datetime | None:
    """The last moment for a form, in the company's zone; None where nothing sets one.

    Args:
        case: the case.
        history: all its steps so far.
        form: the kind of form.
        process: says which period is that of a form.
        deadlines: the company's periods.
        zone: the company's.
        part: the cooperating department whose measures are meant; None: what moves the case on.
    """
    if form in _BY_THE_CASE:
        return dt.datetime.combine(case.due_on, _END_OF_DAY, zone) if case.due_on else None
    clock = process.step(form).clock
    if clock is None or not history:
        return None
    begun = parts_asked(history) if part else _asking(history, form)
    until = deadlines.until(clock, case.severity, begun.recorded_at.astimezone(zone))
    return until.astimezone(zone) if until else None


def contained_by(
    case: Case, history: Sequence[Transition], deadlines: Deadlines, zone: dt.tzinfo | None
) -> dt.datetime | None:
    """By when a severe problem is to be contained, from its assignment on. Source: 5.1.2a, T03a."""
    begun = _entry(history).recorded_at.astimezone(zone)
    return deadlines.until("T03a", case.severity, begun)


def _asking(history: Sequence[Transition], form: str) -> Transition:
    """The step since which a form is asked for."""
    standing = replay(history)
    is_of_state = form == standing.expected or form not in _FACTS
    return _entry(history) if is_of_state else history[-1]


def _entry(history: Sequence[Transition]) -> Transition:
    """The step with which the case came to where it stands."""
    return entered(history, {history[-1].to})
