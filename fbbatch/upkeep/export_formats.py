"""Rows of plain data → the files of an export: csv, jsonl, xlsx. The same rows give the same bytes.

What was submitted stays text. In csv a text that a spreadsheet program would take for a formula
gets an apostrophe in front; a text that begins with an apostrophe gets one, too, so that taking one
leading apostrophe away gives the original.
"""

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson
import xlsxwriter

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
_MOST_ROWS = 1_048_575
_LONGEST = 32_000
_LARGEST = 10**15
LONG = "long_texts"


class ExportTable(NamedTuple):
    """A table to write; `heads` are what people read above the columns, in the columns' order."""

    name: str
    columns: Sequence[str]
    heads: Sequence[str]
    rows: Iterable[dict[str, Any]]


class TableWriter(Protocol):
    """Writes tables one after another."""

    def write(self, table: ExportTable) -> int:
        """Write a table; how many rows it had."""

    def close(self) -> None:
        """Finish."""


def harmless(text: str) -> str:
    """A text that no spreadsheet program takes for a formula; `plain` gives it back."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def plain(text: str) -> str:
    """What `harmless` was given."""
    return text.removeprefix("'")


def flat(value: Any) -> str | int | float:
    """A value for one cell: lists and mappings as JSON, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


class CsvWriter:
    """One .csv for each table: UTF-8 with BOM, comma, CRLF, every text quoted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, table: ExportTable) -> int:
        """Write a table; how many rows it had."""
        number = 0
        path = self._folder / f"{table.name}.csv"
        with path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
            out = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
            out.writerow([harmless(head) for head in table.heads])
            for row in table.rows:
                number += 1
                cells = [flat(row.get(name)) for name in table.columns]
                out.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
        return number

    def close(self) -> None:
        """Nothing is left to do."""


class JsonlWriter:
    """One .jsonl for each table: a JSON object a line, by column id.

    Nothing is lost or turned into something else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, table: ExportTable) -> int:
        """Write a table; how many rows it had."""
        number = 0
        with (self._folder / f"{table.name}.jsonl").open("wb") as stream:
            for row in table.rows:
                number += 1
                stream.write(orjson.dumps(row, default=str) + b"\n")
        return number

    def close(self) -> None:
        """Nothing is left to do."""


class XlsxWriter:
    """One workbook with a sheet for each table; texts are only ever texts.

    What is too long for a cell goes to a sheet of its own.
    """

    def __init__(self, folder: Path, made: dt.datetime) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(
            str(folder / "ledger.xlsx"), {**options, "tmpdir": str(folder)}
        )
        self._book.set_properties({"created": made.replace(tzinfo=None)})
        self._head = self._book.add_format({"bold": True})
        self._long: list[tuple[str, int, str, str]] = []

    def write(self, table: ExportTable) -> int:
        """Write a table; how many rows it had. A sheet that is full is continued on another."""
        number = 0
        page = self._page(table.name, table.heads)
        for number, row in enumerate(table.rows, 1):
            if number > 1 and (number - 1) % _MOST_ROWS == 0:
                page = self._page(f"{table.name}_{(number - 1) // _MOST_ROWS + 1}", table.heads)
            line = (number - 1) % _MOST_ROWS + 1
            for column, name in enumerate(table.columns):
                self._cell(page, line, column, flat(row.get(name)), (table.name, number, name))
        return number

    def _page(self, name: str, heads: Sequence[str]) -> Any:
        page = self._book.add_worksheet(name[:31])
        page.freeze_panes(1, 0)
        for column, head in enumerate(heads):
            page.write_string(0, column, head[:_LONGEST], self._head)
        return page

    def _cell(
        self,
        page: Any,
        line: int,
        column: int,
        value: str | int | float,
        place: tuple[str, int, str],
    ) -> None:
        if value == "":
            return
        if isinstance(value, str):
            if len(value.encode("utf-16-le", "surrogatepass")) // 2 > _LONGEST:
                self._long.append((*place, value))
                value = f"→ {LONG}"
            page.write_string(line, column, value.encode("utf-8", "backslashreplace").decode())
        elif abs(value) < _LARGEST:
            page.write_number(line, column, value)
        else:
            page.write_string(line, column, str(value))

    def close(self) -> None:
        """Write the long texts in parts, and the file."""
        if self._long:
            page = self._page(LONG, ("table", "row", "column", "part", "text"))
            line = 0
            for table, row, column, text in self._long:
                size = _LONGEST // 2  # so that it fits whatever characters it is made of
                for part, start in enumerate(range(0, len(text), size), 1):
                    line += 1
                    for place, value in enumerate(
                        (table, str(row), column, str(part), text[start : start + size])
                    ):
                        page.write_string(line, place, value)
        self._book.close()
