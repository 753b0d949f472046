"""Where a matter stands: replayed from its history, and never kept anywhere else. Pure.

Source: regulation part 4, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fbbatch.model import NOTHING, Details, Transition
from fbbatch.schema import Book
from fbbatch.schema.models import Person
from fbbatch.schema.process import Process
from fbbatch.workflow.gates import Involved, verifiers

DECIDED = "decided*"
"""Not a state: that it was decided to take no measures, whatever the state."""
HELD = "on_hold"
"""The state of a matter that waits for a day: what it waited for before stays good."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a matter stands: the last state, and what its steps have settled so far.

    `process` says what the state means. `department` leads, the `cooperating` have measures of
    their own: `parts` holds the step of this round that brought each one's. `notes` are texts
    written into the tracking ledger. `answers` are the newest answers of each form of the round,
    `taken` the transition that took them; `past` are all steps that forms have brought, of every
    round. `outcome` is how the matter ended or is meant to; `decided` is true once the department
    head has approved an outcome without measures. `follows` is the closed case of which this one is
    the sequel, `followed_by` are the sequels of this one. `came_on` is the day on which the matter
    last came to each state (the end of a hold is none), `verifier` the person that a leader has
    named, `responsibles` are all who were ever responsible.
    """

    process: Process
    state: str
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
        """True until the matter is done with."""
        return self.state not in self.process.ends

    @property
    def expected(self) -> str | None:
        """The form that moves the matter on; none once it is done with."""
        if not self.is_open:
            return None
        waited_for = self.process.awaited(self.state)
        if not self.decided or waited_for is None:
            return waited_for
        if self.process.step(waited_for).after_decision:
            return waited_for
        return next(self.process.after_decision, None)

    @property
    def worked_on(self) -> str:
        """The state in which it is in hand: the one before a hold, else where it stands."""
        return self.held_from or self.state if self.state == HELD else self.state

    @property
    def still_owing(self) -> tuple[str, ...]:
        """The cooperating departments whose own measures are asked for and have not come.

        Source: 5.5.2a.
        """
        if self.decided or self.state not in self.process.parts_asked_in:
            return ()
        return tuple(name for name in self.cooperating if name not in self.parts)

    @property
    def parts_in_hand(self) -> Mapping[str, Transition]:
        """The cooperating departments' measures that are being carried out.

        None once there is a result.
        """
        is_in_hand = self.state in self.process.carried_out_in and not self.decided
        return self.parts if is_in_hand else {}


def entered(history: Sequence[Transition], states: Collection[str]) -> Transition:
    """The first of the unbroken run of last steps that are in one of these states.

    A verdict begins a new one.
    """
    first = history[-1]
    for step in reversed(history):
        if step.to not in states:
            break
        first = step
        if step.details.verdict:
            break
    return first


def asked_on(standing: Standing, kind: str) -> dt.date | None:
    """The day of the step that a form answers: before it, the form cannot have been filled in."""
    process, days = standing.process, standing.came_on
    if standing.decided and process.step(kind).after_decision:
        return days.get(DECIDED)
    return days.get(process.asked_in(kind), days.get(process.first))


def involved(standing: Standing, addressee: str | None = None) -> Involved:
    """Who has to do with a matter.

    `addressee` is the department that answers, else the lead.

    Source: 5.4.2a.
    """
    took_part = set(standing.responsibles)
    for step in standing.past:
        took_part |= _took_part(standing.process, step)
    lead = standing.department
    return Involved(
        lead,
        standing.cooperating,
        addressee or lead,
        frozenset(took_part),
        standing.verifier,
    )


def _took_part(process: Process, step: Transition) -> set[str]:
    """The people whom a form names as having a part in the matter."""
    answers = step.answers
    named: set[str] = set()
    for place in process.step(step.document).takes_part:
        table, _, name = place.rpartition(".")
        rows = (answers.get(table) or ()) if table else (answers,)
        named |= {str(row.get(name) or "") for row in rows}
    return named - {""}


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
    details: Details = NOTHING
    on: dt.date | None = None


def begun(process: Process) -> Standing:
    """Where a matter stands of which nothing is known yet."""
    return Standing(process, process.first)


def replay(process: Process, history: Sequence[Transition]) -> Standing:
    """The standing that a matter's history leads to.

    `replay(process, history).state` is the last transition's.
    """
    standing = begun(process)
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
    "follows",
)
"""What a step may say anew of a matter."""


def _settled(standing: Standing, step: Transition) -> Changes:
    """Who and what the step has settled."""
    details = step.details
    said = details.encode()
    changes: Changes = {name: said[name] for name in _SETTLED if said.get(name)}
    if details.responsible:
        changes["responsibles"] = standing.responsibles | {details.responsible}
    if details.followed_by:
        changes["followed_by"] = (*standing.followed_by, details.followed_by)
    if details.cooperating is not None:
        changes["cooperating"] = tuple(details.cooperating)
    if details.edited:
        changes["notes"] = {**standing.notes, **details.edited}
    return changes


def _days(standing: Standing, step: Transition) -> Changes:
    """On which days the matter came to where it is."""
    changes: Changes = {}
    came_on = dict(standing.came_on)
    if step.to != standing.state or not standing.came_on:
        changes["entered_on"] = step.happened_on
        if standing.state != HELD:
            came_on[step.to] = step.happened_on
    if step.details.decided and not standing.decided:
        came_on[DECIDED] = step.happened_on
    if step.to in standing.process.ends and standing.is_open:
        changes["closed_on"] = step.happened_on
    return {**changes, "came_on": came_on}


def _held(standing: Standing, step: Transition) -> Changes:
    """Since when and until when the matter is on hold, and for how many days it was."""
    details = step.details
    changes: Changes = {"held_days": standing.held_days + (details.held_days or 0)}
    was_held = standing.state == HELD
    if step.to == HELD and details.held_until is not None:
        changes["held_since"] = standing.held_since if was_held else step.happened_on
        changes["held_until"] = _date(details.held_until)
    elif was_held and step.to != HELD:
        changes |= {"held_since": None, "held_until": None, "held_from": None}
    return changes


def _rounds(standing: Standing, step: Transition) -> Changes:
    """What a verdict or a decision begins anew."""
    verdict = step.details.verdict
    said = step.details.decided
    decided = standing.decided if said is None else said
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
    process, details, verdict = (
        standing.process,
        step.details,
        step.details.verdict,
    )
    answers, taken, parts = (
        dict(standing.answers),
        dict(standing.taken),
        dict(standing.parts),
    )
    if verdict in _NEW_ROUND:
        answers = {form: told for form, told in answers.items() if _lasts(process, form)}
        taken = {form: by for form, by in taken.items() if _lasts(process, form, step=True)}
        parts = {}
    if verdict in _TAKEN_BACK:
        taken.pop(process.awaited(step.to) or "", None)
    if details.answers is None:
        return {"answers": answers, "taken": taken, "parts": parts}
    if details.part is not None:
        parts[details.part] = step
    elif verdict != "not_ours":
        answers[step.document] = details.answers
        if verdict != "failed" and not details.interim:
            taken[step.document] = step
    return {
        "answers": answers,
        "taken": taken,
        "parts": parts,
        "past": (*standing.past, step),
    }


_NEW_ROUND = frozenset({"failed", "reopened"})
_TAKEN_BACK = frozenset({"reopened", "not_ours"})


def _lasts(process: Process, form: str, *, step: bool = False) -> bool:
    """True for a form of which something lasts when a new round begins: facts, and what is kept."""
    told = process.step(form)
    return told.is_fact or (told.keeps == "step" if step else told.keeps is not None)


def _date(text: object) -> dt.date | None:
    return dt.date.fromisoformat(str(text)) if text else None
