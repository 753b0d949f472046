"""Document → PDF.

Blocks are laid out into pages first, then drawn, so every page knows how many there are.

ReportLab writes the file; line breaking and tables are our own, because Chinese needs rules that
its paragraphs lack (no full stop at a line's start, no case number broken in two) and a night's
reports must not take hours.
"""

import io
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from reportlab.pdfgen.canvas import Canvas

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
from fbbatch.render.fonts import MISSING, Face, face
from fbbatch.render.widths import shares
from fbbatch.render.words import cell_text, page_number, ticks
from fbbatch.wording import say

_A4 = (595.28, 841.89)
_MARGIN_X, _TOP, _BOTTOM = 51.0, 42.0, 46.0
_MARGIN_X_LANDSCAPE = 36.0
_PAD = 2.6
_NO_START = frozenset("，。、；：？！）」』】》〉〕”’…—％,.;:?!)]}%·々ー")
_NO_END = frozenset("（「『【《〈〔“‘([{￥$")
_TOKENS = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._\-/:+#%&'=*]*|[^\S\n]+|.", re.DOTALL)


class Style(NamedTuple):
    """A text style: weight, size and leading in points."""

    bold: bool
    size: float
    leading: float


_STYLES = {
    "normal": Style(False, 10.5, 16),
    "strong": Style(True, 10.5, 16),
    "right": Style(False, 10.5, 17),
    "centre": Style(False, 10.5, 17),
    "small": Style(False, 8.5, 13),
    "subtitle": Style(False, 9, 13),
    "company": Style(False, 12, 18),
    "title": Style(True, 17, 26),
    "heading1": Style(True, 12, 17),
    "heading2": Style(True, 11, 18),
    "cell": Style(False, 9, 13),
    "label": Style(True, 9, 13),
    "tight": Style(False, 7.5, 10.5),
    "tighthead": Style(True, 7.5, 10.5),
}


_CENTRED = frozenset({"centre", "company", "subtitle", "title"})


class _Op(NamedTuple):
    """One thing to draw: text, fill, box or line.

    `args` are those of its kind: text (x, y, face name, size, text), fill (x, y, w, h, colour), box
    (x, y, w, h), line (x1, y1, x2, y2).
    """

    kind: str
    args: tuple[Any, ...]


_Cell = tuple[list[str], Style, str, str | None]
"""A table cell: its lines, style, alignment, fill."""


class _Fonts:
    """The two faces of a language, and which face draws which character."""

    def __init__(self, language: str) -> None:
        self.regular = face(language)
        self.bold = face(language, bold=True)
        self.missing: set[str] = set()

    def of(self, style: Style) -> Face:
        return self.bold if style.bold else self.regular

    def drawable(self, text: str) -> str:
        """`text` with what no face can draw replaced by 〓 (and remembered)."""
        if "\t" in text or "\u200d" in text or "\ufe0f" in text:
            text = text.replace("\t", "  ").replace("\u200d", "").replace("\ufe0f", "")
        points = set(map(ord, text)) - self.regular.known - {10}
        if not points:
            return text
        absent = {chr(p) for p in points}
        self.missing |= absent
        return "".join(MISSING if c in absent else c for c in text)

    def runs(self, text: str, style: Style) -> list[tuple[Face, str]]:
        """The text in stretches of one face; bold falls back to regular for rare characters."""
        if not style.bold or self.bold.known.issuperset(map(ord, text)):
            return [(self.of(style), text)]
        runs: list[tuple[Face, str]] = []
        for char in text:
            chosen = self.bold if ord(char) in self.bold.known else self.regular
            if runs and runs[-1][0] is chosen:
                runs[-1] = (chosen, runs[-1][1] + char)
            else:
                runs.append((chosen, char))
        return runs


