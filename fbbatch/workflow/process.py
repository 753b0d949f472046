"""The closed loop: what a returned form, and the passing of time, do to a case. Pure.

A form gives moves, or says why it gives none; `fbbatch.workflow.gates` says what must hold before
it may.

Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fbbatch.findings import finding
from fbbatch.model import Finding, ReturnedForm
from fbbatch.schema import Book
from fbbatch.workflow.gates import advice, missing_answers, wrong_signers
from fbbatch.workflow.standing import (
    AFTER_DECISION,
    ASKED_IN,
    FROM,
    LOW_SCORE,
    Move,
    Standing,
    asked_on,
    involved,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a form: moves to append, or findings with the outcome of the file.

    With findings the outcome is `duplicate`, `set_aside` or `returned`.
    """

    moves: tuple[Move, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: str = "step"


def step(
    standing: Standing,
    form: ReturnedForm,
    book: Book,
    *,
    severity: str,
    newest_issue: int,
    today: dt.date,
    reopen_days: int,
) -> Verdict:
    """What a form that came back does to its case.

    Args:
        standing: where the case stands.
        form: what was filled in; its answers are checked already, one by one.
        book: who is head of what and holds which role.
        severity: of the case; severe ones need containment and prevention.
        newest_issue: the number of the newest issue of this form for this case, and for the
            department that it speaks for.
        today: the as-of date.
        reopen_days: T16, for how long a closed case may be opened again.
    """
    if trouble := repeated(standing, form) or _out_of_order(standing, form):
        return trouble
    part = part_of(standing, form)
    if (
        form.issue
        and form.issue < newest_issue
        and form.kind in FROM
        and not _is_letter_before(standing, form)
    ):
        return Verdict(
            findings=(
                finding(
                    "FB-step-stale",
                    issue=form.issue,
                    newest=newest_issue,
                    kind=form.kind,
                    case=form.case,
                    department=part,
                ),
            ),
            outcome="returned",
        )
    if early := _dated_before(standing, form, book):
        return Verdict(findings=(early,), outcome="returned")
    missing = missing_answers(form, book.process, severity=severity, department=standing.department)
    missing += wrong_signers(form, book, involved(standing, part))
    if missing:
        return Verdict(findings=tuple(missing), outcome="returned")
    moves, notes = (
        _MOVES.get(form.kind, _fact)(standing, form, book, today, reopen_days)
        if part is None
        else _part(standing, part)
    )
    if not moves:
        return Verdict(findings=tuple(notes), outcome="set_aside")
    first, *rest = moves
    named = (
        {"verifier": form.values["verifier"]}
        if form.values.get("verifier") and form.kind == "coordination"
        else {}
    )
    first = first._replace(
        details={**first.details, **named, "answers": dict(form.values), "issue": form.issue}
    )
    return Verdict((first, *rest), (*notes, *advice(form, severity)))


def _dated_before(standing: Standing, form: ReturnedForm, book: Book) -> Finding | None:
    """A form cannot have been filled in before the step that it answers."""
    asked = None if _is_letter_before(standing, form) else asked_on(standing, form.kind)
    if asked is None or form.happened_on >= asked:
        return None
    schema, state = book.schema(form.kind), ASKED_IN.get(form.kind, "registered")
    field_id = schema.signed_on if schema else None
    value, limit = form.happened_on.isoformat(), asked.isoformat()
    return finding("FB-date-before", field=field_id, value=value, limit=limit, other_state=state)


def part_of(standing: Standing, form: ReturnedForm) -> str | None:
    """The department whose own measures a form brings.

    None where it is the lead's, as every other form.

    Source: 5.5.2a.
    """
    department = form.values.get("department") if form.kind == "measures" else None
    return None if department == standing.department else department


def repeated(standing: Standing, form: ReturnedForm) -> Verdict | None:
    """The very same form once more, of whatever round.

    The same answers on another issue are another form.
    """
    for step in standing.past:
        issue = step.details.get("issue", 0)
        is_same_issue = not form.issue or form.issue == issue or not (issue or form.kind in FROM)
        if (
            step.document == form.kind
            and is_same_issue
            and step.details["answers"] == dict(form.values)
        ):
            return Verdict(
                findings=(finding("FB-step-done", on=step.happened_on.isoformat(), by=step.by),),
                outcome="duplicate",
            )
    return None


def _out_of_order(standing: Standing, form: ReturnedForm) -> Verdict | None:
    """Already done, too early, or right in time (None)."""
    part = part_of(standing, form)
    if part and part not in standing.cooperating:
        return Verdict(
            findings=(finding("FB-not-involved", field="department", department_id=part),),
            outcome="returned",
        )
    if _may_come(standing, form):
        return None
    if done := standing.parts.get(part) if part else standing.taken.get(form.kind):
        same = done.details.get("answers") == dict(form.values)
        code, outcome = ("FB-step-done", "duplicate") if same else ("FB-step-differs", "set_aside")
        return Verdict(
            findings=(finding(code, on=done.happened_on.isoformat(), by=done.by),), outcome=outcome
        )
    if not standing.is_open:
        return Verdict(
            findings=(finding("FB-step-closed", on=standing.closed_on),), outcome="set_aside"
        )
    missing = (
        "coordination"
        if standing.decided and form.kind not in AFTER_DECISION
        else standing.expected or ""
    )
    return Verdict(
        findings=(finding("FB-step-early", missing_kind=missing, state=standing.state),),
        outcome="set_aside",
    )


def is_early(standing: Standing, form: ReturnedForm) -> bool:
    """True for a form that skips a step: another one has to be taken first."""
    trouble = repeated(standing, form) or _out_of_order(standing, form)
    return trouble is not None and any(f.code == "FB-step-early" for f in trouble.findings)


def _may_come(standing: Standing, form: ReturnedForm) -> bool:
    """True for a fact, and for a form that moves the case on from where it stands."""
    if form.kind not in FROM:
        return True
    if part := part_of(standing, form):  # as long as the case is in hand, however late
        at = standing.held_from if standing.state == "on_hold" else standing.state
        return (
            at not in {"registered", "assigned", "closed"}
            and not standing.decided
            and part not in standing.parts
        )
    if _is_letter_before(standing, form):
        return standing.is_open or standing.outcome == "duplicate"
    if form.kind == "reply" and not standing.is_open:  # the survey came first
        return "reply" not in standing.taken and "satisfaction" in standing.taken
    if standing.decided and standing.is_open and standing.state != "replied":
        return form.kind in AFTER_DECISION
    return standing.state in FROM[form.kind]


def _is_letter_before(standing: Standing, form: ReturnedForm) -> bool:
    """True for the record of a letter that leaves the case where it is.

    It does so whatever has been written since.
    """
    return form.kind == "reply" and (standing.outcome == "duplicate" or _is_interim(standing, form))


def _is_interim(standing: Standing, form: ReturnedForm) -> bool:
    """True for the record of an interim letter.

    Left blank it is what was drafted, and that depends on the state.
    """
    is_before = (
        standing.is_open and not standing.decided and standing.state not in FROM["satisfaction"]
    )
    return bool(form.values.get("letter", "interim" if is_before else "") == "interim")


Moves = tuple[tuple[Move, ...], tuple[Finding, ...]]


def _assignment(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del standing, book, today, reopen_days
    values = form.values
    if values["verdict"] == "accept":
        return (Move("accepted", {"responsible": values["responsible"]}),), ()
    refused = {"verdict": "not_ours", "reason": values["reason"]}
    return (
        Move("registered", refused),
        Move("assigned", {"department": values["proposed_department"], "rule": "proposal"}),
    ), ()


def _part(standing: Standing, part: str) -> "Moves":
    return (Move(standing.state, {"part": part}),), ()


def _measures(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del standing, form, book, today, reopen_days
    return (Move("planned"),), ()


def _inspection(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    begun = standing.state == "planned" and (form.values.get("percent") or 0) > 0
    return (Move("in_progress" if begun else standing.state),), ()


def _result(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    outcome = form.values["outcome"]
    return (
        Move(
            standing.state if outcome == "unsolved" else "awaiting_verification",
            {"outcome": outcome},
        ),
    ), ()


def _verification(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    conclusion = form.values["conclusion"]
    if conclusion == "fail":
        return (Move("accepted", {"verdict": "failed"}),), ()
    partly = conclusion == "conditional" and standing.outcome == "solved"
    return (Move("verified", {"outcome": "partly"} if partly else {}),), ()


def _reply(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    if _is_interim(standing, form):
        return (Move(standing.state, {"interim": True}),), ()
    return (Move("replied" if standing.is_open else "closed"),), ()


def _satisfaction(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    return (Move("replied", {"review": is_dissatisfied(form.values)}), Move("closed")), ()


def is_dissatisfied(values: Mapping[str, Any]) -> bool:
    """True for a survey that asks for a second look: not solved, or a score of 2 or less.

    Source: 5.5.1c.
    """
    scores = [
        values[name]
        for name in ("overall", "result", "speed", "attitude", "communication")
        if values.get(name) is not None
    ]
    return values.get("solved") == "no" or any(score <= LOW_SCORE for score in scores)


def _fact(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book, today, reopen_days
    return (
        Move(
            standing.state, {"priority": form.values["priority"]} if form.kind == "impact" else {}
        ),
    ), ()


def _coordination(
    standing: Standing, form: ReturnedForm, book: Book, today: dt.date, reopen_days: int
) -> Moves:
    del book
    values = form.values
    match values["decision"]:
        case "continue":
            move = (
                resume(standing, form.happened_on)
                if standing.state == "on_hold"
                else Move(standing.state)
            )
            undone = {"decided": False} if standing.decided and standing.is_open else {}
            return (move._replace(details={**move.details, **undone}),), ()
        case "reopen":
            return _reopen(standing, today, reopen_days)
        case _ if not standing.is_open:
            return (), (finding("FB-step-closed", on=standing.closed_on),)
        case "hold":
            details = {
                "held_until": values["hold_until"],
                "reason": values["reason"],
                "held_from": standing.held_from or standing.state,
            }
            return (Move("on_hold", details),), ()
        case "merge":
            return (
                Move(
                    "closed",
                    {"outcome": "duplicate", "main_case": values["main_case"], "decided": True},
                ),
            ), ()
        case _:
            state = (
                standing.held_from
                if standing.state == "on_hold" and standing.held_from
                else standing.state
            )
            return (
                Move(
                    state,
                    {"outcome": values["outcome"], "decided": True, "reason": values["reason"]},
                ),
            ), ()


FOLLOWED = "followed_by"
"""The detail of a step that opens another case in place of this one.

It is that case's number, once it has one.

Source: T16.
"""


def _reopen(standing: Standing, today: dt.date, reopen_days: int) -> Moves:
    if standing.is_open or standing.closed_on is None:
        return (), (finding("FB-reopen-open"),)
    if (today - standing.closed_on).days > reopen_days:
        return (Move("closed", {FOLLOWED: True}),), (
            finding("FB-reopen-late", on=standing.closed_on, days=reopen_days),
        )
    return (
        Move(
            "assigned",
            {"verdict": "reopened", "department": standing.department, "rule": "reopened"},
        ),
    ), ()


_MOVES = {
    "assignment": _assignment,
    "measures": _measures,
    "inspection": _inspection,
    "result": _result,
    "verification": _verification,
    "reply": _reply,
    "satisfaction": _satisfaction,
    "coordination": _coordination,
}
"""What a form does; one that is not here is a fact, which leaves the case where it is."""


# --- what time alone brings -----------------------------------------------------------


def resume(standing: Standing, day: dt.date) -> Move:
    """The end of a hold on a day: back to the state before it, the held days counted."""
    since = standing.held_since or day
    return Move(
        standing.held_from or "accepted", {"held_days": max(0, (day - since).days)}, max(day, since)
    )


def moves_of_time(standing: Standing, today: dt.date, survey_days: int) -> list[Move]:
    """What happens by itself, each on its own day.

    A hold ends, a survey that nobody answers expires.

    Source: part 4, T15.
    """
    if standing.state == "on_hold" and standing.held_until and today >= standing.held_until:
        return [resume(standing, standing.held_until)]
    if standing.state == "replied" and standing.entered_on:
        expires_on = standing.entered_on + dt.timedelta(days=survey_days)
        return [Move("closed", {"survey": "expired"}, expires_on)] if today >= expires_on else []
    return []
