"""Rows of a sheet that are no feedback: repeated headers, titles, totals, hints, endings.

They are told and kept, and nobody has to correct them. Only what is certain counts: a row that
answers all that must be answered is feedback, and so is one that no words or place betray.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import yaml

from fbbatch.model import Cell
from fbbatch.schema import Layout, field_for
from fbbatch.schema.identify import MergedArea
from fbbatch.validate import text_of
from fbbatch.words import fold, simplified

_YAML = Path(__file__).with_name("not_rows.yaml")
_WITH_DIGITS = ("date", "datetime", "integer", "number", "contact")
"""Types of fields whose answers have digits; the first one tells rows from what is none."""
_DIGIT = re.compile(r"\d")
_NUMBERS = re.compile(r"[\d.,%‰+\-/ ]*[^\W\d]{0,2}")
HINTED_ROWS = 3
"""So many rows below a header may be hints or examples."""
_TITLE_COLUMNS = 3
_FEW = 3
_LONGEST = 120
_LONGEST_HEADER = 60
_SHOWN = 60
_TOTALS = frozenset(
    {
        "小計",
        "小计",
        "合計",
        "合计",
        "總計",
        "总计",
        "共計",
        "共计",
        "累計",
        "累计",
        "本頁小計",
        "本页小计",
        "本月合計",
        "本月合计",
        "平均",
        "Total",
        "TOTAL",
        "Total:",
        "Subtotal",
        "SUBTOTAL",
        "Sub-total",
        "Grand total",
        "Grand Total",
        "Sum",
        "Average",
    }
)
"""Totals that are looked at though there is a date beside them."""
_MOST_TRIED = 2_000
"""So many rows of a sheet are looked at as headers that turn out to be none."""


@dataclass(frozen=True, slots=True)
class _RowKind:
    """A kind of row that is no feedback.

    Its name by language, and the texts, folded, with which such a row begins.
    """

    label: Mapping[str, str]
    patterns: tuple[re.Pattern[str], ...]


@cache
def _kinds() -> dict[str, _RowKind]:
    """Every kind by its name in `not_rows.yaml`."""
    written = yaml.safe_load(_YAML.read_bytes())
    kinds = {}
    for name, said in written.items():
        patterns = tuple(map(re.compile, said["patterns"]))
        label = dict(said["label"])
        label["zh-Hans"] = simplified(label["zh-Hant"])
        kinds[name] = _RowKind(label, patterns)
    return kinds


def label_of(kind: str, language: str) -> str:
    """What people call a kind of row, e.g. `小計或合計`."""
    return _kinds()[kind].label[language]


class FilledCell(NamedTuple):
    """A cell that holds something: its column, from 0, and its text."""

    column: int
    text: str


def filled_cells(row: Sequence[Cell], columns: range) -> list[FilledCell]:
    """The cells of a row within these columns that hold something."""
    cells = []
    stop = min(columns.stop, len(row))
    for column in range(columns.start, stop):
        text = text_of(row[column])
        if text:
            cells.append(FilledCell(column, text))
    return cells


class NotRows:
    """Finds the rows below one header that are no feedback.

    Args:
        layout: how the rows are read.
        columns: those of the table, from 0.
        front: the texts of the rows that end with the header, title and all; the same once more is
            no row.
        merged: merged areas (top, left, bottom, right, from 0).
    """

    def __init__(
        self,
        layout: Layout,
        columns: range,
        front: Mapping[tuple[str, ...], str],
        merged: Sequence[MergedArea],
    ) -> None:
        self._columns = columns
        self._front = front
        self._n_tried = 0
        self._index = layout.schema.by_header
        self._mapped: set[int] = set()
        self._asked: set[int] = set()
        for mapping in layout.columns:
            self._mapped.add(mapping.column)
            if mapping.field.required is True:
                self._asked.add(mapping.column)
        self._first = min(self._mapped, default=0)
        self._few = min(_FEW, len(self._mapped))
        self._telling = _telling_column(layout)
        self._wide = _wide_rows(merged, self._first)

    def suspects(self, rows: Sequence[Sequence[Cell]]) -> list[int]:
        """The indices of rows that may be none; all others are rows for certain. Cheap."""
        every = range(len(rows))
        if self._telling is None:
            return list(every)
        told = _column(rows, self._telling)
        first = _column(rows, self._columns.start)
        without = set(filter(_lacks_digits, set(told)))
        if not without and _TOTALS.isdisjoint(first):
            return []
        suspects: list[int] = []
        for index in every:
            if told[index] in without or first[index] in _TOTALS:
                suspects.append(index)
        return suspects

    def is_header(self, row: Sequence[Cell]) -> bool:
        """Whether a row names fields, so that what follows may be another layout."""
        cells = filled_cells(row, self._columns)
        known = self._front.get(_texts(cells))
        if known:
            return known == "header"
        if len(cells) < max(2, self._few) or self._n_tried > _MOST_TRIED:
            return False
        if not all(map(_may_be_header, cells)):
            return False
        if len(self._named(cells[:_FEW])) < 2:
            self._n_tried += 1
            return False
        named = self._named(cells)
        return len(named) >= self._few and 2 * len(named) >= len(cells)

    def _named(self, cells: Iterable[FilledCell]) -> set[str]:
        """The ids of the fields that cells name."""
        named = set()
        for cell in cells:
            field = field_for(cell.text, self._index)
            if field:
                named.add(field.id)
        return named

    def kind(self, row: Sequence[Cell], number: int, n_below: int) -> str | None:
        """Which kind of row it is that is no feedback; None of feedback.

        Args:
            row: its cells.
            number: of the row, as Excel shows it.
            n_below: how many rows it stands below its header, from 1.
        """
        cells = filled_cells(row, self._columns)
        if not cells:
            return None
        kind = self._front.get(_texts(cells))
        if not kind and n_below <= HINTED_ROWS:
            kind = _kind_below_header(cells)
        present = {cell.column for cell in cells}
        if kind or present.issuperset(self._asked or self._mapped):
            return kind
        if _is_total(cells):
            return "total"
        answered = present.intersection(self._mapped)
        if not self._asked and 2 * len(answered) >= len(self._mapped):
            return None
        return self._by_words(cells) or self._by_place(cells, number)

    def _by_words(self, cells: Sequence[FilledCell]) -> str | None:
        """A kind that the first text of the row betrays."""
        first, *others = cells
        if len(first.text) > _LONGEST:
            return None
        if _is_told("signature", first):
            return "signature"
        if not others and _is_told("ending", first):
            return "ending"
        if first.column > self._first:
            return None
        if _is_told("remark", first):
            return "remark"
        return None

    def _by_place(self, cells: Sequence[FilledCell], number: int) -> str | None:
        """A title: alone in its row, and over several columns, or called a list."""
        first, *others = cells
        if others:
            return None
        if first.column > self._first:
            return None
        is_wide = number - 1 in self._wide
        if is_wide or _is_told("title", first):
            return "title"
        return None


def _kind_below_header(cells: Sequence[FilledCell]) -> str | None:
    """Hints under the headers, or a row that says it is an example."""
    if _is_told("example", cells[0]):
        return "example"
    hints = 0
    for cell in cells:
        if _is_told("hint", cell):
            hints += 1
    if hints >= 2 and 2 * hints >= len(cells):
        return "hint"
    return None


def _is_total(cells: Sequence[FilledCell]) -> bool:
    """Whether a row begins with the word for a total and has nothing but numbers behind it."""
    first, *others = cells
    if len(first.text) > _LONGEST:
        return False
    if not _is_told("total", first):
        return False
    return all(_NUMBERS.fullmatch(cell.text) for cell in others)


def _is_told(kind: str, cell: FilledCell) -> bool:
    """Whether a cell's text is one that such rows begin with."""
    text = fold(cell.text).strip()
    return any(pattern.fullmatch(text) for pattern in _kinds()[kind].patterns)


