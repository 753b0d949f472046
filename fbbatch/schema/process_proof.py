"""What follows from a process as a whole: where its steps lead, and what cannot be reached.

A process is a graph: its states, and the steps between them. What is proved here holds for every
order in which forms may come.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from fbbatch.schema.process import Never, Process, Step


class Way(NamedTuple):
    """A way from a state to another; `form` is the form that takes it, None: time does."""

    before: str
    after: str
    form: str | None


def ways(process: Process) -> Iterator[Way]:
    """Every way that a step or the passing of time may take.

    A fact with a target may come in any state that is no end, and also takes back what is done.
    """
    for step in process.steps:
        for before in _states_before(process, step):
            for after in step.targets:
                yield Way(before, after, step.form)
    for passing in process.time:
        for state in [passing.to] if passing.to else process.states:
            yield Way(passing.in_state, state, None)


def _states_before(process: Process, step: Step) -> list[str]:
    return step.from_states or process.states


def reachable(process: Process, *, without: Collection[str] = ()) -> set[str]:
    """The states to which a matter may come, from where it begins.

    Args:
        process: the process.
        without: states and forms that are left out.
    """
    found = {state for state in process.begins if state not in without}
    edges = [way for way in ways(process) if way.form not in without]
    waiting = list(found)
    while waiting:
        state = waiting.pop()
        for way in edges:
            if way.before == state and way.after not in found and way.after not in without:
                found.add(way.after)
                waiting.append(way.after)
    return found


def traps(process: Process) -> list[str]:
    """The states from which no end can be reached, in their order."""
    leads = set(process.ends)
    edges = list(ways(process))
    is_growing = True
    while is_growing:
        more = {way.before for way in edges if way.after in leads} - leads
        leads |= more
        is_growing = bool(more)
    return [state for state in process.states if state not in leads]


def idle(process: Process) -> list[str]:
    """The states in which nothing is waited for and nothing happens by itself, though no ends."""
    timed = {passing.in_state for passing in process.time}
    return [
        state
        for state in process.states
        if state not in process.ends and not process.awaited(state) and state not in timed
    ]


def never_issued(process: Process) -> list[str]:
    """The forms that move a matter and that nobody is ever handed."""
    issued = {kind for kinds in process.issues.values() for kind in kinds}
    return [step.form for step in process.steps if not step.is_fact and step.form not in issued]


def is_kept(never: Never, process: Process) -> bool:
    """True where a process does not do what it must never do."""
    if never.reach:
        return never.reach not in reachable(process, without=never.without)
    may_sign = set(process.step(never.take or "").signed_by.get(never.unsigned or "", ()))
    is_loose = not may_sign or "anyone" in may_sign
    return not is_loose and (not never.only or may_sign == set(never.only))
