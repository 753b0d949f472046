"""The compiled checks of one sheet's layout."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding, Submission
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn
from fbbatch.validate.parsers import Parsers, example_cells, plain_texts
from fbbatch.validate.values import Bad, Parse, Value, text_of

_MEMO = 50_000


class _Memo(dict[Cell, Any]):
    """Cell → value; what repeats is parsed once.

    It is bounded, so that a column of unlike answers costs no memory.
    """

    def __init__(self, parse: Parse) -> None:
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
    """

    def __init__(
        self,
        layout: Layout,
        book: Book,
        *,
        received: dt.datetime,
        language: str,
        merged: Sequence[tuple[int, int, int, int]] = (),
        serial_days: int = 0,
    ) -> None:
        self._layout = layout
        self._serial_days = serial_days
        self._language = language
        self._received = received.date().isoformat()
        self._parsers = parsers = Parsers(book, language, received.tzinfo)
        mapped = {mapping.field.id: mapping for mapping in layout.columns}
        derived = [
            f
            for f in layout.schema.fields
            if f.id not in mapped and (f.default is not None or f.split_from in mapped)
        ]
        self._mappings = [*layout.columns, *(MappedColumn(-1, f, "") for f in derived)]
        self.fields = tuple(mapping.field.id for mapping in self._mappings)
        self._place = {field_id: number for number, field_id in enumerate(self.fields)}
        self._memos = [_Memo(parsers.of(mapping.field)) for mapping in self._mappings]
        self._seen: dict[str, dict[Any, int]] = {
            m.field.id: {} for m in self._mappings if m.field.unique
        }
        self._noted: set[tuple[str, Value]] = set()
        carried = {m.column for m in layout.columns if m.field.carry_down}
        self._spans = {
            c: {
                row + 1: top + 1
                for top, left, bottom, right in merged
                if left <= c <= right
                for row in range(top, bottom + 1)
            }
            for c in carried
        }
        self._tops: dict[tuple[int, int], Cell] = {}
        self._column_missing = bool(layout.missing)
        self._shown = self._example_values()
        self._width = 1 + max((mapping.column for mapping in layout.columns), default=-1)

    # --- rows -------------------------------------------------------------------------

    def check(
        self, rows: Sequence[Sequence[Cell]], row_numbers: Sequence[int], sheet: str
    ) -> Checked:
        """Check rows of the sheet in order; never raises for what a cell holds.

        Args:
            rows: the cells of each row, at least as wide as the layout (shorter ones are filled
                up).
            row_numbers: the 1-based number of each row.
            sheet: the sheet's name.
        """
        at = _Places(
            sheet, row_numbers, {m.field.id: m.column + 1 for m in self._mappings if m.column >= 0}
        )
        columns = self._columns(rows, row_numbers)
        findings = self._split(columns, at)
        parsed: list[list[Any]] = []
        for mapping, memo, column in zip(self._mappings, self._memos, columns, strict=True):
            values = plain_texts(column, mapping.field)
            if values is None:
                values = list(map(memo.__getitem__, column))
                findings += self._sift(mapping.field, values, at)
            parsed.append(values)
        for number, mapping in enumerate(self._mappings):
            field, values = mapping.field, parsed[number]
            if field.default is not None:
                parsed[number] = values = [field.default if v is None else v for v in values]
            if field.required and not field.either_or and None in values:
                code = "FB-blank" if field.required is True else "FB-asked"
                flagged = {(f.row, f.field) for f in findings if f.severity == "error"}
                findings += [
                    f
                    for f in at.each(
                        code, field.id, _where(values, None), example=self._example(field)
                    )
                    if (f.row, f.field) not in flagged
                ]
            findings += self._relations(field, values, parsed, at)
        findings += self._groups(parsed, at)
        errors = {f.row for f in findings if f.severity == "error"}
        bad = (
            frozenset(range(len(rows)))
            if self._column_missing
            else frozenset(i for i, n in enumerate(row_numbers) if n in errors)
        )
        return Checked(dict(zip(self.fields, parsed, strict=True)), bad, findings)

    def examples(self, rows: Sequence[Sequence[Cell]]) -> frozenset[int]:
        """The indices of rows that only repeat the schema's examples.

        That is a register's example row, left as it was.
        """
        if len(self._shown) < _TELLING_EXAMPLES:
            return frozenset()
        column, words = next(iter(self._shown.items()))
        is_text = next(m.field.type for m in self._mappings if m.column == column) == "text"
        read = (
            text_of if is_text else self._memo_of(column).__getitem__
        )  # texts stand first, and differ from row to row
        likely = [
            index
            for index, row in enumerate(rows)
            if column < len(row) and read(row[column]) in words
        ]
        return frozenset(index for index in likely if self._is_example(rows[index]))

    def _is_example(self, row: Sequence[Cell]) -> bool:
        filled = [m for m in self._mappings if 0 <= m.column < len(row) and text_of(row[m.column])]
        return len(filled) >= _TELLING_EXAMPLES and all(
            m.column in self._shown
            and self._memo_of(m.column)[row[m.column]] in self._shown[m.column]
            for m in filled
        )

    def _memo_of(self, column: int) -> _Memo:
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

    def _columns(
        self, rows: Sequence[Sequence[Cell]], row_numbers: Sequence[int]
    ) -> list[Sequence[Cell]]:
        if any(len(row) < self._width for row in rows):
            rows = [(*row, *[None] * (self._width - len(row))) for row in rows]
        every = list(zip(*rows, strict=False))
        blank: Sequence[Cell] = [None] * len(rows)
        columns: list[Sequence[Cell]] = []
        for mapping in self._mappings:
            column: Sequence[Cell] = (
                every[mapping.column] if mapping.column >= 0 and every else blank
            )
            if self._spans.get(mapping.column):
                column = self._carried(mapping.column, column, row_numbers)
            if self._serial_days and mapping.field.type in {"date", "datetime"}:
                column = [c + self._serial_days if type(c) in {int, float} else c for c in column]  # type: ignore[operator]
            if bool in set(map(type, column)):  # True would be found under 1.0
                column = [text_of(c) if isinstance(c, bool) else c for c in column]
            columns.append(column)
        return columns

    def _carried(
        self, number: int, column: Sequence[Cell], row_numbers: Sequence[int]
    ) -> list[Cell]:
        """Cells of a merged area take its first cell's answer; a blank elsewhere stays blank."""
        result = []
        for cell, row in zip(column, row_numbers, strict=True):
            top = self._spans[number].get(row)
            if top == row:
                self._tops[number, top] = cell
            result.append(
                self._tops.get((number, top), cell) if top and cell in {None, ""} else cell
            )
        return result

    def _sift(self, field: FieldModel, values: list[Any], at: "_Places") -> list[Finding]:
        """Take the bad values out of a column (they become None); say what is wrong with each."""
        if Bad not in set(map(type, values)):
            return []
        found = []
        for index, value in enumerate(values):
            if type(value) is not Bad:
                continue
            if value.code in _NOTED_ONCE:
                values[index] = value.details["value"]
                if (field.id, value.details["value"]) in self._noted:
                    continue
                self._noted.add((field.id, value.details["value"]))
            else:
                values[index] = None
            found.append(at.one(value.code, field.id, index, value.details))
        return found

    def _split(self, columns: list[Sequence[Cell]], at: "_Places") -> list[Finding]:
        """Name and model in one cell: `智能音箱 X-1`. Source: 3.1.1f.

        The model's column then gets its part.
        """
        found = []
        for number, mapping in enumerate(self._mappings):
            other = self._place.get(mapping.field.split_from or "")
            if other is None:
                continue
            memo = self._memos[other]
            unknown = {
                whole
                for whole in set(columns[other])
                if isinstance(whole, str) and isinstance(memo[whole], Bad)
            }
            if not unknown:
                continue
            names, models = list(columns[other]), list(columns[number])
            for index, (whole, own) in enumerate(zip(names, models, strict=True)):
                if not isinstance(whole, str) or whole not in unknown or text_of(own):
                    continue
                name, _, model = whole.strip().replace("／", "/").replace("/", " ").rpartition(" ")
                if name.strip() and model and any(c.isdigit() for c in model):
                    names[index], models[index] = name.strip(), model
                    details = {"value": whole.strip(), "name": name.strip(), "model": model}
                    found.append(
                        at.one("FB-split", mapping.field.id, index, details)._replace(
                            column=at.columns.get(self.fields[other])
                        )
                    )
            columns[other], columns[number] = names, models
        return found

    def _relations(
        self, field: FieldModel, values: list[Any], parsed: list[list[Any]], at: "_Places"
    ) -> list[Finding]:
        found: list[Finding] = []
        for other, code in (
            (field.not_after, "FB-date-after"),
            (field.not_before, "FB-date-before"),
        ):
            if other is None:
                continue
            if other == "received":
                limits: Iterable[Any] = [self._received] * len(values)
            elif other in self._place:
                limits = parsed[self._place[other]]
            else:
                continue
            late = code == "FB-date-after"
            for index, (value, limit) in enumerate(zip(values, limits, strict=True)):
                if (
                    value
                    and limit
                    and ((value[:10] > limit[:10]) if late else (value[:10] < limit[:10]))
                ):
                    name = _TODAY[self._language] if other == "received" else other
                    found.append(
                        at.one(
                            code,
                            field.id,
                            index,
                            {"value": value, "limit": limit[:10], "other": name},
                        )
                    )
        if field.unique:
            seen = self._seen[field.id]
            for index, value in enumerate(tuple(v) if isinstance(v, list) else v for v in values):
                first = (
                    seen.setdefault(value, at.rows[index]) if value is not None else at.rows[index]
                )
                if first != at.rows[index]:
                    found.append(
                        at.one(
                            "FB-not-unique",
                            field.id,
                            index,
                            {"value": str(value), "first": str(first)},
                        )
                    )
        return found

    def _groups(self, parsed: list[list[Any]], at: "_Places") -> list[Finding]:
        groups: dict[str, list[str]] = {}
        for f in self._layout.schema.fields:
            if f.either_or:
                groups.setdefault(f.either_or, []).append(f.id)
        found = []
        for ids in groups.values():
            columns = [parsed[self._place[i]] for i in ids if i in self._place]
            if not columns:
                continue
            labels = (", " if self._language == "en" else "、").join(
                f.label[self._language] for f in self._layout.schema.fields if f.id in ids
            )
            first = next(i for i in ids if i in self._place)
            for index, answers in enumerate(zip(*columns, strict=True)):
                if all(answer is None for answer in answers):
                    found.append(at.one("FB-either-or", first, index, {"labels": labels}))
        return found

    # --- parsers ----------------------------------------------------------------------


_TELLING_EXAMPLES = 3
"""So many answers must equal the examples before a row is taken for the example row."""


_NOTED_ONCE = frozenset({"FB-unknown-product", "FB-unlisted-department", "FB-unlisted-person"})
_TODAY = {"zh-Hant": "收件日", "zh-Hans": "收件日", "en": "the day of receipt"}


def _where(values: list[Any], wanted: object) -> list[int]:
    return [index for index, value in enumerate(values) if value is wanted]


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows and columns at hand are, for findings."""

    sheet: str
    rows: Sequence[int]
    columns: dict[str, int]

    def one(self, code: str, field: str, index: int, details: Any) -> Finding:
        return finding(
            code,
            sheet=self.sheet,
            row=self.rows[index],
            column=self.columns.get(field),
            field=field,
            **details,
        )

    def each(self, code: str, field: str, indices: Iterable[int], **details: str) -> list[Finding]:
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
