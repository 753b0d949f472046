"""WorkBook → Excel.

Dates and numbers are real ones, text stays text, charts are native, and the page prints on A4.
"""

import datetime as dt
import io
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from fbbatch.render import look
from fbbatch.render.blocks import CellValue, Chart, Column, Table, WorkBook, WorkSheet, clean

_FORMATS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm",
    "integer": "#,##0",
    "number": "General",
    "percent": "0.0%",
}
_LONGEST = 32_767
_WIDEST, _NARROWEST = 46, 6


def render(book: WorkBook) -> bytes:
    """The workbook as .xlsx; the same content gives the same bytes."""
    buffer = io.BytesIO()
    workbook = new_workbook(buffer, book.title, book.company, book.date)
    looks = Looks(workbook, book.language)
    names: dict[str, str] = {}
    tops = [
        write_sheet(workbook, book, sheet, looks, sheet_name(sheet.name, names))
        for sheet in book.sheets
    ]
    if book.identity:
        _identity(workbook, book, tops, list(names.values()))
    workbook.close()
    return buffer.getvalue()


def _identity(
    workbook: Any, book: WorkBook, header_rows: Sequence[int], names: Sequence[str]
) -> None:
    """The hidden sheet by which a workbook of ours is known when it comes back.

    `header_row` and `columns` are of the first sheet; `header_row:<name>` and `columns:<name>` of
    each sheet with column ids.
    """
    page = workbook.add_worksheet("_fbbatch")
    page.very_hidden()
    told = {**book.identity, "language": book.language}
    for sheet, header_row, name in zip(book.sheets, header_rows, names, strict=True):
        ids = [column.id or "-" for column in sheet.tables[0].columns] if sheet.tables else []
        if any(one != "-" for one in ids):
            told.setdefault("header_row", str(header_row + 1))
            told.setdefault("columns", " ".join(ids))
            told |= {f"header_row:{name}": str(header_row + 1), f"columns:{name}": " ".join(ids)}
    told["editable"] = " ".join(
        sorted(
            {
                c.id
                for sheet in book.sheets
                for table in sheet.tables
                for c in table.columns
                if c.editable
            }
        )
    )
    for row, (key, value) in enumerate(told.items()):
        page.write_string(row, 0, key)
        page.write_string(row, 1, value)


def new_workbook(buffer: io.BytesIO, title: str, company: str, date: dt.date) -> Any:
    """An empty workbook in which text stays text.

    Its properties hold nothing that differs from run to run.
    """
    workbook = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    created = dt.datetime.combine(date, dt.time())
    workbook.set_properties(
        {"title": clean(title), "author": clean(company) or "fbbatch", "created": created}
    )
    return workbook


class Looks:
    """The cell formats of one workbook, made on first use."""

    def __init__(self, workbook: Any, language: str) -> None:
        self._workbook = workbook
        self._font = look.OFFICE_FONTS[language].body if language != "en" else "Calibri"
        self._known: dict[tuple[Any, ...], Any] = {}

    def __call__(self, **properties: Any) -> Any:
        """The format with these properties, on the language's font."""
        key = tuple(sorted(properties.items()))
        if key not in self._known:
            self._known[key] = self._workbook.add_format(
                {"font_name": self._font, "font_size": 10, "valign": "top", **properties}
            )
        return self._known[key]

    def cell(self, column: Column, mark: str) -> Any:
        """The format of a column's cells in a row that is set off by `mark`."""
        properties: dict[str, Any] = {
            "border": 1,
            "border_color": f"#{look.LINE}",
            "text_wrap": True,
            "align": column.align,
        }
        if column.kind in _FORMATS:
            properties["num_format"] = _FORMATS[column.kind]
        if fill := look.BLANK if column.editable and mark != "total" else look.MARKS.get(mark, ""):
            properties["bg_color"] = f"#{fill}"
        if mark == "total":
            properties["bold"] = True
        return self(**properties)

    @property
    def head(self) -> Any:
        """The format of header cells."""
        return self(
            border=1,
            border_color=f"#{look.LINE}",
            text_wrap=True,
            align="center",
            valign="vcenter",
            bold=True,
            bg_color=f"#{look.GREY_HEAD}",
        )


