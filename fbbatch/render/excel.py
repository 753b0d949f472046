"""WorkBook → Excel.

Dates and numbers are real ones, text stays text, charts are native, and the page prints on A4.
"""

import datetime as dt
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import xlsxwriter

from fbbatch.render import look
from fbbatch.render.blocks import CellValue, Chart, Column, Table, WorkBook, WorkSheet, clean
from fbbatch.render.words import page_number, text_width
from fbbatch.wording import say

_FORMATS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm",
    "integer": "#,##0",
    "number": "General",
    "percent": "0.0%",
}
_NOT_IN_SHEET_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))
_LONGEST = 32_767
_GREY = "#595959"
_WIDEST, _NARROWEST = 46, 6


def render(book: WorkBook) -> bytes:
    """The workbook as .xlsx; the same content gives the same bytes."""
    buffer = io.BytesIO()
    workbook = new_workbook(buffer, book.title, book.company, book.date)
    looks = CellFormats(workbook, book.language)
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
        if not sheet.tables:
            continue
        ids = [column.id or "-" for column in sheet.tables[0].columns]
        if any(one != "-" for one in ids):
            place = str(header_row + 1)
            columns = " ".join(ids)
            told.setdefault("header_row", place)
            told.setdefault("columns", columns)
            told[f"header_row:{name}"] = place
            told[f"columns:{name}"] = columns
    told["editable"] = " ".join(sorted(_editable(book)))
    for row, (key, value) in enumerate(told.items()):
        page.write_string(row, 0, key)
        page.write_string(row, 1, value)


def _editable(book: WorkBook) -> set[str]:
    """The ids of the columns that may be edited."""
    ids: set[str] = set()
    for sheet in book.sheets:
        for table in sheet.tables:
            ids.update(column.id for column in table.columns if column.editable)
    return ids


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


class CellFormats:
    """The cell formats of one workbook, made on first use."""

    def __init__(self, workbook: Any, language: str) -> None:
        self._workbook = workbook
        self._font = "Calibri"
        if language != "en":
            self._font = look.OFFICE_FONTS[language].body
        self._known: dict[tuple[Any, ...], Any] = {}

    def __call__(self, **properties: Any) -> Any:
        """The format with these properties, on the language's font."""
        key = tuple(sorted(properties.items()))
        if key not in self._known:
            self._known[key] = self._workbook.add_format(
                {"font_name": self._font, "font_size": 10, "valign": "top", **properties}
            )
        return self._known[key]

    def centred(self, size: int, *, bold: bool = False) -> Any:
        """The format of a line in the middle, above the tables."""
        properties: dict[str, Any] = {
            "align": "center",
            "valign": "vcenter",
            "font_size": size,
        }
        if bold:
            properties["bold"] = True
        return self(**properties)

    @property
    def remark(self) -> Any:
        """The format of a line in small letters."""
        return self(font_size=9, font_color=_GREY)

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
        fill = look.MARKS.get(mark, "")
        if column.editable and mark != "total":
            fill = look.BLANK
        if fill:
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
    allowed = clean(name).translate(_NOT_IN_SHEET_NAMES)
    plain = allowed[:31] or "Sheet"
    number = 1
    while plain.lower() in taken:
        number += 1
        plain = f"{plain[:27]} ({number})"
    taken[plain.lower()] = plain
    return plain


class _TableSpan(NamedTuple):
    """Where a table stands: the rows (0-based) of its header and of its values, and after it."""

    table: Table
    top: int
    first: int
    end: int


