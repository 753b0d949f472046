"""Several columns of a sheet that answer one field → one cell a row."""

from collections.abc import Iterable, Mapping, Sequence

from fbbatch.model import Cell, Finding
from fbbatch.schema import FieldModel, Layout, MappedColumn
from fbbatch.schema.columns import NO_TICKS, TICKS
from fbbatch.validate.values import Bad, Parse, says_nothing, text_of
from fbbatch.words import fold

OPTION_SEPARATOR = "┋"
"""What survey tools write between several choices, and no option contains."""


Further = Mapping[str, Sequence[MappedColumn]]
"""By field, its columns but the first."""


def further_columns(layout: Layout) -> Further:
    """The columns of a layout that are not the first ones of their fields."""
    further: dict[str, list[MappedColumn]] = {}
    for mapping in layout.further:
        columns = further.setdefault(mapping.field.id, [])
        columns.append(mapping)
    return further


def at_their_cells(
    findings: Iterable[Finding],
    rows: Mapping[int, Sequence[Cell]],
    further: Further,
) -> list[Finding]:
    """The findings, each at the cell it speaks of.

    Args:
        findings: each stands at the first column of its field.
        rows: the cells of the rows, by their numbers.
        further: the other columns of fields.
    """
    return [
        _at_its_cell(
            item,
            rows.get(item.row or 0, ()),
            further.get(item.field or "", ()),
        )
        for item in findings
    ]


def _at_its_cell(
    item: Finding,
    row: Sequence[Cell],
    further: Sequence[MappedColumn],
) -> Finding:
    """The finding at the first column of its field that is filled in, if there are several."""
    if not further or item.column is None:
        return item
    columns = [item.column - 1]
    columns += [mapping.column for mapping in further]
    for column in columns:
        if column < len(row) and text_of(row[column]):
            return item._replace(column=column + 1)
    return item


def gathered(
    columns: Sequence[Sequence[Cell]], mappings: Sequence[MappedColumn], parse: Parse
) -> list[Cell]:
    """One cell a row of all columns of a field.

    Columns of one option each give the options that were chosen. Of others, the first cell with an
    answer counts; contacts, choices and long texts are kept together, each once.

    Args:
        columns: the cells of each column, row by row.
        mappings: the columns, in the same order; all of one field.
        parse: the field's parser; it tells what is an answer.
    """
    field = mappings[0].field
    rows = zip(*columns, strict=True)
    if mappings[0].option:
        between = "、"
        if field.type == "choices":
            between = _between_options(field)
        options = [mapping.option for mapping in mappings]
        return [_chosen(cells, options, between) for cells in rows]
    return [_together(cells, field, parse) for cells in rows]


def _chosen(cells: Sequence[Cell], options: Sequence[str], between: str) -> Cell:
    """The options that a row chooses; what is neither a mark nor blank is handed on as it is.

    Args:
        cells: of the row, one for each option.
        options: their names, as the headers have them.
        between: what to put between two of them.
    """
    chosen: list[str] = []
    for cell, option in zip(cells, options, strict=True):
        text = text_of(cell)
        folded = fold(text)
        if folded in NO_TICKS:
            continue
        chosen.append(option if folded in TICKS else text)
    return between.join(chosen) or None


def _together(cells: Sequence[Cell], field: FieldModel, parse: Parse) -> Cell:
    """The answer of a row; where none is one, the first cell that says anything.

    Args:
        cells: of the row, one for each column of the field.
        field: says whether several answers are put together.
        parse: the field's parser.
    """
    filled = [cell for cell in cells if text_of(cell)]
    if len(filled) < 2:
        return filled[0] if filled else cells[0]
    answers = [cell for cell in filled if _is_answer(cell, field, parse)]
    if len(answers) < 2 or not _are_joined(field):
        return (answers or filled)[0]
    texts = dict.fromkeys(_written(cell, field, parse) for cell in answers)
    match field.type:
        case "contact":
            return "; ".join(texts)
        case "choices":
            return _between_options(field).join(texts)
        case _:
            return "\n".join(texts)


def _between_options(field: FieldModel) -> str:
    """What stands between several choices, so that the field's parser tells them apart."""
    return field.separator or OPTION_SEPARATOR


def _are_joined(field: FieldModel) -> bool:
    """Whether several answers are all kept: contacts, choices, texts such as a description."""
    is_long = field.type == "text" and (field.empty_phrases or field.min_length > 0)
    return is_long or field.type in {"contact", "choices"}


def _written(cell: Cell, field: FieldModel, parse: Parse) -> str:
    """An answer as it is put beside others: a phone without its dashes, a text as it stands."""
    value = parse(cell) if field.type == "contact" else None
    return value if isinstance(value, str) else text_of(cell)


def _is_answer(cell: Cell, field: FieldModel, parse: Parse) -> bool:
    """Whether a filled cell answers anything; one that is wrong does, `無` does not."""
    if field.type == "contact" and says_nothing(fold(text_of(cell))):
        return False
    value = parse(text_of(cell) if isinstance(cell, bool) else cell)
    if isinstance(value, Bad):
        return value.code != "FB-empty-phrase"
    return value is not None
