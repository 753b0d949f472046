"""A dropped workbook as it goes back: itself, with what is wrong marked at its cell.

Nothing else is changed. The package is edited, not written anew: comments, widths, formulas,
pictures and other sheets of its author stay as they were, because they are not touched. Rows are
edited as text, one after another, so that a large sheet takes no more memory than its XML. Source:
1.3.2c, N1.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname, join, normpath, relpath
from xml.parsers import expat

from lxml import etree

from fbbatch.render.notes import with_boxes, with_notes
from fbbatch.render.parts import MAIN, OFFICE, PARSER, UnmarkableError, child, serialised_tree
from fbbatch.render.sheet_xml import SELECTED, Editor, SheetMarks, SheetXml, absolute, text_cell
from fbbatch.render.styles import Styles
from fbbatch.render.words import text_width
from fbbatch.wording import in_all_languages, say

RESULT = "render.result"
WHY = "render.why"
"""The words above the two columns that are added.

By them a corrected copy is known, whatever has become of it since.
"""
COVER = "render.cover"
"""The words that name the sheet that comes first."""
IDENTITY = "_fbbatch"

_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_MOST_COLUMNS = 16_384
_Style = Callable[[int, int], int]
"""The number of the style of a cell, by its row and column."""
_UNDATED = (1980, 1, 1, 0, 0, 0)
_TEXT_WIDTH, _RESULT_WIDTH = 46, 24


@dataclass(frozen=True, slots=True)
class Cover:
    """The sheet that comes first: a title, what to do, and small tables of texts."""

    title: str
    lines: Sequence[str]
    tables: Sequence[Sequence[Sequence[str]]]


def marked(
    content: bytes,
    sheets: Mapping[str, SheetMarks],
    cover: Cover,
    identity: Mapping[str, str],
    language: str,
) -> bytes:
    """The workbook with its marks.

    Args:
        content: an .xlsx or .xlsm file.
        sheets: marks by name of the sheet.
        cover: what the first sheet says.
        identity: what a hidden sheet says of it, unless there is one already.
        language: of the added headers.

    Raises:
        UnmarkableError: its parts are not where they ought to be.
    """
    try:
        return _WorkbookParts(content, language).marked(sheets, cover, identity)
    except _UNEXPECTED as error:
        raise UnmarkableError(type(error).__name__) from error


_UNEXPECTED = (
    KeyError,
    ValueError,
    IndexError,
    TypeError,
    StopIteration,
    NotImplementedError,
    etree.LxmlError,
    expat.ExpatError,
    zipfile.BadZipFile,
)
"""What is raised where a package is not built as it ought to be."""


class _WorkbookParts:
    """The parts of a workbook's package, edited one by one."""

    def __init__(self, content: bytes, language: str) -> None:
        self._language = language
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            self._parts = {
                name.replace("\\", "/"): archive.read(name) for name in archive.namelist()
            }
        target = next(_targets(self._xml("_rels/.rels"), "/officeDocument"))
        self._book_path = target.lstrip("/")
        self._book = self._xml(self._book_path)
        if etree.QName(self._book).namespace != MAIN:
            raise UnmarkableError("strict")
        self._relations_path = _relations_of(self._book_path)
        self._relations = self._xml(self._relations_path)
        self._types = self._xml("[Content_Types].xml")
        styles = next(_targets(self._relations, "/styles"))
        self._styles_path = self._beside(self._book_path, styles)
        self._styles = Styles(self._xml(self._styles_path))
        self._paths: dict[str, str] = {}
        for sheet in self._sheets():
            self._paths[str(sheet.get("name"))] = self._path_of(sheet)

    def _xml(self, name: str) -> etree._Element:
        return etree.fromstring(self._parts[name], PARSER)

    @staticmethod
    def _beside(path: str, target: str) -> str:
        """The part that `target` means where it stands in `path`."""
        if target.startswith("/"):
            return target.lstrip("/")
        return normpath(join(dirname(path), target))

    def _sheets(self) -> list[etree._Element]:
        return list(self._book.iterfind(f"{{{MAIN}}}sheets/{{{MAIN}}}sheet"))

    def _path_of(self, sheet: etree._Element) -> str:
        relation = sheet.get(f"{{{OFFICE}}}id")
        target = _target(self._relations, relation)
        return self._beside(self._book_path, target)

    def marked(
        self, sheets: Mapping[str, SheetMarks], cover: Cover, identity: Mapping[str, str]
    ) -> bytes:
        for name, path in self._paths.items():
            if name in sheets:
                self._mark(name, path, sheets[name])
            self._parts[path] = SELECTED.sub(rb"\1", self._parts[path])
        self._replace_cover(cover)
        if IDENTITY not in self._paths:
            rows = [list(pair) for pair in identity.items()]
            self._add_sheet(IDENTITY, _plain_sheet(rows), hidden=True)
        self._parts[self._styles_path] = self._styles.serialised()
        self._parts[self._book_path] = serialised_tree(self._book)
        self._parts[self._relations_path] = serialised_tree(self._relations)
        self._parts["[Content_Types].xml"] = serialised_tree(self._types)
        return self._package()

    def _package(self) -> bytes:
        """The parts as a file; the same parts give the same bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in self._parts.items():
                info = zipfile.ZipInfo(name, _UNDATED)
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    # --- a sheet ----------------------------------------------------------------------

    def _mark(self, name: str, path: str, marks: SheetMarks) -> None:
        """Mark the rows of a sheet, and add the two columns that say what became of them."""
        page = SheetXml(self._parts[path])
        columns = self._columns(page, marks)
        if max(columns) > _MOST_COLUMNS:
            raise UnmarkableError("columns")
        heads = (say(RESULT, self._language), say(WHY, self._language))
        self._notes(path, page, marks, columns)
        page.edit_rows(Editor(marks, columns, heads, self._styles))
        result, why = columns
        page.widen(result, _RESULT_WIDTH)
        page.widen(why, _TEXT_WIDTH)
        if filtered := page.filter(marks.header_row, max(columns)):
            self._filter_name(name, filtered)
        self._parts[path] = page.serialised()

    def _columns(self, page: SheetXml, marks: SheetMarks) -> tuple[int, int]:
        """The columns of results and of what is wrong.

        In a workbook that goes back a second time they stay where they are; else they come behind
        all others.
        """
        headers = page.texts(marks.header_row)
        texts = {column: self._shared_texts(text) for column, text in headers}
        free = page.last_column(marks.header_row) + 1
        result = _column_of(RESULT, texts)
        why = _column_of(WHY, texts)
        if result is None:
            result, free = free, free + 1
        return result, free if why is None else why

    def _shared_texts(self, told: tuple[str, str]) -> str:
        """A cell's text, which may stand in a table of its own."""
        kind, text = told
        if kind != "s":
            return text
        return self._strings[int(text)]

    @cached_property
    def _strings(self) -> list[str]:
        target = next(_targets(self._relations, "/sharedStrings"))
        table = self._xml(self._beside(self._book_path, target))
        items = table.iterfind(f"{{{MAIN}}}si")
        return ["".join(item.itertext(f"{{{MAIN}}}t")) for item in items]

    def _filter_name(self, sheet: str, reference: str) -> None:
        """A filter's range stands in a hidden name, too."""
        number = next(n for n, s in enumerate(self._sheets()) if s.get("name") == sheet)
        place = str(number)
        quoted = sheet.replace("'", "''")
        for defined in self._defined_names():
            is_here = defined.get("localSheetId") == place
            if is_here and defined.get("name") == "_xlnm._FilterDatabase":
                defined.text = f"'{quoted}'!{absolute(reference)}"

    def _defined_names(self) -> list[etree._Element]:
        return list(self._book.iterfind(f"{{{MAIN}}}definedNames/{{{MAIN}}}definedName"))

    # --- notes ------------------------------------------------------------------------

    def _notes(
        self, path: str, page: SheetXml, marks: SheetMarks, columns: tuple[int, int]
    ) -> None:
        """Put a note at each wrong cell.

        Where its author has a note of his own, ours stands at the result.
        """
        relations_path = _relations_of(path)
        relations = (
            self._xml(relations_path)
            if relations_path in self._parts
            else etree.Element(f"{{{_PACKAGE}}}Relationships", nsmap={None: _PACKAGE})
        )
        comments_path = self._related(relations, path, "/comments")
        comments, places, theirs = with_notes(
            self._parts.get(comments_path or ""), marks, columns, self._language
        )
        if comments_path is None:
            comments_path = self._free("xl/comments{}.xml")
            self._relate(relations, path, comments_path, "comments")
            self._declare(
                comments_path,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml",
            )
        self._parts[comments_path] = comments
        if shown := page.drawing():
            drawing = self._beside(path, _target(relations, shown))
        else:
            drawing = self._free("xl/drawings/vmlDrawing{}.vml")
            page.draw(self._relate(relations, path, drawing, "vmlDrawing"))
            self._declare_drawings()
        self._parts[drawing] = with_boxes(self._parts.get(drawing), places, theirs)
        self._parts[relations_path] = serialised_tree(relations)

    def _declare_drawings(self) -> None:
        if not any(d.get("Extension", "").lower() == "vml" for d in self._types):
            default = etree.Element(
                f"{{{_TYPES}}}Default",
                Extension="vml",
                ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing",
            )
            self._types.insert(0, default)

    def _related(self, relations: etree._Element, path: str, kind: str) -> str | None:
        """The part of this kind that belongs to `path`."""
        target = next(_targets(relations, kind), None)
        return self._beside(path, target) if target else None

    def _relate(self, relations: etree._Element, path: str, target: str, kind: str) -> str:
        """Add a relation of `path` to `target`; its id."""
        used = {str(relation.get("Id")) for relation in relations}
        number = 1
        while f"rIdFb{number}" in used:
            number += 1
        name = f"rIdFb{number}"
        etree.SubElement(
            relations,
            f"{{{_PACKAGE}}}Relationship",
            Id=name,
            Type=f"{OFFICE}/{kind}",
            Target=relpath(target, dirname(path)),
        )
        return name

    def _declare(self, path: str, kind: str) -> None:
        """Say what kind of part it is."""
        etree.SubElement(
            self._types, f"{{{_TYPES}}}Override", PartName=f"/{path}", ContentType=kind
        )

    def _free(self, pattern: str) -> str:
        """A name that no part has."""
        number = 1
        while pattern.format(f"Fb{number}") in self._parts:
            number += 1
        return pattern.format(f"Fb{number}")

    # --- sheets of our own ------------------------------------------------------------

    def _replace_cover(self, cover: Cover) -> None:
        """Put the sheet that explains in front, or into its place when it is there already."""
        content = _cover_sheet(cover, self._styles)
        names = [str(sheet.get("name")) for sheet in self._sheets()]
        for name in in_all_languages(COVER):
            if name in self._paths:
                self._parts[self._paths[name]] = content
                self._show(names.index(name))
                return
        self._add_sheet(say(COVER, self._language), content, hidden=False)
        sheets = child(self._book, "sheets")
        sheets.insert(0, sheets[-1])
        for defined in self._defined_names():
            number = defined.get("localSheetId")
            if number is not None:
                defined.set("localSheetId", str(int(number) + 1))
        self._show(0)

    def _show(self, number: int) -> None:
        """Open with this sheet: two that are selected would be edited together."""
        for view in self._book.iterfind(f"{{{MAIN}}}bookViews/{{{MAIN}}}workbookView"):
            view.set("activeTab", str(number))
            view.attrib.pop("firstSheet", None)

    def _add_sheet(self, name: str, content: bytes, *, hidden: bool) -> None:
        """Add a sheet behind all others."""
        path = self._free("xl/worksheets/sheet{}.xml")
        self._parts[path] = content
        self._declare(
            path, "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
        )
        sheets = child(self._book, "sheets")
        numbers = [int(str(other.get("sheetId"))) for other in sheets]
        number = 1 + max(numbers)
        sheet = etree.SubElement(sheets, f"{{{MAIN}}}sheet", name=name, sheetId=str(number))
        if hidden:
            sheet.set("state", "hidden")
        relation = self._relate(self._relations, self._book_path, path, "worksheet")
        sheet.set(f"{{{OFFICE}}}id", relation)


