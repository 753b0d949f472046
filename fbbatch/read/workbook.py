"""Workbooks → sheets. python-calamine reads the cells; `fbbatch.read.second` checks that it saw them all.

calamine is many times faster than openpyxl and never trusts `<dimension>`.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read.cellnames import named_cells
from fbbatch.read.formsheet import PREFIX, form_paper, is_form
from fbbatch.read.limits import Limits
from fbbatch.read.second import (
    SERIAL_DAYS_1904,
    EncryptedError,
    Package,
    Second,
    is_encrypted_ods,
    openpyxl_look,
    openpyxl_sheets,
    patched,
    xlrd_look,
    xlrd_sheets,
)
from fbbatch.read.sheet import HEAD_ROWS, Reading, Sheet, sheet_of

IDENTITY_SHEET = "_fbbatch"
_NAMES_OF_A_FORM = 5  # the shortest form has more blanks


def open_workbook(content: bytes, kind: str, limits: Limits, *, second: bool = False) -> Reading | Finding:
    """Open a workbook of kind `xlsx`, `xls`, `xlsb` or `ods`; its sheets are read when they are taken.

    Args:
        content: its bytes.
        kind: what it is.
        limits: how much is too much.
        second: the first reader has died of it; only the second one is asked, and for xlsb and ods there is none.
    """
    if second:
        return _otherwise(content, kind, limits) or finding("FB-broken", reason="no other reader")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError:
        return finding("FB-encrypted")
    except CalamineError as error:
        return _otherwise(content, kind, limits) or finding("FB-broken", reason=_short(error))
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    if len(sheets) > limits.sheets:
        return limits.over("sheets", len(sheets))
    check = _Check(content, kind)
    identity = _identity(workbook.get_sheet_by_name(IDENTITY_SHEET).to_python()) if any(s.name == IDENTITY_SHEET for s in sheets) else {}
    pages = (_sheet(workbook, s.name, s.visible != SheetVisibleEnum.Visible, check, limits) for s in sheets if s.name != IDENTITY_SHEET)
    if is_form(identity) or (kind == "xlsx" and not identity and len(named_cells(content, kind, PREFIX)) >= _NAMES_OF_A_FORM):
        return _form(content, kind, pages, identity, limits)
    return Reading(kind, pages, identity=identity)


def _form(content: bytes, kind: str, sheets: Iterable[Sheet], identity: Mapping[str, str], limits: Limits) -> Reading | Finding:
    """A form of ours, known by its hidden sheet or, copied into another workbook, by the names of its blanks; it is one page, read at once."""
    try:
        paper = form_paper(sheets, named_cells(content, kind, PREFIX), identity, limits)
    except ReadersDisagreeError as error:
        return error.reason
    return paper if isinstance(paper, Finding) else Reading(kind, paper=paper, identity=paper.identity)


def _otherwise(content: bytes, kind: str, limits: Limits) -> Reading | Finding | None:
    """What the second reader makes of a file that the first cannot open; None when it cannot open it either."""
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
    return _form(content, kind, sheets, identity, limits) if is_form(identity) else Reading(kind, sheets, identity=identity)


def _identity(rows: Sequence[Sequence[Cell]]) -> dict[str, str]:
    """What a workbook of ours says of itself: column A the key, column B the value."""
    return {str(row[0]): str(row[1]) for row in rows if len(row) > 1 and row[0] != ""}


def _sheet(workbook: CalamineWorkbook, name: str, hidden: bool, check: "_Check", limits: Limits) -> Sheet:
    try:
        page = workbook.get_sheet_by_name(name)
    except CalamineError as error:
        return Sheet(name, hidden, [], iter(()), findings=[finding("FB-broken", sheet=name, reason=_short(error))])
    areas = page.merged_cell_ranges or ()
    if len(areas) > limits.merged_areas:
        return Sheet(name, hidden, [], iter(()), findings=[limits.over("merged_areas", len(areas), where=name)])
    merged = [(top, first, bottom, last) for (top, first), (bottom, last) in areas]
    rows = check.rows(page, name)
    sheet = Sheet(name, hidden, list(islice(rows, HEAD_ROWS)), rows, merged, serial_days=check.serial_days, findings=check.findings)
    check.findings = []
    return sheet


class _Check:
    """Compares the rows of each sheet with what is stored in the file. Source: RELIABILITY I1."""

    def __init__(self, content: bytes, kind: str) -> None:
        self._content = content
        self._kind = kind
        self._package = Package(content) if kind == "xlsx" else None
        self._xls: dict[str, Second] | None = None
        self.serial_days = SERIAL_DAYS_1904 if self._package and self._package.date_1904 else 0
        self.findings: list[Finding] = []

    def rows(self, page: CalamineSheet, name: str) -> Iterator[Sequence[Cell]]:
        """The rows of a sheet; remarks on the whole of it are in `findings` once the first row has been taken."""
        self.findings = found = []
        stored = self._package.stored(name) if self._package else None
        if stored and stored.hidden_rows:
            found.append(finding("FB-hidden-rows", sheet=name, rows=stored.hidden_rows))
        look: Second | None = None
        if self._kind == "xls" or (self._kind == "xlsx" and (stored is None or len(stored.error_cells) < stored.errors)):
            look = self._look(name)
            if look is None:
                found.append(finding("FB-one-reader", sheet=name))
        expected = look.cells if look else stored.cells if stored else None
        errors = look.errors if look else stored.error_cells if stored else {}
        rows = _from_left(page)
        return self._counted(patched(rows, errors) if errors else rows, name, expected, look)

    def _counted(self, rows: Iterator[Sequence[Cell]], name: str, expected: int | None, look: Second | None) -> Iterator[Sequence[Cell]]:
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
        if second == count and self._package and self._package.has_doubled_cells(name):
            second = expected
        if second != count:
            raise ReadersDisagreeError(finding("FB-readers-disagree", sheet=name, first=count, second=second, rows=rows_seen))

    def _look(self, name: str) -> Second | None:
        if self._kind == "xls":
            if self._xls is None:
                self._xls, self.serial_days = xlrd_look(self._content)
            return self._xls.get(name)
        return openpyxl_look(self._content, name)


class ReadersDisagreeError(Exception):
    """Two readers saw different numbers of filled cells; `reason` is the finding that says so."""

    def __init__(self, reason: Finding) -> None:
        super().__init__(reason.code)
        self.reason = reason


def _from_left(page: CalamineSheet) -> Iterator[Sequence[Cell]]:
    """Its rows from column A, whatever the first used column is; blank ones without any, for above a cell far out stand a million."""
    left = page.start[1] if page.start else 0
    rows: Iterator[Sequence[Cell]] = iter(page.iter_rows())
    return ([] if row.count("") == len(row) else [None] * left + row for row in rows) if left else rows  # type: ignore[operator]


def _short(error: Exception) -> str:
    """A parser's own words, cut short and without anything that could be a cell's content."""
    return str(error).split("'")[0].split('"')[0].strip(" :")[:80] or type(error).__name__
