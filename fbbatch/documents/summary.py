"""D05, the summary sheet of a day: all columns, the print edition, counts, charts.

It is also made when nothing came. Source: 3.3.1, 3.3.2.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import add
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
from fbbatch.schema import FieldModel

Word = Callable[..., str]
"""Says a wording of the template, filled in."""
_FEW = 20
_BLANK = "＿＿＿＿"
_PRINTED_CHARACTERS = 160
_SEVERITY_COLOURS = ("#A6A6A6", "#E0A030", "#C0392B")
_SOURCE_COLOURS = ("#5B7FA6",)
_BESIDE_SEVERITIES = 3
"""The columns of numbers by type that are no severity: type, total, share."""


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
    template = templates["summary"]
    name = office.title("summary")
    word = _words(template, office)
    lines = (
        _period(cases, day, office, word),
        _summariser(office, word),
        f"{word('editor')}{office.teller.phrase('colon')}",
    )
    signatures = _signed(word)
    shown = [column for column in template.columns if column.print != "only"]
    every = _table(cases, shown, office, word)
    printed = _table(cases, _printed(template), office, word)
    by_type, *others = _counts(cases, office, template)
    charts: tuple[Chart, ...] = ()
    if cases:
        charts = _charts(by_type, day, len(cases), word)
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
            *_to_decide(waiting, office, word, lines[2]),
        ),
        form_number=office.form_number(template),
        identity={"form": "summary", "version": str(template.version), "case": "", "issue": run},
    )


def _charts(by_type: Table, day: dt.date, n_cases: int, word: Word) -> tuple[Chart, ...]:
    """A chart for each table of numbers, which it names by its title."""

    def title(table: str) -> str:
        return word("chart", title=word(table), day=day.isoformat(), n=n_cases)

    n_severities = len(by_type.columns) - _BESIDE_SEVERITIES
    return (
        Chart(
            title("by_type"),
            word("by_type"),
            tuple(range(1, 1 + n_severities)),
            stacked=True,
            colours=_SEVERITY_COLOURS,
        ),
        Chart(
            title("by_source"),
            word("by_source"),
            (1,),
            colours=_SOURCE_COLOURS,
        ),
    )


def _to_decide(
    waiting: Sequence[WaitingForm], office: Office, word: Word, editor: str
) -> Iterator[WorkSheet]:
    """The sheet on which a person decides about forms that wait.

    It has one row for each decision, with a drop-down. Source: N2.
    """
    decision = office.teller.field_of_form("tracking_ledger.decision")
    if not waiting or decision is None:
        return
    _, field = decision
    values = office.teller.book.values(field)
    labels = {value.code: value.label[office.language] for value in values}
    decisions = _by_decision(waiting)
    most = max(map(len, decisions.values()))
    letters = [label for code, label in labels.items() if code != "ignore"]
    options = (*letters[:most], labels["ignore"])
    columns = [Column(word("decision_number"), id="number")]
    for name in _DECISION_HEADS:
        columns.append(Column(word(name), id=name))
    label = field.label[office.language]
    columns.append(Column(label, id=field.id, editable=True, options=options))
    rows = []
    for number, forms in decisions.items():
        first = forms[0]
        why = word("why_dispute" if first.is_dispute else "why_mail")
        told = [_option(form, forms, labels, office, word) for form in forms]
        title = office.title(first.form)
        rows.append((number, first.case, title, why, "\n".join(told), ""))
    lines = (word("decision_guide"), editor)
    name = word("to_decide")
    yield WorkSheet(
        name,
        f"{office.title('summary')}　{name}",
        lines,
        (Table(tuple(columns), tuple(rows)),),
    )


def _by_decision(waiting: Sequence[WaitingForm]) -> dict[str, list[WaitingForm]]:
    """The forms that wait, by the number of the decision that they wait for."""
    decisions: dict[str, list[WaitingForm]] = {}
    for form in waiting:
        decisions.setdefault(form.number, []).append(form)
    return decisions


def _option(
    one: WaitingForm,
    forms: Sequence[WaitingForm],
    labels: Mapping[str, str],
    office: Office,
    word: Word,
) -> str:
    """What one of the forms says.

    That is who signed it and when, who mailed it, to which state it would lead, and the answers in
    which the forms differ.
    """
    others = [other.told.values for other in forms if other is not one]
    parts = [*_came(one, office, word), *_differs(one, others, office)]
    told = office.teller.phrase("semicolon").join(parts)
    label = labels.get(one.option.lower(), one.option)
    return f"{label}{office.teller.phrase('colon')}{told}"


def _came(form: WaitingForm, office: Office, word: Word) -> Iterator[str]:
    """Who signed a form and when, who mailed it, and to which state it would lead."""
    teller, told = office.teller, form.told
    signer = teller.person(told.by)
    if told.by == REPORTER:
        signer = teller.phrase("render.reporter")
    day = str(told.on or "—")[:10]
    yield word("signed", name=signer or "—", day=day)
    if told.mailed:
        yield word("mailed", sender=told.mailed)
    if told.would:
        state = teller.word("state", told.would)
        yield word("would", state=state)


def _differs(
    form: WaitingForm, others: Sequence[Mapping[str, Any]], office: Office
) -> Iterator[str]:
    """The answers of a form that differ from those of another; all, where there is no other."""
    teller = office.teller
    colon = teller.phrase("colon")
    schema = teller.book.schema(form.form)
    if schema is None:
        return
    for field in schema.fields:
        value = form.told.values.get(field.id)
        if value is None or field.type == "table":
            continue
        is_told_alike = all(other.get(field.id) == value for other in others)
        if not others or not is_told_alike:
            label = field.label[office.language]
            yield f"{label}{colon}{teller.say(field, value)}"


_DECISION_HEADS = (
    "decision_case",
    "decision_form",
    "decision_why",
    "decision_options",
)
"""What stands between a decision's number and the cell that is filled in."""
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
        _shortened(_table(cases, _printed(template), office, word), word("in_full")),
        *_counts(cases, office, template),
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


