"""Workbooks → sheets; all of their cells are counted.

python-calamine reads the cells, of large plain sheets `fbbatch.read.workbook_fast`. calamine is
many times faster than openpyxl and never trusts `<dimension>`. `fbbatch.read.workbook_check` checks
that it saw every cell.
"""

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read.limits import Limits
from fbbatch.read.ooxml import PROBLEMS, Package
from fbbatch.read.sheet import HEAD_ROWS, Reading, Sheet, sheet_of
from fbbatch.read.workbook_check import (
    SERIAL_DAYS_1904,
    EncryptedError,
    ReadersDisagreeError,
    Second,
    has_doubled_cells,
    is_encrypted_ods,
    openpyxl_look,
    openpyxl_sheets,
    patched,
    stored,
    xlrd_look,
    xlrd_sheets,
)
from fbbatch.read.workbook_fast import NotPlainError, PlainSheet, plain_sheets
from fbbatch.read.workbook_form import PREFIX, form_paper, is_form
from fbbatch.read.workbook_names import named_cells
from fbbatch.read.workbook_struck import Struck, struck
from fbbatch.read.xls_codepage import with_unicode_named

IDENTITY_SHEET = "_fbbatch"
_NAMES_OF_A_FORM = 5  # the shortest form has more blanks


def open_workbook(
    content: bytes,
    kind: str,
    limits: Limits,
    parts: dict[str, bytearray] | None = None,
    *,
    second: bool = False,
) -> Reading | Finding:
    """Open a workbook of kind `xlsx`, `xls`, `xlsb` or `ods`.

    Its sheets are read when they are taken.

    Args:
        content: its bytes.
        kind: what it is.
        limits: how much is too much.
        parts: some of its parts, where they have been unpacked already; they are used up.
        second: the first reader has died of it; only the second one is asked, and for xlsb and ods
            there is none.
    """
    if second:
        return _otherwise(content, kind, limits) or finding("FB-broken", reason="no other reader")
    book = _OpenedWorkbook(content, kind, limits, parts or {})
    try:
        pages = book.pages()
        identity = (
            _identity(book.calamine.get_sheet_by_name(IDENTITY_SHEET).to_python())
            if IDENTITY_SHEET in pages
            else {}
        )
    except PasswordError:
        return finding("FB-encrypted")
    except CalamineError as error:
        return _otherwise(content, kind, limits) or finding("FB-broken", reason=_short(error))
    if len(pages) > limits.sheets:
        return limits.over("sheets", len(pages))
    sheets = (book.sheet(name, hidden) for name, hidden in pages.items() if name != IDENTITY_SHEET)
    if is_form(identity) or (
        kind == "xlsx"
        and not identity
        and len(named_cells(content, kind, PREFIX, limits)) >= _NAMES_OF_A_FORM
    ):
        return _form(content, kind, sheets, identity, limits)
    return Reading(kind, sheets, identity=identity)


def _form(
    content: bytes, kind: str, sheets: Iterable[Sheet], identity: Mapping[str, str], limits: Limits
) -> Reading | Finding:
    """A form of ours; it is one page, read at once.

    It is known by its hidden sheet or, copied into another workbook, by the names of its blanks.
    """
    try:
        paper = form_paper(sheets, named_cells(content, kind, PREFIX, limits), identity, limits)
    except ReadersDisagreeError as error:
        return error.reason
    return (
        paper if isinstance(paper, Finding) else Reading(kind, paper=paper, identity=paper.identity)
    )