def wrap(text: str, face_: Face, size: float, width: float) -> list[str]:
    """Break text into lines of at most `width` points.

    The rules are those of Chinese and Latin typesetting.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if face_.width(paragraph, size) <= width:
            lines.append(paragraph)
        else:
            lines += _wrap_paragraph(paragraph, face_, size, width)
    return lines


def _wrap_paragraph(text: str, face_: Face, size: float, width: float) -> list[str]:
    lines: list[str] = []
    line: list[str] = []
    used = 0.0

    def end_line() -> None:
        lines.append("".join(line).rstrip())
        line.clear()

    for token in _TOKENS.findall(text):
        wide = face_.width(token, size)
        may_hang = token in _NO_START and bool(line) and used + wide <= width + size * 0.6
        if used + wide <= width or may_hang:
            line.append(token)
            used += wide
            continue
        if wide > width:  # a word longer than the line is cut anywhere
            for char in token:
                step = face_.width(char, size)
                if used + step > width and line:
                    end_line()
                    used = 0.0
                line.append(char)
                used += step
            continue
        carried = _carried(line, token, face_, size, width)
        if len(carried) < len(line):
            del line[len(line) - len(carried) :]
            end_line()
        else:  # all of the line would go: the token begins a line all the same
            end_line()
            carried = []
        line += [*carried, token]
        while line and line[0].isspace():
            del line[0]
        used = face_.width("".join(line), size)
    if line or not lines:
        end_line()
    return lines


def _carried(line: Sequence[str], token: str, face_: Face, size: float, width: float) -> list[str]:
    """The tokens at the end of a line that go to the next one with the token that begins it.

    No line begins with closing or ends with opening punctuation; no token is split for it.
    """
    carried: list[str] = []
    for last in reversed(line):
        first = (carried or [token])[0]
        must_go = last[-1] in _NO_END or first[0] in _NO_START
        if not must_go or face_.width("".join([last, *carried, token]), size) > width:
            break
        carried.insert(0, last)
    return carried


class _Pages:
    """Pages under construction; `y` is the distance from the page's top to the next block."""

    def __init__(self, document: Document) -> None:
        self.width, self.height = _A4
        self.x = _MARGIN_X
        if document.landscape:
            self.width, self.height = self.height, self.width
            self.x = _MARGIN_X_LANDSCAPE
        self.fonts = _Fonts(document.language)
        self.pages: list[list[_Op]] = [[]]
        self.y = _TOP
        self.inner = self.width - 2 * self.x
        self.tail = 0.0  # what must stand on the page of the last rows

    @property
    def room(self) -> float:
        """The height that is left on the page."""
        return self.height - _BOTTOM - self.y

    def new_page(self) -> None:
        self.pages.append([])
        self.y = _TOP

    def need(self, height: float) -> None:
        """Begin a new page unless `height` fits on this one (or nothing is on it yet)."""
        if height > self.room and self.y > _TOP:
            self.new_page()

    def text(self, x: float, y: float, text: str, style: Style) -> None:
        """Write a line whose letters stand on `y`."""
        page = self.pages[-1]
        level = self.height - y
        for face_, run in self.fonts.runs(text, style):
            page.append(_Op("text", (x, level, face_.name, style.size, run)))
            x += face_.width(run, style.size)

    def box(self, x: float, y: float, width: float, height: float, fill: str | None) -> None:
        """Draw a frame, on its ground when it has one."""
        page = self.pages[-1]
        bottom = self.height - y - height
        if fill:
            page.append(_Op("fill", (x, bottom, width, height, fill)))
        page.append(_Op("box", (x, bottom, width, height)))

    def lines(self, text: str, style: Style, width: float) -> list[str]:
        """The text as it is broken into lines."""
        drawable = self.fonts.drawable(clean(text))
        return wrap(drawable, self.fonts.of(style), style.size, width)

    def paragraph(self, text: str, name: str, *, before: float = 0, after: float = 2) -> None:
        style = _STYLES[name]
        lines = self.lines(text, style, self.inner)
        self.y += before if self.y > _TOP else 0
        for line in lines:
            self.need(style.leading)
            width = self.fonts.of(style).width(line, style.size)
            free = self.inner - width
            shift = 0.0
            if name == "right":
                shift = free
            elif name in _CENTRED:
                shift = free / 2
            self.text(self.x + shift, self.y + style.size, line, style)
            self.y += style.leading
        self.y += after

    # --- tables -----------------------------------------------------------------------

    def height_of(self, cells: Sequence[_Cell]) -> float:
        """Of a row."""
        return max(len(lines) * style.leading for lines, style, *_ in cells) + 2 * _PAD

    def row(
        self, cells: Sequence[_Cell], widths: Sequence[float], head: Sequence[_Cell] = ()
    ) -> None:
        """Draw one row.

        It goes on over the page, under the table's `head` again, only when taller than half a page.
        """
        leading = max(style.leading for _, style, _, _ in cells)
        rest = [list(lines) for lines, *_ in cells]
        tallest = max(map(len, rest))
        height = tallest * leading + 2 * _PAD
        if height > (self.height - _TOP - _BOTTOM) / 2:
            if self.room < leading * 4:
                self.new_page()
        else:
            self.need(height)
        while tallest:
            fit = min(tallest, max(1, int((self.room - 2 * _PAD) / leading)))
            self._piece(
                [
                    (lines[:fit], style, align, fill)
                    for lines, (_, style, align, fill) in zip(rest, cells, strict=True)
                ],
                widths,
                fit * leading + 2 * _PAD,
            )
            rest = [lines[fit:] for lines in rest]
            tallest -= fit
            if tallest:
                self.new_page()
                if head:
                    self.row(head, widths)

    def _piece(self, cells: Sequence[_Cell], widths: Sequence[float], height: float) -> None:
        """Draw so much of a row as stands on one page."""
        x = self.x
        for (lines, style, align, fill), width in zip(cells, widths, strict=True):
            self.box(x, self.y, width, height, fill)
            base = self.y + _PAD + (style.leading + style.size) / 2 - style.size * 0.12
            for line in lines:
                if line:
                    free = width - 2 * _PAD - self.fonts.of(style).width(line, style.size)
                    shift = {"center": free / 2, "right": free}.get(align, 0)
                    self.text(x + _PAD + shift, base, line, style)
                base += style.leading
            x += width
        self.y += height

    def cell(
        self, text: str, name: str, width: float, *, align: str = "left", fill: str | None = None
    ) -> _Cell:
        """A text as a cell of this width."""
        style = _STYLES[name]
        lines = self.lines(text, style, width - 2 * _PAD)
        return lines, style, align, fill


