"""The compiled checks of one sheet's layout."""

import datetime as dt
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding, Submission
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn
from fbbatch.validate.gathering import DoubtedCell, at_their_cells, further_columns, gathered
from fbbatch.validate.parsers import Parsers, example_cells, plain_texts
from fbbatch.validate.trust import Doubted, Reading
from fbbatch.validate.values import Bad, Value, text_of
from fbbatch.wording import say

_MEMO = 50_000
_SHOWN_CHARS = 40
_Rows = Sequence[Sequence[Cell]]
_Area = tuple[int, int, int, int]
"""A merged area: top, left, bottom, right, from 0."""


class _Memo(dict[Cell, Any]):
    """Cell → value; what repeats is parsed once.

    It is bounded, so that a column of unlike answers costs no memory.
    """

    def __init__(self, parse: Reading) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, cell: Cell) -> Any:
        if len(self) > _MEMO:
            self.clear()
        value = self[cell] = self._parse(cell)
        return value


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of checking some rows.

    `columns` are the typed values by field id, one a row; None is a blank. `bad` are the indices
    (from 0) of rows that go back; `findings` name rows as the file shows them.
    """

    columns: Mapping[str, Sequence[Value]]
    bad: frozenset[int]
    findings: list[Finding]

    def answers(self, index: int) -> dict[str, Value]:
        """What was answered in one row, by field id; blanks left out."""
        return {
            field: values[index]
            for field, values in self.columns.items()
            if values[index] is not None
        }


class Checker:
    """The checks of one layout, compiled.

    It keeps what is needed across the rows of one sheet (uniqueness).

    Args:
        layout: which column holds which field.
        book: the rule book; its choices and master lists say what is known.
        received: when the file came in, with the workspace's time zone.
        language: of the details that findings carry.
        merged: the sheet's merged areas.
        serial_days: added to bare numbers that stand for dates (workbooks of the 1904 system).
        placeholders: what stands where nothing was answered.
    """

    def __init__(
        self,
        layout: Layout,
        book: Book,
        *,
        received: dt.datetime,
        language: str,
        merged: Sequence[_Area] = (),
        serial_days: int = 0,
        placeholders: Iterable[str] = (),
    ) -> None:
        self._layout = layout
        self._serial_days = serial_days
        self._language = language
        self._received = received.date().isoformat()
        self._parsers = parsers = Parsers(book, language, received.tzinfo, placeholders)
        self._mappings = [*layout.columns, *_without_column(layout)]
        self.fields = tuple(mapping.field.id for mapping in self._mappings)
        self._place = {field_id: number for number, field_id in enumerate(self.fields)}
        self._memos = [_Memo(parsers.of(mapping.field)) for mapping in self._mappings]
        self._first_rows: dict[str, dict[Any, int]] = {
            mapping.field.id: {} for mapping in self._mappings if mapping.field.unique
        }
        self._noted: set[tuple[str, Value]] = set()
        self._further = further_columns(layout)
        every = (*layout.columns, *layout.further)
        self._merged_from: dict[int, dict[int, int]] = {}
        if merged:
            for mapping in every:
                self._merged_from[mapping.column] = _merged_from(mapping.column, merged)
        self._tops: dict[tuple[int, int], Cell] = {}
        self._carried_rows: dict[int, dict[int, list[int]]] = {}
        self._column_missing = bool(layout.missing)
        self._shown = self._example_values()
        self._width = 1 + max((mapping.column for mapping in every), default=-1)

    # --- rows -------------------------------------------------------------------------

    def check(self, rows: _Rows, row_numbers: Sequence[int], sheet: str) -> Checked:
        """Check rows of the sheet in order; never raises for what a cell holds.

        Args:
            rows: the cells of each row, at least as wide as the layout (shorter ones are filled
                up).
            row_numbers: the 1-based number of each row.
            sheet: the sheet's name.
        """
        shown_columns = {m.field.id: m.column + 1 for m in self._mappings if m.column >= 0}
        at = _Places(sheet, row_numbers, shown_columns)
        columns, doubted = self._columns(rows, at)
        findings = [*doubted, *self._carried_down(at), *self._split(columns, at)]
        parsed = self._parsed(columns, at, findings)
        for number, mapping in enumerate(self._mappings):
            field, values = mapping.field, parsed[number]
            if field.default is not None:
                parsed[number] = values = [field.default if v is None else v for v in values]
            findings += self._blanks(field, values, at, findings)
            findings += self._relations(field, values, parsed, at)
            findings += self._repeated(field, values, at)
        findings += self._groups(parsed, at)
        if self._further:
            row_of = dict(zip(row_numbers, rows, strict=True))
            findings = at_their_cells(findings, row_of, self._further)
        bad = self._bad_rows(row_numbers, findings)
        return Checked(dict(zip(self.fields, parsed, strict=True)), bad, findings)

    def _parsed(
        self, columns: Sequence[Sequence[Cell]], at: "_Places", findings: list[Finding]
    ) -> list[list[Any]]:
        """The values of each column; what is wrong with cells goes to `findings`."""
        parsed: list[list[Any]] = []
        for mapping, memo, column in zip(self._mappings, self._memos, columns, strict=True):
            values = plain_texts(column, mapping.field, self._parsers.placeholders)
            if values is None:
                values = list(map(memo.__getitem__, column))
                findings += self._sift(mapping.field, values, at)
            parsed.append(values)
        return parsed

    def _blanks(
        self,
        field: FieldModel,
        values: list[Any],
        at: "_Places",
        findings: Iterable[Finding],
    ) -> list[Finding]:
        """Where a required answer is missing, unless `findings` say already what is wrong there."""
        if not field.required or field.either_or or None not in values:
            return []
        code = "FB-blank" if field.required is True else "FB-asked"
        known_errors = {(f.row, f.field) for f in findings if f.severity == "error"}
        example = self._example(field)
        blank_rows = [index for index, value in enumerate(values) if value is None]
        blanks = at.each(code, field.id, blank_rows, example=example)
        return [blank for blank in blanks if (blank.row, blank.field) not in known_errors]

    def _bad_rows(self, row_numbers: Sequence[int], findings: Iterable[Finding]) -> frozenset[int]:
        """The indices of the rows that go back: all of them, where a column is missing."""
        if self._column_missing:
            return frozenset(range(len(row_numbers)))
        errors = {f.row for f in findings if f.severity == "error"}
        return frozenset(index for index, number in enumerate(row_numbers) if number in errors)

    def examples(self, rows: _Rows) -> frozenset[int]:
        """The indices of rows that only repeat the schema's examples.

        That is a register's example row, left as it was.
        """
        if len(self._shown) < _TELLING_EXAMPLES:
            return frozenset()
        column, words = next(iter(self._shown.items()))
        is_text = next(m.field.type for m in self._mappings if m.column == column) == "text"
        # texts stand first, and differ from row to row
        read = text_of if is_text else self._memo_of(column).__getitem__
        likely = [
            index
            for index, row in enumerate(rows)
            if column < len(row) and read(row[column]) in words
        ]
        return frozenset(index for index in likely if self._is_example(rows[index]))

    def _is_example(self, row: Sequence[Cell]) -> bool:
        """Whether everything that stands in the row is an example, and enough of it."""
        number = 0
        for mapping in self._mappings:
            column = mapping.column
            if not 0 <= column < len(row) or not text_of(row[column]):
                continue
            if column not in self._shown:
                return False
            if self._memo_of(column)[row[column]] not in self._shown[column]:
                return False
            number += 1
        return number >= _TELLING_EXAMPLES

    def _memo_of(self, column: int) -> _Memo:
        """The parsed values of the field that stands in the column."""
        return next(
            memo for m, memo in zip(self._mappings, self._memos, strict=True) if m.column == column
        )

    def _example_values(self) -> dict[int, list[Value]]:
        """By column, what its field's example means, in each language; texts first."""
        shown: dict[int, list[Value]] = {}
        for mapping, memo in sorted(
            zip(self._mappings, self._memos, strict=True),
            key=lambda pair: pair[0].field.type != "text",
        ):
            if mapping.column >= 0 and (cells := example_cells(mapping.field)):
                shown[mapping.column] = [memo[cell] for cell in cells]
        return shown

    def _example(self, field: FieldModel) -> str:
        """What a message gives as an example; a table's rows would be too long."""
        example = self._parsers.example(field)
        return "" if example is None or isinstance(example, list) else str(example)

    def _columns(self, rows: _Rows, at: "_Places") -> tuple[list[Sequence[Cell]], list[Finding]]:
        """The cells of each field, ready to be parsed, and what there is to say of others.

        They are a column of the sheet, several as one, or blanks for a field that has none.
        """
        if any(len(row) < self._width for row in rows):
            rows = [(*row, *[None] * (self._width - len(row))) for row in rows]
        every = list(zip(*rows, strict=False))
        blank: Sequence[Cell] = [None] * len(rows)
        columns: list[Sequence[Cell]] = []
        findings: list[Finding] = []
        for mapping, memo in zip(self._mappings, self._memos, strict=True):
            if mapping.column < 0 or not every:
                columns.append(blank)
                continue
            column = self._prepared(mapping, every[mapping.column], at.rows)
            further = self._further.get(mapping.field.id, ())
            if further:
                more = [self._prepared(m, every[m.column], at.rows) for m in further]
                column, doubted = gathered(
                    [column, *more],
                    [mapping, *further],
                    memo.__getitem__,
                    self._parsers.placeholders,
                )
                findings += self._of_others(mapping.field, doubted, at)
            columns.append(column)
        return columns, findings

    def _prepared(
        self, mapping: MappedColumn, column: Sequence[Cell], row_numbers: Sequence[int]
    ) -> Sequence[Cell]:
        """A column of the sheet as parsers take it.

        Cells of merged areas have their area's answer, dates of the 1904 system are days of the
        1900 system, and TRUE and FALSE are texts.
        """
        if self._merged_from.get(mapping.column):
            column = self._carried(mapping.column, column, row_numbers)
        if self._serial_days and mapping.field.type in {"date", "datetime"}:
            column = [_in_1900_system(cell, self._serial_days) for cell in column]
        if bool in set(map(type, column)):  # True would be found under 1.0
            column = [text_of(c) if isinstance(c, bool) else c for c in column]
        return column

    def _carried(
        self, number: int, column: Sequence[Cell], row_numbers: Sequence[int]
    ) -> list[Cell]:
        """Cells of a merged area take its first cell's answer; a blank elsewhere stays blank."""
        result = []
        merged_from = self._merged_from[number]
        for index, (cell, row) in enumerate(zip(column, row_numbers, strict=True)):
            top = merged_from.get(row)
            if top == row:
                self._tops[number, top] = cell
            if not top or cell not in {None, ""}:
                result.append(cell)
                continue
            whole = self._tops.get((number, top), cell)
            result.append(whole)
            if whole not in {None, ""}:
                self._carried_rows.setdefault(number, {}).setdefault(top, []).append(index)
        return result

    def _sift(self, field: FieldModel, values: list[Any], at: "_Places") -> list[Finding]:
        """Take what is bad out of a column (it becomes None); say what there is to say of each."""
        if _REMARKABLE.isdisjoint(map(type, values)):
            return []
        found: list[Finding] = []
        for index, value in enumerate(values):
            if type(value) not in _REMARKABLE:
                continue
            values[index] = _taken(value)
            found += self._remarked(field, index, value, at)
        return found

    def _of_others(
        self, field: FieldModel, doubted: Iterable[DoubtedCell], at: "_Places"
    ) -> Iterable[Finding]:
        """What there is to say of cells beside those that are taken, each at its cell."""
        for cell in doubted:
            for item in self._remarked(field, cell.row, cell.remark, at):
                yield item._replace(column=cell.column + 1)

    def _remarked(
        self, field: FieldModel, index: int, remark: Bad | Doubted, at: "_Places"
    ) -> list[Finding]:
        """What there is to say of an answer; nothing where that was said of an equal one."""
        if remark.code in _NOTED_ONCE:
            noted = (field.id, remark.details["value"])
            if noted in self._noted:
                return []
            self._noted.add(noted)
        return [at.one(remark.code, field.id, index, remark.details)]

    def _carried_down(self, at: "_Places") -> Iterable[Finding]:
        """That answers of merged areas were taken for their further rows, once an area.

        Where a field is meant to be filled in so, nobody has to be told.
        """
        carried, self._carried_rows = self._carried_rows, {}
        for mapping in self._mappings:
            if mapping.field.carry_down:
                continue
            for top, indices in carried.get(mapping.column, {}).items():
                value = text_of(self._tops[mapping.column, top])[:_SHOWN_CHARS]
                details = {"value": value, "first": str(top), "last": str(at.rows[indices[-1]])}
                yield at.one("FB-carried-down", mapping.field.id, indices[0], details)

    def _split(self, columns: list[Sequence[Cell]], at: "_Places") -> list[Finding]:
        """Name and model in one cell: `智能音箱 X-1`. Source: 3.1.1f.

        The model's column then gets its part.
        """
        found = []
        for number, mapping in enumerate(self._mappings):
            other = self._place.get(mapping.field.split_from or "")
            if other is None:
                continue
            parts_of = self._names_with_model(other, columns[other])
            if not parts_of:
                continue
            names, models = list(columns[other]), list(columns[number])
            for index, (whole, own) in enumerate(zip(names, models, strict=True)):
                if whole not in parts_of or text_of(own):
                    continue
                parts = parts_of[whole]
                names[index], models[index] = parts["name"], parts["model"]
                split = at.one("FB-split", mapping.field.id, index, parts)
                found.append(split._replace(column=at.columns.get(self.fields[other])))
            columns[other], columns[number] = names, models
        return found

    def _names_with_model(self, number: int, column: Sequence[Cell]) -> dict[Cell, dict[str, str]]:
        """The cells that are no known name, but may be one with a model behind it, in parts."""
        memo = self._memos[number]
        parts_of: dict[Cell, dict[str, str]] = {}
        for whole in set(column):
            if isinstance(whole, str) and isinstance(memo[whole], Bad):
                name, model = _name_and_model(whole)
                if name and model:
                    parts_of[whole] = {"value": whole.strip(), "name": name, "model": model}
        return parts_of

    def _relations(
        self, field: FieldModel, values: list[Any], parsed: list[list[Any]], at: "_Places"
    ) -> list[Finding]:
        """Dates that stand after or before another date, where they must not."""
        found: list[Finding] = []
        for code, other, is_wrong in (
            ("FB-date-after", field.not_after, operator.gt),
            ("FB-date-before", field.not_before, operator.lt),
        ):
            limits = self._dates_of(other, parsed, len(values))
            if limits is None:
                continue
            name = say("validate.today", self._language) if other == "received" else other
            for index, (value, limit) in enumerate(zip(values, limits, strict=True)):
                if value and limit and is_wrong(value[:10], limit[:10]):
                    details = {"value": value, "limit": limit[:10], "other": name}
                    found.append(at.one(code, field.id, index, details))
        return found

    def _dates_of(
        self, other: str | None, parsed: list[list[Any]], n_rows: int
    ) -> Sequence[Any] | None:
        """The dates to compare with, one a row; None where there are none.

        They are another field's, or the day of receipt for `received`.
        """
        if other == "received":
            return [self._received] * n_rows
        place = self._place.get(other or "")
        return None if place is None else parsed[place]

    def _repeated(self, field: FieldModel, values: list[Any], at: "_Places") -> list[Finding]:
        """Answers that must differ from row to row and stand in an earlier row, too."""
        if not field.unique:
            return []
        found = []
        first_rows = self._first_rows[field.id]
        for index, value in enumerate(tuple(v) if isinstance(v, list) else v for v in values):
            if value is None:
                continue
            first = first_rows.setdefault(value, at.rows[index])
            if first != at.rows[index]:
                details = {"value": str(value), "first": str(first)}
                found.append(at.one("FB-not-unique", field.id, index, details))
        return found

    def _groups(self, parsed: list[list[Any]], at: "_Places") -> list[Finding]:
        """Where none of several fields is answered of which one must be."""
        found: list[Finding] = []
        separator = say("list", self._language)
        for fields in self._either_or_groups():
            ids = [field.id for field in fields if field.id in self._place]
            if not ids:
                continue
            columns = [parsed[self._place[field_id]] for field_id in ids]
            unanswered = [
                index
                for index, answers in enumerate(zip(*columns, strict=True))
                if answers.count(None) == len(answers)
            ]
            labels = separator.join(field.label[self._language] for field in fields)
            found += at.each("FB-either-or", ids[0], unanswered, labels=labels)
        return found

    def _either_or_groups(self) -> Iterable[list[FieldModel]]:
        """The fields of which one answer is enough, group by group."""
        groups: dict[str, list[FieldModel]] = {}
        for field in self._layout.schema.fields:
            if field.either_or:
                groups.setdefault(field.either_or, []).append(field)
        return groups.values()


