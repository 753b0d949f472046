"""A sheet of a dropped workbook as text.

Its rows are marked one after another, and nothing else in it changes.

Rows are edited without being parsed as a whole, so that a large sheet takes no more memory than its
XML.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from xml.parsers import expat
from xml.sax.saxutils import escape

from fbbatch.model import cell_name, column_number
from fbbatch.render.blocks import clean
from fbbatch.render.parts import OFFICE, UnmarkableError
from fbbatch.render.styles import Styles


@dataclass(frozen=True, slots=True)
class RowMark:
    """What is said of a row.

    `result` stands in the result column, `why` in the column that explains, `notes` at its cells
    (column → note; 0: the whole row).
    """

    result: str
    is_wrong: bool
    why: str = ""
    notes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """The marks of a sheet by row (1-based); `header_row` is where its headers end."""

    header_row: int
    rows: Mapping[int, RowMark]


# --- the text of a sheet --------------------------------------------------------------

SELECTED = re.compile(rb"(<(?:\w+:)?sheetView\b[^>]*?)\stabSelected\s*=\s*[\"'](?:1|true)[\"']")
_DATA = re.compile(rb"<((?:\w+:)?)sheetData\b[^>]*?(/>|>)")
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?(?:/>|>.*?</(?:\w+:)?row\s*>)", re.DOTALL)
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])[^>]*?(?:/>|>.*?</(?:\w+:)?c\s*>)", re.DOTALL)
_START = re.compile(rb"<[^>]*>")
_NAME = re.compile(rb"<(?:\w+:)?\w+")
_R = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*)(\d+)[\"']")
_S = re.compile(rb"\ss\s*=\s*[\"'](\d+)[\"']")
_T = re.compile(rb"\st\s*=\s*[\"'](\w+)[\"']")
_SPANS = re.compile(rb"\sspans\s*=\s*[\"'][^\"']*[\"']")
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|t)(?:\s[^>]*)?>([^<]*)</")
_DIMENSION = re.compile(rb"<(?:\w+:)?dimension\b[^>]*?/>")
_PLACED = re.compile(rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=")
_UNPLACED = re.compile(rb"<(?:\w+:)?c[\s/>]")
_FILLED = re.compile(
    rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r\s*=\s*[\"']([A-Za-z]+)\d+[\"'][^>]*(?<!/)>\s*<(?:\w+:)?(?:v|is|f)\b"
)
_CONTENT = re.compile(rb"<(?:\w+:)?(?:v|is|f)\b")
_ENCODING = re.compile(rb"^<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']+)")
_TAG = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)(?:\w+:)?([\w.-]+)((?:\"[^\"]*\"|'[^']*'|[^<>\"'])*+)>",
    re.DOTALL,
)
_AREA = re.compile(rb"\bref\s*=\s*[\"']\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)[\"']")
_RELATION = re.compile(rb"\s\w+:id\s*=\s*[\"']([^\"']+)[\"']")
_AFTER_ROWS = (
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
    "legacyDrawing",
    "legacyDrawingHF",
    "drawingHF",
    "picture",
    "oleObjects",
    "controls",
    "AlternateContent",
    "webPublishItems",
    "tableParts",
    "extLst",
)
"""The order of what follows the rows, on which Excel insists.