def _printed(template: Template) -> list[ColumnModel]:
    """The columns that go on paper."""
    return [column for column in template.columns if column.print]


def _words(template: Template, office: Office) -> Word:
    """Says the template's wordings in the office's language."""

    def word(name: str, /, **values: object) -> str:
        return template.word(name, office.language, **values)

    return word


def _signed(word: Word) -> tuple[str, ...]:
    """Who signs."""
    return word("signed_summary"), word("signed_check"), word("signed_date")


def _period(cases: Sequence[Case], day: dt.date, office: Office, word: Word) -> str:
    """Of which day it is, how many cases there are, and how many of them are severe."""
    return word(
        "period",
        day=long_date(day, office.language),
        n=len(cases),
        severe=sum(c.severity == "severe" for c in cases),
    )


def _summariser(office: Office, word: Word) -> str:
    """Who makes the summary, and the deputy; blanks where the company names nobody."""
    names = [person.name for person in office.teller.book.holders("P02")]
    first, second = [*names, _BLANK, _BLANK][:2]
    return word("summariser", name=first, deputy=second)


def _table(
    cases: Sequence[Case], columns: Sequence[ColumnModel], office: Office, word: Word
) -> Table:
    """The table of the cases, a row each; those that are severe are marked."""
    heads = tuple(_head(column, office) for column in columns)
    rows = []
    marks = {}
    for index, case in enumerate(cases):
        cells = [_value(case, column, index + 1, office) for column in columns]
        rows.append(tuple(cells))
        if case.severity == "severe":
            marks[index] = "severe"
    return Table(heads, tuple(rows), empty=word("zero"), marks=marks)