def _grid(layout: _Pages, grid: Grid) -> None:
    """Draw the pairs, two in a row unless one is wide."""
    label_width = layout.inner * 0.18
    value_width = layout.inner / 2 - label_width
    queue = list(grid.pairs)
    while queue:
        pair = queue.pop(0)
        if pair.wide or not queue or queue[0].wide:
            widths = [label_width, layout.inner - label_width]
            row = _pair(layout, pair, widths)
        else:
            other = queue.pop(0)
            widths = [label_width, value_width, label_width, value_width]
            row = [*_pair(layout, pair, widths), *_pair(layout, other, widths)]
        if layout.tail and len(queue) < _LAST_PAIRS:
            layout.need(layout.height_of(row) * (1 + len(queue)) + layout.tail)
        layout.row(row, widths)
    layout.y += 6


_LAST_PAIRS = 3  # the rows of so many stay with the signatures


def _pair(layout: _Pages, pair: Pair, widths: Sequence[float]) -> list[_Cell]:
    """The cells of a label and its value; a blank is as high as its answer may need."""
    label = layout.cell(pair.label, "label", widths[0], fill=look.GREY_LABEL)
    room = (widths[1] - 2 * _PAD) / _STYLES["cell"].size
    text = ticks(pair.options, room) if pair.options else pair.value
    fill = look.BLANK if pair.blank and not pair.given else None
    value = layout.cell(text, "cell", widths[1], fill=fill)
    if pair.blank:
        value = _with_room(value, pair.lines)
    return [label, value]


