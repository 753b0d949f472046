"""What a returned form, and the passing of time, do to a matter, as its process says. Pure.

A form gives moves, or says why it gives none; `fbbatch.workflow.gates` says what must hold before
it may, and `fbbatch.workflow.decisions` whereto it leads where no table can say it.

Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Details, Finding, ReturnedForm
from fbbatch.schema import Book
from fbbatch.schema.process import Passing, Step
from fbbatch.workflow.decisions import ASIDE, DECISIONS, Decision, On, resume
from fbbatch.workflow.gates import advice, missing_answers, wrong_signers
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import Move, Standing, asked_on, involved


class Outcome(NamedTuple):
    """What comes of a form: moves to append, or findings with the outcome of the file.

    With findings alone that is `duplicate`, `set_aside` or `returned`. `opens_sequel`: another
    matter is opened in place of this one. Source: T16.
    """

    moves: tuple[Move, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: str = "step"
    opens_sequel: bool = False

    @property
    def merges_into(self) -> str | None:
        """The number of the case into which this one is merged. Source: N4."""
        return self.moves[-1].details.main_case if self.moves else None


def step(matter: Matter, form: ReturnedForm, book: Book, *, newest_issue: int, on: On) -> Outcome:
    """What a form that came back does to its matter.

    Args:
        matter: which one, with all its steps.
        form: what was filled in; its answers are checked already, one by one.
        book: who is head of what and holds which role.
        newest_issue: the number of the newest issue of this form for this matter, and for the
            department that it speaks for.
        on: the as-of date, and T16, for how long what is done may be opened again.
    """
    standing = matter.standing
    if trouble := repeated(standing, form) or _out_of_order(standing, form):
        return trouble
    if stale := _stale(standing, form, newest_issue):
        return Outcome(findings=(stale,), outcome="returned")
    if early := _dated_before(standing, form, book):
        return Outcome(findings=(early,), outcome="returned")
    part = part_of(standing, form)
    if missing := [
        *missing_answers(form, matter.process, matter.facts.severity, standing.department),
        *wrong_signers(form, book, matter.process, involved(standing, part)),
    ]:
        return Outcome(findings=tuple(missing), outcome="returned")
    decision = _whereto(standing, form, part, on)
    if not decision.moves:
        return Outcome(findings=decision.findings, outcome="set_aside")
    moves = _with_answers(decision.moves, matter.process.step(form.kind), form)
    findings = (*decision.findings, *advice(form, matter.facts.severity))
    return Outcome(moves, findings, opens_sequel=decision.opens_sequel)


def _whereto(standing: Standing, form: ReturnedForm, part: str | None, on: On) -> Decision:
    """Whereto a form leads that may come and lacks nothing."""
    step = standing.process.step(form.kind)
    if part is not None:
        return Decision((Move(standing.state, Details(part=part)),))
    if step.decision:
        return DECISIONS[step.decision](standing, form, on)
    return Decision((_by_table(standing, step, form),))


def _by_table(standing: Standing, step: Step, form: ReturnedForm) -> Move:
    """The move that the table says; one back to an earlier state begins a new round."""
    state = standing.state
    if isinstance(step.to, str):
        state = step.to
    elif isinstance(step.to, dict):
        [(field, codes)] = step.to.items()
        state = codes.get(_code(form.values.get(field)), state)
    is_back = standing.process.is_back(standing.state, state)
    return Move(state, Details(verdict="failed") if is_back else Details())


def _code(value: object) -> str:
    """An answer as a table names it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _with_answers(moves: tuple[Move, ...], step: Step, form: ReturnedForm) -> tuple[Move, ...]:
    """The moves, the first of which tells what was answered and what that settles."""
    first, *others = moves
    settled = {str(name): form.values[name] for name in step.settles if form.values.get(name)}
    answered = Details.decode({**settled, "answers": dict(form.values), "issue": form.issue})
    return (first._replace(details=first.details.over(answered)), *others)


# --- may it come? ---------------------------------------------------------------------


def _stale(standing: Standing, form: ReturnedForm, newest_issue: int) -> Finding | None:
    """An old issue of a form that moves the matter: a newer one was handed out."""
    is_old = 0 < form.issue < newest_issue
    if not is_old or standing.process.step(form.kind).is_fact or _is_aside(standing, form):
        return None
    return finding(
        "FB-step-stale",
        issue=form.issue,
        newest=newest_issue,
        kind=form.kind,
        case=form.case,
        department=part_of(standing, form),
    )


def _dated_before(standing: Standing, form: ReturnedForm, book: Book) -> Finding | None:
    """A form cannot have been filled in before the step that it answers."""
    asked = None if _is_aside(standing, form) else asked_on(standing, form.kind)
    if asked is None or form.happened_on >= asked:
        return None
    schema, state = book.schema(form.kind), standing.process.asked_in(form.kind)
    field_id = schema.signed_on if schema else None
    value, limit = form.happened_on.isoformat(), asked.isoformat()
    return finding(
        "FB-date-before",
        field=field_id,
        value=value,
        limit=limit,
        other_state=state,
    )


