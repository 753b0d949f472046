"""Text that is struck through in a worksheet: what of a cell still holds, and what is to be told.

Readers give a cell's text whole, so that a wrong word and the one that stands in its place run
together.
"""

import contextlib
import re
from collections import Counter
from typing import NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Finding, column_number
from fbbatch.read.ooxml import PROBLEMS, Package, Xml, child

_STRINGS = "xl/sharedStrings.xml"
_STYLES = "xl/styles.xml"
_MARK = b"strike"
"""What a part must hold to be looked at any closer."""
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"([^>]*)>(?:<v>([^<]+)</v>)?')
_STYLE = re.compile(rb'\bs="(\d+)"')
_IS_SHARED = re.compile(rb'\bt="s"')


class Struck(NamedTuple):
    """What is struck through in a sheet.

    `kept` is what still holds of cells of which a part is struck, by (row, column), both from 0.
    `findings` tell of these cells, and of rows with cells that are struck whole; these are taken
    as they stand.
    """

    kept: dict[tuple[int, int], str]
    findings: list[Finding]


class _PartlyStruck(NamedTuple):
    """A shared string of which a part is struck."""

    kept: str
    gone: str


def struck(package: Package, sheet: str) -> Struck:
    """What is struck through in a sheet; nothing where that cannot be told.

    Args:
        package: the workbook.
        sheet: the sheet's name.
    """
    found = Struck({}, [])
    path = package.sheet_list.path_of(sheet)
    if path is None:
        return found
    with contextlib.suppress(*PROBLEMS):
        strings = _struck_strings(package)
        styles = _struck_styles(package)
        if strings or styles:
            xml = bytes(package.part(path) or b"")
            _look(xml, _Signs(sheet, strings, styles), found)
    return found


class _Signs(NamedTuple):
    """By what struck cells of a sheet are known: the numbers of their strings and styles."""

    sheet: str
    strings: dict[int, _PartlyStruck]
    styles: set[int]


def _root(package: Package, path: str) -> Xml:
    """A part in which something is struck; None for any other."""
    content = package.part(path)
    if content is None or _MARK not in content:
        return None
    return package.root(path)


def _struck_strings(package: Package) -> dict[int, _PartlyStruck]:
    """The shared strings of which something is struck, by their numbers."""
    root = _root(package, _STRINGS)
    if root is None:
        return {}
    found = {}
    for number, item in enumerate(root.iterchildren("{*}si")):
        text = _told_apart(item)
        if text.gone.strip():
            found[number] = text
    return found


def _told_apart(item: Xml) -> _PartlyStruck:
    """What is struck of a string, and what is not.

    Args:
        item: the `<si>` element; one without runs has nothing struck.
    """
    kept = ""
    gone = ""
    for run in item.iterchildren("{*}r"):
        text = "".join(part.text or "" for part in run.iterchildren("{*}t"))
        if _is_struck(child(run, "rPr", "strike")):
            gone += text
        else:
            kept += text
    return _PartlyStruck(kept.strip(), gone)


def _struck_styles(package: Package) -> set[int]:
    """The numbers of the cell styles whose font is struck through."""
    root = _root(package, _STYLES)
    if root is None:
        return set()
    fonts = set()
    for number, font in enumerate(child(root, "fonts").iterchildren("{*}font")):
        if _is_struck(child(font, "strike")):
            fonts.add(str(number))
    styles = set()
    for number, style in enumerate(child(root, "cellXfs").iterchildren("{*}xf")):
        if style.get("fontId") in fonts:
            styles.add(number)
    return styles


def _is_struck(strike: Xml) -> bool:
    """True for a `<strike>` that is there and not switched off."""
    if strike is None:
        return False
    return strike.get("val") not in {"0", "false"}


def _look(xml: bytes, signs: _Signs, found: Struck) -> None:
    """Find the cells that are struck, and say so in `found`.

    Args:
        xml: of the sheet.
        signs: by what they are known.
        found: takes them, and what is to be told.
    """
    whole: Counter[int] = Counter()
    sheet = signs.sheet
    for letters, digits, attributes, value in _CELL.findall(xml):
        if not value:
            continue
        row = int(digits)
        text = _NOTHING
        if _IS_SHARED.search(attributes):
            text = signs.strings.get(int(value), _NOTHING)
        style = _STYLE.search(attributes)
        if text.gone and text.kept:
            column = column_number(letters.decode())
            found.kept[row - 1, column - 1] = text.kept
            gone = text.gone[:_SHOWN]
            told = finding("FB-struck", sheet=sheet, row=row, column=column, value=gone)
            found.findings.append(told)
        elif text.gone or (style and int(style[1]) in signs.styles):
            whole[row] += 1
    for row, n_cells in whole.items():
        told = finding("FB-struck-row", sheet=sheet, row=row, cells=n_cells)
        found.findings.append(told)


_NOTHING = _PartlyStruck("", "")
_SHOWN = 60
"""So many characters of what is struck are told."""