def write_sheet(
    workbook: Any, book: WorkBook, sheet: WorkSheet, looks: CellFormats, name: str
) -> int:
    """Write a sheet; the row (0-based) of its first table's header."""
    page = workbook.add_worksheet(name)
    widths = _widths(sheet.tables)
    row = _top(page, book, sheet, looks, widths)
    places: list[_TableSpan] = []
    for table in sheet.tables:
        start = row + 1 if places else row
        place = _titled_table(page, table, start, looks, widths)
        places.append(place)
        row = place.end
    if places:
        _keep_in_sight(page, sheet, places[0])
    row = _lines(page, sheet.notes, row, looks.remark)
    row = _charts(workbook, page, sheet, places, row, name)
    if sheet.signatures:
        signatures = _blanks_to_sign(sheet.signatures, book.language)
        page.write_string(row + 1, 0, signatures, looks())
    for column, width in enumerate(widths):
        page.set_column(column, column, width)
    _print_setup(page, book, sheet)
    if not places:
        return 0
    return places[0].first - 1


def _top(
    page: Any, book: WorkBook, sheet: WorkSheet, looks: CellFormats, widths: Sequence[float]
) -> int:
    """Write what stands above the tables; the row after it."""
    span = _title_columns(widths, two_pages=_is_two_pages_wide(book, sheet))
    row = 0
    if book.company:
        _across(page, row, span, book.company, looks.centred(12))
        row += 1
    _across(page, row, span, sheet.title, looks.centred(16, bold=True))
    page.set_row(row, 26)
    row += 1
    if book.foot and _is_editable(sheet):
        row = _lines(page, [book.foot], row, looks.remark)
    return _lines(page, sheet.lines, row, looks())


def _across(page: Any, row: int, span: tuple[int, int], text: str, form: Any) -> None:
    """Write a text over several columns, from the first to the last of `span`."""
    first, last = span
    page.merge_range(row, first, row, last, "", form)
    page.write_string(row, first, clean(text), form)


def _blanks_to_sign(labels: Sequence[str], language: str) -> str:
    colon = say("colon", language)
    return "　　　　".join(f"{label}{colon}＿＿＿＿＿＿" for label in labels)


def _is_editable(sheet: WorkSheet) -> bool:
    """True where people may edit anything."""
    return any(column.editable for table in sheet.tables for column in table.columns)


def _lines(page: Any, lines: Sequence[str], row: int, form: Any) -> int:
    """Write each line into a row; the row after the last."""
    for number, line in enumerate(lines, row):
        page.write_string(number, 0, clean(line), form)
    return row + len(lines)


def _keep_in_sight(page: Any, sheet: WorkSheet, place: _TableSpan) -> None:
    """The header of the first table stays in sight, stands on each page, and filters."""
    table, top, first, end = place
    columns = len(table.columns)
    if sheet.freeze:
        frozen = _REPEATED if columns > _MANY else 0
        page.freeze_panes(first, frozen)
    page.repeat_rows(top, first - 1)
    is_list = len(sheet.tables) == 1 and _head_rows(table) == 1
    if is_list and table.rows:
        page.autofilter(top, 0, end - 1, columns - 1)


def _title_columns(widths: Sequence[float], *, two_pages: bool) -> tuple[int, int]:
    """The first and last column that the title spans.

    With `two_pages` they are on the first page, and clear of the columns that both pages repeat.
    """
    last = max(len(widths) - 1, 3)
    if not two_pages:
        return 0, last
    room = sum(widths) * 0.4
    fitting = [n for n in range(_REPEATED, len(widths)) if sum(widths[: n + 1]) <= room]
    return _REPEATED, max(fitting, default=_REPEATED + 1)


def _is_two_pages_wide(book: WorkBook, sheet: WorkSheet) -> bool:
    """True for a sheet that may come back and has more columns than one page takes."""
    return bool(book.identity) and _n_columns(sheet) > _TWO_PAGES_WIDE


def _n_columns(sheet: WorkSheet) -> int:
    """The columns of the widest table."""
    return max((len(table.columns) for table in sheet.tables), default=0)


def _head_rows(table: Table) -> int:
    """How many rows its header takes: two where columns stand in groups."""
    return 2 if any(column.group for column in table.columns) else 1


