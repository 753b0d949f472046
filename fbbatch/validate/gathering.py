"""Several columns of a sheet that answer one field → one cell a row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fbbatch.model import Cell, Finding
from fbbatch.schema import FieldModel, Layout, MappedColumn
from fbbatch.schema.columns import NO_TICKS, TICKS
from fbbatch.validate.trust import Answer, Doubted, Reading
from fbbatch.validate.values import Bad, says_nothing, text_of
from fbbatch.words import CONTACT_JOINT, fold

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


class DoubtedCell(NamedTuple):
    """What there is to say of one of several cells of a row, beside what they answer together.

    `row` and `column` are its place among those at hand, both from 0.
    """

    row: int
    column: int
    remark: Doubted


class _OneOfSeveral(NamedTuple):
    """One of the cells of a row that say anything: its column, and what the parser makes of it."""

    column: int
    cell: Cell
    read: Answer

    @property
    def is_sure(self) -> bool:
        """Whether there is nothing to say of it but what it answers."""
        return not isinstance(self.read, Doubted)

    def is_answer(self, field: FieldModel) -> bool:
        """Whether it answers anything; one that is wrong does.

        `無` does not, nor does what cannot be believed.
        """
        match self.read:
            case None | Doubted(value=None) | Bad(code="FB-empty-phrase"):
                return False
            case _:
                text = fold(text_of(self.cell))
                return field.type != "contact" or not says_nothing(text)

    def written(self, field: FieldModel) -> str:
        """As it is put beside others: a phone without its dashes, a text as it stands."""
        value = self.read
        if isinstance(value, Doubted):
            value = value.value
        if field.type == "contact" and isinstance(value, str):
            return value
        return text_of(self.cell)


def gathered(
    columns: Sequence[Sequence[Cell]],
    mappings: Sequence[MappedColumn],
    parse: Reading,
    placeholders: frozenset[str],
) -> tuple[list[Cell], list[DoubtedCell]]:
    """One cell a row of all columns of a field, and what its parser will not find in that.

    Columns of one option each give the options that were chosen. Of others, the first cell with an
    answer counts; contacts, choices and long texts are kept together, each once. What cannot be
    believed is no answer where there is another one; it is told at its cell.

    Args:
        columns: the cells of each column, row by row.
        mappings: the columns, in the same order; all of one field.
        parse: the field's parser; it tells what is an answer.
        placeholders: what stands where nothing was answered, as `spellings` gives it.
    """
    field = mappings[0].field
    rows = zip(*columns, strict=True)
    if mappings[0].option:
        between = "、"
        if field.type == "choices":
            between = _between_options(field)
        options = [mapping.option for mapping in mappings]
        return [_chosen(cells, options, between, placeholders) for cells in rows], []
    answers: list[Cell] = []
    doubted: list[DoubtedCell] = []
    places = [mapping.column for mapping in mappings]
    for row, cells in enumerate(rows):
        filled: list[_OneOfSeveral] = []
        for place, cell in zip(places, cells, strict=True):
            if text_of(cell):
                filled.append(_OneOfSeveral(place, cell, parse(cell)))
        answer, others = _together(filled, field, parse)
        answers.append(answer)
        for other in others:
            if isinstance(other.read, Doubted):
                doubted.append(DoubtedCell(row, other.column, other.read))
    return answers, doubted


def _chosen(
    cells: Sequence[Cell], options: Sequence[str], between: str, placeholders: frozenset[str]
) -> Cell:
    """The options that a row chooses; what is neither a mark nor blank is handed on as it is.

    Args:
        cells: of the row, one for each option.
        options: their names, as the headers have them; a cell that repeats its own chooses it.
        between: what to put between two of them.
        placeholders: what stands where nothing was chosen.
    """
    chosen: list[str] = []
    for cell, option in zip(cells, options, strict=True):
        text = text_of(cell)
        folded = fold(text)
        if folded == fold(option):
            chosen.append(option)
        elif folded not in NO_TICKS and text not in placeholders:
            chosen.append(option if folded in TICKS else text)
    return between.join(chosen) or None


def _together(
    filled: Sequence[_OneOfSeveral], field: FieldModel, parse: Reading
) -> tuple[Cell, Sequence[_OneOfSeveral]]:
    """The answer of a row, and the cells of which it does not tell what there is to say.

    Where none is an answer, it is the first cell that says anything.

    Args:
        filled: the cells of the row that say anything.
        field: says whether several answers are put together.
        parse: the field's parser.
    """
    if not filled:
        return None, []
    answers = [one for one in filled if one.is_answer(field)]
    if len(answers) > 1 and _are_joined(field):
        whole = _joined([one.written(field) for one in answers], field)
        return whole, _untold(filled, parse(whole))
    sure = [one for one in answers if one.is_sure]
    first = (sure or answers or filled)[0]
    others = [one for one in filled if one is not first]
    return first.cell, others


def _untold(filled: Sequence[_OneOfSeveral], whole: Answer) -> Sequence[_OneOfSeveral]:
    """The cells of which is said what is not said of the whole, too."""
    if not isinstance(whole, Doubted):
        return filled
    untold: list[_OneOfSeveral] = []
    for one in filled:
        if isinstance(one.read, Doubted) and one.read.code != whole.code:
            untold.append(one)
    return untold


def _joined(texts: Sequence[str], field: FieldModel) -> str:
    """Several answers as one, each once."""
    each = dict.fromkeys(texts)
    match field.type:
        case "contact":
            return CONTACT_JOINT.join(each)
        case "choices":
            return _between_options(field).join(each)
        case _:
            return "\n".join(each)


def _between_options(field: FieldModel) -> str:
    """What stands between several choices, so that the field's parser tells them apart."""
    return field.separator or OPTION_SEPARATOR


def _are_joined(field: FieldModel) -> bool:
    """Whether several answers are all kept: contacts, choices, texts such as a description."""
    is_long = field.type == "text" and (field.empty_phrases or field.min_length > 0)
    return is_long or field.type in {"contact", "choices"}
