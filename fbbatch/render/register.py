"""Register → Excel: a sheet of blanks, one that explains them, and a hidden one to be read by.

The blanks have drop-downs and prompts.

The hidden sheet `_fbbatch` says what the workbook is (column A key, column B value), so that it is
recognised when it comes back, whatever it is called by then. From column D on it holds the lists
that are too long for a rule.
Source: 3.1.x, 2.1.4b.
"""

import datetime as dt
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from fbbatch.render import look
from fbbatch.render.blocks import Register, RegisterColumn, WorkBook, clean
from fbbatch.render.excel import (
    CellFormats,
    footer_text,
    new_workbook,
    sheet_name,
    write_cell,
    write_sheet,
)
from fbbatch.render.words import cell_text, page_number, text_width

IDENTITY = "_fbbatch"
"""Name of the hidden sheet."""
_FIRST_LIST = 3  # column D

_KINDS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm",
    "integer": "0",
    "number": "General",
    "text": "@",
}
_FIRST_DAY, _LAST_DAY = dt.date(1990, 1, 1), dt.date(2199, 12, 31)
_MOST = 10**12  # a bound where the schema has none
_SERIAL_WIDTH = 8.0
_SCREEN, _PAGE = 130, 150  # characters across a screen, and an A4 page on its side at full size
_SMALLEST = 0.7  # print in smaller letters is skipped by readers and hard to write into
_LIST_CHARACTERS, _PROMPT_TITLE, _PROMPT = 255, 32, 255  # Excel's own limits


class _Rows(NamedTuple):
    """Where things stand; 0-based rows."""

    header: int
    example: int
    first: int
    last: int


def render(register: Register) -> bytes:
    """The register as .xlsx; the same register gives the same bytes."""
    buffer = io.BytesIO()
    workbook = new_workbook(buffer, register.title, register.company, register.date)
    looks = CellFormats(workbook, register.language)
    names = {IDENTITY: IDENTITY}
    name = sheet_name(register.title, names)
    page = workbook.add_worksheet(name)
    book = WorkBook(
        "register",
        register.title,
        register.company,
        register.language,
        register.date,
        (register.notes,),
        register.form_number,
    )
    write_sheet(workbook, book, register.notes, looks, sheet_name(register.notes.name, names))
    rows = _rows(register)
    _head(page, register, looks, rows)
    _example(page, register, looks, rows)
    _blanks(page, register, looks, rows)
    _whole_days(workbook, page, register, rows)
    identity = workbook.add_worksheet(IDENTITY)
    _identity(identity, register, rows, name)
    _rules(page, identity, register, rows)
    _print_setup(page, register, rows)
    workbook.close()
    return buffer.getvalue()


def _rows(register: Register) -> _Rows:
    header = bool(register.company) + 1 + len(register.lines)
    first = header + 1 + register.n_between
    return _Rows(header, header + 1, first, first + register.n_rows - 1)


def places(register: Register) -> tuple[int, int]:
    """The row (1-based) of the header, and of the first answer."""
    rows = _rows(register)
    return rows.header + 1, rows.first + 1


def _head(page: Any, register: Register, looks: CellFormats, rows: _Rows) -> None:
    """Title, what to know, and the header.

    The title stands in the middle of what a screen shows.
    """
    across, used = 1, _SERIAL_WIDTH
    while across < len(register.entries) and used + register.entries[across - 1].width <= _SCREEN:
        used += register.entries[across - 1].width
        across += 1
    row = 0
    for text, style in (
        (register.company, {"font_size": 12}),
        (register.title, {"font_size": 16, "bold": True}),
    ):
        if text:
            form = looks(align="center", valign="vcenter", **style)
            page.merge_range(row, 0, row, across, "", form)
            page.write_string(row, 0, clean(text), form)
            row += 1
    page.set_row(row - 1, 26)
    for number, line in enumerate(register.lines, row):
        page.write_string(
            number, 1, clean(line), looks(font_color="#404040")
        )  # not in the column that every page repeats
    page.set_column(0, 0, _SERIAL_WIDTH)
    page.write_string(rows.header, 0, clean(register.serial), looks.head)
    for number, entry in enumerate(register.entries, 1):
        page.set_column(number, number, entry.width)
        _header(page, rows.header, number, entry, looks)
    page.set_row(
        rows.header,
        18 + 14 * (max(_lines(e.header + e.mark, e.width) for e in register.entries) - 1) + 4,
    )
    page.freeze_panes(rows.header + 1, 2)


def _header(page: Any, row: int, column: int, entry: RegisterColumn, looks: CellFormats) -> None:
    if entry.mark:
        plain, red = looks(bold=True), looks(bold=True, font_color="#C00000")
        page.write_rich_string(
            row, column, plain, clean(entry.header), red, clean(entry.mark), looks.head
        )
    else:
        page.write_string(row, column, clean(entry.header), looks.head)


def _lines(text: str, width: float) -> int:
    """How many lines a text takes in a column; English words that fit a line are not broken."""
    lines, used, room = 1, 0, max(2, int(width) - 1)
    for word in text.split(" "):
        wide = text_width(word)
        if used and used + 1 + wide > room:
            lines, used = lines + 1, 0
        used += wide + bool(used)
        while used > room:
            lines, used = lines + 1, used - room
    return lines


