"""`schemas/processes/*.yaml`: how a matter is handled, form by form.

What a table can say stands here; what is a decision (a hold, a merger, a verdict) is a function in
`fbbatch.workflow.process`.

Source: regulation part 5.
"""

from functools import cached_property

from pydantic import Field, model_validator

from fbbatch.schema.models import Id, Strict
from fbbatch.schema.wording import trouble

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
"""The states of a case, in the order in which it comes to them."""


class Need(Strict):
    """Fields that must be filled in, where an answer or the severity makes them necessary."""

    when: dict[str, list[str]] = Field(
        default={}, description="field of the form: the codes that make it necessary"
    )
    severity: list[str] = Field(default=[], description="severities of the case; none: any")
    fields: list[str] = Field(min_length=1, description="ids of the fields")


class Step(Strict):
    """A form that comes back."""

    form: Id
    clock: str | None = Field(
        default=None,
        pattern=r"^T[0-9]{2}[a-z]?$",
        description="the period of deadlines.yaml within which it is wanted",
    )
    signed_by: dict[str, list[str]] = Field(
        default={}, description="field with the name: words for who may sign"
    )
    needs: list[Need] = []


class Process(Strict):
    """`schemas/processes/<id>.yaml`."""

    id: Id
    clause: str
    steps: list[Step] = Field(
        min_length=1, description="in the order in which forms of one day are taken"
    )
    issues: dict[str, list[str]] = Field(
        default={}, description="state: the kinds of document issued when a case comes to it"
    )

    @model_validator(mode="after")
    def _each_once(self) -> "Process":
        forms = [step.form for step in self.steps]
        for number, form in enumerate(forms):
            if form in forms[:number]:
                raise trouble("step_twice", at=("steps", number, "form"), form=form)
        return self

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The forms that come back, in the order in which those of one day are taken."""
        return tuple(step.form for step in self.steps)

    def step(self, form: str) -> Step:
        """The step of a form; one that asks for nothing where the process has none."""
        return self._by_form.get(form) or Step(form=form)

    @cached_property
    def _by_form(self) -> dict[str, Step]:
        return {step.form: step for step in self.steps}