Source: ECMA-376 part 1, CT_Worksheet.
"""

Edit = Callable[[int, bytes], bytes]


class SheetXml:
    """A sheet's XML: what stands before its rows, the rows, and what follows them."""

    def __init__(self, xml: bytes) -> None:
        encoding = _ENCODING.search(xml.removeprefix(b"\xef\xbb\xbf"))
        if xml[:2] in {b"\xff\xfe", b"\xfe\xff"} or (
            encoding and encoding[1].lower() not in {b"utf-8", b"utf8"}
        ):
            raise UnmarkableError("encoding")
        found = _DATA.search(xml)
        if found is None or found[2] == b"/>":
            raise UnmarkableError("rows")
        self.prefix = found[1]
        rows_end, end = (
            xml.rindex(b"</" + self.prefix + b"sheetData>"),
            xml.rindex(b"</" + self.prefix + b"worksheet"),
        )
        tail = rows_end + len(self.prefix) + len(b"</sheetData>")
        self._head, self._rows, self._tail, self._end = (
            xml[: found.end()],
            xml[found.end() : rows_end],
            xml[tail:end],
            xml[end:],
        )
        self._head = _DIMENSION.sub(b"", self._head)
        self._last_row = 0

    def last_column(self, from_row: int) -> int:
        """The last column in which anything stands, or that a merged area covers.

        Of merged areas, those count that end in row `from_row` or below.
        """
        letters = {match[1] for match in _FILLED.finditer(self._rows)}
        columns = [column_number(name.decode()) for name in letters]
        if len(_PLACED.findall(self._rows)) != len(_UNPLACED.findall(self._rows)):
            columns += [
                column
                for row in _ROW.findall(self._rows)
                for column, cell in _cells(row)
                if _CONTENT.search(cell)
            ]
        for name, start, end in self._children():
            if name != "mergeCells":
                continue
            for area in _AREA.finditer(self._tail[start:end]):
                if int(area[4]) >= from_row:
                    columns.append(column_number(area[3].decode()))
        return max(columns, default=0)

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
            self._last_row = max(self._last_row, number)
        self._rows = b"".join(edited)

    def widen(self, column: int, width: float) -> None:
        """Give an added column a width and show it; the other columns stay."""
        p = self.prefix
        own = b'<%scol min="%d" max="%d" width="%g" customWidth="1"/>' % (p, column, column, width)
        self._head = re.sub(rb"<" + p + rb"cols\s*/>", b"", self._head)
        found = re.search(
            rb"<" + p + rb"cols\b[^>]*>(.*?)</" + p + rb"cols\s*>", self._head, re.DOTALL
        )
        if found is None:
            at = self._head.rindex(b"<" + p + b"sheetData")
            self._head = (
                self._head[:at] + b"<%scols>" % p + own + b"</%scols>" % p + self._head[at:]
            )
            return
        kept = [(column, own)]
        for col in re.findall(rb"<" + p + rb"col\b[^>]*?(?:/>|>\s*</" + p + rb"col\s*>)", found[1]):
            low, high = _number_of(col, b"min"), _number_of(col, b"max")
            for a, b in ((low, min(high, column - 1)), (max(low, column + 1), high)):
                if a <= b:
                    kept.append((a, _numbers(_numbers(col, b"min", a), b"max", b)))
        self._head = (
            self._head[: found.start(1)]
            + b"".join(col for _, col in sorted(kept))
            + self._head[found.end(1) :]
        )

    def filter(self, header_row: int, last_column: int) -> str | None:
        """Let the rows be filtered by the added columns.

        Returns:
            the range, or None where a table has its own filter.
        """
        children = {name: place for name, *place in self._children()}
        if "tableParts" in children:
            return None
        last = cell_name(max(self._last_row, header_row + 1), last_column)
        reference = f"A{header_row}:{last}"
        if "autoFilter" not in children:
            self._insert(
                "autoFilter", f'<{self.prefix.decode()}autoFilter ref="{reference}"/>'.encode()
            )
            return reference
        start, end = children["autoFilter"]
        tag = _START.match(self._tail[start:end])
        found = _AREA.search(tag[0]) if tag else None
        if found is None or tag is None:
            return None
        last = cell_name(
            max(int(found[4]), self._last_row), max(column_number(found[3].decode()), last_column)
        )
        reference = f"{found[1].decode()}{found[2].decode()}:{last}"
        text = _AREA.sub(f'ref="{reference}"'.encode(), tag[0], count=1)
        self._tail = self._tail[:start] + text + self._tail[start + tag.end() :]
        return reference

    def drawing(self) -> str | None:
        """The relation of the drawing that holds the notes' boxes, where there is one."""
        place = next(
            ((start, end) for name, start, end in self._children() if name == "legacyDrawing"), None
        )
        if place is None:
            return None
        found = _RELATION.search(self._tail[place[0] : place[1]])
        if found is None:
            raise UnmarkableError("drawing")
        return found[1].decode()

    def draw(self, relation: str) -> None:
        """Refer to the drawing that holds the notes' boxes."""
        self._insert(
            "legacyDrawing",
            f'<{self.prefix.decode()}legacyDrawing xmlns:r="{OFFICE}" r:id="{relation}"/>'.encode(),
        )

    def _insert(self, name: str, element: bytes) -> None:
        """Put an element where the order wants it."""
        later = _AFTER_ROWS[_AFTER_ROWS.index(name) + 1 :]
        at = next(
            (start for other, start, _ in self._children() if other in later), len(self._tail)
        )
        self._tail = self._tail[:at] + element + self._tail[at:]

    def _children(self) -> list[tuple[str, int, int]]:
        """(name, start, end) of the elements that follow the rows; not of what is in them."""
        found, depth, begin = [], 0, 0
        for match in _TAG.finditer(self._tail):
            name = match[2]
            if name is None:
                continue
            if not match[1]:
                begin = match.start() if depth == 0 else begin
                depth += 1
            if match[1] or match[3].endswith(b"/"):
                depth -= 1
                if depth == 0:
                    found.append((name.decode(), begin, match.end()))
        return found

    def serialised(self) -> bytes:
        """The sheet as bytes.

        Raises:
            UnmarkableError: Excel would not open it without a repair.
        """
        names = [
            name
            for name, *_ in self._children()
            if name not in {"conditionalFormatting", "AlternateContent"}
        ]
        places = [_AFTER_ROWS.index(name) for name in names]
        if places != sorted(set(places)):
            raise UnmarkableError("order")
        xml = self._head + self._rows + b"</" + self.prefix + b"sheetData>" + self._tail + self._end
        expat.ParserCreate().Parse(xml, True)
        return xml