def _example(page: Any, register: Register, looks: CellFormats, rows: _Rows) -> None:
    grey = {
        "italic": True,
        "font_color": "#808080",
        "border": 1,
        "border_color": f"#{look.LINE}",
        "text_wrap": True,
        "valign": "vcenter",
    }
    page.write_string(rows.example, 0, clean(register.example), looks(align="center", **grey))
    tallest = 1
    for number, entry in enumerate(register.entries, 1):
        write_cell(page, rows.example, number, entry.example, looks(**grey, **_kind(entry)))
        tallest = max(
            tallest, _lines(cell_text(entry.example, entry.kind, register.language), entry.width)
        )
    page.set_row(rows.example, 13.5 * tallest + 4)
    for row in range(rows.example + 1, rows.first):
        for column in range(len(register.entries) + 1):
            page.write_blank(row, column, None, looks(bg_color=f"#{look.GREY_LABEL}"))


def _blanks(page: Any, register: Register, looks: CellFormats, rows: _Rows) -> None:
    """Numbered rows. Their heights stay Excel's own, so that they grow with what is typed."""
    framed = {"border": 1, "border_color": f"#{look.LINE}"}
    serial = looks(align="center", bg_color=f"#{look.GREY_LABEL}", **framed)
    forms = [
        looks(bg_color=f"#{look.BLANK}", text_wrap=True, **framed, **_kind(entry))
        for entry in register.entries
    ]
    for number, row in enumerate(range(rows.first, rows.last + 1), 1):
        page.write_number(row, 0, number, serial)
        told = register.filled[number - 1] if number <= len(register.filled) else ()
        for column, form in enumerate(forms, 1):
            if text := told[column - 1] if told else "":
                page.write_string(row, column, clean(text), form)
            else:
                page.write_blank(row, column, None, form)


def _kind(entry: RegisterColumn) -> dict[str, str]:
    """Text stays text, leading zeros and all."""
    centred = entry.options or entry.kind in {"date", "datetime"}
    return {
        "num_format": _KINDS[entry.kind],
        "align": "center" if centred else "left" if entry.kind == "text" else "right",
    }


def _whole_days(workbook: Any, page: Any, register: Register, rows: _Rows) -> None:
    """A day given without the time of day is shown without 00:00."""
    plain = workbook.add_format({"num_format": _KINDS["date"]})
    for column, entry in enumerate(register.entries, 1):
        if entry.kind == "datetime":
            cell = xl_rowcol_to_cell(rows.example, column, col_abs=True)
            rule = {"type": "formula", "criteria": f"=INT({cell})={cell}", "format": plain}
            page.conditional_format(rows.example, column, rows.last, column, rule)


def _identity(page: Any, register: Register, rows: _Rows, name: str) -> None:
    """What the workbook is, as text. Rows are counted from 1, as Excel shows them."""
    columns = " ".join(["-", *(entry.id for entry in register.entries)])
    places = {
        "sheet": name,
        "header_row": str(rows.header + 1),
        "example_row": str(rows.example + 1),
        "columns": columns,
    }
    for row, (key, value) in enumerate({**register.identity, **places}.items()):
        page.write_string(row, 0, key)
        page.write_string(row, 1, clean(value))
    page.hide()


def _rules(page: Any, hidden: Any, register: Register, rows: _Rows) -> None:
    """Drop-downs, bounds and prompts of every column."""
    n_lists = 0
    for column, entry in enumerate(register.entries, 1):
        source: list[str] | str = [
            cell_text(option, entry.kind, register.language) for option in entry.options
        ]
        if any("," in option for option in source) or len(",".join(source)) > _LIST_CHARACTERS:
            source = _list(hidden, _FIRST_LIST + n_lists, source)
            n_lists += 1
        rule = _rule(entry, source) | {
            "input_title": entry.header[:_PROMPT_TITLE],
            "input_message": entry.prompt[:_PROMPT],
            "error_title": entry.header[:_PROMPT_TITLE],
            "error_message": entry.error[:_PROMPT],
            "error_type": "stop" if entry.closed else "warning",
        }
        page.data_validation(
            rows.example,
            column,
            rows.last,
            column,
            {key: value for key, value in rule.items() if value != ""},
        )


def _list(hidden: Any, column: int, options: Sequence[str]) -> str:
    """Write the options under one another; a reference to them."""
    hidden.write_column(0, column, [clean(option) for option in options])
    return f"='{IDENTITY}'!{xl_range_abs(0, column, len(options) - 1, column)}"


def _rule(entry: RegisterColumn, source: list[str] | str) -> dict[str, Any]:
    """What may be typed into a column, as XlsxWriter wants it."""
    if source:
        return {"validate": "list", "source": source}
    match entry.kind:
        case "date" | "datetime":
            return {
                "validate": "date",
                "criteria": "between",
                "minimum": _FIRST_DAY,
                "maximum": _LAST_DAY,
            }
        case "integer" | "number":
            bounds = (
                -_MOST if entry.low is None else entry.low,
                _MOST if entry.high is None else entry.high,
            )
            low, high = (int(bound) if float(bound).is_integer() else bound for bound in bounds)
            return {
                "validate": "integer" if entry.kind == "integer" else "decimal",
                "criteria": "between",
                "minimum": low,
                "maximum": high,
            }
        case _:
            return {"validate": "any"}


def _print_setup(page: Any, register: Register, rows: _Rows) -> None:
    """A4 on its side, fitted to one page's width, or to as many as leave it legible."""
    width = sum(entry.width for entry in register.entries)
    n_pages = math.ceil(width / (_PAGE / _SMALLEST - _SERIAL_WIDTH))
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(n_pages, 0)
    page.repeat_rows(rows.header)
    page.repeat_columns(0)
    page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    page.hide_gridlines(2)
    foot = footer_text(register.foot or register.form_number)
    page.set_footer(f"&L{foot}&R{page_number('&P', '&N', register.language)}")
