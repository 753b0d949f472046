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
from fbbatch.model import Facts, Reminder
from fbbatch.render.blocks import CellValue, Column, Table, WorkBook, WorkSheet
from fbbatch.render.words import long_date
from fbbatch.wording import say
from fbbatch.workflow.matter import Matter


def tracking_workbook(
    open_cases: Sequence[Matter],
    closed: Sequence[Matter],
    others: Sequence[Matter],
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
        others: the open matters of other processes; each process has a sheet.
        now: the as-of time.
        run: the run's name, by which a returned copy is compared with what was issued.
        closed_days: how far back `closed` reaches.
        office: who writes.
        templates: the company's wording.
        reminders: those given so far, by the matter's id.
    """
    template, language = templates["tracking_ledger"], office.language
    today = now.date()

    def word(name: str, /, **values: object) -> str:
        return template.word(name, language, **values)

    overdue = [matter for matter in open_cases if _is_overdue(matter.facts, today)]
    on_time = [matter for matter in open_cases if not _is_overdue(matter.facts, today)]
    counted = word(
        "period",
        day=long_date(today, language),
        open=len(open_cases),
        overdue=len(overdue),
        days=closed_days,
        closed=len(closed),
    )
    editor = f"{word('editor')}{say('colon', language)}"
    title = office.title("tracking_ledger")
    lister = _Lister(template, office, now, reminders)

    def sheet(name: str, told: Sequence[Matter], empty: str) -> WorkSheet:
        table = lister.table(told, template.columns, word(empty))
        return WorkSheet(word(name), title, (counted, editor), (table,))

    sheets = [
        sheet("open", on_time, "none_open"),
        sheet("overdue", overdue, "none_overdue"),
        sheet("closed", closed, "none_closed"),
    ]
    for process in office.teller.book.processes.values():
        if told := [matter for matter in others if matter.process.id == process.id]:
            table = lister.table(told, template.tables["matters"].columns, "")
            name = process.title[language]
            sheets.append(WorkSheet(name, f"{title}　{name}", (editor,), (table,)))
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


def _is_overdue(facts: Facts, today: dt.date) -> bool:
    return facts.due_on is not None and facts.due_on < today


class _Lister:
    """Lists matters, one a row, with the columns that may be edited marked."""

    def __init__(
        self,
        template: Template,
        office: Office,
        now: dt.datetime,
        reminders: Mapping[int, Sequence[Reminder]],
    ) -> None:
        form = office.teller.book.schema("tracking_ledger")
        self.editable = {field.id for field in form.fields} if form else set()
        self.template, self.office, self.now, self.reminders = (
            template,
            office,
            now,
            reminders,
        )

    def table(
        self,
        matters: Sequence[Matter],
        columns: Sequence[ColumnModel],
        empty: str,
    ) -> Table:
        """The matters in these columns; `empty` stands there when there are none."""
        shown = tuple(
            Column(
                _label(c, self.office),
                align=c.align,
                kind=c.kind,
                id=c.of,
                editable=_field_of(c.of) in self.editable,
            )
            for c in columns
        )
        rows = [self.row(n, matter, columns) for n, matter in enumerate(matters, 1)]
        marks = {
            n: mark for n, matter in enumerate(matters) if (mark := _mark(matter, self.now.date()))
        }
        return Table(shown, tuple(rows), empty=empty, marks=marks)

    def row(
        self, serial: int, matter: Matter, columns: Sequence[ColumnModel]
    ) -> tuple[CellValue, ...]:
        """What is told of one matter."""
        told = story_of("tracking_ledger", matter, self.office, self.now)
        story = replace(told, reminders=tuple(self.reminders.get(matter.facts.id, ())))
        return tuple(
            _value(
                c,
                serial,
                matter.facts,
                self.office,
                story_fact(self.office.teller, story, c.of),
            )
            for c in columns
        )


def _mark(matter: Matter, today: dt.date) -> str:
    """How a row is shown: overdue, soon due, or as any other."""
    due_on = matter.facts.due_on
    if due_on is None or not matter.standing.is_open:
        return ""
    left = (due_on - today).days
    if left < 0:
        return "severe"
    return "soft" if left <= _SOON_DAYS else ""


_SOON_DAYS = 2


def _field_of(column: str) -> str:
    """The field of the form that a column is edited as."""
    return "remarks" if column == "notes" else column


def _label(column: ColumnModel, office: Office) -> str:
    return column.label[office.language] if column.label else office.teller.label(column.of)


def _value(
    column: ColumnModel,
    serial: int,
    facts: Facts,
    office: Office,
    told: str | None,
) -> CellValue:
    if column.of == "serial":
        return serial
    text = office.teller.fact(facts, column.of) if told is None else told
    if column.kind == "integer":
        return int(text) if text.lstrip("-").isdecimal() else text
    return as_date(text) if column.kind == "date" else text


def _notes(template: Template, office: Office) -> WorkSheet:
    """How to fill it in: one line per column."""
    language, form = (
        office.language,
        office.teller.book.schema("tracking_ledger"),
    )
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
        (
            Column(word("column"), 2),
            Column(word("editable"), 1),
            Column(word("how"), 3),
        ),
        rows,
    )
    return WorkSheet(
        word("notes"),
        word("notes"),
        (word("guide"),),
        (table,),
        landscape=False,
    )


def _hint(field: object, language: str) -> str:
    hint = getattr(field, "hint", None)
    return str(hint[language]) if hint else ""