def _titled_table(
    page: Any, table: Table, row: int, looks: CellFormats, widths: Sequence[float]
) -> _TableSpan:
    """Write a table from `row` on."""
    if table.title:
        row = _lines(page, [table.title], row, looks(bold=True, font_size=11))
    first = _head(page, table, row, looks)
    if table.rows:
        end = _values(page, table, first, looks, widths)
        _drop_downs(page, table, first, end)
    else:
        end = _no_values(page, table, first, looks)
    return _TableSpan(table, row, first, end)


def _head(page: Any, table: Table, row: int, looks: CellFormats) -> int:
    """Write the header of a table; the row after it."""
    is_grouped = _head_rows(table) == 2
    if is_grouped:
        _group_heads(page, table.columns, row, looks)
        row += 1
    for number, column in enumerate(table.columns):
        if column.group or not is_grouped:
            page.write_string(row, number, clean(column.header), looks.head)
    is_long = any(len(column.header) > 5 for column in table.columns)
    page.set_row(row, 30 if is_long else 20)
    return row + 1


def _values(page: Any, table: Table, row: int, looks: CellFormats, widths: Sequence[float]) -> int:
    """Write the rows of a table; the row after the last."""
    formats: dict[str, list[Any]] = {}
    for mark in ("", *table.marks.values()):
        formats[mark] = [looks.cell(column, mark) for column in table.columns]
    for number, values in enumerate(table.rows):
        forms = formats[table.marks.get(number, "")]
        height = _height(values, widths)
        if height > _LINE:
            page.set_row(row, height)
        for place, (value, form) in enumerate(zip(values, forms, strict=True)):
            write_cell(page, row, place, value, form)
        row += 1
    return row


def _drop_downs(page: Any, table: Table, first: int, end: int) -> None:
    """Let the answers of a column be chosen where it has some."""
    for place, column in enumerate(table.columns):
        if column.options:
            options = {"validate": "list", "source": list(column.options)}
            page.data_validation(first, place, end - 1, place, options)


def _no_values(page: Any, table: Table, row: int, looks: CellFormats) -> int:
    """Write what a table without rows says instead; the row after it."""
    form = looks.cell(Column("", align="center"), "")
    last = max(1, len(table.columns) - 1)
    _across(page, row, (0, last), table.empty or "—", form)
    return row + 1


def _group_heads(page: Any, columns: Sequence[Column], row: int, looks: CellFormats) -> None:
    """Write the upper row of a header: groups over their columns, others down to the lower row."""
    number = 0
    while number < len(columns):
        group = columns[number].group
        end = number
        if group:
            end = _end_of_group(columns, number)
        text = clean(group or columns[number].header)
        bottom = row if group else row + 1
        if bottom > row or end > number:
            page.merge_range(row, number, bottom, end, "", looks.head)
        page.write_string(row, number, text, looks.head)
        number = end + 1


def _end_of_group(columns: Sequence[Column], first: int) -> int:
    """The last of the columns from `first` on that stand in one group."""
    end = first
    while end + 1 < len(columns) and columns[end + 1].group == columns[first].group:
        end += 1
    return end


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
        if len(text) > _LONGEST:
            text = text[: _LONGEST - 20] + "…［見台賬 ledger］"
        page.write_string(row, column, text, form)


def _charts(
    workbook: Any,
    page: Any,
    sheet: WorkSheet,
    places: Sequence[_TableSpan],
    row: int,
    name: str,
) -> int:
    """Draw the charts side by side, each of the table with its title; the row after them."""
    if not sheet.charts:
        return row
    row += 1
    across = 0
    by_title = {place.table.title: place for place in places}
    for chart in sheet.charts:
        place = by_title[chart.table]
        _chart(
            workbook,
            page,
            chart,
            (place.first, _last_plain(place)),
            place.table,
            name,
            (row, across),
        )
        across += _CHART_WIDTH + 10
    return row + 16


_CHART_WIDTH = 470  # pixels


