"""Decisions that no table can say: whereto a form leads, by what it answers. Pure.

A step of a process calls one by its name (`schemas/processes/*.yaml`).

Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Details, Finding, ReturnedForm
from fbbatch.workflow.standing import HELD, Move, Standing

LOW_SCORE = 2
_SCORES = ("overall", "result", "speed", "attitude", "communication")


class Decision(NamedTuple):
    """Whereto a form leads; without moves it does nothing, and the findings say why.

    `opens_sequel`: another matter is opened in place of this one. Source: T16.
    """

    moves: tuple[Move, ...] = ()
    findings: tuple[Finding, ...] = ()
    opens_sequel: bool = False


class On(NamedTuple):
    """The day on which something is decided, and for how long what is done may be reopened."""

    today: dt.date
    reopen_days: int


Decide = Callable[[Standing, ReturnedForm, On], Decision]


def _accept_or_pass_on(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """A department takes a case, or proposes another. Source: 5.1.1b."""
    del on
    values = form.values
    if values["verdict"] == "accept":
        return Decision((Move("accepted", Details(responsible=values["responsible"])),))
    refused = Details(verdict="not_ours", reason=values["reason"])
    passed_on = Details(department=values["proposed_department"], rule="proposal")
    return Decision((Move(standing.process.first, refused), Move("assigned", passed_on)))


def _begin(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """An inspection finds that a plan is being carried out. Source: 5.3.2."""
    del on
    is_begun = standing.state == "planned" and (form.values.get("percent") or 0) > 0
    return Decision((Move("in_progress" if is_begun else standing.state),))


def _report_result(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """What came of the measures; unsolved, the case stays where it is. Source: 5.4.1a."""
    del on
    outcome = form.values["outcome"]
    state = standing.state if outcome == "unsolved" else "awaiting_verification"
    return Decision((Move(state, Details(outcome=outcome)),))


def _verify(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """A result passes, or a new round begins. Source: 5.4.2a."""
    del on
    conclusion = form.values["conclusion"]
    if conclusion == "fail":
        return Decision((Move("accepted", Details(verdict="failed")),))
    is_partly = conclusion == "conditional" and standing.outcome == "solved"
    return Decision((Move("verified", Details(outcome="partly" if is_partly else None)),))


def _send_letter(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """A letter was sent; an interim one leaves the case where it is. Source: 5.5.1a."""
    del on
    if _is_interim(standing, form):
        return Decision((Move(standing.state, Details(interim=True)),))
    return Decision((Move("replied" if standing.is_open else "closed"),))


def _close_by_survey(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """The reporter has answered the survey. Source: 5.5.1c."""
    del standing, on
    review = Details(review=is_dissatisfied(form.values))
    return Decision((Move("replied", review), Move("closed")))


def is_dissatisfied(values: Mapping[str, Any]) -> bool:
    """True for a survey that asks for a second look: not solved, or a score of 2 or less.

    Source: 5.5.1c.
    """
    scores = [values[name] for name in _SCORES if values.get(name) is not None]
    return values.get("solved") == "no" or any(score <= LOW_SCORE for score in scores)


def _decide(standing: Standing, form: ReturnedForm, on: On) -> Decision:
    """What a coordination sheet decides. Source: 5.3.3."""
    decision = form.values["decision"]
    if decision == "continue":
        return _continue(standing, form)
    if decision == "reopen":
        return _reopen(standing, on)
    if not standing.is_open:
        return Decision(findings=(finding("FB-step-closed", on=standing.closed_on),))
    return Decision((_ENDINGS[decision](standing, form.values),))


def _continue(standing: Standing, form: ReturnedForm) -> Decision:
    move = Move(standing.state)
    if standing.state == HELD:
        move = resume(standing, form.happened_on)
    if standing.decided and standing.is_open:
        move = move._replace(details=move.details._replace(decided=False))
    return Decision((move,))


def _reopen(standing: Standing, on: On) -> Decision:
    if standing.is_open or standing.closed_on is None:
        return Decision(findings=(finding("FB-reopen-open"),))
    if (on.today - standing.closed_on).days > on.reopen_days:
        late = finding("FB-reopen-late", on=standing.closed_on, days=on.reopen_days)
        return Decision((Move(standing.state),), (late,), opens_sequel=True)
    again = Details(verdict="reopened", department=standing.department, rule="reopened")
    return Decision((Move("assigned", again),))


def _hold(standing: Standing, values: Mapping[str, Any]) -> Move:
    return Move(
        HELD,
        Details(
            held_until=values["hold_until"],
            reason=values["reason"],
            held_from=standing.held_from or standing.state,
        ),
    )


def _merge(standing: Standing, values: Mapping[str, Any]) -> Move:
    del standing
    return merged_into(values["main_case"])


def merged_into(main_case: str) -> Move:
    """The end of a case that is handled as part of another."""
    return Move(
        "closed",
        Details(outcome="duplicate", main_case=main_case, decided=True),
    )


def _close_without_measure(standing: Standing, values: Mapping[str, Any]) -> Move:
    decided = Details(outcome=values["outcome"], decided=True, reason=values["reason"])
    return Move(standing.worked_on, decided)


_ENDINGS = {
    "hold": _hold,
    "merge": _merge,
    "close_without_measure": _close_without_measure,
}


def resume(standing: Standing, day: dt.date) -> Move:
    """The end of a hold on a day: back to the state before it, the held days counted."""
    since = standing.held_since or day
    held_days = max(0, (day - since).days)
    return Move(
        standing.held_from or "accepted",
        Details(held_days=held_days),
        max(day, since),
    )


def _is_interim_letter(standing: Standing, form: ReturnedForm) -> bool:
    """True for the record of a letter that leaves the case where it is.

    It does so whatever has been written since.
    """
    return standing.outcome == "duplicate" or _is_interim(standing, form)


def _is_interim(standing: Standing, form: ReturnedForm) -> bool:
    """True for the record of an interim letter.

    Left blank it is what was drafted, and that depends on the state.
    """
    is_settled = standing.decided or not standing.is_open
    is_before = not is_settled and standing.state not in {"verified", "replied"}
    return bool(form.values.get("letter", "interim" if is_before else "") == "interim")


DECISIONS: dict[str, Decide] = {
    "accept_or_pass_on": _accept_or_pass_on,
    "begin": _begin,
    "report_result": _report_result,
    "verify": _verify,
    "send_letter": _send_letter,
    "close_by_survey": _close_by_survey,
    "decide": _decide,
}
"""Whereto a form leads, by the name that a step calls it by."""
ASIDE: dict[str, Callable[[Standing, ReturnedForm], bool]] = {
    "interim_letter": _is_interim_letter,
}
"""Which forms of a kind leave the matter where it is, by the name that a step calls it by."""
