"""`schemas/processes/*.yaml`: how a matter is handled, form by form.

What a table can say stands here; what is a decision (a hold, a merger, a verdict) is a function in
`fbbatch.workflow.decisions`, which a step calls by its name.

Source: regulation part 4, 5.1–5.5.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from fbbatch.schema.models import Id, Label, Strict
from fbbatch.schema.wording import trouble

CASE = "case"
"""The process of what feedback opens; without it there is none."""
CASE_ENDS = "closed"
"""The state in which a case is done with; a company may not change it."""
DUE_ON = "due_on"
"""The clock of what is wanted by the matter's own due date."""
_CLOCK = r"^(T[0-9]{2}[a-z]?|due_on)$"

DecisionName = Literal[
    "accept_or_pass_on",
    "begin",
    "close_by_survey",
    "decide",
    "report_result",
    "send_letter",
    "verify",
]
"""Functions of `fbbatch.workflow.decisions`."""
Branches = dict[str, dict[str, str]]
"""field of the form: code of the answer: state."""


class Need(Strict):
    """Fields that must be filled in, where an answer or the severity makes them necessary."""

    when: dict[str, list[str]] = Field(
        default={}, description="field of the form: the codes that make it necessary"
    )
    severity: list[str] = Field(default=[], description="severities of the case; none: any")
    fields: list[str] = Field(min_length=1, description="ids of the fields")


class Parts(Strict):
    """That each cooperating department hands in a form of its own. Source: 5.5.2a."""

    field: Id = Field(description="the field with the department")
    asked_in: list[Id] = Field(description="the states in which it is asked for")
    carried_out_in: list[Id] = Field(
        description="the states in which what it says is carried out by the department"
    )