def _may_be_header(cell: FilledCell) -> bool:
    """Whether a text is short and more than a number."""
    return len(cell.text) <= _LONGEST_HEADER and not cell.text.isdigit()


def _wide_rows(merged: Iterable[MergedArea], first: int) -> set[int]:
    """The rows, from 0, that begin with one cell over several columns."""
    wide = set()
    for top, left, bottom, right in merged:
        n_columns = right - left + 1
        if top == bottom and left <= first and n_columns >= _TITLE_COLUMNS:
            wide.add(top)
    return wide


def _telling_column(layout: Layout) -> int | None:
    """The column in which every row has digits, if it has anything; None where there is none."""
    for kind in _WITH_DIGITS:
        for mapping in layout.columns:
            if mapping.field.type == kind:
                return mapping.column
    return None


def _column(rows: Sequence[Sequence[Cell]], column: int) -> list[Cell]:
    """The cells of a column; None where a row is too short."""
    try:
        return list(map(itemgetter(column), rows))
    except IndexError:
        return [row[column] if column < len(row) else None for row in rows]


def _lacks_digits(cell: Cell) -> bool:
    """Whether a cell is blank, or a text without digits."""
    if isinstance(cell, str):
        return not _DIGIT.search(cell)
    return cell is None


def _texts(cells: Iterable[FilledCell]) -> tuple[str, ...]:
    return tuple(cell.text for cell in cells)


def front_of(rows: Sequence[Sequence[Cell]], columns: range) -> dict[tuple[str, ...], str]:
    """The texts of the rows down to the header, which is the last, and what each is.

    Args:
        rows: all of them; none where there is no header.
        columns: those of the table.
    """
    front: dict[tuple[str, ...], str] = {}
    last = len(rows) - 1
    for place, row in enumerate(rows):
        cells = filled_cells(row, columns)
        if cells:
            kind = "header" if place == last else "title"
            front[_texts(cells)] = kind
    return front


def as_text(row: Sequence[Cell], columns: range) -> str:
    """What a row says, for a message; cut short."""
    cells = filled_cells(row, columns)
    texts = _texts(cells)
    return " ".join(texts)[:_SHOWN]


def parts_between(n_rows: int, headers: Iterable[int]) -> Iterator[range]:
    """The stretches between rows that are headers; each but the first begins with one."""
    starts = [0, *filter(None, headers), n_rows]
    for start, stop in pairwise(starts):
        yield range(start, stop)