def _targets(relations: etree._Element, kind: str) -> Iterator[str]:
    """Where the relations of a kind lead."""
    for relation in relations:
        if str(relation.get("Type")).endswith(kind):
            yield str(relation.get("Target"))


def _target(relations: etree._Element, name: str | None) -> str:
    """Where the relation with this id leads."""
    return next(str(r.get("Target")) for r in relations if r.get("Id") == name)


def _column_of(header: str, texts: Mapping[int, str]) -> int | None:
    """The first column that has this header, in whatever language."""
    wanted = in_all_languages(header)
    for column, text in texts.items():
        if text in wanted:
            return column
    return None


# --- parts of our own -----------------------------------------------------------------


def _relations_of(path: str) -> str:
    """The part that says what the part at `path` refers to."""
    name = path.rpartition("/")[2]
    return join(dirname(path), "_rels", f"{name}.rels")


def _plain_sheet(rows: Sequence[Sequence[str]]) -> bytes:
    return _sheet_xml(rows, lambda *_: 0, ())


def _sheet_xml(
    rows: Sequence[Sequence[str]],
    style: _Style,
    widths: Sequence[float],
    view: str = "",
) -> bytes:
    cols = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>'
        for n, width in enumerate(widths, 1)
    )
    data = "".join(_row_xml(number, row, style) for number, row in enumerate(rows, 1))
    setup = (
        '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" fitToHeight="0"/>'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f"{view}{f'<cols>{cols}</cols>' if cols else ''}"
        f"<sheetData>{data}</sheetData>{setup}</worksheet>"
    ).encode()


