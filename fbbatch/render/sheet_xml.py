"""A sheet of a dropped workbook as text: its rows are marked one after another, and nothing else in it changes.

Rows are edited without being parsed as a whole, so that a large sheet takes no more memory than its XML.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from xml.sax.saxutils import escape

from lxml import etree

from fbbatch.model import cell_name
from fbbatch.render.blocks import clean

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_blank_text=False)
_FILLS = {"wrong": "FFFFC7CE", "taken": "FFE7E6E6", "head": "FFFFEB9C"}


@dataclass(frozen=True, slots=True)
class RowMark:
    """What is said of a row: in the result column, in the column that explains, and at its cells (column → note; 0: the whole row)."""

    result: str
    is_wrong: bool
    why: str = ""
    notes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """The marks of a sheet by row (1-based); `header_row` is where its headers end."""

    header_row: int
    rows: Mapping[int, RowMark]


class UnmarkableError(Exception):
    """The workbook is built in a way that cannot be marked without risk; it goes back with a note beside it."""


def child(tree: etree._Element, name: str) -> etree._Element:
    """The child of that name, made where there is none."""
    found = tree.find(f"{{{MAIN}}}{name}")
    return etree.SubElement(tree, f"{{{MAIN}}}{name}") if found is None else found


def serialised_tree(tree: etree._Element) -> bytes:
    """A part as bytes."""
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))


# --- styles ----------------------------------------------------------------------------------------------------


class Styles:
    """The workbook's formats; `of` gives the number of a cell's own format with another ground."""

    def __init__(self, tree: etree._Element) -> None:
        self._tree = tree
        self._formats = child(tree, "cellXfs")
        self._fills: dict[str, int] = {}
        self._known: dict[tuple[int, str], int] = {}
        self._own: dict[str, int] = {}

    def of(self, base: int, kind: str) -> int:
        """Format `base` on the ground of `kind`."""
        if (base, kind) not in self._known:
            self._known[base, kind] = self._add(self._grounded(base, kind))
        return self._known[base, kind]

    def own(self, kind: str) -> int:
        """A format for texts of ours: `wrong`, `taken`, `head`, `title`, `line`, `cell`."""
        if kind not in self._own:
            style = self._grounded(0, kind)
            for old in style.findall(f"{{{MAIN}}}alignment"):
                style.remove(old)
            style.insert(
                0, etree.Element(f"{{{MAIN}}}alignment", vertical="top", **({} if kind in {"title", "line"} else {"wrapText": "1"}))
            )
            style.set("applyAlignment", "1")
            if kind in {"head", "title"}:
                style.set("fontId", str(self._bold()))
                style.set("applyFont", "1")
            self._own[kind] = self._add(style)
        return self._own[kind]

    def _grounded(self, base: int, kind: str) -> etree._Element:
        style = etree.fromstring(etree.tostring(self._formats[base]))
        if colour := _FILLS.get(kind):
            style.set("fillId", str(self._fill(colour)))
            style.set("applyFill", "1")
        return style

    def _add(self, style: etree._Element) -> int:
        self._formats.append(style)
        self._formats.set("count", str(len(self._formats)))
        return len(self._formats) - 1

    def _fill(self, colour: str) -> int:
        if colour not in self._fills:
            fills = child(self._tree, "fills")
            fill = etree.SubElement(fills, f"{{{MAIN}}}fill")
            pattern = etree.SubElement(fill, f"{{{MAIN}}}patternFill", patternType="solid")
            etree.SubElement(pattern, f"{{{MAIN}}}fgColor", rgb=colour)
            etree.SubElement(pattern, f"{{{MAIN}}}bgColor", indexed="64")
            fills.set("count", str(len(fills)))
            self._fills[colour] = len(fills) - 1
        return self._fills[colour]

    def _bold(self) -> int:
        fonts = child(self._tree, "fonts")
        font = etree.fromstring(etree.tostring(fonts[0]))
        if font.find(f"{{{MAIN}}}b") is None:
            font.insert(0, etree.Element(f"{{{MAIN}}}b"))
        fonts.append(font)
        fonts.set("count", str(len(fonts)))
        return len(fonts) - 1

    def serialised(self) -> bytes:
        """The part as bytes."""
        return serialised_tree(self._tree)


# --- the text of a sheet ---------------------------------------------------------------------------------------

SELECTED = re.compile(rb"(<(?:\w+:)?sheetView\b[^>]*?) tabSelected=[\"'](?:1|true)[\"']")
_DATA = re.compile(rb"<((?:\w+:)?)sheetData\b[^>]*?(/>|>)")
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?(?:/>|>.*?</(?:\w+:)?row>)", re.DOTALL)
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])[^>]*?(?:/>|>.*?</(?:\w+:)?c>)", re.DOTALL)
_START = re.compile(rb"<[^>]*>")
_R = re.compile(rb"\sr=[\"']([A-Za-z]*)(\d+)[\"']")
_S = re.compile(rb"\ss=[\"'](\d+)[\"']")
_T = re.compile(rb"\st=[\"'](\w+)[\"']")
_SPANS = re.compile(rb"\sspans=[\"'][^\"']*[\"']")
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|t)(?:\s[^>]*)?>([^<]*)</")
_DIMENSION = re.compile(rb"<(?:\w+:)?dimension\b[^>]*?/>")

Edit = Callable[[int, bytes], bytes]


class Page:
    """A sheet's XML: what stands before its rows, the rows, and what follows them."""

    def __init__(self, xml: bytes) -> None:
        if xml[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise UnmarkableError("UTF-16")
        found = _DATA.search(xml)
        if found is None or found[2] == b"/>":
            raise UnmarkableError("rows")
        self.prefix = found[1]
        end = xml.rindex(b"</" + self.prefix + b"sheetData>")
        self._head, self._rows, self._tail = xml[: found.end()], xml[found.end() : end], xml[end:]
        self._head = _DIMENSION.sub(b"", self._head)
        self._last_row = 0

    def last_column(self) -> int:
        """The last column that any row reaches."""
        letters = {match[1] for match in re.finditer(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Za-z]+)\d", self._rows)}
        counted = 0 if letters else max((len(_CELL.findall(row)) for row in _ROW.findall(self._rows)), default=0)
        return max(max(map(_column, letters), default=0), counted)

    def texts(self, number: int) -> list[tuple[int, tuple[str, str]]]:
        """(column, (kind, text)) of a row's cells that hold text."""
        for place, row in self._numbered():
            if place == number:
                return [(column, _told(cell)) for column, cell in _cells(row)]
        return []

    def _numbered(self) -> Iterable[tuple[int, bytes]]:
        number = 0
        for match in _ROW.finditer(self._rows):
            found = _R.search(_START.match(match[0])[0])  # type: ignore[index]  # it begins with a tag
            number = int(found[2]) if found else number + 1
            yield number, match[0]

    def edit_rows(self, edit: Edit) -> None:
        """Replace each row by what `edit` makes of (number, XML)."""
        edited = []
        for number, row in self._numbered():
            edited.append(edit(number, row))
            self._last_row = number
        self._rows = b"".join(edited)

    def widen(self, first: int, widths: Sequence[float]) -> None:
        """Give the added columns a width; those of others stay."""
        p, last = self.prefix, first + len(widths) - 1
        own = b"".join(b'<%scol min="%d" max="%d" width="%g" customWidth="1"/>' % (p, n, n, width) for n, width in enumerate(widths, first))
        found = re.search(rb"<" + p + rb"cols\b[^>]*>(.*?)</" + p + rb"cols>", self._head, re.DOTALL)
        if found is None:
            at = self._head.rindex(b"<" + p + b"sheetData")
            self._head = self._head[:at] + b"<%scols>" % p + own + b"</%scols>" % p + self._head[at:]
            return
        kept = []
        for col in re.findall(rb"<" + p + rb"col\b[^>]*?(?:/>|>\s*</" + p + rb"col>)", found[1]):
            low, high = (int(re.search(rb"\b" + name + rb"=[\"'](\d+)", col)[1]) for name in (b"min", b"max"))  # type: ignore[index]  # both are required
            for a, b in ((low, min(high, first - 1)), (max(low, last + 1), high)):
                if a <= b:
                    kept.append(
                        (a, re.sub(rb"\bmax=[\"']\d+", b'max="%d' % b, re.sub(rb"\bmin=[\"']\d+", b'min="%d' % a, col)).replace(b"'", b'"'))
                    )
        kept.append((first, own))
        self._head = self._head[: found.start(1)] + b"".join(col for _, col in sorted(kept)) + self._head[found.end(1) :]

    def filter(self, header_row: int, last_column: int) -> str | None:
        """Let the rows be filtered by the added columns; the range, or None where a table has its own filter."""
        p = self.prefix
        if b"<" + p + b"tablePart" in self._tail:
            return None
        found = re.search(rb"<" + p + rb"autoFilter\b[^>]*?\bref=[\"']([A-Z]+)(\d+):[A-Z]+(\d+)[\"']", self._tail)
        last = cell_name(max(self._last_row, header_row + 1), last_column)
        reference = f"A{header_row}:{last}"
        if found:
            reference = f"{found[1].decode()}{found[2].decode()}:{cell_name(max(int(found[3]), self._last_row), last_column)}"
            text = re.sub(rb"\bref=[\"'][^\"']*[\"']", f'ref="{reference}"'.encode(), found[0], count=1)
            self._tail = self._tail[: found.start()] + text + self._tail[found.end() :]
            return reference
        at = self._after(("sheetData", "sheetCalcPr", "sheetProtection", "protectedRanges", "scenarios"))
        self._tail = self._tail[:at] + f'<{p.decode()}autoFilter ref="{reference}"/>'.encode() + self._tail[at:]
        return reference

    def draw(self, relation: str) -> None:
        """Refer to the drawing that holds the notes' boxes."""
        p = self.prefix
        if b"<" + p + b"legacyDrawing " in self._tail:
            raise UnmarkableError("drawing")
        at = self._before(("legacyDrawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst"))
        element = f'<{p.decode()}legacyDrawing xmlns:r="{OFFICE}" r:id="{relation}"/>'.encode()
        self._tail = self._tail[:at] + element + self._tail[at:]

    def _after(self, names: Sequence[str]) -> int:
        """Where the last of these elements ends."""
        at = 0
        for name in names:
            tag = self.prefix + name.encode()
            pattern = rb"</" + tag + rb">|<" + tag + rb"\b[^>]*?/>"
            at = max([at, *(match.end() for match in re.finditer(pattern, self._tail))])
        return at

    def _before(self, names: Sequence[str]) -> int:
        """Where the first of these elements begins, else where the sheet ends."""
        places = [match.start() for name in names if (match := re.search(rb"<" + self.prefix + name.encode() + rb"[\s/>]", self._tail))]
        return min(places, default=self._tail.rindex(b"</" + self.prefix + b"worksheet"))

    def serialised(self) -> bytes:
        """The sheet as bytes."""
        return self._head + self._rows + self._tail


class Editor:
    """Marks rows: the ground of their cells, and the two columns that are added."""

    def __init__(self, marks: SheetMarks, result: int, heads: tuple[str, str], styles: Styles) -> None:
        self._marks = marks
        self._result = result
        self._heads = heads
        self._styles = styles

    def __call__(self, number: int, row: bytes) -> bytes:
        """The row as it goes back."""
        mark = self._marks.rows.get(number)
        if mark is None and number != self._marks.header_row:
            return row
        start = _START.match(row)
        assert start is not None  # noqa: S101 - a row begins with its tag
        tag = _SPANS.sub(b"", start[0].removesuffix(b"/>").removesuffix(b">"))
        name = re.match(rb"<((?:\w+:)?row)", tag)
        assert name is not None  # noqa: S101 - as above
        cells = {column: cell for column, cell in _cells(row) if column not in {self._result, self._result + 1}}
        if mark is None:
            cells |= self._added(number, name[1], self._heads, "head")
            return self._row(tag, name[1], cells)
        if mark.is_wrong:
            for column in filter(None, mark.notes):
                cells[column] = self._grounded(cells.get(column), number, column, name[1], "wrong")
        else:
            cells = {column: self._grounded(cell, number, column, name[1], "taken") for column, cell in cells.items()}
        cells |= self._added(number, name[1], (mark.result, mark.why), "wrong" if mark.is_wrong else "taken")
        return self._row(tag, name[1], cells)

    @staticmethod
    def _row(tag: bytes, name: bytes, cells: Mapping[int, bytes]) -> bytes:
        return tag + b">" + b"".join(cell for _, cell in sorted(cells.items())) + b"</" + name + b">"

    def _grounded(self, cell: bytes | None, row: int, column: int, name: bytes, kind: str) -> bytes:
        prefix = name[: -len(b"row")]
        if cell is None:
            return f'<{prefix.decode()}c r="{cell_name(row, column)}" s="{self._styles.of(0, kind)}"/>'.encode()
        start = _START.match(cell)
        assert start is not None  # noqa: S101 - a cell begins with its tag
        found = _S.search(start[0])
        style = b' s="%d"' % self._styles.of(int(found[1]) if found else 0, kind)
        tag = (
            _S.sub(style, start[0], count=1)
            if found
            else start[0][: start[0].index(b"c") + 1] + style + start[0][start[0].index(b"c") + 1 :]
        )
        return tag + cell[start.end() :]

    def _added(self, row: int, name: bytes, texts: Sequence[str], kind: str) -> dict[int, bytes]:
        prefix = name[: -len(b"row")].decode()
        return {column: text_cell(prefix, row, column, text, self._styles.own(kind)) for column, text in enumerate(texts, self._result)}


def text_cell(prefix: str, row: int, column: int, text: str, style: int) -> bytes:
    """A cell that holds a text of ours."""
    told = escape(clean(text)[:32_000])
    inner = f'<{prefix}is><{prefix}t xml:space="preserve">{told}</{prefix}t></{prefix}is>'
    return f'<{prefix}c r="{cell_name(row, column)}" s="{style}" t="inlineStr">{inner}</{prefix}c>'.encode()


def _cells(row: bytes) -> list[tuple[int, bytes]]:
    """The cells of a row with their columns; where they do not say, they follow one another."""
    inner = row[_START.match(row).end() :]  # type: ignore[union-attr]  # it begins with a tag
    column, found = 0, []
    for match in _CELL.finditer(inner):
        place = _R.search(_START.match(match[0])[0])  # type: ignore[index]
        column = _column(place[1]) if place and place[1] else column + 1
        found.append((column, match[0]))
    return found


def _told(cell: bytes) -> tuple[str, str]:
    kind = _T.search(_START.match(cell)[0])  # type: ignore[index]
    texts = unescape(b"".join(_VALUE.findall(cell)).decode("utf-8", "replace"))
    return (kind[1].decode() if kind else "n"), texts


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def absolute(reference: str) -> str:
    """`A1:B2` as `$A$1:$B$2`."""
    return re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", reference)