def _last_plain(place: _TableSpan) -> int:
    """The last row of the table that is no total."""
    table = place.table
    rows = [n for n in range(len(table.rows)) if table.marks.get(n) != "total"]
    return place.first + (rows[-1] if rows else 0)


def _chart(
    workbook: Any,
    page: Any,
    chart: Chart,
    span: tuple[int, int],
    table: Table,
    name: str,
    place: tuple[int, int],
) -> None:
    options = {"type": chart.kind}
    if chart.stacked:
        options["subtype"] = "stacked"
    drawn = workbook.add_chart(options)
    for number, column in enumerate(chart.series):
        series: dict[str, Any] = {
            "name": clean(table.columns[column].header),
            "categories": [name, span[0], 0, span[1], 0],
            "values": [name, span[0], column, span[1], column],
            "gap": 60,
            "data_labels": {"value": not chart.stacked},
        }
        if number < len(chart.colours):
            series["fill"] = {"color": chart.colours[number]}
        drawn.add_series(series)
    drawn.set_title({"name": clean(chart.title), "name_font": {"size": 11}, "overlay": False})
    drawn.set_legend({"position": "bottom"} if len(chart.series) > 1 else {"none": True})
    drawn.set_y_axis(
        {"num_format": "0", "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}}
    )
    drawn.set_size({"width": _CHART_WIDTH, "height": 300})
    page.insert_chart(place[0], 0, drawn, {"object_position": 1, "x_offset": place[1]})


_A3, _A4 = 8, 9
_MANY = 16  # columns that are too many for A4
_TWO_PAGES_WIDE = 24
_REPEATED = 2  # columns that stand on both pages: serial and case number
_LINE, _TALLEST = 15.0, 409.0
_TEXT_LINE = 14.25  # of 10 points


def _height(values: Sequence[CellValue], widths: Sequence[float]) -> float:
    """The height in points of a row whose texts wrap; Excel's own limit is 409."""
    lines = 1
    for value, width in zip(values, widths, strict=False):
        if isinstance(value, str) and (len(value) * 2 > width or "\n" in value):
            lines = max(lines, _n_lines(value, width))
    return min(_TALLEST, lines * _TEXT_LINE + 1.5)


def _n_lines(text: str, width: float) -> int:
    """How many lines a text takes in a column."""
    number = 0
    for line in text.split("\n"):
        wrapped = math.ceil(text_width(line) / (width - 1))
        number += max(1, wrapped)
    return number


def _widths(tables: Sequence[Table]) -> list[float]:
    """Column widths in characters: what is in them, between 6 and 46; long texts wrap."""
    widths: list[float] = []
    for table in tables:
        for number, column in enumerate(table.columns):
            texts = sorted(_value_width(row[number]) for row in table.rows[:400])
            content = texts[min(len(texts) - 1, int(len(texts) * 0.98))] if texts else 0
            head = min(text_width(column.header), 12)
            wanted = min(max(content, head, _NARROWEST), _WIDEST) + 2
            if number < len(widths):
                widths[number] = max(widths[number], wanted)
            else:
                widths.append(wanted)
    return widths


def _value_width(value: CellValue) -> int:
    """The width of a cell's content as it is shown."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return 10
    return text_width(str(value or ""))


def _print_setup(page: Any, book: WorkBook, sheet: WorkSheet) -> None:
    """Print on A4 or A3: in the width on one page or two, in the length on as many as it takes."""
    if sheet.landscape:
        page.set_landscape()
    page.set_paper(_A3 if _n_columns(sheet) > _MANY else _A4)
    if _is_two_pages_wide(book, sheet):
        page.repeat_columns(0, _REPEATED - 1)
        page.fit_to_pages(2, 0)
    else:
        page.fit_to_pages(1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    page.hide_gridlines(2)
    foot = footer_text(book.foot or book.form_number)
    page.set_footer(f"&L{foot}&R{page_number('&P', '&N', book.language)}")


def footer_text(text: str) -> str:
    """Text for a header or footer, where `&` begins a code."""
    return clean(text).replace("&", "&&")
