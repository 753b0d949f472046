"""The second look at a workbook: another reader counts and reads what is stored in it.

The first reader gives error cells as empty, and any reader can lose rows. So the cells that hold
something are counted in the sheet's own XML. Where a cell is an error, or the counts differ,
openpyxl (xlrd for .xls) reads the sheet again.
"""

import contextlib
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fbbatch.model import Cell, Finding, column_number
from fbbatch.read.ooxml import PROBLEMS, Package

_FILLED = re.compile(rb"<(?:\w+:)?(?:v|t)(?:\s[^>]*)?>(?:[^<]|<!\[CDATA\[)")
_CELL_TEXTS = re.compile(rb"<(?:\w+:)?is[\s>].*?</(?:\w+:)?is>", re.DOTALL)
_ERROR = re.compile(rb"<(?:\w+:)?c\s[^>]*\bt=[\"']e[\"']")
_ERROR_CELL = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt=[\"']e[\"'][^>]*)(?<!/)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v(?:\s[^>]*)?>([^<]{1,20})</",
    re.DOTALL,
)
_REFERENCE = re.compile(rb"\br=[\"']([A-Za-z]{1,3})(\d{1,7})[\"']")
_PLACE = re.compile(rb"<(?:\w+:)?c\s(?:[^>]*\s)?r=[\"'](\w+)[\"']")
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*\bhidden=[\"'](?:1|true)[\"']")
_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s")
_PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What one sheet's XML holds.

    `cells` counts the cells with content, `errors` the error cells, `hidden_rows` the hidden rows
    and `merged` the merged areas. `error_cells` are those whose place it tells, by (row, column),
    both from 0.
    """

    cells: int
    errors: int
    error_cells: dict[tuple[int, int], str]
    hidden_rows: int
    merged: int


SERIAL_DAYS_1904 = 1462
"""How many days later the dates of the 1904 system begin."""


@dataclass(frozen=True, slots=True)
class Second:
    """What the second reader saw.

    `cells` counts the cells with content. `errors` are the error cells: `#N/A` by (row, column),
    both from 0.
    """

    cells: int
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def stored(package: Package, sheet: str) -> Stored | None:
    """What the XML of a sheet holds; None when it cannot be told."""
    path = package.sheet_list.path_of(sheet)
    if path is not None:
        with contextlib.suppress(*PROBLEMS):
            return _together([_stored(piece) for piece in _pieces(package.pieces(path, _PIECE))])
    return None


def has_doubled_cells(package: Package, sheet: str) -> bool:
    """True where two cells claim one place: each reader keeps one of them, and both count alike."""
    path = package.sheet_list.path_of(sheet)
    places = _PLACE.findall((package.part(path) if path else None) or b"")
    return len(set(places)) < len(places)


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The XML in pieces that end between rows, so that a large sheet takes little memory."""
    rest = b""
    for block in blocks:
        text = rest + block
        cut = text.rfind(b"row>") + 4
        if cut > 3:
            yield text[:cut]
            text = text[cut:]
        rest = text
    yield rest


def _together(pieces: Sequence[Stored | None]) -> Stored | None:
    known = [piece for piece in pieces if piece]
    if len(known) < len(pieces):
        return None
    cells: dict[tuple[int, int], str] = {}
    for piece in known:
        cells |= piece.error_cells
    return Stored(
        cells=sum(p.cells for p in known),
        errors=sum(p.errors for p in known),
        error_cells=cells,
        hidden_rows=sum(p.hidden_rows for p in known),
        merged=sum(p.merged for p in known),
    )


