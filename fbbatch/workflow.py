"""The closed loop: what a returned form does to a case.

One small table says which form leads from which state to which; `fbbatch.gates` says what must hold
before it may.
Everything here is pure: a case's standing is replayed from its history, a form gives moves or says
why it gives none.
Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fbbatch.findings import finding
from fbbatch.gates import Involved, advice, missing_answers, verifiers, wrong_signers
from fbbatch.model import Finding, ReturnedForm, Transition
from fbbatch.schema import Book
from fbbatch.schema.models import Person

STATES = (
    "registered",
    "assigned",
    "accepted",
    "planned",
    "in_progress",
    "on_hold",
    "awaiting_verification",
    "verified",
    "replied",
    "closed",
)
EXPECTED = {
    "registered": "assignment",
    "assigned": "assignment",
    "accepted": "measures",
    "planned": "result",
    "in_progress": "result",
    "on_hold": "coordination",
    "awaiting_verification": "verification",
    "verified": "reply",
    "replied": "satisfaction",
}
"""The form that moves a case on, by its state."""

FROM = {
    "assignment": ("assigned",),
    "measures": ("accepted",),
    "result": ("planned", "in_progress"),
    "verification": ("awaiting_verification",),
    "reply": ("verified",),
    "satisfaction": ("verified", "replied"),
}
"""The states from which a form moves a case.

Forms that are not here are facts and may come at any time.
"""

OTHER_OUTCOMES = frozenset({"unfounded", "misuse", "not_reproduced", "declined", "withdrawn"})
LOW_SCORE = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands: the last state, and what its steps have settled so far.

    `department` leads, the `cooperating` have measures of their own: `parts` holds the step of this
    round that brought each one's. `notes` are texts written into the tracking ledger. `answers` are
    the newest answers of each form of the round, `taken` the transition that took them; `past` are
    all steps that forms have brought, of every round. `outcome` is how the matter ended or is meant
    to; `decided` is true once the department head has approved an outcome without measures.
    `follows` is the closed case of which this one is the sequel, `followed_by` are the sequels of
    this one. `came_on` is the day on which the case last came to each state (the end of a hold is
    none), `verifier` the person that a leader has named, `responsibles` are all who were ever
    responsible.
    """

    state: str = "registered"
    round: int = 1
    department: str | None = None
    cooperating: tuple[str, ...] = ()
    responsible: str | None = None
    priority: str | None = None
    outcome: str | None = None
    decided: bool = False
    held_from: str | None = None
    held_since: dt.date | None = None
    held_until: dt.date | None = None
    held_days: int = 0
    main_case: str | None = None
    closed_on: dt.date | None = None
    reopened: int = 0
    follows: str | None = None
    followed_by: tuple[str, ...] = ()
    entered_on: dt.date | None = None
    came_on: Mapping[str, dt.date] = field(default_factory=dict)
    verifier: str | None = None
    responsibles: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    taken: Mapping[str, Transition] = field(default_factory=dict)
    parts: Mapping[str, Transition] = field(default_factory=dict)
    past: tuple[Transition, ...] = ()

    @property
    def is_open(self) -> bool:
        """True until the case is closed."""
        return self.state != "closed"

    @property
    def expected(self) -> str | None:
        """The form that moves the case on; none once it is closed."""
        return (
            "reply"
            if self.decided and self.state not in {"replied", "closed"}
            else EXPECTED.get(self.state)
        )

    @property
    def still_owing(self) -> tuple[str, ...]:
        """The cooperating departments whose own measures are asked for and have not come.

        Source: 5.5.2a.
        """
        is_asked = self.state in _PARTS_ASKED and not self.decided
        return (
            tuple(department for department in self.cooperating if department not in self.parts)
            if is_asked
            else ()
        )

    @property
    def parts_in_hand(self) -> Mapping[str, Transition]:
        """The cooperating departments' measures that are being carried out.

        None once there is a result.
        """
        return (
            self.parts
            if self.state in {"accepted", "planned", "in_progress"} and not self.decided
            else {}
        )


