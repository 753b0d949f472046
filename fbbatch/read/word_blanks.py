"""Which text of a Word file answers which blank, and what the blank is called.

This is decided when all of the file has been walked. Until then, `fbbatch.read.word_form` only
notes where blanks begin and end in the stream of what was said, and in which paragraph and cell.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fbbatch.read.limits import Limits
from fbbatch.read.ooxml import RefusedError
from fbbatch.read.paper import Blank


@dataclass(slots=True, eq=False)
class Room:
    """What a blank stands in: a paragraph or a cell, from `start` to `end` in the stream."""

    start: int
    end: int = 0
    bookmarks: int = 0


@dataclass(slots=True, eq=False)
class Paragraph(Room):
    """A paragraph; its text goes to `sink[slot]`.

    `ahead` is what was said since the last blank in it.
    """

    sink: list[str] = field(default_factory=list)
    slot: int = 0
    pieces: list[str] = field(default_factory=list)
    ahead: str = ""


@dataclass(slots=True, eq=False)
class WordCell(Room):
    """A cell of a table, `column` 1-based; `place` is (table, row, column) once it is settled."""

    column: int = 1
    span: int = 1
    place: tuple[int, int, int] = (0, 0, 0)
    lines: list[str] = field(default_factory=list)
    label: str = ""
    blanks: int = 0

    @property
    def text(self) -> str:
        """All of its lines."""
        return "\n".join(self.lines).strip()


@dataclass(slots=True, eq=False)
class WordRow:
    """A row of a table; `at` counts from 0, `width` is how many columns it has so far."""

    at: int
    width: int
    cells: list[WordCell] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class WordTable:
    """A table; `merging` are the cells, by column, with which those below may be merged."""

    rows: list[WordRow] = field(default_factory=list)
    merging: dict[int, WordCell] = field(default_factory=dict)

    def width(self) -> int:
        """The columns of its widest row."""
        return max(row.width for row in self.rows)

    def grid(self) -> tuple[tuple[str, ...], ...]:
        """Its texts, every row equally wide."""
        width = self.width()
        grid = [[""] * width for _ in self.rows]
        for texts, row in zip(grid, self.rows, strict=True):
            for cell in row.cells:
                texts[cell.column - 1] = cell.text
        return tuple(map(tuple, grid))

    def settle(self, number: int) -> None:
        """Tell every cell its place and, if it has blanks, the label to its left or above.

        A cell with blanks is an answer, and answers are no labels.
        """
        above: dict[int, str] = {}
        for at, row in enumerate(self.rows, 1):
            left = ""
            for cell in row.cells:
                cell.place = number, at, cell.column
                if cell.blanks:
                    cell.label = left or above.get(cell.column, "")
                elif any(map(str.isalpha, cell.text)):  # a running number is no label either
                    left = cell.text
                    above.update(dict.fromkeys(range(cell.column, cell.column + cell.span), left))


@dataclass(slots=True, eq=False)
class Mark:
    """A blank as the walk meets it.

    `sought` tells the cell in front of which it stands: (table, row, number of the cell in the
    row), both numbers from 0.
    """

    name: str
    kind: str
    start: int
    cell: WordCell | None
    paragraph: Paragraph | None
    ahead: str
    end: int | None = None
    sought: tuple[WordTable, int, int] | None = None
    shown: str = ""
    said: int = 0


def settle(marks: Iterable[Mark], tables: Iterable[WordTable]) -> None:
    """Tell marks, cells and paragraphs of each other, and every cell its place."""
    for mark in marks:
        _settle(mark)
    for number, table in enumerate(tables, 1):
        table.settle(number)


def blanks(marks: Iterable[Mark], stream: Sequence[str], limits: Limits) -> Iterator[Blank]:
    """The blanks with what stands in them, once they are settled.

    Raises:
        RefusedError: together they hold more than `limits.paper_chars`; blanks within blanks must
        not multiply the file.
    """
    chars = 0
    for mark in marks:
        start, end = _extent(mark, stream)
        text = "".join(stream[start:end])
        chars += len(text)
        if chars > limits.paper_chars:
            raise RefusedError(limits.over("paper_chars", chars))
        place = mark.cell.place if mark.cell else (0, 0, 0)
        yield Blank(mark.name, mark.shown or text.strip(), _label(mark), mark.kind, *place)


def _settle(mark: Mark) -> None:
    """Find the cell that a mark in front of it means.

    Cells and paragraphs are told what they hold.
    """
    if mark.sought:
        table, row, number = mark.sought
        cells = table.rows[row].cells if row < len(table.rows) else []
        mark.cell = cells[number] if number < len(cells) else None
    bookmark = mark.kind == "bookmark"
    if mark.cell and (
        bookmark or not mark.sought or mark.cell.end >= (mark.end or 0)
    ):  # else it is around more than the cell
        mark.cell.blanks += 1
    for room in (mark.cell, mark.paragraph):
        if room and bookmark:
            room.bookmarks += 1


def _extent(mark: Mark, stream: Sequence[str]) -> tuple[int, int]:
    """Where in the stream the text of a blank stands.

    Editors keep a bookmark in its cell or paragraph, but whoever types an answer may type it beside
    the bookmark. So one that is alone there means all of it, or all behind its label.
    """
    cell, paragraph = mark.cell, mark.paragraph
    end = mark.end if mark.end is not None else paragraph.end if paragraph else mark.start
    if mark.kind == "bookmark" and cell and cell.bookmarks == 1:
        return cell.start, cell.end
    if mark.kind == "bookmark" and paragraph and paragraph.bookmarks == 1 and end <= paragraph.end:
        if not mark.ahead.strip():
            return paragraph.start, paragraph.end
        if not "".join(stream[mark.start : end]).strip():
            return mark.start, paragraph.end
    return mark.start, end


def _label(mark: Mark) -> str:
    """The label of a blank: the text to its left or above.

    What stands in front of it in the same paragraph and ends with a colon is nearer; without a
    colon it counts only when there is no other text.
    """
    slipped = (
        mark.kind == "bookmark" and mark.cell is not None and mark.cell.bookmarks == 1
    )  # it may stand behind the answer
    ahead, beside = "" if slipped else mark.ahead.strip(), mark.cell.label if mark.cell else ""
    return (ahead if ahead.endswith(("：", ":")) else beside or ahead).rstrip("：: \t\n\u3000")