def _stored(xml: bytes) -> Stored | None:
    if xml[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return None  # UTF-16: the patterns do not fit
    inline = (
        sum(1 for text in _CELL_TEXTS.findall(xml) if _FILLED.search(text))
        if b"<is" in xml or b":is" in xml
        else 0
    )
    plain = _CELL_TEXTS.sub(b"", xml) if inline else xml
    has_errors = b'="e"' in xml or b"='e'" in xml
    return Stored(
        cells=_filled(plain) + inline,
        errors=len(_ERROR.findall(xml)) if has_errors else 0,
        error_cells=dict(_error_cells(xml)) if has_errors else {},
        hidden_rows=len(_HIDDEN_ROW.findall(xml)) if b"hidden" in xml else 0,
        merged=len(_MERGE.findall(xml)) if b"mergeCell" in xml else 0,
    )


def _filled(xml: bytes) -> int:
    """How many cells have content.

    What most programs write is counted without the pattern, which takes ten times as long.
    """
    plain = xml.count(b"<v>")
    if plain != xml.count(b"<v") or any(
        mark in xml for mark in (b":v", b"<t", b":t")
    ):  # attributes, prefixes, texts
        return len(_FILLED.findall(xml))
    return plain - xml.count(b"<v><") + xml.count(b"<v><![CDATA[")


def _error_cells(xml: bytes) -> Iterator[tuple[tuple[int, int], str]]:
    for cell in _ERROR_CELL.finditer(xml):
        if place := _REFERENCE.search(cell[1]):
            yield (
                (int(place[2]) - 1, column_number(place[1].decode()) - 1),
                cell[2].decode("latin-1").strip(),
            )


def is_encrypted_ods(content: bytes) -> bool:
    """True for an OpenDocument file whose manifest says that its parts are encrypted."""
    with (
        contextlib.suppress(KeyError, zipfile.BadZipFile, OSError),
        zipfile.ZipFile(io.BytesIO(content)) as archive,
    ):
        return b"encryption-data" in archive.read("META-INF/manifest.xml")
    return False


class Whole(NamedTuple):
    """A workbook as the second reader alone sees it.

    Every sheet is (name, hidden, rows); `serial_days` is as in `Sheet`.
    """

    sheets: list[tuple[str, bool, list[list[Cell]]]]
    serial_days: int


def openpyxl_sheets(content: bytes) -> Whole | None:
    """A workbook by openpyxl, for a file that the first reader cannot open.

    None when openpyxl cannot open it either.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        found = []
        for page in book.worksheets:
            page.reset_dimensions()
            found.append(
                (page.title, page.sheet_state != "visible", _rows(_coded(page.iter_rows())))
            )
        return Whole(found, SERIAL_DAYS_1904 if book.epoch == CALENDAR_MAC_1904 else 0)
    return None


def xlrd_sheets(content: bytes) -> Whole | None:
    """As `openpyxl_sheets`, for .xls.

    Raises:
        EncryptedError: the file has a password.
    """
    import xlrd  # type: ignore[import-untyped]

    try:
        book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO())
        pages = [
            (page, _rows(_xls_cells(page, xlrd.error_text_from_code, book.datemode)))
            for page in book.sheets()
        ]
        return Whole(
            [(page.name, bool(page.visibility), rows) for page, rows in pages],
            SERIAL_DAYS_1904 * book.datemode,
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise EncryptedError from error
    except Exception:  # noqa: S110 - it raises whatever a damaged file leads it to
        pass
    return None


class ReadersDisagreeError(Exception):
    """Two readers saw different numbers of filled cells; `reason` is the finding that says so."""

    def __init__(self, reason: Finding) -> None:
        super().__init__(reason.code)
        self.reason = reason


class EncryptedError(Exception):
    """The file has a password."""


def _rows(cells: Iterable[tuple[int, int, object, bool]]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for row, column, value, _ in cells:
        while len(rows) <= row:
            rows.append([])
        rows[row] += [None] * (column + 1 - len(rows[row]))
        rows[row][column] = value  # type: ignore[call-overload]
    return rows


def openpyxl_look(content: bytes, sheet: str) -> Second | None:
    """Openpyxl's view of a sheet; None when it cannot open the file or the sheet."""
    from openpyxl import load_workbook

    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        page: Any = book[sheet]
        page.reset_dimensions()
        return _seen(_coded(page.iter_rows()))
    return None


def _coded(rows: Iterable[Any]) -> Iterator[tuple[int, int, object, bool]]:
    """(row, column, value, is it an error) of every cell of openpyxl's rows, 0-based."""
    for row in rows:
        for cell in row:
            if cell.value is not None and cell.value != "":
                yield cell.row - 1, cell.column - 1, cell.value, cell.data_type == "e"


def xlrd_look(content: bytes) -> tuple[dict[str, Second], int]:
    """Xlrd's view of every sheet of an .xls file, and the file's `serial_days`.

    There is no sheet when xlrd cannot open the file.
    """
    import xlrd

    with contextlib.suppress(Exception):
        book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO(), on_demand=True)
        texts, names = xlrd.error_text_from_code, book.sheet_names()
        found = {
            name: _seen(_xls_cells(book.sheet_by_name(name), texts, book.datemode))
            for name in names
        }
        return found, SERIAL_DAYS_1904 * book.datemode
    return {}, 0


def _xls_cells(
    page: Any, texts: dict[int, str], datemode: int
) -> Iterator[tuple[int, int, object, bool]]:
    import xlrd

    for row in range(page.nrows):
        for column, (kind, value) in enumerate(
            zip(page.row_types(row), page.row_values(row), strict=False)
        ):
            if kind in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK} or value == "":
                continue
            if kind == xlrd.XL_CELL_DATE:
                with contextlib.suppress(ValueError, OverflowError):
                    value = xlrd.xldate_as_datetime(value, datemode)
            is_error = kind == xlrd.XL_CELL_ERROR
            yield row, column, texts.get(value, "#ERROR!") if is_error else value, is_error


def _seen(cells: Iterable[tuple[int, int, object, bool]]) -> Second:
    count, errors = 0, {}
    for row, column, value, is_error in cells:
        count += 1
        if is_error:
            errors[row, column] = str(value)
    return Second(count, errors)


def patched(
    rows: Iterable[Sequence[Cell]], errors: dict[tuple[int, int], str]
) -> Iterator[Sequence[Cell]]:
    """The rows with error cells named instead of empty; rows that held only errors appear again.

    In the same way cells get other texts, by (row, column), both from 0.
    """
    if not errors:
        yield from rows
        return
    by_row: dict[int, dict[int, str]] = {}
    for (row, column), text in errors.items():
        by_row.setdefault(row, {})[column] = text
    number = -1
    for number, cells in enumerate(rows):
        yield _with(cells, by_row.pop(number)) if number in by_row else cells
    yield from (
        _with([], by_row.get(missing, {}))
        for missing in range(number + 1, max(by_row, default=number) + 1)
    )


def _with(row: Sequence[Cell], texts: dict[int, str]) -> list[Cell]:
    cells = list(row) + [None] * (max(texts, default=-1) + 1 - len(row))
    for column, text in texts.items():
        cells[column] = text
    return cells