def sheet_name(name: str, taken: dict[str, str]) -> str:
    """A name that Excel takes and that no other sheet has.

    It is added to `taken` (by its lower-case form).
    """
    plain = "".join("_" if c in "[]:*?/\\'" else c for c in clean(name))[:31] or "Sheet"
    number = 1
    while plain.lower() in taken:
        number += 1
        plain = f"{plain[:27]} ({number})"
    taken[plain.lower()] = plain
    return plain


def write_sheet(workbook: Any, book: WorkBook, sheet: WorkSheet, looks: Looks, name: str) -> int:
    """Write a sheet; the row (0-based) of its first table's header."""
    page = workbook.add_worksheet(name)
    header = 0
    widths = _widths(sheet.tables)
    first, last = _title_columns(widths, two_pages=_is_two_pages_wide(book, sheet))
    centre = {"align": "center", "valign": "vcenter"}
    row = 0
    if book.company:
        page.merge_range(row, first, row, last, "", looks(**centre, font_size=12))
        page.write_string(row, first, clean(book.company), looks(**centre, font_size=12))
        row += 1
    page.merge_range(row, first, row, last, "", looks(**centre, font_size=16, bold=True))
    page.write_string(row, first, clean(sheet.title), looks(**centre, font_size=16, bold=True))
    page.set_row(row, 26)
    row += 1
    if book.foot and any(column.editable for table in sheet.tables for column in table.columns):
        page.write_string(row, 0, clean(book.foot), looks(font_size=9, font_color="#595959"))
        row += 1
    for line in sheet.lines:
        page.write_string(row, 0, clean(line), looks())
        row += 1
    places: dict[str, tuple[int, int, Table]] = {}
    for number, table in enumerate(sheet.tables):
        if number:
            row += 1
        if table.title:
            page.write_string(row, 0, clean(table.title), looks(bold=True, font_size=11))
            row += 1
        top = row
        row = _table(page, table, row, looks, widths)
        places[table.title] = (top, row - 1, table)
        if not number:
            header = top + _head_rows(table) - 1
            if sheet.freeze:
                page.freeze_panes(top + _head_rows(table), 2 if len(table.columns) > 16 else 0)
            page.repeat_rows(top, top + _head_rows(table) - 1)
            if len(sheet.tables) == 1 and table.rows and _head_rows(table) == 1:
                page.autofilter(top, 0, row - 1, len(table.columns) - 1)
    for note in sheet.notes:
        page.write_string(row, 0, clean(note), looks(font_size=9, font_color="#595959"))
        row += 1
    row = _charts(workbook, page, sheet, places, row, name)
    if sheet.signatures:
        row += 1
        page.write_string(
            row,
            0,
            "　　　　".join(
                f"{label}{': ' if book.language == 'en' else '：'}＿＿＿＿＿＿"
                for label in sheet.signatures
            ),
            looks(),
        )
    for column, width in enumerate(widths):
        page.set_column(column, column, width)
    _print_setup(page, book, sheet)
    return header


def _title_columns(widths: Sequence[float], *, two_pages: bool) -> tuple[int, int]:
    """The first and last column that the title spans.

    With `two_pages` they are on the first page, and clear of the columns that both pages repeat.
    """
    last = max(len(widths) - 1, 3)
    if not two_pages:
        return 0, last
    half, columns = sum(widths) * 0.4, [n for n in range(len(widths)) if n >= _REPEATED]
    return _REPEATED, max([n for n in columns if sum(widths[: n + 1]) <= half] or [_REPEATED + 1])