def _with_room(cell: _Cell, n_lines: int) -> _Cell:
    """The cell with so many lines at least."""
    lines, style, align, fill = cell
    missing = n_lines - len(lines)
    return [*lines, *[""] * missing], style, align, fill


class _Columns(NamedTuple):
    """The printed columns of a table: where in it they stand, their widths, the style of cells."""

    places: list[int]
    widths: list[float]
    style: str


def _table(layout: _Pages, table: Table, language: str) -> None:
    """Draw a table, its header again on each page."""
    columns = _columns(layout, table)
    head = _head(layout, table, columns)
    if table.title:
        below = 20 * len(table.rows) if len(table.rows) <= _SHORT else 0
        layout.need(60 + below)
        layout.paragraph(table.title, "heading2", before=4)
    n_lines = max(len(lines) for lines, *_ in head)
    layout.need(n_lines * 13 + _least(table))
    layout.row(head, columns.widths)
    last = len(table.rows) - 1
    for number in range(len(table.rows)):
        cells = _row(layout, table, number, columns, language)
        page = len(layout.pages)
        height = layout.height_of(cells)
        if number == last:
            height += layout.tail
        layout.need(height)
        if len(layout.pages) > page:
            layout.row(head, columns.widths)
        layout.row(cells, columns.widths, head)
    if not table.rows and table.empty:
        empty = layout.cell(table.empty, "cell", layout.inner, align="center")
        layout.row([empty], [layout.inner])
    layout.y += 5


def _columns(layout: _Pages, table: Table) -> _Columns:
    places = [n for n, column in enumerate(table.columns) if column.printed]
    style = "tight" if len(places) > _ROOMY else "cell"
    parts = shares(table, places, layout.inner, _STYLES[style].size)
    widths = [layout.inner * part for part in parts]
    return _Columns(places, widths, style)


_ROOMY = 8  # a table of more columns is set in smaller type


def _head(layout: _Pages, table: Table, columns: _Columns) -> list[_Cell]:
    """The cells of the header."""
    style = "tighthead" if columns.style == "tight" else "label"
    cells = []
    for place, width in zip(columns.places, columns.widths, strict=True):
        header = table.columns[place].header
        cells.append(layout.cell(header, style, width, align="center", fill=look.GREY_HEAD))
    return cells


def _row(
    layout: _Pages, table: Table, number: int, columns: _Columns, language: str
) -> list[_Cell]:
    """The cells of a row; in a table to be filled in, with room to write in."""
    values = table.rows[number]
    marked = look.MARKS.get(table.marks.get(number, ""))
    cells = []
    for place, width in zip(columns.places, columns.widths, strict=True):
        column = table.columns[place]
        text = cell_text(values[place], column.kind, language)
        fill = look.BLANK if table.blank and column.id else marked
        cell = layout.cell(text, columns.style, width, align=column.align, fill=fill)
        cells.append(_with_room(cell, 2) if table.blank else cell)
    return cells


def _least(table: Table) -> int:
    """The height of the rows that stay together below the header: all of a short table."""
    return 20 * len(table.rows) if len(table.rows) <= _SHORT else 30


_SHORT = 12


def _block(layout: _Pages, block: Block, language: str) -> None:
    match block:
        case Heading(text, level):
            layout.need(70)
            layout.paragraph(text, f"heading{level}", before=3, after=2)
        case Text(text, style):
            layout.paragraph(text, style)
        case Note(text):
            layout.paragraph(text, "small")
        case Grid():
            _grid(layout, block)
        case Table():
            _table(layout, block, language)
        case Choice(label, options, blank):
            _grid(layout, Grid((Pair(label, wide=True, blank=blank, options=options),)))
        case Signatures(labels):
            _signatures(layout, labels, language)
        case PageBreak():
            layout.new_page()


