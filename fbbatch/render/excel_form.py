"""Document → Excel: the form as one sheet for A4, block by block as Word has it.

Every blank is a cell with a defined name `fb_<field id>`, in tables `fb_<table>_<row>_<column>`:
names stay with their cells in Excel, WPS and LibreOffice, whatever rows and columns are inserted
and however the sheet is renamed. The hidden sheet `_fbbatch` holds the form's identity and, as
`label:<field id>`, what is printed beside each blank; from column D on, the lists that are too long
for a rule. Source: DESIGN 7.
"""

import io
import math
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from fbbatch.render import look
from fbbatch.render.blocks import (
    Block,
    Choice,
    Document,
    Grid,
    Heading,
    Note,
    PageBreak,
    Pair,
    Signatures,
    Table,
    Text,
    clean,
)
from fbbatch.render.excel import CellFormats, footer_text, new_workbook, sheet_name
from fbbatch.render.register import IDENTITY
from fbbatch.render.words import cell_text, page_number, text_width, ticks
from fbbatch.wording import say

LABEL = "label:"
"""Before a field's id: the hidden sheet's key for what is printed beside the field's blank."""
_GRID = (0.0, 0.18, 0.5, 0.68, 1.0)
_SNAP = 0.035  # edges nearer than this share of the width become one
_PIXELS = 690  # between the margins of an upright A4 page
_HALF_EM = {9: 6.2, 10: 6.85, 11: 7.5}  # pixels that half a Chinese character takes, by size
_PADDING = 17  # an indent, and what Excel leaves
_LINE = {9: 13.0, 10: 15.0, 11: 17.0}  # points
_GAP, _BLANK_ROW, _TALLEST = 6.0, 24.0, 400.0  # points; Excel's own limit is 409
_PAGE = 745.0  # points between the margins
_SQUEEZED = 0.2  # so much of a page more than full ones is fitted into these
_LIST_CHARACTERS = 255  # Excel's own limit for a list within a rule
_FIRST_LIST = 3  # column D
_OPTION = re.compile(r"(?:^|　)□ ")
_SIGNATURE = 5  # em of a line to sign on
_ROWS_TO_WRITE = 2  # lines that a blank cell of a table offers


class _FormCell(NamedTuple):
    """A cell of a line, with its text and its looks.

    `left` and `right` are the edges between which it stands, `lines` is how many lines it must
    offer, `name` that of its blank.
    """

    left: int
    right: int
    text: str
    size: int = 10
    looks: dict[str, Any] = {}
    lines: int = 1
    name: str = ""
    kind: str = "text"


def render(document: Document) -> bytes:
    """The form as .xlsx; the same document gives the same bytes."""
    buffer = io.BytesIO()
    workbook = new_workbook(
        buffer, f"{document.title} {document.number}", document.company, document.date
    )
    page = _FormSheet(workbook, document)
    page.head()
    for block in document.blocks:
        page.block(block)
    page.foot()
    page.hide_identity()
    workbook.close()
    return buffer.getvalue()


def _edges(document: Document) -> list[float]:
    """Where columns begin and end, as shares of the width.

    These are the grid's edges, and what tables and signatures need besides.
    """
    edges = list(_GRID)
    for block in document.blocks:
        for wanted in _wanted(block):
            if all(abs(wanted - edge) > _SNAP for edge in edges):
                edges.append(wanted)
    return sorted(edges)


def _wanted(block: Block) -> list[float]:
    match block:
        case Table():
            weights = [c.weight for c in block.columns if c.printed]
            return [at / sum(weights) for at in accumulate(weights)]
        case Signatures(labels):
            return [n / len(labels) for n in range(1, len(labels))]
        case _:
            return []