def part_of(standing: Standing, form: ReturnedForm) -> str | None:
    """The department whose own measures a form brings.

    None where it is the lead's, as every other form.

    Source: 5.5.2a.
    """
    parts = standing.process.step(form.kind).parts
    department = form.values.get(parts.field) if parts else None
    return None if department == standing.department else department


def repeated(standing: Standing, form: ReturnedForm) -> Outcome | None:
    """The very same form once more, of whatever round.

    The same answers on another issue are another form.
    """
    is_fact = standing.process.step(form.kind).is_fact
    for step in standing.past:
        issue = step.details.issue or 0
        is_same_issue = form.issue in {0, issue} or (is_fact and not issue)
        is_same = step.document == form.kind and step.answers == dict(form.values)
        if is_same and is_same_issue:
            done = finding("FB-step-done", on=step.happened_on.isoformat(), by=step.by)
            return Outcome(findings=(done,), outcome="duplicate")
    return None


def _out_of_order(standing: Standing, form: ReturnedForm) -> Outcome | None:
    """Already done, too early, or right in time (None)."""
    part = part_of(standing, form)
    if part and part not in standing.cooperating:
        stranger = finding("FB-not-involved", field="department", department_id=part)
        return Outcome(findings=(stranger,), outcome="returned")
    if _may_come(standing, form):
        return None
    if done := standing.parts.get(part) if part else standing.taken.get(form.kind):
        same = done.answers == dict(form.values)
        code, outcome = ("FB-step-done", "duplicate") if same else ("FB-step-differs", "set_aside")
        told = finding(code, on=done.happened_on.isoformat(), by=done.by)
        return Outcome(findings=(told,), outcome=outcome)
    if not standing.is_open:
        closed = finding("FB-step-closed", on=standing.closed_on)
        return Outcome(findings=(closed,), outcome="set_aside")
    early = finding(
        "FB-step-early",
        missing_kind=_missing(standing, form),
        state=standing.state,
    )
    return Outcome(findings=(early,), outcome="set_aside")


def _missing(standing: Standing, form: ReturnedForm) -> str:
    """The form that has to come before this one: what is waited for, or the end of a decision."""
    is_undone = standing.decided and not standing.process.step(form.kind).after_decision
    return "coordination" if is_undone else standing.expected or ""


def is_early(standing: Standing, form: ReturnedForm) -> bool:
    """True for a form that skips a step: another one has to be taken first."""
    trouble = repeated(standing, form) or _out_of_order(standing, form)
    return trouble is not None and any(f.code == "FB-step-early" for f in trouble.findings)


def _may_come(standing: Standing, form: ReturnedForm) -> bool:
    """True for a fact, and for a form that moves the matter on from where it stands."""
    process = standing.process
    step = process.step(form.kind)
    if step.is_fact:
        return True
    if part := part_of(standing, form):
        return _is_in_hand(standing, step) and part not in standing.parts
    if _is_aside(standing, form):
        return standing.is_open or standing.outcome == "duplicate"
    if step.also_after and not standing.is_open:
        return step.form not in standing.taken and step.also_after in standing.taken
    awaited = process.awaited(standing.state)
    if standing.decided and not (awaited and process.step(awaited).after_decision):
        return step.after_decision and standing.is_open
    return standing.state in step.from_states


def _is_in_hand(standing: Standing, step: Step) -> bool:
    """True from the state on that asks for a form, however late, until the matter is done with."""
    at, order = standing.worked_on, standing.process.states
    is_asked = order.index(at) >= order.index(step.from_states[0])
    return is_asked and at not in standing.process.ends and not standing.decided


def _is_aside(standing: Standing, form: ReturnedForm) -> bool:
    """True for a form that leaves the matter where it is, whatever was done since."""
    aside = standing.process.step(form.kind).aside
    return aside is not None and ASIDE[aside](standing, form)


# --- what time alone brings -----------------------------------------------------------


def moves_of_time(standing: Standing, today: dt.date, days: Callable[[str], int]) -> list[Move]:
    """What happens by itself, each on its own day.

    A hold ends, a survey that nobody answers expires.

    Args:
        standing: where the matter stands.
        today: the as-of date.
        days: the length of a period (`T15a`), in days.

    Source: part 4, T15.
    """
    for passing in standing.process.time:
        on = _day_of(passing, standing, days)
        if on is not None and today >= on:
            return [_by_time(passing, standing, on)]
    return []


def _day_of(passing: Passing, standing: Standing, days: Callable[[str], int]) -> dt.date | None:
    """On which day something happens by itself; None where it does not."""
    if passing.in_state != standing.state:
        return None
    if passing.until:
        return standing.held_until
    assert passing.after is not None  # noqa: S101 - one of the two is there
    begun = standing.entered_on
    return begun + dt.timedelta(days=days(passing.after)) if begun else None


def _by_time(passing: Passing, standing: Standing, on: dt.date) -> Move:
    if passing.to is None:
        return resume(standing, on)
    return Move(passing.to, Details.decode(dict(passing.details.items())), on)