class Step(Strict):
    """A form that comes back.

    One that says neither from where nor whereto is a fact: it may come at any time, and moves
    nothing.
    """

    form: Id
    from_states: list[Id] = Field(
        default=[], alias="from", description="the states from which it moves the matter; none: any"
    )
    to: Id | list[Id] | Branches | None = Field(
        default=None,
        description="the state that it leads to; by an answer: `{field: {code: state}}`; with a"
        " decision: the states to which that may lead; none: it leaves the matter where it is",
    )
    decision: DecisionName | None = Field(
        default=None, description="the function that says where it leads"
    )
    settles: list[Literal["responsible", "priority", "verifier"]] = Field(
        default=[], description="answers that say anew what stands of the matter"
    )
    takes_part: list[str] = Field(
        default=[],
        description="fields with people who have a part in the matter, so that they may not verify"
        " it; `table.field` for those in rows",
    )
    parts: Parts | None = None
    aside: Literal["interim_letter"] | None = Field(
        default=None,
        description="the function that is true of such a form as leaves the matter where it is,"
        " whatever was done since",
    )
    also_after: Id | None = Field(
        default=None,
        description="a form that may have ended the matter before this one came",
    )
    keeps: Literal["step", "answers"] | None = Field(
        default=None,
        description="what of it lasts when a new round begins: the step (it need not come again),"
        " or what it answered (which is still told); none: nothing",
    )
    after_decision: bool = Field(
        default=False, description="also comes once it was decided that nothing is to be done"
    )
    clock: str | None = Field(
        default=None,
        pattern=_CLOCK,
        description="the period of deadlines.yaml within which it is wanted; `due_on`: by the day"
        " on which the matter is due",
    )
    reminded_after: str | None = Field(
        default=None,
        pattern=r"^T[0-9]{2}[a-z]?$",
        description="the period after which whoever has to answer is reminded once, instead of by"
        " the ladder (T14)",
    )
    signed_by: dict[str, list[str]] = Field(
        default={}, description="field with the name: words for who may sign"
    )
    needs: list[Need] = []

    @model_validator(mode="after")
    def _whereto(self) -> "Step":
        if self.decision and not isinstance(self.to, list):
            raise trouble("step_decides", at=("to",), form=self.form)
        if isinstance(self.to, list) and not self.decision:
            raise trouble("step_undecided", at=("to",), form=self.form)
        if isinstance(self.to, dict) and len(self.to) != 1:
            raise trouble("step_branches", at=("to",), form=self.form)
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The states to which it may lead; none: it leaves the matter where it is."""
        if self.to is None:
            return ()
        if isinstance(self.to, str):
            return (self.to,)
        if isinstance(self.to, list):
            return tuple(self.to)
        return tuple(state for codes in self.to.values() for state in codes.values())

    @property
    def is_fact(self) -> bool:
        """True for a form that no state asks for: it may come at any time."""
        return not self.from_states


class Passing(Strict):
    """What happens by itself in a state, on a day that is settled or after a period."""

    in_state: Id = Field(alias="in", description="the state in which it happens")
    until: Literal["held_until"] | None = Field(
        default=None, description="on the day that the standing tells by this name"
    )
    after: str | None = Field(
        default=None,
        pattern=r"^T[0-9]{2}[a-z]?$",
        description="the period of deadlines.yaml after which it happens",
    )
    to: Id | None = Field(default=None, description="the state that it leads to")
    decision: Literal["resume"] | None = Field(
        default=None, description="instead: the function that says where it leads"
    )
    details: dict[Literal["survey", "reason"], str] = Field(
        default={}, alias="as", description="what the step tells"
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> "Passing":
        if (self.until is None) == (self.after is None):
            raise trouble("time_when")
        if (self.to is None) == (self.decision is None):
            raise trouble("time_whereto")
        return self


class Never(Strict):
    """What no company may loosen, of this process.

    Either a state that cannot be reached but through another, or a form that does not count without
    a signature.
    """

    reach: Id | None = Field(default=None, description="a state that cannot be reached …")
    without: list[Id] = Field(
        default=[], description="… but through one of these states, or by one of these forms"
    )
    take: Id | None = Field(default=None, description="a form that does not count …")
    unsigned: Id | None = Field(
        default=None, description="… unless this field is signed by somebody in particular"
    )
    only: list[str] = Field(default=[], description="the only words for who may sign it")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Never":
        is_path = bool(self.reach and self.without) and not self.take
        is_signature = bool(self.take and self.unsigned) and not self.reach
        if not is_path and not is_signature:
            raise trouble("never")
        return self


class Opening(Strict):
    """When the batch opens a matter of a process by itself: once in each period.

    Processes without it are opened by what is reported, found or decided.
    """

    every: Literal["month", "quarter", "year"]
    lead: str = Field(description="a role (its first holder's department), or a department")


class Process(Strict):
    """`schemas/processes/<id>.yaml`."""

    id: Id
    clause: str
    title: Label
    number: str = Field(
        pattern=r"^[A-Z]{2,4}$",
        description="what its numbers begin with; the day and a serial number follow",
    )
    opens: Opening | None = None
    states: list[Id] = Field(
        min_length=2, description="in the order in which a matter comes to them"
    )
    begins: list[Id] = Field(
        min_length=1, description="the states of its first steps, which the batch takes by itself"
    )
    ends: list[Id] = Field(min_length=1, description="states in which it is done with")
    waits_for: dict[str, Id] = Field(
        default={},
        description="state: the form that moves it on, where it is not the first that may come",
    )
    steps: list[Step] = Field(
        min_length=1, description="in the order in which forms of one day are taken"
    )
    issues: dict[str, list[str]] = Field(
        default={}, description="state: the kinds of document issued when a matter comes to it"
    )
    time: list[Passing] = []
    never: list[Never] = []

    @model_validator(mode="after")
    def _each_once(self) -> "Process":
        forms = [step.form for step in self.steps]
        for number, form in enumerate(forms):
            if form in forms[:number]:
                raise trouble("step_twice", at=("steps", number, "form"), form=form)
        return self

    @property
    def first(self) -> str:
        """The state in which a matter begins."""
        return self.begins[0]

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The forms that come back, in the order in which those of one day are taken."""
        return tuple(step.form for step in self.steps)

    def step(self, form: str) -> Step:
        """The step of a form; one that asks for nothing where the process has none."""
        return self._by_form.get(form) or Step(form=form)

    def awaited(self, state: str) -> str | None:
        """The form that moves a matter on from a state; None where nothing does."""
        if state in self.waits_for:
            return self.waits_for[state]
        return next((step.form for step in self.steps if state in step.from_states), None)

    def asked_in(self, form: str) -> str:
        """The state whose beginning asks for a form; the first one where no state does."""
        return next(iter(self.step(form).from_states), self.first)

    def is_back(self, before: str, now: str) -> bool:
        """True for a step from a state to one that comes before it."""
        return self.states.index(now) < self.states.index(before)

    @property
    def after_decision(self) -> Iterator[str]:
        """The forms that still come once it was decided that nothing is to be done."""
        return (step.form for step in self.steps if step.after_decision)

    @cached_property
    def parts_asked_in(self) -> frozenset[str]:
        """The states in which cooperating departments are asked for forms of their own."""
        return frozenset(s for step in self.steps if step.parts for s in step.parts.asked_in)

    @cached_property
    def parts_form(self) -> str | None:
        """The form of which each cooperating department hands in its own; None: there is none."""
        return next((step.form for step in self.steps if step.parts), None)

    @cached_property
    def carried_out_in(self) -> frozenset[str]:
        """The states in which cooperating departments carry out what theirs say."""
        return frozenset(s for step in self.steps if step.parts for s in step.parts.carried_out_in)

    @cached_property
    def _by_form(self) -> dict[str, Step]:
        return {step.form: step for step in self.steps}
