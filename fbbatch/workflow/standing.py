"""Where a case stands: replayed from its history, and never kept anywhere else. Pure.

Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fbbatch.model import Transition
from fbbatch.schema import Book
from fbbatch.schema.models import Person
from fbbatch.workflow.gates import Involved, verifiers

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
AFTER_DECISION = ("reply", "satisfaction")
"""All that is left to do once an outcome without measures is decided.

`continue` on a coordination sheet takes that back.
"""
ASKED_IN = {
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
    if standing.decided and kind in AFTER_DECISION:
        return days.get(DECIDED)
    return days.get(ASKED_IN.get(kind, "registered"), days.get("registered"))


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


Changes = dict[str, Any]
"""What a step changes of a standing, by the names of its fields."""


def _after(standing: Standing, step: Transition) -> Standing:
    """The standing after one more step."""
    changes: Changes = {"state": step.to}
    changes |= _settled(standing, step)
    changes |= _days(standing, step)
    changes |= _held(standing, step)
    changes |= _rounds(standing, step)
    return replace(standing, **changes, **_answered(standing, step))


_SETTLED = (
    "department",
    "responsible",
    "priority",
    "outcome",
    "main_case",
    "held_from",
    "verifier",
)
"""What a step may say anew of a case."""


def _settled(standing: Standing, step: Transition) -> Changes:
    """Who and what the step has settled."""
    details = step.details
    changes: Changes = {name: details[name] for name in _SETTLED if details.get(name)}
    if "responsible" in changes:
        changes["responsibles"] = standing.responsibles | {changes["responsible"]}
    if "follows" in details:
        changes["follows"] = details["follows"]
    if "followed_by" in details:
        changes["followed_by"] = (*standing.followed_by, details["followed_by"])
    if "cooperating" in details:
        changes["cooperating"] = tuple(details["cooperating"])
    if "edited" in details:
        changes["notes"] = {**standing.notes, **details["edited"]}
    return changes


def _days(standing: Standing, step: Transition) -> Changes:
    """On which days the case came to where it is."""
    changes: Changes = {}
    came_on = dict(standing.came_on)
    if step.to != standing.state or not standing.came_on:
        changes["entered_on"] = step.happened_on
        if standing.state != "on_hold":
            came_on[step.to] = step.happened_on
    if step.details.get("decided") and not standing.decided:
        came_on[DECIDED] = step.happened_on
    if step.to == "closed" and standing.state != "closed":
        changes["closed_on"] = step.happened_on
    return {**changes, "came_on": came_on}


def _held(standing: Standing, step: Transition) -> Changes:
    """Since when and until when the case is on hold, and for how many days it was."""
    details = step.details
    changes: Changes = {
        "held_days": standing.held_days + int(details.get("held_days", 0)),
    }
    was_held = standing.state == "on_hold"
    if step.to == "on_hold" and "held_until" in details:
        changes["held_since"] = standing.held_since if was_held else step.happened_on
        changes["held_until"] = _date(details["held_until"])
    elif was_held and step.to != "on_hold":
        changes |= {"held_since": None, "held_until": None, "held_from": None}
    return changes


def _rounds(standing: Standing, step: Transition) -> Changes:
    """What a verdict or a decision begins anew."""
    details = step.details
    verdict = details.get("verdict")
    decided = bool(details.get("decided", standing.decided))
    changes: Changes = {"decided": decided}
    if verdict == "failed":
        changes["round"] = standing.round + 1
    if verdict == "failed" or (standing.decided and not decided):
        changes["outcome"] = None
    if verdict == "reopened":
        changes |= {
            "reopened": standing.reopened + 1,
            "decided": False,
            "outcome": None,
            "closed_on": None,
            "main_case": None,
        }
    return changes


def _answered(standing: Standing, step: Transition) -> Changes:
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
