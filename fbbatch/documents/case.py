"""Documents about one matter: a case's file (D29), and the forms that move a matter on.

The forms are D06, D12–D14 and D16–D21. Source: 1.3.3, 3.3.3, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.documents.facts import Teller
from fbbatch.documents.story import Story, linked, story_fact
from fbbatch.documents.templates import (
    BlockModel,
    ColumnModel,
    Item,
    RowsModel,
    Template,
    Templates,
    compile_text,
)
from fbbatch.model import REPORTER, Case, Transition
from fbbatch.render.blocks import (
    Block,
    CellValue,
    Column,
    Document,
    Grid,
    Heading,
    Note,
    PageBreak,
    Pair,
    Signatures,
    Table,
    Text,
)
from fbbatch.render.words import long_date, text_width
from fbbatch.schema import FieldModel, SchemaModel
from fbbatch.schema.models import Label
from fbbatch.workflow.matter import Matter


@dataclass(frozen=True)
class Office:
    """Who writes: the company's name, its form prefix, and the teller that speaks its language."""

    company: str
    form_prefix: str
    teller: Teller
    service_contact: str = ""

    @cached_property
    def deadlines(self) -> Deadlines:
        """The company's periods."""
        return Deadlines(self.teller.book.deadlines, Calendar(self.teller.book.calendar))

    @property
    def language(self) -> str:
        """The language of the documents."""
        return self.teller.language

    def form_number(self, template: Template) -> str:
        """The number of the form, e.g. `QR-D29 A/1`."""
        number = f"{template.document} A/{template.version}"
        return f"{self.form_prefix}-{number}" if self.form_prefix else number

    def head_line(self, number: str, date: dt.date, template: Template) -> str:
        """The line below the title: number, date, form number."""
        day = long_date(date, self.language)
        form = self.form_number(template)
        return self.teller.phrase("documents.head_line", number=number, date=day, form=form)

    def columns(self, template: Template, table: str) -> tuple[Column, ...]:
        """The columns of a template's table; the same for every case."""
        key = template.id, table
        if key not in self._columns:
            models = template.tables[table].columns
            self._columns[key] = tuple(
                Column(self.head(model), model.weight, model.align, model.kind) for model in models
            )
        return self._columns[key]

    def head(self, column: ColumnModel) -> str:
        """What stands above a column: words of its own, else the label of the fact in it."""
        return column.label[self.language] if column.label else self.teller.label(column.of)

    @cached_property
    def _columns(self) -> dict[tuple[str, str], tuple[Column, ...]]:
        return {}

    def title(self, kind: str) -> str:
        """The title of a kind of document."""
        return self.teller.word("document", kind)


def case_report(
    matter: Matter, office: Office, templates: Templates, *, now: dt.datetime
) -> Document:
    """D29: the complete file of a case. Source: 1.3.3, 5.5.2c."""
    return case_document("case_report", matter, office, templates, now=now)


def case_document(
    kind: str,
    matter: Matter,
    office: Office,
    templates: Templates,
    *,
    now: dt.datetime,
    issue: int = 1,
    filled: bool = False,
    department: str | None = None,
) -> Document:
    """A document about one matter.

    Args:
        kind: `case_report` or that of a form.
        matter: with all its steps.
        office: who writes.
        templates: how.
        now: the as-of time.
        issue: of a form, how often it has been issued for this matter.
        filled: the finished record of a form that has come back, with its answers in place of
            blanks. Source: 5.4.2b.
        department: the cooperating department that answers for itself; None: the one in charge.
            Source: 5.5.2a.
    """
    template = templates[kind]
    form = office.teller.book.schema(template.form) if template.form else None
    identity = {}
    if form and not filled:
        version = str(form.version)
        identity = {"form": kind, "version": version, "case": matter.number, "issue": str(issue)}
    story = story_of(kind, matter, office, now, part=department)
    number = matter.number
    if kind != "case_report":
        number += f"-{template.document}"
        if department:
            number += f"-{office.teller.department(department)}"
        if issue > 1:
            number += f"-{issue}"
    writer = _Writer(template, form, story, office, filled=filled)
    date = now.date()
    return Document(
        kind,
        office.title(kind),
        number,
        office.company,
        office.language,
        date,
        tuple(writer.blocks()),
        office.form_number(template),
        office.head_line(number, date, template),
        identity=identity,
    )


