"""D05, the summary sheet of a day: all columns, the print edition, counts, charts.

It is also made when nothing came. Source: 3.3.1, 3.3.2.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fbbatch.documents.case import Office
from fbbatch.documents.facts import as_date
from fbbatch.documents.templates import ColumnModel, Template, Templates
from fbbatch.model import REPORTER, Case, WaitingForm
from fbbatch.render.blocks import (
    CellValue,
    Chart,
    Column,
    Document,
    Note,
    Signatures,
    Table,
    Text,
    WorkBook,
    WorkSheet,
)
from fbbatch.render.words import long_date
from fbbatch.wording import say

_FEW = 20
_PRINTED_CHARACTERS = 160
_SEVERITY_COLOURS = ("#A6A6A6", "#E0A030", "#C0392B")


def summary_workbook(
    cases: Sequence[Case],
    day: dt.date,
    office: Office,
    templates: Templates,
    *,
    run: str = "",
    waiting: Sequence[WaitingForm] = (),
) -> WorkBook:
    """The workbook of the day `day`.

    `cases` are those registered on it, `waiting` the forms that a person has to decide about.
    Edited and dropped back, it is a form: `run` names the copy that it is compared with. Source:
    N3, N7.
    """
    template, name = templates["summary"], office.title("summary")
    word = _words(template, office)
    lines = (
        _period(cases, day, office, word),
        _summariser(office, word),
        f"{word('editor')}{say('colon', office.language)}",
    )
    signatures = _signed(word)
    every = _table(cases, [c for c in template.columns if c.print != "only"], office, word)
    printed = _table(cases, [c for c in template.columns if c.print], office, word)
    by_type, by_source = _by_type(cases, office, word), _by_source(cases, office, word)

    def title(table: str) -> str:
        return word("chart", title=word(table), day=day.isoformat(), n=len(cases))

    n_severities = len(by_type.columns) - 3
    charts: tuple[Chart, ...] = ()
    if cases:
        charts = (
            Chart(
                title("by_type"),
                word("by_type"),
                tuple(range(1, 1 + n_severities)),
                stacked=True,
                colours=_SEVERITY_COLOURS,
            ),
            Chart(title("by_source"), word("by_source"), (1,), colours=("#5B7FA6",)),
        )
    few = (word("small"),) if len(cases) < _FEW else ()
    return WorkBook(
        "summary",
        name,
        office.company,
        office.language,
        day,
        (
            WorkSheet(word("print"), name, lines, (printed,), signatures=signatures),
            WorkSheet(word("all"), name, lines, (every,), signatures=signatures),
            WorkSheet(
                word("counts"),
                f"{name}　{word('counts')}",
                lines[:1],
                (by_type, by_source),
                charts,
                signatures,
                few,
                landscape=False,
                freeze=False,
            ),
            *_to_decide(waiting, office, word, lines[2], templates),
        ),
        form_number=office.form_number(template),
        identity={"form": "summary", "version": str(template.version), "case": "", "issue": run},
    )


def _to_decide(
    waiting: Sequence[WaitingForm], office: Office, word: "Word", editor: str, templates: Templates
) -> Iterator[WorkSheet]:
    """The sheet on which a person decides about forms that wait.

    It has one row for each decision, with a drop-down. Source: N2.
    """
    form = office.teller.book.schema("tracking_ledger")
    field = next((f for f in form.fields if f.id == "decision"), None) if form else None
    if not waiting or field is None:
        return
    labels = {
        value.code: value.label[office.language] for value in office.teller.book.values(field)
    }
    decisions: dict[str, list[WaitingForm]] = {}
    for one in waiting:
        decisions.setdefault(one.number, []).append(one)
    most = max(map(len, decisions.values()))
    options = (
        *[label for code, label in labels.items() if code != "ignore"][:most],
        labels["ignore"],
    )
    heads = (
        "decision_number",
        "decision_case",
        "decision_form",
        "decision_why",
        "decision_options",
    )
    columns = (
        *(Column(word(name), id=name if name != "decision_number" else "number") for name in heads),
        Column(field.label[office.language], id=field.id, editable=True, options=options),
    )
    rows = []
    for number, forms in decisions.items():
        first = forms[0]
        why = word("why_dispute" if first.is_dispute else "why_mail")
        told = "\n".join(_option(one, forms, labels, office, word) for one in forms)
        rows.append((number, first.case, office.title(first.form), why, told, ""))
    lines = (word("decision_guide"), editor)
    yield WorkSheet(
        word("to_decide"),
        f"{office.title('summary')}　{word('to_decide')}",
        lines,
        (Table(columns, tuple(rows)),),
    )


def _option(
    one: WaitingForm,
    forms: Sequence[WaitingForm],
    labels: Mapping[str, str],
    office: Office,
    word: "Word",
) -> str:
    """What one of the forms says.

    That is who signed it and when, who mailed it, to which state it would lead, and the answers in
    which the forms differ.
    """
    others = [other.told.values for other in forms if other is not one]
    parts = [*_came(one, office, word), *_differs(one, others, office)]
    told = say("semicolon", office.language).join(parts)
    label = labels.get(one.option.lower(), one.option)
    return f"{label}{say('colon', office.language)}{told}"


def _came(form: WaitingForm, office: Office, word: "Word") -> Iterator[str]:
    """Who signed a form and when, who mailed it, and to which state it would lead."""
    teller, told = office.teller, form.told
    signer = teller.person(told.by)
    if told.by == REPORTER:
        signer = say("render.reporter", office.language)
    yield word("signed", name=signer or "—", day=str(told.on or "—")[:10])
    if told.mailed:
        yield word("mailed", sender=told.mailed)
    if told.would:
        state = teller.book.word("state", told.would, office.language)
        yield word("would", state=state)


def _differs(
    form: WaitingForm, others: Sequence[Mapping[str, Any]], office: Office
) -> Iterator[str]:
    """The answers of a form that differ from those of another; all, where there is no other."""
    teller = office.teller
    schema = teller.book.schema(form.form)
    if schema is None:
        return
    for field in schema.fields:
        value = form.told.values.get(field.id)
        if value is None or field.type == "table":
            continue
        if not others or any(other.get(field.id) != value for other in others):
            label = field.label[office.language]
            yield f"{label}{say('colon', office.language)}{teller.say(field, value)}"


_EDITABLE = frozenset({"type", "severity", "department", "priority", "main_case"})


def summary_document(
    cases: Sequence[Case], day: dt.date, office: Office, templates: Templates
) -> Document:
    """The print edition as a document for PDF, with the counts."""
    template = templates["summary"]
    word = _words(template, office)
    blocks = (
        Text(_period(cases, day, office, word), "small"),
        Text(_summariser(office, word), "small"),
        _shortened(
            _table(cases, [c for c in template.columns if c.print], office, word), word("in_full")
        ),
        _by_type(cases, office, word),
        _by_source(cases, office, word),
        *((Note(word("small")),) if 0 < len(cases) < _FEW else ()),
        Signatures(_signed(word)),
    )
    number = f"D05-{day:%Y%m%d}"
    return Document(
        "summary",
        office.title("summary"),
        number,
        office.company,
        office.language,
        day,
        blocks,
        office.form_number(template),
        landscape=True,
    )


Word = Callable[..., str]


def _words(template: Template, office: Office) -> Word:
    def word(name: str, /, **values: object) -> str:
        return template.word(name, office.language, **values)

    return word


def _signed(word: Word) -> tuple[str, ...]:
    """Who signs."""
    return word("signed_summary"), word("signed_check"), word("signed_date")


def _period(cases: Sequence[Case], day: dt.date, office: Office, word: Word) -> str:
    return word(
        "period",
        day=long_date(day, office.language),
        n=len(cases),
        severe=sum(c.severity == "severe" for c in cases),
    )


def _summariser(office: Office, word: Word) -> str:
    names = [p.name for p in office.teller.book.holders("P02")]
    return word(
        "summariser",
        name=names[0] if names else "＿＿＿＿",
        deputy=names[1] if len(names) > 1 else "＿＿＿＿",
    )


def _table(
    cases: Sequence[Case], columns: Sequence[ColumnModel], office: Office, word: Word
) -> Table:
    heads = tuple(
        Column(
            office.head(column),
            column.weight,
            column.align,
            column.kind,
            id=column.of,
            editable=column.of in _EDITABLE,
        )
        for column in columns
    )
    rows, marks = [], {}
    for index, case in enumerate(cases):
        rows.append(tuple(_value(case, column, index + 1, office) for column in columns))
        if case.severity == "severe":
            marks[index] = "severe"
    return Table(heads, tuple(rows), empty=word("zero"), marks=marks)


def _shortened(table: Table, more: str) -> Table:
    """The table for paper: long texts end with a word where the rest is."""
    rows = []
    for row in table.rows:
        rows.append(tuple(_cut(value, more) for value in row))
    return replace(table, rows=tuple(rows))


def _cut(value: CellValue, more: str) -> CellValue:
    """A text with its end replaced by `more` where it is long; any other value as it is."""
    if isinstance(value, str) and len(value) > _PRINTED_CHARACTERS + len(more):
        return value[:_PRINTED_CHARACTERS] + more
    return value


def _value(case: Case, column: ColumnModel, number: int, office: Office) -> CellValue:
    if column.of == "serial":
        return number
    told = office.teller.fact(case, column.of)
    return as_date(told) if column.kind == "date" else told


def _by_type(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by type and severity, with totals and shares. Source: 4.1.1."""
    book, language = office.teller.book, office.language
    severities = [v.code for v in book.vocabulary.sets["severity"].values]
    counts = Counter((c.type, c.severity) for c in cases)
    totals = [0] * len(severities)
    rows: list[tuple[CellValue, ...]] = []
    for value in book.vocabulary.sets["type"].values:
        numbers = [counts[value.code, severity] for severity in severities]
        if number := sum(numbers):
            name = book.word("type", value.code, language)
            rows.append((name, *numbers, number, number / len(cases)))
            totals = [total + n for total, n in zip(totals, numbers, strict=True)]
    if cases:
        rows.append((word("total"), *totals, len(cases), 1.0))
    head = Column(office.teller.label("type"), 2)
    columns = (
        head,
        *(Column(book.word("severity", s, language), 1, "right", "integer") for s in severities),
        Column(word("total"), 1, "right", "integer"),
        Column(word("share"), 1, "right", "percent"),
    )
    return Table(
        columns,
        tuple(rows),
        word("by_type"),
        word("zero"),
        {len(rows) - 1: "total"} if rows else {},
    )


def _by_source(cases: Sequence[Case], office: Office, word: Word) -> Table:
    book, language = office.teller.book, office.language
    counts = Counter(c.source for c in cases)
    rows: list[tuple[CellValue, ...]] = [
        (book.word("source", v.code, language), counts[v.code], counts[v.code] / len(cases))
        for v in book.vocabulary.sets["source"].values
        if counts[v.code]
    ]
    if cases:
        rows.append((word("total"), len(cases), 1.0))
    columns = (
        Column(office.teller.label("source"), 2),
        Column(word("count"), 1, "right", "integer"),
        Column(word("share"), 1, "right", "percent"),
    )
    return Table(
        columns,
        tuple(rows),
        word("by_source"),
        word("zero"),
        {len(rows) - 1: "total"} if rows else {},
    )