def _otherwise(content: bytes, kind: str, limits: Limits) -> Reading | Finding | None:
    """What the second reader makes of a file that the first cannot open.

    None when it cannot open it either.
    """
    if kind == "ods":
        return finding("FB-encrypted") if is_encrypted_ods(content) else None
    try:
        found = xlrd_sheets(content) if kind == "xls" else openpyxl_sheets(content)
    except EncryptedError:
        return finding("FB-encrypted")
    if not found or not found.sheets:
        return None
    if len(found.sheets) > limits.sheets:
        return limits.over("sheets", len(found.sheets))
    sheets = []
    identity: dict[str, str] = {}
    for name, hidden, rows in found.sheets:
        if name == IDENTITY_SHEET:
            identity = _identity(rows)
            continue
        sheets.append(sheet_of(name, rows))
        sheets[-1].hidden, sheets[-1].findings = hidden, [finding("FB-one-reader", sheet=name)]
        sheets[-1].serial_days = found.serial_days
    return (
        _form(content, kind, sheets, identity, limits)
        if is_form(identity)
        else Reading(kind, sheets, identity=identity)
    )


def _identity(rows: Sequence[Sequence[Cell]]) -> dict[str, str]:
    """What a workbook of ours says of itself: column A the key, column B the value."""
    return {str(row[0]): str(row[1]) for row in rows if len(row) > 1 and row[0] != ""}


