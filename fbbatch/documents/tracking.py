"""D15, the tracking ledger: every case in hand with all that is known of its handling.

It is also a form. Source: 5.3.1, N3, N13.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fbbatch.documents.case import Office, story_of
from fbbatch.documents.facts import as_date
from fbbatch.documents.story import story_fact
from fbbatch.documents.templates import ColumnModel, Template, Templates
from fbbatch.model import Case, Reminder, Transition
from fbbatch.render.blocks import CellValue, Column, Table, WorkBook, WorkSheet
from fbbatch.render.words import long_date

Told = tuple[Case, Sequence[Transition]]
"""A case and its history."""


def tracking_workbook(
    open_cases: Sequence[Told],
    closed: Sequence[Told],
    now: dt.datetime,
    run: str,
    closed_days: int,
    office: Office,
    templates: Templates,
    reminders: Mapping[int, Sequence[Reminder]] = {},
) -> WorkBook:
    """The ledger as of `now`.

    Args:
        open_cases: everything that is not closed.
        closed: what was closed within `closed_days`.
        now: the as-of time.
        run: the run's name, by which a returned copy is compared with what was issued.
        closed_days: how far back `closed` reaches.
        office: who writes.
        templates: the company's wording.
        reminders: those given so far, by case id.
    """
    template, language = templates["tracking_ledger"], office.language
    today = now.date()

    def word(name: str, /, **values: object) -> str:
        return template.word(name, language, **values)

    overdue = [told for told in open_cases if told[0].due_on and told[0].due_on < today]
    on_time = [told for told in open_cases if not (told[0].due_on and told[0].due_on < today)]
    lines = (
        word(
            "period",
            day=long_date(today, language),
            open=len(open_cases),
            overdue=len(overdue),
            days=closed_days,
            closed=len(closed),
        ),
        f"{word('editor')}{': ' if language == 'en' else '：'}",
    )
    title = office.title("tracking_ledger")

    def sheet(name: str, told: Sequence[Told], empty: str) -> WorkSheet:
        return WorkSheet(
            word(name), title, lines, (_table(told, template, office, now, word(empty), reminders),)
        )

    sheets = (
        sheet("open", on_time, "none_open"),
        sheet("overdue", overdue, "none_overdue"),
        sheet("closed", closed, "none_closed"),
    )
    identity = {
        "form": "tracking_ledger",
        "version": str(template.version),
        "case": "",
        "issue": run,
    }
    return WorkBook(
        "tracking_ledger",
        title,
        office.company,
        language,
        today,
        (*sheets, _notes(template, office)),
        office.form_number(template),
        identity,
    )


def _table(
    told: Sequence[Told],
    template: Template,
    office: Office,
    now: dt.datetime,
    empty: str,
    reminders: Mapping[int, Sequence[Reminder]],
) -> Table:
    form = office.teller.book.schema("tracking_ledger")
    editable = {field.id for field in form.fields} if form else set()
    columns = tuple(
        Column(
            _label(c, office),
            align=c.align,
            kind=c.kind,
            id=c.of,
            editable=_field_of(c.of) in editable,
        )
        for c in template.columns
    )
    rows: list[tuple[CellValue, ...]] = []
    marks: dict[int, str] = {}
    for number, (case, history) in enumerate(told):
        story = replace(
            story_of("tracking_ledger", case, history, office, now),
            reminders=tuple(reminders.get(case.id, ())),
        )
        rows.append(
            tuple(
                _value(c, number + 1, case, office, story_fact(office.teller, story, c.of))
                for c in template.columns
            )
        )
        if case.state != "closed" and case.due_on:
            left = (case.due_on - now.date()).days
            marks |= (
                {number: "severe"} if left < 0 else {number: "soft"} if left <= _SOON_DAYS else {}
            )
    return Table(columns, tuple(rows), empty=empty, marks=marks)


_SOON_DAYS = 2


def _field_of(column: str) -> str:
    """The field of the form that a column is edited as."""
    return "remarks" if column == "notes" else column


def _label(column: ColumnModel, office: Office) -> str:
    return column.label[office.language] if column.label else office.teller.label(column.of)


def _value(
    column: ColumnModel, serial: int, case: Case, office: Office, told: str | None
) -> CellValue:
    if column.of == "serial":
        return serial
    text = office.teller.fact(case, column.of) if told is None else told
    if column.kind == "integer":
        return int(text) if text.lstrip("-").isdecimal() else text
    return as_date(text) if column.kind == "date" else text


def _notes(template: Template, office: Office) -> WorkSheet:
    """How to fill it in: one line per column."""
    language, form = office.language, office.teller.book.schema("tracking_ledger")
    fields = {field.id: field for field in form.fields} if form else {}

    def word(name: str) -> str:
        return template.word(name, language)

    rows = tuple(
        (
            _label(c, office),
            word("yes" if _field_of(c.of) in fields else "no"),
            _hint(fields.get(_field_of(c.of)), language),
        )
        for c in template.columns
        if c.of != "serial"
    )
    table = Table(
        (Column(word("column"), 2), Column(word("editable"), 1), Column(word("how"), 3)), rows
    )
    return WorkSheet(word("notes"), word("notes"), (word("guide"),), (table,), landscape=False)


def _hint(field: object, language: str) -> str:
    hint = getattr(field, "hint", None)
    return str(hint[language]) if hint else ""