def story_of(
    kind: str,
    matter: Matter,
    office: Office,
    now: dt.datetime,
    *,
    part: str | None = None,
) -> Story:
    """The matter's handling, as the document `kind` tells it.

    It is told to the cooperating department `part`, or to all where `part` is None.
    """
    return Story(
        matter,
        kind,
        now,
        office.deadlines,
        office.company,
        office.service_contact,
        part=part,
    )


class _Writer:
    """Writes the template's blocks for a matter.

    A block that has nothing to say, such as an empty grid, is left out, and its heading with it.
    """

    def __init__(
        self,
        template: Template,
        form: SchemaModel | None,
        story: Story,
        office: Office,
        *,
        filled: bool,
    ) -> None:
        self.template = template
        self.form = form
        self.story = story
        self.office = office
        self.facts = story.facts
        self.language = office.language
        self.teller = office.teller
        self.schema = story.case.schema if story.matter.is_case else ""
        self.names = _Names(template, story, office)
        self.answers = story.newest(template.id) if filled else None
        self.fields = {field.id: field for field in form.fields} if form else {}

    def blocks(self) -> Iterator[Block]:
        """All blocks in order; a heading waits for something to stand below it."""
        waiting: Heading | None = None
        for block in self.template.blocks:
            if block.heading is not None:
                waiting = Heading(block.heading[self.language])
                continue
            made = list(self._made(block))
            if made and waiting:
                yield waiting
            waiting = None
            yield from made

    def _made(self, block: BlockModel) -> Iterator[Block]:
        """What becomes of one block of the template; nothing where it has nothing to say."""
        if block.grid is not None:
            if pairs := tuple(self._pairs(block.grid)):
                yield Grid(pairs)
        elif block.table is not None:
            yield _table(self.template, block.table, self.story.matter, self.office)
        elif block.rows is not None:
            yield self._rows(block.rows)
        elif block.note is not None:
            if self.answers is None:  # it tells how to fill in
                yield Note(self._told(block.note))
        elif block.text is not None:
            for line in self._told(block.text).split("\n"):
                if line.strip():
                    yield Text(line.strip())
        elif block.signatures is not None:
            labels = [label[self.language] for label in block.signatures]
            yield Signatures(tuple(labels))
        elif block.page_break:
            yield PageBreak()

    def _told(self, label: Label) -> str:
        """A wording of the template with the facts filled in."""
        return compile_text(label[self.language])(self.names)

    def _pairs(self, items: Sequence[Item | str]) -> Iterator[Pair]:
        """The pairs of a grid: facts that there are, and blanks or what was filled into them."""
        for item in items:
            if item == "rest":
                yield from self._rest()
            elif isinstance(item, str):
                yield from self._fact(item)
            elif item.blank and self._is_shown(item.blank):
                yield self._blank(item)
            elif item.of:
                yield from self._fact(item.of, label=item.label, wide=item.wide)

    def _fact(self, name: str, *, label: Label | None = None, wide: bool = False) -> Iterator[Pair]:
        """A fact with its label, or with another; nothing where the fact is empty."""
        value = self.names.tell(name)
        if not value:
            return
        told = label[self.language] if label else self.names.label(name, self.schema)
        yield Pair(told, value, wide)

    def _is_shown(self, blank: str) -> bool:
        """True for every blank of a form, in a finished record for those that were filled in."""
        return self.answers is None or self.answers.get(blank) is not None

    def _rest(self) -> Iterator[Pair]:
        """All answers that no other place of the document tells."""
        for field in self.teller.fields(self.schema):
            if field.id in self.template.printed:
                continue
            if value := self.teller.answer(self.facts, field.id):
                yield Pair(field.label[self.language], value, wide=len(value) > _LONG)

    def _blank(self, item: Item) -> Pair:
        assert item.blank is not None  # noqa: S101 - the caller looked
        field = self.fields[item.blank]
        label = field.label[self.language]
        if self.answers is not None:
            return Pair(label, self.teller.say(field, self.answers[field.id]), item.wide)
        given = self.names.tell(item.of) if item.of else ""
        told = given or self.teller.options(field)
        return Pair(
            _starred(label, field),
            told,
            item.wide,
            item.blank,
            item.lines,
            given=bool(given),
            kind=_kind(field),
        )

    def _rows(self, rows: RowsModel) -> Table:
        """The form's table: filled in, or with blank rows.

        The first blank rows are prefilled where the template says so.
        """
        columns = self.fields[rows.of].fields
        heads = [Column(self.teller.phrase("documents.serial"), 0.7, "center")]
        for column in columns:
            label = column.label[self.language]
            weight = self._weight(column)
            heads.append(Column(label, weight, kind=_kind(column), id=column.id))
        given = self._given(rows)
        blank = ""
        if self.answers is None:
            blank = rows.of
            given += [{}] * (rows.count - len(given))
        lines: list[tuple[CellValue, ...]] = []
        for number, row in enumerate(given, 1):
            cells = [self._cell(column, row) for column in columns]
            lines.append((number, *cells))
        return Table(tuple(heads), tuple(lines), title="", blank=blank)

    def _given(self, rows: RowsModel) -> list[Mapping[str, Any]]:
        """The rows that are there already: of this form, else of the one it is prefilled from."""
        given = None
        if self.answers:
            given = self.answers.get(rows.of)
        if not given and rows.prefill:
            given = self.story.newest(rows.prefill).get(rows.of)
        return list(given or ())

    def _weight(self, column: FieldModel) -> float:
        """How wide a column is: enough for its longest option with its box, on one line."""
        options = self.teller.options(column).split("　")
        longest = max(map(text_width, options)) / 2
        return max(_WEIGHTS.get(column.type, 2.2), 0.3 + 0.25 * longest)

    def _cell(self, column: FieldModel, row: Mapping[str, Any]) -> str:
        """A cell of a form's table: the answer, else what there is to be ticked."""
        value = row.get(column.id)
        if value is not None:
            return self.teller.say(column, value)
        return self.teller.options(column) if self.answers is None else ""