def _is_two_pages_wide(book: WorkBook, sheet: WorkSheet) -> bool:
    return (
        bool(book.identity)
        and max((len(t.columns) for t in sheet.tables), default=0) > _TWO_PAGES_WIDE
    )


def _head_rows(table: Table) -> int:
    return 2 if any(c.group for c in table.columns) else 1


def _table(page: Any, table: Table, row: int, looks: Looks, widths: Sequence[float]) -> int:
    """Write header and rows from `row` on; the row after the last."""
    if _head_rows(table) == 2:
        _group_heads(page, table.columns, row, looks)
        row += 1
    for number, column in enumerate(table.columns):
        if not (_head_rows(table) == 2 and not column.group):
            page.write_string(row, number, clean(column.header), looks.head)
    page.set_row(row, 30 if any(len(c.header) > 5 for c in table.columns) else 20)
    row += 1
    formats = {
        (c.kind, c.align, c.editable, mark): looks.cell(c, mark)
        for c in table.columns
        for mark in {"", *table.marks.values()}
    }
    for number, values in enumerate(table.rows):
        mark = table.marks.get(number, "")
        if (height := _height(values, widths)) > _LINE:
            page.set_row(row, height)
        for place, (value, column) in enumerate(zip(values, table.columns, strict=True)):
            write_cell(
                page, row, place, value, formats[column.kind, column.align, column.editable, mark]
            )
        row += 1
    for place, column in enumerate(table.columns):
        if column.options and table.rows:
            first = row - len(table.rows)
            page.data_validation(
                first, place, row - 1, place, {"validate": "list", "source": list(column.options)}
            )
    if not table.rows:
        page.merge_range(
            row,
            0,
            row,
            max(1, len(table.columns) - 1),
            "",
            looks.cell(Column("", align="center"), ""),
        )
        page.write_string(
            row, 0, clean(table.empty or "—"), looks.cell(Column("", align="center"), "")
        )
        row += 1
    return row


def _group_heads(page: Any, columns: Sequence[Column], row: int, looks: Looks) -> None:
    number = 0
    while number < len(columns):
        group, end = columns[number].group, number
        while group and end + 1 < len(columns) and columns[end + 1].group == group:
            end += 1
        text = clean(group or columns[number].header)
        bottom = row if group else row + 1
        if (bottom, end) != (row, number):
            page.merge_range(row, number, bottom, end, "", looks.head)
        page.write_string(row, number, text, looks.head)
        number = end + 1


def write_cell(page: Any, row: int, column: int, value: CellValue, form: Any) -> None:
    """Write a value as what it is: dates and numbers as such.

    Text is written as text whatever it looks like.
    """
    if value is None or value == "":
        page.write_blank(row, column, None, form)
    elif isinstance(value, dt.datetime):
        page.write_datetime(row, column, value.replace(tzinfo=None), form)
    elif isinstance(value, dt.date):
        page.write_datetime(row, column, dt.datetime.combine(value, dt.time()), form)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, form)
    else:
        text = clean(value)
        page.write_string(
            row,
            column,
            text if len(text) <= _LONGEST else text[: _LONGEST - 20] + "…［見台賬 ledger］",
            form,
        )


def _charts(
    workbook: Any,
    page: Any,
    sheet: WorkSheet,
    places: dict[str, tuple[int, int, Table]],
    row: int,
    name: str,
) -> int:
    if not sheet.charts:
        return row
    row += 1
    across = 0
    for chart in sheet.charts:
        top, _, table = places[chart.table]
        _chart(
            workbook,
            page,
            chart,
            (top + _head_rows(table), _last_plain(table, top)),
            table,
            name,
            (row, across),
        )
        across += _CHART_WIDTH + 10
    return row + 16


_CHART_WIDTH = 470  # pixels


def _last_plain(table: Table, top: int) -> int:
    """The last row of the table that is no total."""
    rows = [n for n in range(len(table.rows)) if table.marks.get(n) != "total"]
    return top + _head_rows(table) + (rows[-1] if rows else 0)


