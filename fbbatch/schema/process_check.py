"""What in a process a run would stumble over, or would let a matter end that nobody has verified.

A company may change who signs and what is needed; what the process that comes with fbbatch says in
`never` holds, also where it was deleted.
"""

from collections.abc import Iterator
from functools import cache

from fbbatch.schema.book import Book
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.needs import NEEDS
from fbbatch.schema.process import CASE, DUE_ON, Need, Process, Step
from fbbatch.schema.process_proof import (
    idle,
    is_kept,
    never_issued,
    reachable,
    traps,
)
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
_SAID_ELSEWHERE = frozenset((need.form, need.field) for need in NEEDS)
"""Fields that are checked with their form: see `fbbatch.schema.needs`."""


@cache
def shipped_process(process: str = CASE) -> Process | None:
    """A process as it comes with fbbatch; None for one of the company's own."""
    path = shipped_folder() / f"schemas/processes/{process}.yaml"
    return Process.model_validate(load(path, path.name).content) if path.exists() else None


class _Check:
    """Looks through a process.

    Args:
        book: with the forms, periods, roles and words that a process names.
        process: the process.
        yaml: its file.
    """

    def __init__(self, book: Book, process: Process, yaml: Yaml) -> None:
        self.book = book
        self.process = process
        self.shipped = shipped_process(process.id)
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
        """Everything that is wrong in it; the proof comes once all names mean something."""
        named = [
            *self.names(),
            *self.states(),
            *self.in_issues(),
            *self.in_opening(),
        ]
        for number, step in enumerate(self.process.steps):
            named += self.step(step, ("steps", number))
        yield from named
        if not named:
            yield from self.proof()
        yield from self.never()
        yield from self.needs()

    def names(self) -> Iterator[Problem]:
        """The process's own names."""
        if self.process.id != self.yaml.file.rpartition("/")[2].removesuffix(".yaml"):
            yield self.problem(("id",), "id", process=self.process.id)
        for other in self.book.processes.values():
            if other.id != self.process.id and other.number == self.process.number:
                yield self.problem(("number",), "number", process=other.id)
        if self.process.id == CASE and self.process.number != "FB":
            yield self.problem(("number",), "case_number")

    def states(self) -> Iterator[Problem]:
        """States that there are none of, twice, or that no document could name."""
        process = self.process
        for number, state in enumerate(process.states):
            if state in process.states[:number]:
                yield self.problem(("states", number), "state_twice", state=state)
            if not self.book.knows("state", state):
                yield self.problem(("states", number), "state_word", state=state)
        for path, state in self.states_named():
            if state not in process.states:
                known = ", ".join(process.states)
                yield self.problem(path, "state", state=state, known=known)
        shipped = self.shipped
        lost = [state for state in shipped.states if state not in process.states] if shipped else []
        for state in lost:
            yield self.problem(("states",), "state_lost", state=state)
        if shipped and shipped.ends != process.ends:
            yield self.problem(("ends",), "ends", ends=", ".join(shipped.ends))

    def states_named(self) -> Iterator[tuple[YamlPath, str]]:
        """Each place of the file that names a state."""
        process = self.process
        for key in ("begins", "ends"):
            for number, state in enumerate(getattr(process, key)):
                yield (key, number), state
        for key in ("waits_for", "issues"):
            for state in getattr(process, key):
                yield (key, state), state
        for number, passing in enumerate(process.time):
            yield ("time", number, "in"), passing.in_state
            if passing.to:
                yield ("time", number, "to"), passing.to
        for number, step in enumerate(process.steps):
            path = ("steps", number)
            for state in step.from_states:
                yield (*path, "from"), state
            for state in step.targets:
                yield (*path, "to"), state
            for state in (*step.parts.asked_in, *step.parts.carried_out_in) if step.parts else ():
                yield (*path, "parts"), state

    def step(self, step: Step, path: YamlPath) -> Iterator[Problem]:
        """Everything that is wrong in one step."""
        form = self.book.schema(step.form)
        if form is None or form.kind != "form":
            yield self.problem((*path, "form"), "form", form=step.form)
            return
        yield from self.in_step(step, form, path)
        yield from self.in_branches(step, form, path)
        for place, need in enumerate(step.needs):
            yield from self.in_need(need, form, (*path, "needs", place))

    def in_branches(self, step: Step, form: SchemaModel, path: YamlPath) -> Iterator[Problem]:
        """Answers by which a form would lead somewhere, and that it does not offer."""
        if not isinstance(step.to, dict):
            if step.to and step.is_fact and not step.decision:
                yield self.problem((*path, "to"), "from_nowhere", form=form.id)
            return
        fields = {field.id: field for field in form.fields}
        for name, codes in step.to.items():
            if name not in fields:
                yield self.problem((*path, "to", name), "field", form=form.id, field=name)
                continue
            offered = self.offered(fields[name])
            for code in sorted(set(codes) ^ offered):
                sentence = "code" if code in codes else "code_missing"
                where = (*path, "to", name)
                yield self.problem(where, sentence, form=form.id, field=name, code=code)

    def offered(self, field: FieldModel) -> set[str]:
        """The codes that may answer a field."""
        if field.type == "boolean":
            return {"yes", "no"}
        return {value.code for value in self.book.values(field)}

    def in_opening(self) -> Iterator[Problem]:
        """Nobody to lead what the batch opens by itself."""
        opens = self.process.opens
        if opens and not (self.book.holders(opens.lead) or self.book.has_department(opens.lead)):
            yield self.problem(("opens", "lead"), "lead", lead=opens.lead)

    def proof(self) -> Iterator[Problem]:
        """What follows from the process as a whole."""
        process = self.process
        found = reachable(process)
        for number, state in enumerate(process.states):
            if state not in found:
                yield self.problem(("states", number), "unreachable", state=state)
        for state in traps(process):
            yield self.problem(("states",), "trap", state=state)
        for state in idle(process):
            yield self.problem(("states",), "idle", state=state)
        for form in never_issued(process):
            yield self.problem(("issues",), "never_issued", form=form)

    def never(self) -> Iterator[Problem]:
        """What the process must never do, as it says itself or as the shipped one does."""
        own, shipped = (
            self.process.never,
            self.shipped.never if self.shipped else [],
        )
        for clause in (
            *own,
            *(clause for clause in shipped if clause not in own),
        ):
            if is_kept(clause, self.process):
                continue
            if clause.reach:
                gates = ", ".join(clause.without)
                path: YamlPath = ("states",)
                yield self.problem(path, "way_around", state=clause.reach, gates=gates)
            else:
                form, field = clause.take or "", clause.unsigned or ""
                wanted = ", ".join(clause.only) or "head_of_lead, P03"
                path = self.path_of(form)
                yield self.problem(path, "gate", form=form, field=field, wanted=wanted)

    def in_step(self, step: Step, form: SchemaModel, path: YamlPath) -> Iterator[Problem]:
        """Periods, fields and words for people that are not there."""
        for name in ("clock", "reminded_after"):
            if clock := getattr(step, name):
                yield from self.in_clock(clock, (*path, name))
        fields = {field.id for field in form.fields}
        for name in (
            *step.settles,
            *([step.parts.field] if step.parts else ()),
        ):
            if name not in fields:
                yield self.problem(path, "field", form=form.id, field=name)
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
        """Kinds of document that there are none of, and periods."""
        for state, kinds in self.process.issues.items():
            for kind in kinds:
                if not self.book.knows("document", kind):
                    yield self.problem(("issues", state), "kind", kind=kind)
        for number, passing in enumerate(self.process.time):
            if passing.after:
                yield from self.in_clock(passing.after, ("time", number, "after"))

    def in_clock(self, clock: str, path: YamlPath) -> Iterator[Problem]:
        """A period that there is none of, or that only cases have."""
        rules = {rule.id: rule for rule in self.book.deadlines.deadlines}
        rule = rules.get(clock)
        if rule is None and clock != DUE_ON:
            yield self.problem(path, "clock", clock=clock)
            return
        is_for_all = rule is not None and "all" in {
            *rule.hours,
            *rule.working_days,
        }
        if self.process.id != CASE and not is_for_all:
            yield self.problem(path, "clock_of_cases", clock=clock)

    def needs(self) -> Iterator[Problem]:
        """Fields that the loop reads, and that this process does not make sure of."""
        for step in self.shipped.steps if self.shipped else ():
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


def process_troubles(book: Book, process: Process, yaml: Yaml) -> Iterator[Problem]:
    """Everything that is wrong in a process, whose file is `yaml`."""
    return _Check(book, process, yaml).troubles()
