"""Documents about one matter: a case's file (D29), and the forms that move a matter on.

The forms are D06, D12–D14 and D16–D21. Source: 1.3.3, 3.3.3, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.documents.facts import GIVEN, Teller
from fbbatch.documents.story import Story, linked, story_fact
from fbbatch.documents.templates import (
    BlockModel,
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
from fbbatch.render.words import REPORTER_WORD, long_date, text_width
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
        return (
            f"{self.form_prefix}-{template.document} A/{template.version}"
            if self.form_prefix
            else f"{template.document} A/{template.version}"
        )

    def head_line(self, number: str, date: dt.date, template: Template) -> str:
        """The line below the title: number, date, form number."""
        return _HEAD[self.language].format(
            number=number, date=long_date(date, self.language), form=self.form_number(template)
        )

    def columns(self, template: Template, table: str) -> tuple[Column, ...]:
        """The columns of a template's table; the same for every case."""
        key = template.id, table
        if key not in self._columns:
            self._columns[key] = tuple(
                Column(
                    c.label[self.language] if c.label else self.teller.label(c.of),
                    c.weight,
                    c.align,
                    c.kind,
                )
                for c in template.tables[table].columns
            )
        return self._columns[key]

    @cached_property
    def _columns(self) -> dict[tuple[str, str], tuple[Column, ...]]:
        return {}

    def title(self, kind: str) -> str:
        """The title of a kind of document."""
        return self.teller.book.word("document", kind, self.language)


_HEAD = {
    "zh-Hant": "編號：{number}　　編製日期：{date}　　表單編號：{form}",
    "zh-Hans": "编号：{number}　　编制日期：{date}　　表单编号：{form}",
    "en": "No. {number}    Prepared on {date}    Form {form}",
}


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
    blank = form is not None and not filled
    identity = (
        {"form": kind, "version": str(form.version), "case": matter.number, "issue": str(issue)}
        if form and blank
        else {}
    )
    story = story_of(kind, matter, office, now, part=department)
    own = f"-{office.teller.book.department(department, office.language)}" if department else ""
    number = (
        matter.number
        if kind == "case_report"
        else f"{matter.number}-{template.document}{own}{f'-{issue}' if issue > 1 else ''}"
    )
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
        self.template, self.form, self.story, self.office = template, form, story, office
        self.facts, self.language, self.teller = story.facts, office.language, office.teller
        self.schema = story.case.schema if story.matter.is_case else ""
        self.names = _Names(template, story, office)
        self.answers = story.newest(template.id) if filled else None
        self.fields = {field.id: field for field in form.fields} if form else {}

    def blocks(self) -> Iterator[Block]:
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
            yield from (
                Text(line.strip()) for line in self._told(block.text).split("\n") if line.strip()
            )
        elif block.signatures is not None:
            yield Signatures(tuple(label[self.language] for label in block.signatures))
        elif block.page_break:
            yield PageBreak()

    def _told(self, label: Label) -> str:
        return compile_text(label[self.language])(self.names)

    def _pairs(self, items: Sequence[Item | str]) -> Iterator[Pair]:
        for item in items:
            if item == "rest":
                yield from self._rest()
            elif isinstance(item, str):
                if value := self.names.tell(item):
                    yield Pair(self.names.label(item, self.schema), value)
            elif item.blank and (self.answers is None or self.answers.get(item.blank) is not None):
                yield self._blank(item)
            elif item.of and (value := self.names.tell(item.of)):
                label = (
                    item.label[self.language]
                    if item.label
                    else self.names.label(item.of, self.schema)
                )
                yield Pair(label, value, item.wide)

    def _rest(self) -> Iterator[Pair]:
        for field in self.teller.fields(self.schema):
            if field.id not in self.template.printed and (
                value := self.teller.answer(self.facts, field.id)
            ):
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
        table = self.fields[rows.of]
        columns = tuple(
            Column(
                column.label[self.language], self._weight(column), kind=_kind(column), id=column.id
            )
            for column in table.fields
        )
        serial = Column(_SERIAL[self.language], 0.7, "center")
        given = (
            (self.answers or {}).get(rows.of)
            or (self.story.newest(rows.prefill).get(rows.of) if rows.prefill else None)
            or []
        )
        count = len(given) if self.answers is not None else max(rows.count, len(given))
        lines: list[tuple[CellValue, ...]] = [
            (
                number,
                *(
                    self._cell(column, given[number - 1] if number <= len(given) else {})
                    for column in table.fields
                ),
            )
            for number in range(1, count + 1)
        ]
        return Table(
            (serial, *columns),
            tuple(lines),
            title="",
            blank="" if self.answers is not None else rows.of,
        )

    def _weight(self, column: FieldModel) -> float:
        """How wide a column is: enough for its longest option with its box, on one line."""
        options = max(
            (text_width(option) / 2 for option in self.teller.options(column).split("　")),
            default=0,
        )
        return max(_WEIGHTS.get(column.type, 2.2), 0.3 + 0.25 * options)

    def _cell(self, column: FieldModel, row: Mapping[str, Any]) -> str:
        value = row.get(column.id)
        return (
            self.teller.say(column, value)
            if value is not None
            else ""
            if self.answers is not None
            else self.teller.options(column)
        )


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
_SERIAL = {"zh-Hant": "序號", "zh-Hans": "序号", "en": "No."}