class _FormSheet:
    """The one sheet of the form while it is written."""

    def __init__(self, workbook: Any, document: Document) -> None:
        self.workbook, self.document = workbook, document
        self.looks = CellFormats(workbook, document.language)
        self.name = sheet_name(document.title, {IDENTITY: IDENTITY})
        self.page = workbook.add_worksheet(self.name)
        self.hidden = workbook.add_worksheet(IDENTITY)
        self.edges = _edges(document)
        self.pixels = [round((right - left) * _PIXELS) for left, right in pairwise(self.edges)]
        self.row, self.n_lists, self.points = 0, 0, 0.0
        self.labels: dict[str, str] = {}
        self.first_blank: tuple[int, int, int, int] | None = None
        self.breaks: list[int] = []

    # --- the parts ---

    def head(self) -> None:
        told = self.document
        if told.company:
            self.across(told.company, size=11, align="center")
        self.across(told.title, size=16, align="center", bold=True, height=30)
        if told.subtitle:
            self.across(told.subtitle, size=9, align="center", font_color="#404040")
        self.gap()

    def block(self, block: Block) -> None:
        match block:
            case Heading(text, level):
                self.across(
                    text, size=11 if level == 1 else 10, bold=True, height=22, valign="vcenter"
                )
            case Text(text, style):
                align = {"right": "right", "centre": "center"}.get(style, "left")
                self.across(
                    text, size=9 if style == "small" else 10, align=align, bold=style == "strong"
                )
            case Note(text):
                self.across(text, size=9, font_color="#595959")
            case Grid(pairs):
                self.grid(pairs)
            case Table():
                self.table(block)
            case Choice(label, options, blank):
                self.grid((Pair(label, wide=True, blank=blank, options=options),))
            case Signatures(labels):
                self.signatures(labels)
            case PageBreak():
                self.breaks.append(self.row)

    def foot(self) -> None:
        """What the form is, for readers and for the way back; and how it prints."""
        told = self.document
        self.gap()
        self.across(told.foot, size=9, font_color="#595959")
        page = self.page
        for column, pixels in enumerate(self.pixels):
            page.set_column_pixels(column, column, pixels)
        page.set_paper(9)
        page.fit_to_pages(
            1, 0 if self.breaks else max(1, math.ceil(self.points / _PAGE - _SQUEEZED))
        )
        page.print_area(0, 0, self.row - 1, len(self.pixels) - 1)
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.center_horizontally()
        page.hide_gridlines(2)
        page.set_h_pagebreaks(self.breaks)
        page.ignore_errors(
            {"number_stored_as_text": f"A1:{xl_rowcol_to_cell(self.row, len(self.pixels))}"}
        )
        number = footer_text(told.foot)
        pages = page_number("&P", "&N", told.language)
        page.set_footer(f"&L&9{number}&R&9{pages}")
        if self.first_blank:
            page.set_selection(*self.first_blank)

    def hide_identity(self) -> None:
        told = {**self.document.identity, "language": self.document.language}
        told |= {f"{LABEL}{name}": text for name, text in self.labels.items()}
        for row, (key, value) in enumerate(told.items()):
            self.hidden.write_string(row, 0, key)
            self.hidden.write_string(row, 1, clean(value))
        self.hidden.very_hidden()

    # --- blocks ---

    def grid(self, pairs: Sequence[Pair]) -> None:
        label, middle, other = (self.edge(at) for at in _GRID[1:4])
        end = len(self.pixels)
        queue = list(pairs)
        while queue:
            pair = queue.pop(0)
            if pair.wide or not queue or queue[0].wide:
                self.line([*self.pair(pair, 0, label, end)])
            else:
                self.line(
                    [
                        *self.pair(pair, 0, label, middle),
                        *self.pair(queue.pop(0), middle, other, end),
                    ]
                )
        self.gap()

    def pair(self, pair: Pair, left: int, label: int, right: int) -> Iterator[_FormCell]:
        told = (
            ticks(pair.options, self.room(label, right, 10))
            if pair.options
            else self.boxed(pair.value, label, right)
        )
        yield _FormCell(
            left,
            label,
            pair.label,
            looks={"bold": True, "bg_color": f"#{look.GREY_LABEL}", "valign": "vcenter"},
        )
        if pair.blank:
            self.labels[pair.blank] = pair.label
        fill = look.BLANK if pair.blank and not pair.given else look.SOFT
        looks = {
            "bg_color": f"#{fill}",
            "valign": "top" if pair.blank and pair.lines > 1 else "vcenter",
        }
        yield _FormCell(
            label,
            right,
            told,
            looks=looks,
            lines=pair.lines if pair.blank else 0,
            name=pair.blank or "",
            kind=pair.kind,
        )

    def table(self, table: Table) -> None:
        kept = [(n, c) for n, c in enumerate(table.columns) if c.printed]
        at = [0, *self.places(_wanted(table))]
        size = 9 if len(kept) > 6 else 10
        spans = list(zip(at, at[1:], kept, strict=False))
        if table.title:
            self.across(table.title, size=10, bold=True)
        head = {
            "bold": True,
            "align": "center",
            "valign": "vcenter",
            "bg_color": f"#{look.GREY_HEAD}",
        }
        self.line([_FormCell(left, right, c.header, size, head) for left, right, (_, c) in spans])
        for number, row in enumerate(table.rows):
            fill = look.MARKS.get(table.marks.get(number, ""), look.SOFT if table.blank else "")
            cells = []
            for left, right, (place, column) in spans:
                text = cell_text(row[place], column.kind, self.document.language)
                if table.blank and column.id:
                    looks = {
                        "bg_color": f"#{look.BLANK}",
                        "align": column.align,
                        "valign": "vcenter",
                    }
                    name = f"{table.blank}_{number + 1}_{column.id}"
                    cells.append(
                        _FormCell(
                            left,
                            right,
                            self.boxed(text, left, right, size),
                            size,
                            looks,
                            _ROWS_TO_WRITE,
                            name,
                            column.kind,
                        )
                    )
                else:
                    looks = {
                        "align": column.align,
                        "valign": "vcenter",
                        **({"bg_color": f"#{fill}"} if fill else {}),
                    }
                    cells.append(_FormCell(left, right, text, size, looks))
            self.line(cells)
        if not table.rows and table.empty:
            self.line([_FormCell(0, len(self.pixels), table.empty, looks={"align": "center"})])
        self.gap()

    def signatures(self, labels: Sequence[str]) -> None:
        """A line without frame; each label with as much room to sign behind it as there is."""
        colon = say("colon", self.document.language)
        at = [0, *self.places(_wanted(Signatures(tuple(labels)))), len(self.pixels)]
        cells = []
        for (left, right), label in zip(pairwise(at), labels, strict=True):
            spare = int(self.room(left, right, 10) - text_width(f"{label}{colon}") / 2)
            cells.append(
                _FormCell(left, right, f"{label}{colon}{'＿' * max(2, min(spare, _SIGNATURE))}")
            )
        self.gap(12)
        self.line(cells, border=0)

    # --- lines ---

    def across(self, text: str, *, size: int = 10, height: float = 0, **looks: Any) -> None:
        """A text over the whole width, without frame."""
        self.line(
            [_FormCell(0, len(self.pixels), text, size, looks, lines=0)], border=0, height=height
        )

    def gap(self, points: float = _GAP) -> None:
        self.page.set_row(self.row, points)
        self.points += points
        self.row += 1

    def line(self, cells: Sequence[_FormCell], *, border: int = 1, height: float = 0) -> None:
        """Cells beside one another, so high that all of their text shows.

        Where that is higher than a row may be, they go over several rows.
        """
        wanted = max(height, *(self.height(cell) for cell in cells))
        n_rows = math.ceil(wanted / _TALLEST)
        for row in range(self.row, self.row + n_rows):
            self.page.set_row(row, wanted / n_rows)
        for cell in cells:
            self.write(cell, self.row + n_rows - 1, border)
        self.points += wanted
        self.row += n_rows

    def write(self, cell: _FormCell, bottom: int, border: int) -> None:
        frame = {"border": 1, "border_color": f"#{look.LINE}"} if border else {}
        if border and cell.looks.get("align", "left") == "left":
            frame["indent"] = 1
        typed = {"num_format": "yyyy-mm-dd" if cell.kind == "date" else "@"} if cell.name else {}
        form = self.looks(
            **{"text_wrap": True, "font_size": cell.size, **frame, **typed, **cell.looks}
        )
        row, left, right = self.row, cell.left, cell.right - 1
        if (bottom, right) != (row, left):
            self.page.merge_range(row, left, bottom, right, "", form)
        if text := clean(cell.text):
            self.page.write_string(row, left, text, form)
        else:
            self.page.write_blank(row, left, None, form)
        if cell.name:
            self.name_blank(cell, row, left)
            self.first_blank = self.first_blank or (row, left, bottom, right)

    def name_blank(self, cell: _FormCell, row: int, column: int) -> None:
        self.workbook.define_name(
            f"fb_{cell.name}",
            f"='{self.name}'!{xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)}",
        )
        if options := [option.strip() for option in _OPTION.split(cell.text)[1:]]:
            rule = {
                "validate": "list",
                "source": self.source(options),
                "show_error": False,
            }  # boxes may be ticked instead
            self.page.data_validation(row, column, row, column, rule)

    def source(self, options: Sequence[str]) -> Any:
        """The options of a drop-down: as they are, or where they stand on the hidden sheet."""
        if (
            all("," not in option for option in options)
            and len(",".join(options)) <= _LIST_CHARACTERS
        ):
            return options
        column = _FIRST_LIST + self.n_lists
        self.n_lists += 1
        self.hidden.write_column(0, column, [clean(option) for option in options])
        return f"='{IDENTITY}'!{xl_range_abs(0, column, len(options) - 1, column)}"

    # --- measures ---

    def edge(self, share: float) -> int:
        """The column that begins nearest to this share of the width."""
        return min(range(len(self.edges)), key=lambda n: abs(self.edges[n] - share))

    def places(self, shares: Sequence[float]) -> list[int]:
        """The edges nearest to these shares, no two alike."""
        found: list[int] = []
        for share in shares:
            found.append(max(self.edge(share), found[-1] + 1 if found else 1))
        return found

    def room(self, left: int, right: int, size: int) -> float:
        """How many em of text a line between two edges takes."""
        return (sum(self.pixels[left:right]) - _PADDING) / 2 / _HALF_EM[min(size, 11)]

    def boxed(self, text: str, left: int, right: int, size: int = 10) -> str:
        """A printed choice in lines between whose options it breaks; any other text as it is."""
        if not _OPTION.match(text):
            return text
        return ticks(
            [(option, False) for option in _OPTION.split(text)[1:]], self.room(left, right, size)
        )

    def height(self, cell: _FormCell) -> float:
        """The points that a cell needs for its text, and for what is to be written into it."""
        size, room = min(cell.size, 11), 2 * self.room(cell.left, cell.right, cell.size)
        lines = sum(
            max(1, math.ceil(text_width(line) / room)) for line in clean(cell.text).split("\n")
        )
        needed = max(lines, cell.lines) * _LINE[size] + 5
        return max(needed, _BLANK_ROW) if cell.name else needed