_TELLING_EXAMPLES = 3
"""So many answers must equal the examples before a row is taken for the example row."""


_UNLISTED = frozenset({"FB-unknown-product", "FB-unlisted-department", "FB-unlisted-person"})
_NOTED_ONCE = _UNLISTED | {"FB-read-as-blank"}
_REMARKABLE = frozenset({Bad, Doubted})


def _taken(remark: Bad | Doubted) -> Value:
    """What is taken of an answer that there is something to say about; None for nothing."""
    if isinstance(remark, Doubted):
        return remark.value
    return remark.details["value"] if remark.code in _UNLISTED else None


def _without_column(layout: Layout) -> list[MappedColumn]:
    """The fields that no column holds, but a default or a part of another column's answer."""
    mapped = {mapping.field.id for mapping in layout.columns}
    return [
        MappedColumn(-1, field, "")
        for field in layout.schema.fields
        if field.id not in mapped and (field.default is not None or field.split_from in mapped)
    ]


def _in_1900_system(cell: Cell, serial_days: int) -> Cell:
    """A bare number that stands for a date, so many days on; other cells as they are."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell + serial_days
    return cell


def _merged_from(column: int, areas: Iterable[_Area]) -> dict[int, int]:
    """By row, from which row a merged area reaches there, both 1-based."""
    tops: dict[int, int] = {}
    for top, left, bottom, right in areas:
        if left <= column <= right:
            tops.update(dict.fromkeys(range(top + 1, bottom + 2), top + 1))
    return tops


def _name_and_model(whole: str) -> tuple[str, str]:
    """The two parts of `智能音箱 X-1` or `智能音箱/X-1`; `""` for a model without a digit."""
    spaced = whole.strip().replace("／", "/").replace("/", " ")
    name, _, model = spaced.rpartition(" ")
    return name.strip(), model if any(map(str.isdigit, model)) else ""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows and columns at hand are, for findings.

    `rows` are the numbers of the rows by index; `columns` those of the columns (from 1) by field
    id. A field without a column of its own is not among them.
    """

    sheet: str
    rows: Sequence[int]
    columns: dict[str, int]

    def one(self, code: str, field: str, index: int, details: Any) -> Finding:
        """What is wrong with the answer of one row."""
        return finding(
            code,
            sheet=self.sheet,
            row=self.rows[index],
            column=self.columns.get(field),
            field=field,
            **details,
        )

    def each(self, code: str, field: str, indices: Iterable[int], **details: str) -> list[Finding]:
        """What is wrong alike with the answers of several rows."""
        return [self.one(code, field, index, details) for index in indices]


def validate(
    submission: Submission,
    layout: Layout,
    book: Book,
    *,
    received: dt.datetime,
    language: str = "zh-Hant",
) -> tuple[dict[str, Value] | None, list[Finding]]:
    """Check one submission; the typed values by field id, and all findings.

    The values are None when it must go back.
    """
    checker = Checker(layout, book, received=received, language=language)
    checked = checker.check([submission.cells], [submission.row], submission.sheet)
    findings = [*layout.findings, *checked.findings]
    if checked.bad:
        return None, findings
    return checked.answers(0), findings
