"""What in a process a run would stumble over, or would let a case close that nobody verified.

A company may change who signs and what is needed; the gates that `NEVER_LOOSER` names stay shut.
"""

from collections.abc import Iterator
from functools import cache

from fbbatch.schema.book import Book
from fbbatch.schema.models import SchemaModel
from fbbatch.schema.needs import NEEDS
from fbbatch.schema.process import STATES, Need, Process, Step
from fbbatch.schema.shipped import shipped_folder
from fbbatch.schema.strict_yaml import Yaml, YamlPath, load
from fbbatch.schema.wording import Problem

SIGNERS = frozenset(
    {
        "head_of_lead",
        "of_addressee",
        "head_of_addressee",
        "heads",
        "heads_of_p01",
        "independent",
        "anyone",
    }
)
"""Words for who may sign, besides roles."""
NEVER_LOOSER: dict[str, tuple[str, tuple[str, ...]]] = {
    "assignment": ("answered_by", ()),
    "measures": ("approved_by", ()),
    "result": ("approved_by", ()),
    "verification": ("verified_by", ("independent",)),
    "coordination": ("approved_by", ()),
}
"""Of forms that move a case: the field that must be signed, and the only words for it.

No words: any but `anyone`.
"""


_SAID_ELSEWHERE = frozenset((need.form, need.field) for need in NEEDS)
"""Fields that are checked with their form: see `fbbatch.schema.needs`."""


@cache
def shipped_process() -> Process:
    """The process of cases as it comes with fbbatch: what it needs, a company's own needs, too."""
    path = shipped_folder() / "schemas/processes/case.yaml"
    return Process.model_validate(load(path, path.name).content)


class _Check:
    """Looks through the process of cases.

    Args:
        book: with the forms, periods, roles and words that a process names.
        yaml: the process's file.
    """

    def __init__(self, book: Book, yaml: Yaml) -> None:
        self.book = book
        self.process = book.process
        self.yaml = yaml

    def problem(self, path: YamlPath, sentence: str, **details: object) -> Problem:
        """What is wrong at a path of the file.

        Args:
            path: of the key in question.
            sentence: its name in the group `process` of the wording.
            details: what is filled in.
        """
        return Problem(self.yaml, path, f"process.{sentence}", details)

    def troubles(self) -> Iterator[Problem]:
        """Everything that is wrong in it."""
        for number, step in enumerate(self.process.steps):
            form = self.book.schema(step.form)
            path = ("steps", number)
            if form is None or form.kind != "form":
                yield self.problem((*path, "form"), "form", form=step.form)
                continue
            yield from self.in_step(step, form, path)
            for place, need in enumerate(step.needs):
                yield from self.in_need(need, form, (*path, "needs", place))
        yield from self.in_issues()
        yield from self.gates()
        yield from self.needs()

    def in_step(self, step: Step, form: SchemaModel, path: YamlPath) -> Iterator[Problem]:
        """Periods, fields and words for people that are not there."""
        clocks = {rule.id for rule in self.book.deadlines.deadlines}
        if step.clock and step.clock not in clocks:
            yield self.problem((*path, "clock"), "clock", clock=step.clock)
        fields = {field.id for field in form.fields}
        for field, words in step.signed_by.items():
            place = (*path, "signed_by", field)
            if field not in fields:
                yield self.problem(place, "field", form=form.id, field=field)
            for word in words:
                if word not in SIGNERS and word not in self.book.organisation.roles:
                    yield self.problem(place, "signer", word=word)

    def in_need(self, need: Need, form: SchemaModel, path: YamlPath) -> Iterator[Problem]:
        """Fields and codes that the form does not have."""
        fields = {field.id: field for field in form.fields}
        for name in (*need.fields, *need.when):
            if name not in fields and (form.id, name) not in _SAID_ELSEWHERE:
                yield self.problem(path, "field", form=form.id, field=name)
        for name, codes in need.when.items():
            if name not in fields or (form.id, name) in _SAID_ELSEWHERE:
                continue
            offered = {value.code for value in self.book.values(fields[name])}
            for code in sorted(set(codes) - offered):
                place = (*path, "when", name)
                yield self.problem(place, "code", form=form.id, field=name, code=code)

    def in_issues(self) -> Iterator[Problem]:
        """States and kinds of document that there are none of."""
        for state, kinds in self.process.issues.items():
            path = ("issues", state)
            if state not in STATES:
                yield self.problem(path, "state", state=state, known=", ".join(STATES))
            for kind in kinds:
                if not self.book.knows("document", kind):
                    yield self.problem(path, "kind", kind=kind)

    def gates(self) -> Iterator[Problem]:
        """Forms that move a case and that nobody, or anybody, has to sign."""
        for form, (field, only) in NEVER_LOOSER.items():
            may = set(self.process.step(form).signed_by.get(field, ()))
            is_loose = not may or "anyone" in may
            if is_loose or (only and may != set(only)):
                wanted = ", ".join(only) or "head_of_lead, P03"
                path = self.path_of(form)
                yield self.problem(path, "gate", form=form, field=field, wanted=wanted)

    def needs(self) -> Iterator[Problem]:
        """Fields that the loop reads, and that this process does not make sure of."""
        for step in shipped_process().steps:
            own = self.process.step(step.form).needs
            for need in step.needs:
                if not any(_covers(one, need) for one in own):
                    fields = ", ".join(need.fields)
                    path = self.path_of(step.form)
                    yield self.problem(path, "need", form=step.form, fields=fields)

    def path_of(self, form: str) -> YamlPath:
        """Where a form's step stands; where there is none, where it should be."""
        forms = self.process.forms
        return ("steps", forms.index(form)) if form in forms else ("steps",)


def _covers(own: Need, shipped: Need) -> bool:
    """True where a need asks for all that the shipped one asks for, whenever that does."""
    if not set(shipped.fields) <= set(own.fields):
        return False
    if own.severity and not set(own.severity) >= set(shipped.severity or ("every",)):
        return False
    for name, codes in own.when.items():
        if not set(codes) >= set(shipped.when.get(name, ("every",))):
            return False
    return True


def process_troubles(book: Book, yaml: Yaml) -> Iterator[Problem]:
    """Everything that is wrong in the process of cases, whose file is `yaml`."""
    return _Check(book, yaml).troubles()
