"""A form of ours that is a workbook → the same `Paper` that its Word edition gives.

So nothing else must know which of the two it was. Its blanks are cells with defined names. Names
that a program has left behind, when it moved the cells, are not believed; then there are none, and
what is printed beside each answer tells, as in a document without bookmarks. Source: DESIGN 7.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fbbatch.model import Cell, Finding
from fbbatch.read.limits import Limits
from fbbatch.read.paper import TABLE_BLANK, Blank, Paper
from fbbatch.read.sheet import Sheet
from fbbatch.read.workbook_names import CellPlace

PREFIX = "fb_"
_LABEL = "label:"
_WIDTH = 4  # a grid: label, fact, label, fact

_Rows = list[list[str]]


def form_paper(
    sheets: Iterable[Sheet],
    named: Mapping[str, CellPlace],
    identity: Mapping[str, str],
    limits: Limits,
) -> Paper | Finding:
    """What a form that is a workbook holds.

    Args:
        sheets: of the workbook, without the hidden one of ours.
        named: the cells of its blanks, by the names of these.
        identity: what the hidden sheet says; `label:<name>` is what was printed beside that blank.
        limits: how much is too much.

    Returns:
        The paper: each row of a sheet is a row of a table, or a line where it holds one text only.
        Or the finding that says why it cannot be read.
    """
    pages: dict[str, _Rows] = {}
    cells = chars = 0
    for sheet in sheets:
        rows = pages[sheet.name] = []
        for row in sheet.rows():
            rows.append([_text(cell) for cell in row])
            cells += len(row)
            chars += sum(map(len, rows[-1]))
            if cells > limits.cells or chars > limits.paper_chars:
                return (
                    limits.over("cells", cells)
                    if cells > limits.cells
                    else limits.over("paper_chars", chars)
                )
        if trouble := next((f for f in sheet.findings if f.severity == "error"), None):
            return trouble
    own = {key: value for key, value in identity.items() if not key.startswith(_LABEL)}
    if not pages:
        return Paper(identity=own)
    blanks = _on_pages(named, pages)
    if _is_left_behind(blanks, pages, identity):
        blanks = {}
    blanks |= _inserted(blanks, pages)
    writer = _PaperBuilder(pages, {place: name for name, place in blanks.items()})
    return writer.paper(own)


def _text(cell: Cell) -> str:
    """What a reader sees in a cell: whole numbers without `.0`, days without the time of day."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e16:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.strftime("%Y-%m-%d" if cell.time() == dt.time() else "%Y-%m-%d %H:%M")
    return "" if cell is None else str(cell).replace("_x000D_", "").replace("\r\n", "\n").strip()


def _on_pages(named: Mapping[str, CellPlace], pages: dict[str, _Rows]) -> dict[str, CellPlace]:
    """The places, on the sheets that are there.

    Rows and columns are made long enough for them. A sheet that was renamed without its names is
    taken to be the first one.
    """
    first = next(iter(pages))
    bottom = {sheet: len(rows) + _FAR for sheet, rows in pages.items()}
    found = {
        name: place if place.sheet in pages else place._replace(sheet=first)
        for name, place in named.items()
    }
    found = {
        name: place
        for name, place in found.items()
        if place.row < bottom[place.sheet] and place.column < _FAR
    }
    for place in found.values():
        rows = pages[place.sheet]
        rows += [[] for _ in range(place.row + 1 - len(rows))]
        rows[place.row] += [""] * (place.column + 1 - len(rows[place.row]))
    return found


_FAR = 200  # columns, and rows below the last text; so far out is no blank of ours


def _is_left_behind(
    blanks: Mapping[str, CellPlace], pages: Mapping[str, _Rows], identity: Mapping[str, str]
) -> bool:
    """True where the label of a blank stands elsewhere than beside it.

    Then rows were moved, and the names were not.
    """
    texts = {_folded(text) for rows in pages.values() for row in rows for text in row if text}
    beside = {
        name: _folded(_beside(pages[place.sheet][place.row], place.column))
        for name, place in blanks.items()
    }
    labels = {name: _folded(identity.get(f"{_LABEL}{name}", "")) for name in blanks}
    return any(
        labels[name] in texts and beside[name] != labels[name] for name in blanks if labels[name]
    )