def _head(column: ColumnModel, office: Office) -> Column:
    """The head of a column; it may be edited where the schema of edited ledgers has it, too."""
    form = office.teller.book.schema("tracking_ledger")
    known = {field.id: field for field in form.fields} if form else {}
    is_editable = column.of in _EDITABLE and column.of in known
    return Column(
        office.head(column),
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
    rows = []
    for row in table.rows:
        cells = [_cut(value, more) for value in row]
        rows.append(tuple(cells))
    return replace(table, rows=tuple(rows))


def _cut(value: CellValue, more: str) -> CellValue:
    """A text with its end replaced by `more` where it is long; any other value as it is."""
    if isinstance(value, str) and len(value) > _PRINTED_CHARACTERS + len(more):
        return value[:_PRINTED_CHARACTERS] + more
    return value


def _value(case: Case, column: ColumnModel, number: int, office: Office) -> CellValue:
    """The cell of a case; `number` counts the cases."""
    if column.of == "serial":
        return number
    told = office.teller.fact(case, column.of)
    if column.kind == "date":
        return as_date(told)
    return told


def _counts(cases: Sequence[Case], office: Office, template: Template) -> tuple[Table, ...]:
    """All counts; that by kind is left out where an older template has no words for it."""
    word = _words(template, office)
    by_kind = (_by_kind(cases, office, word),) if "by_kind" in template.words else ()
    return _by_type(cases, office, word), *by_kind, _by_source(cases, office, word)


def _by_type(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by type and severity, with totals and shares. Source: 4.1.1."""
    teller = office.teller
    severities = _codes_of("severity", office)
    counts = Counter((case.type, case.severity) for case in cases)
    totals = [0] * len(severities)
    rows: list[tuple[CellValue, ...]] = []
    for code in _codes_of("type", office):
        numbers = [counts[code, severity] for severity in severities]
        number = sum(numbers)
        if number:
            name = teller.word("type", code)
            share = number / len(cases)
            rows.append((name, *numbers, number, share))
            totals = list(map(add, totals, numbers))
    if cases:
        rows.append((word("total"), *totals, len(cases), 1.0))
    columns = [Column(teller.label("type"), 2)]
    for severity in severities:
        name = teller.word("severity", severity)
        columns.append(_number_column(name))
    columns.append(_number_column(word("total")))
    columns.append(_share_column(word))
    return _counted(columns, rows, "by_type", word)


def _by_kind(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by kind; what nobody has said is a row of its own. Source: 1.2b."""
    return _by("kind", Counter(case.kind for case in cases), office, word)


def _by_source(cases: Sequence[Case], office: Office, word: Word) -> Table:
    """Numbers by source, with shares. Source: 4.1.1."""
    return _by("source", Counter(case.source for case in cases), office, word)


def _by(of: str, counts: Counter[str], office: Office, word: Word) -> Table:
    """Numbers and shares by the codes of a set, with the total."""
    teller = office.teller
    n_cases = counts.total()
    rows: list[tuple[CellValue, ...]] = []
    for code in _codes_of(of, office):
        number = counts[code]
        if number:
            share = number / n_cases
            rows.append((teller.word(of, code), number, share))
    if n_cases:
        rows.append((word("total"), n_cases, 1.0))
    name = Column(teller.label(of), 2)
    columns = (name, _number_column(word("count")), _share_column(word))
    return _counted(columns, rows, f"by_{of}", word)


def _codes_of(name: str, office: Office) -> list[str]:
    """The codes of a set of the vocabulary, in its order."""
    known = office.teller.book.vocabulary.sets[name]
    return [value.code for value in known.values]


def _number_column(label: str) -> Column:
    """A column of whole numbers."""
    return Column(label, 1, "right", "integer")


def _share_column(word: Word) -> Column:
    """The column of each row's share in all."""
    return Column(word("share"), 1, "right", "percent")


def _counted(
    columns: Sequence[Column], rows: Sequence[tuple[CellValue, ...]], title: str, word: Word
) -> Table:
    """A table of numbers whose last row is the total."""
    marks = {len(rows) - 1: "total"} if rows else {}
    return Table(tuple(columns), tuple(rows), word(title), word("zero"), marks)