def _row_xml(number: int, texts: Sequence[str], style: _Style) -> str:
    cells = b"".join(
        text_cell("", number, column, text, style(number, column))
        for column, text in enumerate(texts, 1)
    )
    return f'<row r="{number}">{cells.decode()}</row>'


_SHOWN = (
    '<sheetViews><sheetView showGridLines="0" tabSelected="1" workbookViewId="0"/></sheetViews>'
)


def _cover_sheet(cover: Cover, styles: Styles) -> bytes:
    """The sheet that explains: its title, its lines, and its tables with a header each."""
    rows: list[Sequence[str]] = [[cover.title]]
    rows += [[line] for line in cover.lines]
    heads = set()
    for table in cover.tables:
        rows.append([])
        heads.add(len(rows) + 1)
        rows += table
    title = styles.own("title")
    line = styles.own("line")
    head = styles.own("head")
    plain = styles.own("cell")
    n_lines = 1 + len(cover.lines)
    n_columns = max(map(len, rows))

    def style(row: int, _column: int) -> int:
        if row == 1:
            return title
        if row <= n_lines:
            return line
        if row in heads:
            return head
        return plain

    return _sheet_xml(
        rows,
        style,
        [_cover_width(cover, column) for column in range(n_columns)],
        _SHOWN,
    )


def _cover_width(cover: Cover, column: int) -> float:
    """The width that the texts of the tables want, between 12 and 60."""
    width = 12.0
    for table in cover.tables:
        for row in table:
            if column < len(row):
                width = max(width, text_width(row[column]) + 2.0)
    return min(width, 60.0)
