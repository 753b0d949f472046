"""Where the defined names of a workbook point.

They stay with their cells whatever is inserted or renamed around them.
"""

import contextlib
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from lxml import etree

from fbbatch.model import column_number
from fbbatch.read.limits import Limits
from fbbatch.read.ooxml import PROBLEMS, SAFE_XML, WORKBOOK, Package, Xml

_REFERENCE = re.compile(
    r"^\$?(?:'((?:[^']|'')*)'|([^'!.$]+))[!.]\$?([A-Z]{1,3})\$?(\d{1,7})(?![\w(])"
)


class CellPlace(NamedTuple):
    """A cell; row and column count from 0."""

    sheet: str
    row: int
    column: int


def named_cells(content: bytes, kind: str, prefix: str, limits: Limits) -> dict[str, CellPlace]:
    """The cells to which names with this prefix point, by the rest of the name.

    Of an area it is the first cell. Nothing for kinds whose names cannot be read, for what is
    broken, and for names that have lost their cell (`#REF!`).

    Args:
        content: the workbook, whose package has been checked before.
        kind: `xlsx`, `ods` or `xls`.
        prefix: with which the names begin, in small letters.
        limits: how much is too much.
    """
    cells: dict[str, CellPlace] = {}
    with contextlib.suppress(*PROBLEMS):
        for written, place in _names(content, kind, limits):
            name = written.lower()
            if place and name.startswith(prefix):
                cells.setdefault(name.removeprefix(prefix), place)
    return cells


def _names(content: bytes, kind: str, limits: Limits) -> Iterator[tuple[str, CellPlace | None]]:
    """The names of a workbook, and the cells to which they point."""
    match kind:
        case "xlsx":
            return _of_xlsx(content, limits)
        case "ods":
            return _of_ods(content)
        case "xls":
            return _of_xls(content)
        case _:
            return iter(())


def _of_xlsx(content: bytes, limits: Limits) -> Iterator[tuple[str, CellPlace | None]]:
    for defined in Package(content, limits).root(WORKBOOK).iter("{*}definedName"):
        yield str(defined.get("name")), _place(defined.text or "")


def _of_ods(content: bytes) -> Iterator[tuple[str, CellPlace | None]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open("content.xml") as stream:
        for _, named in etree.iterparse(stream, tag="{*}named-range", **SAFE_XML):
            yield _attribute(named, "name"), _place(_attribute(named, "cell-range-address"))


def _attribute(element: Xml, name: str) -> str:
    """An attribute, whatever its namespace.

    Raises:
        KeyError: it is not there.
    """
    for key, value in element.attrib.items():
        if etree.QName(key).localname == name:
            return str(value)
    raise KeyError(name)


def _of_xls(content: bytes) -> Iterator[tuple[str, CellPlace | None]]:
    import xlrd  # type: ignore[import-untyped]

    with contextlib.suppress(Exception):  # it raises whatever a damaged file leads it to
        book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO())
        for name in book.name_obj_list:
            yield str(name.name), _xls_place(name)


def _xls_place(name: Any) -> CellPlace | None:
    with contextlib.suppress(Exception):  # most names are no areas
        sheet, top, _, left, _ = name.area2d()
        return CellPlace(str(sheet.name), int(top), int(left))
    return None


def _place(reference: str) -> CellPlace | None:
    """`'Sheet 1'!$C$5` of Excel or `$'Sheet 1'.$C$5` of OpenDocument."""
    match = _REFERENCE.match(reference)
    if match is None:
        return None
    return CellPlace(
        (match[1] or match[2] or "").replace("''", "'"),
        int(match[4]) - 1,
        column_number(match[3]) - 1,
    )