def _kind(field: FieldModel) -> str:
    return "date" if field.type == "date" else "text"


def _starred(label: str, field: FieldModel) -> str:
    return f"{label} *" if field.required is True else label


class _Names(Mapping[str, object]):
    """Words of the template, facts and answers by name, told when a wording asks for them."""

    def __init__(self, template: Template, story: Story, office: Office) -> None:
        self._template, self._story, self._office = template, story, office

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
        word = self._template.words.get(f"letter_{self._story.reply}" if name == "letter" else name)
        return compile_text(word[self._office.language])(self).strip() if word else self.tell(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _table(template: Template, name: str, matter: Matter, office: Office) -> Table:
    model = template.tables[name]
    rows = (
        _reasons(matter.case, office) if name == "reasons" else history_rows(matter.history, office)
    )
    wanted = [c.of for c in model.columns]
    empty = model.empty[office.language] if model.empty else ""
    return Table(
        office.columns(template, name),
        tuple(tuple(row[key] for key in wanted) for row in rows),
        empty=empty,
    )


_SYSTEM = {"zh-Hant": "系統", "zh-Hans": "系统", "en": "System"}
_NO_PERSON = {"batch": _SYSTEM, "rules": _SYSTEM, REPORTER: REPORTER_WORD}
_TIME = {"zh-Hant": "期限屆滿", "zh-Hans": "期限届满", "en": "Passing of time"}
_RULES = {"zh-Hant": "分配規則", "zh-Hans": "分配规则", "en": "Assignment rules"}
_AMENDMENT = {"zh-Hant": "更正後重報", "zh-Hans": "更正后重报", "en": "Corrected copy"}
_OTHER_DOCUMENTS = {"assignment_rules": _RULES, "time": _TIME, "amendment": _AMENDMENT}
_CHANGE = {"zh-Hant": "{}：{} → {}", "zh-Hans": "{}：{} → {}", "en": "{}: {} → {}"}
_DENIED = {"zh-Hant": "（已否定：{}）", "zh-Hans": "（已否定：{}）", "en": " (denied: {})"}


def _reasons(case: Case, office: Office) -> list[dict[str, CellValue]]:
    teller, language = office.teller, office.language
    rows: list[dict[str, CellValue]] = []
    for reason in case.evidence["reasons"]:
        text = case.text(reason["field"])
        words = teller.words(reason["words"], text)
        if reason["negated"]:
            words += _DENIED[language].format(teller.words(reason["negated"], text))
        rule = GIVEN[language] if reason["rule"] == "given" else reason["rule"]
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
    teller, language = office.teller, office.language
    return [
        {
            "serial": number,
            "happened_on": step.happened_on,
            "to": teller.book.word("state", step.to, language),
            "document": _document_of(step, teller),
            "by": _NO_PERSON[step.by][language]
            if step.by in _NO_PERSON
            else teller.person(step.by),
            "recorded_at": step.recorded_at,
        }
        for number, step in enumerate(history, 1)
    ]


_DECIDES = {"verification": "conclusion", "coordination": "decision"}


def _decided(step: Transition, teller: Teller) -> str:
    """What was decided on the form of a step, where its state alone does not tell."""
    form = teller.book.schema(step.document) if step.document in _DECIDES else None
    field = (
        next((f for f in form.fields if f.id == _DECIDES[step.document]), None) if form else None
    )
    value = step.answers.get(_DECIDES[step.document]) if field else None
    return teller.say(field, value) if field and value else ""


def _document_of(step: Transition, teller: Teller) -> str:
    """The document that brought a step, with a remark in brackets, and what an amendment changed.

    The remark says whose part it was, which case it follows or leads to, or what was decided.
    Each change stands on a line of its own.
    """
    language = teller.language
    words = _OTHER_DOCUMENTS.get(step.document)
    name = words[language] if words else teller.book.word("document", step.document, language)
    about = (
        teller.book.department(step.details.part, language)
        or linked(step.details.follows, step.details.followed_by, language)
        or _decided(step, teller)
    )
    told = [
        _CHANGE[language].format(
            teller.label(field), *(teller.tell(field, value, "") or "—" for value in both)
        )
        for field, both in (step.details.changes or {}).items()
    ]
    return "\n".join(
        [name + (" ({})" if language == "en" else "（{}）").format(about) if about else name, *told]
    )
