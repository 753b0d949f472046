"""By when a form of a matter is wanted back: the one answer that forms, lists and reminders give.

Pure. A period runs from the step that asks for the form, not from the day on which a paper about it
is printed: a form that is issued once more is wanted by the same day. Source: 4.12, 5.1.2a.
"""

import datetime as dt

from fbbatch.deadlines import Deadlines
from fbbatch.model import Transition
from fbbatch.schema.process import DUE_ON
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import entered

_END_OF_DAY = dt.time(23, 59)
_CONTAIN_WITHIN = "T03a"


def due(
    matter: Matter,
    form: str,
    deadlines: Deadlines,
    zone: dt.tzinfo | None,
    *,
    part: str | None = None,
) -> dt.datetime | None:
    """The last moment for a form, in the company's zone; None where nothing sets one.

    Args:
        matter: of which it is.
        form: the kind of form.
        deadlines: the company's periods.
        zone: the company's.
        part: the cooperating department whose own form is meant; None: what moves the matter on.
    """
    clock, due_on = matter.process.step(form).clock, matter.facts.due_on
    if clock == DUE_ON:
        return dt.datetime.combine(due_on, _END_OF_DAY, zone) if due_on else None
    if clock is None or not matter.history:
        return None
    begun = parts_asked(matter) if part else _asking(matter, form)
    until = deadlines.until(clock, matter.facts.severity, begun.recorded_at.astimezone(zone))
    return until.astimezone(zone) if until else None


def contained_by(
    matter: Matter, deadlines: Deadlines, zone: dt.tzinfo | None
) -> dt.datetime | None:
    """By when a severe problem is to be contained, from its assignment on. Source: 5.1.2a, T03a."""
    begun = entry(matter).recorded_at.astimezone(zone)
    return deadlines.until(_CONTAIN_WITHIN, matter.facts.severity, begun)


def parts_asked(matter: Matter) -> Transition:
    """The step since which the cooperating departments are asked for forms of their own.

    That is the beginning of the states in which they are, or the end of a hold after it.
    """
    return entered(matter.history, matter.process.parts_asked_in)


def _asking(matter: Matter, form: str) -> Transition:
    """The step since which a form is asked for: of a fact that is not waited for, the newest."""
    is_of_state = form == matter.standing.expected or not matter.process.step(form).is_fact
    return entry(matter) if is_of_state else matter.history[-1]


def entry(matter: Matter) -> Transition:
    """The step with which the matter came to where it stands."""
    return entered(matter.history, {matter.history[-1].to})
