"""Documents about one case: the case file (D29) and the escalation (D06). Source: 1.3.3, 3.3.3, 5.5.2."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fbbatch.documents.facts import GIVEN, Teller
from fbbatch.documents.templates import Item, Template, Templates, compile_text
from fbbatch.model import Case, Transition
from fbbatch.render.blocks import Block, CellValue, Column, Document, Grid, Heading, Note, PageBreak, Pair, Signatures, Table, Text
from fbbatch.render.words import long_date
from fbbatch.schema import SchemaModel


@dataclass(frozen=True)
class Office:
    """Who writes: the company's name, its form prefix, and the teller that speaks its language."""

    company: str
    form_prefix: str
    teller: Teller

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
        return _HEAD[self.language].format(number=number, date=long_date(date, self.language), form=self.form_number(template))

    def title(self, kind: str) -> str:
        """The title of a kind of document."""
        return self.teller.book.word("document", kind, self.language)


_HEAD = {
    "zh-Hant": "編號：{number}　　編製日期：{date}　　表單編號：{form}",
    "zh-Hans": "编号：{number}　　编制日期：{date}　　表单编号：{form}",
    "en": "No. {number}    Prepared on {date}    Form {form}",
}


def case_report(case: Case, history: Sequence[Transition], office: Office, templates: Templates, *, date: dt.date) -> Document:
    """D29: the complete file of a case. Source: 1.3.3, 5.5.2c."""
    return _document("case_report", case.number, case, history, office, templates, date)


def escalation(case: Case, history: Sequence[Transition], office: Office, templates: Templates, *, date: dt.date) -> Document:
    """D06: a severe or complex case goes to the leaders and heads of department. Source: 3.3.3."""
    return _document("escalation", f"{case.number}-D06", case, history, office, templates, date)


def _document(
    kind: str,
    number: str,
    case: Case,
    history: Sequence[Transition],
    office: Office,
    templates: Templates,
    date: dt.date,
) -> Document:
    template = templates[kind]
    form = office.teller.book.schema(template.form) if template.form else None
    identity = {"form": kind, "version": str(form.version), "case": case.number, "issue": "1"} if form else {}
    blocks = tuple(_blocks(template, form, case, history, office))
    return Document(
        kind, office.title(kind), number, office.company, office.language, date, blocks, office.form_number(template),
        office.head_line(number, date, template), identity=identity,
    )  # fmt: skip


def _blocks(template: Template, form: SchemaModel | None, case: Case, history: Sequence[Transition], office: Office) -> Iterator[Block]:
    """The template's blocks for this case; a heading whose grid has nothing to say is left out with it."""
    language = office.language
    waiting: Heading | None = None
    printed = template.printed
    for block in template.blocks:
        if block.heading is not None:
            waiting = Heading(block.heading[language])
            continue
        made: Block | None = None
        if block.grid is not None:
            pairs = tuple(_pairs(block.grid, form, case, office, printed))
            made = Grid(pairs) if pairs else None
        elif block.table is not None:
            made = _table(template, block.table, case, history, office)
        elif block.note is not None:
            made = Note(compile_text(block.note[language])(_Names(case, office)))
        elif block.text is not None:
            made = Text(compile_text(block.text[language])(_Names(case, office)))
        elif block.signatures is not None:
            made = Signatures(tuple(label[language] for label in block.signatures))
        elif block.page_break:
            made = PageBreak()
        if made is None:
            waiting = None
            continue
        if waiting:
            yield waiting
            waiting = None
        yield made


class _Names(Mapping[str, object]):
    """Facts and answers by name, told when a wording asks for them."""

    def __init__(self, case: Case, office: Office) -> None:
        self._case, self._office = case, office

    def __getitem__(self, name: str) -> object:
        return self._office.teller.fact(self._case, name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _pairs(items: Sequence[Item | str], form: SchemaModel | None, case: Case, office: Office, printed: frozenset[str]) -> Iterator[Pair]:
    teller = office.teller
    for item in items:
        if item == "rest":
            for field in teller.fields(case.schema):
                if field.id not in printed and (value := teller.answer(case, field.id)):
                    yield Pair(field.label[office.language], value, wide=len(value) > 24)
            continue
        if isinstance(item, str):
            if value := teller.fact(case, item):
                yield Pair(teller.label(item, case.schema), value)
            continue
        if item.blank:
            assert form is not None  # noqa: S101 - the template was checked
            field = next(f for f in form.fields if f.id == item.blank)
            yield Pair(field.label[office.language], "", item.wide, item.blank, item.lines)
        elif item.of and (value := teller.fact(case, item.of)):
            label = item.label[office.language] if item.label else teller.label(item.of, case.schema)
            yield Pair(label, value, item.wide)


def _table(template: Template, name: str, case: Case, history: Sequence[Transition], office: Office) -> Table:
    model = template.tables[name]
    language = office.language
    columns = tuple(Column(c.label[language] if c.label else office.teller.label(c.of), c.weight, c.align, c.kind) for c in model.columns)
    rows = _reasons(case, office) if name == "reasons" else _history(history, office)
    wanted = [c.of for c in model.columns]
    empty = model.empty[language] if model.empty else ""
    return Table(columns, tuple(tuple(row[key] for key in wanted) for row in rows), empty=empty)


_SYSTEM = {"zh-Hant": "系統", "zh-Hans": "系统", "en": "System"}
_RULES = {"zh-Hant": "分配規則", "zh-Hans": "分配规则", "en": "Assignment rules"}
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


def _history(history: Sequence[Transition], office: Office) -> list[dict[str, CellValue]]:
    teller, language = office.teller, office.language
    return [
        {
            "serial": number, "happened_on": step.happened_on, "to": teller.book.word("state", step.to, language),
            "document": teller.book.word("document", step.document, language) if step.document != "assignment_rules" else _RULES[language],
            "by": _SYSTEM[language] if step.by in {"batch", "rules"} else step.by, "recorded_at": step.recorded_at,
        }
        for number, step in enumerate(history, 1)
    ]  # fmt: skip