_LONG = 24
_WEIGHTS = {
    "date": 1.1,
    "person": 1,
    "department": 1.2,
    "integer": 0.8,
    "number": 0.9,
    "choice": 1.2,
    "boolean": 0.9,
}


def _kind(field: FieldModel) -> str:
    """The kind of a cell that holds an answer to the field."""
    return "date" if field.type == "date" else "text"


def _starred(label: str, field: FieldModel) -> str:
    """A label, with a star where the field must be answered."""
    return f"{label} *" if field.required is True else label


class _Names(Mapping[str, object]):
    """Words of the template, facts and answers by name, told when a wording asks for them."""

    def __init__(self, template: Template, story: Story, office: Office) -> None:
        self._template = template
        self._story = story
        self._office = office

    def tell(self, name: str) -> str:
        """A fact of the handling, else of the matter, else the answer to that field.

        `form.field` is the newest answer to a field of a form that has come back.
        """
        teller = self._office.teller
        if answered := teller.field_of_form(name):
            form, field = answered
            return teller.say(field, self._story.newest(form).get(field.id, ""))
        told = story_fact(teller, self._story, name)
        return teller.fact(self._story.facts, name) if told is None else told

    def label(self, name: str, schema: str) -> str:
        """The label of a fact, of a field of a schema, or of a field of a form (`form.field`)."""
        teller = self._office.teller
        if answered := teller.field_of_form(name):
            return answered[1].label[teller.language]
        if name == "number" and not self._story.matter.is_case:
            return teller.label("matter_number")
        return teller.label(name, schema)

    def __getitem__(self, name: str) -> object:
        key = f"letter_{self._story.reply}" if name == "letter" else name
        word = self._template.words.get(key)
        if word is None:
            return self.tell(name)
        return compile_text(word[self._office.language])(self).strip()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _table(template: Template, name: str, matter: Matter, office: Office) -> Table:
    """The table of reasons, or of the steps."""
    model = template.tables[name]
    told = history_rows(matter.history, office)
    if name == "reasons":
        told = _reasons(matter.case, office) if matter.is_case else []
    rows = []
    for row in told:
        cells = [row[column.of] for column in model.columns]
        rows.append(tuple(cells))
    empty = model.empty[office.language] if model.empty else ""
    return Table(office.columns(template, name), tuple(rows), empty=empty)


