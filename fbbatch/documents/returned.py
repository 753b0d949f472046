"""D37, what goes back to be corrected: the marks for a workbook, or a note and a register.

The workbook itself is the best form to correct it in, so a dropped .xlsx comes back as itself
(`render.marked`). What came as text, mail, Word or PDF comes back as a note of every point, with a
register to correct, in which what was understood has been filled in. Source: 1.3.2c, N1.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import orjson

from fbbatch import findings as catalogue
from fbbatch.codes import Codes, Subject, code_line
from fbbatch.documents.case import Office
from fbbatch.documents.receipt import COUNTS, Labels, field_labels
from fbbatch.documents.register import register_form, register_workbook
from fbbatch.documents.templates import Template, Templates
from fbbatch.model import Finding, JudgedRow, ReturnedFile, SheetLayout
from fbbatch.render.blocks import Block, CellValue, Column, Document, Note, Register, Table, Text
from fbbatch.render.marked import RESULT, Cover
from fbbatch.render.sheet_xml import RowMark, SheetMarks
from fbbatch.render.words import long_date
from fbbatch.schema import SchemaModel
from fbbatch.wording import say

_MOST_POINTS = 300
_SHA = 12
THE_ROW = 0
"""The column of a note about a whole row."""


@dataclass(frozen=True)
class Correction:
    """What a file's author is told.

    Args:
        fate: how the file fared.
        run: the run's name.
        date: its day.
        until: the day by which the corrected copy is wanted, where the company sets one.
        office: who writes.
        templates: how.
        codes: the workspace's check codes, by which the marks are believed when the copy comes
            back.
    """

    fate: ReturnedFile
    run: str
    date: dt.date
    until: dt.date | None
    office: Office
    templates: Templates
    codes: Codes

    @property
    def _template(self) -> Template:
        return self.templates["returned"]

    def word(self, name: str, /, **values: object) -> str:
        """A wording of the template, filled in."""
        return self._template.word(name, self.office.language, **values)

    def identity(self) -> dict[str, str]:
        """What a workbook that goes back says of itself."""
        return {
            "form": "returned",
            "version": str(self._template.version),
            "case": "",
            "issue": self.issue,
            "language": self.office.language,
            "workspace": self.codes.workspace,
            "code": self.code,
        }

    @property
    def issue(self) -> str:
        """Which return of which file this is: the run, and the first of the file's sha256."""
        return f"{self.run}/{self.fate.outcome.sha256[:_SHA]}"

    @property
    def code(self) -> str:
        """The check code of this return."""
        return self.codes.of(Subject("returned", "", self.issue))

    @cached_property
    def _every_label(self) -> Labels:
        return field_labels(self.office)

    def _labels(self, schema: str) -> Mapping[str, str]:
        return self._every_label.get(schema, self._every_label[""])

    # --- marks ------------------------------------------------------------------------

    def marks(self) -> dict[str, SheetMarks]:
        """The marks of every sheet that was understood."""
        wrong = self._errors()
        cases = {
            (f.sheet or "", f.row): f.details["case"]
            for f in self.fate.outcome.findings
            if f.code in {"FB-same-row", "FB-amended"}
        }
        rows: dict[str, dict[int, RowMark]] = {}
        for row in self.fate.rows:
            if row.sheet in self.fate.layouts:
                told = wrong.get((row.sheet, row.row), [])
                rows.setdefault(row.sheet, {})[row.row] = self._mark(
                    row, told, cases.get((row.sheet, row.row), "")
                )
        for (sheet, number), told in wrong.items():
            if sheet in self.fate.layouts and number not in rows.get(
                sheet, {}
            ):  # of an edited ledger, whose rows are no feedback
                labels = self._labels(self.fate.layouts[sheet].schema)
                rows.setdefault(sheet, {})[number] = RowMark(
                    self.word("edit_refused"), True, *self._reasons(told, labels)
                )
        return {
            name: SheetMarks(self.fate.layouts[name].header_row or 0, marks)
            for name, marks in rows.items()
        }

    def _errors(self) -> dict[tuple[str, int], list[Finding]]:
        found: dict[tuple[str, int], list[Finding]] = {}
        for item in self.fate.outcome.findings:
            if item.row and item.severity == "error":
                found.setdefault((item.sheet or "", item.row), []).append(item)
        return found

    def _mark(self, row: JudgedRow, wrong: Sequence[Finding], case: str) -> RowMark:
        if row.outcome == "returned":
            labels = self._labels(self.fate.layouts[row.sheet].schema)
            return RowMark(self.word("wrong", mark=row.mark), True, *self._reasons(wrong, labels))
        if row.case:
            return RowMark(self.word("taken", case=row.case), False)
        return RowMark(
            self.word("set_aside")
            if row.outcome == "set_aside"
            else self.word("duplicate", case=case),
            False,
        )

    def _reasons(
        self, wrong: Sequence[Finding], labels: Mapping[str, str]
    ) -> tuple[str, dict[int, str]]:
        """Why a row goes back, in a sentence and in notes at its cells (column → note)."""
        notes: dict[int, str] = {}
        for item in wrong:
            column = item.column or THE_ROW
            notes[column] = "\n".join(filter(None, (notes.get(column), self._note(item, labels))))
        why = "；".join(
            dict.fromkeys(
                catalogue.part(item, "found", self.office.language, labels) for item in wrong
            )
        )
        return why, notes or {THE_ROW: why}

    @property
    def is_edited_ledger(self) -> bool:
        """True for a ledger or summary that was edited, not for feedback."""
        return self.fate.outcome.schema == "tracking_ledger"

    def _note(self, item: Finding, labels: Mapping[str, str]) -> str:
        parts = {
            name: catalogue.part(item, name, self.office.language, labels)
            for name in ("found", "expected", "remedy")
        }
        return self.word("note", **parts)

    def cover(self) -> Cover:
        """The sheet that comes first.

        It says what to do until when, the balance, and what is wrong with the whole.
        """
        lines = [self.word("about", file=self.fate.outcome.name, run=self.run)]
        lines += (
            [self.word("until", day=long_date(self.until, self.office.language))]
            if self.until
            else []
        )
        lines += [f"{self.issue} · {code_line(self.code, self.office.language)}"]
        edited = "edit_" if self.is_edited_ledger else ""
        lines += [
            self.word(f"{edited}step_1", result=say(RESULT, self.office.language)),
            self.word(f"{edited}step_2"),
            self.word(f"{edited}step_3"),
        ]
        rows = {(row.sheet, row.row) for row in self.fate.rows}
        if self.is_edited_ledger:  # each refused cell has its note
            rows |= {
                (f.sheet or "", f.row or 0)
                for f in self.fate.outcome.findings
                if f.sheet in self.fate.layouts
            }
        whole = [
            item
            for item in self.fate.outcome.findings
            if item.severity == "error" and (item.sheet or "", item.row) not in rows
        ]
        about = [
            [self.word("whole")],
            *(
                [catalogue.message(item, self.office.language, self._any_labels())]
                for item in whole
            ),
        ]
        balance = [] if self.is_edited_ledger else [self._balance()]
        return Cover(self.word("title"), lines, [*balance, *([about] if whole else [])])

    def _any_labels(self) -> Mapping[str, str]:
        return self._labels(
            self.fate.outcome.schema
            or next((layout.schema for layout in self.fate.layouts.values()), "")
        )

    def _balance(self) -> list[list[str]]:
        names = ("sheet", "rows", "accepted", "returned", "duplicate_rows", "set_aside_rows")
        table = [[self.word(name) for name in names]]
        outcomes: dict[str, Counter[str]] = {}
        for row in self.fate.rows:
            outcomes.setdefault(row.sheet, Counter())[row.outcome] += 1
        for sheet, counts in outcomes.items():
            table.append(
                [
                    sheet or self.fate.outcome.name,
                    str(counts.total()),
                    *(str(counts[name]) for name in COUNTS[1:]),
                ]
            )
        if len(table) > 2:
            table.append(
                [self.word("total"), *(str(getattr(self.fate.outcome, name)) for name in COUNTS)]
            )
        return table

    # --- the note ---------------------------------------------------------------------

    def note(self, number: str, *, has_register: bool) -> Document:
        """A note that names each point."""
        language, points = self.office.language, self._points()
        shown = points[:_MOST_POINTS]
        model = self._template.tables["points"]
        columns = tuple(
            Column(c.label[language] if c.label else c.of, c.weight, c.align, c.kind)
            for c in model.columns
        )
        rows: tuple[tuple[CellValue, ...], ...] = tuple(
            (n, *self._point(item)) for n, item in enumerate(shown, 1)
        )
        text = "note_text_rows" if self.fate.rows else "note_text_file"
        blocks: list[Block] = [
            Text(self.word(text, file=self.fate.outcome.name, n=len(points))),
            Table(columns, rows),
        ]
        blocks += (
            [Text(self.word("more", n=len(points) - len(shown)))]
            if len(points) > len(shown)
            else []
        )
        blocks += (
            [Text(self.word("until", day=long_date(self.until, language)), "strong")]
            if self.until
            else []
        )
        blocks += [Note(self.word("note_register" if has_register else "note_again"))]
        return Document(
            "returned",
            self.word("note_title"),
            number,
            self.office.company,
            language,
            self.date,
            tuple(blocks),
            self.office.form_number(self._template),
            self.office.head_line(number, self.date, self._template),
        )

    def _points(self) -> list[Finding]:
        sheets = {row.sheet: n for n, row in reversed(list(enumerate(self.fate.rows)))}
        found = [item for item in self.fate.outcome.findings if item.severity == "error"]
        found.sort(key=lambda item: (sheets.get(item.sheet or "", -1), item.row or 0))
        return found or [
            item for item in self.fate.outcome.findings if item.code == self.fate.outcome.code
        ]

    def _point(self, item: Finding) -> tuple[str, ...]:
        layout = self.fate.layouts.get(item.sheet or "")
        labels = (
            self._labels(layout.schema)
            if layout
            else self._labels(item.details.get("schema", self.fate.outcome.schema or ""))
        )
        is_written = layout is not None and layout.header_row is None and item.column is None
        where = (
            "" if is_written else catalogue.where(item, self.office.language)
        )  # nobody could look up a row of a form
        place = where or labels.get(item.field or "", "") or self.word("whole_file")
        return (
            place,
            *(
                catalogue.part(item, part, self.office.language, labels)
                for part in ("found", "expected", "remedy")
            ),
        )

    # --- the register -----------------------------------------------------------------

    def registers(self) -> Iterator[tuple[Register, dict[int, RowMark]]]:
        """A register for each schema with the rows that went back, and their marks.

        The marks are by number of the row, from 0.
        """
        schemas = {layout.schema for layout in self.fate.layouts.values()}
        for schema in (s for s in self.office.teller.book.sources if s.id in schemas):
            rows = [
                row
                for row in self.fate.rows
                if row.outcome == "returned" and self.fate.layouts[row.sheet].schema == schema.id
            ]
            if rows:
                yield self._register(schema, rows)

    def _register(
        self, schema: SchemaModel, rows: Sequence[JudgedRow]
    ) -> tuple[Register, dict[int, RowMark]]:
        form = register_form(schema, self.office)
        blank = register_workbook(
            form, self.office, self.templates, date=self.date, n_rows=len(rows)
        )
        places = {entry.id: number for number, entry in enumerate(blank.entries, 2)}
        wrong, marks, filled = self._errors(), {}, []
        for number, row in enumerate(rows):
            layout = self.fate.layouts[row.sheet]
            told = _understood(row, layout)
            told |= {
                f.id: self.office.teller.say(f, told[f.id])
                for f in schema.fields
                if f.type == "choice" and f.id in told
            }
            filled.append(tuple(told.get(entry.id, "") for entry in blank.entries))
            errors = [
                item._replace(column=places.get(item.field or ""))
                for item in wrong.get((row.sheet, row.row), ())
            ]
            marks[number] = self._mark(row, errors, "")
        return replace(blank, filled=tuple(filled)), marks


_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)T00:00:00(?:\.0+)?")


def _understood(row: JudgedRow, layout: SheetLayout) -> dict[str, str]:
    """The raw texts of a row by field id."""
    cells = orjson.loads(row.cells)
    told = {name: cells[column - 1] for column, name, _ in layout.columns if column <= len(cells)}
    return {
        name: _MIDNIGHT.sub(r"\1", str(cell))
        for name, cell in told.items()
        if cell is not None and cell != ""
    }