def _number_of(element: bytes, attribute: bytes) -> int:
    """A number that an element must have."""
    found = re.search(rb"\s" + attribute + rb"\s*=\s*[\"'](\d+)", element)
    return int(found[1]) if found else 0


def _numbers(tag: bytes, name: bytes, number: int) -> bytes:
    """A tag with another number in an attribute."""
    return re.sub(rb"(\s" + name + rb"\s*=\s*[\"'])\d+", rb"\g<1>%d" % number, tag, count=1)


class Editor:
    """Marks rows: the ground of their cells, and the two columns that are added."""

    def __init__(
        self, marks: SheetMarks, columns: tuple[int, int], heads: tuple[str, str], styles: Styles
    ) -> None:
        self._marks = marks
        self._columns = columns
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
        cells = {column: cell for column, cell in _cells(row) if column not in self._columns}
        if mark is None:
            cells |= self._added(number, name[1], self._heads, "head")
            return self._row(tag, name[1], cells)
        if mark.is_wrong:
            for column in filter(None, mark.notes):
                cells[column] = self._grounded(cells.get(column), number, column, name[1], "wrong")
        else:
            cells = {
                column: self._grounded(cell, number, column, name[1], "taken")
                for column, cell in cells.items()
            }
        cells |= self._added(
            number, name[1], (mark.result, mark.why), "wrong" if mark.is_wrong else "taken"
        )
        return self._row(tag, name[1], cells)

    @staticmethod
    def _row(tag: bytes, name: bytes, cells: Mapping[int, bytes]) -> bytes:
        return (
            tag + b">" + b"".join(cell for _, cell in sorted(cells.items())) + b"</" + name + b">"
        )

    def _grounded(self, cell: bytes | None, row: int, column: int, name: bytes, kind: str) -> bytes:
        prefix = name[: -len(b"row")]
        if cell is None:
            place, number = cell_name(row, column), self._styles.of(0, kind)
            return f'<{prefix.decode()}c r="{place}" s="{number}"/>'.encode()
        start = _START.match(cell)
        assert start is not None  # noqa: S101 - a cell begins with its tag
        found, named = _S.search(start[0]), _NAME.match(start[0])
        assert named is not None  # noqa: S101 - as above
        style = b' s="%d"' % self._styles.of(int(found[1]) if found else 0, kind)
        tag = (
            _S.sub(style, start[0], count=1)
            if found
            else named[0] + style + start[0][named.end() :]
        )
        return tag + cell[start.end() :]

    def _added(self, row: int, name: bytes, texts: Sequence[str], kind: str) -> dict[int, bytes]:
        prefix = name[: -len(b"row")].decode()
        style = self._styles.own(kind)
        return {
            column: text_cell(prefix, row, column, text, style)
            for column, text in zip(self._columns, texts, strict=True)
        }


def text_cell(prefix: str, row: int, column: int, text: str, style: int) -> bytes:
    """A cell that holds a text of ours."""
    told = escape(clean(text)[:32_000])
    inner = f'<{prefix}is><{prefix}t xml:space="preserve">{told}</{prefix}t></{prefix}is>'
    place = cell_name(row, column)
    return f'<{prefix}c r="{place}" s="{style}" t="inlineStr">{inner}</{prefix}c>'.encode()


def _cells(row: bytes) -> list[tuple[int, bytes]]:
    """The cells of a row with their columns; where they do not say, they follow one another."""
    inner = row[_START.match(row).end() :]  # type: ignore[union-attr]  # it begins with a tag
    column, found = 0, []
    for match in _CELL.finditer(inner):
        place = _R.search(_START.match(match[0])[0])  # type: ignore[index]
        column = column_number(place[1].decode()) if place and place[1] else column + 1
        found.append((column, match[0]))
    return found


def _told(cell: bytes) -> tuple[str, str]:
    kind = _T.search(_START.match(cell)[0])  # type: ignore[index]
    texts = unescape(b"".join(_VALUE.findall(cell)).decode("utf-8", "replace"))
    return (kind[1].decode() if kind else "n"), texts


def place_of(name: str) -> tuple[int, int]:
    """Row and column of `C7`."""
    letters = name.rstrip("0123456789")
    return int(name[len(letters) :]), column_number(letters)


def absolute(reference: str) -> str:
    """`A1:B2` as `$A$1:$B$2`."""
    return re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", reference)
