"""A form in a worksheet: labels beside their values, in two columns or four, or records turned.

Only what is small and names at least three fields is one; it becomes a table with a row per record.
Whether its answers are right is seen when that table is judged.
"""

from collections import Counter
from collections.abc import Sequence

from fbbatch.model import Cell
from fbbatch.read import Sheet, sheet_of
from fbbatch.read.answers import answers_in_cells
from fbbatch.schema import FieldModel, SchemaModel, field_for
from fbbatch.validate import text_of

_FEWEST_LABELS = 3
"""So many different fields a form must name in one column."""
_LONGEST_LABEL = 60
"""A longer text is no label, and need not be looked up."""
_FEWEST_IN_SECOND_COLUMN = 2
"""So many, in another column, make it a form in pairs of columns."""
_Texts = Sequence[Sequence[str]]


def form_in_sheet(
    sheet: Sheet, schemas: Sequence[SchemaModel]
) -> tuple[Sheet, Sequence[str]] | None:
    """The records of a form as a sheet with a header, and the texts that answer nothing.

    Where labels stand in one column, each column right of them is a record. Where they stand in
    several, a value stands between its label and the next one.

    Args:
        sheet: no more of it than its `head` is looked at.
        schemas: whose labels count; of a label that several know, the first one's field.

    Returns:
        None where it is no form.

    Source: 3.1.1, N2.
    """
    index: dict[str, FieldModel] = {}
    for schema in schemas:
        index = schema.by_header | index
    texts = [list(map(text_of, row)) for row in sheet.head]
    labels = _labels(texts, index)
    if not labels:
        return None
    column, n_labels = labels.most_common(1)[0]
    if n_labels < _FEWEST_LABELS:
        return None
    loose: Sequence[str] = ()
    if _is_in_pairs(texts, column, labels, index):
        found = answers_in_cells(texts, index)
        if found is None:
            return None
        rows, loose = found
    else:
        rows = _turned(texts, column, index)
    form = sheet_of(sheet.name, rows)
    form.written = True
    form.hidden = sheet.hidden
    return form, loose


def _labels(texts: _Texts, index: dict[str, FieldModel]) -> Counter[int]:
    """How many different fields each column names."""
    named: set[tuple[int, str]] = set()
    for row in texts:
        for column, text in enumerate(row):
            if not text or len(text) > _LONGEST_LABEL:
                continue
            field = field_for(text, index)
            if field:
                named.add((column, field.id))
    labels: Counter[int] = Counter()
    for column, _ in named:
        labels[column] += 1
    return labels


def _is_in_pairs(
    texts: _Texts,
    column: int,
    labels: Counter[int],
    index: dict[str, FieldModel],
) -> bool:
    """Whether labels stand in several columns, or the same ones again further down."""
    for place, n_labels in labels.items():
        if place != column and n_labels >= _FEWEST_IN_SECOND_COLUMN:
            return True
    written = []
    for row in texts:
        label = _at(row, column)
        if not label:
            continue
        if field_for(label, index):
            written.append(label)
    return len(set(written)) < len(written)


def _at(row: Sequence[str], column: int) -> str:
    """The text of a cell; `''` where the row is too short."""
    return row[column] if column < len(row) else ""


def _turned(texts: _Texts, column: int, index: dict[str, FieldModel]) -> list[list[Cell]]:
    """The rows as columns: the labels as a header, each column right of them a record.

    A line without a value is a title, unless a field is called so.
    """
    lines: list[list[str]] = []
    for row in texts:
        label = _at(row, column)
        values = row[column + 1 :]
        is_title = not any(values) and not (label and field_for(label, index))
        if not is_title:
            lines.append([label, *values])
    width = max(map(len, lines), default=0)
    records: list[list[Cell]] = []
    for place in range(width):
        record: list[Cell] = []
        for line in lines:
            text = _at(line, place)
            record.append(text)
        if any(record):
            records.append(record)
    return records