def _beside(row: Sequence[str], column: int) -> str:
    return next((text for text in reversed(row[:column]) if text), "")


def _folded(text: str) -> str:
    return "".join(text.split())


def _inserted(blanks: Mapping[str, CellPlace], pages: Mapping[str, _Rows]) -> dict[str, CellPlace]:
    """The cells of rows that were inserted among the rows of a table or right below them.

    They come after the others.
    """
    columns: dict[str, dict[int, str]] = {}
    rows: dict[str, dict[int, int]] = {}
    sheets: dict[str, str] = {}
    for name, place in blanks.items():
        if match := TABLE_BLANK.fullmatch(name):
            columns.setdefault(match[1], {})[place.column] = match[3]
            rows.setdefault(match[1], {})[place.row] = int(match[2])
            sheets[match[1]] = place.sheet
    found: dict[str, CellPlace] = {}
    taken = {(place.sheet, place.row) for place in blanks.values()}
    for table, known in rows.items():
        grid, number, row = pages[sheets[table]], max(known.values()), min(known)
        while row < len(grid) and (
            row <= max(known) or (any(grid[row]) and (sheets[table], row) not in taken)
        ):
            if row not in known and any(
                grid[row][at] for at in columns[table] if at < len(grid[row])
            ):
                number += 1
                grid[row] += [""] * (max(columns[table]) + 1 - len(grid[row]))
                found |= {
                    f"{table}_{number}_{column}": CellPlace(sheets[table], row, at)
                    for at, column in columns[table].items()
                }
            row += 1
    return found


@dataclass
class _PaperBuilder:
    """Puts the rows of every sheet into tables and lines, and the blanks where they stand."""

    pages: Mapping[str, _Rows]
    names: Mapping[CellPlace, str]
    tables: list[list[list[str]]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)
    is_open: bool = False

    def paper(self, identity: Mapping[str, str]) -> Paper:
        for sheet, rows in self.pages.items():
            self.is_open = False
            for number, row in enumerate(rows):
                self.take(sheet, number, row)
        tables = []
        for table in self.tables:
            width = max(_WIDTH, *map(len, table))
            tables.append(tuple(tuple(row + [""] * (width - len(row))) for row in table))
        return Paper(tuple(self.blanks), tuple(tables), tuple(self.lines), identity=identity)

    def take(self, sheet: str, number: int, row: Sequence[str]) -> None:
        """Take a row: one with one text is a line, one without any ends the table.

        Merged cells count once.
        """
        marks = (
            {at: self.names.get(CellPlace(sheet, number, at)) for at in range(len(row))}
            if self.names
            else {}
        )
        kept = [at for at, text in enumerate(row) if text or marks.get(at)]
        if not kept:
            self.is_open = False
        elif len(kept) == 1 and not marks.get(kept[0]) and not row[kept[0]].isdecimal():
            self.lines += [line.strip() for line in row[kept[0]].split("\n") if line.strip()]
            self.is_open = False
        else:
            self.keep(row, kept, marks)

    def keep(
        self, row: Sequence[str], kept: Sequence[int], marks: Mapping[int, str | None]
    ) -> None:
        if not self.is_open:
            self.tables.append([])
            self.is_open = True
        table = self.tables[-1]
        table.append(
            [row[at] for at in kept] if marks else list(row)
        )  # without names only its place tells an answer's column
        for column, at in enumerate(kept, 1):
            if name := marks.get(at):
                label = "" if TABLE_BLANK.fullmatch(name) else _beside(row, at)
                self.blanks.append(
                    Blank(name, row[at], label, "bookmark", len(self.tables), len(table), column)
                )


def is_form(identity: Mapping[str, str]) -> bool:
    """True for a workbook that is a form about one case."""
    return bool(identity.get("form") and identity.get("case"))
