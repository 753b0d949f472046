"""A matter: what opened it, all its steps, and where they have led. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fbbatch.model import Case, Facts, Transition
from fbbatch.schema import Book
from fbbatch.schema.process import Process
from fbbatch.workflow.standing import Standing, replay


@dataclass(frozen=True)
class Matter:
    """Something that is handled by a process, step by step.

    `history` are all its steps so far, oldest first. A case is a matter that feedback opened.
    """

    process: Process
    facts: Facts
    history: tuple[Transition, ...]

    @cached_property
    def standing(self) -> Standing:
        """Where it stands; worked out once."""
        return replay(self.process, self.history)

    @property
    def number(self) -> str:
        """Its number, which no other matter of any process has."""
        return self.facts.number

    @property
    def case(self) -> Case:
        """What the feedback was that opened it.

        Raises:
            TypeError: it is no case.
        """
        if not isinstance(self.facts, Case):
            raise TypeError(self.facts.number)
        return self.facts

    @property
    def is_case(self) -> bool:
        """True for a matter that feedback opened."""
        return isinstance(self.facts, Case)

    def after(self, steps: Sequence[Transition]) -> "Matter":
        """The same matter with more steps."""
        return Matter(self.process, self.facts, (*self.history, *steps)) if steps else self

    def told_by(self, other: "Matter") -> "Matter":
        """What was reported here with the handling of another matter, into which it was merged."""
        return Matter(self.process, self.facts, other.history)

    def before(self, run: str) -> "Matter":
        """The same matter as it was before a run."""
        past = tuple(step for step in self.history if step.run != run)
        return Matter(self.process, self.facts, past)


def matter_of(book: Book, facts: Facts, history: Sequence[Transition]) -> Matter:
    """A matter as the ledger tells it, with the process by which it is handled."""
    return Matter(book.processes[facts.process], facts, tuple(history))