_NO_PERSON = {
    "batch": "documents.system",
    "rules": "documents.system",
    REPORTER: "render.reporter",
}
"""Who took a step, where it is no person, and the words for that."""
_OTHER_DOCUMENTS = {
    "assignment_rules": "documents.assignment_rules",
    "time": "documents.time",
    "amendment": "documents.amendment",
}
"""What brought a step, where it is no document, and the words for that."""


def _reasons(case: Case, office: Office) -> list[dict[str, CellValue]]:
    """Why the case was classified so: rule, what it says, the words, and where they stand."""
    teller = office.teller
    rows: list[dict[str, CellValue]] = []
    for reason in case.evidence["reasons"]:
        text = case.text(reason["field"])
        words = teller.words(reason["words"], text)
        if reason["negated"]:
            negated = teller.words(reason["negated"], text)
            words += teller.phrase("documents.denied", words=negated)
        rule = reason["rule"]
        if rule == "given":
            rule = teller.phrase("documents.given")
        rows.append(
            {
                "rule": rule,
                "says": teller.says(reason["says"]),
                "words": words.strip(),
                "where": teller.label(reason["field"], case.schema),
            }
        )
    return rows


def history_rows(history: Sequence[Transition], office: Office) -> list[dict[str, CellValue]]:
    """The steps of a case in words: date, state, document, who, and when it was recorded."""
    teller = office.teller
    return [
        {
            "serial": number,
            "happened_on": step.happened_on,
            "to": teller.word("state", step.to),
            "document": _document_of(step, teller),
            "by": _by(step, teller),
            "recorded_at": step.recorded_at,
        }
        for number, step in enumerate(history, 1)
    ]


def _by(step: Transition, teller: Teller) -> str:
    """Who took a step."""
    if step.by in _NO_PERSON:
        return teller.phrase(_NO_PERSON[step.by])
    return teller.person(step.by)


_DECIDES = {"verification": "conclusion", "coordination": "decision"}


def _decided(step: Transition, teller: Teller) -> str:
    """What was decided on the form of a step, where its state alone does not tell."""
    decision = _DECIDES.get(step.document)
    if decision is None:
        return ""
    decided = teller.field_of_form(f"{step.document}.{decision}")
    value = step.answers.get(decision)
    return teller.say(decided[1], value) if decided and value else ""


def _document_of(step: Transition, teller: Teller) -> str:
    """The document that brought a step, with a remark in brackets, and what an amendment changed.

    The remark says whose part it was, which case it follows or leads to, or what was decided.
    Each change stands on a line of its own.
    """
    language = teller.language
    if step.document in _OTHER_DOCUMENTS:
        name = teller.phrase(_OTHER_DOCUMENTS[step.document])
    else:
        name = teller.word("document", step.document)
    about = (
        teller.department(step.details.part)
        or linked(step.details.follows, step.details.followed_by, language)
        or _decided(step, teller)
    )
    told = [teller.with_remark(name, about)]
    for field, both in (step.details.changes or {}).items():
        old, new = (teller.tell(field, value, "") or "—" for value in both)
        told.append(teller.phrase("documents.change", label=teller.label(field), old=old, new=new))
    return "\n".join(told)
