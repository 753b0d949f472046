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
from fbbatch.render.words import REPORTER_WORD, long_date
from fbbatch.schema import FieldModel

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
        f"{word('editor')}{_colon(office)}",
    )
    signatures = tuple(word(w) for w in ("signed_summary", "signed_check", "signed_date"))
    every = _table(cases, [c for c in template.columns if c.print != "only"], office, word)
    printed = _table(cases, [c for c in template.columns if c.print], office, word)
    by_type, *others = _counts(cases, office, template)

    def title(table: str) -> str:
        return word("chart", title=word(table), day=day.isoformat(), n=len(cases))

    n_severities = len(by_type.columns) - 3
    charts = (
        (
            Chart(
                title("by_type"),
                word("by_type"),
                tuple(range(1, 1 + n_severities)),
                stacked=True,
                colours=_SEVERITY_COLOURS,
            ),
            Chart(title("by_source"), word("by_source"), (1,), colours=("#5B7FA6",)),
        )
        if cases
        else ()
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
                (by_type, *others),
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
    rows = tuple(
        (
            number,
            forms[0].case,
            office.title(forms[0].form),
            word(f"why_{'dispute' if forms[0].is_dispute else 'mail'}"),
            "\n".join(_option(one, forms, labels, office, word) for one in forms),
            "",
        )
        for number, forms in decisions.items()
    )
    lines = (word("decision_guide"), editor)
    yield WorkSheet(
        word("to_decide"),
        f"{office.title('summary')}　{word('to_decide')}",
        lines,
        (Table(columns, rows),),
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
    separator = "; " if office.language == "en" else "；"
    label = labels.get(one.option.lower(), one.option)
    return f"{label}{_colon(office)}{separator.join(parts)}"


def _came(form: WaitingForm, office: Office, word: "Word") -> Iterator[str]:
    """Who signed a form and when, who mailed it, and to which state it would lead."""
    teller, told = office.teller, form.told
    signer = teller.person(told.by)
    if told.by == REPORTER:
        signer = REPORTER_WORD[office.language]
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
            yield f"{label}{_colon(office)}{teller.say(field, value)}"


def _colon(office: Office) -> str:
    return ": " if office.language == "en" else "："


_EDITABLE = frozenset({"kind", "type", "severity", "department", "priority", "main_case"})
_CHOSEN = frozenset({"kind"})
"""Columns with a drop-down of the words that may stand in them."""
_LONGEST_LIST = 255  # characters, with the commas between: Excel takes no longer one


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
        *_counts(cases, office, template),
        *((Note(word("small")),) if 0 < len(cases) < _FEW else ()),
        Signatures(tuple(word(w) for w in ("signed_summary", "signed_check", "signed_date"))),
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
    heads = tuple(_head(column, office) for column in columns)
    rows = tuple(
        tuple(_value(case, column, number, office) for column in columns)
        for number, case in enumerate(cases, 1)
    )
    marks = {number: "severe" for number, case in enumerate(cases) if case.severity == "severe"}
    return Table(heads, rows, empty=word("zero"), marks=marks)


def _head(column: ColumnModel, office: Office) -> Column:
    """The head of a column; it may be edited where the schema of edited ledgers has it, too."""
    teller, language = office.teller, office.language
    form = teller.book.schema("tracking_ledger")
    known = {field.id: field for field in form.fields} if form else {}
    is_editable = column.of in _EDITABLE and column.of in known
    return Column(
        column.label[language] if column.label else teller.label(column.of),
        column.weight,
        column.align,
        column.kind,
        id=column.of,
        editable=is_editable,
        options=_choices(known[column.of], office) if is_editable else (),
    )


def _choices(field: FieldModel, office: Office) -> tuple[str, ...]:
    """The words of a drop-down; none, where Excel could not show them all."""
    if field.id not in _CHOSEN:
        return ()
    told = tuple(value.label[office.language] for value in office.teller.book.values(field))
    fits = len(",".join(told)) <= _LONGEST_LIST and not any("," in word for word in told)
    return told if fits else ()


def _shortened(table: Table, more: str) -> Table:
    """The table for paper: long texts end with a word where the rest is."""
    rows = tuple(
        tuple(
            v[:_PRINTED_CHARACTERS] + more
            if isinstance(v, str) and len(v) > _PRINTED_CHARACTERS + len(more)
            else v
            for v in row
        )
        for row in table.rows
    )
    return replace(table, rows=rows)


def _value(case: Case, column: ColumnModel, number: int, office: Office) -> CellValue:
    if column.of == "serial":
        return number
    told = office.teller.fact(case, column.of)
    return as_date(told) if column.kind == "date" else told


def _counts(cases: Sequence[Case], office: Office, template: Template) -> tuple[Table, ...]:
    """All counts; that by kind is left out where an older template has no words for it."""
    word = _words(template, office)
    by_kind = (_by_kind(cases, office, word),) if "by_kind" in template.words else ()
    return _by_type(cases, office, word), *by_kind, _by_source(cases, office, word)


def _by_type(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by type and severity, with totals and shares. Source: 4.1.1."""
    book, language = office.teller.book, office.language
    severities = [v.code for v in book.vocabulary.sets["severity"].values]
    counts = Counter((c.type, c.severity) for c in cases)
    types = [
        v.code
        for v in book.vocabulary.sets["type"].values
        if any(counts[v.code, s] for s in severities)
    ]
    rows: list[tuple[CellValue, ...]] = []
    for code in types:
        numbers = [counts[code, s] for s in severities]
        rows.append(
            (book.word("type", code, language), *numbers, sum(numbers), sum(numbers) / len(cases))
        )
    if cases:
        totals = [sum(counts[t, s] for t in types) for s in severities]
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


def _by_kind(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by kind; what nobody has said is a row of its own. Source: 1.2b."""
    return _counted("kind", Counter(c.kind for c in cases), office, word)


def _by_source(cases: Sequence[Case], office: Office, word: Word) -> Table:
    return _counted("source", Counter(c.source for c in cases), office, word)


def _counted(of: str, counts: Counter[str], office: Office, word: Word) -> Table:
    """Numbers and shares by the codes of a set, with the total."""
    book, language = office.teller.book, office.language
    n_cases = counts.total()
    rows: list[tuple[CellValue, ...]] = [
        (book.word(of, v.code, language), counts[v.code], counts[v.code] / n_cases)
        for v in book.vocabulary.sets[of].values
        if counts[v.code]
    ]
    if n_cases:
        rows.append((word("total"), n_cases, 1.0))
    columns = (
        Column(office.teller.label(of), 2),
        Column(word("count"), 1, "right", "integer"),
        Column(word("share"), 1, "right", "percent"),
    )
    return Table(
        columns,
        tuple(rows),
        word(f"by_{of}"),
        word("zero"),
        {len(rows) - 1: "total"} if rows else {},
    )