def _chart(
    workbook: Any,
    page: Any,
    chart: Chart,
    span: tuple[int, int],
    table: Table,
    name: str,
    place: tuple[int, int],
) -> None:
    drawn = workbook.add_chart(
        {"type": chart.kind, **({"subtype": "stacked"} if chart.stacked else {})}
    )
    for number, column in enumerate(chart.series):
        drawn.add_series(
            {
                "name": clean(table.columns[column].header),
                "categories": [name, span[0], 0, span[1], 0],
                "values": [name, span[0], column, span[1], column],
                "gap": 60,
                **(
                    {"fill": {"color": chart.colours[number]}}
                    if number < len(chart.colours)
                    else {}
                ),
                "data_labels": {"value": not chart.stacked},
            }
        )
    drawn.set_title({"name": clean(chart.title), "name_font": {"size": 11}, "overlay": False})
    drawn.set_legend({"position": "bottom"} if len(chart.series) > 1 else {"none": True})
    drawn.set_y_axis(
        {"num_format": "0", "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}}
    )
    drawn.set_size({"width": _CHART_WIDTH, "height": 300})
    page.insert_chart(place[0], 0, drawn, {"object_position": 1, "x_offset": place[1]})


def _text_width(text: str) -> int:
    return max(
        (
            sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in line)
            for line in text.split("\n")
        ),
        default=0,
    )


_TWO_PAGES_WIDE = 24
_REPEATED = 2  # columns that stand on both pages: serial and case number
_LINE, _TALLEST = 15.0, 409.0
_TEXT_LINE = 14.25  # of 10 points


def _height(values: Sequence[CellValue], widths: Sequence[float]) -> float:
    """The height in points of a row whose texts wrap; Excel's own limit is 409."""
    lines = 1
    for value, width in zip(values, widths, strict=False):
        if isinstance(value, str) and (len(value) * 2 > width or "\n" in value):
            lines = max(
                lines,
                sum(
                    max(1, math.ceil(_text_width(line) / (width - 1))) for line in value.split("\n")
                ),
            )
    return min(_TALLEST, lines * _TEXT_LINE + 1.5)


def _widths(tables: Sequence[Table]) -> list[float]:
    """Column widths in characters: what is in them, between 6 and 46; long texts wrap."""
    widths: list[float] = []
    for table in tables:
        for number, column in enumerate(table.columns):
            texts = [
                10
                if isinstance(r[number], dt.date) and not isinstance(r[number], dt.datetime)
                else _text_width(str(r[number] or ""))
                for r in table.rows[:400]
            ]
            content = sorted(texts)[min(len(texts) - 1, int(len(texts) * 0.98))] if texts else 0
            head = _text_width(column.header)
            wanted = (
                min(max(content, min(head, 12) if head > 12 else head, _NARROWEST), _WIDEST) + 2
            )
            if number < len(widths):
                widths[number] = max(widths[number], wanted)
            else:
                widths.append(wanted)
    return widths


def _print_setup(page: Any, book: WorkBook, sheet: WorkSheet) -> None:
    if sheet.landscape:
        page.set_landscape()
    n_columns = max((len(t.columns) for t in sheet.tables), default=0)
    page.set_paper(8 if n_columns > 16 else 9)  # A3, A4
    if two_pages := _is_two_pages_wide(book, sheet):
        page.repeat_columns(0, _REPEATED - 1)
    page.fit_to_pages(2 if two_pages else 1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    page.hide_gridlines(2)
    words = look.PAGE_WORDS[book.language].format("&P", "&N")
    page.set_footer(f"&L{footer_text(book.foot or book.form_number)}&R{words}")


def footer_text(text: str) -> str:
    """Text for a header or footer, where `&` begins a code."""
    return clean(text).replace("&", "&&")