_PARTS_ASKED = ("accepted", "planned", "in_progress", "awaiting_verification")


def parts_asked(history: Sequence[Transition]) -> Transition:
    """The step since which the cooperating departments are asked for measures.

    That is acceptance, or the end of a hold after it.
    """
    return entered(history, _PARTS_ASKED)


def entered(history: Sequence[Transition], states: Collection[str]) -> Transition:
    """The first of the unbroken run of last steps that are in one of these states.

    A verdict begins a new one.
    """
    first = history[-1]
    for step in reversed(history):
        if step.to not in states:
            break
        first = step
        if step.details.get("verdict"):
            break
    return first


DECIDED = "decided"
"""Not a state: that it was decided to take no measures, whatever the state."""
_ASKED_IN = {
    "assignment": "assigned",
    "measures": "accepted",
    "result": "planned",
    "verification": "awaiting_verification",
    "reply": "verified",
    "satisfaction": "verified",
}
"""The state whose beginning asks for a form."""


def asked_on(standing: Standing, kind: str) -> dt.date | None:
    """The day of the step that a form answers: before it, the form cannot have been filled in."""
    days = standing.came_on
    if standing.decided and kind in _AFTER_DECISION:
        return days.get(DECIDED)
    return days.get(_ASKED_IN.get(kind, "registered"), days.get("registered"))


def involved(standing: Standing, addressee: str | None = None) -> Involved:
    """Who has to do with a case.

    `addressee` is the department that answers, else the lead.

    Source: 5.4.2a.
    """
    took_part = set(standing.responsibles)
    for step in standing.past:
        answers = step.details["answers"]
        took_part |= {str(answers.get(name) or "") for name in _TAKES_PART.get(step.document, ())}
        rows = answers.get(_HAS_OWNERS.get(step.document, "")) or ()
        took_part |= {str(row.get("owner") or "") for row in rows}
    lead, took_part = standing.department, took_part - {""}
    return Involved(
        lead, standing.cooperating, addressee or lead, frozenset(took_part), standing.verifier
    )


_TAKES_PART = {
    "assignment": ("responsible", "answered_by"),
    "measures": ("prepared_by", "approved_by"),
    "result": ("prepared_by", "approved_by"),
}
_HAS_OWNERS = {"measures": "steps", "result": "steps", "coordination": "tasks"}
"""The tables in which persons are named who carry something out."""


def may_verify(standing: Standing, book: Book) -> list[Person]:
    """Who may verify the result, those who hold the role first.

    Nobody where a leader has to name somebody.

    Source: 5.4.2a.
    """
    return verifiers(book, involved(standing))


class Move(NamedTuple):
    """One step to append: the state it leads to and what it settles.

    `on` is the day of what time alone brings.
    """

    to: str
    details: Mapping[str, Any] = {}
    on: dt.date | None = None


def replay(history: Sequence[Transition]) -> Standing:
    """The standing that a case's history leads to.

    `replay(history).state` is the last transition's.
    """
    standing = Standing()
    for step in history:
        standing = _after(standing, step)
    return standing