def _signatures(layout: _Pages, labels: Sequence[str], language: str) -> None:
    """Draw blanks to sign, side by side, each after its label."""
    style = _STYLES["normal"]
    layout.need(40)
    layout.y += 12
    step = layout.inner / len(labels)
    colon = say("colon", language)
    for number, label in enumerate(labels):
        x = layout.x + number * step
        told = layout.fonts.drawable(clean(f"{label}{colon}"))
        layout.text(x, layout.y + style.size, told, style)
        start = x + layout.fonts.of(style).width(told, style.size)
        level = layout.height - layout.y - style.size - 3
        end = x + step - 14
        layout.pages[-1].append(_Op("line", (start, level, end, level)))
    layout.y += 26


def render(document: Document) -> tuple[bytes, frozenset[str]]:
    """The document as a PDF, and the characters that no font could draw.

    Every font is embedded.
    """
    layout = _Pages(document)
    if document.company:
        layout.paragraph(document.company, "company", after=0)
    layout.paragraph(document.title, "title", after=2)
    if document.subtitle:
        layout.paragraph(document.subtitle, "subtitle", after=4)
    for number, block in enumerate(document.blocks):
        following = document.blocks[number + 1 :]
        if isinstance(block, Heading):
            _keep_with(layout, following)
        layout.tail = _tail(following)
        _block(layout, block, document.language)
    return _draw(layout, document), frozenset(layout.fonts.missing)


def _keep_with(layout: _Pages, following: Sequence[Block]) -> None:
    """See that neither signatures below a heading nor the heading stand alone on a page."""
    if any(isinstance(block, Signatures) for block in following[:2]):
        layout.need(110)
    if following and isinstance(following[0], Table):
        layout.need(70 + _least(following[0]))


def _tail(blocks: Sequence[Block]) -> float:
    """The height of the signatures that follow, with notes in front of them.

    They never stand alone on a page.
    """
    for notes, block in enumerate(blocks):
        if isinstance(block, Signatures):
            return _SIGNATURES + notes * 2 * _STYLES["small"].leading
        if not isinstance(block, Note):
            break
    return 0.0


_SIGNATURES = 46.0


@lru_cache(maxsize=64)
def _colour(code: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


def _draw(layout: _Pages, document: Document) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer,
        pagesize=(layout.width, layout.height),
        pageCompression=1,
        invariant=1,
        initialFontName=layout.fonts.regular.name,
        lang=look.OFFICE_FONTS[document.language].tag,
    )
    canvas.setTitle(f"{document.title} {document.number}".strip())
    canvas.setAuthor(document.company or "fbbatch")
    canvas.setCreator("fbbatch")
    canvas.setSubject(document.number)
    foot = Style(False, 8, 10)
    for number, ops in enumerate(layout.pages, 1):
        canvas.setLineWidth(0.5)
        canvas.setStrokeColorRGB(*_colour(look.LINE))
        for op in ops:
            _draw_op(canvas, op)
        left = document.foot or "　".join(filter(None, (document.number, document.form_number)))
        canvas.setFont(layout.fonts.regular.name, foot.size)
        canvas.drawString(layout.x, 30, layout.fonts.drawable(left))
        canvas.drawRightString(
            layout.width - layout.x,
            30,
            page_number(number, len(layout.pages), document.language),
        )
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw_op(canvas: Canvas, op: _Op) -> None:
    if op.kind == "text":
        x, y, name, size, text = op.args
        canvas.setFont(name, size)
        canvas.drawString(x, y, text)
    elif op.kind == "fill":
        x, y, width, height, colour = op.args
        canvas.setFillColorRGB(*_colour(colour))
        canvas.rect(x, y, width, height, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)
    elif op.kind == "box":
        canvas.rect(*op.args, stroke=1, fill=0)
    else:
        canvas.line(*op.args)
