"""Notes at the cells of a dropped workbook.

Ours are written anew each time, those of its author stay.
"""

import re
from collections.abc import Iterable, Sequence, Set

from lxml import etree

from fbbatch.model import cell_name
from fbbatch.render.blocks import clean
from fbbatch.render.parts import MAIN, PARSER, child, serialised_tree
from fbbatch.render.sheet_xml import SheetMarks, place_of
from fbbatch.wording import in_all_languages, say


def with_notes(
    old: bytes | None, marks: SheetMarks, columns: tuple[int, int], language: str
) -> tuple[bytes, list[tuple[int, int]], Set[str]]:
    """A sheet's comments with a note at each wrong cell.

    Where its author has a note of his own, ours stands at the result.

    Args:
        old: the part as it was, where there is one.
        marks: what is said of the rows.
        columns: those of results and of what is wrong.
        language: of what every note begins with.

    Returns:
        the part, (row, column) of each note of ours, and the names of the cells that have a note of
        the author.
    """
    tree = etree.fromstring(old or _NO_COMMENTS, PARSER)
    authors, listed = child(tree, "authors"), child(tree, "commentList")
    ours = in_all_languages("render.note")
    for comment in listed.findall(f"{{{MAIN}}}comment"):
        if "".join(comment.itertext(f"{{{MAIN}}}t")).startswith(ours):
            listed.remove(comment)
    theirs = {str(comment.get("ref")) for comment in listed.iterfind(f"{{{MAIN}}}comment")}
    author, told = _author(authors), _told_where(marks, columns, theirs)
    for (row, column), texts in told.items():
        text = "\n".join([say("render.note", language), *texts])
        _add_comment(listed, str(cell_name(row, column)), author, text)
    return serialised_tree(tree), list(told), theirs


def with_boxes(old: bytes | None, places: Sequence[tuple[int, int]], theirs: Set[str]) -> bytes:
    """The drawing with the boxes in which Excel shows notes.

    It has ours at `places`, and the author's where there was no drawing.
    """
    if old is None:
        boxes = [*places, *map(place_of, sorted(theirs))]
        return _VML_HEAD.encode() + _shapes(boxes) + b"</xml>"
    kept = _SHAPE.sub(lambda found: found[0] if _place(found[0]) in {None, *theirs} else b"", old)
    end = kept.rindex(b"</xml>")
    kind = b"" if _SHAPE_TYPE_ID in kept else _SHAPE_TYPE.encode()
    return kept[:end] + kind + _shapes(places) + kept[end:]


def _add_comment(listed: etree._Element, place: str, author: int, text: str) -> None:
    comment = etree.SubElement(listed, f"{{{MAIN}}}comment", ref=place, authorId=str(author))
    told = etree.SubElement(
        etree.SubElement(etree.SubElement(comment, f"{{{MAIN}}}text"), f"{{{MAIN}}}r"),
        f"{{{MAIN}}}t",
    )
    told.text = clean(text)
    told.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")


def _author(authors: etree._Element) -> int:
    """The number under which we write notes."""
    known = [author.text for author in authors.iterfind(f"{{{MAIN}}}author")]
    if _AUTHOR not in known:
        etree.SubElement(authors, f"{{{MAIN}}}author").text = _AUTHOR
        return len(known)
    return known.index(_AUTHOR)


def _told_where(
    marks: SheetMarks, columns: tuple[int, int], theirs: Set[str]
) -> dict[tuple[int, int], list[str]]:
    """(row, column) → what is said there; a cell has one note.

    What finds no place stands in the column that explains, anyway.
    """
    told: dict[tuple[int, int], list[str]] = {}
    for row, mark in sorted(marks.rows.items()):
        for column, text in sorted(mark.notes.items()):
            place = next(
                (n for n in (column, *columns) if n and cell_name(row, n) not in theirs), None
            )
            if place:
                told.setdefault((row, place), []).append(text)
    return told


_AUTHOR = "fbbatch"
_NO_COMMENTS = f'<comments xmlns="{MAIN}"><authors/><commentList/></comments>'
_SHAPE_TYPE_ID = b'"_x0000_t202"'
_SHAPE_TYPE = (
    '<v:shapetype xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:o="urn:schemas-microsoft-com:office:office" id="_x0000_t202" '
    'coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_VML_HEAD = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel">'
    '<o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>'
    f"{_SHAPE_TYPE}"
)
_SHAPE = re.compile(rb"<((?:\w+:)?)shape\s.*?</\1shape>", re.DOTALL)
_SHAPE_ROW, _SHAPE_COLUMN = (
    re.compile(rb"<(?:\w+:)?%s>\s*(\d+)\s*</" % name) for name in (b"Row", b"Column")
)
_SPACES = (
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"'
)
_NOTE_ROWS, _NOTE_COLUMNS = 7, 3


def _place(shape: bytes) -> str | None:
    """The cell whose note a shape shows, e.g. `B5`."""
    row, column = _SHAPE_ROW.search(shape), _SHAPE_COLUMN.search(shape)
    return cell_name(int(row[1]) + 1, int(column[1]) + 1) if row and column else None


def _shapes(places: Iterable[tuple[int, int]]) -> bytes:
    return "".join(
        _shape(number, row, column) for number, (row, column) in enumerate(places, 1)
    ).encode()


def _shape(number: int, row: int, column: int) -> str:
    top = max(row - 2, 0)
    anchor = f"{column}, 15, {top}, 10, {column + _NOTE_COLUMNS}, 15, {top + _NOTE_ROWS}, 4"
    return (
        f'<v:shape {_SPACES} id="_x0000_s9{number:06d}" type="#_x0000_t202" '
        'style="position:absolute;width:240pt;height:110pt;z-index:1;'
        'visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto">'
        '<v:fill color2="#ffffe1"/><v:shadow color="black" obscured="t"/>'
        '<v:path o:connecttype="none"/><v:textbox style="mso-direction-alt:auto"/>'
        '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
        f"<x:Anchor>{anchor}</x:Anchor><x:AutoFill>False</x:AutoFill><x:Row>{row - 1}</x:Row>"
        f"<x:Column>{column - 1}</x:Column></x:ClientData></v:shape>"
    )