class _OpenedWorkbook:
    """A workbook, each of its sheets read by whoever reads it best.

    What was read is compared with what is stored. Source: RELIABILITY I1.
    """

    def __init__(
        self, content: bytes, kind: str, limits: Limits, parts: dict[str, bytearray]
    ) -> None:
        self._content = content
        self._kind = kind
        self._limits = limits
        self._package = _package(content, limits, parts) if kind == "xlsx" else None
        self._plain = plain_sheets(self._package) if self._package else {}
        if not self._plain:
            parts.clear()  # the general reader unpacks them itself
        self._xls: dict[str, Second] | None = None
        self._serial_days = 0
        if self._package and self._package.sheet_list.date_1904:
            self._serial_days = SERIAL_DAYS_1904

    @cached_property
    def calamine(self) -> CalamineWorkbook:
        """The general reader, with the workbook opened."""
        content = with_unicode_named(self._content) if self._kind == "xls" else self._content
        return CalamineWorkbook.from_filelike(io.BytesIO(content))

    def pages(self) -> dict[str, bool]:
        """The names of its worksheets in order, and whether they are hidden.

        Where all is plain, the general reader is not troubled.

        Raises:
            CalamineError: the general reader cannot open it.
        """
        if self._package and self._plain:
            return {sheet.name: sheet.hidden for sheet in self._package.sheet_list.sheets}
        found = (s for s in self.calamine.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet)
        return {s.name: s.visible != SheetVisibleEnum.Visible for s in found}

    def sheet(self, name: str, hidden: bool) -> Sheet:
        """One of its sheets; what is to be said of it is in its `findings`."""
        plain = self._plain.get(name)
        try:
            sheet = self._plainly(plain, name, hidden) if plain else None
            return sheet or self._generally(name, hidden)
        except CalamineError as error:
            return Sheet(
                name,
                hidden,
                [],
                iter(()),
                findings=[finding("FB-broken", sheet=name, reason=_short(error))],
            )

    def _plainly(self, plain: PlainSheet, name: str, hidden: bool) -> Sheet | None:
        gone = self._struck(name)
        rows = patched(self._plain_rows(plain, name), gone.kept)
        try:
            merged, head = plain.merged, list(islice(rows, HEAD_ROWS))
        except NotPlainError:
            return None
        if len(merged) > self._limits.merged_areas:
            return self._overmerged(name, hidden, len(merged))
        found = (
            [finding("FB-hidden-rows", sheet=name, rows=plain.hidden_rows)]
            if plain.hidden_rows
            else []
        )
        found += gone.findings
        return Sheet(name, hidden, head, rows, merged, findings=found)

    def _struck(self, name: str) -> Struck:
        """What is struck through in a sheet; only of xlsx files it is known.

        Args:
            name: the sheet's.
        """
        if self._package is None:
            return Struck({}, [])
        return struck(self._package, name)

    def _plain_rows(self, plain: PlainSheet, name: str) -> Iterator[Sequence[Cell]]:
        """Its rows; from where it is no longer plain, those of the general reader."""
        try:
            yield from plain.rows()
        except NotPlainError:
            if not plain.n_rows:
                raise
            yield from islice(
                self._checked(self.calamine.get_sheet_by_name(name), name, []), plain.n_rows, None
            )

    def _generally(self, name: str, hidden: bool) -> Sheet:
        page = self.calamine.get_sheet_by_name(name)
        areas = page.merged_cell_ranges or ()
        if len(areas) > self._limits.merged_areas:
            return self._overmerged(name, hidden, len(areas))
        merged = [(top, first, bottom, last) for (top, first), (bottom, last) in areas]
        gone = self._struck(name)
        found = list(gone.findings)
        rows = patched(self._checked(page, name, found), gone.kept)
        return Sheet(
            name,
            hidden,
            list(islice(rows, HEAD_ROWS)),
            rows,
            merged,
            serial_days=self._serial_days,
            findings=found,
        )

    def _overmerged(self, name: str, hidden: bool, n_areas: int) -> Sheet:
        return Sheet(
            name,
            hidden,
            [],
            iter(()),
            findings=[self._limits.over("merged_areas", n_areas, where=name)],
        )

    def _checked(
        self, page: CalamineSheet, name: str, found: list[Finding]
    ) -> Iterator[Sequence[Cell]]:
        """The rows of a sheet.

        Remarks on the whole of it are in `found` once the first row has been taken.
        """
        written = stored(self._package, name) if self._package else None
        if written and written.hidden_rows:
            found.append(finding("FB-hidden-rows", sheet=name, rows=written.hidden_rows))
        look: Second | None = None
        if self._kind == "xls" or (
            self._kind == "xlsx" and (written is None or len(written.error_cells) < written.errors)
        ):
            look = self._look(name)
            if look is None:
                found.append(finding("FB-one-reader", sheet=name))
        expected = look.cells if look else written.cells if written else None
        errors = look.errors if look else written.error_cells if written else {}
        rows = _from_left(page)
        yield from self._counted(patched(rows, errors) if errors else rows, name, expected, look)

    def _counted(
        self, rows: Iterator[Sequence[Cell]], name: str, expected: int | None, look: Second | None
    ) -> Iterator[Sequence[Cell]]:
        count = rows_seen = 0
        for row in rows:
            if cells := len(row) - row.count("") - row.count(None):
                count += cells
                rows_seen += 1
            yield row
        if expected is None or expected == count:
            return
        look = look or self._look(name)
        second = look.cells if look else expected
        if second == count and self._package and has_doubled_cells(self._package, name):
            second = expected
        if second != count:
            raise ReadersDisagreeError(
                finding(
                    "FB-readers-disagree", sheet=name, first=count, second=second, rows=rows_seen
                )
            )

    def _look(self, name: str) -> Second | None:
        if self._kind == "xls":
            if self._xls is None:
                self._xls, self._serial_days = xlrd_look(self._content)
            return self._xls.get(name)
        return openpyxl_look(self._content, name)


def _package(content: bytes, limits: Limits, parts: dict[str, bytearray]) -> Package | None:
    """The package of an xlsx file; None when it cannot be opened, which the readers say."""
    with contextlib.suppress(*PROBLEMS):
        return Package(content, limits, parts)
    return None


def _from_left(page: CalamineSheet) -> Iterator[Sequence[Cell]]:
    """Its rows from column A, whatever the first used column is.

    Blank rows come without any cells, for above a cell far out stand a million of them.
    """
    left = page.start[1] if page.start else 0
    rows: Iterator[list[Any]] = iter(page.iter_rows())
    if not left:
        return rows
    margin: list[Cell] = [None] * left
    return ([] if row.count("") == len(row) else margin + row for row in rows)


def _short(error: Exception) -> str:
    """A parser's own words, cut short and without anything that could be a cell's content."""
    return str(error).split("'")[0].split('"')[0].strip(" :")[:80] or type(error).__name__