def _after(standing: Standing, step: Transition) -> Standing:
    told: dict[str, Any] = dict(step.details)
    changes: dict[str, Any] = {"state": step.to}
    if step.to != standing.state or not standing.came_on:
        changes["entered_on"] = step.happened_on
        if standing.state != "on_hold":
            changes["came_on"] = {**standing.came_on, step.to: step.happened_on}
    if told.get("decided") and not standing.decided:
        changes["came_on"] = {
            **standing.came_on,
            **changes.get("came_on", {}),
            DECIDED: step.happened_on,
        }
    for name in (
        "department",
        "responsible",
        "priority",
        "outcome",
        "main_case",
        "held_from",
        "verifier",
    ):
        if told.get(name):
            changes[name] = told[name]
    if told.get("responsible"):
        changes["responsibles"] = standing.responsibles | {told["responsible"]}
    if "follows" in told:
        changes["follows"] = told["follows"]
    if "followed_by" in told:
        changes["followed_by"] = (*standing.followed_by, told["followed_by"])
    if "cooperating" in told:
        changes["cooperating"] = tuple(told["cooperating"])
    changes["round"] = standing.round + (told.get("verdict") == "failed")
    changes["decided"] = bool(told.get("decided", standing.decided))
    changes["held_days"] = standing.held_days + int(told.get("held_days", 0))
    if "edited" in told:
        changes["notes"] = {**standing.notes, **told["edited"]}
    if step.to == "on_hold" and "held_until" in told:
        since = standing.held_since if standing.state == "on_hold" else step.happened_on
        changes |= {"held_since": since, "held_until": _date(told["held_until"])}
    elif standing.state == "on_hold" and step.to != "on_hold":
        changes |= {"held_since": None, "held_until": None, "held_from": None}
    if step.to == "closed" and standing.state != "closed":
        changes["closed_on"] = step.happened_on
    if told.get("verdict") == "reopened":
        changes |= {
            "reopened": standing.reopened + 1,
            "decided": False,
            "outcome": None,
            "closed_on": None,
            "main_case": None,
        }
    if told.get("verdict") == "failed" or (standing.decided and not changes["decided"]):
        changes["outcome"] = None
    return replace(standing, **changes, **_answered(standing, step))


def _answered(standing: Standing, step: Transition) -> dict[str, Any]:
    """What has been answered after a step.

    The newest answers, the steps that took them, and all there ever were.
    """
    told = step.details
    answers, taken, parts = dict(standing.answers), dict(standing.taken), dict(standing.parts)
    if told.get("verdict") in {"failed", "reopened"}:  # the next round begins
        answers = {
            kind: answers[kind]
            for kind in answers
            if kind not in FROM or kind in {"assignment", "verification"}
        }
        taken = {kind: taken[kind] for kind in taken if kind not in FROM or kind == "assignment"}
        parts = {}
    if told.get("verdict") in {"reopened", "not_ours"}:
        taken.pop("assignment", None)
    if "answers" not in told:
        return {"answers": answers, "taken": taken, "parts": parts}
    if "part" in told:
        parts[told["part"]] = step
    elif told.get("verdict") != "not_ours":
        answers[step.document] = told["answers"]
        if told.get("verdict") != "failed" and not told.get("interim"):
            taken[step.document] = step
    return {"answers": answers, "taken": taken, "parts": parts, "past": (*standing.past, step)}


def _date(text: object) -> dt.date | None:
    return dt.date.fromisoformat(str(text)) if text else None


# --- one returned form ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a form: moves to append, or findings with the outcome of the file.

    With findings the outcome is `duplicate`, `set_aside` or `returned`. `reissue` asks for the
    newest edition of the form once more.
    """

    moves: tuple[Move, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: str = "step"
    reissue: bool = False


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
            reissue=True,
        )
    if early := _dated_before(standing, form, book):
        return Verdict(findings=(early,), outcome="returned")
    missing = missing_answers(form, severity=severity, department=standing.department)
    missing += wrong_signers(form, book, involved(standing, part))
    if missing:
        return Verdict(findings=tuple(missing), outcome="returned")
    moves, notes = (
        _MOVES[form.kind](standing, form, book, today, reopen_days)
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
    schema, state = book.schema(form.kind), _ASKED_IN.get(form.kind, "registered")
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
        if standing.decided and form.kind not in _AFTER_DECISION
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


_AFTER_DECISION = ("reply", "satisfaction")
"""All that is left to do once an outcome without measures is decided.

`continue` on a coordination sheet takes that back.
"""


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
        return form.kind in _AFTER_DECISION
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
    "impact": _fact,
    "escalation": _fact,
    "coordination": _coordination,
}
FORMS = frozenset(_MOVES)
"""The kinds of documents that come back and do something to a case."""
ORDER = (
    "escalation",
    "impact",
    "assignment",
    "measures",
    "inspection",
    "result",
    "verification",
    "reply",
    "satisfaction",
    "coordination",
)
"""The same, in the order in which those of one day are taken.

A decision comes after what it decides about.
"""


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
